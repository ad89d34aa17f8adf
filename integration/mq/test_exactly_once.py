"""Exactly-once delivery of the source on the stand-in: every step, cut off before and after."""

from __future__ import annotations

import json

import pytest

from integration.mq.tasks import SOURCE, acknowledge, sink, sink_task, source, source_task, values
from integration.services.ibmmq.application import Application
from integration.services.ibmmq.descriptor import Descriptor
from linkspan.api import (
    ConfigError,
    ConflictError,
    ConnectError,
    CorruptStateError,
    CredentialsError,
    OutageError,
    RetriableError,
)
from linkspan.config.definition import load
from linkspan_connectors.ibmmq import source_state
from linkspan_connectors.ibmmq.config import MqSourceConfig
from linkspan_connectors.ibmmq.connector import MqSourceConnector

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("way")]

TEXT = Descriptor(format="MQSTR")
EXACTLY = {"mq_exactly_once_state_queue": "STATE", "mq_client_reconnect_options": "QMGR"}
KEEPING = {"mq_exactly_once_state_queue": "STATE"}
UNKNOWN = [(2124, 1), (2549, 2), (2195, 2), (2102, 2)]
"""Reason and completion code of a commit that may have been done or not."""


@pytest.fixture(autouse=True)
def state_queue(queue_manager):
    queue_manager.define_queue("STATE", default_input="EXCL")


class Stored:
    """The runtime's offsets."""

    def __init__(self) -> None:
        self.sequence: int | None = None

    def offset(self, partition):
        assert partition == {"source": "QM1/Q1"}
        return None if self.sequence is None else {"sequence-id": self.sequence}

    def take(self, polled) -> None:
        """The transaction with these records is committed."""
        numbers = {record.source_offset["sequence-id"] for record in polled}
        assert len(numbers) == 1
        (self.sequence,) = numbers


@pytest.fixture
def stored():
    return Stored()


def started(stored, **more):
    task = source_task(**{**EXACTLY, **more})
    task.context.offset_reader = stored
    task.start()
    return task


def fill(manager, *bodies):
    for body in bodies:
        manager.put("Q1", body.encode(), TEXT)


def state(manager):
    (message,) = manager.messages("STATE")
    return json.loads(message.body[message.body.index(b"{") :])


def counts(manager):
    return [message.descriptor.backout_count for message in manager.messages("Q1")]


def kill(manager, task):
    """As SIGKILL: both connections break with what was in their units of work."""
    manager.cut()
    task.stop()


def polls(task, times):
    """What so many polls return; None for one that failed for a while."""
    found = []
    for _ in range(times):
        try:
            found.append(task.poll())
        except RetriableError:
            found.append(None)
    return found


class Log:
    """Takes what a task polls, and acknowledges it."""

    def __init__(self, stored) -> None:
        self.stored = stored
        self.taken: list[bytes] = []

    def takes(self, task, polled) -> None:
        self.stored.take(polled)
        self.taken += values(polled)
        acknowledge(task, polled)

    def follow(self, task, times) -> None:
        for _ in range(times):
            for polled in polls(task, 1):
                if polled:
                    self.takes(task, polled)


def test_a_batch_is_noted_before_its_records_are_handed_over(queue_manager, stored):
    fill(queue_manager, "a", "b")
    ids = [message.descriptor.msg_id for message in queue_manager.messages("Q1")]
    task = started(stored)
    assert task.poll() is None
    polled = task.poll()
    assert values(polled) == [b"a", b"b"]
    assert {record.source_offset["sequence-id"] for record in polled} == {1}
    assert state(queue_manager) == {
        "sequenceId": 1,
        "messageIds": [f"ID:{each.hex()}" for each in ids],
        "lastKnownState": "IN_FLIGHT",
    }
    (message,) = queue_manager.messages("STATE")
    assert (message.descriptor.persistence, message.descriptor.expiry) == (1, -1)
    assert len(queue_manager.connections()) == 2
    acknowledge(task, polled)
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)
    fill(queue_manager, "c")
    second = task.poll()
    assert {record.source_offset["sequence-id"] for record in second} == {2}
    task.stop()
    assert queue_manager.connections() == []


