"""Tasks of the connectors on a queue manager in this process: the test plays the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from linkspan.api import Converter, SinkRecord, SourceRecord
from linkspan.api.records import SinkRecords
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig
from linkspan_connectors.ibmmq.sink import MqSinkTask
from linkspan_connectors.ibmmq.source import MqSourceTask

CONNECTION = {
    "mq.queue.manager": "QM1",
    "mq.queue": "Q1",
    "mq.connection.name.list": "localhost(1414)",
    "mq.channel.name": "DEV.APP.SVRCONN",
}
SOURCE = {
    **CONNECTION,
    "topic": "t",
    "mq.record.builder": "com.ibm.eventstreams.connect.mqsource.builders.DefaultRecordBuilder",
    "mq.message.receive.timeout": "1",
    "mq.reconnect.delay.min.ms": "1",
    "mq.reconnect.delay.max.ms": "10",
}
SINK = {
    **CONNECTION,
    "mq.message.builder": "com.ibm.eventstreams.connect.mqsink.builders.DefaultMessageBuilder",
}


class Context:
    """What a task sees of the runtime."""

    connector = "orders"
    task = 0
    exactly_once = True
    errant_record_reporter = None
    assignment: frozenset[Any] = frozenset()

    def __init__(self, configs: Mapping[str, str]) -> None:
        self.configs = configs

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> Converter:  # noqa: ARG002 - the contract
        made = JsonConverter()
        made.configure(load(JsonConverter.config_class, {"converter.type": "value", **settings}), is_key=False)
        return made


def source_task(**changes: str) -> MqSourceTask:
    """A source task that was not started; keys are written with underscores."""
    given = {**SOURCE, **{key.replace("_", "."): value for key, value in changes.items()}}
    task = MqSourceTask()
    task.config = load(MqSourceConfig, given)
    context: Any = Context(given)
    task.context = context
    return task


def sink_task(**changes: str) -> MqSinkTask:
    """A sink task that was not started; keys are written with underscores."""
    given = {**SINK, **{key.replace("_", "."): value for key, value in changes.items()}}
    task = MqSinkTask()
    task.config = load(MqSinkConfig, given)
    context: Any = Context(given)
    task.context = context
    return task


@contextmanager
def source(**changes: str) -> Iterator[MqSourceTask]:
    """A source task that runs."""
    task = source_task(**changes)
    try:
        task.start()
        yield task
    finally:
        task.stop()


@contextmanager
def sink(**changes: str) -> Iterator[MqSinkTask]:
    """A sink task that runs."""
    task = sink_task(**changes)
    try:
        task.start()
        yield task
    finally:
        task.stop()


def acknowledge(task: MqSourceTask, records: Sequence[SourceRecord] | None) -> None:
    """The log has these."""
    task.commit_batch(records or ())


def values(records: Sequence[SourceRecord] | None) -> list[Any]:
    """Values of what a poll returned."""
    return [record.value for record in records or ()]


def records(*given: Any, first: int = 0) -> SinkRecords:
    """Records of one partition with these values, or as they are."""
    return SinkRecords(
        [
            each if isinstance(each, SinkRecord) else SinkRecord("t", 0, first + at, each)
            for at, each in enumerate(given)
        ]
    )
