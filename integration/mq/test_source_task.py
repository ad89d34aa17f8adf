"""The source task on the stand-in, through the unmodified binding."""

from __future__ import annotations

import threading
import time

import pytest

from integration.mq.tasks import acknowledge, source, source_task, values
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.memory import MemoryQueueManager
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


def fill(manager: MemoryQueueManager, count: int, queue: str = "Q1") -> list[bytes]:
    bodies = [b"m%d" % number for number in range(count)]
    for body in bodies:
        manager.put(queue, body, TEXT)
    return bodies


def counts(manager: MemoryQueueManager, queue: str = "Q1") -> list[int]:
    return [message.descriptor.backout_count for message in manager.messages(queue)]


def test_messages_are_gone_once_the_log_has_all_of_their_records(queue_manager):
    bodies = fill(queue_manager, 5)
    with source(mq_batch_size="3") as task:
        first = task.poll()
        assert values(first) == bodies[:3]
        assert task.poll() is None
        assert queue_manager.depth("Q1").all == 5
        acknowledge(task, first)
        assert queue_manager.depth("Q1").all == 2
        second = task.poll()
        assert values(second) == bodies[3:]
        acknowledge(task, second)
        assert queue_manager.depth("Q1").all == 0
        assert task.poll() is None


def test_a_stop_before_the_acknowledgement_gives_the_messages_back(queue_manager):
    bodies = fill(queue_manager, 3)
    with source() as task:
        task.poll()
    assert queue_manager.bodies("Q1") == bodies
    assert counts(queue_manager) == [1, 1, 1]
    assert queue_manager.connections() == []


def test_a_stop_after_the_acknowledgement_gives_nothing_back(queue_manager):
    fill(queue_manager, 3)
    with source() as task:
        acknowledge(task, task.poll())
    assert queue_manager.depth("Q1").all == 0


def test_a_wait_ends_with_the_first_message_and_takes_what_is_there(queue_manager):
    with source(mq_message_receive_timeout="300") as task:
        began = time.monotonic()
        assert task.poll() is None
        assert 0.25 < time.monotonic() - began < 2
        fill(queue_manager, 2)
        assert values(task.poll()) == [b"m0", b"m1"]


def test_a_poll_ends_within_a_second_whatever_the_waits_are(queue_manager):
    with source(mq_message_receive_timeout="60000", mq_receive_subsequent_timeout_ms="60000") as task:
        began = time.monotonic()
        assert task.poll() is None
        fill(queue_manager, 1)
        assert values(task.poll()) == [b"m0"]
        assert time.monotonic() - began < 4


def test_further_messages_are_waited_for_when_it_is_said(queue_manager):
    fill(queue_manager, 1)
    ended = threading.Event()

    def put_while_it_waits() -> None:
        while not queue_manager.depth("Q1").waiting:
            if ended.wait(0.001):
                return
        queue_manager.put("Q1", b"late", TEXT)

    with source(mq_batch_size="2", mq_receive_subsequent_timeout_ms="60000") as task:
        other = threading.Thread(target=put_while_it_waits)
        other.start()
        polled = task.poll()
        ended.set()
        other.join()
        assert values(polled) == [b"m0", b"late"]


def test_a_batch_is_taken_as_it_is_when_its_time_is_over(queue_manager):
    fill(queue_manager, 4000)
    for limit, taken in (("1", range(1, 4000)), ("0", range(4000, 4001))):
        with source(mq_batch_size="4000", mq_receive_max_poll_time_ms=limit) as task:
            assert len(task.poll() or ()) in taken


def test_a_message_larger_than_the_buffer_is_got_whole(queue_manager):
    queue_manager.put("Q1", b"x" * 300_000)
    queue_manager.put("Q1", b"y")
    with source() as task:
        assert values(task.poll()) == [b"x" * 300_000, b"y"]


