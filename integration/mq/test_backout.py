"""Where messages go that were backed out too often, and what is in the way of that (spec/mq.md 3.8)."""

from __future__ import annotations

import struct

import pytest

from integration.mq.tasks import acknowledge, source, values
from integration.services.ibmmq.descriptor import Descriptor
from linkspan.api import RetriableError

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("way")]

TEXT = Descriptor(format="MQSTR")
OLD = Descriptor(format="MQSTR", backout_count=1)
ONE = {"backout_threshold": 1, "backout_queue": "BACK"}


@pytest.fixture(autouse=True)
def queues(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("DEAD")
    queue_manager.alter_queue_manager(dead_letter_queue="DEAD")
    queue_manager.define_queue("Q1", **ONE)


def polls(task, times):
    """Values of so many polls, which are acknowledged; a poll may fail for a while."""
    seen = []
    for _ in range(times):
        try:
            polled = task.poll()
        except RetriableError:
            continue
        seen += values(polled)
        acknowledge(task, polled)
    return seen


@pytest.mark.parametrize(
    ("queue", "reason"),
    [
        ({"max_depth": 0}, "2053 MQRC_Q_FULL"),
        ({"put_inhibited": True}, "2051 MQRC_PUT_INHIBITED"),
        ({"max_length": 2}, "2030 MQRC_MSG_TOO_BIG_FOR_Q"),
        ({"deny": "put"}, "2035 MQRC_NOT_AUTHORIZED"),
        (None, "2085 MQRC_UNKNOWN_OBJECT_NAME"),
    ],
)
def test_what_the_backout_queue_does_not_take_goes_to_the_dead_letter_queue(queue_manager, queue, reason, caplog):
    if queue is None:
        queue_manager.delete_queue("BACK")
    else:
        queue_manager.define_queue("BACK", **queue)
    queue_manager.put("Q1", b"old", OLD)
    queue_manager.put("Q1", b"new", TEXT)
    (original, _) = queue_manager.messages("Q1")
    with source() as task:
        polled = task.poll()
        assert values(polled) == [b"new"]
        assert queue_manager.depth("DEAD").visible == 0, "it moves in the unit of work of the batch"
        acknowledge(task, polled)
    (dead,) = queue_manager.messages("DEAD")
    assert (dead.descriptor.format.strip(), dead.descriptor.msg_id) == ("MQDEAD", original.descriptor.msg_id)
    assert dead.body[:4] == b"DLH "
    assert struct.unpack_from("=i", dead.body, 8) == (2362,)
    assert (dead.body[12:60].rstrip(), dead.body[60:108].rstrip()) == (b"Q1", b"QM1")
    assert dead.body[172:] == b"old"
    assert queue_manager.depth("Q1").all == 0
    assert f"A message cannot be put to queue BACK: {reason}" in caplog.text


def test_what_neither_queue_takes_is_delivered_again_and_said_aloud(queue_manager, caplog):
    queue_manager.define_queue("BACK", max_depth=0)
    queue_manager.define_queue("DEAD", max_depth=0)
    queue_manager.put("Q1", b"old", OLD)
    with source() as task:
        assert polls(task, 1) == [b"old"]
    assert queue_manager.depth("Q1").all == 0
    assert "can be moved to no queue, and is delivered from queue Q1 again" in caplog.text


def test_a_full_backout_queue_is_no_reason_to_keep_what_wants_to_be_discarded(queue_manager):
    queue_manager.define_queue("BACK", max_depth=0)
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1, report=0x0800_0000))
    with source() as task:
        assert polls(task, 1) == []
    assert [queue_manager.depth(name).all for name in ("Q1", "BACK", "DEAD")] == [0, 0, 0]


