"""Avro schemas of Connect schemas: the mapping of Confluent's AvroData."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.convert import logical
from linkspan.convert.avro import options as words
from linkspan.convert.avro.model import ABSENT, NULL, AvroField, Node, is_valid_default
from linkspan.convert.avro.options import NAMESPACE, Options, is_enum, is_fixed, is_union
from linkspan.convert.java_spelling import Single

__all__ = ["ANYTHING", "avro_schema"]

_TYPES: Final = {
    Type.INT8: "int",
    Type.INT16: "int",
    Type.INT32: "int",
    Type.INT64: "long",
    Type.FLOAT32: "float",
    Type.FLOAT64: "double",
    Type.BOOLEAN: "boolean",
}
_LOGICAL_TYPES: Final = {TIME: "time-millis", TIMESTAMP: "timestamp-millis", DATE: "date"}
_CONNECT_TYPES: Final = {Type.INT8: "int8", Type.INT16: "int16"}
_AVRO_PROPERTY: Final = "avro"


def _anything() -> Node:
    anything = Node("record", f"{NAMESPACE}.Anything")
    plain = ("boolean", "bytes", "double", "float", "int", "long", "string")
    entry = Node(
        "record",
        f"{NAMESPACE}.{words.MAP_ENTRY}",
        fields=[AvroField(words.KEY, anything), AvroField(words.VALUE, anything)],
    )
    parts = [(name, Node(name)) for name in plain]
    parts += [("array", Node("array", inner=anything)), ("map", Node("array", inner=entry))]
    anything.fields = [AvroField(name, _optional(node), default=None) for name, node in parts]
    return anything


def _optional(node: Node) -> Node:
    return Node("union", branches=(NULL, node))


ANYTHING: Final = _anything()
"""What a value without schema is written as."""


def avro_schema(schema: Schema | None, options: Options) -> Node:
    """Avro schema of a Connect schema.

    Raises:
        DataError: Avro cannot express it.
    """
    return ANYTHING if schema is None else _Mapping(options).node(schema)


class _Mapping:
    """One run over a schema: equal schemas become one, those without a name are numbered."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._known: dict[Schema, Node] = {}
        self._seen: set[str] = set()
        self._unnamed = 0

    def node(self, schema: Schema, *, bare: bool = False) -> Node:
        """Avro schema; ``bare`` leaves out that null is allowed."""
        if not schema.optional and not is_union(schema):
            known = self._known.get(schema)
            if known is not None:
                return known
        made = self._base(schema)
        if made.type != "union":
            self._annotate(made, schema)
            if schema.optional and not bare:
                # a default must fit the first branch
                branches = (NULL, made) if schema.default is None else (made, NULL)
                made = Node("union", branches=branches)
        if not schema.optional:
            self._known[schema] = made
        return made

    def _base(self, schema: Schema) -> Node:
        kind = schema.type
        if kind in _TYPES:
            return Node(_TYPES[kind])
        if kind is Type.STRING:
            return self._string(schema)
        if kind is Type.BYTES:
            return self._bytes(schema)
        if kind is Type.ARRAY:
            return Node("array", inner=self.node(_values(schema)))
        if kind is Type.MAP:
            return self._map(schema)
        if is_union(schema):
            return self._union(schema)
        if schema.optional:
            return _optional(self.node(schema.replace(optional=False)))
        return self._record(schema)

    def _string(self, schema: Schema) -> Node:
        options, parameters = self._options, schema.parameters
        if not ((options.generalized or options.enhanced) and is_enum(schema)):
            return Node("string")
        prefix = f"{options.enum_parameter}."
        symbols = tuple(key.removeprefix(prefix) for key in parameters if key.startswith(prefix))
        name = self._name(schema)[1]
        full = parameters.get(options.enum_parameter)
        if full is None:
            raise DataError(f"An enum needs its name as the parameter {options.enum_parameter}")
        if options.field_doc_only:
            return Node("enum", full, symbols=symbols, doc=parameters.get(words.CONNECT_ENUM_DOC))
        default = parameters.get(words.ENUM_DEFAULT + name)
        return Node("enum", full, symbols=symbols, doc=parameters.get(words.ENUM_DOC + name), default=default)

    def _bytes(self, schema: Schema) -> Node:
        parameters = schema.parameters
        made = Node("bytes")
        if is_fixed(schema):
            made = Node("fixed", _joined(self._name(schema)), size=_whole(parameters, words.FIXED_SIZE))
        if schema.name == DECIMAL:
            made.add("scale", logical.scale_of(schema))
            made.add("precision", _precision(parameters))
        return made

    def _map(self, schema: Schema) -> Node:
        assert schema.keys is not None
        if self._options.has_text_keys(schema):
            return Node("map", inner=self.node(_values(schema)))
        if schema.name is None:
            entry = Node("record", f"{NAMESPACE}.{words.MAP_ENTRY}")
        else:
            entry = Node("record", _joined(self._name(schema)))
            entry.add(words.CONNECT_INTERNAL_TYPE, words.MAP_ENTRY)
        entry.fields = [
            self._field(words.KEY, schema.keys, None),
            self._field(words.VALUE, _values(schema), None),
        ]
        return Node("array", inner=entry)

    def _union(self, schema: Schema) -> Node:
        branches = [NULL] if schema.optional else []
        branches += [self.node(field.schema.replace(optional=False), bare=True) for field in schema.fields]
        return Node("union", branches=tuple(branches))

    def _record(self, schema: Schema) -> Node:
        options, parameters = self._options, schema.parameters
        doc = parameters.get(words.CONNECT_RECORD_DOC if options.field_doc_only else words.RECORD_DOC)
        made = Node("record", _joined(self._name(schema)), doc=doc)
        self._known[schema] = made  # it may contain itself
        for field in schema.fields:
            text = None if options.field_doc_only else parameters.get(words.FIELD_DOC + field.name)
            made.fields.append(self._field(options.scrubbed(field.name), field.schema, text))
        return made

    def _field(self, name: str, schema: Schema, doc: str | None) -> AvroField:
        options = self._options
        default: Any = ABSENT
        if schema.default is not None:
            default = self._default(schema, schema.default)
        elif schema.optional:
            default = None
        full = None if schema.name is None else options.full_name(schema.name)
        again = full is not None and full in self._seen
        if full is not None:
            self._seen.add(full)
        node = self.node(schema)
        if default is not ABSENT and not is_valid_default(node, default):
            default = ABSENT
        made = AvroField(name, node, schema.doc if options.field_doc_only else doc, _doubles(default))
        if options.metadata and again and schema.parameters and _has_name(node):
            # the type itself is only named here, with the parameters of its first occurrence
            parameters = self._parameters(schema)
            if parameters:
                made.props[words.CONNECT_PARAMETERS] = parameters
        return made

    def _name(self, schema: Schema) -> tuple[str | None, str]:
        if schema.name is not None:
            return self._options.split(schema.name)
        self._unnamed += 1
        return NAMESPACE, words.DEFAULT_NAME + (str(self._unnamed) if self._unnamed > 1 else "")

    def _annotate(self, node: Node, schema: Schema) -> None:
        if self._options.metadata:
            self._describe(node, schema)
        if schema.name == DECIMAL:
            _mark_decimal(node, schema)
        elif schema.name in _LOGICAL_TYPES:
            node.add("logicalType", _LOGICAL_TYPES[schema.name])
        for key, text in schema.parameters.items():
            if key.startswith(_AVRO_PROPERTY):
                node.add(key, text)

    def _describe(self, node: Node, schema: Schema) -> None:
        options = self._options
        if schema.doc is not None:
            node.add(words.CONNECT_DOC, schema.doc)
        if schema.version is not None:
            node.add(words.CONNECT_VERSION, schema.version)
        if schema.parameters and (parameters := self._parameters(schema)):
            node.add(words.CONNECT_PARAMETERS, parameters)
        if schema.default is not None and (options.field_doc_only or words.FIELD_DEFAULT not in schema.parameters):
            node.add(words.CONNECT_DEFAULT, self._default(schema, schema.default))
        if schema.name is not None:
            node.add(words.CONNECT_NAME, schema.name)
        if schema.type in _CONNECT_TYPES:
            node.add(words.CONNECT_TYPE, _CONNECT_TYPES[schema.type])

    def _parameters(self, schema: Schema) -> dict[str, str]:
        keep = self._options.field_doc_only
        return {key: text for key, text in schema.parameters.items() if keep or key != words.FIELD_DEFAULT}

    def _default(self, schema: Schema, value: object) -> Any:  # noqa: ANN401 - any JSON
        """JSON of a default value."""
        if value is None:
            return None
        kind = schema.type
        value = logical.to_plain(schema, value)
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("latin-1")
        if kind is Type.FLOAT32 and isinstance(value, int | float):
            return Single(value)
        if kind is Type.FLOAT64 and isinstance(value, int | float):
            return float(value)
        if kind is Type.ARRAY and isinstance(value, list | tuple):
            return [self._default(_values(schema), item) for item in value]
        if kind is Type.MAP and isinstance(value, Mapping):
            return self._default_map(schema, value)
        if kind is Type.STRUCT and isinstance(value, Mapping):
            return self._default_struct(schema, value)
        return value

    def _default_map(self, schema: Schema, value: Mapping[Any, object]) -> Any:  # noqa: ANN401 - any JSON
        assert schema.keys is not None
        if self._options.has_text_keys(schema):
            return {key: self._default(_values(schema), item) for key, item in value.items()}
        return [[self._default(schema.keys, key), self._default(_values(schema), item)] for key, item in value.items()]

    def _default_struct(self, schema: Schema, value: Mapping[Any, object]) -> Any:  # noqa: ANN401 - any JSON
        parts = [(field, value.get(field.name)) for field in schema.fields]
        filled = [(field, field.schema.default if item is None else item) for field, item in parts]
        if is_union(schema):
            return self._default(filled[0][0].schema, filled[0][1]) if filled else None
        return {self._options.scrubbed(field.name): self._default(field.schema, item) for field, item in filled}


