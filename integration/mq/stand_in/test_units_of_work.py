"""Units of work of the stand-in, as the unmodified bindings see them."""

from __future__ import annotations

import struct

import pytest

from integration.mq.conftest import Connect, reason_of
from integration.services.ibmmq.application import MQError
from integration.services.ibmmq.memory import MemoryQueueManager

pytestmark = pytest.mark.integration

INPUT, BROWSE, OUTPUT = 1, 8, 0x10


def backout_count(md: bytes) -> int:
    return int(struct.unpack_from("<i", md, 96)[0])


def test_put_is_invisible_until_commit(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    writer, reader = connect(), connect()
    out, into = writer.open("Q1", OUTPUT), reader.open("Q1", INPUT)
    writer.put(out, b"one")
    with pytest.raises(MQError) as none:
        reader.get(into)
    assert none.value.reason == 2033
    with pytest.raises(MQError):
        writer.get(writer.open("Q1", INPUT))
    writer.commit()
    assert reader.get(into).body == b"one"
    depth = queue_manager.depth("Q1")
    assert (depth.visible, depth.getting, depth.all) == (0, 1, 1)
    reader.commit()
    assert queue_manager.depth("Q1").all == 0


def test_backout_removes_a_put(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    application.put(application.open("Q1", OUTPUT), b"one")
    application.back_out()
    application.commit()
    assert queue_manager.depth("Q1").all == 0


def test_backout_of_a_get_restores_order_and_counts(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    for number in range(5):
        queue_manager.put("Q1", b"%d" % number)
    application = connect()
    handle = application.open("Q1", INPUT)
    assert [application.get(handle).body for _ in range(3)] == [b"0", b"1", b"2"]
    application.back_out()
    answers = [application.get(handle) for _ in range(5)]
    assert [answer.body for answer in answers] == [b"0", b"1", b"2", b"3", b"4"]
    assert [backout_count(answer.md) for answer in answers] == [1, 1, 1, 0, 0]


def test_disconnect_commits(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    application.put(application.open("Q1", OUTPUT), b"one")
    application.disconnect()
    assert queue_manager.bodies("Q1") == [b"one"]


def test_cut_connection_backs_out_and_answers_2009(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", b"one")
    application = connect()
    handle = application.open("Q1", INPUT | OUTPUT)
    application.put(handle, b"two")
    application.get(handle)
    assert queue_manager.cut() == 1
    with pytest.raises(MQError) as broken:
        application.commit()
    assert broken.value.reason == 2009
    (message,) = queue_manager.messages("Q1")
    assert (message.body, message.descriptor.backout_count) == (b"one", 1)


def test_reconnecting_client_hears_2003_until_backout(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect(options=0x40 | 0x800 | 0x01000000)
    handle = application.open("Q1", OUTPUT)
    application.put(handle, b"one")
    queue_manager.cut(reconnect=True)
    for _ in range(2):
        with pytest.raises(MQError) as lost:
            application.put(handle, b"two")
        assert lost.value.reason == 2003
    application.back_out()
    application.put(handle, b"three")
    application.commit()
    assert queue_manager.bodies("Q1") == [b"three"]


def test_commit_after_a_lost_unit_warns_2003(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect(options=0x40 | 0x800 | 0x04000000)
    application.put(application.open("Q1", OUTPUT), b"one")
    queue_manager.cut(reconnect=True)
    with pytest.raises(MQError) as lost:
        application.commit()
    assert (lost.value.completion, lost.value.reason) == (1, 2003)
    application.commit()
    application.put(application.open("Q1", OUTPUT), b"two")
    queue_manager.cut(reconnect=True)
    assert reason_of(application.disconnect) == 2003
    assert queue_manager.depth("Q1").all == 0


def test_unit_of_work_has_a_limit(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.alter_queue_manager(max_uncommitted=3)
    application = connect()
    handle = application.open("Q1", OUTPUT)
    for _ in range(3):
        application.put(handle, b"one")
    with pytest.raises(MQError) as limit:
        application.put(handle, b"one")
    assert limit.value.reason == 2024
    application.commit()
    assert queue_manager.depth("Q1").visible == 3


def test_everything_without_syncpoint_is_final_at_once(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    handle = application.open("Q1", OUTPUT | INPUT)
    application.put(handle, b"one", 4)
    application.put(handle, b"two", 4)
    application.back_out()
    assert application.get(handle, 4).body == b"one"
    application.back_out()
    assert queue_manager.bodies("Q1") == [b"two"]