@pytest.mark.parametrize("target", ["BACK", "DEAD"])
def test_without_the_right_to_pass_the_context_on_the_message_moves_with_our_own(queue_manager, target, way):
    theirs = Descriptor(format="MQSTR", backout_count=1, user_identifier="them", put_appl_name="theirs")
    queue_manager.define_queue(target, deny="pass")
    if target == "DEAD":
        queue_manager.define_queue("BACK", max_depth=0)
    queue_manager.put("Q1", b"old", theirs)
    (original,) = queue_manager.messages("Q1")
    with source() as task:
        assert polls(task, 1) == []
    (moved,) = queue_manager.messages(target)
    assert moved.body.endswith(b"old")
    assert moved.descriptor.msg_id == original.descriptor.msg_id
    assert moved.descriptor.user_identifier.strip() != "them"
    if way.name != "pymqi":  # which cannot say how the application is called
        assert moved.descriptor.put_appl_name.strip() == "orders-0"
    assert queue_manager.depth("Q1").all == 0


def test_with_that_right_the_message_keeps_the_context_it_had(queue_manager):
    theirs = Descriptor(format="MQSTR", backout_count=1, user_identifier="them", put_appl_name="theirs")
    queue_manager.put("Q1", b"old", theirs)
    with source() as task:
        assert polls(task, 1) == []
    (moved,) = queue_manager.messages("BACK")
    assert (moved.descriptor.user_identifier.strip(), moved.descriptor.put_appl_name.strip()) == ("them", "theirs")


@pytest.mark.parametrize(("reason", "action"), [(2003, "answer"), (2009, "break"), (2195, "answer"), (2024, "answer")])
def test_a_unit_of_work_that_is_lost_in_a_move_moves_nothing_else(queue_manager, reason, action):
    """Their neighbours have been backed out with it, through no fault of their own."""
    bodies = [b"a", b"b"]
    for body in bodies:
        queue_manager.put("Q1", body, TEXT)
    queue_manager.put("Q1", b"old", OLD)
    queue_manager.fault("PUT1", reason, queue="BACK", action=action)
    with source() as task:
        assert polls(task, 4) == bodies
    assert queue_manager.bodies("BACK") == [b"old"]
    assert [queue_manager.depth(name).all for name in ("Q1", "DEAD")] == [0, 0]


def test_moves_count_as_what_they_are_where_units_of_work_are_small(queue_manager):
    queue_manager.alter_queue_manager(max_uncommitted=5)
    for number in range(6):
        queue_manager.put("Q1", b"old%d" % number, OLD)
        queue_manager.put("Q1", b"new%d" % number, TEXT)
    with source(mq_batch_size="5") as task:
        assert polls(task, 12) == [b"new%d" % number for number in range(6)]
    assert queue_manager.bodies("BACK") == [b"old%d" % number for number in range(6)]
    assert [queue_manager.depth(name).all for name in ("Q1", "DEAD")] == [0, 0]


@pytest.mark.parametrize("verb", ["OPEN", "INQ"])
@pytest.mark.parametrize("reason", [2009, 2102, 2161, 2195])
def test_attributes_that_cannot_be_inquired_for_now_are_inquired_again(queue_manager, verb, reason):
    queue_manager.put("Q1", b"old", OLD)
    with source() as task:
        queue_manager.fault(verb, reason, queue="Q1", action="break" if reason == 2009 else "answer")
        with pytest.raises(RetriableError, match=f"Inquiring queue Q1.* failed: {reason} MQRC_"):
            task.poll()
        assert polls(task, 2) == []
        assert len(queue_manager.connections()) == 1
    assert queue_manager.bodies("BACK") == [b"old"]


@pytest.mark.parametrize("verb", ["OPEN", "INQ"])
@pytest.mark.parametrize("reason", [2035, 2067])
def test_attributes_that_may_not_be_inquired_mean_no_threshold_and_are_asked_for_once(
    queue_manager, verb, reason, caplog
):
    queue_manager.put("Q1", b"old", OLD)
    queue_manager.put("Q1", b"older", OLD)
    with source() as task:
        fault = queue_manager.fault(verb, reason, queue="Q1", times=-1)
        assert polls(task, 1) == [b"old", b"older"]
        assert [each.hits for each in queue_manager.faults() if each.number == fault] == [1]
    assert f"Attributes of queue Q1 cannot be inquired ({reason} MQRC_" in caplog.text
    assert queue_manager.depth("BACK").all == 0
