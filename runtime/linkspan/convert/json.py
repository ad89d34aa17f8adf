"""JsonConverter: plain JSON, or an envelope of schema and payload (spec/runtime.md 5.9)."""

from __future__ import annotations

import base64
import contextlib
import datetime
import decimal
import enum
import functools
import math
import re
import struct
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

import orjson

from linkspan.api import (
    HIGH,
    LOW,
    Bool,
    Column,
    Config,
    ConfigError,
    Converter,
    DataError,
    HeaderConverter,
    Headers,
    Int,
    Schema,
    SchemaAndValue,
    Str,
    Type,
    Width,
)
from linkspan.api.schema import DATE, DECIMAL, SCALE, TIME, TIMESTAMP
from linkspan.api.text import float_text
from linkspan.api.validators import one_of_ignoring_case
from linkspan.convert import java_json, json_columns, json_structs, lenient_json, schema_json

__all__ = ["JsonConverter", "JsonConverterConfig"]

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1)
_DAY_MS: Final = 86_400_000
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_MOST_BITS: Final = 64
_BARE: Final = {kind: Schema(kind) for kind in Type if kind.is_primitive}
# Moments and data classes have one form here, whichever way a value takes: that of _default.
_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_ENVELOPE: Final = (
    'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields. '
    "If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration."
)
_SINGLE: Final = struct.Struct(">f")
_SCALE_TEXT: Final = re.compile("[+-]?[0-9]{1,9}")
# Java's reader of base64 skips blanks and control characters between groups of four.
_SPACED_BASE64: Final = re.compile(
    r"(?=.*[\0-\x20])[\0-\x20]*(?:[A-Za-z0-9+/]{2}[A-Za-z0-9+/=]{2}[\0-\x20]*)*", re.DOTALL
)
_SPACES: Final = re.compile(r"[\0-\x20]+")
_SCHEMA_HEAD: Final = b'{"schema":'
_PAYLOAD: Final = b',"payload":'
_UNREADABLE: Final = "Converting byte[] to Kafka Connect data failed due to serialization error"
_CUT_OFF: Final = "unexpected end of data"
"""What the quick library says of a text that ends too early."""
_FEW: Final = 8
"""So many schemas in turn are recognised by their bytes."""
_TOO_DEEP: Final = f"{_UNREADABLE}: it is nested too deeply"


class _Envelope(NamedTuple):
    """How payloads begin that have a schema in common.

    Attributes:
        head: the bytes up to the payload proper.
        schema: what they say.
        loads: parses what comes behind them.
        structs: reads many of what was parsed, if they are structs.
    """

    head: bytes
    schema: Schema | None
    loads: Callable[[bytes], Any]
    structs: json_structs.StructReader | None


class _InexactError(ValueError):
    """A number whose digits matter was read by the quick parser, which may have rounded it."""


class JsonConverterConfig(Config):
    """Settings of the JsonConverter; keys and texts are those of Apache Kafka's."""

    converter_type = Str(importance=LOW, doc="How this converter will be used.")
    schemas_enable = Bool(
        default=True,
        importance=HIGH,
        doc="Include schemas within each of the serialized values and keys.",
        group="Schemas",
        order=0,
        width=Width.MEDIUM,
        display_name="Enable Schemas",
    )
    schemas_cache_size = Int(
        default=1000,
        importance=HIGH,
        doc="The maximum number of schemas that can be cached in this converter instance.",
        group="Schemas",
        order=1,
        width=Width.MEDIUM,
        display_name="Schema Cache Size",
    )
    schema_content = Str(
        default=None,
        importance=HIGH,
        doc=(
            "When set, this is used as the schema for all messages, and the schemas within each of the message will be "
            "ignored.Otherwise, the schema will be included in the content of each message. This configuration applies "
            "only 'schemas.enable' is true, and it exclusively affects the sink connector."
        ),
        group="Schemas",
        order=2,
        width=Width.MEDIUM,
        display_name="Schema Content",
    )
    decimal_format = Str(
        default="BASE64",
        importance=LOW,
        validator=one_of_ignoring_case("NUMERIC", "BASE64"),
        doc=(
            "Controls which format this converter will serialize decimals in. This value is case insensitive and can "
            "be either 'BASE64' (default) or 'NUMERIC'"
        ),
        group="Serialization",
        order=0,
        width=Width.MEDIUM,
        display_name="Decimal Format",
    )
    replace_null_with_default = Bool(
        default=True,
        importance=LOW,
        doc=(
            "Whether to replace fields that have a default value and that are null to the default value. When set to "
            "true, the default value is used, otherwise null is used."
        ),
        group="Serialization",
        order=1,
        width=Width.MEDIUM,
        display_name="Replace null with default",
    )


