"""Queues of the stand-in: attributes, limits, sharing, aliases, authority, contexts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from integration.mq.conftest import Connect, reason_of
from integration.services.ibmmq.application import MQError
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.memory import MemoryQueueManager
from integration.services.ibmmq.remote import RemoteApplication
from integration.services.ibmmq.startup import StartUp

pytestmark = pytest.mark.integration

INPUT, SHARED, EXCLUSIVE, BROWSE, OUTPUT, INQUIRE, SET, SAVE_CONTEXT = 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80
PASS_ALL, SET_IDENTITY, SET_ALL = 0x200, 0x400, 0x800
SYNCPOINT = 2


def test_attributes_are_inquired(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("Q1", max_depth=77, backout_threshold=3, backout_queue="BACK.Q")
    queue_manager.alter_queue_manager(dead_letter_queue="DEAD.Q", max_uncommitted=44)
    application = connect()
    handle = application.open("Q1", INPUT | INQUIRE | OUTPUT)
    application.put(handle, b"x")
    numbers = {3: 1, 15: 77, 17: 1, 18: 1, 20: 1, 22: 3}
    assert {selector: application.inquire(handle, selector) for selector in numbers} == numbers
    assert (application.inquire(handle, 2016), application.inquire(handle, 2019)) == ("Q1", "BACK.Q")
    manager = application.open("", INQUIRE, ObjectType=5)
    assert application.inquire(manager, 2006) == "DEAD.Q"
    assert application.inquire(manager, 2015) == "QM1"
    assert application.inquire(manager, 33) == 44
    assert reason_of(application.inquire, application.open("Q1", OUTPUT), 3) == 2038
    assert reason_of(application.inquire, manager, 22) == 2067
    assert reason_of(application.inquire, handle, 33) == 2067


def test_several_attributes_come_in_one_call(queue_manager: MemoryQueueManager) -> None:
    queue_manager.define_queue("Q1", backout_threshold=3, backout_queue="BACK.Q")
    from integration.services.ibmmq.application import Application

    with Application("ibmmq") as application:
        handle = application.open("Q1", INQUIRE)
        answer = application.calls.MQINQ(application.handle, handle, [22, 2019, 15], [], 2, 3, 48)
    assert answer == ([3, 5000], b"BACK.Q".ljust(48), 0, 0)


def test_inhibited_queue_refuses(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT | SET)
    queue_manager.define_queue("Q1", get_inhibited=True, put_inhibited=True)
    assert reason_of(application.put, handle, b"x") == 2051
    assert reason_of(application.get, handle) == 2016
    application.checked("SET", handle, *set_arguments(application.binding, 10, 0))
    application.put(handle, b"x")


def set_arguments(binding: str, selector: int, value: int) -> tuple[object, ...]:
    return (selector, value) if binding == "pymqi" else ([selector], [value], b"")


def test_full_queue_is_2053_and_uncommitted_gets_make_room(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("Q1", max_depth=2)
    application, other = connect(), connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    for _ in range(2):
        application.put(handle, b"x")
    assert reason_of(application.put, handle, b"x") == 2053
    application.commit()
    other.get(other.open("Q1", INPUT))
    application.put(handle, b"y")


def test_message_longer_than_queue_or_channel_is_refused(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("Q1", max_length=100)
    queue_manager.define_queue("WIDE", max_length=1_000_000)
    application = connect(MaxMsgLength=10_000)
    assert reason_of(application.put, application.open("Q1", OUTPUT), bytes(101)) == 2030
    assert reason_of(application.put, application.open("WIDE", OUTPUT), bytes(10_001)) == 2010


def test_exclusive_open_keeps_others_out(connect: Connect) -> None:
    first, second = connect(), connect()
    handle = first.open("Q1", EXCLUSIVE)
    assert reason_of(second.open, "Q1", SHARED) == 2042
    assert reason_of(second.open, "Q1", INPUT) == 2042
    second.open("Q1", BROWSE | OUTPUT)
    first.close(handle)
    second.open("Q1", SHARED)
    assert reason_of(first.open, "Q1", EXCLUSIVE) == 2042


@pytest.mark.parametrize("attributes", [{"default_input": "EXCL"}, {"shareable": False}])
def test_queue_says_how_it_is_shared(
    queue_manager: MemoryQueueManager, connect: Connect, attributes: dict[str, Any]
) -> None:
    queue_manager.define_queue("Q1", **attributes)
    first, second = connect(), connect()
    first.open("Q1", INPUT)
    assert reason_of(second.open, "Q1", INPUT) == 2042
    first.disconnect()
    second.open("Q1", INPUT)


def test_names_are_resolved(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_alias("A1", "Q1")
    queue_manager.define_alias("A2", "NOWHERE")
    application = connect()
    application.put(application.open("A1", OUTPUT), b"x")
    application.commit()
    assert queue_manager.bodies("Q1") == [b"x"]
    alias = application.open("A1", INQUIRE)
    assert application.inquire(alias, 2002) == "Q1"
    assert reason_of(application.inquire, alias, 22) == 2068
    assert reason_of(application.open, "A2", OUTPUT) == 2082
    assert reason_of(application.open, "NOWHERE", OUTPUT) == 2085
    assert reason_of(application.open, "Q1", OUTPUT, ObjectQMgrName=b"FAR") == 2087
    application.open("Q1", OUTPUT, ObjectQMgrName=b"QM1")


def test_missing_authority_is_2035(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("Q1", deny="inq,setall")
    application = connect()
    application.open("Q1", INPUT | OUTPUT | SET_IDENTITY)
    assert reason_of(application.open, "Q1", INPUT | INQUIRE) == 2035
    assert reason_of(application.open, "Q1", OUTPUT | SET_ALL) == 2035
    assert reason_of(application.put1, "Q1", b"x", SYNCPOINT | 0x800) == 2035


def test_default_context_says_who_put_and_when(connect: Connect) -> None:
    application = connect(user="app", password="secret")
    handle = application.open("Q1", INPUT | OUTPUT)
    put = Descriptor.unpack(application.put(handle, b"x", ReplyToQ=b"REPLY", Priority=-1, CodedCharSetId=0))
    application.commit()
    found = Descriptor.unpack(application.get(handle).md)
    assert found == put
    assert put.msg_id[:16] == b"AMQ QM1         "
    assert put.put_date == time.strftime("%Y%m%d", time.gmtime())
    assert (len(put.put_time), put.user_identifier, put.reply_to_qmgr) == (8, "app", "QM1")
    assert (put.priority, put.ccsid, put.persistence, put.put_appl_type) == (0, 1208, 1, 6)
    assert put.put_appl_name


def test_identifiers_never_come_twice(connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", OUTPUT)
    puts = [Descriptor.unpack(application.put(handle, b"x", 2 | 0x40 | 0x80, MsgId=b"a" * 24)) for _ in range(100)]
    assert len({put.msg_id for put in puts} | {put.correl_id for put in puts}) == 200


def test_context_is_set_by_whoever_opened_for_it(connect: Connect) -> None:
    application = connect(user="app", password="secret")
    handle = application.open("Q1", OUTPUT | SET_IDENTITY)
    all_of_it = application.open("Q1", OUTPUT | SET_ALL)
    fields = {"UserIdentifier": b"fred", "PutApplName": b"other", "PutDate": b"20010203", "PutTime": b"04050607"}
    identity = Descriptor.unpack(application.put(handle, b"x", SYNCPOINT | 0x400, **fields))
    assert (identity.user_identifier, identity.put_appl_name != "other") == ("fred", True)
    everything = Descriptor.unpack(application.put(all_of_it, b"x", SYNCPOINT | 0x800, **fields))
    assert (everything.user_identifier, everything.put_appl_name) == ("fred", "other")
    assert (everything.put_date, everything.put_time) == ("20010203", "04050607")
    assert reason_of(application.put, handle, b"x", SYNCPOINT | 0x800) == 2095
    assert reason_of(application.put, application.open("Q1", OUTPUT), b"x", SYNCPOINT | 0x400) == 2096


def test_poison_goes_to_the_backout_queue_in_the_same_unit(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("Q1", backout_threshold=2, backout_queue="BACK.Q")
    queue_manager.define_queue("BACK.Q")
    queue_manager.put("Q1", b"poison", Descriptor(user_identifier="fred", put_appl_name="other", backout_count=2))
    application = connect()
    handle = application.open("Q1", INPUT | INQUIRE | SAVE_CONTEXT)
    answer = application.get(handle)
    assert Descriptor.unpack(answer.md).backout_count >= application.inquire(handle, 22)
    target = str(application.inquire(handle, 2019))
    application.put1(target, answer.body, SYNCPOINT | 0x200, pmo={"Context": handle})
    assert queue_manager.depth("BACK.Q").visible == 0
    application.commit()
    (moved,) = queue_manager.messages("BACK.Q")
    assert (moved.body, moved.descriptor.user_identifier) == (b"poison", "fred")
    assert moved.descriptor.put_appl_name == "other"
    assert queue_manager.depth("Q1").all == 0


def test_put1_is_refused_like_an_open(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    assert reason_of(application.put1, "NOWHERE", b"x") == 2085
    queue_manager.define_queue("Q1", put_inhibited=True)
    assert reason_of(application.put1, "Q1", b"x") == 2051


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Expiry": 0}, 2013),
        ({"MsgType": 0}, 2029),
        ({"MsgType": 1}, 2027),
        ({"Persistence": 5}, 2047),
        ({"Priority": -2}, 2050),
        ({"Version": 7}, 2026),
        ({"Format": b"MQHRF2"}, 2334),
    ],
)
def test_descriptor_that_makes_no_sense_is_refused(connect: Connect, fields: dict[str, Any], reason: int) -> None:
    application = connect()
    assert reason_of(application.put, application.open("Q1", OUTPUT), b"x", **fields) == reason


def test_too_high_a_priority_is_a_warning(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    with pytest.raises(MQError) as high:
        application.put(application.open("Q1", OUTPUT), b"x", Priority=12)
    assert (high.value.completion, high.value.reason) == (1, 2049)
    application.commit()
    assert queue_manager.messages("Q1")[0].descriptor.priority == 9


def test_version_1_structures_are_not_written_past_their_end(connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    mark = b"\xee" * 8
    md = application.package.MD(Version=1, GroupId=mark).pack()
    pmo = application.package.PMO(Version=1, Options=2, OriginalMsgHandle=-1, NewMsgHandle=7).pack()
    back, pmo_back = application.checked("PUT", handle, bytes(bytearray(md)), bytes(bytearray(pmo)), b"x")
    application.commit()
    assert back[324:] == md[324:]
    assert pmo_back[128:] == pmo[128:]
    gmo = application.package.GMO(Version=1, Options=2, MatchOptions=9, MsgToken=mark).pack()
    _, _, gmo_back, _ = application.checked("GET", handle, bytes(bytearray(md)), bytes(bytearray(gmo)), 100)
    assert gmo_back[72:] == gmo[72:]


def test_asynchronous_puts_tell_their_failures_to_mqstat(queue_manager: MemoryQueueManager) -> None:
    from integration.services.ibmmq.application import Application

    queue_manager.define_queue("Q1", max_depth=2)
    with Application("ibmmq") as application:
        handle = application.open("Q1", OUTPUT)
        for _ in range(4):
            application.put(handle, b"x", SYNCPOINT | 0x10000)
        status = application.package.STS()
        status.unpack(application.checked("STAT", 0, bytes(bytearray(status.pack())))[0])
        assert (status.CompCode, status.Reason, status.PutSuccessCount, status.PutFailureCount) == (2, 2053, 2, 2)
        assert status.ObjectName.rstrip() == b"Q1"
        status.unpack(application.checked("STAT", 0, bytes(bytearray(status.pack())))[0])
        assert (status.CompCode, status.Reason, status.PutSuccessCount) == (0, 0, 0)


def test_an_endless_queue_gives_what_was_got_again_once_that_is_committed(
    queue_manager: MemoryQueueManager, connect: Connect
) -> None:
    queue_manager.define_queue("Q1", endless=True)
    for body in (b"a", b"b"):
        queue_manager.put("Q1", body)
    application = connect()
    handle = application.open("Q1", INPUT)
    assert application.get(handle).body == b"a"
    assert queue_manager.bodies("Q1") == [b"b"]
    application.back_out()
    assert application.get(handle).body == b"a"
    application.commit()
    assert queue_manager.bodies("Q1") == [b"b", b"a"]
    assert application.get(handle, 4).body == b"b"
    assert [each.descriptor.backout_count for each in queue_manager.messages("Q1")] == [0, 0]


def test_a_bottomless_queue_keeps_nothing_that_is_committed(
    queue_manager: MemoryQueueManager, connect: Connect
) -> None:
    queue_manager.define_queue("Q1", bottomless=True)
    application = connect()
    handle = application.open("Q1", OUTPUT)
    application.put(handle, b"x")
    assert queue_manager.depth("Q1").putting == 1
    application.commit()
    application.put(handle, b"y", 4)
    assert queue_manager.depth("Q1").all == 0


def test_a_process_that_is_only_started_has_the_queue_manager_that_a_file_describes(tmp_path: Path) -> None:
    manager = StartUp(tmp_path / "commands.txt")
    manager.define_queue("Q1")
    manager.put("Q1", b"there")
    with RemoteApplication(manager.write().environment) as application:
        application.run("a = Application('ibmmq')")
        application.run("h = a.open('Q1', 1)")
        assert application.run("a.get(h).body") == b"there"
