"""Exactly-once delivery of the sink on the stand-in: every step, cut off before and after."""

from __future__ import annotations

import json

import pytest

from integration.mq.tasks import SINK, records, sink
from integration.services.ibmmq.descriptor import Descriptor
from linkspan.api import (
    ConfigError,
    ConnectError,
    CorruptStateError,
    OutageError,
    RetriableError,
    TopicPartition,
)
from linkspan.config.definition import load
from linkspan_connectors.ibmmq.config import MqSinkConfig
from linkspan_connectors.ibmmq.connector import MqSinkConnector

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("way")]

TEXT = Descriptor(format="MQSTR")
KEEPING = {"mq_exactly_once_state_queue": "STATE"}


@pytest.fixture(autouse=True)
def state_queue(queue_manager):
    queue_manager.define_queue("STATE", default_input="EXCL")


def state(manager):
    (message,) = manager.messages("STATE")
    return json.loads(message.body[message.body.index(b"{") :])


def test_offsets_are_written_with_the_messages(queue_manager):
    with sink(**KEEPING) as task:
        task.put(records("a", "b"))
        assert state(queue_manager) == {"t-0": "1"}
        task.put(records("c", first=2))
        assert state(queue_manager) == {"t-0": "2"}
    (message,) = queue_manager.messages("STATE")
    assert (message.descriptor.persistence, message.descriptor.expiry) == (1, -1)
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]


def test_the_state_is_persistent_and_never_expires_whatever_messages_do(queue_manager):
    with sink(**KEEPING, mq_persistent="false", mq_time_to_live="1000") as task:
        task.put(records("a"))
    (message,) = queue_manager.messages("STATE")
    assert (message.descriptor.persistence, message.descriptor.expiry) == (1, -1)


def test_records_that_come_again_are_passed_over(queue_manager):
    with sink(**KEEPING) as task:
        task.put(records("a", "b"))
    with sink(**KEEPING) as task:
        task.put(records("a", "b", "c"))
        task.put(records("b", "c", first=1))
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]
    assert state(queue_manager) == {"t-0": "2"}


@pytest.mark.parametrize(
    ("reason", "completion", "after"),
    [(2009, 2, False), (2009, 2, True), (2003, 1, False), (2124, 1, True), (2549, 2, False), (2549, 2, True)],
)
def test_a_commit_that_is_not_known_to_be_done_doubles_nothing(queue_manager, reason, completion, after):
    with sink(**KEEPING) as task:
        task.put(records("a"))
        action = "break" if reason == 2009 else "answer"
        queue_manager.fault("CMIT", reason, completion=completion, action=action, after=after)
        with pytest.raises(RetriableError):
            task.put(records("b", "c", first=1))
        task.put(records("b", "c", first=1))
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]


@pytest.mark.parametrize(("verb", "queue"), [("GET", "STATE"), ("PUT", "Q1"), ("PUT", "STATE")])
@pytest.mark.parametrize("reason", [2003, 2009, 2053])
def test_a_failure_of_any_step_leaves_messages_and_state_as_they_were(queue_manager, verb, queue, reason):
    with sink(**KEEPING) as task:
        task.put(records("a"))
        queue_manager.fault(verb, reason, queue=queue)
        with pytest.raises(RetriableError):
            task.put(records("b", "c", first=1))
        assert queue_manager.bodies("Q1") == [b"a"]
        assert state(queue_manager) == {"t-0": "0"}
        task.put(records("b", "c", first=1))
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c"]
    assert state(queue_manager) == {"t-0": "2"}


PLACE = TopicPartition("t", 0)


def test_reading_goes_on_where_the_state_says(queue_manager):
    with sink(**KEEPING) as task:
        assert task.stored_offsets([PLACE]) == {}
        task.put(records("a", "b"))
        assert task.stored_offsets([PLACE, TopicPartition("t", 1)]) == {PLACE: 2}
        task.flush({PLACE: 2})
        assert state(queue_manager) == {"t-0": "1"}
        task.flush({PLACE: 5, TopicPartition("u-v", 3): 8})
        assert state(queue_manager) == {"t-0": "4", "u-v-3": "7"}
        task.flush({PLACE: 3})
        assert task.stored_offsets([PLACE]) == {PLACE: 5}
    with sink() as plain:
        assert plain.stored_offsets([PLACE]) is None
        plain.flush({PLACE: 9})


