"""COPY of PostgreSQL in its binary form, into the table or, to change rows, into a temporary table (spec/jdbc.md 18.2).

It is a third of the work of single statements for the client and for the server, but it is refused, or does something
else, for some tables and some types. So it is found out for each table whether it does the same as the statement; what
has to be true is said at :func:`refusal_of` and at :data:`_WRITERS`.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.bulk.way import ChangedError, Target, Way
from linkspan_connectors.jdbc.dialects.dialect import Dialect, logical
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import SinkColumn
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.zones import moment_of, to_wall, wall_date, wall_time

__all__ = ["Copy", "CopyAndMerge", "copying"]

Convert = Callable[[Any], Any]


class _Native(NamedTuple):
    """A column as PostgreSQL has it; its type without a length or precision, which is the table's to enforce."""

    oid: int
    type_name: str
    identity: str
    generated: str


class _Form(NamedTuple):
    """How values of a column are written in binary.

    Attributes:
        oid: type that the driver is told.
        convert: makes of a value what the driver takes; None when it is that already.
        limits: the least and the most that may be written like this, or None: of whole numbers the driver would cut
            what is beyond, without a word.
    """

    oid: int
    convert: Convert | None = None
    limits: tuple[Any, Any] | None = None


_BOOL, _BYTEA, _INT8, _INT2, _INT4, _TEXT, _JSON = 16, 17, 20, 21, 23, 25, 114
_FLOAT4, _FLOAT8, _BPCHAR, _VARCHAR, _DATE, _TIME = 700, 701, 1042, 1043, 1082, 1083
_TIMESTAMP, _TIMESTAMPTZ, _NUMERIC, _UUID, _JSONB = 1114, 1184, 1700, 2950, 3802

