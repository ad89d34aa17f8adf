"""What a person or an application gets wrong: the error names what it is, and the message stays where it was."""

from __future__ import annotations

import pytest

from integration.mq.tasks import acknowledge, records, sink, source, values
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.memory import MemoryQueueManager
from linkspan.api import ConfigError, DataError, OutageError, RetriableError
from linkspan_connectors.ibmmq.rfh2 import rfh2_bytes

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("way")]

JSON = "JsonRecordBuilder"
TYPED = "<mcd><Msd>jms_{}</Msd></mcd>"


def of_jms(kind: str, *folders: str, body: bytes = b"x") -> bytes:
    return rfh2_bytes([TYPED.format(kind), *folders], b"MQSTR   ") + body


@pytest.mark.parametrize(
    ("form", "ccsid", "body", "changes", "message"),
    [
        ("MQHRF2", 1208, b"s3cret", {}, "The MQRFH2 at byte 0 needs 36 bytes, the message has 6 more"),
        ("MQHRF2", 1208, b"s3cret" * 10, {}, "There is no MQRFH2 at byte 0, though the format says so"),
        (
            "MQHRF2",
            1208,
            of_jms("text", "<usr><a>s3cret</usr>"),
            {},
            "Folder usr of the MQRFH2 is malformed at character",
        ),
        ("MQDEAD", 1208, b"s3cret", {}, "A header at byte 0 is cut off"),
        ("MQSTR", 99999, b"s3cret", {}, "The text is in CCSID 99999, which is not supported"),
        ("MQSTR", 1208, b"\xffs3cret", {}, r"The text is not in CCSID 1208 \(UTF-8\): invalid start byte at byte 0"),
        ("MQHRF2", 1208, of_jms("map"), {}, "The body is a map of JMS, and only text and bytes become records"),
        ("MQHRF2", 1208, of_jms("object"), {"mq_record_builder": JSON}, "The body is a object of JMS"),
    ],
)
def test_a_message_that_cannot_become_a_record_is_named_and_stays(
    queue_manager: MemoryQueueManager, form: str, ccsid: int, body: bytes, changes: dict[str, str], message: str
) -> None:
    queue_manager.put("Q1", body, Descriptor(format=form, ccsid=ccsid))
    with source(mq_message_body_jms="true", **changes) as task, pytest.raises(DataError, match=message) as failed:
        task.poll()
    assert "No record can be made of message ID:" in failed.value.message
    assert "of queue Q1" in failed.value.message
    assert "s3cret" not in failed.value.message
    assert queue_manager.bodies("Q1") == [body]


def test_a_message_of_an_unknown_format_is_its_bytes(queue_manager: MemoryQueueManager) -> None:
    queue_manager.put("Q1", b"\x00\x01", Descriptor(format="MINE"))
    with source(mq_message_body_jms="true") as task:
        polled = task.poll()
        assert values(polled) == [b"\x00\x01"]
        acknowledge(task, polled)


@pytest.mark.parametrize("direction", [source, sink])
@pytest.mark.parametrize(
    ("reason", "key", "name"),
    [
        (2393, "mq.ssl.cipher.suite", "MQRC_SSL_INITIALIZATION_ERROR"),
        (2397, "mq.ssl.cipher.suite", "MQRC_JSSE_ERROR"),
        (2058, "mq.queue.manager", "MQRC_Q_MGR_NAME_ERROR"),
        (2540, "mq.channel.name", "MQRC_UNKNOWN_CHANNEL_NAME"),
        (2381, "mq.ssl.keystore.location", "MQRC_KEY_REPOSITORY_ERROR"),
        (2399, "mq.ssl.peer.name", "MQRC_SSL_PEER_NAME_ERROR"),
    ],
)
def test_a_connection_that_a_person_has_to_correct_names_key_and_reason(
    queue_manager: MemoryQueueManager, direction: object, reason: int, key: str, name: str
) -> None:
    queue_manager.fault("CONNX", reason)
    with pytest.raises(ConfigError, match=f"{reason} {name}") as failed, direction():  # type: ignore[operator]
        pass
    assert failed.value.key == key


def test_an_inhibited_queue_keeps_its_messages_and_is_named(queue_manager: MemoryQueueManager) -> None:
    queue_manager.put("Q1", b"m", Descriptor(format="MQSTR"))
    with source() as task:
        queue_manager.fault("GET", 2016)
        with pytest.raises(RetriableError, match=r"queue Q1 .*2016 MQRC_GET_INHIBITED"):
            task.poll()
    assert queue_manager.bodies("Q1") == [b"m"]


@pytest.mark.parametrize(("reason", "name"), [(2053, "MQRC_Q_FULL"), (2051, "MQRC_PUT_INHIBITED")])
def test_a_queue_that_takes_nothing_is_named(queue_manager: MemoryQueueManager, reason: int, name: str) -> None:
    with sink() as task:
        queue_manager.fault("PUT", reason)
        with pytest.raises(OutageError, match=f"queue Q1 .*{reason} {name}"):
            task.put(records("x"))
    assert queue_manager.bodies("Q1") == []
