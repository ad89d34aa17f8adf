from __future__ import annotations

import base64
import time

import pytest

from linkspan.api import DataError, Header, Headers, schema
from linkspan_connectors.ibmmq.header_rules import copy_headers
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, unpack_descriptor
from linkspan_connectors.ibmmq.outgoing import Body, Draft, Sending, expiry_tenths, is_property_name
from linkspan_connectors.ibmmq.received import Received
from linkspan_connectors.ibmmq.rfh2 import header_of

JMS = Sending("Q1", has_rfh2=True, persistent=True, time_to_live=0, reply=None)
RAW = JMS._replace(has_rfh2=False)
TEXT = Body("text", "grüß")


def _draft(sending: Sending = RAW) -> Draft:
    return Draft(sending, sending.descriptor)


def _sent(draft: Draft, body: Body = TEXT) -> tuple[Descriptor, Received]:
    packed = draft.packed(body)
    return unpack_descriptor(packed.md), Received(packed.md, packed.data)


def _with_headers(*headers: Header, sending: Sending = JMS, writes: bool = False) -> tuple[Descriptor, Received]:
    draft = _draft(sending)
    copy_headers(Headers(headers), draft, writes_descriptor=writes)
    return _sent(draft)


@pytest.mark.parametrize(
    ("body", "form", "content"),
    [
        (TEXT, b"MQSTR   ", "grüß".encode()),
        (Body("bytes", b"\x00\x01"), b"        ", b"\x00\x01"),
        (Body("none", b""), b"        ", b""),
    ],
)
def test_a_raw_message_is_its_body_and_a_format(body: Body, form: bytes, content: bytes) -> None:
    packed = _draft().packed(body)
    descriptor = unpack_descriptor(packed.md)
    assert packed.data == content
    assert (descriptor.format, descriptor.ccsid, descriptor.encoding) == (form, 1208, 273)
    assert (descriptor.persistence, descriptor.priority, descriptor.expiry, descriptor.msg_type) == (1, 4, -1, 8)


@pytest.mark.parametrize(
    ("body", "kind", "form"),
    [
        (TEXT, "jms_text", b"MQSTR   "),
        (Body("bytes", b"\x00"), "jms_bytes", b"        "),
        (Body("none", b""), "jms_none", b"        "),
    ],
)
def test_a_jms_message_says_what_it_is_and_where_it_goes(body: Body, kind: str, form: bytes) -> None:
    before = int(time.time() * 1000)
    descriptor, message = _sent(_draft(JMS), body)
    assert descriptor.format == b"MQHRF2  "
    header = message.content.rfh2
    assert header is not None
    assert (header.message_type, header.format, header.ccsid, header.encoding) == (kind, form, 1208, 273)
    fields = dict(header.fields)
    assert before <= int(fields.pop("Tms")) <= time.time() * 1000
    assert fields == {"Dst": "queue:///Q1?messageBody=0"}


def test_time_to_live_and_persistence() -> None:
    descriptor, message = _sent(_draft(JMS._replace(persistent=False, time_to_live=60_000)))
    assert (descriptor.persistence, descriptor.expiry) == (0, 600)
    assert message.field("Dlv") == "1"
    assert int(message.field("Exp") or 0) - int(message.field("Tms") or 0) == 60_000


@pytest.mark.parametrize(
    ("milliseconds", "tenths"),
    [(0, -1), (1, 1), (100, 1), (199, 1), (200, 2), (214_748_364_699, 2_147_483_646), (214_748_364_700, -1)],
)
def test_a_time_to_live_is_whole_tenths_and_at_least_one(milliseconds: int, tenths: int) -> None:
    assert expiry_tenths(milliseconds) == tenths


def test_a_message_that_wants_an_answer_is_a_request() -> None:
    descriptor, message = _sent(_draft(JMS._replace(reply=("R1", "QM2"))))
    assert descriptor.msg_type == 1
    assert (descriptor.reply_to_q.rstrip(b"\0 "), descriptor.reply_to_qmgr.rstrip(b"\0 ")) == (b"R1", b"QM2")
    assert message.field("Rto") == "queue://QM2/R1"


@pytest.mark.parametrize(
    ("identifier", "binary", "text"),
    [
        (b"short", b"short".ljust(24, b"\0"), "ID:73686f7274"),
        (b"x" * 30, b"x" * 24, "ID:" + "78" * 30),
        (bytes(24), bytes(24), None),
        ("ID:" + "0a" * 24, b"\x0a" * 24, "ID:" + "0a" * 24),
        ("order 17", b"order 17".ljust(24, b"\0"), "order 17"),
        ("ä" * 20, "ä".encode() * 12, "ä" * 20),
    ],
)
def test_a_correlation_is_binary_or_a_text_of_the_application(
    identifier: str | bytes, binary: bytes, text: str | None
) -> None:
    draft = _draft(JMS)
    draft.correlate(identifier)
    descriptor, message = _sent(draft)
    assert descriptor.correl_id == binary
    assert message.field("Cid") == text


