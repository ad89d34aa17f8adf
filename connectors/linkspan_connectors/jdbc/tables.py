"""Tables of a database: which there are, and what their columns are. Asked through SQLAlchemy's Inspector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId

__all__ = ["TableColumn", "TableDefinition", "inspector"]


class TableColumn(NamedTuple):
    """A column of a table.

    Attributes:
        name: as the database has it.
        type_name: native type, in lower case, with its arguments as far as the database shows them.
        nullable: whether it takes null; False for columns of the primary key.
        auto_increment: whether the database fills it with rising numbers: identity, serial, a sequence's default.
        has_default: whether the database fills it with something when it is not given.
    """

    name: str
    type_name: str = ""
    nullable: bool = True
    auto_increment: bool = False
    has_default: bool = False


class TableDefinition(NamedTuple):
    """A table, view or what else has columns.

    Attributes:
        table: with all parts of its name that are known.
        kind: ``TABLE``, ``VIEW``, ``PARTITIONED TABLE`` …, as JDBC calls it.
        columns: in their order, by name.
        keys: columns of the primary key, in its order.
    """

    table: TableId
    kind: str
    columns: Mapping[str, TableColumn]
    keys: tuple[str, ...] = ()

    @property
    def types(self) -> dict[str, str]:
        """Native types by column, for statements."""
        return {column.name: column.type_name for column in self.columns.values()}


def inspector(sqlalchemy_name: str, connection: DriverConnection) -> Any:  # noqa: ANN401 - SQLAlchemy's Inspector
    """SQLAlchemy's Inspector on a connection that is open already; use it once, it remembers what it was told.

    What it asks runs in the transaction of the connection, which the caller ends.
    """
    import sqlalchemy  # noqa: PLC0415 - of the extra "jdbc"
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415 - of the extra "jdbc"

    engine = sqlalchemy.create_engine(
        f"{sqlalchemy_name}://", creator=lambda: connection, poolclass=StaticPool, pool_reset_on_return=None
    )
    return sqlalchemy.inspect(engine)
