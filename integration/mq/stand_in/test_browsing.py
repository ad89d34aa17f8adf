"""Which message the stand-in delivers: order, waiting, browsing, locks, matching, expiry."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from integration.mq.conftest import Connect, reason_of
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.memory import MemoryQueueManager

pytestmark = pytest.mark.integration

INPUT, BROWSE, OUTPUT = 1, 8, 0x10
SYNCPOINT, BROWSE_FIRST, BROWSE_NEXT, UNDER_CURSOR, LOCK, UNLOCK = 2, 0x10, 0x20, 0x100, 0x200, 0x400
MATCH_MSG_ID, MATCH_CORREL_ID, MATCH_GROUP_ID = 1, 2, 4


def test_higher_priority_first_then_in_order_of_puts(connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    for body, priority in ((b"a", 1), (b"b", 9), (b"c", 1), (b"d", 9), (b"e", -1)):
        application.put(handle, body, Priority=priority)
    application.commit()
    assert [application.get(handle).body for _ in range(5)] == [b"b", b"d", b"a", b"c", b"e"]


def test_fifo_queue_ignores_priorities(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("FIFO", fifo=True)
    application = connect()
    handle = application.open("FIFO", INPUT | OUTPUT)
    for body, priority in ((b"a", 1), (b"b", 9), (b"c", 5)):
        application.put(handle, body, Priority=priority)
    application.commit()
    assert [application.get(handle).body for _ in range(3)] == [b"a", b"b", b"c"]


def test_order_is_that_of_the_puts_whoever_commits_first(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    first, second = connect(), connect()
    first.put(first.open("Q1", OUTPUT), b"one")
    second.put(second.open("Q1", OUTPUT), b"two")
    second.commit()
    first.commit()
    assert queue_manager.bodies("Q1") == [b"one", b"two"]


def test_empty_queue_is_2033_at_once_and_after_the_wait(connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT)
    begin = time.monotonic()
    assert reason_of(application.get, handle) == 2033
    assert time.monotonic() - begin < 0.2
    begin = time.monotonic()
    assert reason_of(application.get, handle, wait=300) == 2033
    assert time.monotonic() - begin >= 0.3


def test_waiting_get_is_woken_by_a_put_of_another_thread(connect: Connect) -> None:
    reader, writer = connect(), connect()
    into, out = reader.open("Q1", INPUT), writer.open("Q1", OUTPUT)

    def put_later() -> None:
        time.sleep(0.1)
        writer.put(out, b"late", 4)

    thread = threading.Thread(target=put_later)
    thread.start()
    begin = time.monotonic()
    assert reader.get(into, wait=20_000).body == b"late"
    assert time.monotonic() - begin < 10
    thread.join()


def test_waiting_get_hears_of_a_cut_connection(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT)
    timer = threading.Timer(0.1, queue_manager.cut)
    timer.start()
    assert reason_of(application.get, handle, wait=20_000) == 2009
    timer.join()


def test_waiting_get_hears_that_gets_were_inhibited(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT)
    timer = threading.Timer(0.1, lambda: queue_manager.define_queue("Q1", get_inhibited=True))
    timer.start()
    assert reason_of(application.get, handle, wait=20_000) == 2016
    timer.join()


def test_browse_sees_first_and_next_and_leaves_all(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    for body in (b"one", b"two"):
        queue_manager.put("Q1", body)
    application = connect()
    handle = application.open("Q1", BROWSE)
    assert application.get(handle, BROWSE_FIRST).body == b"one"
    assert application.get(handle, BROWSE_NEXT).body == b"two"
    assert reason_of(application.get, handle, BROWSE_NEXT) == 2033
    assert application.get(handle, BROWSE_FIRST).body == b"one"
    assert queue_manager.depth("Q1").visible == 2


def test_browse_does_not_see_what_others_have_got(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    for body in (b"one", b"two"):
        queue_manager.put("Q1", body)
    reader, browser = connect(), connect()
    reader.get(reader.open("Q1", INPUT))
    assert browser.get(browser.open("Q1", BROWSE), BROWSE_FIRST).body == b"two"


def test_locked_message_is_skipped_by_others_and_got_under_the_cursor(
    queue_manager: MemoryQueueManager, connect: Connect
) -> None:
    for body in (b"one", b"two"):
        queue_manager.put("Q1", body)
    first, second = connect(), connect()
    mine, other = first.open("Q1", BROWSE | INPUT), second.open("Q1", BROWSE | INPUT)
    assert first.get(mine, BROWSE_FIRST | LOCK).body == b"one"
    assert second.get(other, BROWSE_FIRST | LOCK).body == b"two"
    second.back_out()
    assert first.get(mine, SYNCPOINT | UNDER_CURSOR).body == b"one"
    first.commit()
    assert reason_of(first.get, mine, SYNCPOINT | UNDER_CURSOR) == 2034


def test_lock_ends_with_unlock_commit_and_backout(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", b"one")
    first, second = connect(), connect()
    mine, other = first.open("Q1", BROWSE | INPUT), second.open("Q1", BROWSE)

    for release in (lambda: first.get(mine, UNLOCK), first.commit, first.back_out):
        first.get(mine, BROWSE_FIRST | LOCK)
        assert reason_of(second.get, other, BROWSE_FIRST) == 2033
        release()
        assert second.get(other, BROWSE_FIRST).body == b"one"
    assert reason_of(first.get, mine, UNLOCK) == 2209


def test_get_matches_identifiers(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    for number in range(3):
        identifier = bytes([number + 1]) * 24
        descriptor = Descriptor(msg_id=identifier, correl_id=identifier[::-1], group_id=identifier)
        queue_manager.put("Q1", b"%d" % number, descriptor)
    application = connect()
    handle = application.open("Q1", INPUT)
    assert application.get(handle, match=MATCH_MSG_ID, MsgId=b"\2" * 24).body == b"1"
    assert application.get(handle, match=MATCH_CORREL_ID, CorrelId=b"\3" * 24).body == b"2"
    assert reason_of(application.get, handle, match=MATCH_MSG_ID, MsgId=b"\2" * 24) == 2033
    assert application.get(handle, match=MATCH_GROUP_ID, GroupId=b"\1" * 24).body == b"0"


def test_version_1_options_match_by_the_identifiers_of_the_descriptor(
    queue_manager: MemoryQueueManager, connect: Connect
) -> None:
    queue_manager.put("Q1", b"one", Descriptor(msg_id=b"\1" * 24))
    queue_manager.put("Q1", b"two", Descriptor(msg_id=b"\2" * 24))
    application = connect()
    handle = application.open("Q1", INPUT)
    first_version = {"Version": 1}
    assert application.get(handle, gmo=first_version, MsgId=b"\2" * 24).body == b"two"
    assert application.get(handle, gmo=first_version).body == b"one"


def test_expired_message_is_never_delivered(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT | BROWSE)
    application.put(handle, b"short", Expiry=1)
    application.put(handle, b"long", Expiry=500)
    application.commit()
    time.sleep(0.15)
    answer = application.get(handle)
    assert answer.body == b"long"
    left = Descriptor.unpack(answer.md).expiry
    assert 400 < left < 500
    assert reason_of(application.get, handle) == 2033
    assert queue_manager.depth("Q1").visible == 0


def test_truncation_is_refused_or_accepted(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", b"0123456789")
    application = connect()
    handle = application.open("Q1", INPUT)
    short = application.get(handle, room=4)
    assert (short.reason, short.length, short.body) == (2080, 10, b"0123")
    assert queue_manager.depth("Q1").visible == 1
    accepted = application.get(handle, SYNCPOINT | 0x40, room=4)
    assert (accepted.reason, accepted.length, accepted.body) == (2079, 10, b"0123")
    application.commit()
    assert queue_manager.depth("Q1").all == 0


def test_large_message_survives(connect: Connect) -> None:
    body = bytes(range(256)) * 1200
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    application.put(handle, body)
    application.commit()
    assert application.get(handle, room=4096).reason == 2080
    assert application.get(handle, room=len(body)).body == body


def test_options_that_contradict_each_other_are_refused(connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | BROWSE)
    only_output = application.open("Q1", OUTPUT)
    assert reason_of(application.get, handle, 2 | 4) == 2046
    assert reason_of(application.get, handle, BROWSE_FIRST | 2) == 2046
    assert reason_of(application.get, handle, 4 | LOCK) == 2046
    assert reason_of(application.get, only_output) == 2037
    assert reason_of(application.get, application.open("Q1", INPUT), BROWSE_FIRST) == 2036
    assert reason_of(application.put, handle, b"x") == 2039
    assert reason_of(application.get, handle, 2 | 0x8000) == 2298


def test_descriptor_survives_the_round_trip(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    given = Descriptor(
        report=0x07000000, feedback=3, format="MQSTR", ccsid=819, encoding=273, priority=5, msg_id=b"m" * 24,
        correl_id=b"c" * 24, reply_to_q="REPLY", reply_to_qmgr="OTHER", group_id=b"g" * 24, msg_seq_number=7,
        offset=3, msg_flags=0x18, original_length=9, user_identifier="fred", put_appl_name="somebody",
        put_date="20010203", put_time="04050607", appl_origin_data="abcd", appl_identity_data="me",
    )  # fmt: skip
    queue_manager.put("Q1", b"x", given)
    application = connect()
    found = Descriptor.unpack(application.get(application.open("Q1", INPUT)).md)
    assert found == replace(given, backout_count=0)
