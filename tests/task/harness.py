# ruff: noqa: ARG002, ARG005 - stand-ins take what the real ones take
"""What the loop tests are driven with: a worker that answers at once, scripted tasks, clients that can be disturbed.

Everything runs on one thread. A scripted source stops the loop when its script is over; a recording sink stops it when
its ``until`` is true.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from linkspan.api.converter import Converter, HeaderConverter, SchemaAndValue
from linkspan.api.errors import DataError, RetriableError
from linkspan.api.fields import Config
from linkspan.api.records import SinkBatch, SourceRecord, TopicPartition
from linkspan.api.task import SinkTask, SourceTask
from linkspan.api.transform import Predicate, Transform
from linkspan.log.port import OutgoingBatch, TopicSpec
from linkspan.task.acknowledged import AcknowledgedDelivery, FlushTimes
from linkspan.task.boundaries import Boundary, PollBoundary
from linkspan.task.chain import Chain, Step
from linkspan.task.contexts import SinkContext
from linkspan.task.conversion import Converters
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters
from linkspan.task.errant import ErrantRecords
from linkspan.task.sink import SinkLoop, SinkSettings
from linkspan.task.sink_conversion import SinkConversion
from linkspan.task.source import SourceLoop, wants_records
from linkspan.task.source_conversion import SourceConversion
from linkspan.task.spec import ExactlyOnce
from linkspan.task.suspects import NOBODY, AnySpan, Suspects
from linkspan.task.tolerance import ErrorPolicy, Failure, Tolerance
from linkspan.task.transactions import TransactionalDelivery

NEVER = 3600.0
DEADLINE = 60.0


class Port:
    """A worker that stores offsets in a dict."""

    def __init__(self) -> None:
        self.wanted = "STARTED"
        self.statuses: list[str] = []
        self.traces: list[str | None] = []
        self.code = ""
        self.flights: list[tuple[str, list[tuple[Any, ...]], bool]] = []
        self.passed_spans: list[AnySpan] = []
        self.stored: dict[str, Any] = {}
        self.commits: list[list[tuple[Any, Any]]] = []
        self.commit_errors: list[Exception] = []
        self.topics: list[str] = []
        self.values: Mapping[str, float] = {}
        self.lingering = False
        self.lag: Mapping[TopicPartition, int] = {}
        self.waits: list[float] = []
        self.log: Any = None
        self.calls: list[str] = []
        self.asked_keys = 0
        self.copies: list[list[tuple[Any, Any]]] = []
        self.on_wait: Callable[[], None] = lambda: None

    def wait(self, timeout: float) -> None:
        self.waits.append(timeout)
        self.on_wait()
        time.sleep(min(timeout, 0.001))

    def status(self, state: str, trace: str | None = None, code: str = "") -> None:
        self.statuses.append(state)
        self.traces.append(trace)
        self.code = code

    def calling(self, name: str | None) -> None: ...

    def in_flight(self, call: str, spans: Sequence[AnySpan], *, alone: bool = False) -> None:
        self.flights.append((call, [tuple(span) for span in spans], alone))

    def passed(self, spans: Sequence[AnySpan]) -> None:
        self.passed_spans.extend(spans)

    def read_offsets(self, partitions: Sequence[Mapping[str, object]]) -> list[Any]:
        return [self.stored.get(repr(sorted(partition.items()))) for partition in partitions]

    def commit_offsets(self, offsets: Sequence[tuple[Any, Any]], timeout: float) -> None:
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        self.commits.append(list(offsets))
        for partition, offset in offsets:
            self.stored[repr(sorted(partition.items()))] = offset

    def fence_older(self) -> None:
        self.calls.append("fence_older")

    def confirm(self) -> None:
        self.calls.append("confirm")

    def offset_keys(self, partitions: Sequence[Mapping[str, object]]) -> list[bytes]:
        self.asked_keys += len(partitions)
        return [b'["c",%s]' % json.dumps(partition).encode() for partition in partitions]

    def copy_offsets(self, offsets: Sequence[tuple[Any, Any]]) -> None:
        self.copies.append(list(offsets))

    def ensure_topic(self, spec: TopicSpec) -> bool:
        admin = self.log.admin({})
        created: bool = spec.name not in admin.describe_topics([spec.name]) and admin.create_topic(spec)
        return created

    def lingers(self) -> None:
        self.lingering = True

    def topics_used(self, names: Sequence[str]) -> None:
        self.topics.extend(names)

    def metrics(self, values: Mapping[str, float], lag: Mapping[TopicPartition, int]) -> None:
        self.values, self.lag = values, lag


class Text(Converter, HeaderConverter):
    """UTF-8; refuses ``bad``; raises RetriableError ``flaky`` times; ``fails`` with what is in the list, in turn."""

    def __init__(self) -> None:
        self.flaky = 0
        self.fails: dict[object, list[Exception]] = {}

    def from_connect(self, topic: str, schema: object, value: object, headers: object = None) -> bytes | None:
        self._fail(value)
        if value == "bad":
            raise DataError("refused: bad")
        if self.flaky:
            self.flaky -= 1
            raise RetriableError("not now")
        return None if value is None else str(value).encode()

    def to_connect(self, topic: str, payload: bytes | None, headers: object = None) -> SchemaAndValue:
        self._fail(None if payload is None else payload.decode())
        if payload == b"bad":
            raise DataError("refused: bad")
        return SchemaAndValue(None, None if payload is None else payload.decode())

    def _fail(self, value: object) -> None:
        if errors := self.fails.get(value):
            raise errors.pop(0)

    def from_connect_header(self, topic: str, key: str, schema: object, value: object) -> bytes | None:
        return self.from_connect(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        return self.to_connect(topic, payload)


class Delivery:
    """A delivery whose fate the test decides."""

    def __init__(self, inner: Any, owner: Writer, failures: list[tuple[int, Exception]]) -> None:
        self._inner = inner
        self._owner = owner
        self.failures = failures

    @property
    def done(self) -> bool:
        return not self._owner.hold and self._inner.done


class Writer:
    """A writer that can hold back acknowledgements, refuse values and be out of reach for a while."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.hold = False
        self.refuse: Callable[[bytes | None], bool] = lambda _: False
        self.refusal: Exception = DataError("too large")
        self.errors: list[Exception] = []
        self.closed = False
        self.close_timeouts: list[float] = []
        self.polled: list[float] = []

    def send(self, batch: OutgoingBatch, on_record: Any = None) -> Delivery:
        if self.errors:
            raise self.errors.pop(0)
        bad = [index for index, value in enumerate(batch.values) if self.refuse(value)]
        if not bad:
            delivery = self._inner.send(batch, on_record)
            # acknowledged at once, so that a script knows where it stands; ``hold`` hides it
            assert self._inner.flush(DEADLINE)
            return Delivery(delivery, self, [])
        return Delivery(SimpleNamespace(done=True), self, [(index, self.refusal) for index in bad])

    def poll(self, timeout: float = 0.0) -> None:
        self.polled.append(timeout)
        self._inner.poll(timeout)

    def flush(self, timeout: float) -> bool:
        return bool(self._inner.flush(min(timeout, DEADLINE))) and not self.hold

    def close(self, timeout: float) -> None:
        self.closed = True
        self.close_timeouts.append(timeout)
        self._inner.close(timeout)