def test_an_id_that_is_not_hexadecimal_is_the_fault_of_its_record() -> None:
    for draft in _draft(JMS), _draft():
        with pytest.raises(DataError, match="Behind ID: there have to be pairs of hexadecimal digits"):
            draft.correlate("ID:xyz")


def test_a_group_is_named_as_jms_does_it() -> None:
    headers = Header("JMSXGroupID", "orders"), Header("JMSXGroupSeq", 3), Header("JMS_IBM_Last_Msg_In_Group", "true")
    descriptor, message = _with_headers(*headers)
    assert (descriptor.group_id, descriptor.msg_seq_number) == (b"orders".ljust(24, b"\0"), 3)
    assert descriptor.msg_flags == 0x18
    assert (message.field("Gid"), message.field("Seq")) == ("orders", "3")
    _, without = _with_headers(*headers, sending=RAW)
    assert without.group_id == "ID:" + b"orders".ljust(24, b"\0").hex()


@pytest.mark.parametrize("name", ["a$b", "_a", "grün", "日本", "a\u0301", "€", "null", "Between"])
def test_names_that_are_identifiers_of_java_are_taken(name: str) -> None:
    _, message = _with_headers(Header(name, "x"))
    header = message.content.rfh2
    assert header is not None
    assert [header_of(each).key for each in header.properties] == [name]


def test_a_character_beyond_the_basic_plane_is_a_number() -> None:
    draft = _draft(JMS)
    copy_headers(Headers([Header("s", "blue\U0001f600")]), draft, writes_descriptor=False)
    assert b"<s>blue&#x1f600;</s>" in draft.packed(TEXT).data
    _, message = _sent(draft)
    header = message.content.rfh2
    assert header is not None
    assert header_of(header.properties[0]).value == "blue\U0001f600"


@pytest.mark.parametrize(
    ("context", "options"),
    [
        (None, "messageBody=0"),
        ("", "messageBody=0&mdWriteEnabled=true"),
        ("identity", "messageBody=0&mdMessageContext=1&mdWriteEnabled=true"),
        ("all", "messageBody=0&mdMessageContext=2&mdWriteEnabled=true"),
    ],
)
def test_the_destination_is_the_one_that_ibms_connector_writes_to(context: str | None, options: str) -> None:
    _, message = _sent(_draft(JMS._replace(context=context)))
    assert message.destination == f"queue:///Q1?{options}"


def test_headers_become_properties_of_their_types() -> None:
    _, message = _with_headers(
        Header("s", "text", schema.STRING),
        Header("b", True, schema.BOOLEAN),
        Header("i1", 1, schema.INT8),
        Header("i4", 4, schema.INT32),
        Header("i8", 8),
        Header("r4", 0.5, schema.FLOAT32),
        Header("r8", 2.5),
        Header("list", [1, 2]),
        Header("nil", None),
    )
    header = message.content.rfh2
    assert header is not None
    assert [tuple(header_of(each)) for each in header.properties] == [
        ("s", "text", schema.STRING),
        ("b", True, schema.BOOLEAN),
        ("i1", 1, schema.INT8),
        ("i4", 4, schema.INT32),
        ("i8", 8, schema.INT64),
        ("r4", 0.5, schema.FLOAT32),
        ("r8", 2.5, schema.FLOAT64),
        ("list", "[1, 2]", schema.STRING),
        ("nil", None, schema.OPTIONAL_STRING),
    ]


@pytest.mark.parametrize(
    "name", ["trace-id", "__connect.errors.topic", "a b", "", "1a", "\U0001d49c", "JMSOther", "JMS_IBM_Nothing"]
)
def test_names_that_jms_does_not_take_are_left_out_with_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    _, message = _with_headers(Header(name, "x"), Header("good", "y"))
    header = message.content.rfh2
    assert header is not None
    assert [each.name for each in header.properties] == ["good"]
    assert "A header is left out of the message" in caplog.text
    assert not is_property_name(name)


