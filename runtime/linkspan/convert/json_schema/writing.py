"""Values on their way into JSON: one function a schema, made once; what they make is written by orjson."""

from __future__ import annotations

import base64
import decimal
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.api.text import float_text
from linkspan.convert import logical
from linkspan.convert.checks import INT_BITS, boolean, text, whole
from linkspan.convert.deferred import Deferrals
from linkspan.convert.json_schema.options import KEY, VALUE, Options, has_text_keys, is_union

__all__ = ["ABSENT", "writer"]

Function = Callable[[Any], Any]


class _Absent:
    """Type of :data:`ABSENT`."""


ABSENT: Final = _Absent()
"""A required null: its field is left out, as in the original."""

_MOMENTS: Final[Mapping[str, Function]] = {
    DATE: logical.days,
    TIME: logical.milliseconds_of_day,
    TIMESTAMP: logical.milliseconds,
}


def writer(schema: Schema, options: Options) -> Function:
    """What makes JSON of the values of a schema; null included."""
    return _Writers(options).writer(schema)


class _Writers:
    """One run over a schema."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._deferrals = Deferrals()

    def writer(self, schema: Schema) -> Function:
        make = self._maker(schema)
        if schema.default is not None and not self._options.keep_nulls:
            default = schema.default
            return lambda value: make(default if value is None else value)
        nothing = None if schema.optional else ABSENT
        return lambda value: nothing if value is None else make(value)

    def _maker(self, schema: Schema) -> Function:
        kind = schema.type
        moment = _MOMENTS.get(schema.name or "")
        if moment is not None:
            return moment
        if schema.name == DECIMAL:
            return _numeric if self._options.numeric_decimals else _decimal(schema)
        if kind in INT_BITS:
            return whole(kind)
        if kind is Type.ARRAY:
            assert schema.values is not None
            return _list(self.writer(schema.values))
        if kind is Type.MAP:
            assert schema.keys is not None
            assert schema.values is not None
            return _map(self.writer(schema.keys), self.writer(schema.values), as_object=has_text_keys(schema))
        if kind is Type.STRUCT:
            return self._deferrals.made(id(schema.fields), lambda: self._struct(schema))
        return _CHECKS[kind]

    def _struct(self, schema: Schema) -> Function:
        makers = [(field.name, self.writer(field.schema)) for field in schema.fields]
        if is_union(schema):
            return _union(makers, None if schema.optional else ABSENT)
        return _struct(schema, makers)


def _bytes(value: Any) -> str:  # noqa: ANN401 - checked here
    if not isinstance(value, bytes | bytearray | memoryview):
        raise DataError(f"expected BYTES, found {type(value).__name__}")
    return base64.b64encode(value).decode()


def _fraction(value: Any) -> Any:  # noqa: ANN401 - checked here
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DataError(f"expected a number, found {type(value).__name__}")
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def _single(value: Any) -> Any:  # noqa: ANN401 - checked here
    number = _fraction(value)
    return float(float_text(number)) if isinstance(number, float) else number


def _numeric(value: Any) -> Any:  # noqa: ANN401 - checked here
    if not isinstance(value, decimal.Decimal):
        raise DataError(f"Invalid type for Decimal, expected decimal.Decimal but was {type(value).__name__}")
    return value


def _decimal(schema: Schema) -> Function:
    scale = logical.scale_of(schema)
    return lambda value: base64.b64encode(logical.unscaled(value, scale)).decode()


_CHECKS: Final[Mapping[Type, Function]] = {
    Type.FLOAT32: _single,
    Type.FLOAT64: _fraction,
    Type.BOOLEAN: boolean,
    Type.STRING: text,
    Type.BYTES: _bytes,
}


def _list(make: Function) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, list | tuple):
            raise DataError(f"expected ARRAY, found {type(value).__name__}")
        return [None if (made := make(item)) is ABSENT else made for item in value]

    return convert


def _map(make_key: Function, make_value: Function, *, as_object: bool) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected MAP, found {type(value).__name__}")
        made = [(make_key(key), make_value(item)) for key, item in value.items()]
        pairs = [(key, None if item is ABSENT else item) for key, item in made]
        if as_object:
            return {text(key): item for key, item in pairs}
        return [{KEY: None if key is ABSENT else key, VALUE: item} for key, item in pairs]

    return convert


def _struct(schema: Schema, makers: list[tuple[str, Function]]) -> Function:
    names = frozenset(field.name for field in schema.fields)

    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected STRUCT, found {type(value).__name__}")
        if not names.issuperset(value):
            raise DataError(f"{min(map(str, value.keys() - names))} is not a field of the schema {schema.name}")
        get = value.get
        try:
            return {name: made for name, make in makers if (made := make(get(name))) is not ABSENT}
        except DataError:
            _explain(makers, value)
            raise

    return convert


def _explain(makers: list[tuple[str, Function]], value: Mapping[str, Any]) -> None:
    """Raise the error of the field at fault, with its name."""
    for name, make in makers:
        try:
            make(value.get(name))
        except DataError as error:
            raise DataError(f"{name}: {error}") from error


def _union(makers: list[tuple[str, Function]], nothing: object) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected STRUCT, found {type(value).__name__}")
        for name, make in makers:
            item = value.get(name)
            if item is not None:
                return make(item)
        return nothing

    return convert