_WHOLE: Final = frozenset({Type.INT8, Type.INT16, Type.INT32, Type.INT64})
_LIMITS: Final = {
    oid: (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for oid, bits in ((_INT2, 16), (_INT4, 32), (_INT8, 64))
}
_GREGORIAN: Final = (
    datetime.datetime(1582, 10, 16, tzinfo=datetime.UTC),
    datetime.datetime.max.replace(tzinfo=datetime.UTC),
)
"""Moments that have the same date in either calendar, whatever the zone is."""
_TEXTS: Final = frozenset({_TEXT, _VARCHAR, _BPCHAR, _JSON})
_UUID_TEXT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SINGLE: Final = struct.Struct(">f").pack


def _json(text: str) -> bytes:
    return b"\x01" + text.encode()


def _uuid(text: str) -> bytes:
    if _UUID_TEXT.fullmatch(text) is None:
        # the server knows more ways to write one
        raise DataError(f"{text!r} is no UUID in its usual form")
    return bytes.fromhex(text.replace("-", ""))


def form_of(column: SinkColumn, oid: int, settings: Settings) -> _Form | None:
    """How values of a column are written to one of this type; None where the statement would do something else."""
    name = logical(column.schema)
    if column.timestamp_digits or name == TIMESTAMP:
        return _moment_form(column, oid, settings)
    if name is not None:
        if (name, oid) == (DECIMAL, _NUMERIC):
            return _Form(oid)
        if (name, oid) == (DATE, _DATE):
            return _Form(oid, lambda day: wall_date(day, settings.date_zone, proleptic=settings.proleptic))
        return _Form(oid, lambda time: wall_time(time, settings.zone)) if (name, oid) == (TIME, _TIME) else None
    return _plain_form(column.schema, oid)


def _plain_form(schema: Schema, oid: int) -> _Form | None:
    kind = schema.type
    if kind in _WHOLE and (oid in _LIMITS or oid == _NUMERIC):
        return _Form(oid, limits=_LIMITS.get(oid))
    if kind is Type.STRING:
        if oid in _TEXTS:
            return _Form(_TEXT)
        return {_JSONB: _Form(_BYTEA, _json), _UUID: _Form(_BYTEA, _uuid)}.get(oid)
    if kind is Type.FLOAT32 and oid == _FLOAT4:
        return _Form(_BYTEA, _SINGLE)
    plain = {
        (Type.FLOAT32, _FLOAT8),
        (Type.FLOAT64, _FLOAT8),
        (Type.BOOLEAN, _BOOL),
        (Type.BYTES, _BYTEA),
    }
    return _Form(oid) if (kind, oid) in plain else None


def _moment_form(column: SinkColumn, oid: int, settings: Settings) -> _Form | None:
    """Wall clocks of ``db.timezone``; a column with time zone holds the moment whatever the zone is.

    In binary both are microseconds since 2000, of the wall clock or in UTC: where the zone is UTC, they are the same.
    """
    zone, digits = settings.zone, column.timestamp_digits
    limits = None if settings.proleptic else _GREGORIAN
    if oid == _TIMESTAMPTZ or (oid == _TIMESTAMP and zone is datetime.UTC):
        return _Form(_TIMESTAMPTZ, (lambda number: moment_of(number, digits)) if digits else None, limits)
    if oid != _TIMESTAMP:
        return None

    def wall(value: Any) -> datetime.datetime:  # noqa: ANN401 - a number, text or datetime
        return to_wall(moment_of(value, digits) if digits else value, zone, proleptic=settings.proleptic)

    return _Form(oid, wall)


_COLUMNS: Final = """
SELECT a.attname, a.atttypid::bigint, format_type(a.atttypid, -1), a.attidentity::text, a.attgenerated::text,
       c.relkind::text, c.relrowsecurity, c.relhasrules, has_database_privilege(current_database(), 'TEMP')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.oid = ?::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""


class _Looked(NamedTuple):
    """What there is to know of a table."""

    columns: Mapping[str, _Native]
    kind: str
    row_security: bool
    rules: bool
    temporary: bool


def _look(dialect: Dialect, connection: DriverConnection, table: TableId) -> _Looked:
    rows = dialect.ask(connection, _COLUMNS, (dialect.quotes.table(table),))
    columns = {name: _Native(int(oid), text, identity, generated) for name, oid, text, identity, generated, *_ in rows}
    kind, row_security, rules, temporary = rows[0][5:] if rows else ("", False, False, False)
    return _Looked(columns, kind, row_security, rules, temporary)


class _Seen(NamedTuple):
    """A table as it was when the way into it was found.

    Attributes:
        dialect: PostgreSQL.
        table: which one.
        looked: what there was to know of it.
    """

    dialect: Dialect
    table: TableId
    looked: _Looked

    def check(self, connection: DriverConnection) -> None:
        """Raise ChangedError if it is another one now.

        In binary a value of one type is taken for whatever has as many bytes in another, without a word.
        """
        if _look(self.dialect, connection, self.table) != self.looked:
            raise ChangedError(f"Table {self.table} was changed while it was written to")


def refusal_of(looked: _Looked, names: Sequence[str], mode: str) -> str | None:
    """Why rows cannot come in by COPY, or would not be those that the statement makes; None when they can."""
    if looked.kind not in ("r", "p"):
        return "it is no table of its own"
    if looked.rules:
        return "it has rules, which COPY passes over"
    if mode != "insert":
        return None if looked.temporary else "the user may not create temporary tables (TEMP)"
    if looked.row_security:
        return "it has row-level security"
    # a statement is refused there, and COPY is not
    fixed = [name for name in names if looked.columns[name].identity == "a" or looked.columns[name].generated]
    return f"column {fixed[0]} is always generated" if fixed else None


def copying(
    dialect: Dialect, connection: DriverConnection, target: Target
) -> tuple[Way, dict[str, Convert | None]] | str:
    """The way of COPY into a table, and what makes its values; or why there is none.

    Args:
        dialect: PostgreSQL.
        connection: the queries run in its transaction.
        target: what is written, and how.

    Raises:
        Exception: of the driver.
    """
    looked = _look(dialect, connection, target.table)
    names = target.names
    unknown = [name for name in names if name not in looked.columns]
    if unknown:
        return f"it has no column {unknown[0]}"
    refusal = refusal_of(looked, names, target.mode)
    if refusal is not None:
        return refusal
    forms: list[_Form] = []
    for column, name in zip(target.columns, names, strict=True):
        native = looked.columns[name]
        form = form_of(column, native.oid, dialect.settings)
        if form is None:
            what = column.schema.name or column.schema.type.value
            return f"column {name} is {native.type_name}, and {what} is written to that by statements only"
        forms.append(form)
    converts = {column.name: form.convert for column, form in zip(target.columns, forms, strict=True)}
    seen = _Seen(dialect, target.table, looked)
    if target.mode == "insert":
        return Copy(dialect.quotes.table(target.table), dialect.quotes.names(names), forms, seen), converts
    return CopyAndMerge(target, forms, seen), converts


class Copy(Way):
    """COPY into the table itself.

    Args:
        table: as it stands in statements.
        names: of the columns, as they stand in statements, with commas.
        forms: of the columns.
        seen: what they are made for.
    """

    takes_duplicates = True
    takes_all = False

    def __init__(self, table: str, names: str, forms: Sequence[_Form], seen: _Seen) -> None:
        self._seen = seen
        self._text = f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)"
        self._oids = [form.oid for form in forms]
        self._limits = [(at, *form.limits) for at, form in enumerate(forms) if form.limits is not None]

    def write(self, connection: DriverConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows."""
        self._check(rows)
        cursor = connection.cursor()
        try:
            with cursor.copy(self._text) as copy:
                copy.set_types(self._oids)
                write_row = copy.write_row
                for row in rows:
                    write_row(row)
        finally:
            cursor.close()

    def check(self, connection: DriverConnection) -> None:
        """By the same query."""
        self._seen.check(connection)

    def _check(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Raises DataError for what is beyond the limits of its column: the statement decides about it."""
        for at, least, most in self._limits:
            values = [row[at] for row in rows if row[at] is not None]
            if values and not (least <= min(values) and max(values) <= most):
                raise DataError("a value is beyond the limits of its column")


class CopyAndMerge(Way):
    """COPY into a temporary table, and one statement that brings its rows into the table.

    The temporary table lives as long as the connection and is empty between transactions. It is asked for in each of
    them: a pool of connections may have given the last one to somebody else.

    Args:
        target: what is written.
        forms: of the columns.
        seen: what they are made for.
    """

    takes_duplicates = False
    takes_all = True

    def __init__(self, target: Target, forms: Sequence[_Form], seen: _Seen) -> None:
        dialect = seen.dialect
        name = dialect.quotes.name
        table = dialect.quotes.table(target.table)
        listed = dialect.quotes.names(target.names)
        columns = ", ".join(f"{name(column)} {seen.looked.columns[column].type_name}" for column in target.names)
        mark = hashlib.blake2b(f"{table}\0{columns}".encode(), digest_size=8).hexdigest()
        stage = f"pg_temp.linkspan_{mark}"
        made = f"CREATE TEMPORARY TABLE IF NOT EXISTS linkspan_{mark} ({columns}) ON COMMIT DELETE ROWS"
        self._prepare = f"{made}; DELETE FROM {stage}"
        self._merge = _merge_text(name, table, listed, stage, target)
        self._copy = Copy(stage, listed, forms, seen)
        self._dialect = dialect

    def write(self, connection: DriverConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, no two of one key."""
        self._dialect.run(connection, self._prepare)
        self._copy.write(connection, rows)
        self._dialect.run(connection, self._merge)

    def check(self, connection: DriverConnection) -> None:
        """As for the copy."""
        self._copy.check(connection)


def _merge_text(name: Callable[[str], str], table: str, listed: str, stage: str, target: Target) -> str:
    keys, others = target.keys, target.others
    if target.mode == "upsert":
        changes = ",".join(f"{name(column)}=EXCLUDED.{name(column)}" for column in others)
        action = f"UPDATE SET {changes}" if others else "NOTHING"
        conflict = f"ON CONFLICT ({','.join(map(name, keys))}) DO {action}"
        return f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {stage} {conflict}"
    where = " AND ".join(f"t.{name(key)}=s.{name(key)}" for key in keys)
    if target.mode == "update":
        changes = ",".join(f"{name(column)}=s.{name(column)}" for column in others)
        return f"UPDATE {table} AS t SET {changes} FROM {stage} AS s WHERE {where}"
    return f"DELETE FROM {table} AS t USING {stage} AS s WHERE {where}"