def test_properties_of_jms_set_the_descriptor() -> None:
    descriptor, message = _with_headers(
        Header("JMS_IBM_Report_COA", "256"),
        Header("JMS_IBM_Report_Pass_Correl_ID", 64),
        Header("JMS_IBM_MsgType", 2.9),
        Header("JMS_IBM_Feedback", "3"),
        Header("JMS_IBM_Last_Msg_In_Group", "TRUE"),
        Header("JMS_IBM_Format", "MQADMIN"),
        Header("JMSXGroupID", "orders"),
        Header("JMSXGroupSeq", "5"),
    )
    assert (descriptor.report, descriptor.msg_type, descriptor.feedback) == (0x140, 2, 3)
    assert (descriptor.msg_flags, descriptor.msg_seq_number) == (0x18, 5)
    assert descriptor.group_id == b"orders".ljust(24, b"\0")
    assert message.content.format == b"MQADMIN "


def test_a_character_set_is_that_of_the_body() -> None:
    descriptor, message = _with_headers(Header("JMS_IBM_Character_Set", "IBM500"), sending=RAW)
    assert (descriptor.ccsid, message.text()) == (500, "grüß")
    assert message.data == "grüß".encode("cp500")


def test_a_text_that_the_character_set_lacks_is_an_error_of_the_record() -> None:
    draft = _draft()
    copy_headers(Headers([Header("JMS_IBM_Character_Set", "819")]), draft, writes_descriptor=False)
    with pytest.raises(DataError, match="no character"):
        draft.packed(Body("text", "€"))


def test_headers_set_the_descriptor_only_when_they_may() -> None:
    headers = [
        Header("JMS_IBM_MQMD_Priority", "7"),
        Header("JMS_IBM_MQMD_MsgId", "ID:" + "0b" * 24),
        Header("JMS_IBM_MQMD_CorrelId", "ID:" + "0c" * 24),
        Header("JMS_IBM_MQMD_AccountingToken", base64.b64encode(b"token").decode()),
        Header("JMS_IBM_MQMD_UserIdentifier", "somebody"),
        Header("JMS_IBM_MQMD_BackoutCount", 9),
    ]
    descriptor, _ = _with_headers(*headers)
    assert (descriptor.priority, descriptor.msg_id, descriptor.user_identifier) == (4, bytes(24), bytes(12))
    assert descriptor.correl_id == b"\x0c" * 24
    descriptor, message = _with_headers(*headers, writes=True)
    assert (descriptor.priority, descriptor.msg_id) == (7, b"\x0b" * 24)
    assert (descriptor.accounting_token, descriptor.user_identifier) == (
        b"token".ljust(32, b"\0"),
        b"somebody    ",
    )
    assert (descriptor.backout_count, message.field("Pri")) == (0, None)


def test_an_id_that_a_header_sets_is_kept() -> None:
    draft = _draft(JMS)
    assert draft.packed(TEXT).keeps_id is False
    copy_headers(Headers([Header("JMS_IBM_MQMD_MsgId", b"m" * 24)]), draft, writes_descriptor=True)
    packed = draft.packed(TEXT)
    assert packed.keeps_id is True
    assert packed.md[48:72] == b"m" * 24


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JMS_IBM_Feedback", "three"),
        ("JMS_IBM_Feedback", 1 << 31),
        ("JMS_IBM_Last_Msg_In_Group", "maybe"),
        ("JMS_IBM_MQMD_GroupId", "not base64!"),
        ("JMS_IBM_MQMD_MsgId", "ID:xyz"),
        ("JMS_IBM_Character_Set", "nonsense"),
        ("JMS_IBM_Character_Set", "99999999999"),
        ("JMS_IBM_MQMD_Nothing", "1"),
    ],
)
def test_values_that_do_not_fit_are_left_out_with_a_warning(
    name: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    descriptor, _ = _with_headers(Header(name, value), writes=True)
    assert "A header is left out of the message" in caplog.text
    assert descriptor.feedback == 0


def test_what_the_receiver_is_told_by_the_queue_manager_is_not_sent() -> None:
    names = ("JMSXUserID", "JMSXAppID", "JMSXDeliveryCount", "JMS_IBM_PutDate", "JMS_IBM_PutTime")
    descriptor, message = _with_headers(*(Header(name, "20240101") for name in names))
    header = message.content.rfh2
    assert header is not None
    assert header.properties == ()
    assert descriptor.put_date == bytes(8)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "s3cret\x01"),
        ("JMS_IBM_MQMD_Priority", "s3cret"),
        ("JMS_IBM_Last_Msg_In_Group", "s3cret"),
        ("JMS_IBM_MQMD_AccountingToken", "s3cret!"),
        ("JMS_IBM_MQMD_MsgId", "s3cret"),
        ("JMS_IBM_Character_Set", "s3cret"),
    ],
)
def test_what_is_said_about_a_header_that_is_left_out_names_it_without_its_value(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    _with_headers(Header(name, value), writes=True)
    assert f"A header is left out of the message, {name}: " in caplog.text
    assert "s3cret" not in caplog.text
