from __future__ import annotations

import contextlib
import threading
import time
import weakref

import pytest

from linkspan.api.errors import ConnectError, CredentialsError, DataError, OutageError, RetriableError, UnreachableError
from linkspan.api.records import SinkRecord, TopicPartition
from linkspan.log.port import TooLargeError, TransactionError
from linkspan.task import dead_letters, outage
from linkspan.task.conversion import Converters
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters
from linkspan.task.errant import ErrantRecords
from linkspan.task.tolerance import Consumed, ErrorPolicy, Failure, Stage, Tolerance
from tests.task.harness import Port, SinkRun, Text, create_topic, fill
from tests.task.memory_log import MemoryBatch, MemoryDelivery, MemoryLog


def letters(log, *, headers=False, writer=None):
    return DeadLetters(DeadLetterConfig("dlq", 1, headers), writer or log.writer({}), "c", 3)


def failure():
    batch = MemoryBatch("t", [(2, 7, b"key", b"\xff", 5, [("h", b"1")])])
    return Failure(Stage.VALUE_CONVERTER, "a.Class", DataError("not UTF-8"), Consumed(batch, 0))


def test_a_letter_has_the_bytes_that_were_read():
    log = MemoryLog()
    letters(log).report([failure()])
    assert log.topics["dlq"] == [[(0, 0, b"key", b"\xff", 5, [("h", b"1")])]]


def test_context_headers_say_what_happened():
    log = MemoryLog()
    letters(log, headers=True).report([failure()])
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


def never(_seconds):
    return False


def test_the_topic_is_created_once():
    log = MemoryLog()
    queue = letters(log)
    port = Port()
    port.log = log
    queue.create_topic(port.ensure_topic, never)
    queue.create_topic(port.ensure_topic, never)
    assert list(log.topics) == ["dlq"]


def test_creation_of_the_topic_waits_while_nobody_answers(caplog):
    answers = [UnreachableError("away"), UnreachableError("away"), True]
    pauses = []

    def create(_spec):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pause(seconds):
        pauses.append(seconds)
        return False

    letters(MemoryLog()).create_topic(create, pause)
    assert answers == []
    assert len(pauses) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_creation_of_the_topic_is_not_waited_for_once_the_task_is_to_stop():
    def create(_spec):
        raise UnreachableError("away")

    with pytest.raises(UnreachableError):
        letters(MemoryLog()).create_topic(create, lambda _: True)


@pytest.mark.parametrize("kind", [ConnectError, CredentialsError])
def test_a_topic_that_cannot_be_created_is_named_with_its_replication_factor(kind):
    def create(_spec):
        raise kind("no")

    said = r"initialize dead letter queue with topic=dlq \(errors.deadletterqueue.topic.replication.factor=1\): no"
    with pytest.raises(kind, match=said):
        letters(MemoryLog()).create_topic(create, never)


