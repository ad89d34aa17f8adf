"""Databases of a test, each of its own and empty at first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

__all__ = ["Session", "Target"]


class Target(NamedTuple):
    """A database.

    Attributes:
        kind: ``postgresql``, ``mariadb`` or ``sqlite``.
        url: JDBC URL without credentials.
        user: who may do everything in it.
        password: of the user.
        sessions: that were opened, for whoever made the target to close.
    """

    kind: str
    url: str
    user: str | None
    password: str | None
    sessions: list[Session]

    @property
    def settings(self) -> dict[str, str]:
        """Of a connector."""
        given = {"connection.user": self.user, "connection.password": self.password}
        return {"connection.url": self.url, **{key: value for key, value in given.items() if value is not None}}

    def session(self, query: str = "", **settings: Any) -> Session:
        """A connection as a connector has it.

        Args:
            query: what is put behind the URL.
            settings: further ones of :class:`Settings`.
        """
        dialect = dialect_of(Settings(parse(self.url + query), **settings))
        client = Client(dialect, lambda: Credentials(self.user, self.password), "linkspan-test")
        made = Session(dialect, client.connection())
        self.sessions.append(made)
        return made

    def close(self) -> None:
        """Close what was opened."""
        for session in self.sessions:
            with suppress(Exception):
                session.connection.close()


class Session(NamedTuple):
    """A connection with its dialect."""

    dialect: Dialect
    connection: DriverConnection

    def run(self, *statements: str) -> None:
        """Run statements and commit."""
        for statement in statements:
            self.dialect.run(self.connection, statement)
        self.connection.commit()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of a query by label, with their columns' ``load`` applied; ends the transaction."""
        selection = self.dialect.select(self.connection, statement, parameters, batch_rows=100)
        found: list[dict[str, Any]] = []
        while rows := selection.fetch(100):
            found.extend(
                {
                    column.label: value if value is None or column.load is None else column.load(value)
                    for column, value in zip(selection.columns, row, strict=True)
                }
                for row in rows
            )
        selection.close()
        self.connection.rollback()
        return found
