"""Results of PostgreSQL: columns with the types that its Java driver gives them, rows through a cursor of the server.

The types are already those that the original connector's dialect makes of the driver's (spec/jdbc.md 8.3): ``bool`` is
BOOLEAN, ``bit(8)`` TINYINT, ``uuid`` and ``json`` VARCHAR.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from linkspan_connectors.jdbc.dialects.postgresql_moments import epoch_ms, moment_in_utc
from linkspan_connectors.jdbc.results import JdbcType, OutOfRange, ResultColumn, Row
from linkspan_connectors.jdbc.settings import Settings

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import Buffer
    from psycopg.pq.abc import PGresult

__all__ = ["ServerSelection", "TypeNames", "use_plain_texts"]

_TYPES: Final = {
    16: (JdbcType.BOOLEAN, "bool"),
    17: (JdbcType.BINARY, "bytea"),
    18: (JdbcType.CHAR, "char"),
    19: (JdbcType.VARCHAR, "name"),
    20: (JdbcType.BIGINT, "int8"),
    21: (JdbcType.SMALLINT, "int2"),
    23: (JdbcType.INTEGER, "int4"),
    25: (JdbcType.VARCHAR, "text"),
    26: (JdbcType.BIGINT, "oid"),
    114: (JdbcType.VARCHAR, "json"),
    142: (JdbcType.SQLXML, "xml"),
    700: (JdbcType.REAL, "float4"),
    701: (JdbcType.DOUBLE, "float8"),
    705: (JdbcType.VARCHAR, "unknown"),
    790: (JdbcType.DOUBLE, "money"),
    1042: (JdbcType.CHAR, "bpchar"),
    1043: (JdbcType.VARCHAR, "varchar"),
    1082: (JdbcType.DATE, "date"),
    1083: (JdbcType.TIME, "time"),
    1114: (JdbcType.TIMESTAMP, "timestamp"),
    1184: (JdbcType.TIMESTAMP, "timestamptz"),
    1266: (JdbcType.TIME, "timetz"),
    1560: (JdbcType.BIT, "bit"),
    1700: (JdbcType.NUMERIC, "numeric"),
    2950: (JdbcType.VARCHAR, "uuid"),
    3802: (JdbcType.VARCHAR, "jsonb"),
}
"""Types by their oid, which is the same in every database."""

_TEXT_ARRAY: Final = 1009
_KINDS: Final = {"c": JdbcType.STRUCT, "e": JdbcType.VARCHAR, "d": JdbcType.DISTINCT}
_PLAIN_TEXTS: Final = (
    "json", "jsonb", "uuid", "interval", "inet", "cidr", "int4range", "int8range", "numrange", "daterange", "tsrange",
    "tstzrange", "int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange",
    "tstzmultirange",
)  # fmt: skip
"""Types that psycopg would make objects of."""

_OF_TYPES: Final = """
    select t.oid, t.typname, t.typtype, t.typcategory, coalesce(e.typname, '')
    from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
    where t.oid = any(%s::oid[])