class Reader:
    """A reader that lets a test play the group coordinator inside the next poll, and fail commits."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.at_poll: list[Callable[[Any], None]] = []
        self.commit_errors: list[Exception] = []
        self.keeps_place = False
        self.commits: list[dict[TopicPartition, int]] = []
        self.hold_answers = False
        self.answers: list[Callable[[Exception | None], None]] = []
        self.polls = 0
        self.most_records: list[int] = []
        self.paused: set[TopicPartition] = set()
        self.seeks: list[tuple[TopicPartition, int]] = []
        self.close_timeouts: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def subscribe(self, topics: Sequence[str], listener: Any, *, matches: Any = None) -> None:
        self._listener = listener
        self._inner.subscribe(topics, listener, matches=matches)

    def poll(self, timeout: float, max_records: int) -> list[Any]:
        self.polls += 1
        self.most_records.append(max_records)
        if self.at_poll:
            self.at_poll.pop(0)(self._listener)
        return list(self._inner.poll(min(timeout, 0.2), max_records))

    def close(self, timeout: float) -> bool:
        self.close_timeouts.append(timeout)
        return bool(self._inner.close(timeout)) and not self.keeps_place

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.seeks.append((partition, offset))
        self._inner.seek(partition, offset)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.update(partitions)
        self._inner.pause(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.difference_update(partitions)
        self._inner.resume(partitions)

    def commit(self, offsets: Mapping[TopicPartition, int], *, callback: Any = None) -> None:
        if self.commit_errors:
            error = self.commit_errors.pop(0)
            if callback is None:
                raise error
            callback(error)
            return
        self.commits.append(dict(offsets))
        if callback is not None and self.hold_answers:
            self._inner.commit(offsets, callback=lambda error: self.answers.append(callback))
        elif callback is not None:
            self._inner.commit(offsets, callback=callback)
        else:
            self._inner.commit(offsets)


class Reports:
    """Remembers failed records."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def report(self, failures: Sequence[Failure]) -> None:
        self.failures += failures

    def counts(self) -> dict[str, float]:
        return {}


