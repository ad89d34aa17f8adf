"""Structs and maps as transforms take them apart, with the original's messages."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from linkspan.api.errors import DataError
from linkspan.api.fields import MEDIUM, Bool, Config, ConfigField
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP, Field, Schema, Type

__all__ = [
    "as_map",
    "changes_before_null",
    "class_name",
    "copier",
    "derived",
    "null_required",
    "null_setting",
    "plain_type",
    "refused",
    "replaces_nulls",
    "schema_text",
    "struct_only",
]

Copier = Callable[[Mapping[str, object]], dict[str, object]]

_BY_TYPE: Final = {
    Type.INT8: "java.lang.Byte",
    Type.INT16: "java.lang.Short",
    Type.INT32: "java.lang.Integer",
    Type.INT64: "java.lang.Long",
    Type.FLOAT32: "java.lang.Float",
    Type.FLOAT64: "java.lang.Double",
    Type.BOOLEAN: "java.lang.Boolean",
    Type.STRING: "java.lang.String",
    Type.BYTES: "[B",
    Type.ARRAY: "java.util.ArrayList",
    Type.MAP: "java.util.HashMap",
    Type.STRUCT: "org.apache.kafka.connect.data.Struct",
}
_BY_NAME: Final = {DECIMAL: "java.math.BigDecimal", **dict.fromkeys((DATE, TIME, TIMESTAMP), "java.util.Date")}
_BY_CLASS: Final[Sequence[tuple[type | tuple[type, ...], str]]] = (
    (str, "java.lang.String"),
    (bool, "java.lang.Boolean"),
    (int, "java.lang.Long"),
    (float, "java.lang.Double"),
    (Mapping, "java.util.HashMap"),
    ((list, tuple), "java.util.ArrayList"),
    ((bytes, bytearray, memoryview), "[B"),
    (decimal.Decimal, "java.math.BigDecimal"),
    ((datetime.date, datetime.time), "java.util.Date"),
)
_TYPES: Final[Sequence[tuple[type | tuple[type, ...], Type]]] = (
    (str, Type.STRING),
    (bool, Type.BOOLEAN),
    (int, Type.INT64),
    (float, Type.FLOAT64),
    (Mapping, Type.MAP),
    ((list, tuple), Type.ARRAY),
    ((bytes, bytearray, memoryview), Type.BYTES),
)


def null_setting() -> ConfigField[bool]:
    """Declares the setting that all transforms share that copy fields."""
    return Bool(
        default=True,
        importance=MEDIUM,
        doc="Whether to replace fields that have a default value and that are null to the default value. When set to "
        "true, the default value is used, otherwise null is used.",
    )


def replaces_nulls(config: Config) -> bool:
    """Whether a null is read as the default of its field."""
    return config.values["replace.null.with.default"] is True


def class_name(value: object, schema: Schema | None = None) -> str:
    """Java's class of a value, which the messages of the original name."""
    if value is None:
        return "null"
    if schema is not None:
        return _BY_NAME.get(schema.name or "") or _BY_TYPE[schema.type]
    return next((name for kind, name in _BY_CLASS if isinstance(value, kind)), type(value).__qualname__)


def plain_type(value: object, transform: str) -> Type:
    """What a value without schema is.

    Raises:
        DataError: nothing that there is a type for; names the transform.
    """
    found = next((kind for cls, kind in _TYPES if isinstance(value, cls)), None)
    if found is None:
        text = f"{transform} transformation was passed a value of type class {class_name(value)} which is not supported"
        raise DataError(f"{text} by Connect's data API")
    return found


def schema_text(schema: Schema) -> str:
    """How Java prints a schema."""
    return f"Schema{{{schema.type.value}}}" if schema.name is None else f"Schema{{{schema.name}:{schema.type.value}}}"


def as_map(value: object, purpose: str) -> Mapping[str, Any]:
    """The value, which is a map.

    Raises:
        DataError: it is none.
    """
    if type(value) is dict or isinstance(value, Mapping):
        return value
    text = f"Only Map objects supported in absence of schema for [{purpose}], found: {class_name(value)}"
    raise DataError(text)


