from __future__ import annotations

import pytest

from linkspan.api import schema
from linkspan_connectors.ibmmq.dead_letter import BACKOUT_THRESHOLD_REACHED, dead_letter
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, message_descriptor, pack_descriptor
from linkspan_connectors.ibmmq.properties import record_headers
from linkspan_connectors.ibmmq.received import Received, backout_count, message_id
from linkspan_connectors.ibmmq.rfh2 import rfh2_bytes

PLAIN = Descriptor(
    encoding=273,
    format=mq.FORMAT_STRING,
    priority=4,
    persistence=1,
    msg_id=b"AMQ QM1         " + bytes(range(8)),
    user_identifier=b"app         ",
    put_appl_type=28,
    put_appl_name=b"sender".ljust(28),
    put_date=b"20231114",
    put_time=b"22132045",
    group_id=bytes(24),
)


def _plain(data: bytes = b"hello", **fields: int | bytes) -> Received:
    return Received(pack_descriptor(PLAIN._replace(**fields)), data)


def _jms(*folders: str, body: bytes = b"hello", form: bytes = mq.FORMAT_STRING, **fields: int | bytes) -> Received:
    descriptor = PLAIN._replace(format=mq.FORMAT_RFH2)._replace(**fields)
    return Received(pack_descriptor(descriptor), rfh2_bytes(folders, form) + body)


def test_a_message_without_rfh2_is_text_or_bytes_by_its_format() -> None:
    assert (_plain().kind, _plain().text()) == ("text", "hello")
    assert _plain(format=mq.FORMAT_NONE).kind == "bytes"


@pytest.mark.parametrize(
    ("msd", "kind"),
    [
        ("jms_text", "text"),
        ("jms_bytes", "bytes"),
        ("jms_none", "none"),
        ("jms_map", "map"),
        ("jms_stream", "stream"),
        ("jms_object", "object"),
    ],
)
def test_the_rfh2_says_what_a_message_is(msd: str, kind: str) -> None:
    message = _jms(f"<mcd><Msd>{msd}</Msd></mcd>", form=mq.FORMAT_NONE)
    assert (message.kind, message.body) == (kind, b"hello")


def test_a_type_that_jms_does_not_know_leaves_it_to_the_format() -> None:
    assert _jms("<mcd><Msd>xml</Msd></mcd>").kind == "text"
    assert _jms("<mcd><Msd>xml</Msd></mcd>", form=b"        ").kind == "bytes"


def test_a_text_in_another_page_is_decoded_by_the_header_before_it() -> None:
    assert _plain(bytes.fromhex("c885939396"), ccsid=500).text() == "Hello"


def test_ids_are_hexadecimal_with_their_prefix() -> None:
    message = _plain()
    assert message.message_id == "ID:414d5120514d312020202020202020200001020304050607"
    assert message_id(message.md) == PLAIN.msg_id
    assert message.correlation_id is None
    assert message.correlation_bytes == bytes(24)
    assert _plain(correl_id=b"x" * 24).correlation_id == "ID:" + "78" * 24
    assert _plain(correl_id=b"x" * 24).correlation_bytes == b"x" * 24


def test_the_correlation_of_an_application_wins_over_the_descriptor() -> None:
    message = _jms("<jms><Cid>verycorrelationid</Cid></jms>", correl_id=b"x" * 24)
    assert message.correlation_id == "verycorrelationid"
    assert message.correlation_bytes == b"verycorrelationid"
    assert _jms("<jms><Cid>ID:0aFF</Cid></jms>").correlation_bytes == b"\x0a\xff"
    assert _jms("<jms><Cid>ID:0</Cid></jms>").correlation_bytes == b"ID:0"


def test_the_destination_may_be_a_topic() -> None:
    assert _jms("<mqps><Top>a/b</Top></mqps>").destination == "topic://a/b"
    assert _jms("<jms><Dst> queue:///Q2 </Dst></jms>").destination == "queue:///Q2"
    assert _plain().destination is None


