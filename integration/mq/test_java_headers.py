"""Compared with IBM's JMS classes: what they send the sink writes, and what they receive the source reads."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final
from unittest.mock import patch
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integration.conftest import missing
from integration.mq.jms_classes import JmsClasses
from integration.services.maven import UnavailableError
from linkspan.api import DataError, Header, Headers, Schema, schema
from linkspan.api.text import double_text
from linkspan_connectors.ibmmq.charsets import CCSIDS, charset_name, decoded, encoded
from linkspan_connectors.ibmmq.header_rules import copy_headers
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, pack_descriptor, unpack_descriptor
from linkspan_connectors.ibmmq.outgoing import Body, Draft, Packed, Sending, is_property_name
from linkspan_connectors.ibmmq.properties import record_headers
from linkspan_connectors.ibmmq.received import Received
from linkspan_connectors.ibmmq.rfh2 import rfh2_bytes

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("jms-classes"), pytest.mark.timeout(600)]

Json = dict[str, Any]
Special = Mapping[str, tuple[str, st.SearchStrategy[object]]]
NOW: Final = 1_700_000_000_123
MANY: Final = 40

generated = settings(
    max_examples=MANY,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def jms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JmsClasses]:
    try:
        with JmsClasses.started(tmp_path_factory.mktemp("jms")) as classes:
            yield classes
    except UnavailableError as error:
        missing(str(error))


# --- what is generated ----------------------------------------------------------------------------------------------

CHARACTERS: Final = st.characters(exclude_categories=["Cs"])
XML_TEXT: Final = st.text(CHARACTERS.filter(lambda one: (one >= " " and one not in "\ufffe\uffff") or one in "\t\n\r"))
NAMES: Final = st.text("ab_$1éß日", min_size=1, max_size=4).filter(is_property_name)
INTEGERS: Final[Mapping[str, tuple[Schema, int]]] = {
    "Byte": (schema.INT8, 8),
    "Short": (schema.INT16, 16),
    "Integer": (schema.INT32, 32),
    "Long": (schema.INT64, 64),
}


def _integers(kind: str) -> st.SearchStrategy[tuple[str, object, Schema]]:
    type_, bits = INTEGERS[kind]
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1).map(lambda number: (kind, number, type_))


VALUES: Final = st.one_of(
    XML_TEXT.map(lambda text: ("String", text, schema.STRING)),
    st.booleans().map(lambda value: ("Boolean", value, schema.BOOLEAN)),
    *map(_integers, INTEGERS),
    # whole and half numbers: Java 17 writes some others with a digit too many
    st.integers(-1_000_000, 1_000_000).map(lambda number: ("Double", number / 2, schema.FLOAT64)),
    st.integers(-1_000, 1_000).map(lambda number: ("Float", number / 2, schema.FLOAT32)),
    st.sampled_from(["NaN", "Infinity", "-Infinity"]).map(lambda text: ("Double", float(text), schema.FLOAT64)),
    st.just(("String", None, schema.OPTIONAL_STRING)),
)
CORRELATIONS: Final = st.one_of(
    st.none(),
    st.binary(max_size=30),
    st.binary(max_size=30).map(lambda data: f"ID:{data.hex()}"),
    XML_TEXT.filter(lambda text: not text.startswith("ID:")),
)
BODIES: Final = st.one_of(
    XML_TEXT.map(lambda text: Body("text", text)),
    st.binary().map(lambda data: Body("bytes", data)),
    st.just(Body("none", b"")),
)
SPECIAL: Final[Special] = {
    "JMSXGroupID": ("String", XML_TEXT.filter(lambda text: text != "" and not text.startswith("ID:"))),
    "JMSXGroupSeq": ("Integer", st.integers(1, 1000)),
    "JMS_IBM_Last_Msg_In_Group": ("Boolean", st.just(True)),
    "JMS_IBM_Report_Exception": ("Integer", st.sampled_from([0x100_0000, 0x300_0000, 0x700_0000])),
    "JMS_IBM_Report_Expiration": ("Integer", st.sampled_from([0x20_0000, 0x60_0000, 0xE0_0000])),
    "JMS_IBM_Report_COA": ("Integer", st.sampled_from([0x100, 0x300, 0x700])),
    "JMS_IBM_Report_COD": ("Integer", st.sampled_from([0x800, 0x1800, 0x3800])),
    "JMS_IBM_Report_PAN": ("Integer", st.just(1)),
    "JMS_IBM_Report_NAN": ("Integer", st.just(2)),
    "JMS_IBM_Report_Pass_Msg_ID": ("Integer", st.just(0x80)),
    "JMS_IBM_Report_Pass_Correl_ID": ("Integer", st.just(0x40)),
    "JMS_IBM_Report_Discard_Msg": ("Integer", st.just(0x800_0000)),
    "JMS_IBM_MsgType": ("Integer", st.sampled_from([1, 2, 4, 8, 70000])),
    "JMS_IBM_Feedback": ("Integer", st.integers(0, 70000)),
    "JMS_IBM_Format": ("String", st.sampled_from(["MQSTR", "MQSTR   ", "MYFORM"])),
    "JMS_IBM_Encoding": ("Integer", st.sampled_from([273, 546])),
    "JMS_IBM_Character_Set": ("String", st.sampled_from(["UTF-8", "1208", "UTF-16", "UTF-16BE"])),
}
WRITTEN: Final[Special] = {
    "JMS_IBM_MQMD_Report": ("Integer", st.integers(0, 0xFFFF)),
    "JMS_IBM_MQMD_MsgType": ("Integer", st.sampled_from([1, 2, 4, 8])),
    "JMS_IBM_MQMD_Feedback": ("Integer", st.integers(0, 70000)),
    "JMS_IBM_MQMD_Expiry": ("Integer", st.integers(1, 10_000)),
    "JMS_IBM_MQMD_Priority": ("Integer", st.integers(0, 9)),
    "JMS_IBM_MQMD_Persistence": ("Integer", st.integers(0, 1)),
    "JMS_IBM_MQMD_MsgSeqNumber": ("Integer", st.integers(1, 100)),
    "JMS_IBM_MQMD_Offset": ("Integer", st.integers(0, 100)),
    "JMS_IBM_MQMD_MsgFlags": ("Integer", st.sampled_from([0, 8, 0x18])),
    "JMS_IBM_MQMD_OriginalLength": ("Integer", st.integers(-1, 100)),
    "JMS_IBM_MQMD_ReplyToQ": ("String", st.sampled_from(["R1", "LONG.NAME"])),
    "JMS_IBM_MQMD_ReplyToQMgr": ("String", st.sampled_from(["QM2"])),
    "JMS_IBM_MQMD_UserIdentifier": ("String", st.sampled_from(["me", "somebody else"])),
    "JMS_IBM_MQMD_ApplIdentityData": ("String", st.just("data")),
    "JMS_IBM_MQMD_PutApplType": ("Integer", st.integers(0, 30)),
    "JMS_IBM_MQMD_PutApplName": ("String", st.just("mine")),
    "JMS_IBM_MQMD_PutDate": ("String", st.just("20260102")),
    "JMS_IBM_MQMD_PutTime": ("String", st.just("12131415")),
    "JMS_IBM_MQMD_ApplOriginData": ("String", st.just("orig")),
    "JMS_IBM_MQMD_MsgId": ("byte[]", st.binary(min_size=24, max_size=24)),
    "JMS_IBM_MQMD_AccountingToken": ("byte[]", st.binary(min_size=32, max_size=32)),
    "JMS_IBM_MQMD_GroupId": ("byte[]", st.binary(min_size=24, max_size=24)),
}


@st.composite
def properties(draw: st.DrawFn, special: Special) -> list[Json]:
    """Properties with the class that JMS is to get, and the schema of a header of a record."""
    found = {name: draw(VALUES) for name in draw(st.lists(NAMES, max_size=3))}
    for name in draw(st.lists(st.sampled_from(sorted(special)), max_size=3)):
        kind, values = special[name]
        found[name] = (kind, draw(values), None)
    keys = ("kind", "value", "schema")
    return [{"name": name, **dict(zip(keys, value, strict=True))} for name, value in found.items()]


@st.composite
def messages(draw: st.DrawFn, special: Special, contexts: st.SearchStrategy[str | None]) -> Json:
    """What is to be sent."""
    body = draw(BODIES)
    return {
        "sending": Sending(
            "Q1",
            has_rfh2=draw(st.booleans()),
            persistent=draw(st.booleans()),
            time_to_live=draw(st.sampled_from([0, 1, 100, 199, 86_400_000])),
            reply=draw(st.sampled_from([None, ("R1", ""), ("R1", "QM2")])),
            context=draw(contexts),
        ),
        "body": body,
        "properties": draw(properties(special)),
        "correlation": draw(CORRELATIONS),
    }


# --- sending ------------------------------------------------------------------------------------------------------


def _java(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if not isinstance(value, float):
        return value
    return "NaN" if math.isnan(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, str(value))


def sent_by_jms(jms: JmsClasses, case: Json) -> Packed:
    sending, body, correlation = case["sending"], case["body"], case["correlation"]
    asked: Json = {
        "kind": body.kind,
        "body": _java(body.content),
        "properties": [[each["name"], each["kind"], _java(each["value"])] for each in case["properties"]],
        "queue": sending.queue,
        "jms": sending.has_rfh2,
        "writes": sending.context is not None,
        "delivery": 2 if sending.persistent else 1,
        "priority": 4,
        "timestamp": NOW,
        "expiration": NOW + sending.time_to_live if sending.time_to_live else 0,
    }
    if sending.context:
        asked["context"] = {"identity": 1, "all": 2}[sending.context]
    if isinstance(correlation, bytes):
        asked["correlationBytes"] = correlation.hex()
    elif correlation is not None:
        asked["correlation"] = correlation
    if sending.reply is not None:
        queue, manager = sending.reply
        asked["reply"] = f"queue://{manager}/{queue}"
    answer = jms.sent(asked)
    assert "error" not in answer, answer
    assert answer["refused"] == []
    return Packed(bytes.fromhex(answer["md"]), bytes.fromhex(answer["data"]), keeps_id=False)


def sent_by_us(case: Json) -> Packed:
    sending = case["sending"]
    draft = Draft(sending, sending.descriptor)
    headers = Headers([Header(each["name"], each["value"], each["schema"]) for each in case["properties"]])
    with patch("linkspan_connectors.ibmmq.outgoing.time.time", return_value=NOW / 1000):
        copy_headers(headers, draft, writes_descriptor=sending.context is not None)
        if case["correlation"] is not None:
            draft.correlate(case["correlation"])
        return draft.packed(case["body"])


def parts(packed: Packed, *, has_rfh2: bool) -> tuple[Descriptor, bytes, list[str], bytes]:
    """Descriptor without the bytes that fill up, fixed part of an MQRFH2, its folders, and the body.

    Java keeps properties in a table without an order, so the elements of ``usr`` are sorted here.
    """
    fields = unpack_descriptor(packed.md)._asdict()
    bare = {name: value.rstrip(b" \0") if isinstance(value, bytes) else value for name, value in fields.items()}
    data = packed.data
    if not has_rfh2:
        return Descriptor(**bare), b"", [], data
    end, at, found = int.from_bytes(data[8:12], "big"), 36, []
    while at < end:
        size = int.from_bytes(data[at : at + 4], "big")
        text = data[at + 4 : at + 4 + size].decode()
        assert len(text.rstrip(" ")) > len(text) - 4
        found += sorted(ELEMENT.findall(text)) if text.startswith("<usr>") else [text]
        at += 4 + size
    return Descriptor(**bare), data[:8] + data[12:36], found, data[end:]


ELEMENT: Final = re.compile(r"<[^<>]*>[^<]*</[^<>]*>")


def is_same_sent(jms: JmsClasses, case: Json) -> None:
    has_rfh2 = case["sending"].has_rfh2
    mine, original = sent_by_us(case), sent_by_jms(jms, case)
    assert parts(mine, has_rfh2=has_rfh2) == parts(original, has_rfh2=has_rfh2)


@generated
@given(messages(SPECIAL, st.none()))
def test_what_the_sink_writes_is_what_jms_sends(jms: JmsClasses, case: Json) -> None:
    is_same_sent(jms, case)


@generated
@given(messages(WRITTEN, st.sampled_from(["", "identity", "all"])))
def test_headers_set_the_fields_that_they_set_in_jms(jms: JmsClasses, case: Json) -> None:
    is_same_sent(jms, case)


@generated
@given(st.text(max_size=5))
def test_names_of_properties_are_those_that_jms_takes(jms: JmsClasses, name: str) -> None:
    case = {"sending": RAW, "body": Body("none", b""), "properties": [], "correlation": None}
    with patch.object(jms, "sent", wraps=jms.sent) as asked:
        sent_by_jms(jms, case)
    (first,) = asked.call_args.args
    refused = jms.sent({**first, "properties": [[name, "String", "x"]]})["refused"]
    ignorable = any(unicodedata.category(one) in ("Cc", "Cf") for one in name)
    assert is_property_name(name) is not bool(refused) or ignorable or name.startswith("JMS")


RAW: Final = Sending("Q1", has_rfh2=False, persistent=True, time_to_live=0, reply=None)


# --- receiving ----------------------------------------------------------------------------------------------------

DESCRIPTORS: Final = st.builds(
    Descriptor,
    struc_id=st.just(b"MD  "),
    version=st.just(2),
    report=st.sampled_from([0, 0x300_0000, 0x700, 0x3800 | 0x40, 0x800_0081, 3, 0xE0_0000]),
    msg_type=st.sampled_from([1, 2, 4, 8]),
    expiry=st.just(-1),
    feedback=st.integers(0, 300),
    encoding=st.sampled_from([273, 546]),
    ccsid=st.sampled_from([1208, 819, 500]),
    priority=st.integers(0, 9),
    persistence=st.integers(0, 1),
    msg_id=st.binary(min_size=24, max_size=24),
    correl_id=st.one_of(st.just(bytes(24)), st.binary(min_size=24, max_size=24)),
    backout_count=st.integers(0, 5),
    reply_to_q=st.just(b" " * 48),
    reply_to_qmgr=st.just(b"QM1".ljust(48)),
    user_identifier=st.just(b"app".ljust(12)),
    accounting_token=st.binary(min_size=32, max_size=32),
    appl_identity_data=st.just(b" " * 32),
    put_appl_type=st.integers(0, 30),
    put_appl_name=st.just(b"sender".ljust(28)),
    put_date=st.sampled_from([b"20260102", b"20241231"]),
    put_time=st.sampled_from([b"12131415", b"23595999"]),
    appl_origin_data=st.just(b" " * 4),
    group_id=st.binary(min_size=24, max_size=24),
    msg_seq_number=st.integers(1, 9),
    offset=st.just(0),
    msg_flags=st.sampled_from([0, 8, 0x18]),
    original_length=st.just(-1),
)


def delivered(md: bytes) -> bytes:
    """A descriptor after the queue manager has filled it in: texts with blanks, and the time of the put."""
    fields = unpack_descriptor(md)
    lengths = {"reply_to_q": 48, "reply_to_qmgr": 48, "user_identifier": 12, "appl_identity_data": 32}
    lengths |= {"put_appl_name": 28, "appl_origin_data": 4}
    texts = {name: getattr(fields, name).rstrip(b" \0").ljust(size) for name, size in lengths.items()}
    return pack_descriptor(fields._replace(**texts, put_date=b"20260102", put_time=b"12131415"))


BASIC_TEXT: Final = st.text(st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs"]))
WHOLE: Final = st.sampled_from(["i1", "i2", "i4", "i8", "int"])
FRACTIONS: Final = st.sampled_from(["1.5", "-2", "1E3", "NaN", "Infinity"])
ELEMENTS: Final = st.one_of(
    st.builds("<{0}>{1}</{0}>".format, NAMES, BASIC_TEXT.map(lambda text: escape(text, {'"': "&quot;"}))),
    st.builds("<{0}>&#x{1:x};</{0}>".format, NAMES, st.integers(0x10000, 0x10FFFF)),
    st.builds(
        "<{0} dt='{1}'>{2}</{0}>".format,
        NAMES,
        WHOLE,
        st.integers(-128, 127),
    ),
    st.builds('<{0} dt="boolean">{1}</{0}>'.format, NAMES, st.integers(0, 1)),
    st.builds("<{0} dt='bin.hex'>{1}</{0}>".format, NAMES, st.binary().map(bytes.hex)),
    st.builds(
        "<{0} dt='{1}'>{2}</{0}>".format,
        NAMES,
        st.sampled_from(["r4", "r8"]),
        FRACTIONS,
    ),
    st.builds("<{0} xsi:nil='true'></{0}>".format, NAMES),
    st.builds("<{0}/>".format, NAMES),
)
JMS_FIELDS: Final = {
    "Dst": st.sampled_from(["queue:///Q2", "queue://QM2/Q2?targetClient=1", "topic://a/b"]),
    "Tms": st.integers(0, 1 << 41).map(str),
    "Cid": st.one_of(
        st.binary(max_size=24).map(lambda data: f"ID:{data.hex()}"), st.sampled_from(["", "order 17", "é"])
    ),
    "Gid": st.sampled_from(["orders", "é"]),
    "Seq": st.integers(1, 100).map(str),
}
KINDS: Final = st.sampled_from(["jms_text", "jms_bytes", "jms_none", "xml", None])


@st.composite
def received(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Descriptor and bytes of a message, with or without an MQRFH2."""
    descriptor = draw(DESCRIPTORS)
    text = draw(BASIC_TEXT).encode() if draw(st.booleans()) else b""
    form = draw(st.sampled_from([mq.FORMAT_STRING, mq.FORMAT_NONE]))
    ccsid = draw(st.sampled_from([1208, 819]))
    if not draw(st.integers(0, 3)):
        return pack_descriptor(descriptor._replace(format=form, ccsid=ccsid)), text
    kind = draw(KINDS)
    folders = [] if kind is None else [f"<mcd><Msd>{kind}</Msd></mcd>"]
    if draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(sorted(JMS_FIELDS)), unique=True))
        folders.append(f"<jms>{''.join(f'<{name}>{draw(JMS_FIELDS[name])}</{name}>' for name in names)}</jms>")
    if draw(st.booleans()):
        folders.append(f"<usr>{''.join(draw(st.lists(ELEMENTS, max_size=4)))}</usr>")
    header = rfh2_bytes(folders, form, ccsid=ccsid)
    descriptor = descriptor._replace(format=mq.FORMAT_RFH2, encoding=mq.ENCODING_BIG, ccsid=mq.CCSID_UTF8)
    return pack_descriptor(descriptor), header + text