class ScriptedSource(SourceTask[Config]):
    """Plays a script: what ``poll`` returns or raises, or a function that is called first."""

    def __init__(self, port: Port, script: Sequence[Any]) -> None:
        self._port = port
        self.script = list(script)
        self.commits = 0
        self.stopped = 0
        self.polls = 0

    def start(self) -> None: ...

    def poll(self) -> Any:
        self.polls += 1
        if not self.script:
            self._port.wanted = "STOPPED"
            return None
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step() if callable(step) else step

    def commit(self) -> None:
        self.commits += 1

    def stop(self) -> None:
        self.stopped += 1


class NotifiedSource(ScriptedSource):
    """Also wants to hear of every record."""

    def __init__(self, port: Port, script: Sequence[Any]) -> None:
        super().__init__(port, script)
        self.notified: list[tuple[object, int | None]] = []

    def commit_record(self, record: SourceRecord, metadata: Any) -> None:
        self.notified.append((record.value, None if metadata is None else metadata.offset))


class BatchSource(ScriptedSource):
    """Also wants to hear of every poll."""

    def __init__(self, port: Port, script: Sequence[Any]) -> None:
        super().__init__(port, script)
        self.batches: list[Sequence[SourceRecord]] = []

    def commit_batch(self, records: Sequence[SourceRecord]) -> None:
        self.batches.append(records)