def test_the_time_is_that_of_jms_else_that_of_the_put() -> None:
    assert _plain().timestamp == 1700000000450
    assert _jms("<jms><Tms>1600000000001</Tms></jms>").timestamp == 1600000000001
    assert _plain(put_date=b"", put_time=b"").timestamp is None


@pytest.mark.parametrize(
    "date", [b"20231345", b"00000000", b"19690101", b"2023-1-1", b"\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xb2"]
)
def test_a_date_that_there_is_not_is_no_time(date: bytes) -> None:
    assert _plain(put_date=date).timestamp is None


@pytest.mark.parametrize("text", ["²", "--5", "-5", "99999999999999999999", "9223372036854775808", "1_0", "9" * 5000])
def test_a_time_that_the_log_cannot_take_is_that_of_the_descriptor(text: str) -> None:
    message = _jms(f"<jms><Tms>{text}</Tms><Gid>g</Gid><Seq>{text}</Seq></jms>")
    assert (message.timestamp, message.group_sequence) == (1700000000450, None)


def test_groups() -> None:
    group = _plain(msg_flags=0x18, group_id=b"orders".ljust(24, b"\0"), msg_seq_number=3)
    assert (group.group_id, group.group_sequence) == ("ID:" + b"orders".ljust(24, b"\0").hex(), 3)
    named = _jms("<jms><Gid>orders</Gid><Seq>4</Seq></jms>", msg_flags=0x8, group_id=b"orders".ljust(24, b"\0"))
    assert (named.group_id, named.group_sequence) == ("orders", 1)
    published = _jms("<jms><Gid>orders</Gid><Seq>4</Seq></jms>")
    assert (published.group_id, published.group_sequence) == ("orders", 4)


def test_no_body_is_none_unless_the_header_says_what_it_is() -> None:
    assert _plain(b"").kind == "none"
    assert _jms("<jms></jms>", body=b"").kind == "none"
    assert _jms("<mcd><Msd>jms_text</Msd></mcd>", body=b"").kind == "text"
    assert (_plain().group_id, _plain().group_sequence) == (None, None)


def test_backouts_are_counted_by_the_descriptor() -> None:
    assert backout_count(message_descriptor(backout_count=7)) == 7


def test_headers_of_a_plain_message() -> None:
    headers = record_headers(_plain(backout_count=1), is_jms=True, with_descriptor=False)
    assert [(each.key, each.value, each.schema) for each in headers] == [
        ("JMSXDeliveryCount", 2, schema.INT32),
        ("JMSXUserID", "app         ", schema.STRING),
        ("JMSXAppID", "sender".ljust(28), schema.STRING),
        ("JMS_IBM_Format", "MQSTR   ", schema.STRING),
        ("JMS_IBM_MsgType", 8, schema.INT32),
        ("JMS_IBM_Character_Set", "UTF-8", schema.STRING),
        ("JMS_IBM_Encoding", 273, schema.INT32),
        ("JMS_IBM_PutDate", "20231114", schema.STRING),
        ("JMS_IBM_PutTime", "22132045", schema.STRING),
        ("JMS_IBM_PutApplType", 28, schema.INT32),
    ]


def test_headers_of_a_jms_message_are_typed() -> None:
    usr = "<usr><color>blue</color><n dt='i4'>2</n><ok dt='boolean'>1</ok><d dt='r8'>2.5</d></usr>"
    headers = record_headers(_jms(usr), is_jms=True, with_descriptor=False)
    assert [(each.key, each.value, each.schema) for each in headers][:4] == [
        ("color", "blue", schema.STRING),
        ("n", 2, schema.INT32),
        ("ok", True, schema.BOOLEAN),
        ("d", 2.5, schema.FLOAT64),
    ]
    last = headers.last("JMS_IBM_Format")
    assert last is not None
    assert last.value == "MQSTR   "


def test_without_jms_the_headers_describe_the_whole_message() -> None:
    message = _jms("<usr><color>blue</color></usr>")
    found = {each.key: each.value for each in record_headers(message, is_jms=False, with_descriptor=False)}
    assert (found["color"], found["JMS_IBM_Format"]) == ("blue", "MQHRF2  ")