class JsonConverter(Converter, HeaderConverter):
    """JSON with or without schemas."""

    config_class: ClassVar[type[Config]] = JsonConverterConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.json.JsonConverter"

    def __init__(self) -> None:
        self._enveloped = True
        self._numeric = False
        self._defaults = True
        self._fixed: Schema | None = None
        self._most = 1000
        self._schemas: OrderedDict[bytes, Schema | None] = OrderedDict()
        self._texts: OrderedDict[Schema | None, bytes] = OrderedDict()
        self._columns: tuple[Schema, json_columns.StructColumns | None] | None = None

    def configure(self, config: Config, *, is_key: bool) -> None:
        """Take the settings."""
        values = config.values
        self._enveloped = bool(values["schemas.enable"])
        self._numeric = str(values["decimal.format"]).upper() == "NUMERIC"
        self._defaults = bool(values["replace.null.with.default"])
        self._most = max(int(str(values["schemas.cache.size"])), 1)
        content = values["schema.content"]
        if self._enveloped and content:
            try:
                data = lenient_json.parse_strictly(str(content).encode())
                self._fixed = schema_json.from_json(data, self._read)
            except (ValueError, DataError, RecursionError) as error:
                raise ConfigError.invalid("schema.content", content, str(error)) from error

    def configure_header(self, config: Config) -> None:
        """Take the settings."""
        self.configure(config, is_key=False)

    # --- writing ------------------------------------------------------------------------------------------------

    def from_connect(
        self, topic: str, schema: Schema | None, value: object, headers: Headers | None = None
    ) -> bytes | None:
        """JSON of one value; null without schema is a tombstone."""
        if schema is None and value is None:
            return None
        try:
            payload = _dump(self._write(schema, value))
            if not self._enveloped:
                return memoryview(payload).tobytes()  # without the room that the library's have
            return b"".join((_SCHEMA_HEAD, self._schema_text(schema), _PAYLOAD, payload, b"}"))
        except RecursionError:
            raise DataError("JsonConverter cannot write this value: it is nested too deeply") from None

    def from_connect_batch(
        self, topic: str, column: Column, headers: Sequence[Headers | None] | None = None
    ) -> Sequence[bytes | None]:
        """JSON of many values; plain ones without schema go straight to the library."""
        if column.schemas is None and column.schema is None:
            dumps = orjson.dumps
            try:
                plain = [None if value is None else dumps(value, _default, _OPTIONS) for value in column.values]
            except (TypeError, orjson.JSONEncodeError):
                return super().from_connect_batch(topic, column, headers)
            present = [item for item in plain if item is not None]
            everything = b"\n".join(present)
            # Those that the library made keep room for thousands of bytes; a line end is never part of one.
            if present and len(present) == len(plain):
                plain = list(everything.split(b"\n"))
            if not java_json.is_spelled(everything):
                plain = [None if item is None else java_json.spelled(item) for item in plain]
            # NaN and infinities are written as null by the library, as texts by Java: see which nulls are real.
            doubtful = (
                [index for index, item in enumerate(plain) if item is not None and b"null" in item]
                if b"null" in everything
                else ()
            )
            head = _SCHEMA_HEAD + b"null" + _PAYLOAD
            result = plain if not self._enveloped else [None if item is None else head + item + b"}" for item in plain]
            for index in doubtful:
                result[index] = self.from_connect(topic, None, column.values[index])
            return result
        written = self._structs(column)
        return super().from_connect_batch(topic, column, headers) if written is None else written

    def _structs(self, column: Column) -> list[bytes] | None:
        """Structs of one schema, by columns; None where there is something else."""
        schema = column.schema
        if column.schemas is not None or schema is None or schema.type is not Type.STRUCT:
            return None
        if self._columns is None or self._columns[0] is not schema:
            made = json_columns.columns_of(schema, numeric=self._numeric, null=self._write_null)
            self._columns = (schema, made)
        columns = self._columns[1]
        written = None if columns is None else columns.written(column.values)
        if written is None or not self._enveloped:
            return written
        head = b"".join((_SCHEMA_HEAD, self._schema_text(schema), _PAYLOAD))
        return [b"%b%b}" % (head, text) for text in written]

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """JSON of a header's value."""
        return self.from_connect(topic, schema, value)

    def _schema_text(self, schema: Schema | None) -> bytes:
        text = self._texts.get(schema)
        if text is None:
            text = b"null" if schema is None else _dump(schema_json.to_json(schema, self._write))
            self._texts[schema] = text
            if len(self._texts) > self._most:
                self._texts.popitem(last=False)
        return text

    def _write(self, schema: Schema | None, value: object) -> object:
        if value is None:
            return self._write_null(schema)
        if schema is None:
            return _plain(value)
        logical = _LOGICAL_WRITERS.get(schema.name) if schema.name is not None else None
        if logical is not None:
            return logical(self, schema, value)
        return self._write_typed(schema, value)

    def _write_null(self, schema: Schema | None) -> object:
        if schema is None:
            return None
        if schema.default is not None and self._defaults:
            return self._write(schema, schema.default)
        if schema.optional:
            return None
        raise DataError("Conversion error: null value for field that is required and has no default value")

    def _write_typed(self, schema: Schema, value: object) -> object:
        kind = schema.type
        if kind is Type.STRUCT and isinstance(value, Mapping):
            unknown = value.keys() - {field.name for field in schema.fields}
            if unknown:
                raise DataError(f"{min(map(str, unknown))} is not a field of the schema {schema.name or 'struct'}")
            return {field.name: self._write(field.schema, value.get(field.name)) for field in schema.fields}
        if kind is Type.ARRAY and isinstance(value, list | tuple):
            return [self._write(schema.values, item) for item in value]
        if kind is Type.MAP and isinstance(value, Mapping):
            assert schema.keys is not None
            if schema.keys.type is Type.STRING:
                return {str(key): self._write(schema.values, item) for key, item in value.items()}
            return [[self._write(schema.keys, key), self._write(schema.values, item)] for key, item in value.items()]
        _BARE.get(kind, schema).validate(value)
        if isinstance(value, float) and kind in (Type.FLOAT32, Type.FLOAT64):
            return _number(value if kind is Type.FLOAT64 else float(float_text(value)))
        return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray | memoryview) else value

    def _write_decimal(self, schema: Schema, value: object) -> object:
        schema.validate(value)
        assert isinstance(value, decimal.Decimal)
        return value if self._numeric else base64.b64encode(_unscaled(value)).decode()

    # --- reading ------------------------------------------------------------------------------------------------

    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:
        """Value of one JSON text."""
        if payload is None:
            return SchemaAndValue(None, None)
        try:
            try:
                return self._understand(payload, _parse)
            except _InexactError:
                return self._understand(payload, _parse_exactly)
        except RecursionError:
            raise DataError(_TOO_DEEP) from None

    def _understand(self, payload: bytes, parse: Callable[[bytes], Any]) -> SchemaAndValue:
        if not self._enveloped:
            return SchemaAndValue(None, parse(payload) if payload else None)
        if self._fixed is not None:
            parse = _parse_exactly if _holds_decimals(self._fixed) else parse
            return SchemaAndValue(self._fixed, self._read(self._fixed, parse(payload)))
        data = parse(payload)
        if not isinstance(data, dict) or len(data) != 2 or "schema" not in data or "payload" not in data:
            raise DataError(_ENVELOPE)
        schema = self._schema(_dump(data["schema"]), lambda: _parse_exactly(payload)["schema"])
        if schema is None:
            return SchemaAndValue(None, data["payload"])
        if _holds_decimals(schema):
            data = _parse_exactly(payload)
        return SchemaAndValue(schema, self._read(schema, data["payload"]))

    def to_connect_batch(
        self, topic: str, payloads: Sequence[bytes | None], headers: Sequence[Headers | None] | None = None
    ) -> Column:
        """Values of many JSON texts; with envelopes, those that begin like the first one share its schema."""
        if not self._enveloped:
            loads = orjson.loads
            with contextlib.suppress(orjson.JSONDecodeError):
                return Column([None if payload is None else loads(payload) for payload in payloads])
            return _with_failures(payloads)
        envelope = self._envelope(payloads)
        if envelope is None:
            return super().to_connect_batch(topic, payloads, headers)
        if all(payload is not None and payload.startswith(envelope.head) for payload in payloads):
            column = self._same_envelopes(envelope, payloads)
        else:
            column = self._few_envelopes(payloads)
        return self._envelopes(envelope, payloads) if column is None else column

    def _envelope(self, payloads: Sequence[bytes | None]) -> _Envelope | None:
        """How these mostly begin."""
        first = next((item for item in payloads if item and _PAYLOAD in item), b"")
        head = first[: first.find(_PAYLOAD) + len(_PAYLOAD)]
        if self._fixed is not None or not first.startswith(_SCHEMA_HEAD):
            return None
        text = head[len(_SCHEMA_HEAD) : -len(_PAYLOAD)]
        try:
            schema = self._schema(text, lambda: lenient_json.parse_strictly(text))
        except (ValueError, DataError, RecursionError):
            return None
        exactly = schema is not None and _holds_decimals(schema)
        loads = lenient_json.parse_strictly if exactly else orjson.loads
        return _Envelope(head, schema, loads, json_structs.reader_of(schema, self._read))

    def _same_envelopes(self, envelope: _Envelope, payloads: Sequence[bytes | None]) -> Column | None:
        """Values of payloads that all begin alike, if they are in order; else None."""
        head, schema, loads, structs = envelope
        same = [item for item in payloads if item is not None and item.endswith(b"}")]
        if len(same) != len(payloads):
            return None
        read, begin = self._read, len(head)
        with contextlib.suppress(ValueError, DataError, RecursionError):
            parts = [loads(payload[begin:-1]) for payload in same]
            values = None if structs is None else structs.values(parts)
            if values is not None:
                return Column(values, schema)
            return Column(parts if schema is None else [read(schema, part) for part in parts], schema)
        return None

    def _few_envelopes(self, payloads: Sequence[bytes | None]) -> Column | None:
        """Values of payloads that begin in one of few ways, or are null, if they are in order; else None."""
        values: list[object] = [None] * len(payloads)
        schemas: list[Schema | None] = [None] * len(payloads)
        left = {at: payload for at, payload in enumerate(payloads) if payload is not None}
        for _ in range(_FEW):
            envelope = self._envelope(list(left.values()))
            if envelope is None:
                return None
            alike = {at: payload for at, payload in left.items() if payload.startswith(envelope.head)}
            column = self._same_envelopes(envelope, list(alike.values()))
            if column is None:
                return None
            for at, value in zip(alike, column.values, strict=True):
                values[at], schemas[at] = value, column.schema
                del left[at]
            if not left:
                return Column(values, schemas=schemas)
        return None

    def _envelopes(self, envelope: _Envelope, payloads: Sequence[bytes | None]) -> Column:
        """Values of payloads of which most begin alike."""
        values: list[object] = []
        schemas: list[Schema | None] = []
        failures: dict[int, Exception] = {}
        for at, payload in enumerate(payloads):
            try:
                schema, value = self._opened(envelope, payload)
            except DataError as error:
                failures[at] = error
                schema, value = envelope.schema, None
            values.append(value)
            schemas.append(schema)
        if all(schema is envelope.schema for schema in schemas):
            return Column(values, envelope.schema, failures=failures)
        return Column(values, schemas=schemas, failures=failures)

    def _opened(self, envelope: _Envelope, payload: bytes | None) -> SchemaAndValue:
        head, schema, loads, _ = envelope
        if payload is not None and payload.startswith(head) and payload.endswith(b"}"):
            with contextlib.suppress(ValueError, DataError, RecursionError):
                return SchemaAndValue(schema, self._read(schema, loads(payload[len(head) : -1])))
        return self.to_connect("", payload)  # the slow way says what is wrong, if anything

    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        """Value of a header."""
        return self.to_connect(topic, payload)

    def _schema(self, text: bytes, parse: Callable[[], object]) -> Schema | None:
        if text in self._schemas:
            return self._schemas[text]
        schema = schema_json.from_json(parse(), self._read)
        self._schemas[text] = schema
        if len(self._schemas) > self._most:
            self._schemas.popitem(last=False)
        return schema

    def _read(self, schema: Schema | None, data: object) -> object:
        if schema is None:
            return data
        if data is None:
            if schema.default is not None and self._defaults:
                return schema.default
            if schema.optional:
                return None
            raise DataError(f"Invalid null value for required {schema.type.value} field")
        logical = _LOGICAL_READERS.get(schema.name) if schema.name is not None else None
        if logical is not None:
            return logical(schema, data)
        return _READERS[schema.type](self, schema, data)

    def _read_struct(self, schema: Schema, data: object) -> object:
        if not isinstance(data, dict):
            raise DataError(f"Structs should be encoded as JSON objects, but found {_kind(data)}")
        read, get = self._read, data.get
        return {field.name: read(field.schema, get(field.name)) for field in schema.fields}

    def _read_array(self, schema: Schema, data: object) -> object:
        if not isinstance(data, list):
            raise DataError(f"Arrays should be encoded as JSON arrays, but found {_kind(data)}")
        return [self._read(schema.values, item) for item in data]

    def _read_map(self, schema: Schema, data: object) -> object:
        assert schema.keys is not None
        if schema.keys.type is Type.STRING:
            if not isinstance(data, dict):
                raise DataError(f"Maps with string fields should be encoded as JSON objects, but found {_kind(data)}")
            return {key: self._read(schema.values, item) for key, item in data.items()}
        if not isinstance(data, list):
            raise DataError(
                f"Maps with non-string fields should be encoded as JSON array of tuples, but found {_kind(data)}"
            )
        for pair in data:
            if not isinstance(pair, list):
                raise DataError(f"Found invalid map entry instead of array tuple: {_kind(pair)}")
            if len(pair) != 2:
                raise DataError(f"Found invalid map entry, expected length 2 but found :{len(pair)}")
        return {self._read(schema.keys, key): self._read(schema.values, item) for key, item in data}

    def close(self) -> None:
        """Nothing is held."""


