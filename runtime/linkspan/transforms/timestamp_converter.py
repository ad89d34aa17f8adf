"""TimestampConverter: turns moments into numbers, texts and the types of Connect, and back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Final

from linkspan.api import HIGH, LOW, Config, ConfigError, DataError, Field, Schema, Str, Type
from linkspan.api.schema import (
    DATE,
    INT64,
    OPTIONAL_INT64,
    OPTIONAL_STRING,
    STRING,
    TIME,
    TIMESTAMP,
    date,
    time,
    timestamp,
)
from linkspan.api.validators import one_of
from linkspan.transforms.moments import EPOCH, from_ms, ms_of
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.simple_date_format import PatternError, SimpleDateFormat
from linkspan.transforms.structs import (
    as_map,
    class_name,
    copier,
    derived,
    null_setting,
    replaces_nulls,
    schema_text,
    struct_only,
)

__all__ = ["TimestampConverter", "TimestampConverterConfig", "TimestampConverterKey", "TimestampConverterValue"]

PURPOSE: Final = "converting timestamp formats"
_PRECISIONS: Final = ("nanoseconds", "microseconds", "milliseconds", "seconds")
_LONGEST: Final = (1 << 63) - 1
_SCHEMAS: Final = {
    "string": (STRING, OPTIONAL_STRING),
    "unix": (INT64, OPTIONAL_INT64),
    "Date": (date(), date(optional=True)),
    "Time": (time(), time(optional=True)),
    "Timestamp": (timestamp(), timestamp(optional=True)),
}
_KINDS: Final = {TIMESTAMP: "Timestamp", DATE: "Date", TIME: "Time"}


class TimestampConverterConfig(Config):
    """Settings of TimestampConverter."""

    field = Str(
        default="",
        importance=HIGH,
        doc="The field containing the timestamp, or empty if the entire value is a timestamp",
    )
    target_type = Str(
        validator=one_of(*_SCHEMAS),
        importance=HIGH,
        doc="The desired timestamp representation: string, unix, Date, Time, or Timestamp",
    )
    format = Str(
        default="",
        doc="A SimpleDateFormat-compatible format for the timestamp. Used to generate the output when type=string or "
        "used to parse the input if the input is a string.",
    )
    unix_precision = Str(
        default="milliseconds",
        validator=one_of(*_PRECISIONS),
        importance=LOW,
        doc="The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or nanoseconds. Used "
        "to generate the output when type=unix or used to parse the input if the input is a Long.Note: This SMT will "
        "cause precision loss during conversions from, and to, values with sub-millisecond components.",
    )
    replace_null_with_default = null_setting()


class TimestampConverter(SideTransform[TimestampConverterConfig]):
    """Converts a field, or the whole key or value."""

    config_class: ClassVar[type[Config]] = TimestampConverterConfig
    version = "0.1.0"
    keeps_null = False

    def configure(self) -> None:
        """Choose what makes the wanted type of a moment."""
        config = self.config
        if config.target_type == "string" and not config.format.strip():
            raise ConfigError("TimestampConverter requires format option to be specified when using string timestamps")
        self._format: SimpleDateFormat | None = None
        if config.format.strip():
            try:
                self._format = SimpleDateFormat(config.format)
            except PatternError as error:
                raise ConfigError(
                    "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: "
                    f"{config.format}: {error}"
                ) from error
        self._readers: Mapping[str, Callable[..., datetime.datetime]] = {
            "string": self._read_text,
            "unix": lambda value: from_ms(_to_ms(_long(value), config.unix_precision)),
            "Date": _midnight,
            "Time": lambda value: datetime.datetime.combine(EPOCH, value, datetime.UTC),
            "Timestamp": lambda value: value,
        }
        self._writers: Mapping[str, Callable[[datetime.datetime], object]] = {
            "string": self._format.format if self._format is not None else str,
            "unix": lambda moment: _from_ms(ms_of(moment), config.unix_precision),
            "Date": lambda moment: moment.date(),
            "Time": lambda moment: moment.time().replace(microsecond=moment.microsecond // 1000 * 1000),
            "Timestamp": lambda moment: moment,
        }
        self._converters = {kind: self._converter(kind) for kind in self._readers}

    def plan(self, schema: Schema | None) -> Plan:
        """Choose what reads the moments of a schema."""
        name = self.config.field
        if schema is None:
            return Plan(None, self._field_of_map if name else self._plain)
        if not name:
            return Plan(self._schema(schema), _unless_null(self._converters[_kind(schema)]))
        if schema.type is not Type.STRUCT:
            return Plan(schema, partial(_no_struct, schema))
        field = schema.field(name)
        fields = [
            (field.name, self._schema(field.schema) if field.name == name else field.schema) for field in schema.fields
        ]
        convert, problem = self._of_field(field)
        copied = [(field.name, field) for field in schema.fields]
        if field is not None and problem is not None:
            copied = copied[: field.index]
        copy = copier(copied, replace_nulls=replaces_nulls(self.config))

        def change(value: Mapping[str, object] | None) -> dict[str, object] | None:
            if value is None:
                return None
            changed = copy(value)
            if problem is not None:
                raise DataError(problem)
            if convert is not None:
                changed[name] = convert(changed[name])
            return changed

        default = change(schema.default) if isinstance(schema.default, Mapping) else None
        return Plan(derived(schema, fields, optional=schema.optional, default=default), change)

    def _schema(self, schema: Schema) -> Schema:
        return _SCHEMAS[self.config.target_type][schema.optional]

    def _of_field(self, field: Field | None) -> tuple[Callable[[object], object] | None, str | None]:
        """What converts the field, when there is one, or why it cannot be; a struct that is null may stay so."""
        try:
            return None if field is None else _unless_null(self._converters[_kind(field.schema)]), None
        except DataError as error:
            return None, error.message

    def _converter(self, kind: str) -> Callable[[object], object]:
        read, write = self._readers[kind], self._writers[self.config.target_type]
        if kind == self.config.target_type == "unix":
            precision = self.config.unix_precision
            return lambda value: _from_ms(_to_ms(_long(value), precision), precision)
        return lambda value: write(read(value))

    def _plain(self, value: object) -> object:
        if value is None:
            return None
        if isinstance(value, str):
            return self._converters["string"](value)
        if isinstance(value, int) and not isinstance(value, bool):
            return self._converters["unix"](value)
        if isinstance(value, datetime.datetime):
            return self._converters["Timestamp"](value)
        if isinstance(value, datetime.date):
            return self._converters["Date"](value)
        if isinstance(value, datetime.time):
            return self._converters["Time"](value)
        raise DataError(f"TimestampConverter does not support class {class_name(value)} objects as timestamps")

    def _field_of_map(self, value: object) -> object:
        if value is None:
            return None
        changed = dict(as_map(value, PURPOSE))
        changed[self.config.field] = self._plain(changed.get(self.config.field))
        return changed

    def _read_text(self, value: object) -> datetime.datetime:
        if not isinstance(value, str):
            raise DataError(f"Expected string timestamp to be a String, but found class {class_name(value)}")
        if self._format is None:
            raise DataError("TimestampConverter requires format option to be specified to read string timestamps")
        return self._format.parse(value)


class TimestampConverterKey(TimestampConverter):
    """TimestampConverter for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.TimestampConverter$Key"


