"""Tables that records are written to: looked up, created and extended (spec/jdbc.md 12).

Every statement here is a transaction of its own, and all of them come before the first row of a ``put``: most databases
end a transaction by themselves when its tables change. Several tasks may do the same at the same time; whoever is
refused looks again, and goes on when somebody else was faster. A kill between any two statements leaves a table that
the next task looks at like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from linkspan.api import ConfigError, ConnectError, CredentialsError, DataError, RetriableError
from linkspan_connectors.jdbc.dialects.dialect import ColumnField, Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["TableRules", "Tables", "column_names"]

_log = logging.getLogger(__name__)


class TableRules(NamedTuple):
    """What the configuration says about tables (spec 9).

    Attributes:
        create: whether a missing table is made.
        evolve: whether missing columns are added.
        kinds: what may be written to, as JDBC calls it.
        retries: how often it is looked again when a change of a table is refused.
        undone: whether changes of rows have to be part of transactions (``x.exactly.once``).
    """

    create: bool = False
    evolve: bool = False
    kinds: tuple[str, ...] = ("TABLE",)
    retries: int = 10
    undone: bool = False


class Tables:
    """The tables of a database, as far as a task writes to them; what was looked up is remembered.

    Args:
        dialect: of the database.
        rules: of the configuration.
    """

    def __init__(self, dialect: Dialect, rules: TableRules) -> None:
        self._dialect = dialect
        self._rules = rules
        self._known: dict[TableId, TableDefinition] = {}

    def forget(self) -> None:
        """Look everything up anew."""
        self._known.clear()

    def ready(self, connection: DriverConnection, table: TableId, fields: Sequence[ColumnField]) -> TableDefinition:
        """Make sure that a table has columns for some fields; ends the transaction of the connection.

        Args:
            connection: without changes in its transaction.
            table: to be written to.
            fields: in the order of CREATE.

        Returns:
            the table, with all of the columns.

        Raises:
            DataError: the table, or a column, is missing and may not be made. Records with other fields may do.
            ConfigError: what is written to the table cannot be undone, and has to be.
            ConnectError: of :meth:`Dialect.failure`.
        """
        definition = self._known.get(table)
        if definition is None or _missing(self._dialect, definition, fields):
            # somebody else may have made it, or added to it
            definition = self._look(connection, table)
        if definition is None:
            definition = self._create(connection, table, fields)
        refusal: ConnectError | None = None
        for _ in range(self._rules.retries + 1):
            missing = _missing(self._dialect, definition, fields)
            if not missing:
                return definition
            self._check_may_add(definition, missing)
            refusal = self._change(connection, self._add_texts(table, missing), f"Adding columns to table {table}")
            definition = self._look(connection, table) or definition
        if refusal is not None:
            raise DataError(refusal.message) from refusal
        raise DataError(
            f"Table {table}: columns were added, and are not there: "
            + _listed(_missing(self._dialect, definition, fields))
        )

    def create_text(self, table: TableId, fields: Sequence[ColumnField]) -> str:
        """The statement that makes a table."""
        return self._dialect.create_table(table, fields)

    def _look(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        with self._dialect.attempt(f"Looking up table {table}"):
            definition = self._dialect.definition(connection, table)
            fits = definition is None or not self._rules.undone or self._dialect.can_undo(connection, definition.table)
            connection.rollback()
        if definition is None:
            self._known.pop(table, None)
            return None
        if definition.kind not in self._rules.kinds:
            raise DataError(
                f"{definition.table} is a {definition.kind}, and table.types allows {', '.join(self._rules.kinds)} only"
            )
        if not fits:
            raise ConfigError.invalid(
                "x.exactly.once", True, f"changes of table {definition.table} are no part of transactions in its engine"
            )
        self._known[table] = definition
        return definition

    def _create(self, connection: DriverConnection, table: TableId, fields: Sequence[ColumnField]) -> TableDefinition:
        if not self._rules.create:
            raise DataError(
                f"Table {table} is missing and auto-creation is disabled; create it, or set auto.create=true"
            )
        text = self.create_text(table, fields)
        refusal = self._change(connection, [text], f"Creating table {table}")
        definition = self._look(connection, table)
        if definition is None and refusal is not None:
            raise DataError(refusal.message) from refusal
        if definition is None:
            raise DataError(f"Table {table} was created, and cannot be seen: check the rights to see it")
        return definition

    def _add_texts(self, table: TableId, missing: Sequence[ColumnField]) -> list[str]:
        return self._dialect.add_columns(table, missing)

    def _change(self, connection: DriverConnection, texts: Sequence[str], what: str) -> ConnectError | None:
        """Run statements, each committed by itself; why one was refused, else None.

        Raises:
            RetriableError: the database cannot be reached or is busy.
            CredentialsError: a right is missing.
        """
        try:
            with self._dialect.attempt(what):
                for text in texts:
                    _log.info("%s: %s", what, text)
                    self._dialect.run(connection, text)
                    connection.commit()
        except (RetriableError, CredentialsError):
            raise
        except ConnectError as failure:
            with self._dialect.attempt("Rolling back"):
                connection.rollback()
            return failure
        return None

    def _check_may_add(self, definition: TableDefinition, missing: Sequence[ColumnField]) -> None:
        name, listed = definition.table, _listed(missing)
        if definition.kind not in ("TABLE", "PARTITIONED TABLE"):
            raise DataError(f"{definition.kind} {name} has no column for {listed}, and only tables can get columns")
        needed = [field for field in missing if not field.schema.optional and field.schema.default is None]
        if needed:
            raise DataError(
                f"Table {name} has no column for {_listed(needed)}, and cannot get one: the field is required and has "
                "no default, which the rows that exist would need. Make the field optional, or add the column"
            )
        if not self._rules.evolve:
            raise DataError(
                f"Table {name} has no column for {listed} and auto-evolution is disabled; add the columns, or set "
                "auto.evolve=true"
            )


def column_names(dialect: Dialect, definition: TableDefinition, names: Sequence[str]) -> dict[str, str]:
    """Names of columns as the table has them, by the names of fields: exactly, else in any case.

    Where names of the table differ in case only, a field has to have its column's exactly. Of names that are too long
    for it the database has the beginning.
    """
    folded = _folded(definition)
    kept = {name: dialect.cut(name) for name in names}
    return {name: cut if cut in definition.columns else folded.get(cut.casefold(), name) for name, cut in kept.items()}


def _folded(definition: TableDefinition) -> dict[str, str]:
    folded = {name.casefold(): name for name in definition.columns}
    return folded if len(folded) == len(definition.columns) else {}


def _missing(dialect: Dialect, definition: TableDefinition, fields: Sequence[ColumnField]) -> list[ColumnField]:
    names = column_names(dialect, definition, [field.name for field in fields])
    return [field for field in fields if names[field.name] not in definition.columns]


def _listed(fields: Sequence[ColumnField]) -> str:
    return ", ".join(field.name for field in fields)