def test_a_kill_before_the_transaction_brings_the_same_messages_with_the_same_number(queue_manager, stored):
    fill(queue_manager, "a", "b")
    task = started(stored, mq_batch_size="2")
    task.poll()
    first = task.poll()
    kill(queue_manager, task)
    fill(queue_manager, "c")
    queue_manager.put("Q1", b"urgent", Descriptor(format="MQSTR", priority=9))
    task = started(stored)
    again = task.poll()
    assert values(again) == values(first)
    assert {record.source_offset["sequence-id"] for record in again} == {1}
    acknowledge(task, again)
    stored.take(again)
    assert queue_manager.depth("STATE").all == 0
    assert values(task.poll()) == [b"urgent", b"c"]
    task.stop()


def test_a_kill_after_the_transaction_removes_the_messages_without_sending_them(queue_manager, stored):
    fill(queue_manager, "a", "b")
    task = started(stored)
    task.poll()
    stored.take(task.poll())
    kill(queue_manager, task)
    fill(queue_manager, "c")
    task = started(stored)
    assert task.poll() is None
    assert queue_manager.depth("STATE").all == 0
    polled = task.poll()
    assert values(polled) == [b"c"]
    assert {record.source_offset["sequence-id"] for record in polled} == {2}
    task.stop()


def test_a_kill_before_the_state_is_there_is_as_if_nothing_had_been_read(queue_manager, stored):
    fill(queue_manager, "a")
    task = started(stored)
    task.poll()
    queue_manager.fault("PUT", 2009, queue="STATE", action="break")
    with pytest.raises(RetriableError):
        task.poll()
    kill(queue_manager, task)
    task = started(stored)
    assert task.poll() is None
    polled = task.poll()
    assert values(polled) == [b"a"]
    assert {record.source_offset["sequence-id"] for record in polled} == {1}
    task.stop()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_commit_whose_answer_is_lost_doubles_nothing_and_loses_nothing(queue_manager, stored, after, skip):
    """Of the state (skip 0), or of messages and state together (skip 1)."""
    fill(queue_manager, "a", "b", "c", "d")
    task = started(stored, mq_batch_size="2")
    task.poll()
    queue_manager.fault("CMIT", 2009, action="break", after=after, skip=skip)
    seen: list[bytes] = []
    numbers: list[int] = []
    for _ in range(12):
        try:
            polled = task.poll()
        except RetriableError:
            continue
        if polled:
            stored.take(polled)
            seen += values(polled)
            numbers += [record.source_offset["sequence-id"] for record in polled]
            acknowledge(task, polled)
    task.stop()
    assert seen == [b"a", b"b", b"c", b"d"]
    # a number that may be that of a state is not used again
    assert numbers == ([1, 1, 2, 2] if skip else [2, 2, 3, 3])
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)


@pytest.mark.parametrize(
    ("reason", "completion", "after"),
    [
        (2003, 1, False),
        *((reason, completion, after) for reason, completion in UNKNOWN for after in (False, True)),
    ],
)
@pytest.mark.parametrize("skip", [0, 1])
def test_a_commit_that_is_refused_or_not_known_to_be_done_doubles_nothing(
    queue_manager, stored, reason, completion, after, skip
):
    fill(queue_manager, "a", "b", "c", "d")
    task = started(stored, mq_batch_size="2")
    queue_manager.fault("CMIT", reason, completion=completion, after=after, skip=skip)
    log = Log(stored)
    log.follow(task, 12)
    task.stop()
    assert log.taken == [b"a", b"b", b"c", b"d"]
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)


LATE = {"first": 9, "last": 0}
"""Where the message stands in the queue: its priority."""