def test_each_property_is_there_once() -> None:
    usr = "<usr><color>blue</color><JMSXUserID>me</JMSXUserID><JMS_IBM_MQMD_Priority>9</JMS_IBM_MQMD_Priority></usr>"
    headers = record_headers(_jms(usr, "<usr><color>red</color></usr>"), is_jms=True, with_descriptor=True)
    keys = [each.key for each in headers]
    assert len(keys) == len(set(keys))
    found = {each.key: each.value for each in headers}
    assert (found["color"], found["JMSXUserID"], found["JMS_IBM_MQMD_Priority"]) == ("red", "app         ", 4)


def test_reports_and_groups_are_headers_when_the_message_has_them() -> None:
    message = _plain(report=0x0300_0000 | 0x700 | 0x40, feedback=5, msg_flags=0x18, group_id=b"g".ljust(24, b"\0"))
    found = {each.key: each.value for each in record_headers(message, is_jms=True, with_descriptor=False)}
    assert {key: value for key, value in found.items() if "Report" in key} == {
        "JMS_IBM_Report_Exception": 0x0300_0000,
        "JMS_IBM_Report_COA": 0x700,
        "JMS_IBM_Report_Pass_Correl_ID": 0x40,
    }
    assert (found["JMS_IBM_Feedback"], found["JMS_IBM_Last_Msg_In_Group"], found["JMSXGroupID"]) == (
        5,
        True,
        "ID:67" + "00" * 23,
    )
    assert found["JMSXGroupSeq"] == 1


def test_the_fields_of_the_descriptor_are_headers_when_asked_for() -> None:
    message = _plain(correl_id=b"c" * 24, reply_to_q=b"R1".ljust(48), accounting_token=b"t" * 32)
    found = {
        each.key.removeprefix("JMS_IBM_MQMD_"): (each.value, each.schema)
        for each in record_headers(message, is_jms=True, with_descriptor=True)
        if each.key.startswith("JMS_IBM_MQMD_")
    }
    numbers = {
        "Report": 0,
        "MsgType": 8,
        "Expiry": -1,
        "Feedback": 0,
        "Encoding": 273,
        "CodedCharSetId": 1208,
        "Priority": 4,
        "Persistence": 1,
        "BackoutCount": 0,
        "PutApplType": 28,
        "MsgSeqNumber": 1,
        "Offset": 0,
        "MsgFlags": 0,
        "OriginalLength": -1,
    }
    texts = {
        "Format": "MQSTR   ",
        "ReplyToQ": "R1".ljust(48),
        "ReplyToQMgr": " " * 48,
        "UserIdentifier": "app         ",
        "ApplIdentityData": " " * 32,
        "PutApplName": "sender".ljust(28),
        "PutDate": "20231114",
        "PutTime": "22132045",
        "ApplOriginData": "    ",
        "MsgId": message.message_id,
        "CorrelId": "ID:" + "63" * 24,
    }
    assert found == {
        **{name: (value, schema.INT32) for name, value in numbers.items()},
        **{name: (value, schema.STRING) for name, value in texts.items()},
        "AccountingToken": (b"t" * 32, schema.BYTES),
        "GroupId": (bytes(24), schema.BYTES),
    }


def test_a_dead_letter_names_queue_and_reason_and_keeps_the_message() -> None:
    descriptor, data = dead_letter(
        PLAIN, b"hello", queue="Q1", queue_manager="QM1", application="app", reason=BACKOUT_THRESHOLD_REACHED, now=0.25
    )
    assert len(data) == 172 + 5
    assert data[:4] == b"DLH "
    assert int.from_bytes(data[8:12], "little") == 2362
    assert (data[12:60], data[60:108]) == (b"Q1".ljust(48), b"QM1".ljust(48))
    assert (data[116:124], data[172:]) == (b"MQSTR   ", b"hello")
    assert data[156:172] == b"1970010100000025"
    assert (descriptor.format, descriptor.msg_id) == (b"MQDEAD  ", PLAIN.msg_id)