class Scripted:
    """A writer that answers each batch as it is told: None takes it, an error refuses it, a dict refuses some of it."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    def send(self, batch):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        self.sent.append(batch)
        delivery = MemoryDelivery()
        delivery.failures = list((answer or {}).items())
        return delivery

    def poll(self): ...

    def flush(self, _timeout):
        return True


def test_a_letter_that_cannot_be_written_is_only_logged_naming_the_record(caplog):
    queue = letters(None, writer=Scripted(ConnectError("no")))
    queue.report([failure()])
    assert (
        "Could not produce message to dead letter queue. topic=dlq: it lacks the record t-2 at offset 7, which failed "
        "in VALUE_CONVERTER of task c-3: no"
    ) in caplog.text
    assert queue.counts() == {"deadletterqueue-produce-requests": 1, "deadletterqueue-produce-failures": 1}
    assert queue.settle(0.0)


def test_a_letter_that_timed_out_is_sent_again():
    writer = Scripted({0: RetriableError("timed out")})
    queue = letters(None, writer=writer)
    queue.report([failure()])
    assert queue.settle(1.0)
    assert [batch.values for batch in writer.sent] == [[b"\xff"], [b"\xff"]]
    assert queue.counts()["deadletterqueue-produce-failures"] == 0


def test_of_many_letters_only_those_that_failed_are_sent_again():
    writer = Scripted({1: RetriableError("timed out")})
    queue = letters(None, writer=writer)
    queue.report([failure(), failure(), failure()])
    assert queue.settle(1.0)
    assert [len(batch) for batch in writer.sent] == [3, 1]


def test_a_letter_that_is_too_large_is_sent_without_its_value_and_says_so():
    writer = Scripted({0: TooLargeError("2 MB")})
    queue = letters(None, writer=writer, headers=True)
    queue.report([failure()])
    assert queue.settle(1.0)
    second = writer.sent[1]
    assert (second.keys, second.values) == ([b"key"], [None])
    headers = dict(second.headers[0])
    assert headers["__connect.errors.value.omitted.bytes"] == b"1"
    assert headers["__connect.errors.offset"] == b"7"
    assert "h" not in headers
    assert "__connect.errors.exception.stacktrace" not in headers


def test_a_letter_that_is_too_large_even_without_its_value_is_logged(caplog):
    queue = letters(None, writer=Scripted({0: TooLargeError("2 MB")}, {0: TooLargeError("2 MB")}))
    queue.report([failure()])
    assert queue.settle(1.0)
    assert queue.counts()["deadletterqueue-produce-failures"] == 1
    assert "Could not produce message to dead letter queue" in caplog.text


@pytest.mark.parametrize("answer", [CredentialsError("no right"), {0: CredentialsError("no right")}])
def test_a_queue_that_may_not_be_written_to_fails_the_task(answer):
    queue = letters(None, writer=Scripted(answer))
    queue.report([failure()])
    with pytest.raises(CredentialsError, match="Task c-3 cannot write to dead letter queue dlq: no right"):
        queue.settle(1.0)


def test_a_queue_that_lets_nobody_in_fails_the_task():
    class Refused(Full):
        def poll(self):
            raise CredentialsError("refused: wrong password")

    queue = letters(None, writer=Refused())
    queue.report([failure()])
    with pytest.raises(CredentialsError, match="Task c-3 cannot write to dead letter queue dlq: refused"):
        queue.settle(0.0)


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


def test_a_letter_without_room_waits_and_is_no_failure():
    writer = Full(full=2)
    queue = letters(None, writer=writer)
    queue.report([failure()])
    with pytest.raises(OutageError, match="Dead letter queue dlq takes no record now: no room"):
        queue.send()
    queue.send()
    assert len(writer.sent) == 1
    assert queue.counts() == {"deadletterqueue-produce-requests": 1, "deadletterqueue-produce-failures": 0}


def test_letters_of_one_batch_are_sent_together():
    writer = Full()
    letters(None, writer=writer).report([failure(), failure()])
    assert [len(batch) for batch in writer.sent] == [2]


def test_a_queue_is_settled_when_every_letter_was_answered():
    writer = Full()
    queue = letters(None, writer=writer)
    queue.report([failure()])
    queue.report([failure()])
    assert not queue.settle(0.0)
    writer.deliveries[0].done = True
    assert not queue.settle(0.0)
    writer.deliveries[1].done = True
    assert queue.settle(0.0)


def test_nobody_waits_for_letters_once_the_task_is_to_stop():
    queue = letters(None, writer=Full())
    queue.report([failure()])
    assert not queue.settle(3600.0, given_up=lambda: True)


def test_a_log_that_refuses_letters_at_once_is_not_asked_again_without_a_pause(monkeypatch):
    class DiskFull(Full):
        def flush(self, _timeout):
            return True

    pauses = []
    monkeypatch.setattr(dead_letters.time, "sleep", pauses.append)
    writer = DiskFull(full=5)
    queue = letters(None, writer=writer)
    queue.report([failure()])
    assert not queue.settle(3600.0, given_up=lambda: writer.full <= 1)
    assert len(pauses) == 2


def test_letters_that_were_given_up_do_not_hold_up_the_end():
    class Closing(Full):
        def close(self, timeout):
            self.waited = timeout

    writer = Closing()
    queue = letters(None, writer=writer)
    queue.report([failure()])
    queue.close(30.0)
    assert writer.waited == 0.0


def test_letters_that_were_written_are_forgotten():
    writer = Full()
    queue = letters(None, writer=writer)
    queue.report([failure()])
    written = weakref.ref(writer.deliveries[0])
    writer.deliveries.pop().done = True
    writer.sent.clear()
    queue.report([failure()])
    assert written() is None


@pytest.mark.parametrize("headers", [False, True])
def test_a_letter_that_waits_does_not_keep_the_batch_of_its_record(headers):
    queue = letters(None, headers=headers, writer=Full())
    failed = failure()
    batch = weakref.ref(failed.subject.batch)
    queue.report([failed])
    del failed
    assert batch() is None
    assert [letter.about for letter in queue._posted[0].letters] == [
        "the record t-2 at offset 7, which failed in VALUE_CONVERTER"
    ]


def test_no_offset_is_committed_before_the_dead_letter_queue_has_what_failed():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    writer = Full()
    run = SinkRun(log, [topic], letters=letters(None, writer=writer), interval=0.0, flush_timeout=0.2)
    run.letters.report([failure()])
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
    tolerance.report()
    assert log.topics["dlq"][0][0][2:4] == (b"k", b"v")


@pytest.mark.parametrize("place", [(None, 0, 1), ("t", None, 1), ("t", 0, None), ("t", 0, "1")])
def test_a_record_the_task_built_itself_without_a_place_is_refused_when_it_is_reported(place):
    log = MemoryLog()
    queue = letters(log, headers=True)
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [queue], never)
    text = Text()
    errant = ErrantRecords(tolerance, Converters(text, text, text))
    with pytest.raises(ConnectError, match="No record can be reported from partition"):
        errant.report(SinkRecord(*place, "v"), DataError("x"))
    tolerance.report()
    assert log.topics == {}


def test_letters_are_waited_for_once_at_the_end_whatever_pre_commit_reports():
    class Slow:
        def __init__(self):
            self.waits = []

        def send(self): ...

        def settle(self, timeout, **_):
            self.waits.append(timeout)
            time.sleep(0.02)
            return True

        def report(self, _failures): ...

        def counts(self):
            return {}

    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a"])
    queue = Slow()
    SinkRun(log, [topic], letters=queue, stop_timeout=2.0).run(lambda: True)
    before, after = queue.waits
    assert after < before <= 2.0


def test_a_task_may_wait_within_put_until_its_letter_is_written():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], policy=ErrorPolicy(tolerate_all=True), letters=letters(log))
    seen = []

    def refuse(records):
        for record in records:
            report = run.errant.report(record, DataError("no"))
            seen.append((report.wait(5), len(log.topics["dlq"][0])))

    run.task.on_put = refuse
    run.run(lambda: len(seen) == 2)
    assert seen == [(True, 1), (True, 2)]
    assert len(log.topics["dlq"][0]) == 2


def test_who_waits_for_a_letter_in_vain_learns_it_in_time():
    text = Text()
    queue = letters(None, writer=Full())
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [queue], lambda _: False)
    errant = ErrantRecords(tolerance, Converters(text, text, text), queue.settle)
    assert errant.report(SinkRecord("t", 0, 1, "v"), DataError("x")).wait(0.01) is False


def test_a_task_that_swallows_a_refusal_fails_and_its_records_are_put_once():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c", "d"])
    run = SinkRun(log, [topic], letters=letters(log))
    puts = []

    def swallow(records):
        puts.append(len(records))
        for record in records:
            with contextlib.suppress(ConnectError):
                run.errant.report(record, DataError("no"))

    run.task.on_put = swallow
    with pytest.raises(ConnectError, match="Tolerance exceeded in error handler") as caught:
        run.run(lambda: False)
    assert not isinstance(caught.value, DataError)
    assert puts == [4]
    assert run.committed() == {}


def test_a_refused_report_is_raised_again():
    text = Text()
    errant = ErrantRecords(Tolerance(ErrorPolicy(), [], lambda _: False), Converters(text, text, text))
    errant.check()
    with pytest.raises(ConnectError):
        errant.report(SinkRecord("t", 0, 1, "v"), DataError("x"))
    with pytest.raises(ConnectError):
        errant.check()


def in_another_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_another_thread_may_report_and_its_letter_is_there_before_offsets_behind_it_are_committed():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], policy=ErrorPolicy(tolerate_all=True), letters=letters(log), interval=0)
    waiting: list[SinkRecord] = []
    seen = []

    def write_behind(offsets):
        # a task that writes in the background, and is through with it when it is asked for its offsets
        thread = in_another_thread(lambda: [run.errant.report(record, DataError("no")) for record in waiting])
        thread.join()
        waiting.clear()
        return offsets

    commit = run.reader.commit

    def note(offsets, **more):
        seen.append((dict(offsets), len(log.topics.get("dlq", [[]])[0])))
        commit(offsets, **more)

    run.task.on_put = waiting.extend
    run.task.pre_commit = write_behind
    run.reader.commit = note
    run.run(lambda: bool(run.committed()))
    assert seen[0] == ({TopicPartition(topic, 0): 2}, 2)
    assert len(log.topics["dlq"][0]) == 2
    assert run.port.values["total-record-errors"] == 2


def test_what_another_thread_reports_during_an_outage_of_a_converter_is_not_forgotten():
    log = MemoryLog()
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [letters(log)], lambda _: False)
    text = Text()
    errant = ErrantRecords(tolerance, Converters(text, text, text))
    in_another_thread(lambda: errant.report(SinkRecord("t", 0, 1, "v"), DataError("x"))).join()
    tolerance.forget()
    tolerance.report()
    assert len(log.topics["dlq"][0]) == 1


def test_a_refusal_that_another_thread_swallows_fails_the_task_before_anything_is_committed():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], letters=letters(log), interval=0)
    waiting: list[SinkRecord] = []
    told = []

    def swallow(record):
        with pytest.raises(DataError, match="Tolerance exceeded"):
            run.errant.report(record, DataError("no"))
        told.append(record)

    def write_behind(offsets):
        in_another_thread(lambda: [swallow(record) for record in waiting]).join()
        waiting.clear()
        return offsets

    run.task.on_put = waiting.extend
    run.task.pre_commit = write_behind
    with pytest.raises(ConnectError, match="Tolerance exceeded in error handler"):
        run.run(lambda: False)
    assert told
    assert run.committed() == {}
    assert len(log.topics["dlq"][0]) == len(told)


def test_what_another_thread_is_refused_ends_the_task_though_nothing_more_comes():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], letters=letters(log))

    waiting: list[SinkRecord] = []
    told = []

    def refused():
        with pytest.raises(DataError, match="Tolerance exceeded") as caught:
            run.errant.report(waiting[0], DataError("no"))
        told.append(caught.value)

    def report_and_give_up_later(records):
        waiting.extend(records)
        if len(records):
            give_up = [lambda _: None] * 20 + [lambda _: setattr(run.port, "wanted", "STOPPED")]
            run.reader.at_poll = [lambda _: in_another_thread(refused).join(), *give_up]

    run.task.on_put = report_and_give_up_later
    with pytest.raises(ConnectError, match="Tolerance exceeded in error handler"):
        run.run(lambda: False)
    assert len(told) == len(log.topics["dlq"][0]) == 1


def test_the_group_gets_offsets_up_to_the_record_that_another_thread_was_refused():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic], letters=letters(log), interval=0)
    waiting: list[SinkRecord] = []

    def refused(record):
        with pytest.raises(DataError, match="Tolerance exceeded"):
            run.errant.report(record, DataError("no"))

    def write_behind(offsets):
        if len(waiting) == 3:
            in_another_thread(lambda: [refused(record) for record in (waiting[2], waiting[1])]).join()
            waiting.clear()
        return offsets

    run.task.on_put = waiting.extend
    run.task.accept = write_behind
    with pytest.raises(ConnectError, match="Tolerance exceeded in error handler"):
        run.run(lambda: False)
    assert run.committed() == {TopicPartition(topic, 0): 1}
    assert run.task.offered[-1] == {TopicPartition(topic, 0): 1}


def test_what_a_task_reports_while_partitions_are_opened_is_not_forgotten_in_an_outage_of_a_converter(monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], policy=ErrorPolicy(tolerate_all=True), letters=letters(log))
    run.task.on_open = lambda _: run.errant.report(SinkRecord(topic, 0, 0, "buffered"), DataError("no"))
    run.text.fails["a"] = [UnreachableError("registry away")]
    run.run(lambda: bool(run.task.values_put))
    assert [row[3] for row in log.topics["dlq"][0]] == [b"buffered"]


def test_no_offset_is_committed_when_a_letter_cannot_be_made():
    class Broken:
        def report(self, _failures):
            raise MemoryError

        def counts(self):
            return {}

    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], policy=ErrorPolicy(tolerate_all=True), letters=letters(log), max_poll_records=1)
    run.tolerance.add(Broken())

    def report_the_one_before(records):
        # as a task that writes behind, and is through with the first when it gets the second
        if "b" in records.values:
            run.errant.report(SinkRecord(topic, 0, 0, "a"), DataError("no"))

    run.task.on_put = report_the_one_before
    with pytest.raises(MemoryError):
        run.run(lambda: False)
    assert run.committed() == {}


def test_only_the_tasks_own_thread_can_wait_for_a_letter():
    text = Text()
    queue = letters(MemoryLog())
    errant = ErrantRecords(Tolerance(ErrorPolicy(tolerate_all=True), [queue], never), Converters(text, text, text))
    said = []

    def wait():
        with pytest.raises(ConnectError) as caught:
            errant.report(SinkRecord("t", 0, 1, "v"), DataError("x")).wait(1)
        said.append(str(caught.value))

    in_another_thread(wait).join()
    assert said[0].startswith("Only the task's own thread can wait for a letter")


def test_a_letter_too_large_for_its_writer_goes_without_its_value_and_the_others_go_whole():
    too_large = TooLargeError("4 bytes, more than 3")
    writer = Scripted(too_large, None, too_large, None)
    queue = letters(None, writer=writer)
    queue.report([failure(), failure()])
    assert [list(batch.values) for batch in writer.sent] == [[b"\xff"], [None]]
    assert queue.counts() == {"deadletterqueue-produce-requests": 2, "deadletterqueue-produce-failures": 0}
    assert queue.settle(0.0)


def test_a_letter_whose_transaction_has_failed_is_not_called_lost(caplog):
    queue = letters(None, writer=Scripted(*[TransactionError("all of it")] * 2))
    queue.report([failure()])
    with pytest.raises(TransactionError, match="all of it"):
        queue.send()
    assert "Could not produce message" not in caplog.text
    assert queue.counts()["deadletterqueue-produce-failures"] == 0