def struct_only(purpose: str, schema: Schema, value: object) -> DataError:
    """The error for a value that is no struct."""
    return DataError(f"Only Struct objects supported for [{purpose}], found: {class_name(value, schema)}")


def refused(purpose: str, schema: Schema) -> Callable[[object], object]:
    """For values of a schema that is no struct's: the error, when there is one."""

    def refuse(value: object) -> object:
        raise struct_only(purpose, schema, value)

    return refuse


def derived(
    schema: Schema | None,
    fields: Iterable[tuple[str, Schema]],
    *,
    optional: bool = False,
    default: Mapping[str, object] | None = None,
) -> Schema:
    """A struct's schema with other fields, and name, version, documentation and parameters of the given one.

    Raises:
        DataError: two fields have the same name, or one has none.
    """
    pairs = list(fields)
    seen: set[str] = set()
    for name, _ in pairs:
        if not name:
            raise DataError("fieldName cannot be null.")
        if name in seen:
            raise DataError(f"Cannot create field because of field name duplication {name}")
        seen.add(name)
    if schema is None:
        return Schema(Type.STRUCT, fields=pairs)
    return Schema(
        Type.STRUCT,
        fields=pairs,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=schema.parameters,
        optional=optional,
        default=default,
    )


def copier(fields: Sequence[tuple[str, Field]], *, replace_nulls: bool, target: Schema | None = None) -> Copier:
    """Function that copies fields of a struct, as a struct is copied in the original.

    Args:
        fields: each with the name that it gets.
        replace_nulls: whether null is read as the default.
        target: the schema that the copy has in the end, when it is not that of the fields.

    Returns:
        the function; it raises DataError for a required field that is null.
    """
    defaults = [
        (name, field.schema.default) for name, field in fields if replace_nulls and field.schema.default is not None
    ]
    replaced = {name for name, _ in defaults}
    kinds = ((name, _kind_of(name, field, target)) for name, field in fields)
    required = {name: kind for name, kind in kinds if not kind.optional and name not in replaced}
    pairs = [(name, field.name) for name, field in fields]
    kept = frozenset(name for name, field in fields if name == field.name)
    is_same = len(kept) == len(fields)

    def copy(struct: Mapping[str, object]) -> dict[str, object]:
        if is_same and struct.keys() == kept:
            copied = dict(struct)
        else:
            get = struct.get
            copied = {name: get(source) for name, source in pairs}
        for name, default in defaults:
            if copied[name] is None:
                copied[name] = default
        if required and None in map(copied.get, required):
            raise _null_in(copied, required)
        return copied

    return copy


def changes_before_null(
    schema: Schema, target: Schema, changes: Mapping[str, Callable[[Any], object]], *, replace_nulls: bool
) -> Callable[[Mapping[str, object]], None]:
    """Function that fails where the original, which goes field by field, fails before it comes to a null.

    Args:
        schema: of the struct.
        target: of the struct that is made of it.
        changes: what is done to fields, by name.
        replace_nulls: whether null is read as the default.

    Returns:
        the function; it raises what a change of a field before the first null raises.
    """
    order = [
        (field.name, not _kind_of(field.name, field, target).optional, field.schema.default if replace_nulls else None)
        for field in schema.fields
    ]

    def change(struct: Mapping[str, object]) -> None:
        for name, required, default in order:
            item = default if struct.get(name) is None else struct[name]
            if item is None and required:
                return
            if item is not None and name in changes:
                changes[name](item)

    return change


def _kind_of(name: str, field: Field, target: Schema | None) -> Schema:
    other = None if target is None else target.field(name)
    return field.schema if other is None else other.schema


def null_required(name: str, schema: Schema) -> DataError:
    """The error for a required field that is null."""
    return DataError(f'Invalid value: null used for required field: "{name}", schema type: {schema.type.value}')


def _null_in(copied: Mapping[str, object], required: Mapping[str, Schema]) -> DataError:
    name = next(name for name in required if copied[name] is None)
    return null_required(name, required[name])