class TimestampConverterValue(TimestampConverter):
    """TimestampConverter for values."""

    java_class = "org.apache.kafka.connect.transforms.TimestampConverter$Value"


def _kind(schema: Schema) -> str:
    kind = _KINDS.get(schema.name or "")
    if kind is None and schema.type is Type.STRING:
        kind = "string"
    if kind is None and schema.type is Type.INT64:
        kind = "unix"
    if kind is None:
        raise DataError(f"Schema {schema_text(schema)} does not correspond to a known timestamp type format")
    return kind


def _unless_null(convert: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else convert(value)


def _no_struct(schema: Schema, value: object) -> object:
    if value is None:
        raise DataError("Cannot list fields on non-struct type")
    raise struct_only(PURPOSE, schema, value)


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)


def _long(value: object) -> int:
    if isinstance(value, int):
        return value
    raise DataError(f"Expected Unix timestamp to be a Long, but found class {class_name(value)}")


def _to_ms(number: int, precision: str) -> int:
    """A Unix timestamp in milliseconds, without what is smaller."""
    if precision == "seconds":
        return max(-_LONGEST - 1, min(number * 1000, _LONGEST))
    if precision == "milliseconds":
        return number
    return _quotient(number, 1000 if precision == "microseconds" else 1_000_000)


def _from_ms(ms: int, precision: str) -> int:
    if precision == "seconds":
        return _quotient(ms, 1000)
    if precision == "milliseconds":
        return ms
    return max(-_LONGEST - 1, min(ms * (1000 if precision == "microseconds" else 1_000_000), _LONGEST))


def _quotient(number: int, divisor: int) -> int:
    """Towards zero, as Java divides."""
    return number // divisor if number >= 0 else -(-number // divisor)