def _mark_decimal(node: Node, schema: Schema) -> None:
    precision, scale = _precision(schema.parameters), logical.scale_of(schema)
    if 0 <= scale <= precision:
        node.add("logicalType", "decimal")
        node.add("precision", precision)
        node.add("scale", scale)
    else:
        # Avro has no such decimal; what reads it is Connect
        node.add("logicalType", "decimal")


def _precision(parameters: Mapping[str, str]) -> int:
    return _whole(parameters, words.PRECISION) if words.PRECISION in parameters else words.DEFAULT_PRECISION


def _whole(parameters: Mapping[str, str], key: str) -> int:
    try:
        return int(parameters[key])
    except ValueError:
        raise DataError(f'Parameter {key} of a schema is a whole number, not "{parameters[key]}"') from None


def _values(schema: Schema) -> Schema:
    assert schema.values is not None
    return schema.values


def _joined(parts: tuple[str | None, str]) -> str:
    space, name = parts
    return f"{space}.{name}" if space else name


def _has_name(node: Node) -> bool:
    return node.name is not None or any(branch.name is not None for branch in node.branches)


def _doubles(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The default of a field goes through Java's 64-bit numbers, unlike that of a schema."""
    if isinstance(value, Single):
        return float(value)
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    return {key: _doubles(item) for key, item in value.items()} if isinstance(value, dict) else value
