from __future__ import annotations

import pytest

from linkspan.api import DataError
from linkspan_connectors.ibmmq.charsets import ccsid_of, charset_name, decoded, encoded
from linkspan_connectors.ibmmq.mqi import constants as mq

# new String(bytes, "IBM1047") of 0x00 to 0xff
JAVA_1047 = (
    "0000000100020003009c00090086007f0097008d008e000b000c000d000e000f0010001100120013009d000a00080087001800190092008f"
    "001c001d001e001f0080008100820083008400850017001b00880089008a008b008c0005000600070090009100160093009400950096000400"
    "980099009a009b00140015009e001a002000a000e200e400e000e100e300e500e700f100a2002e003c0028002b007c002600e900ea00eb00e8"
    "00ed00ee00ef00ec00df00210024002a0029003b005e002d002f00c200c400c000c100c300c500c700d100a6002c0025005f003e003f00f800"
    "c900ca00cb00c800cd00ce00cf00cc0060003a002300400027003d002200d800610062006300640065006600670068006900ab00bb00f000fd"
    "00fe00b100b0006a006b006c006d006e006f00700071007200aa00ba00e600b800c600a400b5007e0073007400750076007700780079007a00"
    "a100bf00d0005b00de00ae00ac00a300a500b700a900a700b600bc00bd00be00dd00a800af005d00b400d7007b0041004200430044004500"
    "46004700480049"
    "00ad00f400f600f200f300f5007d004a004b004c004d004e004f00500051005200b900fb00fc00f900fa00ff005c00f70053005400550056"
    "005700580059005a00b200d400d600d200d300d5003000310032003300340035003600370038003900b300db00dc00d900da009f"
)


def test_page_1047_is_that_of_java() -> None:
    expected = bytes.fromhex(JAVA_1047).decode("utf-16-be")
    assert len(expected) == 256
    assert decoded(bytes(range(256)), 1047) == expected
    assert encoded(expected, 1047) == bytes(range(256))


@pytest.mark.parametrize(
    ("data", "ccsid", "text"),
    [
        (b"gr\xc3\xbc\xc3\x9f", 1208, "grüß"),
        (b"gr\xfc\xdf", 819, "grüß"),
        (bytes.fromhex("c885939396"), 37, "Hello"),
        (bytes.fromhex("c885939396"), 500, "Hello"),
        (bytes.fromhex("c8859393969f"), 1140, "Hello€"),
        (b"\x80", 1252, "€"),
        (b"\x93\xfa", 943, "日"),
    ],
)
def test_text_is_decoded_by_its_ccsid_and_encoded_the_same(data: bytes, ccsid: int, text: str) -> None:
    assert decoded(data, ccsid) == text
    assert encoded(text, ccsid) == data


def test_lines_of_ebcdic_end_as_java_reads_them() -> None:
    assert decoded(b"\x15\x25", 37) == "\n\n"
    assert encoded("\n\x85", 500) == b"\x15\x15"
    assert decoded(b"\x15\x25", 1047) == "\n\x85"
    assert encoded("\n\x85", 1047) == b"\x15\x25"


def test_byte_order_of_utf_16_is_that_of_the_numbers() -> None:
    assert decoded(b"\x00a", 1200, mq.ENCODING_BIG) == "a"
    assert decoded(b"a\x00", 1200, mq.ENCODING_LITTLE) == "a"
    assert decoded(b"\xff\xfea\x00", 1200, mq.ENCODING_BIG) == "a"
    assert encoded("a", 1200) == b"\xfe\xff\x00a"


def test_what_is_no_text_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match=r"CCSID 1208 \(UTF-8\).*byte 1 \(0xff\)"):
        decoded(b"a\xff", 1208)
    with pytest.raises(DataError, match="CCSID 99999, which is not supported"):
        decoded(b"a", 99999)
    with pytest.raises(DataError, match="no character '€'"):
        encoded("€", 819)


def test_names_are_those_of_java_and_are_found_again() -> None:
    assert [charset_name(ccsid) for ccsid in (1208, 819, 1200, 37, 1140, 1252, 99999)] == [
        "UTF-8",
        "ISO-8859-1",
        "UTF-16",
        "IBM037",
        "IBM01140",
        "windows-1252",
        "99999",
    ]
    assert [ccsid_of(text) for text in ("UTF-8", "ibm1047", "850", "UTF-16BE", "nothing")] == [
        1208,
        1047,
        850,
        1201,
        None,
    ]
