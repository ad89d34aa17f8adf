"""Connect's data model: what a value is, beyond what plain Python can say (spec/runtime.md 5.8).

Values are plain Python::

    INT8 INT16 INT32 INT64   int            STRING   str
    FLOAT32 FLOAT64          float          BYTES    bytes
    BOOLEAN                  bool           ARRAY    list
    MAP, STRUCT              dict           Decimal  decimal.Decimal   (on BYTES)
    Date  datetime.date (INT32)   Time  datetime.time (INT32)   Timestamp  datetime.datetime, UTC (INT64)

A :class:`Schema` is immutable and hashable. Without a schema (``None``) a value is taken as it is. A STRUCT that
contains itself, such as the node of a tree, is made by :meth:`Schema.recursive`.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Protocol, final

from linkspan.api.errors import DataError

__all__ = ["Again", "Field", "Schema", "Type", "date", "decimal_of", "time", "timestamp"]


class Type(Enum):
    """The types of Connect; the value is the name on the wire of the REST API and in messages."""

    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FLOAT32 = "FLOAT32"
    FLOAT64 = "FLOAT64"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    BYTES = "BYTES"
    ARRAY = "ARRAY"
    MAP = "MAP"
    STRUCT = "STRUCT"

    @property
    def is_primitive(self) -> bool:
        """Whether values of this type contain no other values."""
        return self not in (Type.ARRAY, Type.MAP, Type.STRUCT)


DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
DATE: Final = "org.apache.kafka.connect.data.Date"
TIME: Final = "org.apache.kafka.connect.data.Time"
TIMESTAMP: Final = "org.apache.kafka.connect.data.Timestamp"
SCALE: Final = "scale"

_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})
_INT_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}


@final
class Field:
    """One named member of a STRUCT.

    Attributes:
        name: the member's name.
        index: its position in the struct, from 0.
        schema: the schema of its values.
    """

    __slots__ = ("index", "name", "schema")

    def __init__(self, name: str, index: int, schema: Schema) -> None:
        self.name = name
        self.index = index
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name, self.index, self.schema) == (
            other.name,
            other.index,
            other.schema,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.index))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.schema!r})"


class Again(Protocol):
    """Stands for a schema within itself, see :meth:`Schema.recursive`."""

    def __call__(self, *, optional: bool = False, parameters: Mapping[str, str] | None = None) -> Schema:
        """The schema again; null may be allowed here, and parameters added to its own.

        It is complete when the schema around it is.
        """
        ...


@final
class Schema:
    """Immutable description of a value.

    Args:
        type: one of :class:`Type`.
        optional: whether null is a value.
        default: value used in place of a missing one; validated against this schema.
        name: full name, for example of a logical type or a record.
        version: version of the named schema.
        doc: text for people.
        parameters: ordered texts by name, for example ``scale`` of a Decimal.
        fields: members of a STRUCT, in order: a mapping of name → schema, or pairs.
        keys: schema of the keys of a MAP.
        values: schema of the values of a MAP or the items of an ARRAY.

    Raises:
        DataError: the parts contradict each other, or the default does not fit.
    """

    __slots__ = (
        "_by_name",
        "_ends",
        "_hash",
        "_is_recursive",
        "default",
        "doc",
        "fields",
        "keys",
        "name",
        "optional",
        "parameters",
        "type",
        "values",
        "version",
    )

    def __init__(
        self,
        type: Type,  # noqa: A002 - the field's own word, as in Kafka
        *,
        optional: bool = False,
        default: object = None,
        name: str | None = None,
        version: int | None = None,
        doc: str | None = None,
        parameters: Mapping[str, str] | None = None,
        fields: Mapping[str, Schema] | Iterable[tuple[str, Schema]] = (),
        keys: Schema | None = None,
        values: Schema | None = None,
    ) -> None:
        self.type = type
        self.optional = optional
        self.default = default
        self.name = name
        self.version = version
        self.doc = doc
        self.parameters = MappingProxyType(dict(parameters)) if parameters else _NO_PARAMETERS
        self.keys = keys
        self.values = values
        pairs = fields.items() if isinstance(fields, Mapping) else fields
        self.fields: tuple[Field, ...] = tuple(
            Field(label, index, schema) for index, (label, schema) in enumerate(pairs)
        )
        self._by_name = {field.name: field for field in self.fields}
        # none of those in it is, or contains, what stands for a schema around it
        self._ends = True
        if self.fields or keys is not None or values is not None:
            inner = [*(field.schema for field in self.fields), keys, values]
            self._ends = all(part is None or part._ends for part in inner)  # noqa: SLF001 - of its own class
        self._hash: int | None = None
        self._is_recursive: bool | None = None
        self._check_shape()
        if default is not None:
            self.validate(default)

    @classmethod
    def recursive(cls, make: Callable[[Again], Schema]) -> Schema:
        """A STRUCT that contains itself.

        A list of numbers, each of which knows the next::

            NUMBERS = Schema.recursive(
                lambda again: Schema(Type.STRUCT, name="Number", fields={"value": INT32, "next": again(optional=True)})
            )

        Args:
            make: makes the schema; what it is given stands for the schema that it returns.

        Raises:
            DataError: what it makes is no STRUCT.
        """
        knot = _Knot()
        return knot.tied(make(knot))

    def _check_shape(self) -> None:
        if self.fields and self.type is not Type.STRUCT:
            raise DataError(f"Fields belong to a STRUCT schema, not to {self.type.value}")
        if len(self._by_name) != len(self.fields):
            raise DataError("Field names of a STRUCT must be unique")
        if self.type is Type.ARRAY and self.values is None:
            raise DataError("An ARRAY schema needs the schema of its items (values=…)")
        if self.type is Type.MAP and (self.values is None or self.keys is None):
            raise DataError("A MAP schema needs the schemas of its keys and values")

    def replace(self, **changes: Any) -> Schema:  # noqa: ANN401 - the arguments of the constructor
        """The same but for some parts, which are named as in the constructor.

        Raises:
            DataError: the parts contradict each other, or the default does not fit.
        """
        parts = {name: getattr(self, name) for name in _KEPT if name not in ("_by_name", "_ends", "fields")}
        made = Schema(**{**parts, "fields": [(item.name, item.schema) for item in self.fields], **changes})
        if "fields" not in changes:
            made.fields, made._by_name = self.fields, self._by_name
        return made

    def field(self, name: str) -> Field | None:
        """Member of a STRUCT by name, or None."""
        return self._by_name.get(name)

    @property
    def is_recursive(self) -> bool:
        """Whether a schema in it, or this one, contains itself: who goes through all of it must look for an end."""
        if self._is_recursive is None:
            self._is_recursive = not self._ends and _contains_itself(self, set(), set())
        return self._is_recursive

    def validate(self, value: object, path: str = "") -> None:
        """Check that ``value`` fits this schema.

        Args:
            value: the value to check, in the Python types of the module's table.
            path: where the value stands, put in front of what is reported (``order.items[3].price``).

        Raises:
            DataError: it does not fit; the message names the path, the expected and the found type.
        """
        if value is None:
            if self.optional or self.default is not None:
                return
            raise DataError(f"{_at(path)}null used for a required {self._title()}")
        check = _LOGICAL_CHECKS.get(self.name) if self.name is not None else None
        if check is not None:
            check(self, value, path)
            return
        self._validate_plain(value, path)

    def _validate_plain(self, value: object, path: str) -> None:
        kind = self.type
        bits = _INT_BITS.get(kind)
        if bits is not None:
            if not isinstance(value, int) or isinstance(value, bool):
                raise self.mismatch(value, path)
            if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
                raise DataError(f"{_at(path)}{value} is out of the range of {kind.value}")
        elif not isinstance(value, _PYTHON_TYPES[kind]) or (isinstance(value, bool) and kind is not Type.BOOLEAN):
            raise self.mismatch(value, path)
        elif kind is Type.ARRAY:
            self._validate_items(value, path)
        elif kind is Type.MAP:
            self._validate_entries(value, path)
        elif kind is Type.STRUCT:
            self._validate_fields(value, path)

    def _validate_items(self, value: object, path: str) -> None:
        assert isinstance(value, list | tuple)
        assert self.values is not None
        for index, item in enumerate(value):
            self.values.validate(item, f"{path}[{index}]")

    def _validate_entries(self, value: object, path: str) -> None:
        assert isinstance(value, Mapping)
        assert self.values is not None
        assert self.keys is not None
        for key, item in value.items():
            self.keys.validate(key, f"{path}{{key {key!r}}}")
            self.values.validate(item, f"{path}[{key!r}]")

    def _validate_fields(self, value: object, path: str) -> None:
        assert isinstance(value, Mapping)
        for field in self.fields:
            field.schema.validate(value.get(field.name), f"{path}.{field.name}" if path else field.name)
        if len(value) > len(self.fields) or not value.keys() <= self._by_name.keys():
            unknown = sorted(str(key) for key in value if key not in self._by_name)
            if unknown:
                raise DataError(f"{_at(path)}{unknown[0]} is not a field of {self._title()}")

    def _title(self) -> str:
        return self.type.value if self.name is None else f"{self.type.value} ({self.name})"

    def mismatch(self, value: object, path: str) -> DataError:
        """The error for a value of another type at ``path``."""
        return DataError(f"{_at(path)}expected {self._title()}, found {type(value).__name__}")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Schema):
            return False
        if not (self._ends and other._ends):
            return _are_alike(self, other, set())
        return (
            self._identity() == other._identity()
            and self.parameters == other.parameters
            and _is_same_default(self.default, other.default)
        )

    def _identity(self) -> tuple[object, ...]:
        return (self.type, self.optional, self.name, self.version, self.doc, self.fields, self.keys, self.values)

    def __hash__(self) -> int:
        if self._hash is None:
            # of the fields their names only, so that it ends whatever is in them
            self._hash = hash(self._identity())
        return self._hash

    def __repr__(self) -> str:
        return f"Schema({self._title()}{', optional' if self.optional else ''})"

    def __reduce__(self) -> tuple[Callable[[type[Schema]], Schema], tuple[type[Schema]], dict[str, Any]]:
        parts = {name: getattr(self, name) for name in _KEPT}
        # made first and filled afterwards, since it may be a part of itself
        return Schema.__new__, (Schema,), {**parts, "parameters": dict(self.parameters)}

    def __setstate__(self, parts: dict[str, Any]) -> None:
        for name, part in parts.items():
            setattr(self, name, part)
        self.parameters = MappingProxyType(parts["parameters"]) if parts["parameters"] else _NO_PARAMETERS
        self._hash = self._is_recursive = None


_KEPT: Final = tuple(name for name in Schema.__slots__ if name not in ("_hash", "_is_recursive"))


class _Knot:
    """A schema within itself: made with nothing in it, and filled when the whole is there."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Schema, bool, Mapping[str, str]]] = []
        self._whole: Schema | None = None

    def __call__(self, *, optional: bool = False, parameters: Mapping[str, str] | None = None) -> Schema:
        made = Schema(Type.STRUCT, optional=optional)
        made._ends = False  # noqa: SLF001 - of this module
        if self._whole is None:
            self._waiting.append((made, optional, parameters or {}))
        else:
            _fill(made, self._whole, optional=optional, parameters=parameters or {})
        return made

    def tied(self, whole: Schema) -> Schema:
        if whole.type is not Type.STRUCT:
            raise DataError(f"Only a STRUCT schema can contain itself, not one of {whole.type.value}")
        self._whole = whole
        for made, optional, parameters in self._waiting:
            _fill(made, whole, optional=optional, parameters=parameters)
        return whole


