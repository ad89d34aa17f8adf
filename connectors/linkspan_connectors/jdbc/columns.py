"""Columns of a query → fields of records: schemas, and what makes values of what drivers give (spec/jdbc.md 8).

Values are made a column at a time. What a driver gives is nearly always of one type, so the types of a column are
looked at once, and single values only where there is something to be done about them.
"""

from __future__ import annotations

import decimal
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from linkspan.api import ConfigError, DataError, Schema, StructRows, Type, schema
from linkspan_connectors.jdbc.results import DROPPED, JdbcType, OutOfRange, ResultColumn, Row
from linkspan_connectors.jdbc.times import TimeForms

__all__ = ["ColumnRules", "Rows", "UnreadableRow", "columns_of"]

log = logging.getLogger(__name__)

Values: TypeAlias = Sequence[Any]

_UNSCALED: Final = 127
_NO_SCALE: Final = -127
_LEAST_SCALE: Final = -84
_MOST_DIGITS: Final = 18
_WIDE: Final = decimal.Context(
    prec=decimal.MAX_PREC,
    traps=[decimal.Inexact, decimal.InvalidOperation],
    Emax=decimal.MAX_EMAX,
    Emin=decimal.MIN_EMIN,
)
_PRECISION: Final = "connect.decimal.precision"
_NULLS: Final = frozenset({type(None)})
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}

_WHOLE: Final[Mapping[JdbcType, tuple[Type, Type]]] = {
    JdbcType.BIT: (Type.INT8, Type.INT8),
    JdbcType.TINYINT: (Type.INT8, Type.INT16),
    JdbcType.SMALLINT: (Type.INT16, Type.INT32),
    JdbcType.INTEGER: (Type.INT32, Type.INT64),
    JdbcType.BIGINT: (Type.INT64, Type.INT64),
}
"""Fields of signed and of unsigned columns."""
_TEXTS: Final = frozenset(
    {
        JdbcType.CHAR,
        JdbcType.VARCHAR,
        JdbcType.LONGVARCHAR,
        JdbcType.NCHAR,
        JdbcType.NVARCHAR,
        JdbcType.LONGNVARCHAR,
        JdbcType.CLOB,
        JdbcType.NCLOB,
        JdbcType.DATALINK,
        JdbcType.SQLXML,
    }
)
_BINARIES: Final = frozenset({JdbcType.BINARY, JdbcType.VARBINARY, JdbcType.LONGVARBINARY, JdbcType.BLOB})
_PLAIN: Final[Mapping[JdbcType, Type]] = {
    JdbcType.BOOLEAN: Type.BOOLEAN,
    JdbcType.REAL: Type.FLOAT32,
    JdbcType.FLOAT: Type.FLOAT64,
    JdbcType.DOUBLE: Type.FLOAT64,
    **dict.fromkeys(_TEXTS, Type.STRING),
    **dict.fromkeys(_BINARIES, Type.BYTES),
}


@dataclass(frozen=True)
class ColumnRules:
    """What the configuration says about columns.

    Attributes:
        times: how dates and times are given.
        numeric: ``numeric.mapping``, in lower case.
        unsigned_as_decimal: whether unsigned BIGINT columns become Decimal.
        extended: whether types are read that the original leaves out.
    """

    times: TimeForms
    numeric: str = "none"
    unsigned_as_decimal: bool = False
    extended: bool = False


