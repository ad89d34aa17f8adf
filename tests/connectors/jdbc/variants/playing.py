"""Tasks of other vendors' connectors, of which the test plays the runtime."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linkspan.api import Schema, SinkRecord, schema
from linkspan.api.schema import Type
from linkspan.config.definition import load
from linkspan_connectors.jdbc.sink import JdbcSinkTask
from linkspan_connectors.jdbc.sink_connector import JdbcSinkConnector
from tests.connectors.jdbc.sinking import Context

ROW = Schema(
    Type.STRUCT,
    name="shop.orders.Value",
    optional=True,
    fields={"id": schema.INT64, "item": schema.OPTIONAL_STRING},
)
SOURCE = Schema(Type.STRUCT, fields={"db": schema.STRING, "table": schema.STRING})
EVENT = Schema(
    Type.STRUCT,
    name="shop.orders.Envelope",
    fields={"before": ROW, "after": ROW, "source": SOURCE, "op": schema.STRING},
)
KEY = Schema(Type.STRUCT, name="shop.orders.Key", fields={"id": schema.INT64})


class Database:
    """A file of SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"jdbc:sqlite:{path}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._path)
        try:
            found = connection.execute(query).fetchall()
            connection.commit()
            return found
        finally:
            connection.close()


@contextmanager
def sink(connector: type[JdbcSinkConnector], given: Mapping[str, str]) -> Iterator[JdbcSinkTask]:
    """A task that runs, with its configuration as the connector gives it out."""
    instance = connector()
    instance.config = load(connector.config_class, given)  # type: ignore[assignment]
    (config,) = instance.task_configs(1)
    task = connector.task_class()
    task.config = load(connector.config_class, config)
    context: Any = Context(config)
    task.context = context
    try:
        task.start()
        yield task  # type: ignore[misc]
    finally:
        task.stop()


def event(
    operation: str, number: int, item: str | None = "x", *, offset: int = 0, topic: str = "a.orders"
) -> SinkRecord:
    """A change event."""
    row = {"id": number, "item": item}
    before, after = (row, None) if operation == "d" else (None, row)
    if operation == "t":
        before = after = None
    value = {"before": before, "after": after, "source": {"db": "shop", "table": "orders"}, "op": operation}
    key, key_schema = (None, None) if operation == "t" else ({"id": number}, KEY)
    return SinkRecord(topic, 0, offset, value, EVENT, key=key, key_schema=key_schema)
