"""Sink tasks on the databases of a test, which plays the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integration.jdbc.targets import Target
from linkspan_connectors.jdbc.sink import JdbcSinkTask
from tests.connectors.jdbc.sinking import sink

__all__ = ["UPSERT", "rows", "sinking"]

UPSERT = {"insert_mode": "upsert", "pk_mode": "record_key"}


@contextmanager
def sinking(target: Target, query: str = "", **changes: str) -> Iterator[JdbcSinkTask]:
    """A sink task that runs; keys are written with underscores.

    Args:
        target: where it writes.
        query: what is put behind the URL.
        changes: of its configuration.
    """
    given = {key.replace(".", "_"): value for key, value in target.settings.items()}
    url = given.pop("connection_url") + query
    with sink(url, **{**given, **changes}) as task:
        yield task


def rows(target: Target, query: str = "SELECT id, item, amount FROM orders ORDER BY id") -> list[tuple[Any, ...]]:
    """What a query of the test's own gives."""
    session = target.session()
    try:
        return session.dialect.ask(session.connection, query)
    finally:
        session.connection.close()
