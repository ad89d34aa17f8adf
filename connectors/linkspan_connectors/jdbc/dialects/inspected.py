"""Databases that are known through SQLAlchemy only: it connects, and tells tables and the types of their columns.

Columns of a query have the types that its tables were declared with; those that are computed, the type of their first
value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import CursorSelection, Dialect
from linkspan_connectors.jdbc.dialects.native_types import NATIVE, loads, sized, type_of_value
from linkspan_connectors.jdbc.dialects.projection import ALL, projection
from linkspan_connectors.jdbc.drivers import DriverConnection, DriverCursor, ParameterStyle, driver
from linkspan_connectors.jdbc.errors import Kind, Refusal, kind_of_state
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import JdbcType, ResultColumn, Selection
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition, inspector

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["InspectedDialect"]

_STYLES: Final[Mapping[str, ParameterStyle]] = {
    "qmark": "qmark",
    "format": "format",
    "pyformat": "format",
    "numeric": "numeric",
    "numeric_dollar": "dollar",
}


class InspectedDialect(Dialect):
    """A database that SQLAlchemy has a dialect for."""

    package: ClassVar[str] = ""
    """What pip has to install; empty for what ``linkspan[jdbc]`` brings."""
    grammar: ClassVar[str | None] = None
    """What sqlglot calls the database."""
    native: ClassVar[Mapping[str, JdbcType]] = {}
    """Types whose names are this database's own, or mean something else in it."""
    unsigned: ClassVar[Collection[str]] = ()
    """Names of types whose numbers are never negative."""

    @property
    def engine_name(self) -> str:
        """SQLAlchemy's name of dialect and driver."""
        return self.sqlalchemy_name

    def engine_url(self, credentials: Credentials, application: str) -> URL:
        """The URL that SQLAlchemy connects to."""
        del application
        import sqlalchemy  # noqa: PLC0415 - of the extra "jdbc"

        url = self.settings.url
        host = url.hosts[0] if url.hosts else None
        kept = {name: value for name, value in self.settings.all_properties.items() if name not in _OWN_PROPERTIES}
        return sqlalchemy.URL.create(
            self.engine_name,
            username=credentials.user or self.settings.option("user") or url.user,
            password=credentials.password or self.settings.option("password") or url.password,
            host=host.name if host is not None else None,
            port=host.port if host is not None else None,
            database=url.database,
            query=kept,
        )

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open a connection with the driver that SQLAlchemy chooses."""
        sqlalchemy = driver("sqlalchemy", "linkspan[jdbc]", self.title)
        try:
            engine = sqlalchemy.create_engine(self.engine_url(credentials, application))
        except (sqlalchemy.exc.NoSuchModuleError, ImportError) as error:
            raise ConfigError(self._missing(error), "connection.url") from error
        except sqlalchemy.exc.ArgumentError as error:
            raise ConfigError.invalid("connection.url", str(self.settings.url), str(error)) from error
        dialect = engine.dialect
        self.parameter_style = _STYLES.get(dialect.dbapi.paramstyle, "format")
        arguments, options = dialect.create_connect_args(engine.url)
        return cast("DriverConnection", dialect.connect(*arguments, **options))

    def _missing(self, error: Exception) -> str:
        protocol = self.settings.url.protocol
        hint = f"pip install '{self.package}'" if self.package else f"the dialect of SQLAlchemy for {protocol}"
        return f"There is no driver for jdbc:{protocol}: databases ({error}); install it: {hint}"

    def set_isolation(self, connection: DriverConnection, mode: str) -> bool:
        """As SQLAlchemy knows how."""
        sqlalchemy = driver("sqlalchemy", "linkspan[jdbc]", self.title)
        dialect = sqlalchemy.create_engine(f"{self.engine_name}://").dialect
        try:
            dialect.set_isolation_level(connection, mode.replace("_", " "))
        except (NotImplementedError, sqlalchemy.exc.ArgumentError):
            return False
        return True

    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Rows as the driver streams them."""
        origins = self._origins(connection, statement)
        cursor: DriverCursor = connection.cursor()
        try:
            with suppress(AttributeError):
                cursor.arraysize = batch_rows  # type: ignore[attr-defined]  # most drivers fetch so many at once
            if parameters:
                cursor.execute(self.text(statement), tuple(parameters))
            else:
                cursor.execute(self.text(statement, parameters=False))
            first = [tuple(row) for row in cursor.fetchmany(batch_rows)]
            columns = [
                self._column(described, origins.get(index), [row[index] for row in first])
                for index, described in enumerate(cursor.description or ())
            ]
        except BaseException:
            with suppress(Exception):
                cursor.close()
            raise
        return CursorSelection(cursor, columns, first)

    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Run it for no rows."""
        self.ask(connection, f"SELECT * FROM ({statement}) q WHERE 1 = 0")

    def _column(self, described: Sequence[Any], origin: _Origin | None, values: Sequence[Any]) -> ResultColumn:
        column = ResultColumn(described[0], JdbcType.OTHER)
        if origin is None:
            value = next((value for value in values if value is not None), None)
            kind = type_of_value(value)
            scale = max((_scale(value) for value in values), default=0) if kind is JdbcType.DECIMAL else 0
            return column._replace(type=kind, scale=scale, load=loads(kind))
        table, found = origin
        column = sized(column, found.type_name)
        name = column.type_name
        kind = self.native.get(name) or NATIVE.get(name) or JdbcType.OTHER
        return column._replace(
            type=kind,
            signed=column.signed and name not in self.unsigned,
            nullable=found.nullable,
            auto_increment=found.auto_increment,
            table=table,
            load=loads(kind),
        )

    def _origins(self, connection: DriverConnection, statement: str) -> dict[int, _Origin]:
        found: dict[int, _Origin] = {}
        place = 0
        for projected in projection(statement, self.grammar):
            definitions = [self.definition(connection, TableId(*table)) for table in projected.tables]
            tables = [each for each in definitions if each is not None]
            if projected.column == ALL:
                if not tables:
                    return found
                columns = tables[0].columns.values()
                found.update((place + at, (tables[0].table.name, column)) for at, column in enumerate(columns))
                place += len(columns)
                continue
            for table in tables:
                name = projected.column.casefold()
                column = next((each for each in table.columns.values() if each.name.casefold() == name), None)
                if column is not None:
                    found[place] = (table.table.name, column)
                    break
            place += 1
        return found

    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Those of the schemas that fit, else of the schema of the connection."""
        del catalog
        found = inspector(self.engine_name, connection)
        schemas = [None] if not schema else [name for name in found.get_schema_names() if _is_like(name, schema)]
        lists = {"TABLE": found.get_table_names, "VIEW": found.get_view_names}
        listed = [
            TableId(None, self._schema(found, name), table)
            for kind in sorted(lists.keys() & set(kinds))
            for name in schemas
            for table in sorted(lists[kind](schema=name))
        ]
        return list(dict.fromkeys(listed))

    def _schema(self, found: Any, name: str | None) -> str | None:  # noqa: ANN401 - SQLAlchemy's Inspector
        return name if name is not None else cast("str | None", found.default_schema_name)

    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """As SQLAlchemy tells it."""
        import sqlalchemy  # noqa: PLC0415 - of the extra "jdbc"

        found = inspector(self.engine_name, connection)
        try:
            described = found.get_columns(table.name, schema=table.namespace)
        except sqlalchemy.exc.NoSuchTableError:
            return None
        if not described:
            return None
        keys = tuple(found.get_pk_constraint(table.name, schema=table.namespace).get("constrained_columns") or ())
        is_view = table.name in found.get_view_names(schema=table.namespace)
        columns = {str(each["name"]): _table_column(each, found.dialect, keys) for each in described}
        return TableDefinition(table, "VIEW" if is_view else "TABLE", columns, keys)

    def refusal(self, error: BaseException) -> Refusal:
        """By the SQLState in the error, else by its class."""
        text = str(error)
        match = _STATE.search(text)
        state = getattr(error, "sqlstate", None) or (match[1] if match is not None else None)
        kind = kind_of_state(state) or next(
            (found for each in type(error).__mro__ for name, found in _BY_CLASS if each.__name__ == name), Kind.FINAL
        )
        if kind is Kind.AGAIN and _CONNECTION.search(text) is not None:
            kind = Kind.UNREACHABLE
        return Refusal(kind, text, state)


