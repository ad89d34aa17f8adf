from __future__ import annotations

import re
import struct

import pytest

from linkspan.api import DataError, schema
from linkspan_connectors.ibmmq.chain import content_of
from linkspan_connectors.ibmmq.folders import Element, _found, read_folder
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.rfh2 import Property, Rfh2, folder, header_of, parse, property_text, rfh2_bytes

MCD = b"<mcd><Msd>jms_text</Msd></mcd>  "
JMS = b"<jms><Dst>queue:///Q1</Dst><Rto>queue:///R1</Rto><Tms>1700000000000</Tms><Cid>abc</Cid><Dlv>2</Dlv></jms>   "
USR = b"<usr><color>blue</color><n dt='i4'>2</n><ok dt='boolean'>1</ok></usr>   "


def _header(order: str, *folders: bytes, encoding: int = 273, ccsid: int = 1208, names: int = 1208) -> bytes:
    variable = b"".join(struct.pack(f"{order}i", len(each)) + each for each in folders)
    fixed = struct.pack(f"{order}4siiii8sii", b"RFH ", 2, 36 + len(variable), encoding, ccsid, b"MQSTR   ", 0, names)
    return fixed + variable


@pytest.mark.parametrize(("order", "encoding"), [(">", 273), ("<", 546)])
def test_a_header_is_read_in_the_byte_order_of_what_precedes_it(order: str, encoding: int) -> None:
    data = _header(order, MCD, JMS, USR) + b"body"
    header, end = parse(data, 0, encoding)
    assert data[end:] == b"body"
    assert header == Rfh2(
        b"MQSTR   ",
        273,
        1208,
        "jms_text",
        False,
        {"Dst": "queue:///Q1", "Rto": "queue:///R1", "Tms": "1700000000000", "Cid": "abc", "Dlv": "2"},
        (Element("color", "string", "blue"), Element("n", "i4", "2"), Element("ok", "boolean", "1")),
    )


def test_properties_have_the_type_that_the_header_says() -> None:
    usr = (
        b"<usr><s dt='string'>a&lt;b&amp;c</s><b dt=\"boolean\">0</b><h dt='bin.hex'>00fF</h><a dt='i1'>-1</a>"
        b"<c dt='i2'>300</c><d dt='i4'>70000</d><e dt='i8'>-5000000000</e><f dt='int'>7</f><g dt='r4'>1.5</g>"
        b"<i dt='r8'>-2.25E10</i><nil xsi:nil='true'></nil><empty></empty></usr>"
    )
    header, _ = parse(_header(">", usr), 0, 273)
    assert [tuple(header_of(each)) for each in header.properties] == [
        ("s", "a<b&c", schema.STRING),
        ("b", False, schema.BOOLEAN),
        ("h", b"\x00\xff", schema.BYTES),
        ("a", -1, schema.INT8),
        ("c", 300, schema.INT16),
        ("d", 70000, schema.INT32),
        ("e", -5000000000, schema.INT64),
        ("f", 7, schema.INT64),
        ("g", 1.5, schema.FLOAT32),
        ("i", -2.25e10, schema.FLOAT64),
        ("nil", None, schema.OPTIONAL_STRING),
        ("empty", "", schema.STRING),
    ]


def test_a_text_message_without_text_is_told_from_an_empty_one() -> None:
    nothing = (
        b'<mcd><Msd>jms_text</Msd><msgbody xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:nil="true"></msgbody></mcd>'
    )
    assert parse(_header(">", nothing), 0, 273)[0].null_body is True
    assert parse(_header(">", MCD), 0, 273)[0].null_body is False


