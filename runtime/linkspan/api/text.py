"""The text of a value as Java prints it (``toString``), for converters and sinks that write text."""

from __future__ import annotations

import datetime
import decimal
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from linkspan.api.records import StructRows
from linkspan.api.schema import Schema, Type

__all__ = ["double_text", "float_text", "java_text", "java_texts"]


def java_text(value: object, schema: Schema | None = None) -> str:
    """Text of one value.

    Maps are written ``{k=v, k2=v2}``, lists ``[a, b]``, structs ``Struct{f=v,g=w}`` without their null fields, as by
    Java; bytes, for which Java prints an address, as their UTF-8 text.

    Args:
        value: a value in the Python types of :mod:`linkspan.api.schema`.
        schema: what the value is; tells a struct from a map and a 32-bit from a 64-bit number.
    """
    if type(value) is str:
        return value
    if schema is not None and schema.type is Type.FLOAT32 and isinstance(value, float):
        return float_text(value)
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value, schema)
    for kind, general in _GENERAL:
        if isinstance(value, kind):
            return general(value, schema)
    return str(value)


def java_texts(values: Sequence[object], schema: Schema | None = None) -> list[str]:
    """Texts of many values of one schema; structs, and maps with the same texts as keys, are written by columns."""
    if schema is not None:
        if schema.type is Type.STRUCT and (type(values) is StructRows or set(map(type, values)) == {dict}):
            return _structs(values, schema)
    elif (rows := StructRows.of(values)) is not None:
        return _maps(rows)
    return [_mapping(value, schema) if type(value) is dict else java_text(value, schema) for value in values]


def _maps(rows: StructRows) -> list[str]:
    if not rows.names:
        return ["{}"] * len(rows)
    pattern = ", ".join([f"{name}=".replace("%", "%%") + "%s" for name in rows.names])
    return list(map(f"{{{pattern}}}".__mod__, zip(*map(_texts_of_column, rows.columns), strict=True)))


def _structs(values: Sequence[Any], schema: Schema) -> list[str]:
    patterns: list[str] = []
    columns: list[Sequence[object]] = []
    for field in schema.fields:
        name = field.name
        known = values.column(name) if type(values) is StructRows else None
        column = [value.get(name) for value in values] if known is None else known
        prefix = f",{name}="
        if None in column:
            texts = iter(_texts_of_column([item for item in column if item is not None], field.schema))
            columns.append(["" if item is None else f"{prefix}{next(texts)}" for item in column])
            patterns.append("%s")
        else:
            columns.append(_texts_of_column(column, field.schema))
            patterns.append(prefix.replace("%", "%%") + "%s")
    if not columns:
        return ["Struct{}"] * len(values)
    rows = map("".join(patterns).__mod__, zip(*columns, strict=True))
    return [f"Struct{{{row[1:]}}}" for row in rows]


def _texts_of_column(column: Sequence[Any], schema: Schema | None = None) -> Sequence[object]:
    """Texts of values, or the values where formatting writes the same."""
    kinds = set(map(type, column))
    if kinds <= {str, int}:
        return column
    if kinds == {float} and (schema is None or schema.type is not Type.FLOAT32):
        return [repr(number) if 1e-3 <= number < 1e7 else double_text(number) for number in column]
    if kinds == {bool}:
        return ["true" if item else "false" for item in column]
    return java_texts(column, schema)


def double_text(number: float) -> str:
    """Java's ``Double.toString``: ``1.0E10``, ``0.001``, ``NaN``, ``Infinity``."""
    if 1e-3 <= number < 1e7 or -1e7 < number <= -1e-3:
        return repr(number)
    return _scientific(number, repr(number))


def float_text(number: float) -> str:
    """Java's ``Float.toString``: the fewest digits that give the same 32-bit number back."""
    if not math.isfinite(number):
        return double_text(number)
    exact = float(struct.unpack(">f", struct.pack(">f", number))[0])
    # Two digits at least: of these Java takes the nearest, 1.4E-45 rather than 1.0E-45.
    for digits in range(2, 10):
        text = f"{exact:.{digits}g}"
        if _as_float(text) == exact:
            return _scientific(exact, repr(float(text)))
    return double_text(exact)


