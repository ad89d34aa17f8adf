"""What a reason code asks for where it meets MQOPEN and MQBACK (spec/mq.md 1.10, 2.8 and 3.11)."""

from __future__ import annotations

import pytest

from integration.mq.tasks import acknowledge, records, sink, sink_task, source, source_task, values
from integration.services.ibmmq.descriptor import Descriptor
from linkspan.api import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    OutageError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("way")]

TEXT = Descriptor(format="MQSTR")
PASSING = [
    (2009, UnreachableError),
    (2025, ThrottledError),
    (2042, OutageError),
    (2059, UnreachableError),
    (2071, OutageError),
    (2101, OutageError),
    (2102, OutageError),
    (2161, UnreachableError),
    (2162, UnreachableError),
    (2195, UnreachableError),
    (2202, UnreachableError),
    (2203, UnreachableError),
    (2279, UnreachableError),
    (2537, ThrottledError),
    (2538, UnreachableError),
    (2543, UnreachableError),
    (2556, UnreachableError),
]
FINAL = [(2035, CredentialsError), (2045, ConnectError), (2052, ConfigError), (2085, ConfigError), (2087, ConfigError)]


def writes(task) -> list[bytes]:
    task.put(records("a"))
    return []


def reads(task) -> list[bytes]:
    polled = task.poll()
    acknowledge(task, polled)
    return values(polled)


BOTH = pytest.mark.parametrize(("make", "work"), [(source_task, reads), (sink_task, writes)], ids=["source", "sink"])


@BOTH
@pytest.mark.parametrize(("reason", "kind"), PASSING)
def test_a_queue_that_cannot_be_opened_for_now_is_opened_later(queue_manager, make, work, reason, kind, caplog):
    queue_manager.put("Q1", b"m", TEXT)
    queue_manager.fault("OPEN", reason, queue="Q1", times=2)
    task = make()
    task.start()
    assert f"Opening queue Q1 on queue manager QM1 at localhost(1414), channel DEV.APP.SVRCONN failed: {reason} " in (
        caplog.text
    )
    assert "Trying again" in caplog.text
    with pytest.raises(kind, match=f"{reason} MQRC_") as failed:
        work(task)
    assert type(failed.value) is kind
    work(task)
    assert len(queue_manager.connections()) == 1
    task.stop()
    assert queue_manager.connections() == []


@BOTH
@pytest.mark.parametrize(("reason", "kind"), FINAL)
def test_a_queue_that_may_not_be_opened_fails_the_start(queue_manager, make, work, reason, kind):  # noqa: ARG001 - of both
    queue_manager.fault("OPEN", reason, queue="Q1")
    task = make()
    with pytest.raises(kind, match=f"{reason} MQRC_") as failed:
        task.start()
    assert type(failed.value) is kind
    assert not isinstance(failed.value, RetriableError)
    task.stop()
    assert queue_manager.connections() == []


@BOTH
def test_a_right_that_is_taken_away_from_a_running_task_is_waited_for(queue_manager, make, work):
    queue_manager.put("Q1", b"m", TEXT)
    task = make()
    task.start()
    queue_manager.cut()
    with pytest.raises(RetriableError):
        work(task)
    queue_manager.fault("OPEN", 2035, queue="Q1", times=2)
    for _ in range(2):
        with pytest.raises(OutageError, match="2035 MQRC_NOT_AUTHORIZED") as failed:
            work(task)
        assert type(failed.value) is OutageError
    work(task)
    task.stop()


@BOTH
def test_a_queue_manager_that_is_about_to_end_is_left_alone_and_waited_for(queue_manager, make, work):
    queue_manager.put("Q1", b"m", TEXT)
    task = make()
    task.start()
    queue_manager.set_state("quiescing")
    with pytest.raises(UnreachableError, match=r"2161 MQRC_|2202 MQRC_"):
        work(task)
    assert queue_manager.connections() == [], "it could not end otherwise"
    with pytest.raises(RetriableError):
        work(task)
    queue_manager.set_state("running")
    work(task)
    task.stop()


@BOTH
def test_a_queue_that_was_deleted_meanwhile_fails_the_task(queue_manager, make, work):
    task = make()
    task.start()
    queue_manager.cut()
    with pytest.raises(RetriableError):
        work(task)
    queue_manager.fault("OPEN", 2085, queue="Q1")
    with pytest.raises(ConfigError, match="2085 MQRC_UNKNOWN_OBJECT_NAME"):
        work(task)
    task.stop()


@BOTH
@pytest.mark.parametrize("verb", ["CLOSE", "DISC"])
@pytest.mark.parametrize("reason", [2009, 2018, 2161, 2195])
def test_an_end_that_goes_wrong_is_an_end_and_nothing_is_lost(queue_manager, make, work, verb, reason):
    queue_manager.put("Q1", b"m", TEXT)
    task = make()
    task.start()
    work(task)
    before = queue_manager.bodies("Q1")
    queue_manager.fault(verb, reason, action="break")
    task.stop()
    assert queue_manager.bodies("Q1") == before
    assert queue_manager.connections() == []


# --- backing out ---------------------------------------------------------------------------------------------------

LOST = [2003, 2009, 2018, 2059, 2161, 2162, 2195, 2202, 2203, 2273]
"""Reasons of a backout after which nothing is left that a disconnect could commit."""


@pytest.mark.parametrize("reason", LOST)
def test_a_source_that_cannot_back_out_gives_up_its_connection_and_loses_nothing(queue_manager, reason):
    queue_manager.put("Q1", b"m0", TEXT)
    queue_manager.put("Q1", b"bad", Descriptor(format="MQSTR", ccsid=99999))
    with source(mq_message_body_jms="true") as task:
        before = queue_manager.connections()[0].id
        queue_manager.fault("BACK", reason, action="break")
        assert task.poll() is None, "the bad one is to be alone"
        good = task.poll()
        assert values(good) == ["m0"]
        assert [each.id == before for each in queue_manager.connections()] == [False]
        acknowledge(task, good)
        with pytest.raises(DataError):
            task.poll()
    assert queue_manager.bodies("Q1") == [b"bad"]
    assert queue_manager.connections() == []


@pytest.mark.parametrize("reason", LOST)
def test_a_sink_that_cannot_back_out_gives_up_its_connection_and_doubles_nothing(queue_manager, reason):
    with sink() as task:
        before = queue_manager.connections()[0].id
        queue_manager.fault("PUT", 2053, queue="Q1", skip=2)
        queue_manager.fault("BACK", reason, action="break")
        with pytest.raises(OutageError, match="2053 MQRC_Q_FULL"):
            task.put(records("a", "b", "c"))
        assert queue_manager.depth("Q1").all == 0
        task.put(records("a", "b", "c"))
        assert [each.id == before for each in queue_manager.connections()] == [False]
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]


def test_a_unit_of_work_that_cannot_be_backed_out_at_all_is_not_committed_by_the_end(queue_manager, caplog):
    """MQDISC would commit it: the connection is left to the end of the process."""
    with sink() as task:
        queue_manager.fault("PUT", 2053, queue="Q1", skip=2)
        queue_manager.fault("BACK", 2219, times=2)
        with pytest.raises(OutageError, match="2053 MQRC_Q_FULL"):
            task.put(records("a", "b", "c"))
        assert queue_manager.depth("Q1").visible == 0
        task.put(records("a", "b", "c"))
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]
    assert "is left to the end of the process, because backing out failed: 2219 MQRC_CALL_IN_PROGRESS" in caplog.text
    queue_manager.cut()
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]