@pytest.mark.parametrize(("ccsid", "codec"), [(1200, "utf-16-be"), (13488, "utf-16-be"), (819, "latin-1")])
def test_folders_are_read_in_the_ccsid_of_names_and_values(ccsid: int, codec: str) -> None:
    header, _ = parse(_header(">", "<usr><x>grün</x></usr>".encode(codec), names=ccsid), 0, 273)
    assert header.properties == (Element("x", "string", "grün"),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RFH ", "needs 36 bytes, the message has 4 more"),
        (b"XXXX" + _header(">", MCD)[4:], "There is no MQRFH2 at byte 0"),
        (_header(">", MCD)[:-4], "is said to have 72 bytes, of 68 that are there"),
        (_header(">", MCD, b"<usr><a>1</usr> "), "Folder usr of the MQRFH2 is malformed at character 15$"),
        (_header(">", MCD, b"<usr><a><b>1</b></a></usr>"), "Folder usr of the MQRFH2 is malformed at character 5$"),
        (
            _header(">", b"<usr><a>&secret;</a></usr>"),
            "a in folder usr of the MQRFH2 has a reference .* at character 0$",
        ),
        (
            _header(">", b"<usr><a>x&#xd83d;</a></usr>"),
            "has a reference to a character that does not exist, at character 1",
        ),
        (_header(">", b"<usr><a>\xff</a></usr>"), "not in CCSID 1208"),
        (_header(">")[:8] + struct.pack(">i", 40) + _header(">")[12:] + b"\x7f\xff\xff\xff", "beyond its end"),
    ],
)
def test_a_broken_header_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(data, 0, 273)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("i4", "secret", "The value of the property a is no i4$"),
        ("i4", "2147483648", "is no i4"),
        ("i1", "300", "is no i1"),
        ("i8", "1_0", "is no i8"),
        ("r8", "INF", "is no r8"),
        ("boolean", "true", "is no boolean"),
        ("bin.hex", "012", "is no bin.hex"),
        ("i5", "1", "of the type 'i5'"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused_without_telling_it(kind: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        header_of(Element("a", kind, text))


def test_the_last_one_of_two_properties_with_one_name_counts() -> None:
    header, _ = parse(_header(">", b"<usr><a>1</a><b>2</b></usr>", b"<usr><a>3</a></usr>"), 0, 273)
    assert header.properties == (Element("a", "string", "3"), Element("b", "string", "2"))


def test_folders_that_are_of_no_interest_may_be_anything() -> None:
    others = (b"<mqext><a><b>1</b></a></mqext>", b"garbage", b"<foo>", b"<mcdx><Msd>jms_map</Msd></mcdx>")
    header, _ = parse(_header(">", MCD, *others, USR), 0, 273)
    assert header.message_type == "jms_text"
    assert [each.name for each in header.properties] == ["color", "n", "ok"]


def test_what_is_written_is_what_jms_writes() -> None:
    usr = "<usr>" + property_text(Property("n", 2, schema.INT32)) + "</usr>"
    written = rfh2_bytes([folder("mcd", {"Msd": "jms_text"}), usr], mq.FORMAT_STRING)
    assert written == (
        bytes.fromhex("52464820 00000002 00000068 00000111 000004b8 4d51535452202020 00000000 000004b8")
        + bytes.fromhex("00000020")
        + b"<mcd><Msd>jms_text</Msd></mcd>  "
        + bytes.fromhex("0000001c")
        + b"<usr><n dt='i4'>2</n></usr> "
    )


def test_written_properties_are_read_again() -> None:
    properties = [
        Property("s", "<&>\"'", schema.STRING),
        Property("b", True, schema.BOOLEAN),
        Property("i1", 1, schema.INT8),
        Property("i2", 2, schema.INT16),
        Property("i4", 3, schema.INT32),
        Property("i8", 4, schema.INT64),
        Property("r4", 0.1, schema.FLOAT32),
        Property("r8", 1e10, schema.FLOAT64),
        Property("h", b"\x01", schema.BYTES),
        Property("nil", None, schema.OPTIONAL_STRING),
    ]
    text = "<usr>" + "".join(map(property_text, properties)) + "</usr>"
    header, _ = parse(rfh2_bytes([text], mq.FORMAT_STRING), 0, 273)
    assert list(map(header_of, header.properties)) == properties
    assert "<r8 dt='r8'>1.0E10</r8>" in text


def test_a_body_is_found_behind_other_headers() -> None:
    dead = struct.pack("=4sii48s48sii8s", b"DLH ", 1, 2362, b"Q", b"M", 273, 1208, b"MQHRF2  ").ljust(172, b"\0")
    data = dead + _header(">", MCD) + b"body"
    found = content_of(mq.FORMAT_DEAD, mq.ENCODING_NATIVE, 1208, data)
    assert data[found.begin :] == b"body"
    assert found.rfh2 is not None


def test_a_header_may_be_in_ebcdic() -> None:
    data = bytearray(_header(">", MCD, ccsid=500))
    data[:4], data[20:28] = "RFH ".encode("cp500"), "MQSTR   ".encode("cp500")
    found = content_of(mq.FORMAT_RFH2, 273, 500, bytes(data) + "Hello".encode("cp500"))
    assert (found.format, found.ccsid) == (b"MQSTR   ", 500)
    assert found.rfh2 is not None
    assert found.rfh2.message_type == "jms_text"


def test_two_headers_are_one_after_the_other() -> None:
    first = bytearray(_header(">", USR))
    first[20:28] = b"MQHRF2  "
    data = bytes(first) + _header(">", MCD) + b"body"
    found = content_of(mq.FORMAT_RFH2, 273, 1208, data)
    assert data[found.begin :] == b"body"
    assert found.rfh2 is not None
    assert found.rfh2.message_type == "jms_text"


def test_a_message_with_headers_of_other_products_only_is_its_own_body() -> None:
    work = struct.pack(">4siiii8s", b"CIH ", 2, 180, 273, 1208, b"MQSTR   ").ljust(180, b"\0")
    found = content_of(b"MQCICS  ", 273, 1208, work + b"body")
    assert (found.begin, found.format, found.rfh2) == (0, b"MQCICS  ", None)


@pytest.mark.parametrize("ccsid", [0, -2])
def test_a_ccsid_may_be_that_of_what_precedes_the_header(ccsid: int) -> None:
    data = _header(">", MCD, ccsid=ccsid) + bytes.fromhex("c885939396")
    found = content_of(mq.FORMAT_RFH2, 273, 500, data)
    assert (found.ccsid, found.encoding) == (500, 273)


@pytest.mark.parametrize(
    "text",
    [
        "<usr><a>1</a><b dt='i4'>2</b><c dt=\"string\">x y</c></usr>",
        "<usr></usr>",
        "<usr><a></a><a>again</a></usr>",
        "<usr><grün>1</grün><$a.b>2</$a.b></usr>",
        "<usr><a>]]> > '\"\n</a></usr>",
        "<usr><a>1</a> <b>2</b></usr>",
        "<usr><a>x&amp;y</a></usr>",
        "<usr><a dt='i4' x='1'>1</a></usr>",
        "<usr><a x='1'>1</a></usr>",
        "<usr><a dt=''>1</a></usr>",
        "<usr><a xsi:nil='true'></a><b>1</b></usr>",
        "<usr><a/><b>1</b></usr>",
        "<usr><a>1</b></usr>",
        "<usr x='1'><a>1</a></usr>",
        "<usr><a>1</a></usr><b>2</b></usr>",
        "<usr><a>1</a></usr><usr><b>2</b></usr>",
        "<usr><a>1</a></other>",
    ],
)
def test_what_needs_no_closer_look_is_read_as_with_one(text: str) -> None:
    name = re.match("<([^ >]+)[^>]*>", text)
    assert name is not None
    assert read_folder(text, {"usr"}) == ("usr", _found(text, name.end(), name[1]))


def test_an_attribute_that_is_long_and_has_no_value_is_passed_over_at_once() -> None:
    # a search that begins anew behind each character takes hours
    text = f"<usr><a {'x' * 500_000} dt='i4' y>1</a></usr>"
    assert read_folder(text, {"usr"}) == ("usr", [Element("a", "i4", "1")])


def test_a_long_text_of_digits_that_is_no_number_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="The value of the property a is no r8"):
        header_of(Element("a", "r8", "1" * 500_000 + "x"))