class RecordingSink(SinkTask[Config]):
    """Remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.values_put: list[object] = []
        self.places: list[tuple[str, int, int]] = []
        self.batches: list[int] = []
        self.opened: list[list[TopicPartition]] = []
        self.closed: list[list[TopicPartition]] = []
        self.offered: list[dict[TopicPartition, int]] = []
        self.on_put: Callable[[SinkBatch], None] = lambda _: None
        self.on_open: Callable[[Sequence[TopicPartition]], None] = lambda _: None
        self.accept: Callable[[dict[TopicPartition, int]], Any] = lambda offsets: offsets

    def start(self) -> None:
        self.calls.append("start")

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append("open")
        self.opened.append(list(partitions))
        self.on_open(partitions)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append("close")
        self.closed.append(list(partitions))

    def put(self, records: SinkBatch) -> None:
        self.calls.append("put")
        self.on_put(records)
        self.batches.append(len(records))
        self.values_put += records.values
        self.places += [(record.topic, record.partition, record.offset) for record in records]

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Any:
        self.calls.append("pre_commit")
        self.offered.append(dict(offsets))
        return self.accept(dict(offsets))

    def stop(self) -> None:
        self.calls.append("stop")


class SourceRun:
    """A source loop with its surroundings."""

    def __init__(
        self,
        log: Any,
        script: Sequence[Any],
        *,
        policy: ErrorPolicy | None = None,
        interval: float = NEVER,
        steps: Sequence[Step] = (),
        task_class: type[ScriptedSource] = ScriptedSource,
        ensure_topic: Callable[[str], None] | None = None,
        dead_letters: str | None = None,
        flush_timeout: float = 5.0,
    ) -> None:
        self.port = Port()
        self.task = task_class(self.port, script)
        self.writer = Writer(log.writer({}))
        self.reports = Reports()
        self.text = Text()
        self.tolerance = tolerance = Tolerance(policy or ErrorPolicy(), [self.reports], self._pause)
        conversion = SourceConversion(
            Converters(self.text, self.text, self.text), tolerance, Chain(steps, tolerance) if steps else None
        )
        letters = set_aside(dead_letters, self.writer, conversion, tolerance)
        self.delivery = AcknowledgedDelivery(
            self.task,
            self.writer,
            conversion,
            tolerance,
            self.port,  # type: ignore[arg-type]
            FlushTimes(interval, flush_timeout),
            ensure_topic=ensure_topic,
            letters=letters,
        )
        if issubclass(task_class, NotifiedSource):
            conversion.on_drop = self.delivery.dropped
        self.loop = SourceLoop(self.task, self.delivery, tolerance, self.port)  # type: ignore[arg-type]

    def _pause(self, seconds: float) -> bool:
        self.port.wait(seconds)
        return self.port.wanted == "STOPPED"

    def run(self) -> SourceRun:
        self.loop.run()
        return self


def set_aside(topic: str | None, writer: Any, conversion: SourceConversion, tolerance: Tolerance) -> DeadLetters | None:
    """A dead letter queue for a source, if there is a topic."""
    if topic is None:
        return None
    letters = DeadLetters(DeadLetterConfig(topic, 1, context_headers=True), writer, "c", 0)
    tolerance.add(letters)
    conversion.sets_aside = True
    return letters


class TransactionRun:
    """A source loop that delivers in transactions, with its surroundings."""

    def __init__(
        self,
        log: Any,
        script: Sequence[Any],
        boundary: Boundary | None = None,
        *,
        policy: ErrorPolicy | None = None,
        steps: Sequence[Step] = (),
        task_class: type[ScriptedSource] = ScriptedSource,
        transactional_id: str | None = None,
        offset_topic: str | None = None,
        copies_offsets: bool = False,
        dead_letters: str | None = None,
    ) -> None:
        self.log = log
        self.port = Port()
        self.task = task_class(self.port, script)
        self.transactional_id = transactional_id or f"id-{uuid.uuid4().hex[:8]}"
        self.offset_topic = offset_topic or create_topic(log)
        self.writer = log.transactional_writer({}, self.transactional_id, reports_records=wants_records(self.task))
        self.writer.open(DEADLINE)
        self.reports = Reports()
        self.text = text = Text()
        tolerance = Tolerance(policy or ErrorPolicy(), [self.reports], lambda _: self.port.wanted == "STOPPED")
        conversion = SourceConversion(
            Converters(text, text, text), tolerance, Chain(steps, tolerance) if steps else None
        )
        self.delivery = TransactionalDelivery(
            self.task,
            self.writer,
            conversion,
            self.port,  # type: ignore[arg-type]
            "c-0",
            ExactlyOnce(self.transactional_id, self.offset_topic, copies_offsets=copies_offsets),
            boundary or PollBoundary(),
        )
        if wants_records(self.task):
            conversion.on_drop = self.delivery.dropped
        self.delivery.letters = set_aside(dead_letters, self.delivery.letter_writer, conversion, tolerance)
        self.loop = SourceLoop(self.task, self.delivery, tolerance, self.port)  # type: ignore[arg-type]

    def run(self) -> TransactionRun:
        self.loop.run()
        return self

    def offsets(self) -> list[str]:
        """Offsets that were committed, in order."""
        return [value for value in committed_content(self.log, self.offset_topic) if value is not None]


class SinkRun:
    """A sink loop with its surroundings; ends when ``until`` is true at a put, or after ``puts`` puts."""

    def __init__(
        self,
        log: Any,
        topics: Sequence[str],
        *,
        policy: ErrorPolicy | None = None,
        interval: float = NEVER,
        steps: Sequence[Step] = (),
        group: str | None = None,
        task: RecordingSink | None = None,
        letters: Any = None,
        consumer: Mapping[str, str] | None = None,
        suspects: Suspects = NOBODY,
        **settings: Any,
    ) -> None:
        self.port = Port()
        self.letters = letters
        self.task = task or RecordingSink()
        self.group = group or f"connect-{uuid.uuid4().hex[:8]}"
        self.log = log
        self.reader = Reader(
            log.reader(
                {
                    "auto.offset.reset": "earliest",
                    "enable.auto.commit": "false",
                    "group.id": self.group,
                    **(consumer or {}),
                }
            )
        )
        self.reports = Reports()
        reporters = [self.reports] if letters is None else [self.reports, letters]
        self.tolerance = tolerance = Tolerance(policy or ErrorPolicy(), reporters, self._pause)
        self.text = text = Text()
        converters = Converters(text, text, text)
        self.errant = ErrantRecords(tolerance, converters, *([] if letters is None else [letters.settle]))
        self.context = SinkContext("c", 0, {}, self.errant)
        self.task.context = self.context
        self.loop = SinkLoop(
            self.task,
            self.context,
            self.reader,  # type: ignore[arg-type]
            SinkConversion(converters, tolerance, Chain(steps, tolerance) if steps else None),
            tolerance,
            self.errant,
            self.port,  # type: ignore[arg-type]
            SinkSettings(topics=topics, flush_interval=interval, **settings),
            letters=letters,
            suspects=suspects,
        )

    def _pause(self, seconds: float) -> bool:
        self.port.wait(seconds)
        return self.port.wanted == "STOPPED"

    def run(self, until: Callable[[], bool]) -> SinkRun:
        """Run until the condition holds after a put (or a deadline has passed)."""
        give_up = time.monotonic() + DEADLINE
        inner = self.task.put

        def put(records: SinkBatch) -> None:
            try:
                inner(records)
            finally:
                if until() or time.monotonic() > give_up:
                    self.port.wanted = "STOPPED"

        self.task.put = put  # type: ignore[method-assign]
        self.loop.subscribe()
        self.task.start()
        self.loop.run()
        assert time.monotonic() < give_up
        return self

    def committed(self) -> dict[TopicPartition, int]:
        """What is stored in the group."""
        admin = self.log.admin({})
        try:
            return dict(admin.group_offsets(self.group))
        finally:
            admin.close()


class Configured:
    """A log whose clients need settings, such as an address."""

    def __init__(self, log: Any, settings: Mapping[str, str]) -> None:
        self._log = log
        self._settings = dict(settings)

    def writer(self, settings: Mapping[str, str]) -> Any:
        return self._log.writer(self._settings | dict(settings))

    def transactional_writer(self, settings: Mapping[str, str], transactional_id: str, **more: Any) -> Any:
        return self._log.transactional_writer(self._settings | dict(settings), transactional_id, **more)

    def reader(self, settings: Mapping[str, str]) -> Any:
        return self._log.reader(self._settings | dict(settings))

    def admin(self, settings: Mapping[str, str]) -> Any:
        return self._log.admin(self._settings | dict(settings))


def create_topic(log: Any, partitions: int = 1) -> str:
    """A new topic of its own."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    admin = log.admin({})
    admin.create_topic(TopicSpec(name, partitions, 1))
    admin.close()
    return name