def _fill(made: Schema, whole: Schema, *, optional: bool, parameters: Mapping[str, str]) -> None:
    parts = {name: getattr(whole, name) for name in _KEPT}
    made.__setstate__({**parts, "_ends": False, "optional": optional, "parameters": {**whole.parameters, **parameters}})


def _are_alike(one: Schema, other: Schema, assumed: set[tuple[int, int]]) -> bool:
    """Whether two schemas say the same; fields that contain themselves are not gone through again."""
    if one is other:
        return True
    if (
        (one.type, one.optional, one.name, one.version, one.doc, len(one.fields))
        != (other.type, other.optional, other.name, other.version, other.doc, len(other.fields))
        or not _is_same_default(one.default, other.default)
        or one.parameters != other.parameters
    ):
        return False
    inner = [(one.keys, other.keys), (one.values, other.values)]
    pair = (id(one.fields), id(other.fields))
    if one.fields is not other.fields and pair not in assumed:
        assumed.add(pair)
        if any(mine.name != theirs.name for mine, theirs in zip(one.fields, other.fields, strict=True)):
            return False
        inner += [(mine.schema, theirs.schema) for mine, theirs in zip(one.fields, other.fields, strict=True)]
    return all(
        mine is theirs or (mine is not None and theirs is not None and _are_alike(mine, theirs, assumed))
        for mine, theirs in inner
    )