@pytest.mark.parametrize("place", list(LATE))
@pytest.mark.parametrize(
    "moment", ["while it is looked for", "before the next batch", "while it is in flight", "after it"]
)
def test_a_state_whose_commit_is_done_late_does_not_count(queue_manager, stored, monkeypatch, place, moment):
    """The answer to the commit is lost, and the queue manager does it only after the state has been looked for."""
    fill(queue_manager, "a", "b")
    ids = [f"ID:{message.descriptor.msg_id.hex()}" for message in queue_manager.messages("Q1")]
    text = json.dumps({"sequenceId": 1, "messageIds": ids, "lastKnownState": "IN_FLIGHT"}).encode()
    task = started(stored, mq_batch_size="2")
    log = Log(stored)
    queue_manager.fault("CMIT", 2009, action="break")
    assert polls(task, 2) == [None, None]

    def comes_late(now) -> None:
        if now == moment:
            queue_manager.put("STATE", text, Descriptor(format="MQSTR", priority=LATE[place]))

    remove = source_state.SourceState._remove_void

    def remove_too_early(self) -> None:
        remove(self)
        comes_late("while it is looked for")
        monkeypatch.undo()

    monkeypatch.setattr(source_state.SourceState, "_remove_void", remove_too_early)
    polls(task, 1)
    comes_late("before the next batch")
    # messages that come before the others, so that the batches differ
    for body in (b"c", b"d"):
        queue_manager.put("Q1", body, Descriptor(format="MQSTR", priority=9))
    queue_manager.cut()
    polled = next(each for each in polls(task, 6) if each)
    assert values(polled) == [b"c", b"d"]
    comes_late("while it is in flight")
    log.takes(task, polled)
    comes_late("after it")
    queue_manager.cut()
    log.follow(task, 8)
    fill(queue_manager, "e")
    log.follow(task, 4)
    task.stop()
    assert log.taken == [b"c", b"d", b"a", b"b", b"e"]
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)


def test_a_late_state_of_a_task_that_was_killed_fails_the_next_one_and_removes_nothing(queue_manager, stored):
    fill(queue_manager, "a", "b")
    first, second = [message.descriptor.msg_id.hex() for message in queue_manager.messages("Q1")]
    task = started(stored, mq_batch_size="1")
    task.poll()
    polled = task.poll()
    late = {"sequenceId": 1, "messageIds": [second], "lastKnownState": "IN_FLIGHT"}
    queue_manager.put("STATE", json.dumps(late).encode(), Descriptor(format="MQSTR", priority=9))
    stored.take(polled)
    acknowledge(task, polled)
    with pytest.raises(CorruptStateError, match="should hold batch 1, but holds another state"):
        task.poll()
    task.stop()
    assert first != second
    assert queue_manager.bodies("Q1") == [b"a", b"b"]
    assert queue_manager.depth("STATE").visible == 2
    task = started(stored)
    with pytest.raises(CorruptStateError, match="more than one message"):
        task.poll()
    task.stop()


def test_the_loss_of_either_connection_is_looked_into_before_anything_is_read(queue_manager, stored):
    fill(queue_manager, "a")
    task = started(stored)
    task.poll()
    for which in (0, 1):
        polled = task.poll()
        assert values(polled) == [b"a"]
        connections = sorted(each.id for each in queue_manager.connections())
        queue_manager.cut(connections[which])
        stored.take(polled)
        acknowledge(task, polled)
        assert not any(polls(task, 4))
        assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)
        fill(queue_manager, "a")
    assert [values(each) for each in polls(task, 4) if each] == [[b"a"]]
    task.stop()


@pytest.mark.parametrize("moment", ["before the transaction", "after the transaction", "between batches"])
def test_a_client_that_reconnects_by_itself_loses_its_unit_of_work_and_nothing_else(queue_manager, stored, moment):
    """As it does with ``QMGR``: the handles stay, and the next call in the unit of work answers 2003."""
    fill(queue_manager, "a", "b", "c", "d")
    task = started(stored, mq_batch_size="2")
    log = Log(stored)
    before = {each.id for each in queue_manager.connections()}
    polled = next(each for each in polls(task, 3) if each)
    if moment == "before the transaction":
        queue_manager.cut(reconnect=True)
    log.stored.take(polled)
    if moment == "after the transaction":
        queue_manager.cut(reconnect=True)
    log.taken += values(polled)
    acknowledge(task, polled)
    if moment == "between batches":
        queue_manager.cut(reconnect=True)
    log.follow(task, 6)
    assert {each.id for each in queue_manager.connections()} == before
    task.stop()
    assert log.taken == [b"a", b"b", b"c", b"d"]
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)


def test_messages_that_a_predecessor_holds_are_waited_for(queue_manager, stored):
    fill(queue_manager, "a")
    predecessor = started(stored)
    predecessor.poll()
    first = predecessor.poll()
    task = source_task(**EXACTLY)
    task.context.offset_reader = stored
    task.start()
    with pytest.raises(OutageError, match="2042 MQRC_OBJECT_IN_USE"):
        task.poll()
    stored.take(first)
    acknowledge(predecessor, first)
    predecessor.stop()
    assert task.poll() is None
    fill(queue_manager, "b")
    polled = task.poll()
    assert values(polled) == [b"b"]
    assert {record.source_offset["sequence-id"] for record in polled} == {2}
    task.stop()


