"""The columns of a table by which its rows are found (spec/jdbc.md 5.4 and 6.2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.filters import mapped_columns
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.queries import Mode
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig, column_mappings
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["TrackedColumns", "detected", "tracked_columns"]

log = logging.getLogger(__name__)


class TrackedColumns(NamedTuple):
    """Columns of one table.

    Attributes:
        timestamps: of which the first one that is not null counts; none in a mode without.
        identity: the incrementing column; None in a mode without.
    """

    timestamps: Sequence[str] = ()
    identity: str | None = None


def tracked_columns(
    config: JdbcSourceConfig, mode: Mode, definition: TableDefinition, table: TableId
) -> TrackedColumns:
    """The columns that the configuration names, or the database fills; they are there, and null only where it may be.

    Args:
        config: of connector or task.
        mode: of it.
        definition: of the table.
        table: its name.

    Raises:
        ConfigError: a column is not there or may be null, or none can be found.
    """
    timestamps: Sequence[str] = config.timestamp_column_name if mode.uses_timestamp else ()
    identity = config.incrementing_column_name if mode.uses_id else None
    if config.table_include_list:
        of_time, of_id = column_mappings(config)
        if mode.uses_timestamp:
            timestamps = mapped_columns("timestamp.columns.mapping", of_time, table)
        if mode.uses_id:
            (identity,) = mapped_columns("incrementing.column.mapping", of_id, table)
    if mode.uses_id and not identity:
        identity = detected(definition)
    _check(definition, timestamps, identity, may_be_null=not config.validate_non_null)
    return TrackedColumns(timestamps, identity)


def _check(definition: TableDefinition, timestamps: Sequence[str], identity: str | None, *, may_be_null: bool) -> None:
    table, columns = definition.table, definition.columns
    folded = {name.casefold(): column for name, column in columns.items()}
    missing = [name for name in timestamps if name.casefold() not in folded]
    if identity is not None and identity not in columns:
        missing.append(identity)
    if missing:
        raise ConfigError(
            f"Table {table} has no column {', '.join(missing)}; it has {', '.join(columns)}",
            "timestamp.column.name" if timestamps and missing[0] != identity else "incrementing.column.name",
        )
    if may_be_null:
        return
    if identity is not None and columns[identity].nullable:
        raise ConfigError(
            f"Cannot make incremental queries using incrementing column {identity} on {table} because this column "
            "is nullable; make it NOT NULL, or set validate.non.null=false to leave out rows where it is null",
            "incrementing.column.name",
        )
    if timestamps and all(folded[name.casefold()].nullable for name in timestamps):
        raise ConfigError(
            f"Cannot make incremental queries using timestamp columns {', '.join(timestamps)} on {table} because "
            "all of these columns nullable; make one NOT NULL, or set validate.non.null=false to leave out rows "
            "where all are null",
            "timestamp.column.name",
        )


def detected(definition: TableDefinition) -> str:
    """The column that the database fills with rising numbers."""
    found = [column.name for column in definition.columns.values() if column.auto_increment]
    if not found:
        raise ConfigError(
            f"Table {definition.table} has no column that the database fills with rising numbers; name one with "
            "incrementing.column.name",
            "incrementing.column.name",
        )
    if len(found) > 1:
        log.info("Table %s: %s is taken as the incrementing column", definition.table, found[0])
    return found[0]
