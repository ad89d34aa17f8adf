"""Schemas as JSON: the ``schema`` part of JsonConverter's envelope (spec/runtime.md 5.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import DataError, Schema, Type

__all__ = ["from_json", "to_json"]

_NAMES: Final = {
    Type.BOOLEAN: "boolean",
    Type.INT8: "int8",
    Type.INT16: "int16",
    Type.INT32: "int32",
    Type.INT64: "int64",
    Type.FLOAT32: "float",
    Type.FLOAT64: "double",
    Type.BYTES: "bytes",
    Type.STRING: "string",
    Type.ARRAY: "array",
    Type.MAP: "map",
    Type.STRUCT: "struct",
}
_TYPES: Final = {name: kind for kind, name in _NAMES.items()}
_TOP_BIT: Final = 1 << 31

Json = dict[str, Any]


def to_json(schema: Schema, write_default: Callable[[Schema, object], object]) -> Json:
    """JSON of a schema, members in Kafka's order.

    Args:
        schema: the schema.
        write_default: JSON of a default value.

    Raises:
        DataError: it contains itself; this format has no words for that.
    """
    if schema.is_recursive:
        raise DataError(
            f"The schema {schema.name or schema.type.value} contains itself, which JsonConverter cannot write. Use a "
            "converter with a schema registry, or schemas.enable=false"
        )
    return _json(schema, write_default)


def _json(schema: Schema, write_default: Callable[[Schema, object], object]) -> Json:
    result: Json = {"type": _NAMES[schema.type]}
    if schema.type is Type.ARRAY and schema.values is not None:
        result["items"] = _json(schema.values, write_default)
    elif schema.type is Type.MAP and schema.keys is not None and schema.values is not None:
        result["keys"] = _json(schema.keys, write_default)
        result["values"] = _json(schema.values, write_default)
    elif schema.type is Type.STRUCT:
        result["fields"] = [{**_json(field.schema, write_default), "field": field.name} for field in schema.fields]
    result["optional"] = schema.optional
    for name in ("name", "version", "doc"):
        if (part := getattr(schema, name)) is not None:
            result[name] = part
    if schema.parameters:
        result["parameters"] = dict(schema.parameters)
    if schema.default is not None:
        result["default"] = write_default(schema, schema.default)
    return result


def from_json(data: object, read_default: Callable[[Schema, object], object]) -> Schema | None:
    """Schema of a JSON value; null means no schema.

    Args:
        data: the parsed ``schema`` member.
        read_default: value of a default's JSON.

    Raises:
        DataError: it is no schema; the message names the member at fault.
    """
    if data is None:
        return None
    if not isinstance(data, Mapping) or not isinstance(data.get("type"), str):
        raise DataError("Schema must contain 'type' field")
    kind = _TYPES.get(data["type"])
    if kind is None:
        raise DataError(f"Unknown schema type: {data.get('type')}")
    bare = Schema(kind, **_parts(data), **_inner(kind, data, read_default))
    default = data.get("default")
    if default is None:
        return bare
    return Schema(kind, default=read_default(bare, default), **_parts(data), **_inner(kind, data, read_default))


def _parts(data: Mapping[str, Any]) -> Json:
    optional, name, version, doc = (data.get(member) for member in ("optional", "name", "version", "doc"))
    parameters = data.get("parameters")
    if isinstance(parameters, Mapping) and not all(isinstance(item, str) for item in parameters.values()):
        raise DataError("Schema parameters must have string values.")
    # As in the original, a member of another type counts as missing, and a version is cut to 32 bits.
    return {
        "optional": optional is True,
        "name": name if isinstance(name, str) else None,
        "version": (version + _TOP_BIT) % (2 * _TOP_BIT) - _TOP_BIT if type(version) is int else None,
        "doc": doc if isinstance(doc, str) else None,
        "parameters": parameters if isinstance(parameters, Mapping) else None,
    }


def _inner(kind: Type, data: Mapping[str, Any], read_default: Callable[[Schema, object], object]) -> Json:
    if kind is Type.ARRAY:
        return {"values": _required(data, "items", "Array schema did not specify the element type", read_default)}
    if kind is Type.MAP:
        keys = _required(data, "keys", "Map schema did not specify the key type", read_default)
        values = _required(data, "values", "Map schema did not specify the value type", read_default)
        return {"keys": keys, "values": values}
    if kind is not Type.STRUCT:
        return {}
    fields = data.get("fields")
    if not isinstance(fields, list):
        raise DataError('Struct schema\'s "fields" argument is not an array.')
    pairs = []
    for field in fields:
        name = field.get("field") if isinstance(field, Mapping) else None
        if not isinstance(name, str):
            raise DataError("Struct schema's field name not specified properly")
        inner = from_json(field, read_default)
        assert inner is not None
        pairs.append((name, inner))
    return {"fields": pairs}


def _required(
    data: Mapping[str, Any], member: str, refusal: str, read_default: Callable[[Schema, object], object]
) -> Schema:
    inner = from_json(data.get(member), read_default)
    if inner is None:
        raise DataError(refusal)
    return inner