def test_messages_that_somebody_else_holds_are_waited_for(queue_manager, stored):
    fill(queue_manager, "a")
    task = started(stored)
    task.poll()
    first = task.poll()
    kill(queue_manager, task)
    with Application("ibmmq", name="QM1") as other:
        other.get(other.open("Q1", 1))
        task = started(stored)
        assert task.poll() is None
        other.back_out()
    assert values(task.poll()) == values(first)
    task.stop()


def test_messages_that_are_waited_for_are_not_backed_out_again_and_again(queue_manager, stored, monkeypatch):
    monkeypatch.setattr(source_state, "_WAIT", 0.001)
    fill(queue_manager, "a", "b", "c")
    task = started(stored)
    task.poll()
    first = task.poll()
    kill(queue_manager, task)
    before = counts(queue_manager)
    with Application("ibmmq", name="QM1") as one, Application("ibmmq", name="QM1") as other:
        handle = one.open("Q1", 1)
        one.get(handle)
        one.get(handle)
        other.get(other.open("Q1", 1))
        one.back_out()
        task = started(stored)
        assert polls(task, 20) == [None] * 20, "the last one is not there"
        other.back_out()
    assert values(task.poll()) == values(first)
    task.stop()
    more = [after - count for count, after in zip(before, counts(queue_manager), strict=True)]
    assert max(more) == 3, "of the other one, of the first look, of the end of the task"


def test_messages_that_never_come_back_fail_the_task_and_keep_the_state(queue_manager, stored, monkeypatch):
    monkeypatch.setattr(source_state, "_WAIT", 0.0)
    fill(queue_manager, "a", "b")
    task = started(stored)
    task.poll()
    task.poll()
    kill(queue_manager, task)
    queue_manager.clear("Q1")
    task = started(stored)
    with pytest.raises(ConnectError, match="have not been in the source queue for 300 s") as failed:
        polls(task, 302)
    assert not isinstance(failed.value, RetriableError)
    task.stop()
    assert state(queue_manager)["sequenceId"] == 1


def test_a_state_queue_that_refuses_takes_no_message_to_the_backout_queue(queue_manager, stored):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=1, backout_queue="BACK")
    fill(queue_manager, "a", "b")
    task = started(stored)
    task.poll()
    queue_manager.fault("PUT", 2053, queue="STATE", times=3)
    assert not any(polls(task, 6))
    found = [values(each) for each in polls(task, 2) if each]
    assert found == [[b"a", b"b"]]
    assert queue_manager.bodies("BACK") == []
    task.stop()


@pytest.mark.parametrize("limit", [9, 10, 19, 20, 21])
def test_a_unit_of_work_has_room_for_its_messages_and_the_state(queue_manager, stored, limit):
    queue_manager.alter_queue_manager(max_uncommitted=limit)
    fill(queue_manager, *map(str, range(70)))
    task = started(stored, mq_batch_size="20")
    log = Log(stored)
    log.follow(task, 40)
    task.stop()
    assert log.taken == [b"%d" % number for number in range(70)]
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)


def test_a_batch_that_is_removed_in_parts_is_removed_to_the_end_after_a_kill(queue_manager, stored):
    queue_manager.alter_queue_manager(max_uncommitted=4)
    fill(queue_manager, *"abcdefgh")
    task = started(stored, mq_batch_size="4")
    task.poll()
    polled = task.poll()
    stored.take(polled)
    acknowledge(task, polled)  # the unit of work has no room for the state
    queue_manager.fault("CMIT", 2009, action="break", skip=1)
    assert polls(task, 1) == [None], "one part is committed, the next one fails"
    assert state(queue_manager)["lastKnownState"] == "DELIVERED"
    assert len(state(queue_manager)["messageIds"]) == 2
    assert queue_manager.depth("Q1").all == 6
    kill(queue_manager, task)
    task = started(stored, mq_batch_size="4")
    log = Log(stored)
    log.follow(task, 12)
    task.stop()
    assert log.taken == [b"e", b"f", b"g", b"h"]
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)


