"""Properties of messages, their header, and conversion, as the stand-in does them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from integration.mq.conftest import Connect, reason_of
from integration.services.ibmmq.application import Application
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.memory import MemoryQueueManager

pytestmark = pytest.mark.integration

INPUT, OUTPUT, SYNCPOINT = 1, 0x10, 2
FORCE_RFH2, NO_PROPERTIES, IN_HANDLE, CONVERT = 0x02000000, 0x04000000, 0x08000000, 0x4000
BOOLEAN, BYTES, INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, STRING = (1 << bit for bit in range(2, 11))

FOLDERS = (
    "<mcd><Msd>jms_text</Msd></mcd>",
    "<jms><Dst>queue:///Q1</Dst><Tms>1700000000000</Tms><Cid>abc</Cid><Dlv>2</Dlv></jms>",
    "<usr><color>blue &amp; green</color><n dt='i4'>2</n><ok dt='boolean'>1</ok><raw dt='bin.hex'>00ff</raw></usr>",
)


def rfh2(*folders: str, order: str = ">", ccsid: int = 1208, length: int | None = None) -> bytes:
    """A header before a text."""
    parts = b""
    for folder in folders:
        text = folder.encode()
        text = text.ljust((len(text) + 3) // 4 * 4)
        parts += struct.pack(f"{order}i", len(text)) + text
    encoding = 273 if order == ">" else 546
    total = 36 + len(parts) if length is None else length
    return struct.pack(f"{order}4s4i8sii", b"RFH ", 2, total, encoding, ccsid, b"MQSTR   ", 0, 1208) + parts


HEADED = Descriptor(format="MQHRF2", encoding=273, ccsid=1208)


class Handle:
    """A message handle and its properties."""

    def __init__(self, application: Application) -> None:
        self.application = application
        options = application.package.CMHO().pack()
        self.number = application.checked("CRTMH", bytes(bytearray(options)))[0]

    def set(self, name: str, kind: int, value: Any, length: int | None = None) -> None:
        package = self.application.package
        size = len(value) if length is None else length
        # pymqi takes the character set that MQSMPO has by default, ibmmq too
        given = (package.SMPO().pack(), name.encode(), package.PD().pack(), kind, value, size)
        self.application.checked("SETMP", self.number, *given)

    def all(self) -> dict[str, Any]:
        """Every property (the names are ibmmq's to tell)."""
        found: dict[str, Any] = {}
        options = 0
        while True:
            package = self.application.package
            impo = package.IMPO(Options=options)
            given = (bytes(bytearray(impo.pack())), b"%", package.PD().pack(), 0, 4096)
            value, _, name, completion, reason = self.application.calls.MQINQMP(
                self.application.handle, self.number, *given
            )
            if completion:
                assert reason == 2471
                return found
            found[name.decode() if isinstance(name, bytes) else name] = value
            options = 8


@contextmanager
def connected() -> Iterator[Application]:
    with Application("ibmmq") as application:
        yield application


def test_properties_of_a_handle_come_back_with_their_types(queue_manager: MemoryQueueManager) -> None:
    with connected() as application:
        handle = Handle(application)
        handle.set("color", STRING, "blue & green")
        handle.set("small", INT32, 42, 4)
        handle.set("large", INT64, -(2**40), 8)
        handle.set("half", FLOAT64, 0.5, 8)
        handle.set("yes", BOOLEAN, True, 4)
        handle.set("raw", BYTES, b"\0\xff")
        handle.set("small", INT32, 43, 4)
        found = handle.all()
        assert found == {
            "color": "blue & green", "small": 43, "large": -(2**40), "half": 0.5, "yes": True, "raw": b"\0\xff",
        }  # fmt: skip
        queue = application.open("Q1", INPUT | OUTPUT)
        application.put(queue, b"text", pmo={"OriginalMsgHandle": handle.number}, Format=b"MQSTR", CodedCharSetId=1208)
        application.commit()
        (stored,) = queue_manager.messages("Q1")
        assert stored.descriptor.format == "MQHRF2"
        into = Handle(application)
        answer = application.get(queue, SYNCPOINT | IN_HANDLE, gmo={"MsgHandle": into.number})
        assert into.all() == found
        assert (answer.body, Descriptor.unpack(answer.md).format) == (b"text", "MQSTR")
        application.checked("DLTMH", into.number, application.package.DMHO().pack())
        assert reason_of(into.set, "color", STRING, "red") == 2460


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (BOOLEAN, False, b"<p dt='boolean'>0</p>"),
        (INT8, -7, b"<p dt='i1'>-7</p>"),
        (INT16, -300, b"<p dt='i2'>-300</p>"),
        (INT32, -(2**31), b"<p dt='i4'>-2147483648</p>"),
        (INT64, 2**62, b"<p dt='i8'>4611686018427387904</p>"),
        (FLOAT32, 0.25, b"<p dt='r4'>0.25</p>"),
        (FLOAT64, 0.1, b"<p dt='r8'>0.10000000000000001</p>"),
        (BYTES, b"\0\xab", b"<p dt='bin.hex'>00ab</p>"),
        (STRING, "<a & 'b'>", b"<p>&lt;a &amp; &apos;b&apos;&gt;</p>"),
        (STRING, "", b"<p></p>"),
    ],
)
def test_each_type_of_property_survives_the_header(
    queue_manager: MemoryQueueManager, kind: int, value: Any, text: bytes
) -> None:
    lengths = {BOOLEAN: 4, INT8: 1, INT16: 2, INT32: 4, INT64: 8, FLOAT32: 4, FLOAT64: 8}
    with connected() as application:
        handle, into = Handle(application), Handle(application)
        handle.set("p", kind, value, lengths.get(kind))
        queue = application.open("Q1", INPUT | OUTPUT)
        application.put(queue, b"x", pmo={"OriginalMsgHandle": handle.number})
        application.commit()
        assert text in queue_manager.messages("Q1")[0].body
        application.get(queue, SYNCPOINT | IN_HANDLE, gmo={"MsgHandle": into.number})
        assert into.all() == {"p": value}