def test_records_of_a_unit_of_work_that_was_lost_do_not_count(queue_manager):
    fill(queue_manager, 2)
    with source() as task:
        first = task.poll()
        queue_manager.cut()
        acknowledge(task, first)  # the commit fails: the messages come again
        second = task.poll()
        assert values(second) == values(first)
        acknowledge(task, first)
        assert queue_manager.depth("Q1").all == 2
        acknowledge(task, second)
        assert queue_manager.depth("Q1").all == 0
        assert counts(queue_manager) == []


def test_messages_of_a_client_that_reconnects_by_itself_come_again(queue_manager):
    fill(queue_manager, 2)
    with source(mq_client_reconnect_options="ANY") as task:
        (before,) = queue_manager.connections()
        first = task.poll()
        queue_manager.cut(reconnect=True)
        acknowledge(task, first)
        second = task.poll()
        assert values(second) == values(first)
        acknowledge(task, second)
        assert [each.id for each in queue_manager.connections()] == [before.id]
    assert queue_manager.depth("Q1").all == 0


@pytest.mark.parametrize("reason", [2110, 2111, 2119, 2120])
def test_a_message_that_comes_with_a_warning_is_taken(queue_manager, reason):
    bodies = fill(queue_manager, 2)
    with source() as task:
        queue_manager.fault("GET", reason, completion=1, queue="Q1", after=True)
        polled = task.poll()
        assert values(polled) == bodies
        acknowledge(task, polled)
    assert queue_manager.depth("Q1").all == 0


@pytest.mark.parametrize("reason", [2003, 2009, 2124, 2549])
def test_a_commit_that_is_not_known_to_have_happened_brings_the_messages_again(queue_manager, reason):
    fill(queue_manager, 2)
    with source() as task:
        first = task.poll()
        completion = 1 if reason in (2003, 2124) else 2
        queue_manager.fault("CMIT", reason, completion=completion, action="answer" if reason != 2009 else "break")
        acknowledge(task, first)
        second = task.poll()
        assert values(second) == values(first)
        acknowledge(task, second)
        assert queue_manager.depth("Q1").all == 0
        assert len(queue_manager.connections()) == 1


# --- the connection ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "kind", "kept"),
    [
        (2003, RetriableError, True),
        (2009, UnreachableError, False),
        (2016, OutageError, True),
        (2035, OutageError, False),
        (2059, UnreachableError, False),
        (2161, UnreachableError, False),
        (2162, UnreachableError, False),
        (2195, UnreachableError, False),
        (2202, UnreachableError, False),
        (2537, ThrottledError, False),
        (2538, UnreachableError, False),
    ],
)
def test_a_get_that_fails_for_a_while_is_tried_again(queue_manager, reason, kind, kept):
    fill(queue_manager, 1)
    with source() as task:
        before = queue_manager.connections()[0].id
        queue_manager.fault("GET", reason, queue="Q1")
        with pytest.raises(kind, match=f"{reason} MQRC_") as failed:
            task.poll()
        assert type(failed.value) is kind
        assert "Reading queue Q1 on queue manager QM1" in str(failed.value)
        assert values(task.poll()) == [b"m0"]
        assert (queue_manager.connections()[0].id == before) is kept


@pytest.mark.parametrize("reason", [2085, 2102 + 900, 2330])
def test_any_other_failure_of_a_get_fails_the_task(queue_manager, reason):
    with source() as task:
        queue_manager.fault("GET", reason, queue="Q1")
        with pytest.raises(ConnectError) as failed:
            task.poll()
        assert not isinstance(failed.value, RetriableError)


def test_what_was_got_before_the_queue_was_inhibited_is_delivered(queue_manager):
    fill(queue_manager, 3)
    with source() as task:
        queue_manager.fault("GET", 2016, queue="Q1", skip=2)
        first = task.poll()
        assert values(first) == [b"m0", b"m1"]
        acknowledge(task, first)
        assert values(task.poll()) == [b"m2"]


def test_a_queue_manager_that_is_down_at_the_start_is_waited_for(queue_manager, caplog):
    queue_manager.set_state("stopped")
    fill(queue_manager, 1)
    with source() as task:
        assert "Trying again" in caplog.text
        with pytest.raises(OutageError):
            task.poll()
        queue_manager.set_state("running")
        assert values(task.poll()) == [b"m0"]


