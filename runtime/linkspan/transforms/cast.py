"""Cast: gives fields, or the whole key or value, another type."""

from __future__ import annotations

import base64
import datetime
import decimal
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from linkspan.api import HIGH, Config, ConfigError, DataError, Schema, StrList, StructRows, Type
from linkspan.api.schema import DATE, TIME, TIMESTAMP
from linkspan.api.text import java_text
from linkspan.config.ordering import hash_order
from linkspan.transforms.java_numbers import fraction_from, single, to_long, whole_from, wrapped
from linkspan.transforms.moments import MS_OF_DAY, ms_of, text_of
from linkspan.transforms.replace_field import split
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import (
    as_map,
    changes_before_null,
    class_name,
    copier,
    derived,
    null_setting,
    plain_type,
    replaces_nulls,
)

__all__ = ["Cast", "CastConfig", "CastKey", "CastValue"]

PURPOSE: Final = "cast types"
_FROM: Final = (
    *(Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64),
    *(Type.BOOLEAN, Type.STRING, Type.BYTES),
)
_TO: Final = _FROM[:-1]
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_SAME: Final = {Type.STRING: str, Type.FLOAT64: float, Type.BOOLEAN: bool}
_NO_INPUT: Final = "Cast transformation does not support casting from {}; supported types are [{}]"
_NO_OUTPUT: Final = "Cast transformation does not support casting to {}; supported types are [{}]"


def casts_of(spec: object) -> dict[str | None, Type]:
    """Types by field; None stands for the whole key or value.

    Raises:
        ConfigError: the settings cannot be understood.
    """
    if not isinstance(spec, list) or not spec:
        raise ConfigError("Must specify at least one field to cast.", "spec")
    casts: dict[str | None, Type] = {}
    for mapping in spec:
        parts = split(mapping)
        if len(parts) > 2:
            # as in the original, whose message names the key of another transform
            raise ConfigError(
                ConfigError.invalid("renames", spec, f"Invalid rename mapping: {mapping}").message, "spec"
            )
        name = parts[0].strip() if len(parts) == 2 else None
        casts[name] = _type(parts[-1].strip())
    if None in casts and len(spec) > 1:
        raise ConfigError(
            "Cast transformations that specify a type to cast the entire value to may only specify a single cast in "
            "their spec",
            "spec",
        )
    return casts


def _type(name: str) -> Type:
    kind = Type.__members__.get(name.upper())
    if kind is None:
        raise ConfigError(f"Invalid type found in casting spec: {name}", "spec")
    if kind not in _TO:
        raise ConfigError(_NO_OUTPUT.format(kind.value, _listed(_TO)), "spec")
    return kind


def _listed(types: tuple[Type, ...]) -> str:
    return ", ".join(kind.value for kind in types)


def _spec(_key: str, value: object) -> None:
    casts_of(value)


class CastConfig(Config):
    """Settings of Cast."""

    spec = StrList(
        validator=_spec,
        importance=HIGH,
        doc="List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of Maps or "
        "Structs. A single type to cast the entire value. Valid types are int8, int16, int32, int64, float32, float64, "
        "boolean, and string. Note that binary fields can only be cast to string.",
    )
    replace_null_with_default = null_setting()


class Cast(SideTransform[CastConfig]):
    """Casts as Java does: numbers lose what has no room."""

    config_class: ClassVar[type[Config]] = CastConfig
    version = "0.1.0"

    def configure(self) -> None:
        """Understand what is to be cast."""
        casts = casts_of(self.config.spec)
        self.whole = casts.pop(None, None)
        types = {name: kind for name, kind in casts.items() if name is not None}
        self.casts = {name: types[name] for name in hash_order(types)}  # as the original goes through them

    def plan(self, schema: Schema | None) -> Plan:
        """Choose the functions that cast."""
        if self.whole is not None:
            change = caster(schema, self.whole)
            return Plan(None if schema is None else _whole_schema(schema, self.whole, change), change)
        if schema is None:
            return Plan(None, self._map)
        if schema.type is not Type.STRUCT:
            raise DataError("Cannot list fields on non-struct type")
        return self._struct(schema)

    def _struct(self, schema: Schema) -> Plan:
        casts = {
            field.name: caster(field.schema, self.casts[field.name])
            for field in schema.fields
            if field.name in self.casts
        }
        kinds = [(field.name, self._field_schema(field.name, field.schema, casts)) for field in schema.fields]
        if schema.default is not None:
            raise _unsupported(Type.STRUCT)
        kind = derived(schema, kinds, optional=schema.optional)
        fields = [(field.name, field) for field in schema.fields]
        replaces = replaces_nulls(self.config)
        copy = copier(fields, replace_nulls=replaces, target=kind)
        before_null = changes_before_null(schema, kind, casts, replace_nulls=replaces)

        def change(value: Mapping[str, object]) -> dict[str, object]:
            try:
                changed = copy(value)
            except DataError:
                before_null(value)
                raise
            for name, cast in casts.items():
                item = changed[name]
                if item is not None:
                    changed[name] = cast(item)
            return changed

        return Plan(kind, change)

    def _field_schema(self, name: str, schema: Schema, casts: Mapping[str, Callable[[object], object]]) -> Schema:
        if name not in casts:
            return schema
        default = None if schema.default is None else casts[name](schema.default)
        return Schema(self.casts[name], optional=schema.optional, default=default)

    def _map(self, value: object) -> dict[str, object]:
        given = as_map(value, PURPOSE)
        changed = dict(given)
        for name, kind in self.casts.items():
            item = given.get(name)
            changed[name] = None if item is None else _cast_plain(item, kind)
        return changed

    def change_rows(self, rows: StructRows) -> Sequence[object] | None:
        """Columns are cast, which is faster: mostly the values of a field are all of one type."""
        if self.whole is not None:
            return None
        for name, kind in self.casts.items():
            given = rows.column(name) or [None] * len(rows)
            found = set(map(type, given))
            if not _is_already(kind, found, given) or name not in rows.names:
                rows = rows.replaced(name, list(_cast_all(given, kind, found)))
        return rows