"""
_OF_COLUMNS: Final = """
    select a.attrelid, a.attnum, c.relname, a.attnotnull,
        a.attidentity <> '' or coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) like 'nextval(%%', false)
    from pg_catalog.pg_attribute a
        join pg_catalog.pg_class c on c.oid = a.attrelid
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = any(%s::oid[])
"""
_numbers = itertools.count(1)


_TEXTS: Final = (0, 18, 19, 25, 142, 705, 1042, 1043)
"""Types that are texts anyway, and those that psycopg does not know."""


class _Origin(NamedTuple):
    table: str
    required: bool
    auto_increment: bool


def use_plain_texts(connection: psycopg.Connection[Any]) -> None:
    """Have psycopg leave as texts what records have as texts."""
    from psycopg.adapt import Loader  # noqa: PLC0415 - of the extra "jdbc"
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - as above

    class TextOrBytes(Loader):
        """Of a database without an encoding: texts where they are UTF-8."""

        def load(self, data: Buffer) -> str | bytes:
            try:
                return bytes(data).decode()
            except UnicodeDecodeError:
                return bytes(data)

    as_it_comes = connection.info.parameter_status("server_encoding") == "SQL_ASCII"
    if as_it_comes:
        connection.execute("SET client_encoding TO 'SQL_ASCII'")
        connection.commit()
    for name in (*_PLAIN_TEXTS, *(_TEXTS if as_it_comes else ())):
        connection.adapters.register_loader(name, TextOrBytes if as_it_comes else TextLoader)


class TypeNames:
    """Types that are not PostgreSQL's own: of enumerations, extensions, arrays. They are asked for once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[JdbcType, str]] = dict(_TYPES)

    def look_up(self, connection: psycopg.Connection[Any], oids: Iterable[int]) -> None:
        """Get to know these types."""
        missing = sorted({oid for oid in oids if oid not in self._known})
        if not missing:
            return
        for oid, name, kind, category, element in connection.execute(_OF_TYPES, [missing]).fetchall():
            if category == "A" and kind == "b":
                self._known[oid] = (JdbcType.ARRAY, f"{element or name.removeprefix('_')}[]")
            else:
                self._known[oid] = (_KINDS.get(kind, JdbcType.OTHER), name)

    def type(self, oid: int) -> tuple[JdbcType, str]:
        """JDBC type and name."""
        return self._known.get(oid, (JdbcType.OTHER, f"oid {oid}"))