def test_a_queue_manager_that_takes_not_even_one_message_and_the_state_fails_the_task(queue_manager, stored):
    queue_manager.alter_queue_manager(max_uncommitted=1)
    fill(queue_manager, "a")
    task = started(stored)
    log = Log(stored)
    with pytest.raises(ConnectError, match=r"2024 MQRC_SYNCPOINT_LIMIT_REACHED.*Raise MAXUMSGS") as failed:
        log.follow(task, 20)
    assert not isinstance(failed.value, RetriableError)
    task.stop()
    assert log.taken == [b"a"]


@pytest.mark.parametrize("offset", [None, 0, 5])
def test_a_delivered_batch_is_removed_whatever_the_stored_offset_says(queue_manager, stored, offset):
    fill(queue_manager, "x", "a", "b", "y")
    ids = [message.descriptor.msg_id.hex() for message in queue_manager.messages("Q1")]
    text = {"sequenceId": 7, "messageIds": [f"ID:{each}" for each in ids[1:3]], "lastKnownState": "DELIVERED"}
    queue_manager.put("STATE", json.dumps(text).encode(), TEXT)
    stored.sequence = offset
    task = started(stored)
    assert task.poll() is None
    assert queue_manager.bodies("Q1") == [b"x", b"y"]
    assert queue_manager.depth("STATE").all == 0
    polled = task.poll()
    assert [(record.value, record.source_offset) for record in polled] == [
        (b"x", {"sequence-id": 8}),
        (b"y", {"sequence-id": 8}),
    ]
    task.stop()


def test_a_delivered_batch_that_somebody_else_holds_is_waited_for(queue_manager, stored, monkeypatch):
    monkeypatch.setattr(source_state, "_WAIT", 0.0)
    fill(queue_manager, "a", "b")
    (first, second) = [message.descriptor.msg_id.hex() for message in queue_manager.messages("Q1")]
    text = {"sequenceId": 7, "messageIds": [first, second], "lastKnownState": "DELIVERED"}
    queue_manager.put("STATE", json.dumps(text).encode(), TEXT)
    with Application("ibmmq", name="QM1") as other:
        other.get(other.open("Q1", 1))
        task = started(stored)
        assert polls(task, 5) == [None] * 5
        assert queue_manager.depth("STATE").all == 1
        other.back_out()
    assert task.poll() is None
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)
    task.stop()


@pytest.mark.parametrize("after", [False, True])
def test_the_removal_of_a_delivered_batch_may_be_cut_off(queue_manager, stored, after):
    fill(queue_manager, "a", "b")
    ids = [message.descriptor.msg_id.hex() for message in queue_manager.messages("Q1")]
    text = {"sequenceId": 7, "messageIds": ids, "lastKnownState": "DELIVERED"}
    queue_manager.put("STATE", json.dumps(text).encode(), TEXT)
    queue_manager.fault("CMIT", 2009, action="break", after=after)
    task = started(stored)
    assert not any(polls(task, 4))
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)
    task.stop()


@pytest.mark.parametrize(("make", "keys"), [(source_task, EXACTLY), (sink_task, KEEPING)], ids=["source", "sink"])
def test_a_state_queue_that_may_not_be_used_fails_the_start(queue_manager, make, keys):
    queue_manager.define_queue("STATE", deny="get")
    task = make(**keys)
    with pytest.raises(CredentialsError, match=r"Opening queue STATE .* 2035 MQRC_NOT_AUTHORIZED"):
        task.start()
    task.stop()
    assert queue_manager.connections() == []


def test_a_state_of_ibms_connector_is_understood(queue_manager, stored):
    fill(queue_manager, "a", "b")
    ids = [message.descriptor.msg_id.hex() for message in queue_manager.messages("Q1")]
    texts = {
        "IN_FLIGHT": {"sequenceId": 314, "messageIds": [f"ID:{ids[0]}"], "lastKnownState": "IN_FLIGHT"},
        "DELIVERED": {"sequenceId": 315, "messageIds": [ids[1]], "lastKnownState": "DELIVERED"},
    }
    queue_manager.put("STATE", json.dumps(texts["IN_FLIGHT"]).encode(), TEXT)
    stored.sequence = 313
    task = started(stored)
    polled = task.poll()
    assert [(record.value, record.source_offset) for record in polled] == [(b"a", {"sequence-id": 314})]
    acknowledge(task, polled)
    task.stop()
    queue_manager.put("STATE", json.dumps(texts["DELIVERED"]).encode(), TEXT)
    task = started(stored)
    assert task.poll() is None
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)
    task.stop()


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([b"hello"], "no state of this connector: JSON with sequenceId"),
        ([b'{"sequenceId": 1}'], "no state of this connector"),
        ([b'{"sequenceId":1,"messageIds":["ID:"],"lastKnownState":"DELIVERED"}'], "no state of this connector"),
        ([b"{}", b"{}"], "more than one message"),
    ],
)
def test_a_state_queue_with_something_else_in_it_fails_the_task_and_keeps_everything(
    queue_manager, stored, messages, problem
):
    fill(queue_manager, "a")
    for message in messages:
        queue_manager.put("STATE", message, TEXT)
    task = started(stored)
    with pytest.raises(CorruptStateError, match=problem):
        task.poll()
    task.stop()
    assert queue_manager.bodies("Q1") == [b"a"]
    assert queue_manager.bodies("STATE") == messages