def test_attempts_to_connect_have_growing_pauses(queue_manager):
    with source(mq_reconnect_delay_min_ms="100", mq_reconnect_delay_max_ms="200") as task:
        queue_manager.cut()
        queue_manager.fault("CONNX", 2538, times=3)
        with pytest.raises(UnreachableError):
            task.poll()
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(UnreachableError):
                task.poll()
        assert task.poll() is None
        assert 0.5 <= time.monotonic() - began < 3


def test_a_full_channel_names_its_limits(queue_manager):
    queue_manager.define_channel("DEV.APP.SVRCONN", max_instances_of_client=0)
    task = source_task()
    task.start()
    with pytest.raises(ThrottledError, match=r"channel DEV\.APP\.SVRCONN.*MAXINST"):
        task.poll()
    task.stop()


@pytest.mark.parametrize(
    ("changes", "kind", "key"),
    [
        ({"mq_queue_manager": "OTHER"}, ConfigError, "mq.queue.manager"),
        ({"mq_queue": "NOTHING"}, ConfigError, "mq.queue"),
        ({"mq_channel_name": "WRONG"}, ConfigError, "mq.channel.name"),
        ({"mq_user_name": "app", "mq_password": "wrong"}, CredentialsError, None),
        ({"mq_user_name": "app"}, CredentialsError, None),
    ],
)
def test_what_a_person_has_to_correct_fails_the_start(queue_manager, changes, kind, key):
    queue_manager.define_user("app", "right")
    queue_manager.define_channel("DEV.APP.SVRCONN")
    changes = {"mq_user_name": "app", "mq_password": "right", **changes} if "mq_user_name" not in changes else changes
    with pytest.raises(kind, match=r"\d{4} MQRC_") as failed, source(**changes):
        pass
    assert type(failed.value) is kind
    assert getattr(failed.value, "key", None) == key
    assert queue_manager.connections() == []


def test_fifty_tasks_one_after_the_other_leave_no_connection(queue_manager):
    fill(queue_manager, 1)
    for _ in range(50):
        with source() as task:
            assert values(task.poll()) == [b"m0"]
    assert queue_manager.connections() == []
    assert queue_manager.instances("DEV.APP.SVRCONN") == 0


# --- several connections -------------------------------------------------------------------------------------------


def test_connections_take_turns_and_keep_the_order(queue_manager):
    fill(queue_manager, 10)
    with source(mq_connections_per_task="2", mq_batch_size="2") as task:
        assert len(queue_manager.connections()) == 2
        first, second = task.poll(), task.poll()
        assert values(first) + values(second) == [b"m0", b"m1", b"m2", b"m3"]
        assert task.poll() is None
        acknowledge(task, second)
        assert task.poll() is None
        assert queue_manager.depth("Q1").all == 8
        acknowledge(task, first)
        assert queue_manager.depth("Q1").all == 6
        seen = []
        while polled := task.poll():
            seen += values(polled)
            acknowledge(task, polled)
        assert seen == [b"m%d" % number for number in range(4, 10)]
    assert queue_manager.connections() == []


def test_a_connection_does_not_wait_for_messages_while_the_other_one_waits_for_the_log(queue_manager):
    fill(queue_manager, 1)
    with source(mq_connections_per_task="2", mq_message_receive_timeout="800") as task:
        first = task.poll()
        began = time.monotonic()
        assert task.poll() is None
        assert time.monotonic() - began < 0.5
        acknowledge(task, first)


def test_only_the_messages_of_a_lost_connection_come_again(queue_manager):
    fill(queue_manager, 4)
    with source(mq_connections_per_task="2", mq_batch_size="2") as task:
        first, second = task.poll(), task.poll()
        queue_manager.cut(min(each.id for each in queue_manager.connections()))
        acknowledge(task, second)
        acknowledge(task, first)
        again = task.poll()
        assert values(again) == values(first)
        acknowledge(task, again)
    assert queue_manager.depth("Q1").all == 0