def test_property_is_deleted(queue_manager: MemoryQueueManager) -> None:
    assert queue_manager.name == "QM1"
    with connected() as application:
        handle = Handle(application)
        handle.set("a", INT32, 1, 4)
        handle.set("b", INT32, 2, 4)
        options = application.package.DMPO().pack()
        application.checked("DLTMP", handle.number, bytes(bytearray(options)), b"a")
        assert handle.all() == {"b": 2}


@pytest.mark.usefixtures("pymqi_path")
def test_pymqi_sets_and_inquires_properties(queue_manager: MemoryQueueManager) -> None:
    with Application("pymqi", queue_manager.name) as application:
        handle = Handle(application)
        handle.set("color", STRING, "blue")
        handle.set("small", INT32, 42, 4)
        inquired = application.checked("INQMP", handle.number, 0, b"color", 0, STRING, 100)
        assert inquired[0] == "blue"
        assert application.checked("INQMP", handle.number, 0, b"small", 0, INT32, 100)[0] == 42
        application.put(application.open("Q1", OUTPUT), b"x", pmo={"Version": 3, "OriginalMsgHandle": handle.number})
        application.commit()
    (stored,) = queue_manager.messages("Q1")
    assert b"<usr><color>blue</color><small dt='i4'>42</small></usr>" in stored.body


@pytest.mark.parametrize("order", [">", "<"])
def test_header_is_forced_removed_or_read_into_a_handle(queue_manager: MemoryQueueManager, order: str) -> None:
    stored = rfh2(*FOLDERS, order=order) + b"text"
    descriptor = replace(HEADED, encoding=273 if order == ">" else 546)
    for _ in range(3):
        queue_manager.put("Q1", stored, descriptor)
    with connected() as application:
        queue = application.open("Q1", INPUT)
        assert application.get(queue, SYNCPOINT | FORCE_RFH2).body == stored
        bare = application.get(queue, SYNCPOINT | NO_PROPERTIES)
        assert (bare.body, Descriptor.unpack(bare.md).format) == (b"text", "MQSTR")
        handle = Handle(application)
        application.get(queue, SYNCPOINT | IN_HANDLE, gmo={"MsgHandle": handle.number})
        found = handle.all()
    assert found == {
        "mcd.Msd": "jms_text", "jms.Dst": "queue:///Q1", "jms.Tms": "1700000000000", "jms.Cid": "abc", "jms.Dlv": "2",
        "color": "blue & green", "n": 2, "ok": True, "raw": b"\0\xff",
    }  # fmt: skip