def test_a_message_that_is_no_text_is_named(queue_manager, stored):
    queue_manager.put("STATE", b"\x00", Descriptor())
    task = started(stored)
    with pytest.raises(CorruptStateError, match=r"STATE \(mq\.exactly.*not one of this connector, .*: it is no text"):
        task.poll()
    task.stop()


def test_a_state_that_somebody_removed_meanwhile_fails_the_task(queue_manager, stored):
    fill(queue_manager, "a")
    task = started(stored)
    task.poll()
    polled = task.poll()
    queue_manager.clear("STATE")
    acknowledge(task, polled)
    with pytest.raises(ConnectError, match="should hold batch 1, but is empty"):
        task.poll()
    task.stop()


def test_a_missing_state_queue_fails_the_start(queue_manager, stored):
    queue_manager.delete_queue("STATE")
    task = source_task(**EXACTLY)
    task.context.offset_reader = stored
    with pytest.raises(ConfigError, match=r"STATE.*2085 MQRC_UNKNOWN_OBJECT_NAME") as refused:
        task.start()
    task.stop()
    assert refused.value.key == "mq.exactly.once.state.queue"


def test_two_tasks_are_refused_by_the_key():
    for make in (source, sink):
        with pytest.raises(ConfigError, match="one task") as refused, make(**{**EXACTLY, "tasks_max": "2"}):
            pass
        assert refused.value.key == "mq.exactly.once.state.queue"


def test_a_worker_that_does_not_deliver_exactly_once_is_refused_before_anything_is_read(queue_manager, stored):
    fill(queue_manager, "a")
    task = source_task(**EXACTLY)
    task.context.offset_reader = stored
    task.context.exactly_once = False
    with pytest.raises(ConfigError, match=r"exactly\.once\.source\.support=enabled") as refused:
        task.start()
    task.stop()
    assert refused.value.key == "mq.exactly.once.state.queue"
    assert counts(queue_manager) == [0]
    with source() as plain:
        plain.context.exactly_once = False
        assert values(plain.poll()) == [b"a"]


def test_offsets_are_not_set_while_a_batch_is_in_flight(queue_manager, stored):
    given = {**SOURCE, **{key.replace("_", "."): value for key, value in EXACTLY.items()}}
    place = {"source": "QM1/Q1"}
    connector = MqSourceConnector()
    connector.config = load(MqSourceConfig, given)
    fill(queue_manager, "a")
    task = started(stored)
    task.poll()
    polled = task.poll()
    task.stop()
    for offset in ({"sequence-id": 1}, None):
        with pytest.raises(ConflictError, match="A batch is in flight, says state queue STATE"):
            connector.alter_offsets(given, [(place, offset)])
    task = started(stored)
    acknowledge(task, task.poll())
    task.stop()
    assert polled
    assert connector.alter_offsets(given, [(place, {"sequence-id": 7})])
    assert queue_manager.connections() == []


def test_a_unit_of_skipped_messages_needs_no_number(queue_manager, stored):
    queue_manager.put("Q1", b"bad", Descriptor(format="MQSTR", ccsid=99999))
    task = started(stored, mq_message_body_jms="true", errors_tolerance="all")
    task.poll()
    assert task.poll() is None
    assert (queue_manager.depth("Q1").all, queue_manager.depth("STATE").all) == (0, 0)
    fill(queue_manager, "a")
    polled = task.poll()
    assert {record.source_offset["sequence-id"] for record in polled} == {1}
    task.stop()
