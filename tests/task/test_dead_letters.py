from __future__ import annotations

import weakref

import pytest

from linkspan.api.errors import ConnectError, DataError, RetriableError
from linkspan.api.records import SinkRecord, TopicPartition
from linkspan.task.conversion import Converters
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters, ErrantRecords
from linkspan.task.tolerance import Consumed, ErrorPolicy, Failure, Stage, Tolerance
from tests.task.harness import Port, SinkRun, Text, create_topic, fill
from tests.task.memory_log import MemoryBatch, MemoryDelivery, MemoryLog


def letters(log, *, headers=False, writer=None, stopped=lambda _seconds: False):
    return DeadLetters(DeadLetterConfig("dlq", 1, headers), writer or log.writer({}), "c", 3, stopped)


def failure():
    batch = MemoryBatch("t", [(2, 7, b"key", b"\xff", 5, [("h", b"1")])])
    return Failure(Stage.VALUE_CONVERTER, "a.Class", DataError("not UTF-8"), Consumed(batch, 0))


def test_a_letter_has_the_bytes_that_were_read():
    log = MemoryLog()
    letters(log).report(failure())
    assert log.topics["dlq"] == [[(0, 0, b"key", b"\xff", 5, [("h", b"1")])]]


def test_context_headers_say_what_happened():
    log = MemoryLog()
    letters(log, headers=True).report(failure())
    headers = dict(log.topics["dlq"][0][0][5])
    assert headers.pop("__connect.errors.exception.stacktrace").startswith(b"linkspan.api.errors.DataError")
    assert headers == {
        "h": b"1",
        "__connect.errors.topic": b"t",
        "__connect.errors.partition": b"2",
        "__connect.errors.offset": b"7",
        "__connect.errors.connector.name": b"c",
        "__connect.errors.task.id": b"3",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.class.name": b"a.Class",
        "__connect.errors.exception.class.name": b"linkspan.api.errors.DataError",
        "__connect.errors.exception.message": b"not UTF-8",
    }


def test_the_topic_is_created_once():
    log = MemoryLog()
    queue = letters(log)
    port = Port()
    port.log = log
    queue.create_topic(port.ensure_topic)
    queue.create_topic(port.ensure_topic)
    assert list(log.topics) == ["dlq"]


def test_a_letter_that_cannot_be_written_is_only_logged(caplog):
    class Broken:
        def send(self, batch):  # noqa: ARG002 - a stand-in
            raise ConnectError("too large")

        def poll(self): ...

    queue = letters(None, writer=Broken())
    queue.report(failure())
    assert "Could not produce message to dead letter queue. topic=dlq: too large" in caplog.text
    assert queue.counts() == {"deadletterqueue-produce-requests": 1, "deadletterqueue-produce-failures": 1}


def test_a_queue_that_lets_nobody_in_is_reported_when_offsets_are_about_to_be_committed(caplog):
    class Unanswered:
        done = False
        failures = ()

    class Refused:
        def send(self, batch):  # noqa: ARG002 - a stand-in
            return Unanswered()

        def flush(self, timeout):  # noqa: ARG002 - a stand-in
            return False

        def poll(self):
            raise ConnectError("refused: wrong password")

    queue = letters(None, writer=Refused())
    queue.report(failure())
    assert not queue.settle(0.0)
    assert "Could not produce message to dead letter queue. topic=dlq: refused: wrong password" in caplog.text


class Full:
    """A writer without room for the first records it is given, which answers when it is let."""

    def __init__(self, full=0):
        self.full = full
        self.sent = []
        self.deliveries = []

    def send(self, batch):
        if self.full:
            self.full -= 1
            raise RetriableError("no room")
        self.sent.append(batch)
        self.deliveries.append(MemoryDelivery())
        self.deliveries[-1].done = False
        return self.deliveries[-1]

    def poll(self): ...

    def flush(self, _timeout):
        return False


def test_a_letter_waits_for_room():
    writer = Full(full=3)
    letters(None, writer=writer).report(failure())
    assert len(writer.sent) == 1


def test_a_letter_without_room_is_not_passed_over_when_the_task_stops():
    queue = letters(None, writer=Full(full=3), stopped=lambda _: True)
    with pytest.raises(RetriableError):
        queue.report(failure())


def test_a_queue_is_settled_when_every_letter_was_answered():
    writer = Full()
    queue = letters(None, writer=writer)
    queue.report(failure())
    queue.report(failure())
    assert not queue.settle(0.0)
    writer.deliveries[0].done = True
    assert not queue.settle(0.0)
    writer.deliveries[1].done = True
    assert queue.settle(0.0)


def test_nobody_waits_for_letters_once_the_task_is_to_stop():
    queue = letters(None, writer=Full())
    queue.report(failure())
    assert not queue.settle(3600.0, given_up=lambda: True)


def test_letters_that_were_given_up_do_not_hold_up_the_end():
    class Closing(Full):
        def close(self, timeout):
            self.waited = timeout

    writer = Closing()
    queue = letters(None, writer=writer)
    queue.report(failure())
    queue.close(30.0)
    assert writer.waited == 0.0


def test_letters_that_were_written_are_forgotten():
    writer = Full()
    queue = letters(None, writer=writer)
    queue.report(failure())
    written = weakref.ref(writer.deliveries[0])
    writer.deliveries.pop().done = True
    writer.sent.clear()
    queue.report(failure())
    assert written() is None


def test_no_offset_is_committed_before_the_dead_letter_queue_has_what_failed():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    writer = Full()
    run = SinkRun(log, [topic], letters=letters(None, writer=writer), interval=0.0)
    run.letters.report(failure())
    seen = []

    def answer_later():
        seen.append(run.committed())
        if len(seen) == 3:
            writer.deliveries[0].done = True
        return len(seen) > 3 and bool(run.committed())

    run.run(answer_later)
    assert seen[:3] == [{}, {}, {}]
    assert run.committed() == {TopicPartition(topic, 0): 3}


def test_a_record_the_task_built_itself_is_converted_back():
    log = MemoryLog()
    queue = letters(log)
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [queue], lambda _: False)
    text = Text()
    ErrantRecords(tolerance, Converters(text, text, text)).report(SinkRecord("t", 0, 1, "v", key="k"), DataError("x"))
    assert log.topics["dlq"][0][0][2:4] == (b"k", b"v")


def test_a_refused_report_is_raised_again():
    text = Text()
    errant = ErrantRecords(Tolerance(ErrorPolicy(), [], lambda _: False), Converters(text, text, text))
    errant.check()
    with pytest.raises(ConnectError):
        errant.report(SinkRecord("t", 0, 1, "v"), DataError("x"))
    with pytest.raises(ConnectError):
        errant.check()