# --- messages that cannot be ---------------------------------------------------------------------------------------

BAD = Descriptor(format="MQSTR", ccsid=99999)


def test_a_bad_message_fails_the_task_and_stays_where_it_was(queue_manager):
    queue_manager.put("Q1", b"bad", BAD)
    fill(queue_manager, 1)
    with source(mq_message_body_jms="true") as task, pytest.raises(DataError, match="CCSID 99999"):
        task.poll()
    assert queue_manager.bodies("Q1") == [b"bad", b"m0"]


def test_messages_before_a_bad_one_are_delivered_first_and_it_alone_is_backed_out_again(queue_manager):
    queue_manager.define_queue("Q1", backout_threshold=5)
    bodies = fill(queue_manager, 2)
    queue_manager.put("Q1", b"bad", BAD)
    queue_manager.put("Q1", b"behind", TEXT)
    with source(mq_message_body_jms="true") as task:
        assert task.poll() is None
        good = task.poll()
        assert values(good) == [body.decode() for body in bodies]
        acknowledge(task, good)
        with pytest.raises(DataError):
            task.poll()
    assert queue_manager.bodies("Q1") == [b"bad", b"behind"]
    assert counts(queue_manager) == [2, 1]


def test_a_tolerated_bad_message_is_consumed_with_the_others(queue_manager):
    queue_manager.put("Q1", b"bad", BAD)
    fill(queue_manager, 1)
    with source(mq_message_body_jms="true", errors_tolerance="all") as task:
        polled = task.poll()
        assert values(polled) == ["m0"]
        acknowledge(task, polled)
    assert queue_manager.depth("Q1").all == 0


def test_a_unit_of_bad_messages_only_is_committed_at_once(queue_manager):
    queue_manager.put("Q1", b"bad", BAD)
    with source(mq_message_body_jms="true", errors_tolerance="all") as task:
        assert task.poll() is None
        assert queue_manager.depth("Q1").all == 0


def test_a_message_that_was_backed_out_too_often_goes_to_the_backout_queue(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=2, backout_queue="BACK")
    queue_manager.put("Q1", b"bad", BAD)
    for _ in range(2):
        with source(mq_message_body_jms="true") as task, pytest.raises(DataError):
            task.poll()
    original = queue_manager.messages("Q1")[0].descriptor
    fill(queue_manager, 1)
    with source(mq_message_body_jms="true") as task:
        polled = task.poll()
        assert values(polled) == ["m0"]
        assert queue_manager.depth("BACK").visible == 0
        acknowledge(task, polled)
    (moved,) = queue_manager.messages("BACK")
    assert moved.body == b"bad"
    assert (moved.descriptor.msg_id, moved.descriptor.ccsid) == (original.msg_id, 99999)
    assert queue_manager.depth("Q1").all == 0


def test_a_poison_message_takes_no_neighbour_to_the_backout_queue(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=3, backout_queue="BACK")
    queue_manager.put("Q1", b"bad", BAD)
    bodies = fill(queue_manager, 3)
    seen: list[str] = []
    for _ in range(8):
        with source(mq_message_body_jms="true") as task:
            try:
                while polled := task.poll():
                    seen += values(polled)
                    acknowledge(task, polled)
            except DataError:
                continue
        break
    assert queue_manager.bodies("BACK") == [b"bad"]
    assert seen == [body.decode() for body in bodies]


def test_neighbours_of_a_bad_message_are_delivered_though_one_backout_is_the_limit(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=1, backout_queue="BACK")
    fill(queue_manager, 2)
    queue_manager.put("Q1", b"bad", BAD)
    queue_manager.put("Q1", b"behind", TEXT)
    with source(mq_message_body_jms="true") as task:
        assert task.poll() is None
        good = task.poll()
        assert values(good) == ["m0", "m1"]
        acknowledge(task, good)
        with pytest.raises(DataError):
            task.poll()
    assert queue_manager.bodies("BACK") == []
    assert queue_manager.bodies("Q1") == [b"bad", b"behind"]


