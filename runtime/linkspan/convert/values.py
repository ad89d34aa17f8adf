"""Texts of header values and back: what a text looks like decides what it is (spec/runtime.md 5.11, Java's Values)."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from linkspan.api import Schema, SchemaAndValue, Type, schema
from linkspan.api.text import double_text, float_text

__all__ = ["parse", "text"]

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{2}:\d{2}:\d{2}\.\d{3}Z")
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_BARE_MOMENT: Final = re.compile(rf"(?:{_TIMESTAMP.pattern}|{_TIME.pattern}|{_DATE.pattern})(?=\s*[],:}}])")
# A number begins with a digit or a sign.
_NUMBER: Final = re.compile(r"(?:[+-]?[0-9]+\.?[0-9]*|[+-]\.[0-9]+)(?:[eE]([+-]?[0-9]+))?")
_SINGLE: Final = struct.Struct(">f")
_INTEGERS: Final = ((schema.INT8, 8), (schema.INT16, 16), (schema.INT32, 32), (schema.INT64, 64))
_WIDENING: Final = (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64)
_FRACTIONS: Final = (Type.FLOAT32, Type.FLOAT64)
_MOST_DIGITS: Final = 400
_MOST_DIGITS_OF_INT64: Final = 19
_LARGEST_SCALE: Final = (1 << 31) - 1
"""Of Java's BigDecimal, either way; also its largest exponent."""
_DEEPEST: Final = 100


class _MalformedError(ValueError):
    """A container that is none; the whole text is a string then."""


# --- writing ----------------------------------------------------------------------------------------------------------


def text(value: object, kind: Schema | None = None) -> str | None:
    """Text of a value; null stays null."""
    if value is None:
        return None
    return _text(value, kind, nested=False)


def _text(value: object, kind: Schema | None, *, nested: bool) -> str:
    if isinstance(value, str):
        return _quoted(value) if nested else value
    if isinstance(value, bytes | bytearray | memoryview):
        encoded = base64.b64encode(value).decode()
        return _quoted(encoded) if nested else encoded
    if isinstance(value, Mapping):
        return _mapping_text(value, kind)
    if isinstance(value, list | tuple):
        items = None if kind is None else kind.values
        return "[" + ",".join(_text(item, items, nested=True) for item in value) + "]"
    return _scalar_text(value, kind)


def _mapping_text(value: Mapping[object, object], kind: Schema | None) -> str:
    if kind is not None and kind.type is Type.STRUCT:
        parts = [(field.name, value.get(field.name), schema.STRING, field.schema) for field in kind.fields]
        pairs: list[tuple[object, object, Schema | None, Schema | None]] = [
            (name, inner.default if item is None else item, keys, inner) for name, item, keys, inner in parts
        ]
    else:
        keys, values = (None, None) if kind is None else (kind.keys, kind.values)
        pairs = [(name, item, keys, values) for name, item in value.items()]
    entries = (
        f"{_text(name, keys, nested=True)}:{_text(item, values, nested=True)}" for name, item, keys, values in pairs
    )
    return "{" + ",".join(entries) + "}"


def _scalar_text(value: object, kind: Schema | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value) if kind is not None and kind.type is Type.FLOAT32 else double_text(value)
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return f"{moment.isoformat(timespec='milliseconds')}Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    return str(value)


def _quoted(content: str) -> str:
    escaped = content.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# --- reading ----------------------------------------------------------------------------------------------------------


def parse(content: str) -> SchemaAndValue:
    """What a text says: null, a boolean, a container, a moment, a number, or else the text itself."""
    if content == "":
        return SchemaAndValue(schema.STRING, "")
    trimmed = content.strip()
    if trimmed == "null":
        return SchemaAndValue(None, None)
    if trimmed in ("true", "false"):
        return SchemaAndValue(schema.BOOLEAN, trimmed == "true")
    if trimmed[:1] in ("[", "{"):
        try:
            return _Reader(trimmed).container(0)
        except _MalformedError:
            return SchemaAndValue(schema.STRING, content)
    return _temporal(trimmed) or _number(trimmed) or SchemaAndValue(schema.STRING, content)


def _temporal(content: str) -> SchemaAndValue | None:
    try:
        if _DATE.fullmatch(content):
            return SchemaAndValue(schema.date(), datetime.date.fromisoformat(content))
        if _TIME.fullmatch(content):
            return SchemaAndValue(schema.time(), datetime.time.fromisoformat(content[:-1]))
        if _TIMESTAMP.fullmatch(content):
            return SchemaAndValue(schema.timestamp(), datetime.datetime.fromisoformat(content))
    except ValueError:
        pass  # it looks like a moment that does not exist
    return None


def _number(content: str) -> SchemaAndValue | None:
    match = _NUMBER.fullmatch(content)
    if match is None or len(content) > _MOST_DIGITS or abs(int(match.group(1) or 0)) > _LARGEST_SCALE:
        return None
    exact = decimal.Decimal(content)
    exponent = exact.as_tuple().exponent
    assert isinstance(exponent, int)
    if abs(exponent) > _LARGEST_SCALE:
        return None
    if not exact:
        return SchemaAndValue(schema.INT8, 0)
    if exact.adjusted() < _MOST_DIGITS_OF_INT64 and exact == exact.to_integral_value():
        number = int(exact)
        for kind, bits in _INTEGERS:
            if -(1 << (bits - 1)) <= number < 1 << (bits - 1):
                return SchemaAndValue(kind, number)
    if exponent != 0 and math.isfinite(float(exact)):
        try:
            return SchemaAndValue(schema.FLOAT32, _SINGLE.unpack(_SINGLE.pack(exact))[0])
        except OverflowError:
            return SchemaAndValue(schema.FLOAT64, float(exact))
    return SchemaAndValue(schema.decimal_of(-exponent), exact)