class CastKey(Cast):
    """Cast for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.Cast$Key"


class CastValue(Cast):
    """Cast for values."""

    java_class = "org.apache.kafka.connect.transforms.Cast$Value"


def _whole_schema(schema: Schema, kind: Type, change: Callable[[object], object]) -> Schema:
    """As in the original, the name stays, even that of a logical type."""
    return Schema(
        kind,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=schema.parameters,
        optional=schema.optional,
        default=None if schema.default is None else change(schema.default),
    )


def caster(schema: Schema | None, target: Type) -> Callable[[object], object]:
    """Function that casts values of a schema, none of them null; it raises DataError when they cannot be cast."""
    if schema is None:
        return partial(_cast_plain, kind=target)
    if schema.type not in _FROM:
        return partial(_refuse, schema.type)
    if target is Type.STRING:
        return _text if schema.type is not Type.FLOAT32 else partial(java_text, schema=schema)
    return partial(_CASTS[target], schema=schema) if schema.name not in _RAW else _after(_RAW[schema.name], target)


def _after(raw: Callable[[object], int], target: Type) -> Callable[[object], object]:
    cast = _CASTS[target]
    return lambda value: cast(raw(value))


def _cast_plain(value: object, kind: Type) -> object:
    found = plain_type(value, "Cast")
    if found not in _FROM:
        raise _unsupported(found)
    return _text(value) if kind is Type.STRING else _CASTS[kind](value)


def _is_already(kind: Type, found: set[type], given: Sequence[Any]) -> bool:
    """Whether casting values of these types changes nothing."""
    bits = _BITS.get(kind)
    if bits is not None:
        half = 1 << (bits - 1)
        return found == {int} and -half <= min(given) and max(given) < half
    return found == {_SAME.get(kind)}


def _cast_all(given: Sequence[Any], kind: Type, found: set[type]) -> Iterable[object]:
    if found == {int} and kind is Type.STRING:
        return map(str, given)
    return [None if item is None else _cast_plain(item, kind) for item in given]


def _refuse(kind: Type, _value: object) -> object:
    raise _unsupported(kind)


def _unsupported(kind: Type) -> DataError:
    return DataError(_NO_INPUT.format(kind.value, _listed(_FROM)))


def _unexpected(value: object, schema: Schema | None) -> DataError:
    return DataError(f"Unexpected type in Cast transformation: class {class_name(value, schema)}")


def _beyond(value: object) -> DataError:
    return DataError(f"Value ({value}) was out of range for requested data type")


def _to_whole(value: object, schema: Schema | None = None, *, bits: int) -> int:
    if isinstance(value, int):
        return wrapped(int(value), bits)
    if isinstance(value, float):
        return wrapped(to_long(value, max(bits, 32)), bits)
    if isinstance(value, decimal.Decimal):
        return wrapped(int(value), bits)
    if isinstance(value, str):
        number = whole_from(value, bits)
        if number is None:
            raise _beyond(value)
        return number
    raise _unexpected(value, schema)


def _to_double(value: object, schema: Schema | None = None) -> float:
    if isinstance(value, int | float | decimal.Decimal):
        return float(value)
    if isinstance(value, str):
        number = fraction_from(value)
        if number is None:
            raise _beyond(value)
        return number
    raise _unexpected(value, schema)


def _to_single(value: object, schema: Schema | None = None) -> float:
    return single(int(value) if isinstance(value, int) else _to_double(value, schema))


def _to_boolean(value: object, schema: Schema | None = None) -> bool:
    if isinstance(value, str):
        return value.lower() == "true"
    return _to_whole(value, schema, bits=64) != 0


def _text(value: object) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return text_of(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return java_text(value)


def _days(value: object) -> int:
    assert isinstance(value, datetime.date)
    return ms_of(value) // MS_OF_DAY


_CASTS: Final[Mapping[Type, Callable[..., object]]] = {
    **{kind: partial(_to_whole, bits=bits) for kind, bits in _BITS.items()},
    Type.FLOAT32: _to_single,
    Type.FLOAT64: _to_double,
    Type.BOOLEAN: _to_boolean,
}
_RAW: Final[Mapping[str | None, Callable[..., int]]] = {DATE: _days, TIME: ms_of, TIMESTAMP: ms_of}
