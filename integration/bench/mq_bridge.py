"""The MQ connectors in a worker of ours: queue → topic and topic → queue, on a real broker.

The stand-in for the queue manager is in the process of the task: its queues never end, or swallow what is put, so that
memory is that of the bridge. What the connectors alone cost is measured by :mod:`integration.bench.mq_connectors`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from integration.bench import mq_connectors, scenario
from integration.bench.mq_connectors import BATCH, BODY, COPIED, HEADERS, JMS
from integration.bench.passage import MARKS, Passage, moments, passage
from integration.bench.table import say
from integration.mq.tasks import SINK, SOURCE, sink_task
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.startup import StartUp
from integration.services.kafka import Broker
from integration.services.linkspan import LinkspanWorker
from linkspan_connectors.ibmmq.message_builders import body_builder
from linkspan_connectors.ibmmq.messages import MessageMaker

HEADING: Final = "IBM MQ"
_STORED: Final = 2000
"""Messages that an endless queue has."""
_FLUSH: Final = {"offset.flush.interval.ms": "250"}


@dataclass
class _Way:
    """One line of the table, and what was measured for it.

    Attributes:
        title: what is measured.
        settings: of the connector, beyond those that all have.
        stored: settings of the sink that has put what a source gets.
    """

    title: str
    settings: Mapping[str, str]
    stored: Mapping[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    memories: list[Sequence[float]] = field(default_factory=list)

    def line(self) -> str:
        """Medians; memory is that of the last round."""
        cost = statistics.median(self.costs)
        memory = " ".join(f"| {each:,.0f} MB" for each in self.memories[-1])
        return f"| {self.title} | {statistics.median(self.rates):,.0f} | {cost:.1f} µs | {1e6 / cost:,.0f} {memory} |"


_SOURCES: Final = (
    _Way("queue → topic, text", JMS),
    _Way("the same over two connections", {**JMS, "mq_connections_per_task": "2"}),
    _Way("queue → topic, text with MQRFH2", JMS, JMS),
    _Way("the same, 3 properties of the user and those of JMS as headers", {**JMS, **HEADERS}, {**JMS, **COPIED}),
)
_SINKS: Final = (_Way("topic → queue, text", {}), _Way("topic → queue, text with MQRFH2", JMS))


def measure(broker: Broker, rounds: int, count: int, folder: Path) -> str:
    """Run all rounds; the section for the page."""
    topics = scenario.Topics(broker.bootstrap)
    topics.create("mq-in")
    topics.fill("mq-in", [BODY.encode()] * count)
    for turn in range(rounds):
        for number, way in enumerate((*_SOURCES, *_SINKS)):
            say(f"MQ, round {turn + 1} of {rounds}: {way.title}")
            place = folder / f"mq-{turn}-{number}"
            run = _sink if way in _SINKS else _source
            _note(way, run(broker, topics, way, count, place))
    topics.delete("mq-in")
    marks = " | ".join(f"after {part * count:,.0f}" for part in MARKS)
    lines = "\n".join(way.line() for way in (*_SOURCES, *_SINKS))
    return f"""Bodies of 1 KiB, {BATCH} messages in a unit of work. The queue manager is the stand-in of the test suite,
in the process of the task behind the `ibmmq` binding, so these are costs of the bridge and not of MQ: over a network
each message costs a round trip, and each commit a write to the queue manager's disk.

A standalone worker with StringConverter on a real broker: {rounds} rounds, {count:,} messages, one task; medians.
Processor time is that of the task's process with all its threads, stand-in and Kafka client included; the column behind
it says how many messages a second of it carries. The task shares the machine's processors with the broker. Memory is
the proportional set size of that process.

{scenario.measured()}

| What | messages/s | processor time for each | messages for each second of it | memory {marks} |
|---|--:|--:|--:|{"--:|" * len(MARKS)}
{lines}

The connectors alone, without runtime and log, in messages for each second of processor time:

{_connectors_alone()}"""


def _connectors_alone() -> str:
    """In a process of their own, for the stand-in has to be loaded before the binding is."""
    command = [sys.executable, "-m", mq_connectors.__name__]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout.strip()


def _note(way: _Way, found: Passage) -> None:
    way.rates.append(found.rate)
    way.costs.append(found.cost)
    way.memories.append(found.memory)
    say(f"  {way.line()}")


def _source(broker: Broker, topics: scenario.Topics, way: _Way, count: int, folder: Path) -> Passage:
    topic = folder.name
    topics.create(topic)
    config = {
        "name": topic,
        "connector.class": "MQSource",
        **SOURCE,
        "topic": topic,
        "mq.batch.size": str(BATCH),
        **_keys(way.settings),
    }
    folder.mkdir()
    manager = StartUp(folder / "queue-manager.txt")
    manager.define_queue("Q1", max_depth=_STORED, endless=True)
    _fill(manager, way.stored)
    found = _watched(broker, config, folder, manager, count, topics.end)
    topics.delete(topic)
    return found


def _sink(broker: Broker, _: scenario.Topics, way: _Way, count: int, folder: Path) -> Passage:
    name = folder.name
    config = {
        "name": name,
        "connector.class": "MQSink",
        **SINK,
        "topics": "mq-in",
        "consumer.override.max.poll.records": str(BATCH),
        "consumer.override.auto.offset.reset": "earliest",
        **_keys(way.settings),
    }
    group = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": f"connect-{name}", "log_level": 0})

    def committed(_: str) -> int:
        (found,) = group.committed([TopicPartition("mq-in", 0)], timeout=10)
        return max(found.offset, 0)

    folder.mkdir()
    manager = StartUp(folder / "queue-manager.txt")
    manager.define_queue("Q1", bottomless=True)
    try:
        return _watched(broker, config, folder, manager, count, committed)
    finally:
        group.close()


def _watched(
    broker: Broker,
    config: Mapping[str, str],
    folder: Path,
    manager: StartUp,
    count: int,
    seen: Callable[[str], int],
) -> Passage:
    """Run one connector in a fresh worker until so many messages have passed."""
    worker = LinkspanWorker(folder, broker.bootstrap, _FLUSH, [config], env=manager.write().environment)
    worker.start()
    try:
        scenario.wait_running(worker, config["name"], 1)
        return passage(moments(worker.pid, worker.log, lambda: seen(config["name"]), count))
    finally:
        worker.stop()


def _keys(settings: Mapping[str, str]) -> dict[str, str]:
    """Keys as they are in a configuration, of those written with underscores."""
    return {key.replace("_", "."): value for key, value in settings.items()}


def _fill(manager: StartUp, settings: Mapping[str, str]) -> None:
    """Messages as a sink with these settings puts them."""
    task = sink_task(**settings)
    maker = MessageMaker(task.config, body_builder(task.config, task.context))
    ((packed,), _) = maker.messages(mq_connectors.batch(1))
    assert packed is not None
    now = time.gmtime()
    descriptor = replace(
        Descriptor.unpack(packed.md),
        put_date=time.strftime("%Y%m%d", now),
        put_time=time.strftime("%H%M%S00", now),
        user_identifier="app",
        put_appl_name="bench",
    )
    for _ in range(_STORED):
        manager.put("Q1", packed.data, descriptor)