_CLASSES: Final[Mapping[str, Schema]] = {
    "String": schema.STRING,
    "Boolean": schema.BOOLEAN,
    "Byte": schema.INT8,
    "Short": schema.INT16,
    "Integer": schema.INT32,
    "Long": schema.INT64,
    "Float": schema.FLOAT32,
    "Double": schema.FLOAT64,
    "byte[]": schema.BYTES,
}


def headers_of_jms(seen: Json) -> dict[str, tuple[object, Schema]]:
    """Headers as IBM's connector makes them of properties (spec/mq.md 1.7)."""
    found: dict[str, tuple[object, Schema]] = {}
    for name, (kind, value) in seen["properties"].items():
        if kind == "null":
            found[name] = (None, schema.OPTIONAL_STRING)
        elif name == "JMS_IBM_MQMD_MsgId":
            found[name] = (seen["JMSMessageID"], schema.STRING)
        elif name == "JMS_IBM_MQMD_CorrelId":
            text = seen["JMSCorrelationID"]
            found[name] = (text, schema.STRING if text is not None else schema.OPTIONAL_STRING)
        else:
            found[name] = (value, _CLASSES[kind])
    return found


def _told(value: object) -> object:
    """A value as the Java program writes it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return double_text(value)
    return value if value is None or isinstance(value, (str, bool)) else str(value)


def is_same_received(jms: JmsClasses, md: bytes, data: bytes, *, is_jms: bool, with_descriptor: bool) -> None:
    seen = jms.received(md, data, is_jms=is_jms, with_descriptor=with_descriptor)
    assert "error" not in seen, seen
    message = Received(md, data)
    headers = record_headers(message, is_jms=is_jms, with_descriptor=with_descriptor)
    mine = {header.key: (_told(header.value), header.schema) for header in headers}
    assert mine == headers_of_jms(seen)
    assert message.message_id == seen["JMSMessageID"]
    assert message.correlation_id == seen["JMSCorrelationID"]
    assert message.correlation_bytes.hex() == seen["JMSCorrelationIDAsBytes"]
    assert message.destination == seen["JMSDestination"]
    assert message.timestamp == seen["JMSTimestamp"]
    if not is_jms:
        assert seen["body"] == (data.hex() or None)
        return
    kind = message.kind
    types = {"text": "JmsTextMessageImpl", "bytes": "JmsBytesMessageImpl", "none": "JmsMessageImpl"}
    assert seen["type"] == types[kind]
    mine = {"text": message.text, "bytes": lambda: message.body.hex() or None, "none": lambda: None}[kind]
    if isinstance(seen["body"], dict):  # an error
        with pytest.raises(DataError):
            mine()
    else:
        assert seen["body"] == mine()


@generated
@given(received(), st.booleans(), st.booleans())
def test_what_the_source_reads_is_what_jms_receives(
    jms: JmsClasses, message: tuple[bytes, bytes], is_jms: bool, with_descriptor: bool
) -> None:
    is_same_received(jms, *message, is_jms=is_jms, with_descriptor=with_descriptor)


@pytest.mark.parametrize("ccsid", [37, 500, 1047])
def test_a_header_of_a_mainframe_is_read_as_jms_reads_it(jms: JmsClasses, ccsid: int) -> None:
    folders = ["<mcd><Msd>jms_text</Msd></mcd>", "<usr><color>blue</color></usr>"]
    header = bytearray(rfh2_bytes(folders, encoded("MQSTR   ", ccsid), ccsid=ccsid))
    header[:4] = encoded("RFH ", ccsid)
    descriptor = Descriptor(encoding=mq.ENCODING_BIG, ccsid=ccsid, format=mq.FORMAT_RFH2)
    md = delivered(pack_descriptor(descriptor._replace(correl_id=bytes(24), msg_id=bytes(24), group_id=bytes(24))))
    is_same_received(jms, md, bytes(header) + encoded("Hello", ccsid), is_jms=True, with_descriptor=True)


@generated
@given(messages(SPECIAL, st.none()), st.booleans())
def test_jms_receives_what_the_sink_writes(jms: JmsClasses, case: Json, with_descriptor: bool) -> None:
    packed = sent_by_us(case)
    is_same_received(jms, delivered(packed.md), packed.data, is_jms=True, with_descriptor=with_descriptor)


# --- character sets -----------------------------------------------------------------------------------------------


MULTIPLE_BYTES: Final = frozenset({932, 936, 943, 949, 950, 954, 970, 1381, 1383, 1392, 5488, 33722})
UNICODE: Final = frozenset({1200, 1201, 1202, 1208, 13488, 17584})
ONLY_OURS: Final = frozenset({914, 1386})
SINGLE_BYTES: Final = [ccsid for ccsid in CCSIDS if ccsid not in MULTIPLE_BYTES | UNICODE | ONLY_OURS]


@pytest.mark.parametrize("ccsid", SINGLE_BYTES)
def test_a_page_has_the_characters_that_it_has_in_java(jms: JmsClasses, ccsid: int) -> None:
    bytes_ = [bytes([byte]) for byte in range(256)]
    mine = [_decoded(each, ccsid) for each in bytes_]
    theirs = [answer.get("text") for answer in jms.decoded(ccsid, bytes_)]
    assert {byte: pair for byte, pair in enumerate(zip(mine, theirs, strict=True)) if pair[0] != pair[1]} == {}
    texts = [text for text in mine if text is not None]
    assert [encoded(text, ccsid).hex() for text in texts] == [each["data"] for each in jms.encoded(ccsid, texts)]


def _decoded(data: bytes, ccsid: int) -> str | None:
    try:
        return decoded(data, ccsid)
    except DataError:
        return None


@pytest.mark.parametrize("ccsid", [ccsid for ccsid in CCSIDS if ccsid not in ONLY_OURS])
def test_a_character_set_has_the_name_that_it_has_in_java(jms: JmsClasses, ccsid: int) -> None:
    (answer,) = jms.decoded(ccsid, [encoded("A", ccsid)])
    assert (answer["name"], answer["text"]) == (charset_name(ccsid), "A")


@pytest.mark.parametrize("name", sorted({charset_name(ccsid) for ccsid in CCSIDS} - {"ISO-8859-4"}))
def test_a_name_is_that_of_the_ccsid_that_it_is_in_java(jms: JmsClasses, name: str) -> None:
    property_ = {"name": "JMS_IBM_Character_Set", "kind": "String", "value": name, "schema": None}
    case = {"sending": RAW, "body": Body("none", b""), "properties": [property_], "correlation": None}
    assert unpack_descriptor(sent_by_us(case).md).ccsid == unpack_descriptor(sent_by_jms(jms, case).md).ccsid


@generated
@given(st.text(CHARACTERS), st.sampled_from([1200, 1202, 1208, 5488]))
def test_every_text_is_the_same_bytes_in_unicode(jms: JmsClasses, text: str, ccsid: int) -> None:
    (answer,) = jms.encoded(ccsid, [text])
    assert encoded(text, ccsid).hex() == answer["data"]
