"""What a source in transactions promises, on any log that has them: imported by modules with the fixture ``log``."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import (
    ConnectError,
    FencedError,
    PluginError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan.task import outage
from linkspan.task.boundaries import ConnectorBoundary, IntervalBoundary, PollBoundary, Requests
from linkspan.task.chain import Step
from tests.task.harness import BatchSource, NotifiedSource, TransactionRun, Upper, committed_content, create_topic
from tests.task.source_semantics import ALL, FILE, batch, record

KEY = b'["c",{"file": "a"}]'


def position(number: int) -> str:
    return f'{{"position":{number}}}'


def test_each_poll_is_a_transaction_with_its_offsets(log):
    topic = create_topic(log)
    run = TransactionRun(log, [batch(topic, 0, 3), None, batch(topic, 3, 2)]).run()
    assert committed_content(log, topic) == ["v0", "v1", "v2", "v3", "v4"]
    assert run.offsets() == [position(3), position(5)]
    assert run.port.values["transaction-size-min"] == 2
    assert run.port.values["transaction-size-max"] == 3
    assert (run.port.values["source-record-write-total"], run.port.values["offset-commit-total"]) == (5, 2)
    assert (run.task.stopped, run.port.commits, run.port.topics) == (1, [], [topic])


def test_commit_is_called_for_every_poll_also_an_empty_one(log):
    topic = create_topic(log)
    run = TransactionRun(log, [batch(topic, 0, 1), None, None]).run()
    # three polls, the one that stops the task, and its end
    assert run.task.commits == 5


def test_keys_are_asked_for_once(log):
    topic = create_topic(log)
    run = TransactionRun(log, [batch(topic, number, 1) for number in range(5)]).run()
    assert run.port.asked_keys == 1
    assert len(run.offsets()) == 5


def test_a_failure_undoes_what_was_not_committed(log):
    topic = create_topic(log)
    boundary = IntervalBoundary(3600)
    run = TransactionRun(log, [batch(topic, 0, 3), ValueError("broken")], boundary)
    with pytest.raises(ValueError, match="broken"):
        run.run()
    assert committed_content(log, topic) == []
    assert run.offsets() == []
    assert (run.task.commits, run.task.stopped) == (0, 1)


def test_a_task_whose_records_the_log_refuses_says_why_in_one_line(log):
    topic = create_topic(log)
    run = TransactionRun(log, [[record(topic, "v", 1, partition=7)]])
    with pytest.raises(ConnectError, match=f"Failed to flush offsets and/or records for task .*: .*{topic}"):
        run.run()


def test_an_interval_ends_with_the_poll_in_which_its_time_is_over(log):
    topic = create_topic(log)
    now = 0.0

    def later(seconds: float, first: int) -> Any:
        def poll() -> Any:
            nonlocal now
            now += seconds
            return batch(topic, first, 1)

        return poll

    run = TransactionRun(log, [later(0, 0), later(5, 1), later(6, 2), later(1, 3)], IntervalBoundary(10, lambda: now))
    run.run()
    assert committed_content(log, topic) == ["v0", "v1", "v2", "v3"]
    assert run.offsets() == [position(3), position(4)], "the second one at the end of the task"


def test_a_pause_commits_and_the_interval_begins_anew_after_it(log):
    topic = create_topic(log)
    run = TransactionRun(log, [], IntervalBoundary(3600))

    def pause() -> Any:
        run.port.wanted = "PAUSED"
        return batch(topic, 0, 1)

    def resume() -> None:
        assert run.offsets() == [position(1)]
        run.port.wanted = "STARTED"

    run.port.on_wait = resume
    run.task.script = [pause]
    run.run()
    assert run.port.statuses == ["PAUSED", "RUNNING"]


def test_the_connector_commits_and_aborts_after_records(log):
    topic = create_topic(log)
    requests = Requests()
    records = [record(topic, f"v{number}", number) for number in range(6)]
    requests.commit(records[1])
    requests.abort(records[3])
    run = TransactionRun(log, [records], ConnectorBoundary(requests)).run()
    assert committed_content(log, topic) == ["v0", "v1"], "the last two were never committed"
    assert run.offsets() == [position(1), position(3)], "offsets of what was aborted are committed"


def test_the_connector_commits_and_aborts_after_polls(log):
    topic = create_topic(log)
    requests = Requests()

    def then(call: Any, first: int) -> Any:
        def poll() -> Any:
            call()
            return batch(topic, first, 2)

        return poll

    script = [batch(topic, 0, 2), then(requests.abort, 2), batch(topic, 4, 2), then(requests.commit, 6)]
    run = TransactionRun(log, script, ConnectorBoundary(requests)).run()
    assert committed_content(log, topic) == ["v4", "v5", "v6", "v7"]
    assert run.offsets() == [position(4), position(8)]


def test_a_request_that_comes_with_an_empty_poll_ends_what_is_open(log):
    topic = create_topic(log)
    requests = Requests()
    run = TransactionRun(log, [batch(topic, 0, 2), requests.commit], ConnectorBoundary(requests)).run()
    assert committed_content(log, topic) == ["v0", "v1"]
    assert run.offsets() == [position(2)]


def test_an_abort_of_nothing_is_ignored(log):
    topic = create_topic(log)
    requests = Requests()
    requests.abort()
    run = TransactionRun(log, [None, batch(topic, 0, 1), requests.commit], ConnectorBoundary(requests)).run()
    assert committed_content(log, topic) == ["v0"]
    assert run.offsets() == [position(1)]


@pytest.mark.parametrize("of_record", [True, False])
def test_asking_for_both_fails_the_task(log, of_record):
    topic = create_topic(log)
    requests = Requests()
    one = record(topic, "v", 1)
    requests.commit(one if of_record else None)
    requests.abort(one if of_record else None)
    run = TransactionRun(log, [[one]], ConnectorBoundary(requests))
    with pytest.raises(PluginError, match="requested both commit and abort of same"):
        run.run()
    assert committed_content(log, topic) == []


def test_records_of_aborted_transactions_and_dropped_ones_are_told_without_metadata_after_the_commit(log):
    topic = create_topic(log)
    requests = Requests()
    records = [record(topic, value, at) for at, value in enumerate(["gone", "bad", "kept", "bad"])]
    requests.abort(records[1])
    requests.commit(records[3])
    run = TransactionRun(log, [records], ConnectorBoundary(requests), policy=ALL, task_class=NotifiedSource)
    seen: list[Any] = []
    inner = run.task.commit_record
    run.task.commit_record = lambda *told: (seen.append(run.offsets()), inner(*told))
    run.run()
    told = [(value, offset is None) for value, offset in run.task.notified]
    assert sorted(told) == [("bad", True), ("bad", True), ("gone", True), ("kept", False)]
    assert seen[0] == [position(0)], "when it was told of the first one, its offset was committed"


def test_a_poll_is_told_of_when_its_last_piece_is_committed(log):
    topic = create_topic(log)
    requests = Requests()
    run = TransactionRun(log, [], ConnectorBoundary(requests), policy=ALL, task_class=BatchSource)
    polled = [[record(topic, value, at) for at, value in enumerate(values)] for values in (["a", "bad", "b"], ["c"])]

    def first() -> Any:
        requests.commit(polled[0][0])
        return polled[0]

    def second() -> Any:
        assert run.task.batches == []
        requests.commit()
        return polled[1]

    def third() -> None:
        assert run.task.batches == polled

    run.task.script = [first, second, third]
    run.run()
    assert committed_content(log, topic) == ["a", "b", "c"]


@pytest.mark.parametrize("task_class", [NotifiedSource, BatchSource])
def test_a_poll_whose_records_were_all_dropped_is_told_of_at_once(log, task_class):
    topic = create_topic(log)
    run = TransactionRun(log, [], steps=[Step(Upper())], task_class=task_class)

    def told() -> None:
        assert run.task.notified == [("drop", None)] if task_class is NotifiedSource else len(run.task.batches) == 1

    run.task.script = [[record(topic, "drop", 1)], told]
    run.run()


@pytest.mark.parametrize("boundary", [PollBoundary(), IntervalBoundary(3600)], ids=["poll", "interval"])
def test_polls_are_told_of_after_their_commit(log, boundary):
    topic = create_topic(log)
    run = TransactionRun(log, [], boundary, task_class=BatchSource)
    polled = [batch(topic, 0, 2), batch(topic, 2, 1)]
    seen: list[Any] = []
    inner = run.task.commit_batch
    run.task.commit_batch = lambda records: (seen.append(run.offsets()[-1]), inner(records))
    run.task.script = list(polled)
    run.run()
    assert [id(each) for each in run.task.batches] == [id(each) for each in polled]
    assert seen == ([position(2), position(3)] if isinstance(boundary, PollBoundary) else [position(3)] * 2)


def test_offsets_of_a_poll_whose_records_were_all_dropped_stay(log):
    topic = create_topic(log)
    run = TransactionRun(log, [[record(topic, "drop", 1)], [record(topic, "x", 2)]], steps=[Step(Upper())]).run()
    assert run.offsets() == [position(2)]
    assert committed_content(log, topic) == ["X"]


def test_a_task_may_not_produce_to_its_offsets_topic(log):
    topic = create_topic(log)
    run = TransactionRun(log, [batch(topic, 0, 1)], offset_topic=topic)
    with pytest.raises(ConnectError, match="Source tasks may not produce to their own offsets topics"):
        run.run()
    assert run.offsets() == []


def test_offsets_are_handed_over_for_the_copy_after_the_commit(log):
    topic = create_topic(log)
    run = TransactionRun(log, [batch(topic, 0, 2), None], copies_offsets=True).run()
    assert run.port.copies == [[(FILE, {"position": 2})]]


def test_a_zombie_fails_and_what_it_wrote_is_not_seen(log):
    topic = create_topic(log)
    old = TransactionRun(log, [])

    def overtake() -> Any:
        TransactionRun(
            log, [batch(topic, 0, 2)], transactional_id=old.transactional_id, offset_topic=old.offset_topic
        ).run()
        return batch(topic, 0, 2)

    old.task.script = [overtake]
    with pytest.raises(FencedError):
        old.run()
    assert committed_content(log, topic) == ["v0", "v1"]
    assert old.offsets() == [position(2)]


def test_a_poll_that_was_sent_in_part_is_completed_before_a_pause_commits_it(log):
    one, two = create_topic(log), create_topic(log)
    run = TransactionRun(log, [])
    refusals = [RetriableError("no broker")] * 2

    def refuse(topic: str) -> None:
        if topic == two and refusals:
            run.port.wanted = "PAUSED"
            raise refusals.pop()

    def look() -> None:
        if not refusals:
            run.port.wanted = "STARTED"

    run.delivery._outbox._ensure_topic = refuse
    run.port.on_wait = look
    run.task.script = [[record(one, "v", 1), record(two, "w", 2)]]
    run.run()
    assert run.port.statuses == ["PAUSED", "RUNNING"]
    assert run.offsets() == [position(2)]
    assert (committed_content(log, one), committed_content(log, two)) == (["v"], ["w"])


def test_a_poll_that_was_sent_in_part_is_undone_when_the_task_stops(log):
    one, two = create_topic(log), create_topic(log)
    run = TransactionRun(log, [])

    def refuse(topic: str) -> None:
        if topic == two:
            run.port.wanted = "STOPPED"
            raise RetriableError("no broker")

    run.delivery._outbox._ensure_topic = refuse
    run.task.script = [[record(one, "v", 1), record(two, "w", 2)]]
    run.run()
    assert committed_content(log, one) == []
    assert run.offsets() == []


def test_a_letter_is_part_of_the_transaction_with_the_offset_after_its_record(log):
    topic, queue = create_topic(log), create_topic(log)
    script = [[record(topic, "a", 0), record(topic, "bad", 1)]]
    run = TransactionRun(log, script, policy=ALL, dead_letters=queue).run()
    assert committed_content(log, topic) == ["a"]
    assert committed_content(log, queue) == ['"bad"']
    assert run.offsets() == [position(1)]


def test_an_abort_drops_letters_about_its_records_too(log):
    topic, queue = create_topic(log), create_topic(log)
    requests = Requests()
    records = [record(topic, value, at) for at, value in enumerate(["a", "bad", "b", "bad"])]
    requests.abort(records[1])
    requests.commit(records[3])
    run = TransactionRun(log, [records], ConnectorBoundary(requests), policy=ALL, dead_letters=queue).run()
    assert committed_content(log, topic) == ["b"]
    assert committed_content(log, queue) == ['"bad"']
    assert run.offsets() == [position(1), position(3)]


def test_a_poll_of_bad_records_only_is_one_transaction_of_letters_and_their_offset(log):
    topic, queue = create_topic(log), create_topic(log)
    script = [[record(topic, "bad", 0)], [record(topic, "bad", 1)]]
    run = TransactionRun(log, script, policy=ALL, dead_letters=queue).run()
    assert committed_content(log, queue) == ['"bad"', '"bad"']
    assert run.offsets() == [position(0), position(1)]


def test_a_task_that_fails_because_of_a_record_commits_no_letter(log):
    topic, queue = create_topic(log), create_topic(log)
    run = TransactionRun(log, [[record(topic, "a", 0), record(topic, "bad", 1)]], dead_letters=queue)
    with pytest.raises(ConnectError, match="Tolerance exceeded"):
        run.run()
    assert (committed_content(log, topic), committed_content(log, queue), run.offsets()) == ([], [], [])


def test_an_outage_of_a_converter_is_waited_for_in_transactions_too(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    run = TransactionRun(log, [[record(topic, "a", 0), record(topic, "b", 1)]])
    run.text.fails["b"] = [UnreachableError("away") for _ in range(3)]
    run.run()
    assert committed_content(log, topic) == ["a", "b"]


def test_a_transaction_whose_interval_is_over_is_committed_while_an_outage_pauses_polling(log):
    topic = create_topic(log)
    now = 0.0
    run = TransactionRun(log, [batch(topic, 0, 2), ThrottledError("quota", 600)], IntervalBoundary(10, lambda: now))

    def later() -> None:
        nonlocal now
        now += 5
        if run.task.commits or now > 100:
            run.port.wanted = "STOPPED"

    run.port.on_wait = later
    run.run()
    assert (run.task.polls, run.offsets()) == (2, [position(2)])
    assert committed_content(log, topic) == ["v0", "v1"]


def test_a_transaction_whose_interval_is_over_is_committed_while_the_next_poll_waits_for_a_converter(log):
    topic = create_topic(log)
    now = 0.0
    run = TransactionRun(log, [batch(topic, 0, 2), [record(topic, "w", 3)]], IntervalBoundary(10, lambda: now))
    run.text.fails["w"] = [UnreachableError("away") for _ in range(1000)]

    def later() -> None:
        nonlocal now
        now += 5
        if run.task.commits or now > 100:
            run.port.wanted = "STOPPED"

    run.port.on_wait = later
    run.run()
    assert now < 100
    assert run.offsets() == [position(2)]
    assert committed_content(log, topic) == ["v0", "v1"]


@pytest.mark.parametrize("what", ["commit", "abort", "offset_keys"])
def test_a_task_that_is_to_stop_does_not_wait_for_ever_for_the_end_of_a_transaction(log, what):
    topic = create_topic(log)
    requests = Requests()
    getattr(requests, "abort" if what == "abort" else "commit")()
    run = TransactionRun(log, [batch(topic, 0, 2)], ConnectorBoundary(requests))
    owner = run.port if what == "offset_keys" else run.writer

    def away(*timeout: object) -> None:
        if len(run.port.waits) > 100 or not timeout:
            raise AssertionError("for ever")
        raise RetriableError("no answer")

    def stop() -> None:
        if len(run.port.waits) > 3:
            run.port.wanted = "STOPPED"

    setattr(owner, what, away)
    run.port.on_wait = stop
    with pytest.raises(RetriableError, match="no answer"):
        run.run()
    assert run.task.stopped == 1
    assert (run.offsets(), committed_content(log, topic)) == ([], [])


def test_a_transaction_that_fails_with_a_letter_fails_the_task_with_the_reason_and_calls_no_letter_lost(log, caplog):
    topic, queue = create_topic(log), create_topic(log)
    run = TransactionRun(log, [[record(topic, "a", 0), record(topic, "bad", 1)]], policy=ALL, dead_letters=queue)
    send = run.writer.send

    def refuse(outgoing: Any, *more: Any) -> None:
        if outgoing.topic == queue:
            raise ConnectError("the queue's disk is full")
        send(outgoing, *more)

    run.writer.send = refuse
    with pytest.raises(ConnectError, match="Failed to flush offsets and/or records") as caught:
        run.run()
    assert str(caught.value.__cause__) == "the queue's disk is full"
    assert "Could not produce message" not in caplog.text
    assert (committed_content(log, topic), run.offsets()) == ([], [])


def test_the_end_of_a_transaction_that_waits_is_told_once_and_tried_again_after_growing_pauses(log, caplog):
    topic = create_topic(log)
    run = TransactionRun(log, [batch(topic, 0, 2)])
    commit = run.writer.commit
    missing = [RetriableError("no answer")] * 12

    def later(*timeout: Any) -> None:
        if missing:
            raise missing.pop()
        commit(*timeout)

    run.writer.commit = later
    run.run()
    assert run.offsets() == [position(2)]
    told = [line.getMessage() for line in caplog.records if "The end of a transaction" in line.getMessage()]
    assert len(told) == 2
    assert told[0].endswith("is held up, and goes on by itself: no answer")
    assert told[1].startswith("The end of a transaction of task c-0 goes on after")
    waits = [seconds for seconds in run.port.waits if seconds > 0]
    assert waits[0] < waits[2] <= 1.0