def _is_same_default(one: object, other: object) -> bool:
    """Whether two defaults are written alike: -0.0 is another number than 0.0, and no number is one."""
    if one is other:
        return True
    if isinstance(one, float) and isinstance(other, float):
        return (one == other and math.copysign(1, one) == math.copysign(1, other)) or (
            math.isnan(one) and math.isnan(other)
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same_default(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_is_same_default, one, other))
    return one == other


def _contains_itself(schema: Schema, within: set[int], done: set[int]) -> bool:
    """Whether a schema contains itself; a schema within itself has its very fields."""
    place = id(schema.fields)
    if schema.fields:
        if place in within:
            return True
        if place in done:
            return False
    within.add(place)
    inner = [field.schema for field in schema.fields] + [part for part in (schema.keys, schema.values) if part]
    found = any(_contains_itself(part, within, done) for part in inner)
    within.discard(place)
    done.add(place)
    return found


def _at(path: str) -> str:
    return f"{path}: " if path else ""


_PYTHON_TYPES: Final[Mapping[Type, type | tuple[type, ...]]] = {
    Type.FLOAT32: (float, int),
    Type.FLOAT64: (float, int),
    Type.BOOLEAN: bool,
    Type.STRING: str,
    Type.BYTES: (bytes, bytearray, memoryview),
    Type.ARRAY: (list, tuple),
    Type.MAP: Mapping,
    Type.STRUCT: Mapping,
}


