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
from linkspan.convert.drafts import Draft
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
    try:
        return _Mapping(options).draft(node, version=version).schema()
    except RecursionError:
        raise DataError(
            f"The Avro schema {node.full_name} contains itself in a way that Connect cannot express: where there is no "
            "array, union or map with keys that are text between. Read this topic with another converter"
        ) from None


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


class _Mapping:
    """One run over a schema.

    A record is mentioned again where it stands in a union, an array or a map within itself. As in the original one that
    is a field as it is, is gone through again, and a map whose keys are no text is a run of its own.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._unions = 0
        self._open: dict[int, Draft] = {}
        self._cyclic: set[int] = set()

    def draft(
        self,
        node: Node,
        *,
        optional: bool = False,
        default: Any = ABSENT,  # noqa: ANN401 - any JSON
        doc: str | None = None,
        version: int | None = None,
    ) -> Draft:
        """Draft of a Connect schema; ``default`` and ``doc`` are those of the field of a record, if it is one."""
        if node.type == "union":
            inner = self._only_branch(node)
            if inner is not None:
                return self._inner(inner, optional=len(node.branches) == 2, doc=doc)
        made = self._made(node)
        self._describe(made, node, default, doc, version)
        made.optional = made.optional or optional
        if id(node) not in self._cyclic:
            self._open.pop(id(node), None)
        return made

    def _inner(self, node: Node, *, optional: bool = False, doc: str | None = None) -> Draft:
        """The same for what is within a union, an array or a map, where a record is mentioned rather than repeated."""
        known = self._open.get(id(node))
        if known is not None:
            self._cyclic.add(id(node))
            return known.again(optional=optional)
        return self.draft(node, optional=optional, doc=doc)

    def _only_branch(self, node: Node) -> Node | None:
        branches = node.branches
        if len(branches) == 1 and self._options.flatten:
            return branches[0]
        if len(branches) == 2 and any(branch.type == "null" for branch in branches):
            return next((branch for branch in branches if branch.type != "null"), None)
        return None

    def _made(self, node: Node) -> Draft:
        if node.type in ("bytes", "fixed"):
            return _bytes(node)
        if node.type == "int":
            return _int(node)
        if node.type == "long" and node.props.get("logicalType") == "timestamp-millis":
            return Draft(Type.INT64, name=TIMESTAMP, version=1)
        if node.type == "enum":
            return self._enum(node)
        if node.type == "array":
            return self._array(node)
        if node.type == "union":
            return self._union(node)
        if node.type == "null":
            raise DataError("Standalone null schemas are not supported by this converter")
        made = Draft(_TYPES[node.type])
        if node.type == "map":
            made.keys, made.values = Draft(Type.STRING), self._inner(_inner(node))
        elif made.type is Type.STRUCT:
            self._record(made, node)
        return made

    def _enum(self, node: Node) -> Draft:
        options = self._options
        made = Draft(Type.STRING)
        if options.metadata:
            if node.doc is not None:
                prefix = words.CONNECT_ENUM_DOC if options.field_doc_only else words.ENUM_DOC + node.short_name
                made.parameters[prefix] = node.doc
            if node.default is not None and not options.field_doc_only:
                made.parameters[words.ENUM_DEFAULT + node.short_name] = node.default
        name = options.enum_parameter
        made.parameters[name] = node.full_name
        for index, symbol in enumerate(node.symbols):
            made.parameters[f"{name}.{symbol}"] = str(index) if options.generalized else symbol
        return made

    def _array(self, node: Node) -> Draft:
        inner = _inner(node)
        if not is_map_entry(inner):
            made = Draft(Type.ARRAY)
            made.values = self._inner(inner)
            return made
        key, value = inner.member(words.KEY), inner.member(words.VALUE)
        if len(inner.fields) != 2 or key is None or value is None:
            raise DataError(
                "Found map encoded as array of key-value pairs, but array elements do not match the expected format."
            )
        made = Draft(Type.MAP)
        made.keys, made.values = (_Mapping(self._options).draft(part.node) for part in (key, value))
        return made

    def _union(self, node: Node) -> Draft:
        options = self._options
        made = Draft(Type.STRUCT, name=words.UNION)
        if options.generalized:
            made.name = f"{words.GENERAL_UNION_NAME}{self._unions}"
            self._unions += 1
            made.parameters[GENERAL_UNION] = made.name
        names = set()
        for index, branch in enumerate(node.branches):
            if branch.type == "null":
                made.optional = True
                continue
            name = branch_name(branch, index, options)
            if name in names:
                raise DataError("Multiple union schemas map to the Connect union field name")
            names.add(name)
            made.fields.append((name, self._inner(branch, optional=True)))
        return made

    def _record(self, made: Draft, node: Node) -> None:
        self._open[id(node)] = made
        describe = self._options.metadata and not self._options.field_doc_only
        if describe and node.doc is not None:
            made.parameters[words.RECORD_DOC] = node.doc
        for field in node.fields:
            if describe and field.doc is not None:
                made.parameters[words.FIELD_DOC + field.name] = field.doc
            made.fields.append((field.name, self._field(field)))

    def _field(self, field: AvroField) -> Draft:
        made = self.draft(field.node, default=field.default, doc=field.doc)
        own = field.props.get(words.CONNECT_PARAMETERS)
        if not self._options.metadata or not isinstance(own, Mapping):
            return made
        parameters = {str(key): str(item) for key, item in own.items()}
        if made.type is Type.STRUCT:
            return made.again(optional=made.optional, parameters=parameters)
        made.parameters.update(parameters)
        return made

    def _describe(
        self,
        made: Draft,
        node: Node,
        default: Any,  # noqa: ANN401 - any JSON
        doc: str | None,
        version: int | None,
    ) -> None:
        options, props = self._options, node.props
        if options.field_doc_only:
            made.doc = next((item for item in (doc, node.doc, props.get(words.CONNECT_DOC)) if item is not None), None)
            if options.metadata and node.doc is not None:
                made.parameters[words.CONNECT_RECORD_DOC] = node.doc
        elif options.metadata and isinstance(props.get(words.CONNECT_DOC), str):
            made.doc = props[words.CONNECT_DOC]
        _set_version(made, props.get(words.CONNECT_VERSION), version)
        if options.metadata:
            _add_parameters(made, props.get(words.CONNECT_PARAMETERS))
        for key, item in props.items():
            if key.startswith("avro"):
                made.parameters[key] = item if isinstance(item, str) else str(item)
        is_own_default = default is not ABSENT and words.CONNECT_DEFAULT not in props
        if is_own_default and options.metadata and not options.field_doc_only:
            made.parameters[words.FIELD_DEFAULT] = "true"
        self._set_name(made, node)
        self._set_default(
            made, node, _own_default(node, props.get(words.CONNECT_DEFAULT)) if default is ABSENT else default
        )

    def _set_name(self, made: Draft, node: Node) -> None:
        name = node.props.get(words.CONNECT_NAME)
        if name is None and node.name is not None and not (node.type == "fixed" and made.name == DECIMAL):
            name = node.full_name
        if name is None:
            return
        if not isinstance(name, str):
            raise DataError(f"Invalid schema name: {name}")
        if name.startswith(_DEFAULT_FULL_NAME):
            return
        if made.name is not None and made.name != name:
            raise DataError(
                f"Mismatched names: name already added to SchemaBuilder ({made.name}) differs from name in source "
                f"schema ({name})"
            )
        made.name = name

    def _set_default(self, made: Draft, node: Node, default: Any) -> None:  # noqa: ANN401 - any JSON
        if default is None:
            return
        try:
            # as in the original a wrong default is left out
            bare = made.schema()
            made.default = self._default(bare, node, default)
            if made.default is not None:
                bare.validate(made.default)
        except (DataError, ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            made.default = None
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


def _bytes(node: Node) -> Draft:
    made = Draft(Type.BYTES)
    if str(node.props.get("logicalType")).lower() == "decimal":
        scale, precision = node.props.get("scale"), node.props.get("precision")
        made = Draft(Type.BYTES, name=DECIMAL, version=1)
        made.parameters[SCALE] = str(int(scale)) if _is_number(scale) else "0"
        if precision is not None:
            if not _is_number(precision):
                raise DataError(
                    "precision property must be a JSON Integer. https://avro.apache.org/docs/1.9.1/spec.html#Decimal"
                )
            if int(precision) != words.DEFAULT_PRECISION:
                made.parameters[words.PRECISION] = str(int(precision))
    if node.type == "fixed":
        made.parameters[words.FIXED_SIZE] = str(node.size)
    return made


def _int(node: Node) -> Draft:
    kind, logical_type = node.props.get(words.CONNECT_TYPE), node.props.get("logicalType")
    if logical_type is not None:
        name = _LOGICAL_INTS.get(str(logical_type).lower())
        return Draft(Type.INT32, name=name, version=None if name is None else 1)
    if kind is None:
        return Draft(Type.INT32)
    if kind not in _SMALL:
        raise DataError("Connect type annotation for Avro int field is null")
    return Draft(_SMALL[kind])


def _set_version(made: Draft, written: object, fallback: int | None) -> None:
    if written is not None and not _is_number(written):
        raise DataError(f"Invalid Connect version found: {written}")
    version = fallback if written is None else int(written)
    if version is None or version < 0:
        return
    if made.version is not None and made.version != version:
        raise DataError(
            f"Mismatched versions: version already added to SchemaBuilder ({made.version}) differs from version in "
            f"source schema ({version})"
        )
    made.version = version


def _add_parameters(made: Draft, written: object) -> None:
    if written is None:
        return
    if not isinstance(written, Mapping):
        raise DataError(f"Expected JSON object for schema parameters but found: {written}")
    for key, item in written.items():
        if not isinstance(item, str):
            raise DataError(f"Expected schema parameter values to be strings but found: {item}")
        made.parameters[key] = item


def _plain_default(schema: Schema, data: Any) -> object:  # noqa: ANN401 - any JSON
    if schema.type is Type.FLOAT32:
        return _SINGLE.unpack(_SINGLE.pack(float(data)))[0]  # infinities are texts
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


def _own_default(node: Node, data: Any) -> Any:  # noqa: ANN401 - any JSON
    """A default that a type has by itself: as in the original an infinite one, which is a text there, is 0."""
    return 0.0 if node.type in ("float", "double") and isinstance(data, str) else data


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _inner(node: Node) -> Node:
    assert node.inner is not None
    return node.inner


def _values(schema: Schema) -> Schema:
    assert schema.values is not None
    return schema.values