def test_a_bad_message_is_alone_in_the_end_though_connections_take_turns(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=1, backout_queue="BACK")
    fill(queue_manager, 4)
    queue_manager.put("Q1", b"bad", BAD)
    queue_manager.put("Q1", b"behind", TEXT)
    with source(mq_message_body_jms="true", mq_connections_per_task="2", mq_batch_size="3") as task:
        first = task.poll()
        assert values(first) == ["m0", "m1", "m2"]
        assert [task.poll() for _ in range(3)] == [None] * 3, "the other ones are waited for"
        acknowledge(task, first)
        second = task.poll()
        assert values(second) == ["m3"]
        assert task.poll() is None
        acknowledge(task, second)
        with pytest.raises(DataError):
            task.poll()
    assert queue_manager.bodies("BACK") == []
    assert queue_manager.bodies("Q1") == [b"bad", b"behind"]


def test_a_bad_message_at_the_front_waits_for_what_is_on_its_way_on_another_connection(queue_manager):
    fill(queue_manager, 2)
    queue_manager.put("Q1", b"bad", BAD)
    with source(mq_message_body_jms="true", mq_connections_per_task="2", mq_batch_size="2") as task:
        first = task.poll()
        assert [task.poll() for _ in range(3)] == [None] * 3
        acknowledge(task, first)
        with pytest.raises(DataError):
            task.poll()
    assert queue_manager.bodies("Q1") == [b"bad"]


def test_units_of_work_get_smaller_when_the_queue_manager_takes_no_more(queue_manager, caplog):
    queue_manager.alter_queue_manager(max_uncommitted=10)
    bodies = fill(queue_manager, 25)
    seen: list[bytes] = []
    with source(mq_batch_size="20") as task:
        for _ in range(10):
            polled = task.poll()
            seen += values(polled)
            acknowledge(task, polled)
    assert seen == bodies
    assert queue_manager.depth("Q1").all == 0
    assert "Units of work get smaller, 10 messages" in caplog.text


def test_moves_alone_are_committed(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=1, backout_queue="BACK")
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1))
    with source() as task:
        assert task.poll() is None
        assert queue_manager.bodies("BACK") == [b"old"]


def test_without_a_backout_queue_the_dead_letter_queue_gets_the_message_with_its_header(queue_manager):
    queue_manager.define_queue("DEAD")
    queue_manager.alter_queue_manager(dead_letter_queue="DEAD")
    queue_manager.define_queue("Q1", backout_threshold=1)
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1))
    with source() as task:
        assert task.poll() is None
    (dead,) = queue_manager.messages("DEAD")
    assert dead.descriptor.format.strip() == "MQDEAD"
    assert (dead.body[:4], dead.body[12:60].rstrip(), dead.body[172:]) == (b"DLH ", b"Q1", b"old")


def test_a_message_that_wants_it_is_discarded(queue_manager):
    queue_manager.define_queue("Q1", backout_threshold=1)
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1, report=0x0800_0000))
    with source() as task:
        assert task.poll() is None
    assert queue_manager.depth("Q1").all == 0


def test_what_no_queue_takes_is_delivered_again(queue_manager):
    queue_manager.define_queue("Q1", backout_threshold=1)
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1))
    with source() as task:
        assert values(task.poll()) == [b"old"]


def test_without_the_right_to_inquire_there_is_no_threshold(queue_manager, caplog):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=1, backout_queue="BACK", deny="inq")
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1))
    with source() as task:
        assert values(task.poll()) == [b"old"]
    assert "Grant the right +inq" in caplog.text


def test_the_threshold_of_an_alias_is_that_of_its_queue(queue_manager):
    queue_manager.define_queue("BACK")
    queue_manager.define_queue("Q1", backout_threshold=1, backout_queue="BACK")
    queue_manager.define_alias("ALIAS", "Q1")
    queue_manager.put("Q1", b"old", Descriptor(format="MQSTR", backout_count=1))
    with source(mq_queue="ALIAS") as task:
        assert task.poll() is None
    assert queue_manager.bodies("BACK") == [b"old"]
