"""The measurements. Each takes a worker of either kind, does one thing through its REST API, and returns one figure."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # not in its __all__

from integration.bench.footprint import cpu_seconds, memory_mb
from integration.services.kafka import request

_PATIENCE_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 5.0
_SETTLE_SECONDS: Final = 8.0
_CPU_WINDOW_SECONDS: Final = 20.0
_FILE: Final = "org.apache.kafka.connect.file.FileStream"
STRING: Final = {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
JSON: Final = {
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
}

POISON: Final = 100
"""One of so many records of a poisoned topic is bad."""
CONTEXT_HEADERS: Final = {"errors.deadletterqueue.context.headers.enable": "true"}
_TRANSFORMS: Final = "org.apache.kafka.connect.transforms."
TRANSFORMED: Final = {
    **JSON,
    "transforms": "insert,replace,cast",
    "transforms.insert.type": f"{_TRANSFORMS}InsertField$Value",
    "transforms.insert.topic.field": "origin",
    "transforms.insert.timestamp.field": "written",
    "transforms.replace.type": f"{_TRANSFORMS}ReplaceField$Value",
    "transforms.replace.exclude": "customer",
    "transforms.replace.renames": "item:article",
    "transforms.cast.type": f"{_TRANSFORMS}Cast$Value",
    "transforms.cast.spec": "id:string,units:int32",
}


class Worker(Protocol):
    """A standalone worker of either kind."""

    url: str

    @property
    def pid(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> object: ...


class Topics:
    """Makes topics on the broker, fills them, and looks how full they are."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-watch", "log_level": 0})

    def create(self, name: str, partitions: int = 1) -> None:
        """Create a topic whose records stay."""
        topic = NewTopic(name, partitions, 1, config={"retention.ms": "-1"})
        self._admin.create_topics([topic])[name].result(30)

    def fill(self, name: str, payloads: Sequence[bytes]) -> None:
        """Write the payloads as values, in order."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "linger.ms": 20, "batch.size": 1_000_000, "acks": "all"}
        )
        for begin in range(0, len(payloads), 10_000):
            producer.produce_batch(name, [{"value": item} for item in payloads[begin : begin + 10_000]], partition=0)
            while len(producer) > 50_000:
                producer.poll(0.01)
        producer.flush()

    def end(self, name: str) -> int:
        """Number of records in partition 0."""
        return int(self._consumer.get_watermark_offsets(TopicPartition(name, 0), timeout=10)[1])

    def delete(self, name: str) -> None:
        """Remove a topic."""
        self._admin.delete_topics([name])[name].result(30)


def rate_of(worker: Worker, name: str, config: Mapping[str, object], seen: Callable[[], int], count: int) -> float:
    """Any connector with one task: records per second from when some are seen first until all are."""
    _create(worker, name, config)
    rate = _rate(worker, name, seen, count)
    _delete(worker, name)
    return rate


def source_rate(
    worker: Worker, topics: Topics, file: Path, count: int, config: Mapping[str, object] | None = None
) -> float:
    """File → Kafka: records per second from the first to the last record in the topic."""
    name = new_name("source")
    topics.create(name)
    source = {"connector.class": f"{_FILE}SourceConnector", "file": file, "topic": name, **STRING}
    rate = rate_of(worker, name, {**source, **(config or {})}, lambda: topics.end(name), count)
    topics.delete(name)
    return rate


def sink_rate(worker: Worker, topic: str, count: int, converter: Mapping[str, str], folder: Path) -> float:
    """Kafka → file: lines per second from the first to the last line in the file."""
    name = new_name("sink")
    file = folder / f"{name}.out"
    file.touch()
    sink = {"connector.class": f"{_FILE}SinkConnector", "file": file, "topics": topic, **converter}
    with file.open("rb", buffering=0) as content:
        lines = 0

        def seen() -> int:
            nonlocal lines
            while chunk := content.read(1 << 22):
                lines += chunk.count(b"\n")
            return lines

        rate = rate_of(worker, name, sink, seen, count)
    file.unlink()
    return rate


def poisoned_rate(
    worker: Worker, topics: Topics, topic: str, count: int, folder: Path, errors: Mapping[str, str]
) -> float:
    """Kafka → file with one bad record in :data:`POISON`, all tolerated: lines per second; each gets its letter."""
    queue = new_name("dlq")
    topics.create(queue)
    letters = {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": queue,
        "errors.deadletterqueue.topic.replication.factor": "1",
        **errors,
    }
    bad = -(-count // POISON)
    rate = sink_rate(worker, topic, count - bad, {**JSON, **letters}, folder)
    if topics.end(queue) != bad:
        raise RuntimeError(f"{topics.end(queue)} of {bad} letters are in {queue}")
    topics.delete(queue)
    return rate


def start_seconds(worker: Worker, launch: Callable[[], None]) -> float:
    """Process start → first answer of ``GET /``; the worker keeps running."""
    begin = time.perf_counter()
    launch()
    while time.perf_counter() - begin < _PATIENCE_SECONDS:
        try:
            with urllib.request.urlopen(f"{worker.url}/", timeout=5) as answer:
                if answer.status == 200:
                    return time.perf_counter() - begin
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.01)
    raise RuntimeError(f"{worker.url} never answered")


def idle_memory(worker: Worker) -> float:
    """Megabytes of an idle worker, all its processes."""
    time.sleep(_SETTLE_SECONDS)
    return memory_mb(worker.pid)


def idle_tasks(worker: Worker, topics: Topics, folder: Path, tasks: int = 20) -> tuple[float, float]:
    """Megabytes and share of one processor (percent) with that many idle sink tasks."""
    name = new_name("idle")
    topics.create(name, tasks)
    config = {"connector.class": f"{_FILE}SinkConnector", "file": folder / name, "topics": name, "tasks.max": tasks}
    _create(worker, name, {**config, **STRING})
    wait_running(worker, name, tasks)
    time.sleep(_SETTLE_SECONDS)
    before = cpu_seconds(worker.pid)
    time.sleep(_CPU_WINDOW_SECONDS)
    share = 100 * (cpu_seconds(worker.pid) - before) / _CPU_WINDOW_SECONDS
    memory = memory_mb(worker.pid)
    _delete(worker, name)
    topics.delete(name)
    return memory, share


def create_seconds(worker: Worker, topics: Topics, folder: Path) -> float:
    """POST of a connector → its task RUNNING."""
    name = new_name("create")
    topics.create(name)
    begin = time.perf_counter()
    config = {"connector.class": f"{_FILE}SinkConnector", "file": folder / name, "topics": name, **STRING}
    _create(worker, name, config)
    wait_running(worker, name, 1)
    seconds = time.perf_counter() - begin
    _delete(worker, name)
    topics.delete(name)
    return seconds


def new_name(kind: str) -> str:
    """A name that nothing has yet."""
    return f"bench-{kind}-{uuid.uuid4().hex[:8]}"


def _create(worker: Worker, name: str, config: Mapping[str, object]) -> None:
    body = {"name": name, "config": {"tasks.max": "1", **{key: str(value) for key, value in config.items()}}}
    status, answer = request("POST", f"{worker.url}/connectors", body)
    if status != 201:
        raise RuntimeError(f"POST /connectors answered {status}: {answer}")


def _delete(worker: Worker, name: str) -> None:
    request("DELETE", f"{worker.url}/connectors/{name}")


def _states(worker: Worker, name: str) -> list[str]:
    """States of the tasks; raises RuntimeError with the trace when one has failed."""
    status, body = request("GET", f"{worker.url}/connectors/{name}/status")
    tasks = body["tasks"] if status == 200 and isinstance(body, dict) else []
    for task in tasks:
        if task["state"] == "FAILED":
            raise RuntimeError(f"A task of {name} failed: {task.get('trace')}")
    return [task["state"] for task in tasks]


def wait_running(worker: Worker, name: str, tasks: int) -> None:
    """Wait until so many tasks are RUNNING."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _states(worker, name) != ["RUNNING"] * tasks:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} is not running")
        time.sleep(0.005)