class UnreadableRow(Mapping[str, object]):
    """Stands for a row of which no record can be made: whoever looks into it gets the reason.

    So it fails on its way into the log, alone, with the tolerance that is set. Its text is what the row holds, for a
    dead letter.

    Args:
        reason: with table, row and column.
        names: of the columns.
        row: as the driver gives it.
    """

    __slots__ = ("_names", "_reason", "_row")

    def __init__(self, reason: str, names: Sequence[str] = (), row: Row = ()) -> None:
        self._reason = reason
        self._names = names
        self._row = row

    def __getitem__(self, key: str) -> object:
        raise DataError(self._reason)

    def __iter__(self) -> Iterator[str]:
        raise DataError(self._reason)

    def __len__(self) -> int:
        raise DataError(self._reason)

    def __repr__(self) -> str:
        pairs = zip(self._names, self._row, strict=True)
        return "{" + ", ".join(f"{name}={_plain_text(value)}" for name, value in pairs) + "}"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of one column.

    Attributes:
        schema: of the field.
        natural: types that values have where nothing is to be done but ``all``.
        one: makes a value of one that is not None; raises DataError, or what is meant for values that do not fit.
        all: makes all values of a column of natural types and None; None where they stay as they are.
    """

    schema: Schema
    natural: frozenset[type]
    one: Callable[[Any], Any]
    all: Callable[[Values], Values] | None = None


_MISSING: Final = (
    "null, which the column of the table does not take: it comes of an outer join, or of a conversion by the driver. "
    "In a query, COALESCE({0}, NULL) AS {0} makes a field that may be null"
)


@dataclass(frozen=True, slots=True)
class _Column:
    index: int
    label: str
    load: Callable[[Any], Any] | None
    plan: _Plan

    def values(self, given: Values, failures: dict[int, str]) -> Values:
        """Values of the field; what does not fit is noted by its index, with the reason."""
        plan, load = self.plan, self.load
        is_required = not plan.schema.optional
        natural = plan.natural if is_required else plan.natural | _NULLS
        if load is None:
            if set(map(type, given)) <= natural:
                try:
                    return given if plan.all is None else plan.all(given)
                except (ArithmeticError, ValueError, TypeError, DataError):
                    pass  # some value does not fit: see below which
            one = plan.one
        else:
            one = _composed(load, plan.one)
        made: list[Any] = []
        for at, value in enumerate(given):
            try:
                found = None if value is None else one(value)
                made.append(found)
            except (ArithmeticError, ValueError, TypeError, DataError) as error:
                reason = error.message if isinstance(error, DataError) else _shown(value)
                failures[at] = f"column {self.label}: {reason}"
                made.append(None)
                continue
            if found is None and is_required:
                failures[at] = f"column {self.label}: {_MISSING.format(self.label)}"
        return made


@dataclass(frozen=True, slots=True)
class Rows:
    """Makes records of rows.

    Attributes:
        schema: of the records.
        columns: those that fields are made of.
    """

    schema: Schema
    columns: tuple[_Column, ...]

    def records(self, rows: Sequence[Row], where: Callable[[int], str]) -> Sequence[Mapping[str, object]]:
        """A record each; rows that do not fit are there as :class:`UnreadableRow`.

        Args:
            rows: as the driver gives them.
            where: says which row one is, by its index.
        """
        given = list(zip(*rows, strict=True))
        failures: dict[int, str] = {}
        columns = [column.values(given[column.index], failures) for column in self.columns]
        made = StructRows(tuple(column.label for column in self.columns), columns, len(rows))
        if not failures:
            return made
        records: list[Mapping[str, object]] = list(made)
        for at, reason in failures.items():
            row = tuple(rows[at][column.index] for column in self.columns)
            records[at] = UnreadableRow(f"{where(at)}, {reason}", made.names, row)
        return records


def columns_of(columns: Sequence[ResultColumn], name: str | None, rules: ColumnRules) -> Rows:
    """Fields for the columns of a result.

    Args:
        columns: in order.
        name: of the schema; None for none.
        rules: of the configuration.

    Raises:
        ConfigError: two columns have the same label.
    """
    seen: set[str] = set()
    for column in columns:
        if column.label in seen:
            raise ConfigError(
                f"Two columns of the result are called {column.label}, and a record can have only one such field; "
                f"give one of them another name in the query, as in: {column.label} AS {column.label}2"
            )
        seen.add(column.label)
    made: list[_Column] = []
    for index, column in enumerate(columns):
        plan = _plan(column, rules)
        if plan is not None:
            made.append(_Column(index, column.label, column.load, plan))
        elif column.type is not JdbcType.NULL:
            log.warning(
                "JDBC type %s of column %s (%s) is not currently supported: the column is left out",
                column.type.name,
                column.label,
                column.type_name,
            )
    fields = [(column.label, column.plan.schema) for column in made]
    return Rows(Schema(Type.STRUCT, name=name, fields=fields), tuple(made))


def _plan(column: ResultColumn, rules: ColumnRules) -> _Plan | None:
    optional = column.nullable is not False
    kind = column.type
    if kind is JdbcType.BIGINT and not column.signed and rules.unsigned_as_decimal:
        return _decimal(0, optional, str(column.precision))
    if kind in _WHOLE:
        signed, unsigned = _WHOLE[kind]
        is_narrow = column.signed and kind is not JdbcType.BIT
        return _whole(signed if column.signed else unsigned, optional, is_checked=not is_narrow)
    if kind in _PLAIN:
        return _plain(_PLAIN[kind], optional)
    if kind in (JdbcType.NUMERIC, JdbcType.DECIMAL):
        return _number(column, rules.numeric if kind is JdbcType.NUMERIC else "none", optional)
    if kind is JdbcType.DATE:
        return _Plan(*rules.times.date(optional))
    if kind is JdbcType.TIME or (kind is JdbcType.TIME_WITH_TIMEZONE and rules.extended):
        return _Plan(*rules.times.time(optional))
    if kind is JdbcType.TIMESTAMP or (kind is JdbcType.TIMESTAMP_WITH_TIMEZONE and rules.extended):
        return _Plan(*rules.times.timestamp(optional))
    return _extended(column, optional) if rules.extended and kind in DROPPED else None


def _plain(kind: Type, optional: bool) -> _Plan:
    natural, one = _PLAIN_VALUES[kind]
    return _Plan(Schema(kind, optional=optional), natural, one)


def _boolean(value: Any) -> bool:  # noqa: ANN401 - of a driver
    if isinstance(value, bool | int):
        return bool(value)
    raise _misfit(value, "truth value")


def _float(value: Any) -> float:  # noqa: ANN401 - of a driver
    if isinstance(value, float | int | decimal.Decimal):
        return float(value)
    raise _misfit(value, "number")


def _text(value: Any) -> str:  # noqa: ANN401 - of a driver
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError as error:
            raise DataError(f"the text is not UTF-8 at byte {error.start}: {error.reason}") from None
    if isinstance(value, OutOfRange):
        return value.text
    return str(value)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - of a driver
    return value.encode() if isinstance(value, str) else bytes(value)


_PLAIN_VALUES: Final[Mapping[Type, tuple[frozenset[type], Callable[[Any], Any]]]] = {
    Type.BOOLEAN: (frozenset({bool}), _boolean),
    Type.FLOAT32: (frozenset({float}), _float),
    Type.FLOAT64: (frozenset({float}), _float),
    Type.STRING: (frozenset({str}), _text),
    Type.BYTES: (frozenset({bytes}), _bytes),
}


def _whole(kind: Type, optional: bool, *, is_checked: bool) -> _Plan:
    """Whole numbers; those that the database itself keeps within the range need no look."""
    bits = _BITS[kind]
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def one(value: Any) -> int:  # noqa: ANN401 - of a driver
        number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
        if isinstance(number, str) or not isinstance(number, int | float | decimal.Decimal):
            raise _misfit(value, "whole number")
        number = int(number)
        if not least <= number <= most:
            raise DataError(f"{number} does not fit into {kind.value}")
        return number

    def every(values: Values) -> Values:
        present = [value for value in values if value is not None]
        if present and (min(present) < least or max(present) > most):
            raise DataError("one of them does not fit")
        return values

    return _Plan(Schema(kind, optional=optional), frozenset({int}), one, every if is_checked else None)


def _number(column: ResultColumn, mapping: str, optional: bool) -> _Plan:
    """NUMERIC and DECIMAL, by ``numeric.mapping`` (spec/jdbc.md 8.2)."""
    precision, scale = column.precision, column.scale
    if column.type is JdbcType.NUMERIC and precision == 0 and scale == 0:
        # PostgreSQL's numeric without precision: any number of digits on both sides.
        if mapping == "best_fit_eager_double":
            return _plain(Type.FLOAT64, optional)
        return _decimal(_UNSCALED, optional, "0")
    fits = precision <= _MOST_DIGITS
    if mapping == "precision_only" and scale == 0 and fits:
        return _whole(_integer(precision), optional, is_checked=True)
    if mapping.startswith("best_fit"):
        if fits and _LEAST_SCALE <= scale < 1:
            return _whole(_integer(precision), optional, is_checked=True)
        if scale > 0 and (fits or mapping == "best_fit_eager_double"):
            return _plain(Type.FLOAT64, optional)
    return _decimal(_UNSCALED if scale == _NO_SCALE else scale, optional, str(precision))


def _integer(precision: int) -> Type:
    if precision > 9:
        return Type.INT64
    if precision > 4:
        return Type.INT32
    return Type.INT16 if precision > 2 else Type.INT8


def _decimal(scale: int, optional: bool, precision: str) -> _Plan:
    plain = schema.decimal_of(scale, optional=optional)
    kind = plain.replace(parameters={**plain.parameters, _PRECISION: precision})
    step = decimal.Decimal((0, (1,), -scale))
    quantize = _WIDE.quantize

    def one(value: Any) -> decimal.Decimal:  # noqa: ANN401 - of a driver
        number = decimal.Decimal(str(value)) if isinstance(value, float) else value
        if isinstance(number, int):
            number = decimal.Decimal(number)
        if not isinstance(number, decimal.Decimal):
            raise _misfit(value, "number")
        if not number.is_finite():
            raise DataError(f"{number} is no number that a Decimal can be")
        try:
            return quantize(number, step)
        except decimal.Inexact:
            raise DataError(f"{number} has more than {scale} digits after the point") from None

    def every(values: Values) -> Values:
        if any(value is not None and value.is_nan() for value in values):
            raise DataError("one of them is no number")
        return [None if value is None else quantize(value, step) for value in values]

    return _Plan(kind, frozenset({decimal.Decimal}), one, every)


def _extended(column: ResultColumn, optional: bool) -> _Plan:
    """What the original leaves out: floating point, arrays of plain values, all else as text."""
    if column.type_name in ("binary_float", "binary_double"):
        return _plain(Type.FLOAT32 if column.type_name == "binary_float" else Type.FLOAT64, optional)
    if column.type is JdbcType.ARRAY:
        name = column.type_name.removeprefix("_").removesuffix("[]")
        kind = _ELEMENTS.get(name, Type.STRING)
        natural, one = _PLAIN_VALUES.get(kind, (frozenset({int}), int))

        def items(value: Any) -> list[Any]:  # noqa: ANN401 - of a driver
            if not isinstance(value, list | tuple):
                raise _misfit(value, "array")
            if any(isinstance(item, list | tuple) for item in value):
                raise DataError(f"{value!r:.100} has several dimensions, and a field can have one")
            return [item if item is None or type(item) in natural else one(item) for item in value]

        return _Plan(Schema(Type.ARRAY, optional=optional, values=Schema(kind, optional=True)), frozenset(), items)
    return _plain(Type.STRING, optional)


_ELEMENTS: Final = {
    "int2": Type.INT16,
    "int4": Type.INT32,
    "int8": Type.INT64,
    "float4": Type.FLOAT32,
    "float8": Type.FLOAT64,
    "bool": Type.BOOLEAN,
    "bytea": Type.BYTES,
}


def _composed(load: Callable[[Any], Any], one: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def made(value: Any) -> Any:  # noqa: ANN401 - of a driver
        loaded = load(value)
        return None if loaded is None else one(loaded)

    return made


def _misfit(value: object, wanted: str) -> DataError:
    return DataError(f"{_shown(value)} is no {wanted}")


def _plain_text(value: object) -> str:
    if isinstance(value, OutOfRange):
        return value.text
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return "null" if value is None else str(value)


def _shown(value: object) -> str:
    return value.text if isinstance(value, OutOfRange) else f"{value!r:.100}"
