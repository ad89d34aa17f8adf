"""Sink tasks of which the test plays the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from linkspan.api import Schema, SinkRecord, schema
from linkspan.api.records import SinkRecords
from linkspan.api.schema import Type
from linkspan.config.definition import load
from linkspan_connectors.jdbc.sink import JdbcSinkTask
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig

VALUE = Schema(
    Type.STRUCT,
    name="order",
    fields={"id": schema.INT64, "item": schema.OPTIONAL_STRING, "amount": schema.OPTIONAL_FLOAT64},
)
KEY = Schema(Type.STRUCT, fields={"id": schema.INT64})


class Context:
    """What a task sees of the runtime."""

    connector = "orders"
    task = 0
    errant_record_reporter = None
    assignment: frozenset[Any] = frozenset()

    def __init__(self, configs: Mapping[str, str]) -> None:
        self.configs = configs
        self.timeouts: list[int] = []

    def timeout(self, ms: int) -> None:
        self.timeouts.append(ms)


def sink_task(url: str, **changes: str) -> JdbcSinkTask:
    """A sink task that was not started; keys are written with underscores."""
    given = {"connection.url": url, **{key.replace("_", "."): value for key, value in changes.items()}}
    task = JdbcSinkTask()
    task.config = load(JdbcSinkConfig, given)
    context: Any = Context(given)
    task.context = context
    return task


@contextmanager
def sink(url: str, **changes: str) -> Iterator[JdbcSinkTask]:
    """A sink task that runs."""
    task = sink_task(url, **changes)
    try:
        task.start()
        yield task
    finally:
        task.stop()


def order(number: int, item: str | None = "x", amount: float | None = None) -> SinkRecord:
    """A record with a struct as key and value, at the offset of its number."""
    value = {"id": number, "item": item, "amount": amount}
    return SinkRecord("orders", 0, number, value, VALUE, key={"id": number}, key_schema=KEY)


def gone(number: int, offset: int = 0) -> SinkRecord:
    """A record without value."""
    return SinkRecord("orders", 0, offset, None, None, key={"id": number}, key_schema=KEY)


def struct(fields: Mapping[str, Schema], value: object, topic: str = "orders", offset: int = 0) -> SinkRecord:
    """A record without key."""
    return SinkRecord(topic, 0, offset, value, Schema(Type.STRUCT, fields=fields))


def put(task: JdbcSinkTask, *records: SinkRecord) -> None:
    """Give the task these records at once."""
    task.put(SinkRecords(records))