_Origin = tuple[str, TableColumn]
_OWN_PROPERTIES: Final = frozenset({"user", "password"})
_STATE: Final = re.compile(r"SQLSTATE[=:\s\[]+([0-9A-Z]{5})\b")
_CONNECTION: Final = re.compile(r"connect|socket|closed|gone away|unreachable|communication|timed out", re.IGNORECASE)
_BY_CLASS: Final = (
    ("IntegrityError", Kind.RECORD),
    ("DataError", Kind.RECORD),
    ("ProgrammingError", Kind.FINAL),
    ("NotSupportedError", Kind.FINAL),
    ("OperationalError", Kind.AGAIN),
    ("InterfaceError", Kind.UNREACHABLE),
    ("OSError", Kind.UNREACHABLE),
)
"""Classes of PEP 249."""


def _table_column(described: Mapping[str, Any], dialect: Any, keys: Sequence[str]) -> TableColumn:  # noqa: ANN401 - SQLAlchemy's
    name = str(described["name"])
    kind = described["type"]
    try:
        native = kind.compile(dialect=dialect)
    except Exception:  # noqa: BLE001 - supervision point: dialects of others raise what they want for types of theirs
        native = type(kind).__name__
    rising = bool(described.get("identity")) or described.get("autoincrement") is True
    default = described.get("default")
    return TableColumn(
        name,
        str(native).lower(),
        bool(described.get("nullable", True)) and name not in keys,
        rising or "nextval(" in str(default or ""),
        default is not None or rising,
    )


def _scale(value: Any) -> int:  # noqa: ANN401 - of a driver
    exponent = value.as_tuple().exponent if hasattr(value, "as_tuple") else 0
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _is_like(name: str, pattern: str) -> bool:
    """As LIKE has it."""
    parts = ("." if each == "_" else ".*" if each == "%" else re.escape(each) for each in pattern)
    return re.fullmatch("".join(parts), name) is not None