def test_offsets_that_a_user_sets_are_those_of_the_state(queue_manager):
    given = {**SINK, "mq.exactly.once.state.queue": "STATE"}
    connector, plain = MqSinkConnector(), MqSinkConnector()
    connector.config, plain.config = load(MqSinkConfig, given), load(MqSinkConfig, SINK)
    assert plain.stored_offsets(SINK) is None
    assert connector.stored_offsets(given) == {}
    with sink(**KEEPING) as task:
        task.put(records("a", "b", "c"))
        with pytest.raises(OutageError, match="2042 MQRC_OBJECT_IN_USE"):
            connector.stored_offsets(given)
    assert connector.stored_offsets(given) == {PLACE: 3}
    assert connector.alter_offsets(given, {PLACE: 1, TopicPartition("u-v", 3): 8})
    assert connector.stored_offsets(given) == {PLACE: 1, TopicPartition("u-v", 3): 8}
    with sink(**KEEPING) as task:
        task.put(records("a", "b", "c"))
    assert queue_manager.bodies("Q1") == [b"a", b"b", b"c", b"b", b"c"]
    assert connector.alter_offsets(given, {PLACE: None, TopicPartition("u-v", 3): 0})
    assert queue_manager.depth("STATE").all == 0
    assert connector.stored_offsets(given) == {}
    assert queue_manager.connections() == []


@pytest.mark.parametrize("limit", [9, 10, 11, 12])
def test_a_unit_of_work_of_the_sink_has_room_for_its_messages_and_the_state(queue_manager, limit):
    queue_manager.alter_queue_manager(max_uncommitted=limit)
    given = [str(number) for number in range(10)]
    refusals: list[str] = []

    def is_taken(task, batch) -> bool:
        try:
            task.put(batch)
        except RetriableError as error:
            refusals.append(str(error))
            return False
        return True

    with sink(**KEEPING) as task:
        for first in (0, 10, 20):
            assert any(is_taken(task, records(*given, first=first)) for _ in range(4))
    assert all("2024 MQRC_SYNCPOINT_LIMIT_REACHED" in each for each in refusals)
    assert len(refusals) == {9: 1, 10: 1, 11: 1, 12: 0}[limit]
    assert queue_manager.bodies("Q1") == [text.encode() for text in given] * 3
    assert state(queue_manager) == {"t-0": "29"}


def test_a_queue_manager_that_takes_not_even_one_message_and_the_state_fails_the_sink(queue_manager):
    queue_manager.alter_queue_manager(max_uncommitted=1)
    with sink(**KEEPING) as task:
        with pytest.raises(RetriableError):
            task.put(records("a", "b"))
        with pytest.raises(ConnectError, match="Raise MAXUMSGS") as failed:
            task.put(records("a", "b"))
        assert not isinstance(failed.value, RetriableError)
    assert queue_manager.depth("Q1").all == 0


def test_a_second_sink_waits_for_the_first_one_to_end(queue_manager):
    with sink(**KEEPING) as first, sink(**KEEPING) as second:
        first.put(records("a"))
        with pytest.raises(OutageError, match="2042 MQRC_OBJECT_IN_USE"):
            second.put(records("a"))
        first.stop()
        second.put(records("a", "b"))
    assert queue_manager.bodies("Q1") == [b"a", b"b"]


class Letters:
    """The runtime's reporter: what was in the target queue when it was handed over, and waited for."""

    def __init__(self, manager, settles):
        self.manager, self.settles, self.found = manager, settles, []

    def report(self, record, error):
        assert str(error)
        self.found.append(record.original_offset)
        return self

    def wait(self, timeout=None):
        assert timeout is None
        assert self.manager.depth("Q1").visible == 0, "nothing is committed before the letters are there"
        return self.settles


@pytest.mark.parametrize("settles", [True, False])
def test_letters_are_there_before_the_commit_behind_which_no_record_comes_again(queue_manager, settles):
    letters = Letters(queue_manager, settles)
    queue_manager.define_queue("Q1", max_length=10)
    with sink(**KEEPING, errors_tolerance="all", mq_message_builder="JsonMessageBuilder") as task:
        task.context.errant_record_reporter = letters
        given = records("a", None, "x" * 20, "b")
        if settles:
            task.put(given)
            assert state(queue_manager) == {"t-0": "3"}
        else:
            with pytest.raises(RetriableError, match="cannot be set aside yet"):
                task.put(given)
            assert queue_manager.depth("STATE").all == 0
    assert letters.found == [1, 2]
    assert queue_manager.bodies("Q1") == ([b'"a"', b'"b"'] if settles else [])


def test_a_state_that_is_too_large_for_its_queue_is_no_fault_of_a_record(queue_manager):
    queue_manager.define_queue("STATE", max_length=10)
    with sink(**KEEPING, errors_tolerance="all") as task:
        with pytest.raises(ConfigError, match="2030 MQRC_MSG_TOO_BIG_FOR_Q") as refused:
            task.put(records("a"))
        assert refused.value.key == "mq.exactly.once.state.queue"
    assert queue_manager.depth("Q1").all == 0


@pytest.mark.parametrize("text", [b"hello", b"[1]", b'{"t-0": "x"}', b'{"hello": "1"}'])
def test_a_state_that_cannot_be_read_fails_the_sink_and_stays(queue_manager, text):
    queue_manager.put("STATE", text, TEXT)
    with sink(**KEEPING) as task, pytest.raises(CorruptStateError, match="no state of this connector"):
        task.put(records("a"))
    assert queue_manager.bodies("STATE") == [text]
    assert queue_manager.depth("Q1").all == 0