def _check_decimal(schema: Schema, value: object, path: str) -> None:
    if not isinstance(value, decimal.Decimal):
        raise schema.mismatch(value, path)
    scale = int(schema.parameters.get(SCALE, "0"))
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent != scale:
        raise DataError(f"{_at(path)}Decimal {value} does not have the scale {scale} of its schema")


def _check_date(schema: Schema, value: object, path: str) -> None:
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise schema.mismatch(value, path)


def _check_time(schema: Schema, value: object, path: str) -> None:
    if not isinstance(value, datetime.time):
        raise schema.mismatch(value, path)


def _check_timestamp(schema: Schema, value: object, path: str) -> None:
    if not isinstance(value, datetime.datetime):
        raise schema.mismatch(value, path)
    if value.tzinfo is None:
        raise DataError(f"{_at(path)}a Timestamp needs a time zone; use datetime.timezone.utc")


_LOGICAL_CHECKS: Final[Mapping[str, Callable[[Schema, object, str], None]]] = {
    DECIMAL: _check_decimal,
    DATE: _check_date,
    TIME: _check_time,
    TIMESTAMP: _check_timestamp,
}


def decimal_of(scale: int, *, optional: bool = False, default: decimal.Decimal | None = None) -> Schema:
    """Schema of a fixed-point number with ``scale`` digits after the point."""
    return Schema(
        Type.BYTES, optional=optional, default=default, name=DECIMAL, version=1, parameters={SCALE: str(scale)}
    )


def date(*, optional: bool = False, default: datetime.date | None = None) -> Schema:
    """Schema of a day, stored as INT32 days since 1970-01-01."""
    return Schema(Type.INT32, optional=optional, default=default, name=DATE, version=1)


def time(*, optional: bool = False, default: datetime.time | None = None) -> Schema:
    """Schema of a time of day, stored as INT32 milliseconds since midnight."""
    return Schema(Type.INT32, optional=optional, default=default, name=TIME, version=1)


def timestamp(*, optional: bool = False, default: datetime.datetime | None = None) -> Schema:
    """Schema of a point in time, stored as INT64 milliseconds since the epoch."""
    return Schema(Type.INT64, optional=optional, default=default, name=TIMESTAMP, version=1)


STRING: Final = Schema(Type.STRING)
OPTIONAL_STRING: Final = Schema(Type.STRING, optional=True)
BYTES: Final = Schema(Type.BYTES)
OPTIONAL_BYTES: Final = Schema(Type.BYTES, optional=True)
BOOLEAN: Final = Schema(Type.BOOLEAN)
OPTIONAL_BOOLEAN: Final = Schema(Type.BOOLEAN, optional=True)
INT8: Final = Schema(Type.INT8)
INT16: Final = Schema(Type.INT16)
INT32: Final = Schema(Type.INT32)
INT64: Final = Schema(Type.INT64)
FLOAT32: Final = Schema(Type.FLOAT32)
FLOAT64: Final = Schema(Type.FLOAT64)
OPTIONAL_INT8: Final = Schema(Type.INT8, optional=True)
OPTIONAL_INT16: Final = Schema(Type.INT16, optional=True)
OPTIONAL_INT32: Final = Schema(Type.INT32, optional=True)
OPTIONAL_INT64: Final = Schema(Type.INT64, optional=True)
OPTIONAL_FLOAT32: Final = Schema(Type.FLOAT32, optional=True)
OPTIONAL_FLOAT64: Final = Schema(Type.FLOAT64, optional=True)