def test_message_without_properties_gets_no_header(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", b"text", Descriptor(format="MQSTR"))
    application = connect()
    answer = application.get(application.open("Q1", INPUT), SYNCPOINT | FORCE_RFH2)
    assert (answer.body, Descriptor.unpack(answer.md).format) == (b"text", "MQSTR")


def test_folder_that_is_no_property_stays_in_the_message(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", rfh2("<usr><a>1</a></usr>", "<mine><b>2</b></mine>") + b"text", HEADED)
    application = connect()
    answer = application.get(application.open("Q1", INPUT), SYNCPOINT | NO_PROPERTIES)
    assert Descriptor.unpack(answer.md).format == "MQHRF2"
    assert answer.body == rfh2("<mine><b>2</b></mine>", order="<")[:12] + answer.body[12:]
    assert b"<mine>" in answer.body
    assert b"<usr>" not in answer.body
    assert answer.body.endswith(b"text")


def test_queue_says_where_properties_go(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.define_queue("BARE", property_control=1)
    stored = rfh2(*FOLDERS) + b"text"
    for queue in ("Q1", "BARE"):
        queue_manager.put(queue, stored, HEADED)
    application = connect()
    assert application.get(application.open("Q1", INPUT)).body == stored
    assert application.get(application.open("BARE", INPUT)).body == b"text"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"RFH", 2334),
        (rfh2("<usr><a>1</a></usr>", length=1000), 2334),
        (rfh2("<usr><a>1</usr>"), 2421),
        (rfh2("<usr><a>1</a>"), 2421),
    ],
)
def test_broken_header_is_refused_at_put_and_delivered_as_it_is(
    queue_manager: MemoryQueueManager, connect: Connect, body: bytes, reason: int
) -> None:
    application = connect()
    queue = application.open("Q1", INPUT | OUTPUT)
    assert reason_of(application.put, queue, body, Format=b"MQHRF2", Encoding=273) == reason
    queue_manager.put("Q1", body, HEADED)
    assert application.get(queue, SYNCPOINT | FORCE_RFH2).body == body


def converted(application: Application, encoding: int = 546, ccsid: int = 1208, **keywords: Any) -> Any:
    queue = application.open("Q1", INPUT)
    return application.get(queue, SYNCPOINT | CONVERT, Encoding=encoding, CodedCharSetId=ccsid, **keywords)


@pytest.mark.parametrize(
    ("ccsid", "codec"),
    [(37, "cp037"), (500, "cp500"), (1140, "cp1140"), (819, "latin-1"), (1252, "cp1252"), (850, "cp850")],
)
def test_text_is_converted(queue_manager: MemoryQueueManager, connect: Connect, ccsid: int, codec: str) -> None:
    queue_manager.put("Q1", "Grüße, Ünï".encode(codec), Descriptor(format="MQSTR", ccsid=ccsid))
    answer = converted(connect())
    assert (answer.completion, answer.body.decode()) == (0, "Grüße, Ünï")
    found = Descriptor.unpack(answer.md)
    assert (found.ccsid, found.encoding) == (1208, 546)


def test_text_becomes_utf_16_in_the_wanted_order(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    for _ in range(2):
        queue_manager.put("Q1", "aü".encode(), Descriptor(format="MQSTR"))
    application = connect()
    assert converted(application, 546, 1200).body == "aü".encode("utf-16-le")
    assert converted(application, 273, 1200).body == "aü".encode("utf-16-be")


def test_header_and_text_are_converted_together(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", rfh2(*FOLDERS, ccsid=500) + "Grüße".encode("cp500"), HEADED)
    answer = converted(connect())
    assert answer.body == rfh2(*FOLDERS, order="<", ccsid=1208) + "Grüße".encode()


@pytest.mark.parametrize(
    ("descriptor", "reason"),
    [
        (Descriptor(format="", ccsid=500), 2110),
        (Descriptor(format="MYFORMAT", ccsid=500), 2110),
        (Descriptor(format="MQSTR", ccsid=4711), 2111),
        (Descriptor(format="MQSTR", ccsid=367), 2119),
    ],
)
def test_what_cannot_be_converted_is_delivered_with_a_warning(
    queue_manager: MemoryQueueManager, connect: Connect, descriptor: Descriptor, reason: int
) -> None:
    queue_manager.put("Q1", b"\xc1\xff", descriptor)
    application = connect()
    answer = converted(application)
    assert (answer.completion, answer.reason, answer.body) == (1, reason, b"\xc1\xff")
    assert Descriptor.unpack(answer.md).ccsid == descriptor.ccsid
    application.commit()
    assert queue_manager.depth("Q1").all == 0


def test_broken_lengths_of_folders_stop_nobody(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    application = connect()
    for length in (-4, 2**31 - 1, -(2**31)):
        whole = rfh2("<usr><a>1</a></usr>", "<usr><b>2</b></usr>")
        queue_manager.put("Q1", whole[:36] + struct.pack(">i", length) + whole[40:] + b"text", HEADED)
        assert converted(application).body.endswith(b"text")


def test_unknown_target_is_a_warning(queue_manager: MemoryQueueManager, connect: Connect) -> None:
    queue_manager.put("Q1", b"a", Descriptor(format="MQSTR"))
    assert converted(connect(), ccsid=4711).reason == 2115


def test_text_that_grows_beyond_the_buffer_is_delivered_as_it_was(
    queue_manager: MemoryQueueManager, connect: Connect
) -> None:
    queue_manager.put("Q1", "üüü".encode("latin-1"), Descriptor(format="MQSTR", ccsid=819))
    answer = converted(connect(), room=4)
    assert (answer.completion, answer.reason, answer.body) == (1, 2120, "üüü".encode("latin-1"))
