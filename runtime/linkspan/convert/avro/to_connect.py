"""Connect schemas of Avro schemas: the mapping of Confluent's AvroData."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, SCALE, TIME, TIMESTAMP
from linkspan.convert import logical
from linkspan.convert.avro import options as words
from linkspan.convert.avro.from_connect import ANYTHING
from linkspan.convert.avro.model import ABSENT, AvroField, Node, text
from linkspan.convert.avro.options import NAMESPACE, Options, is_union
from linkspan.convert.sum_types import GENERAL_UNION

__all__ = ["branch_name", "connect_schema", "is_map_entry"]

log = logging.getLogger(__name__)

_TYPES: Final = {
    "boolean": Type.BOOLEAN,
    "int": Type.INT32,
    "long": Type.INT64,
    "float": Type.FLOAT32,
    "double": Type.FLOAT64,
    "bytes": Type.BYTES,
    "fixed": Type.BYTES,
    "string": Type.STRING,
    "enum": Type.STRING,
    "array": Type.ARRAY,
    "map": Type.MAP,
    "record": Type.STRUCT,
    "error": Type.STRUCT,
    "union": Type.STRUCT,
}
_SMALL: Final = {"int8": Type.INT8, "int16": Type.INT16}
_LOGICAL_INTS: Final = {"date": DATE, "time-millis": TIME}
_INT_BITS: Final = {Type.INT8: 8, Type.INT16: 16}
_ANYTHING_TEXT: Final = text(ANYTHING)
_DEFAULT_FULL_NAME: Final = f"{NAMESPACE}.{words.DEFAULT_NAME}"
_SINGLE: Final = struct.Struct(">f")
_KEYS: Final = Schema(Type.STRING)


def connect_schema(node: Node, options: Options, version: int | None = None) -> Schema | None:
    """Connect schema of an Avro schema; None for what was written without one.

    Args:
        node: the Avro schema.
        options: settings.
        version: given to the schema when it has none of its own.

    Raises:
        DataError: Connect cannot express it.
    """
    if node.full_name == ANYTHING.name and text(node) == _ANYTHING_TEXT:
        return None
    return _Mapping(options).schema(node, version=version)


def branch_name(node: Node, index: int, options: Options) -> str:
    """Name of the field that stands for a branch of a union."""
    if options.generalized:
        return f"{words.GENERAL_UNION_FIELD}{index}"
    if node.name is not None:
        return node.name if options.enhanced else options.split(node.short_name)[1]
    return node.type


def is_map_entry(node: Node) -> bool:
    """Whether the items of an array are the entries of a map."""
    if node.type != "record":
        return False
    name = f"{NAMESPACE}.{words.MAP_ENTRY}"
    return node.name == name or node.props.get(words.CONNECT_INTERNAL_TYPE) == words.MAP_ENTRY


class _Parts:
    """What a Schema is made of, until all of it is known."""

    def __init__(self, kind: Type, *, name: str | None = None, version: int | None = None) -> None:
        self.kind, self.name, self.version = kind, name, version
        self.parameters: dict[str, str] = {}
        self.fields: list[tuple[str, Schema]] = []
        self.optional = False
        self.doc: str | None = None
        self.default: object = None
        self.keys: Schema | None = None
        self.values: Schema | None = None

    def schema(self) -> Schema:
        return Schema(
            self.kind,
            optional=self.optional,
            default=self.default,
            name=self.name,
            version=self.version,
            doc=self.doc,
            parameters=self.parameters,
            fields=self.fields,
            keys=self.keys,
            values=self.values,
        )


class _Mapping:
    """One run over a schema."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._within: list[Node] = []
        self._unions = 0

    def schema(
        self,
        node: Node,
        *,
        optional: bool = False,
        default: Any = ABSENT,  # noqa: ANN401 - any JSON
        doc: str | None = None,
        version: int | None = None,
    ) -> Schema:
        """Connect schema; ``default`` and ``doc`` are those of the field of a record, if it is one."""
        if node in self._within:
            # Connect's schemas, which are values here, cannot contain themselves
            raise DataError(
                f"The Avro schema {node.full_name} contains itself; recursive schemas cannot be expressed. "
                "Read this topic with another converter"
            )
        if node.type == "union":
            inner = self._only_branch(node)
            if inner is not None:
                nullable = len(node.branches) == 2
                return self.schema(inner, optional=nullable, doc=doc)
        self._within.append(node)
        try:
            parts = self._parts(node)
        finally:
            self._within.pop()
        self._describe(parts, node, default, doc, version)
        parts.optional = parts.optional or optional
        return parts.schema()

    def _only_branch(self, node: Node) -> Node | None:
        branches = node.branches
        if len(branches) == 1 and self._options.flatten:
            return branches[0]
        if len(branches) == 2 and any(branch.type == "null" for branch in branches):
            return next((branch for branch in branches if branch.type != "null"), None)
        return None

    def _parts(self, node: Node) -> _Parts:
        if node.type in ("bytes", "fixed"):
            return _bytes(node)
        if node.type == "int":
            return _int(node)
        if node.type == "long" and node.props.get("logicalType") == "timestamp-millis":
            return _Parts(Type.INT64, name=TIMESTAMP, version=1)
        if node.type == "enum":
            return self._enum(node)
        if node.type == "array":
            return self._array(node)
        if node.type == "union":
            return self._union(node)
        if node.type == "null":
            raise DataError("Standalone null schemas are not supported by this converter")
        parts = _Parts(_TYPES[node.type])
        if node.type == "map":
            parts.keys, parts.values = _KEYS, self.schema(_inner(node))
        elif parts.kind is Type.STRUCT:
            self._record(parts, node)
        return parts

    def _enum(self, node: Node) -> _Parts:
        options = self._options
        parts = _Parts(Type.STRING)
        if options.metadata:
            if node.doc is not None:
                prefix = words.CONNECT_ENUM_DOC if options.field_doc_only else words.ENUM_DOC + node.short_name
                parts.parameters[prefix] = node.doc
            if node.default is not None and not options.field_doc_only:
                parts.parameters[words.ENUM_DEFAULT + node.short_name] = node.default
        name = options.enum_parameter
        parts.parameters[name] = node.full_name
        for index, symbol in enumerate(node.symbols):
            parts.parameters[f"{name}.{symbol}"] = str(index) if options.generalized else symbol
        return parts

    def _array(self, node: Node) -> _Parts:
        inner = _inner(node)
        if not is_map_entry(inner):
            parts = _Parts(Type.ARRAY)
            parts.values = self.schema(inner)
            return parts
        key, value = inner.member(words.KEY), inner.member(words.VALUE)
        if len(inner.fields) != 2 or key is None or value is None:
            raise DataError(
                "Found map encoded as array of key-value pairs, but array elements do not match the expected format."
            )
        parts = _Parts(Type.MAP)
        parts.keys, parts.values = self.schema(key.node), self.schema(value.node)
        return parts

    def _union(self, node: Node) -> _Parts:
        options = self._options
        parts = _Parts(Type.STRUCT, name=words.UNION)
        if options.generalized:
            parts.name = f"{words.GENERAL_UNION_NAME}{self._unions}"
            self._unions += 1
            parts.parameters[GENERAL_UNION] = parts.name
        names = set()
        for index, branch in enumerate(node.branches):
            if branch.type == "null":
                parts.optional = True
                continue
            name = branch_name(branch, index, options)
            if name in names:
                raise DataError("Multiple union schemas map to the Connect union field name")
            names.add(name)
            parts.fields.append((name, self.schema(branch, optional=True)))
        return parts

    def _record(self, parts: _Parts, node: Node) -> None:
        describe = self._options.metadata and not self._options.field_doc_only
        if describe and node.doc is not None:
            parts.parameters[words.RECORD_DOC] = node.doc
        for field in node.fields:
            if describe and field.doc is not None:
                parts.parameters[words.FIELD_DOC + field.name] = field.doc
            parts.fields.append((field.name, self._field(field)))

    def _field(self, field: AvroField) -> Schema:
        made = self.schema(field.node, default=field.default, doc=field.doc)
        own = field.props.get(words.CONNECT_PARAMETERS)
        if not self._options.metadata or not isinstance(own, Mapping):
            return made
        if all(made.parameters.get(str(key)) == str(item) for key, item in own.items()):
            return made
        return _with_parameters(made, {**made.parameters, **{str(key): str(item) for key, item in own.items()}})

    def _describe(
        self,
        parts: _Parts,
        node: Node,
        default: Any,  # noqa: ANN401 - any JSON
        doc: str | None,
        version: int | None,
    ) -> None:
        options, props = self._options, node.props
        if options.field_doc_only:
            parts.doc = next((item for item in (doc, node.doc, props.get(words.CONNECT_DOC)) if item is not None), None)
            if options.metadata and node.doc is not None:
                parts.parameters[words.CONNECT_RECORD_DOC] = node.doc
        elif options.metadata and isinstance(props.get(words.CONNECT_DOC), str):
            parts.doc = props[words.CONNECT_DOC]
        _set_version(parts, props.get(words.CONNECT_VERSION), version)
        if options.metadata:
            _add_parameters(parts, props.get(words.CONNECT_PARAMETERS))
        for key, item in props.items():
            if key.startswith("avro"):
                parts.parameters[key] = item if isinstance(item, str) else str(item)
        is_own_default = default is not ABSENT and words.CONNECT_DEFAULT not in props
        if is_own_default and options.metadata and not options.field_doc_only:
            parts.parameters[words.FIELD_DEFAULT] = "true"
        self._set_name(parts, node)
        self._set_default(parts, node, props.get(words.CONNECT_DEFAULT) if default is ABSENT else default)

    def _set_name(self, parts: _Parts, node: Node) -> None:
        name = node.props.get(words.CONNECT_NAME)
        if name is None and node.name is not None and not (node.type == "fixed" and parts.name == DECIMAL):
            name = node.full_name
        if name is None:
            return
        if not isinstance(name, str):
            raise DataError(f"Invalid schema name: {name}")
        if name.startswith(_DEFAULT_FULL_NAME):
            return
        if parts.name is not None and parts.name != name:
            raise DataError(
                f"Mismatched names: name already added to SchemaBuilder ({parts.name}) differs from name in source "
                f"schema ({name})"
            )
        parts.name = name

    def _set_default(self, parts: _Parts, node: Node, default: Any) -> None:  # noqa: ANN401 - any JSON
        if default is None:
            return
        try:
            # as in the original a wrong default is left out
            bare = parts.schema()
            parts.default = self._default(bare, node, default)
            if parts.default is not None:
                bare.validate(parts.default)
        except (DataError, ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            parts.default = None
            log.warning("Ignoring invalid default for schema %s: %s", node.short_name, error)

    def _default(self, schema: Schema, node: Node, data: Any) -> object:  # noqa: ANN401 - any JSON
        """Connect's value of the JSON of a default."""
        if data is None:
            return None
        if node.type == "union":
            return self._default_of_union(schema, node, data)
        if node.type in ("bytes", "fixed"):
            content = data.encode("latin-1")
            return logical.decimal_of(content, logical.scale_of(schema)) if schema.name == DECIMAL else content
        if node.type == "array":
            return self._default_list(schema, node, data)
        if node.type == "map":
            return {key: self._default(_values(schema), _inner(node), item) for key, item in data.items()}
        if schema.type is Type.STRUCT:
            return {
                field.name: self._default(inner.schema, field.node, data.get(field.name))
                for field, inner in zip(node.fields, schema.fields, strict=True)
            }
        return _plain_default(schema, data)

    def _default_list(self, schema: Schema, node: Node, data: Any) -> object:  # noqa: ANN401 - any JSON
        if not isinstance(data, list):
            raise DataError("Invalid JSON for array default value")
        if schema.type is Type.ARRAY:
            return [self._default(_values(schema), _inner(node), item) for item in data]
        assert schema.keys is not None
        key, value = _inner(node).fields
        return {
            self._default(schema.keys, key.node, entry[0]): self._default(_values(schema), value.node, entry[1])
            for entry in data
        }

    def _default_of_union(self, schema: Schema, node: Node, data: Any) -> object:  # noqa: ANN401 - any JSON
        first = node.branches[0]
        if first.type == "null":
            return None
        if not is_union(schema):
            return self._default(schema, first, data)
        name = branch_name(first, 0, self._options)
        inner = schema.field(name)
        assert inner is not None
        return {name: self._default(inner.schema, first, data)}


def _bytes(node: Node) -> _Parts:
    parts = _Parts(Type.BYTES)
    if str(node.props.get("logicalType")).lower() == "decimal":
        scale, precision = node.props.get("scale"), node.props.get("precision")
        parts = _Parts(Type.BYTES, name=DECIMAL, version=1)
        parts.parameters[SCALE] = str(int(scale)) if _is_number(scale) else "0"
        if precision is not None:
            if not _is_number(precision):
                raise DataError(
                    "precision property must be a JSON Integer. https://avro.apache.org/docs/1.9.1/spec.html#Decimal"
                )
            if int(precision) != words.DEFAULT_PRECISION:
                parts.parameters[words.PRECISION] = str(int(precision))
    if node.type == "fixed":
        parts.parameters[words.FIXED_SIZE] = str(node.size)
    return parts


def _int(node: Node) -> _Parts:
    kind, logical_type = node.props.get(words.CONNECT_TYPE), node.props.get("logicalType")
    if logical_type is not None:
        name = _LOGICAL_INTS.get(str(logical_type).lower())
        return _Parts(Type.INT32, name=name, version=None if name is None else 1)
    if kind is None:
        return _Parts(Type.INT32)
    if kind not in _SMALL:
        raise DataError("Connect type annotation for Avro int field is null")
    return _Parts(_SMALL[kind])


def _set_version(parts: _Parts, written: object, fallback: int | None) -> None:
    if written is not None and not _is_number(written):
        raise DataError(f"Invalid Connect version found: {written}")
    version = fallback if written is None else int(written)
    if version is None or version < 0:
        return
    if parts.version is not None and parts.version != version:
        raise DataError(
            f"Mismatched versions: version already added to SchemaBuilder ({parts.version}) differs from version in "
            f"source schema ({version})"
        )
    parts.version = version


def _add_parameters(parts: _Parts, written: object) -> None:
    if written is None:
        return
    if not isinstance(written, Mapping):
        raise DataError(f"Expected JSON object for schema parameters but found: {written}")
    for key, item in written.items():
        if not isinstance(item, str):
            raise DataError(f"Expected schema parameter values to be strings but found: {item}")
        parts.parameters[key] = item


def _plain_default(schema: Schema, data: Any) -> object:  # noqa: ANN401 - any JSON
    if schema.type is Type.FLOAT32:
        return _SINGLE.unpack(_SINGLE.pack(data))[0]
    if schema.type is Type.FLOAT64:
        return float(data)
    if schema.type in (Type.INT8, Type.INT16):
        bits = _INT_BITS[schema.type]
        cut = int(data) & ((1 << bits) - 1)
        return cut - (1 << bits) if cut >> (bits - 1) else cut
    if schema.name == DATE:
        return logical.date_of(int(data))
    if schema.name == TIME:
        return logical.time_of(int(data))
    if schema.name == TIMESTAMP:
        return logical.timestamp_of(int(data))
    return data


def _with_parameters(schema: Schema, parameters: Mapping[str, str]) -> Schema:
    return Schema(
        schema.type,
        optional=schema.optional,
        default=schema.default,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=parameters,
        fields=[(field.name, field.schema) for field in schema.fields],
        keys=schema.keys,
        values=schema.values,
    )


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _inner(node: Node) -> Node:
    assert node.inner is not None
    return node.inner


def _values(schema: Schema) -> Schema:
    assert schema.values is not None
    return schema.values
