from __future__ import annotations

import logging

import pytest

from linkspan.api.errors import ConnectError, DataError, RetriableError
from linkspan.api.records import SourceRecord
from linkspan.task.tolerance import (
    DROPPED,
    FAILED,
    Consumed,
    ErrorLog,
    ErrorPolicy,
    Failure,
    Stage,
    Tolerance,
    Underway,
)
from tests.task.harness import Reports
from tests.task.memory_log import MemoryBatch

ORIGIN = SourceRecord({"file": "a"}, {"position": 1}, "t", "secret payload")
RECORD = Underway(ORIGIN, ORIGIN)


def attempt(policy, errors, *, stop=False):
    """Run a call that raises these errors one after the other and then succeeds."""
    reports, pauses = Reports(), []

    def pause(seconds):
        pauses.append(seconds)
        return stop

    def call():
        if errors:
            raise errors.pop(0)
        return "done"

    tolerance = Tolerance(policy, [reports], pause)
    result = tolerance.attempt(Stage.VALUE_CONVERTER, "a.Class", call, RECORD)
    tolerance.report()
    return result, reports, pauses


def test_pauses_double_from_300_ms():
    result, _, pauses = attempt(ErrorPolicy(retry_timeout_ms=-1), [RetriableError("x")] * 4)
    assert (result, pauses) == ("done", [0.3, 0.6, 1.2, 2.4])


def test_a_pause_beyond_the_maximum_is_random_below_it():
    _, _, pauses = attempt(ErrorPolicy(retry_timeout_ms=-1, retry_delay_max_ms=500), [RetriableError("x")] * 3)
    assert pauses[0] == 0.3
    assert all(0 <= pause < 0.5 for pause in pauses[1:])


def test_no_retry_by_default_and_a_failed_task():
    with pytest.raises(ConnectError, match="Tolerance exceeded in error handler"):
        attempt(ErrorPolicy(), [RetriableError("x")])


def test_other_errors_are_not_repeated():
    result, reports, pauses = attempt(ErrorPolicy(retry_timeout_ms=-1, tolerate_all=True), [ValueError("x")])
    assert result is DROPPED
    assert pauses == []
    assert [str(failure.error) for failure in reports.failures] == ["x"]


def test_a_stop_during_retries_is_no_verdict_on_the_record():
    with pytest.raises(ConnectError, match="stopped while it retried"):
        attempt(ErrorPolicy(retry_timeout_ms=-1, tolerate_all=True), [RetriableError("x")], stop=True)


def test_the_fatal_record_is_reported_too_and_its_payload_is_not_in_the_message():
    reports = Reports()
    tolerance = Tolerance(ErrorPolicy(), [reports], lambda _: False)
    with pytest.raises(ConnectError) as caught:
        tolerance.fail(Failure(Stage.TASK_PUT, "a.Class", DataError("x"), RECORD))
    assert len(reports.failures) == 1
    assert "payload" not in str(caught.value)


@pytest.mark.parametrize(
    ("with_records", "expected"),
    [
        (False, "Error encountered in task c-0. Executing stage 'VALUE_CONVERTER' with class 'a.Class'."),
        (
            True,
            (
                "Error encountered in task c-0. Executing stage 'VALUE_CONVERTER' with class 'a.Class', where consumed "
                "record is {topic='t', partition=2, offset=7, timestamp=5, timestampType=CreateTime}."
            ),
        ),
    ],
)
def test_the_log_line_is_kafkas(caplog, with_records, expected):
    consumed = Consumed(MemoryBatch("t", [(2, 7, None, b"x", 5, [])]), 0)
    with caplog.at_level(logging.ERROR):
        ErrorLog("c-0", with_records=with_records).report(
            [Failure(Stage.VALUE_CONVERTER, "a.Class", DataError("x"), consumed)]
        )
    assert caplog.messages == [expected]


def test_failures_are_counted_by_stage_and_error():
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [Reports()], lambda _: False)
    for stage, error in (("TASK_PUT", ValueError()), ("TASK_PUT", ValueError()), ("KEY_CONVERTER", DataError("x"))):
        tolerance.fail(Failure(Stage[stage], "a.Class", error, RECORD))
    tolerance.report()
    counts = {name: count for name, count in tolerance.counts().items() if name.startswith(FAILED)}
    assert counts == {"failed TASK_PUT builtins.ValueError": 2, "failed KEY_CONVERTER linkspan.api.errors.DataError": 1}


def test_the_kinds_of_failures_that_are_counted_are_limited():
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [Reports()], lambda _: False)
    for number in range(60):
        tolerance.fail(Failure(Stage.TASK_PUT, "a.Class", type(f"E{number}", (Exception,), {})(), RECORD))
        tolerance.report()
    counts = {name: count for name, count in tolerance.counts().items() if name.startswith(FAILED)}
    assert (len(counts), counts["failed TASK_PUT other"]) == (51, 10)


def test_what_was_tolerated_and_reported_holds_no_frames_any_more():
    policy = ErrorPolicy(tolerate_all=True)
    kept = []

    def call():
        try:
            int("inner")
        except ValueError:
            try:
                int("other")
            except ValueError as cause:
                raise DataError("x") from cause

    class Keeping(Reports):
        def report(self, failures):
            super().report(failures)
            kept.extend(failure.error.__traceback__ for failure in failures)

    tolerance = Tolerance(policy, [Keeping()], lambda _: False)
    assert tolerance.attempt(Stage.VALUE_CONVERTER, "a.Class", call, RECORD) is DROPPED
    (failure,) = tolerance._noted
    tolerance.report()
    assert kept[0] is not None
    error = failure.error
    chain = [error, error.__cause__, error.__context__, error.__cause__.__context__]
    assert [link.__traceback__ for link in chain] == [None] * 4


def test_the_error_that_fails_a_task_keeps_its_trace():
    def call():
        raise DataError("x")

    tolerance = Tolerance(ErrorPolicy(), [Reports()], lambda _: False)
    with pytest.raises(DataError) as caught:
        tolerance.attempt(Stage.VALUE_CONVERTER, "a.Class", call, RECORD)
    assert caught.value.__cause__.__traceback__ is not None
