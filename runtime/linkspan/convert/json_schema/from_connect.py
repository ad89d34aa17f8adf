"""JSON Schemas of Connect schemas: the mapping of Confluent's JsonSchemaData, in the order of Java's hash tables."""

from __future__ import annotations

import decimal
import math
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DECIMAL
from linkspan.api.text import double_text, float_text
from linkspan.config.ordering import hash_order
from linkspan.convert.java_spelling import Single, spelled
from linkspan.convert.json_schema import options as words
from linkspan.convert.json_schema.options import Options, has_text_keys, is_enum, is_union
from linkspan.convert.json_schema.writing import writer

__all__ = ["json_schema", "json_schema_text"]

Json = dict[str, Any]
_NULL: Final[Json] = {"type": "null"}
_TYPES: Final = {
    **dict.fromkeys((Type.INT8, Type.INT16, Type.INT32, Type.INT64), "integer"),
    **dict.fromkeys((Type.FLOAT32, Type.FLOAT64), "number"),
    Type.STRING: "string",
}


def json_schema_text(schema: Schema, options: Options) -> str:
    """Text of the JSON Schema of a Connect schema.

    Raises:
        DataError: JSON Schema cannot express it.
    """
    return spelled(json_schema(schema, options), _fraction)


def json_schema(schema: Schema, options: Options) -> Json:
    """JSON Schema of a Connect schema.

    Raises:
        DataError: JSON Schema cannot express it.
    """
    return _Mapping(options).node(schema)


def _fraction(number: float) -> str:
    """A default that is a fraction, which goes through two of Java's libraries on its way."""
    text = float_text(number) if isinstance(number, Single) else double_text(number)
    if "E" in text:
        return str(decimal.Decimal(text))
    plain = text.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain


class _Mapping:
    """One run over a schema.

    As in the original an object that has an id is referred to by it, once it was met, by fields of objects and items of
    arrays; a schema within itself is so everywhere, and gets an id if it has none.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._known: set[str] = set()
        self._open: dict[int, str | None] = {}

    def node(self, schema: Schema, index: int | None = None, *, bare: bool = False) -> Json:
        """JSON Schema; ``index`` is the place of a field, ``bare`` leaves out that null is allowed."""
        if schema.fields and id(schema.fields) in self._open:
            return self._within_itself(schema, index, bare=bare)
        self._note_id(schema)
        if is_union(schema):
            return self._combined(self._branches(schema), index)
        if schema.type is Type.STRUCT and schema.optional and not bare:
            return self._combined([_NULL, self.node(schema, bare=True)], index, schema.parameters.get(words.ID))
        made = self._described(schema, None if schema.optional and not bare else index)
        if schema.optional and not bare:
            return self._combined([_NULL, made], index)
        return made

    def _part(self, schema: Schema, index: int | None = None) -> Json:
        """The same for a field or an item."""
        own = schema.parameters.get(words.ID)
        return self._mention(schema, own, index) if own in self._known else self.node(schema, index)

    def _note_id(self, schema: Schema) -> None:
        if words.ID in schema.parameters:
            self._known.add(schema.parameters[words.ID])

    def _within_itself(self, schema: Schema, index: int | None, *, bare: bool) -> Json:
        place = id(schema.fields)
        own = self._open[place] or schema.parameters.get(words.ID) or f"{words.ID_PREFIX}{len(self._known) + 1}"
        self._known.add(own)
        self._open[place] = own
        return self._mention(schema, own, index, bare=bare)

    def _mention(self, schema: Schema, own: str | None, index: int | None, *, bare: bool = False) -> Json:
        # the original does not say that null is allowed, and cannot read one back
        made = {"$ref": own}
        return self._combined([_NULL, made], index) if schema.optional and not bare else made

    def _combined(self, branches: list[Json], index: int | None, own: str | None = None) -> Json:
        # those that are combined themselves come first
        branches = sorted(branches, key=lambda branch: "oneOf" not in branch)
        head = {"id": own, words.CONNECT_INDEX: index}
        return {**{key: item for key, item in head.items() if item is not None}, "oneOf": branches}

    def _branches(self, schema: Schema) -> list[Json]:
        branches = [self.node(field.schema, field.index, bare=True) for field in schema.fields]
        return [_NULL, *branches] if schema.optional else branches

    def _described(self, schema: Schema, index: int | None) -> Json:
        own = schema.parameters.get(words.ID)
        if schema.fields:
            self._open[id(schema.fields)] = own
        head, tail, props = self._parts(schema)
        if schema.fields:
            own = self._open.pop(id(schema.fields))
        made = dict(head)
        if schema.name is not None:
            made["title"] = schema.name
        if schema.doc is not None:
            made["description"] = schema.doc
        if schema.default is not None:
            made["default"] = self._default(schema)
        if own is not None:
            made["id"] = own
        if schema.version is not None:
            props[words.CONNECT_VERSION] = schema.version
        parameters = {key: text for key, text in schema.parameters.items() if not key.startswith(words.NAMESPACE)}
        if parameters:
            props[words.CONNECT_PARAMETERS] = _twice_hashed(parameters)
        if index is not None:
            props[words.CONNECT_INDEX] = index
        return {**made, **_copied(props), **tail}

    def _parts(self, schema: Schema) -> tuple[Json, Json, Json]:
        """What comes first, what comes last, and Connect's own properties between them."""
        props: Json = {words.CONNECT_TYPE: words.TYPE_NAMES[schema.type]} if schema.type in words.TYPE_NAMES else {}
        kind = schema.type
        if is_enum(schema):
            return {"enum": self._symbols(schema)}, {}, props
        if kind in _TYPES:
            return {"type": _TYPES[kind]}, {}, props
        if kind is Type.BOOLEAN:
            return {}, {"type": "boolean"}, props
        if kind is Type.BYTES:
            is_number = schema.name == DECIMAL and self._options.numeric_decimals
            return {"type": "number" if is_number else "string"}, {}, props
        if kind is Type.ARRAY:
            assert schema.values is not None
            return {"type": "array"}, {"items": self._part(schema.values)}, props
        if kind is Type.MAP:
            return *self._map(schema), props
        head: Json = {"type": "object"}
        if not self._options.open_objects:
            head["additionalProperties"] = False
        made = {field.name: self._part(field.schema, field.index) for field in schema.fields}
        return head, {"properties": {name: made[name] for name in hash_order(made)}} if made else {}, props

    def _map(self, schema: Schema) -> tuple[Json, Json]:
        assert schema.keys is not None
        assert schema.values is not None
        if has_text_keys(schema):
            return {"type": "object"}, {"additionalProperties": self.node(schema.values)}
        made = {words.KEY: self.node(schema.keys, 0), words.VALUE: self.node(schema.values, 1)}
        entry = {"type": "object", "properties": {name: made[name] for name in hash_order(made)}}
        return {"type": "array"}, {"items": entry}

    def _symbols(self, schema: Schema) -> list[str | None]:
        prefix = f"{self._options.enum_parameter}."
        symbols = [key.removeprefix(prefix) for key in schema.parameters if key.startswith(prefix)]
        return [None if symbol == words.NULL_SYMBOL else symbol for symbol in hash_order(symbols)]

    def _default(self, schema: Schema) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(schema.default, float) and not math.isfinite(schema.default):
            raise DataError("JSON does not allow non-finite numbers.")
        data = writer(schema, self._options)(schema.default)
        return _plain(data, schema)


def _plain(data: Any, schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(data, float):
        return Single(data) if schema.type is Type.FLOAT32 else data
    if isinstance(data, decimal.Decimal):
        return float(data) if data != data.to_integral_value() else int(data)
    if isinstance(data, list) and schema.type is Type.ARRAY and schema.values is not None:
        return [_plain(item, schema.values) for item in data]
    return data


def _copied(props: Json) -> Json:
    """Entries in the order of a hash table that was made of another one."""
    size = 1 << (int(len(props) / 0.75 + 1) - 1).bit_length()
    return {key: props[key] for key in hash_order(hash_order(props), size)}


def _twice_hashed(parameters: dict[str, str]) -> Json:
    """Entries in the order that two hash tables give them, the second of which begins with their number."""
    first = hash_order(parameters)
    return {key: parameters[key] for key in hash_order(first, 1 << (len(first) - 1).bit_length())}