def _as_float(text: str) -> float | None:
    try:
        return float(struct.unpack(">f", struct.pack(">f", float(text)))[0])
    except OverflowError:
        return None


def _scientific(number: float, text: str) -> str:
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    size = abs(number)
    if size == 0 or 1e-3 <= size < 1e7:
        return text if "e" not in text else f"{decimal.Decimal(text):f}"
    sign, digits, exponent = decimal.Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits)).rstrip("0") or "0"
    power = exponent + len(digits) - 1
    if len(figures) == 1:
        # One digit tells the number; of those with two Java writes the nearest, 4.9E-324 rather than 5.0E-324.
        near, _, place = f"{size:.1e}".partition("e")
        figures, power = near.replace(".", "").rstrip("0"), int(place)
    return f"{'-' if sign else ''}{figures[0]}.{figures[1:] or '0'}E{power}"


def _boolean(value: object, _: Schema | None) -> str:
    return "true" if value else "false"


def _mapping(value: Any, schema: Schema | None) -> str:  # noqa: ANN401 - a mapping; checking that for each costs more than the rest
    if schema is not None and schema.type is Type.STRUCT:
        return _struct(value, schema)
    keys, values = (None, None) if schema is None else (schema.keys, schema.values)
    # Texts and whole numbers are the bulk of what is written: they are formatted right here.
    return (
        "{"
        + ", ".join(
            [
                f"{key if type(key) is str else java_text(key, keys)}="
                f"{item if type(item) is str or type(item) is int else java_text(item, values)}"
                for key, item in value.items()
            ]
        )
        + "}"
    )


def _struct(value: Mapping[str, object], schema: Schema) -> str:
    parts = []
    for field in schema.fields:
        item = value.get(field.name)
        if item is not None:
            parts.append(f"{field.name}={java_text(item, field.schema)}")
    return f"Struct{{{','.join(parts)}}}"


def _sequence(value: object, schema: Schema | None) -> str:
    assert isinstance(value, Sequence)
    items = None if schema is None else schema.values
    return f"[{', '.join([java_text(item, items) for item in value])}]"


def _bytes(value: object, _: Schema | None) -> str:
    assert isinstance(value, bytes | bytearray | memoryview)
    return bytes(value).decode("utf-8", "replace")


def _big_decimal(value: object, _: Schema | None) -> str:
    return str(value)


def _moment(value: object, _: Schema | None) -> str:
    assert isinstance(value, datetime.datetime)
    return f"{value.astimezone(datetime.UTC):%a %b %d %H:%M:%S} UTC {value.year}"


def _day(value: object, _: Schema | None) -> str:
    assert isinstance(value, datetime.date)
    return f"{value:%a %b %d} 00:00:00 UTC {value.year}"


def _time_of_day(value: object, _: Schema | None) -> str:
    assert isinstance(value, datetime.time)
    return f"Thu Jan 01 {value:%H:%M:%S} UTC 1970"


_Writer = Callable[[Any, Schema | None], str]

_WRITERS: Final[Mapping[type, _Writer]] = {
    bool: _boolean,
    int: lambda value, _: str(value),
    float: lambda value, _: double_text(value),
    type(None): lambda _value, _schema: "null",
    dict: _mapping,
    list: _sequence,
    tuple: _sequence,
    bytes: _bytes,
    decimal.Decimal: _big_decimal,
    datetime.datetime: _moment,
    datetime.date: _day,
    datetime.time: _time_of_day,
}
_GENERAL: Final[Sequence[tuple[type | tuple[type, ...], _Writer]]] = (
    (Mapping, _mapping),
    ((bytearray, memoryview), _bytes),
    (str, lambda value, _: str(value)),
)