class ServerSelection:
    """A query whose rows stay with the server until they are fetched.

    Args:
        connection: in its transaction.
        text: of the query, with ``%s``.
        parameters: of the query; None for a text without placeholders.
        batch_rows: rows to fetch at once.
        names: of types.
        settings: of the connection.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        text: bytes,
        parameters: Sequence[Any] | None,
        batch_rows: int,
        names: TypeNames,
        settings: Settings,
    ) -> None:
        self._settings = settings
        self._name = f"linkspan_{next(_numbers)}"
        self._connection = connection
        self._cursor = connection.cursor()
        self._ended = False
        declare = f"DECLARE {self._name} NO SCROLL CURSOR FOR ".encode() + text
        self._cursor.execute(declare, parameters, prepare=False)
        self._ready: Sequence[Row] = self._next(batch_rows)
        result = self._cursor.pgresult
        assert result is not None
        self.columns = tuple(_columns(connection, result, names))

    def fetch(self, count: int) -> Sequence[Row]:
        """The next rows."""
        if not self._ready:
            return () if self._ended else self._next(count)
        ready, self._ready = self._ready[:count], self._ready[count:]
        if len(ready) < count and not self._ended:
            return [*ready, *self._next(count - len(ready))]
        return ready

    def _next(self, count: int) -> Sequence[Row]:
        import psycopg  # noqa: PLC0415 - of the extra "jdbc"

        self._cursor.execute(f"FETCH FORWARD {count} FROM {self._name}".encode(), prepare=False)
        result = self._cursor.pgresult
        assert result is not None
        self._ended = result.ntuples < count
        try:
            return self._cursor.fetchall()
        except psycopg.DataError:  # a date or time that Python cannot hold
            return _loaded_anyhow(self._connection, result, self._settings)

    def close(self) -> None:
        """Close the cursor, also that of the server; the transaction stays open."""
        import psycopg  # noqa: PLC0415 - of the extra "jdbc"

        with suppress(psycopg.Error):
            if self._connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
                self._cursor.execute(f"CLOSE {self._name}".encode(), prepare=False)
            self._cursor.close()


def _columns(connection: psycopg.Connection[Any], result: PGresult, names: TypeNames) -> Iterable[ResultColumn]:
    count = range(result.nfields)
    names.look_up(connection, map(result.ftype, count))
    origins = _origins(connection, {table for table in map(result.ftable, count) if table})
    for index in count:
        kind, name = names.type(result.ftype(index))
        label = result.fname(index)
        assert label is not None
        origin = origins.get((result.ftable(index), result.ftablecol(index)))
        column = ResultColumn(
            label.decode(errors="replace"),
            kind,
            name,
            nullable=None if origin is None else not origin.required,
            auto_increment=None if origin is None else origin.auto_increment,
            table=None if origin is None else origin.table,
        )
        if kind is JdbcType.ARRAY:
            yield column._replace(load=_array_loader(connection))
        else:
            yield _detailed(column, result.fmod(index))


def _array_loader(connection: psycopg.Connection[Any]) -> Callable[[Any], Any]:
    """Makes lists of texts of arrays that psycopg leaves as texts, such as those of enumerations, or cannot hold."""
    from psycopg.adapt import Transformer  # noqa: PLC0415 - of the extra "jdbc"
    from psycopg.pq import Format  # noqa: PLC0415 - as above

    texts = Transformer(connection).get_loader(_TEXT_ARRAY, Format.TEXT)

    def load(value: Any) -> Any:  # noqa: ANN401 - of psycopg
        text = value.text if isinstance(value, OutOfRange) else value
        return texts.load(text.encode()) if isinstance(text, str) else value

    return load


def _origins(connection: psycopg.Connection[Any], tables: set[int]) -> dict[tuple[int, int], _Origin]:
    if not tables:
        return {}
    rows = connection.execute(_OF_COLUMNS, [sorted(tables)]).fetchall()
    return {(oid, number): _Origin(name, required, rising) for oid, number, name, required, rising in rows}


def _detailed(column: ResultColumn, modifier: int) -> ResultColumn:
    """With what the modifier of the type says, and with what makes values of what psycopg gives."""
    match column.type_name:
        case "numeric" if modifier >= 4:
            scale = (((modifier - 4) & 0x7FF) ^ 0x400) - 0x400
            return column._replace(precision=((modifier - 4) >> 16) & 0xFFFF, scale=scale)
        case "bpchar" | "varchar" if modifier >= 4:
            return column._replace(precision=modifier - 4)
        case "bit":
            return _of_bits(column, modifier)
        case "money":
            return column._replace(load=_money)
    return column


def _of_bits(column: ResultColumn, length: int) -> ResultColumn:
    if length <= 1:
        return column._replace(type=JdbcType.BOOLEAN, precision=1, load=lambda text: text == "1")
    if length <= 8:
        return column._replace(type=JdbcType.TINYINT, precision=length, load=_signed_byte)
    size = (length + 7) // 8
    return column._replace(type=JdbcType.BINARY, precision=length, load=lambda text: int(text, 2).to_bytes(size, "big"))


def _signed_byte(text: str) -> int:
    number = int(text, 2)
    return number - 256 if number > 127 else number


_DIGITS: Final = re.compile(r"[^\d.,]")


def _money(text: str) -> float:
    """An amount as the server's locale writes it."""
    digits = _DIGITS.sub("", text).strip(".,")
    match = re.search(r"[.,](\d{1,2})$", digits)
    fraction = match[1] if match else ""
    whole = re.sub(r"[.,]", "", digits[: match.start()] if match else digits)
    amount = float(Decimal(f"{whole or '0'}.{fraction or '0'}"))
    return -amount if "-" in text or "(" in text else amount


def _loaded_anyhow(connection: psycopg.Connection[Any], result: PGresult, settings: Settings) -> list[Row]:
    """The rows of a result, with :class:`OutOfRange` for what Python cannot hold."""
    from psycopg.adapt import PyFormat, Transformer  # noqa: F401, PLC0415 - of the extra "jdbc"

    loaders = Transformer(connection)
    loaders.set_pgresult(result)
    rows: list[Row] = []
    for index in range(result.ntuples):
        values = []
        for column in range(result.nfields):
            data = result.get_value(index, column)
            values.append(None if data is None else _value(loaders, data, result.ftype(column), settings))
        rows.append(tuple(values))
    return rows


def _value(loaders: Any, data: bytes, oid: int, settings: Settings) -> Any:  # noqa: ANN401 - of any type
    import psycopg  # noqa: PLC0415 - of the extra "jdbc"

    try:
        return loaders.get_loader(oid, psycopg.pq.Format.TEXT).load(data)
    except psycopg.DataError:
        text = bytes(data).decode(errors="replace")
        return moment_in_utc(text) or OutOfRange(text, epoch_ms(text, settings))