def _rate(worker: Worker, name: str, seen: Callable[[], int], count: int) -> float:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    first, begin, looked = 0, 0.0, time.monotonic()
    while time.monotonic() < deadline:
        now, number = time.perf_counter(), seen()
        if number and not begin:
            first, begin = number, now
        if number >= count:
            return (number - first) / max(now - begin, 1e-9)
        if time.monotonic() - looked > _LOOK_SECONDS:
            looked = time.monotonic()
            _states(worker, name)
        time.sleep(0.01)
    raise RuntimeError(f"only {seen()} of {count} records arrived within {_PATIENCE_SECONDS:.0f} s")


def lines(count: int, width: int = 100) -> list[bytes]:
    """Lines of ``width`` bytes without their ends."""
    filling = "the quick brown fox jumps over the lazy dog " * 3
    return [f"{number:010d} {filling}"[:width].encode() for number in range(count)]


def documents(count: int) -> list[bytes]:
    """JSON documents of five fields, about 100 bytes each."""
    text = b'{"id":%d,"customer":"customer-%d","item":"hammer and tongs","units":%d,"total":%d.25}'
    return [text % (number, number % 5000, number % 12, number % 900) for number in range(count)]


def poisoned(payloads: Sequence[bytes]) -> list[bytes]:
    """The same documents, one of :data:`POISON` without its end."""
    return [item[:-1] if number % POISON == 0 else item for number, item in enumerate(payloads)]


def measured() -> str:
    """Where and when the figures are taken, as a sentence of the page."""
    return f"""Machine: {machine()}; Python {sys.version.split()[0]}. Measured on {datetime.now(UTC):%Y-%m-%d} with
`make bench`."""


def machine() -> str:
    """The machine in one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB memory, {os.uname().sysname} {os.uname().release}"