class _Reader:
    """Reads one array or map; text behind it is ignored."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._at = 0

    def container(self, depth: int) -> SchemaAndValue:
        """The container that begins here."""
        if depth > _DEEPEST:
            raise _MalformedError
        return self._array(depth) if self._take() == "[" else self._map(depth)

    def _array(self, depth: int) -> SchemaAndValue:
        items: list[SchemaAndValue] = []
        if self._peek() == "]":
            self._take()
            return _array_of(items)
        while True:
            items.append(self._element(depth))
            mark = self._take()
            if mark == "]":
                return _array_of(items)
            if mark != ",":
                raise _MalformedError
            if self._peek() == "]":
                self._take()
                return _array_of(items)

    def _map(self, depth: int) -> SchemaAndValue:
        keys: list[SchemaAndValue] = []
        values: list[SchemaAndValue] = []
        while self._peek() != "}":
            keys.append(self._element(depth))
            if self._take() != ":":
                raise _MalformedError
            values.append(self._element(depth))
            if self._peek() == ",":
                self._take()
        self._take()
        return _map_of(keys, values)

    def _element(self, depth: int) -> SchemaAndValue:
        mark = self._peek()
        if mark in ("[", "{"):
            return self.container(depth + 1)
        if mark == '"':
            return self._string()
        begin = self._at
        moment = _BARE_MOMENT.match(self._content, begin)
        if moment is not None and (known := _temporal(moment.group())) is not None:
            self._at = moment.end()
            return known
        while self._at < len(self._content) and self._content[self._at] not in ',:]}[{"':
            self._at += 1
        word = self._content[begin : self._at].strip()
        if word == "null":
            return SchemaAndValue(None, None)
        if word in ("true", "false"):
            return SchemaAndValue(schema.BOOLEAN, word == "true")
        found = _number(word)
        if found is None:
            raise _MalformedError
        return found

    def _string(self) -> SchemaAndValue:
        self._take()
        out: list[str] = []
        while self._at < len(self._content):
            character = self._content[self._at]
            self._at += 1
            if character == '"':
                content = "".join(out)
                return _temporal(content) or SchemaAndValue(schema.STRING, content)
            if character == "\\" and self._at < len(self._content):
                character = self._content[self._at]
                self._at += 1
            out.append(character)
        raise _MalformedError

    def _peek(self) -> str:
        while self._at < len(self._content) and self._content[self._at].isspace():
            self._at += 1
        if self._at >= len(self._content):
            raise _MalformedError
        return self._content[self._at]

    def _take(self) -> str:
        mark = self._peek()
        self._at += 1
        return mark


def _array_of(items: Sequence[SchemaAndValue]) -> SchemaAndValue:
    kind = _kind_of(items)
    # Without a common schema Java keeps the list without saying what is in it.
    described = None if kind is None else Schema(Type.ARRAY, values=kind)
    return SchemaAndValue(described, _aligned(items, kind))


def _map_of(keys: Sequence[SchemaAndValue], values: Sequence[SchemaAndValue]) -> SchemaAndValue:
    key_kind, value_kind = _kind_of(keys), _kind_of(values)
    described = None
    if key_kind is not None and value_kind is not None:
        described = Schema(Type.MAP, keys=key_kind, values=value_kind)
    names = _aligned(keys, key_kind)
    if None in names:
        raise _MalformedError
    try:
        return SchemaAndValue(described, dict(zip(names, _aligned(values, value_kind), strict=True)))
    except TypeError as error:  # an array or a map as a key
        raise _MalformedError from error


def _aligned(items: Sequence[SchemaAndValue], kind: Schema | None) -> list[object]:
    """The values, whole numbers among fractions as fractions."""
    if kind is None or kind.type not in _FRACTIONS:
        return [item.value for item in items]
    widen = _single if kind.type is Type.FLOAT32 else float
    return [widen(item.value) if isinstance(item.value, int) else item.value for item in items]


def _single(number: int) -> float:
    """The nearest fraction of 32 bits, which has room for any number of 64."""
    found: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return found


def _kind_of(items: Sequence[SchemaAndValue]) -> Schema | None:
    """Schema that all items fit, or None.

    Raises:
        _MalformedError: nulls among values that are alike, which the original does not take: their schema has no null.
    """
    present = [item for item in items if item.value is not None]
    if not present or len(present) == len(items):
        return _shared([item.schema for item in items])
    types = set(map(_type_of, present))
    if len(types) == 1 or types <= set(_WIDENING):
        raise _MalformedError
    return None


def _type_of(item: SchemaAndValue) -> Type:
    """Type of an item; a list or map without a schema has one, too."""
    if item.schema is not None:
        return item.schema.type
    return Type.MAP if isinstance(item.value, dict) else Type.ARRAY


def _shared(kinds: Sequence[Schema | None]) -> Schema | None:
    """Schema that values of all these fit, or None; a list or map whose items have none in common has none itself."""
    known = [kind for kind in kinds if kind is not None]
    if not known or len(known) < len(kinds):
        return None
    if all(kind == known[0] for kind in known):
        return known[0]
    if all(kind.type in _WIDENING and kind.name is None for kind in known):
        return max(known, key=lambda kind: _WIDENING.index(kind.type))
    types = {kind.type for kind in known}
    if types in ({Type.ARRAY}, {Type.MAP}):
        return _shared_container(known)
    return None


def _shared_container(kinds: Sequence[Schema]) -> Schema | None:
    keys, values = _shared([kind.keys for kind in kinds]), _shared([kind.values for kind in kinds])
    if values is None or (kinds[0].type is Type.MAP and keys is None):
        return None
    return Schema(kinds[0].type, keys=keys, values=values)