def fill(log: Any, topic: str, values: Sequence[object], partition: int = 0) -> None:
    """Write values to one partition."""
    writer = log.writer({})
    payloads = [None if value is None else str(value).encode() for value in values]
    writer.send(OutgoingBatch(topic, payloads, partitions=[partition] * len(payloads)))
    assert writer.flush(DEADLINE)
    writer.close(DEADLINE)


def content(log: Any, topic: str) -> list[str | None]:
    """Every value of a topic, by partition and offset."""
    values: list[tuple[int, int, str | None]] = []
    ends = _ends(log, topic)
    if not ends:
        return []
    run = SinkRun(log, [topic])

    def keep(records: SinkBatch) -> None:
        values.extend((record.partition, record.offset, record.value) for record in records)

    run.task.on_put = keep
    run.run(lambda: len(values) >= ends)
    return [value for _, _, value in sorted(values, key=lambda row: row[:2])]


_END = "(end)"


def committed_content(log: Any, topic: str) -> list[str | None]:
    """Values of a topic of one partition that readers of committed records see."""
    fill(log, topic, [_END])
    values: list[Any] = []
    run = SinkRun(log, [topic], consumer={"isolation.level": "read_committed"})
    run.task.on_put = lambda records: values.extend(records.values)
    run.run(lambda: values[-1:] == [_END])
    return [value for value in values if value != _END]


def _ends(log: Any, topic: str) -> int:
    admin = log.admin({})
    try:
        found = admin.describe_topics([topic])
        if topic not in found:
            return 0
        partitions = [TopicPartition(topic, number) for number in range(found[topic].partitions)]
        return sum(admin.end_offsets(partitions).values())
    finally:
        admin.close()


class Upper(Transform[Any]):
    def apply(self, record: Any) -> Any:
        if record.value == "drop":
            return None
        if record.value == "boom":
            raise ValueError("boom in transform")
        record.value = str(record.value).upper()
        return record


class Starts(Predicate[Any]):
    def test(self, record: Any) -> bool:
        return str(record.value).startswith("x")