def _read_boolean(_: JsonConverter, __: Schema, data: object) -> object:
    return data is True


def _read_whole(_: JsonConverter, schema: Schema, data: object) -> object:
    if isinstance(data, float):
        raise _InexactError
    if isinstance(data, bool) or not isinstance(data, int | decimal.Decimal):
        return 0
    bits = _BITS[schema.type]
    wrapped = (data if isinstance(data, int) else _truncated(data)) & ((1 << bits) - 1)
    return wrapped - (1 << bits) if wrapped >> (bits - 1) else wrapped


def _truncated(number: decimal.Decimal) -> int:
    """The whole part, as far as it matters in 64 bits; an exponent may be too large to write the number out."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return 0 if exponent >= _MOST_BITS or number.adjusted() < 0 else int(number)


def _read_fraction(_: JsonConverter, __: Schema, data: object) -> object:
    if isinstance(data, bool) or not isinstance(data, int | float | decimal.Decimal):
        return 0.0
    try:
        return float(data)
    except OverflowError:  # of a whole number, fractions become infinite
        return math.inf if data > 0 else -math.inf


def _read_single(_: JsonConverter, schema: Schema, data: object) -> object:
    number = _read_fraction(_, schema, data)
    try:
        return _SINGLE.unpack(_SINGLE.pack(number))[0]
    except OverflowError:
        assert isinstance(number, float)
        return math.copysign(math.inf, number)


def _read_text(_: JsonConverter, schema: Schema, data: object) -> object:
    if isinstance(data, str):
        return data
    if schema.optional:
        return None
    raise DataError(f"Invalid {_kind(data)} value for a required STRING field")


def _read_bytes(_: JsonConverter, schema: Schema, data: object) -> object:
    if schema.optional and not isinstance(data, str):
        return None  # as for a text
    return _from_base64(data, "bytes field")


_READERS: Final[Mapping[Type, Callable[[JsonConverter, Schema, object], object]]] = {
    Type.BOOLEAN: _read_boolean,
    **dict.fromkeys(_BITS, _read_whole),
    Type.FLOAT32: _read_single,
    Type.FLOAT64: _read_fraction,
    Type.STRING: _read_text,
    Type.BYTES: _read_bytes,
    Type.ARRAY: JsonConverter._read_array,  # noqa: SLF001 - this module's own table
    Type.MAP: JsonConverter._read_map,  # noqa: SLF001
    Type.STRUCT: JsonConverter._read_struct,  # noqa: SLF001
}


def _read_decimal(schema: Schema, data: object) -> object:
    if isinstance(data, int | float | decimal.Decimal) and not isinstance(data, bool):
        number = data if isinstance(data, decimal.Decimal) else decimal.Decimal(repr(data))
        return number or number.copy_abs()  # Java has no -0
    if not isinstance(data, str):
        raise DataError(
            f"Invalid type for Decimal, underlying representation should be numeric or bytes but was {_kind(data)}"
        )
    scale = schema.parameters.get(SCALE)
    if scale is None:
        raise DataError("Invalid bytes for Decimal field: its schema has no parameter scale")
    if not _SCALE_TEXT.fullmatch(scale):
        raise DataError(f"Invalid bytes for Decimal field: {scale} is no scale")
    unscaled = _from_base64(data, "bytes for Decimal field")
    if not unscaled:
        raise DataError("Invalid bytes for Decimal field: there are none")
    return decimal.Decimal(int.from_bytes(unscaled, "big", signed=True)).scaleb(-int(scale), _WIDE)


def _read_date(_: Schema, data: object) -> object:
    days = _whole(data, "Date", 32)
    try:
        return _EPOCH_DAY + datetime.timedelta(days=days)
    except OverflowError:
        raise DataError(f"Date values must lie in the years 1 to 9999: {days} days since 1970") from None


def _read_time(_: Schema, data: object) -> object:
    ms = _whole(data, "Time", 32)
    if not 0 <= ms < _DAY_MS:
        raise DataError(f"Time values must use number of milliseconds greater than 0 and less than {_DAY_MS}: {ms}")
    return (_EPOCH + datetime.timedelta(milliseconds=ms)).time()


def _read_timestamp(_: Schema, data: object) -> object:
    ms = _whole(data, "Timestamp", 64)
    try:
        return _EPOCH + datetime.timedelta(milliseconds=ms)
    except OverflowError:
        raise DataError(f"Timestamp values must lie in the years 1 to 9999: {ms} milliseconds since 1970") from None


_LOGICAL_READERS: Final[Mapping[str, Callable[[Schema, object], object]]] = {
    DECIMAL: _read_decimal,
    DATE: _read_date,
    TIME: _read_time,
    TIMESTAMP: _read_timestamp,
}


def _write_decimal(converter: JsonConverter, schema: Schema, value: object) -> object:
    return converter._write_decimal(schema, value)  # noqa: SLF001 - this module's own table


def _write_date(_: JsonConverter, schema: Schema, value: object) -> object:
    schema.validate(value)
    assert isinstance(value, datetime.date)
    return _days(value)


def _write_time(_: JsonConverter, schema: Schema, value: object) -> object:
    schema.validate(value)
    assert isinstance(value, datetime.time)
    return _milliseconds_of_day(value)


def _write_timestamp(_: JsonConverter, schema: Schema, value: object) -> object:
    schema.validate(value)
    assert isinstance(value, datetime.datetime)
    return _milliseconds(value)


_LOGICAL_WRITERS: Final[Mapping[str, Callable[[JsonConverter, Schema, object], object]]] = {
    DECIMAL: _write_decimal,
    DATE: _write_date,
    TIME: _write_time,
    TIMESTAMP: _write_timestamp,
}
_WIDE: Final = decimal.Context(prec=decimal.MAX_PREC)


def _days(value: datetime.date) -> int:
    return (value - _EPOCH_DAY).days


def _milliseconds_of_day(value: datetime.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000


def _milliseconds(value: datetime.datetime) -> int:
    moment = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    return (moment - _EPOCH) // datetime.timedelta(milliseconds=1)


def _unscaled(value: decimal.Decimal) -> bytes:
    sign, digits, _ = value.as_tuple()
    number = int("".join(map(str, digits)) or "0") * (-1 if sign else 1)
    bits = number.bit_length() if number >= 0 else (number + 1).bit_length()
    return number.to_bytes(bits // 8 + 1, "big", signed=True)


def _whole(data: object, what: str, bits: int) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or not -(1 << (bits - 1)) <= data < 1 << (bits - 1):
        expected = "integral" if bits > 32 else "integer"
        raise DataError(
            f"Invalid type for {what}, underlying representation should be {expected} but was {_kind(data)}"
        )
    return data


def _from_base64(data: object, what: str) -> bytes:
    if not isinstance(data, str):
        raise DataError(f"Invalid {what}: expected text in base64, found {_kind(data)}")
    if _SPACED_BASE64.fullmatch(data):
        data = _SPACES.sub("", data)
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise DataError(f"Invalid {what}: {error}") from error


def _number(value: float) -> object:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _plain(value: object) -> object:
    """A value without schema as JSON can say it."""
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, decimal.Decimal):
        return value if value.is_finite() else _number(math.nan if value.is_nan() else float(value))
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _default(value)


def _default(value: object) -> object:
    """What neither JSON nor the library has a form for; moments are the numbers that they are with a schema."""
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return _milliseconds(value)
    if isinstance(value, datetime.date):
        return _days(value)
    if isinstance(value, datetime.time):
        return _milliseconds_of_day(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise DataError(f"JsonConverter cannot write a value of type {type(value).__name__} without a schema")


def _dump(value: object) -> bytes:
    try:
        written = orjson.dumps(value)
        # most texts need no closer look, and the call would take as long as the writing
        return written if written.isascii() and b"\\" not in written else java_json.spelled(written)
    except (TypeError, orjson.JSONEncodeError):
        pass
    try:
        # Whole numbers beyond 64 bits and decimals as numbers are beyond the quick library.
        return java_json.exact_dump(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"JsonConverter cannot write this value: {error}") from error


def _parse(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return _slow_parse(payload, error)


def _with_failures(payloads: Sequence[bytes | None]) -> Column:
    """Values of texts of which some need a closer look: the quick way goes on behind each of them."""
    values: list[object] = []
    failures: dict[int, Exception] = {}
    rest = iter(payloads)
    while True:
        try:
            values.extend(map(orjson.loads, rest))  # type: ignore[arg-type]  # a null is one of those to look at
            return Column(values, failures=failures)
        except orjson.JSONDecodeError as error:
            quick = error
        # not in the handler, or the error would have a long history
        payload = payloads[len(values)]
        try:
            values.append(_slow_parse(payload, quick) if payload else None)
        except (DataError, RecursionError) as error:
            failures[len(values)] = error if isinstance(error, DataError) else DataError(_TOO_DEEP)
            values.append(None)


def _slow_parse(payload: bytes, quick: orjson.JSONDecodeError) -> Any:  # noqa: ANN401 - any JSON
    """What the quick library refuses but Java takes: text behind the first value, leading zeros, UTF-16, blanks."""
    if quick.msg != _CUT_OFF:  # all before that was in order, so there is nothing that Java would take otherwise
        with contextlib.suppress(ValueError):
            return lenient_json.parse(payload)
    raise DataError(f"{_UNREADABLE}: {quick}") from quick


def _parse_exactly(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Like :func:`_parse`, with every digit of fractions, as Decimals need them."""
    try:
        return lenient_json.parse(payload, exactly=True)
    except ValueError as error:
        raise DataError(f"{_UNREADABLE}: {error}") from error


@functools.lru_cache(maxsize=1024)
def _holds_decimals(schema: Schema) -> bool:
    inner = [field.schema for field in schema.fields] + [
        part for part in (schema.keys, schema.values) if part is not None
    ]
    return schema.name == DECIMAL or any(map(_holds_decimals, inner))


def _kind(data: object) -> str:
    names = {
        bool: "BOOLEAN",
        int: "NUMBER",
        float: "NUMBER",
        decimal.Decimal: "NUMBER",
        str: "STRING",
        list: "ARRAY",
        dict: "OBJECT",
    }
    return names.get(type(data), "NULL")
