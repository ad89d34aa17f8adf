from __future__ import annotations

import pytest

from linkspan.api.errors import ConnectError, DataError
from linkspan.api.records import SinkRecord
from linkspan.task.conversion import Converters
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters, ErrantRecords
from linkspan.task.tolerance import Consumed, ErrorPolicy, Failure, Stage, Tolerance
from tests.task.harness import Port, Text
from tests.task.memory_log import MemoryBatch, MemoryLog


def letters(log, *, headers=False):
    return DeadLetters(DeadLetterConfig("dlq", 1, headers), log.writer({}), "c", 3)


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

    DeadLetters(DeadLetterConfig("dlq", 1, False), Broken(), "c", 0).report(failure())  # type: ignore[arg-type]
    assert "Could not produce message to dead letter queue. topic=dlq: too large" in caplog.text


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

    queue = DeadLetters(DeadLetterConfig("dlq", 1, False), Refused(), "c", 0)  # type: ignore[arg-type]
    queue.report(failure())
    queue.settle(0.0)
    assert "Could not produce message to dead letter queue. topic=dlq: refused: wrong password" in caplog.text


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
