"""Coded character set identifiers (CCSID) of MQ, as Python codecs and under the names that Java gives them."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from linkspan.api import DataError
from linkspan_connectors.ibmmq.mqi import constants as mq

__all__ = ["CCSIDS", "ccsid_of", "charset_name", "decoded", "encoded"]

_UTF_16: Final = frozenset({1200, 13488, 17584})
"""Whose byte order is that of the integers of the message, unless a mark at the begin says it; as in Java."""

_LITTLE_ENDIAN: Final = 0x2
_INTEGERS: Final = 0xF

# CCSID → Python codec, Java's canonical name
_CHARSETS: Final[Mapping[int, tuple[str, str]]] = {
    37: ("cp037", "IBM037"),
    273: ("cp273", "IBM273"),
    367: ("ascii", "US-ASCII"),
    424: ("cp424", "IBM424"),
    437: ("cp437", "IBM437"),
    500: ("cp500", "IBM500"),
    737: ("cp737", "x-IBM737"),
    775: ("cp775", "IBM775"),
    813: ("iso8859-7", "ISO-8859-7"),
    819: ("latin-1", "ISO-8859-1"),
    850: ("cp850", "IBM850"),
    852: ("cp852", "IBM852"),
    855: ("cp855", "IBM855"),
    856: ("cp856", "x-IBM856"),
    857: ("cp857", "IBM857"),
    858: ("cp858", "IBM00858"),
    860: ("cp860", "IBM860"),
    861: ("cp861", "IBM861"),
    862: ("cp862", "IBM862"),
    863: ("cp863", "IBM863"),
    864: ("cp864", "IBM864"),
    865: ("cp865", "IBM865"),
    866: ("cp866", "IBM866"),
    869: ("cp869", "IBM869"),
    874: ("cp874", "x-IBM874"),
    875: ("cp875", "x-IBM875"),
    878: ("koi8-r", "KOI8-R"),
    912: ("iso8859-2", "ISO-8859-2"),
    913: ("iso8859-3", "ISO-8859-3"),
    914: ("iso8859-4", "ISO-8859-4"),
    915: ("iso8859-5", "ISO-8859-5"),
    916: ("iso8859-8", "ISO-8859-8"),
    920: ("iso8859-9", "ISO-8859-9"),
    921: ("iso8859-13", "x-IBM921"),
    923: ("iso8859-15", "ISO-8859-15"),
    932: ("cp932", "x-IBM942C"),
    936: ("gbk", "GBK"),
    943: ("cp932", "x-IBM943C"),
    949: ("cp949", "x-IBM949"),
    950: ("cp950", "x-IBM950"),
    954: ("euc_jp", "x-IBM33722"),
    970: ("euc_kr", "x-IBM970"),
    1026: ("cp1026", "IBM1026"),
    1047: ("cp037", "IBM1047"),
    1089: ("iso8859-6", "ISO-8859-6"),
    1140: ("cp1140", "IBM01140"),
    1200: ("utf-16-be", "UTF-16"),
    1201: ("utf-16-be", "UTF-16BE"),
    1202: ("utf-16-le", "UTF-16LE"),
    1208: ("utf-8", "UTF-8"),
    1250: ("cp1250", "windows-1250"),
    1251: ("cp1251", "windows-1251"),
    1252: ("cp1252", "windows-1252"),
    1253: ("cp1253", "windows-1253"),
    1254: ("cp1254", "windows-1254"),
    1255: ("cp1255", "windows-1255"),
    1256: ("cp1256", "windows-1256"),
    1257: ("cp1257", "windows-1257"),
    1258: ("cp1258", "windows-1258"),
    1381: ("gb2312", "x-IBM1381"),
    1383: ("gb2312", "x-IBM1383"),
    1386: ("gbk", "GBK"),
    1392: ("gb18030", "GB18030"),
    5348: ("cp1252", "windows-1252"),
    5488: ("gb18030", "GB18030"),
    13488: ("utf-16-be", "UTF-16"),
    17584: ("utf-16-be", "UTF-16"),
    33722: ("euc_jp", "x-IBM33722"),
}
CCSIDS: Final = tuple(_CHARSETS)
"""Those that are understood."""
_EBCDIC: Final = frozenset({37, 273, 424, 500, 875, 1026, 1047, 1140})
_UNDEFINED: Final = "\ufffe"
_DIFFERENCES: Final[Mapping[int, Mapping[int, str]]] = {
    273: {0xBC: "¯"},
    424: {0xB3: "•", 0xBC: "‾"},
    856: {0xEE: "‾", 0xFA: "•"},
    874: {
        **dict.fromkeys((0x85, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97), _UNDEFINED),
        0xA0: "\u0e48",
        0xDB: "\u0e49",
        0xDC: "\u0e4a",
        0xDD: "\u0e4b",
        0xDE: "\u0e4c",
        0xFC: "¢",
        0xFD: "¬",
        0xFE: "¦",
        0xFF: "\xa0",
    },
    875: dict.fromkeys((0xDC, 0xE1, 0xEC, 0xED, 0xFC, 0xFD), _UNDEFINED),
    1047: {0x5F: "^", 0xB0: "¬", 0xAD: "[", 0xBD: "]", 0xBA: "Ý", 0xBB: "¨"},
}
"""Where a page of Java differs from Python's codec; of page 1047, which Python lacks, from page 37."""


class _Page(NamedTuple):
    decoding: str
    encoding: Mapping[int, int]


@lru_cache
def _page(ccsid: int) -> _Page | None:
    """Table of a page of single bytes that Python's codec does not have as Java has it; None for all others."""
    if ccsid not in _EBCDIC and ccsid not in _DIFFERENCES:
        return None
    codec = _CHARSETS[ccsid][0]
    table = list(bytes(range(256)).decode(codec, "replace").replace("\ufffd", _UNDEFINED))
    for byte, character in _DIFFERENCES.get(ccsid, {}).items():
        table[byte] = character
    encoding = {ord(character): byte for byte, character in enumerate(table)}
    if ccsid in _EBCDIC:
        # the end of a line is 0x15, where Python has it at 0x25
        table[0x15], table[0x25] = "\n", "\x85" if ccsid == _ZOS else "\n"
        encoding |= {0x0A: 0x15, 0x85: 0x25 if ccsid == _ZOS else 0x15}
    encoding.pop(ord(_UNDEFINED), None)
    return _Page("".join(table), encoding)


_ZOS: Final = 1047
"""The page of z/OS UNIX, which alone tells the two ends of a line apart."""


def _codec(ccsid: int, encoding: int) -> str:
    known = _CHARSETS.get(ccsid)
    if known is None:
        raise DataError(f"The text is in CCSID {ccsid}, which is not supported")
    if ccsid in _UTF_16 and encoding & _INTEGERS == _LITTLE_ENDIAN:
        return "utf-16-le"
    return known[0]


def decoded(data: bytes, ccsid: int, encoding: int = mq.ENCODING_BIG) -> str:
    """Text of some bytes.

    Args:
        data: the bytes.
        ccsid: their CCSID.
        encoding: of numbers in the message, which decides the byte order of UTF-16.

    Raises:
        DataError: the CCSID is unknown, or the bytes are no text in it.
    """
    codec, page = ("utf-8", None) if ccsid == mq.CCSID_UTF8 else (_codec(ccsid, encoding), _page(ccsid))
    try:
        if ccsid in _UTF_16 and data[:2] in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE):
            return data.decode("utf-16")
        return data.decode(codec) if page is None else codecs.charmap_decode(data, "strict", page.decoding)[0]
    except UnicodeDecodeError as error:
        at = f"byte {error.start} (0x{data[error.start]:02x})"
        raise DataError(f"The text is not in CCSID {ccsid} ({charset_name(ccsid)}): {error.reason} at {at}") from error


def encoded(text: str, ccsid: int, encoding: int = mq.ENCODING_BIG) -> bytes:
    """Bytes of a text; arguments as for :func:`decoded`.

    Raises:
        DataError: the CCSID is unknown, or has not all the characters of the text.
    """
    codec, page = _codec(ccsid, encoding), _page(ccsid)
    try:
        if ccsid in _UTF_16 and codec == "utf-16-be" and text:
            return codecs.BOM_UTF16_BE + text.encode(codec)
        return text.encode(codec) if page is None else codecs.charmap_encode(text, "strict", page.encoding)[0]
    except UnicodeEncodeError as error:
        character = text[error.start]
        raise DataError(f"CCSID {ccsid} ({charset_name(ccsid)}) has no character {character!r}") from error


def charset_name(ccsid: int) -> str:
    """Java's name of a CCSID, or its number."""
    known = _CHARSETS.get(ccsid)
    return str(ccsid) if known is None else known[1]


_ALIASES: Final = {"windows-31j": 932, "euc-jp": 954, "gb2312": 1381}
_BY_NAME: Final = _ALIASES | {name.casefold(): ccsid for ccsid, (_, name) in sorted(_CHARSETS.items(), reverse=True)}


_MOST_DIGITS: Final = 9
"""What a descriptor has room for; CCSIDs have five."""


def ccsid_of(name: str) -> int | None:
    """CCSID of a number or a name of Java's; None when it is neither, or the number is none of a CCSID."""
    text = name.strip()
    if not (text.isascii() and text.isdigit()):
        return _BY_NAME.get(text.casefold())
    return int(text) if len(text) <= _MOST_DIGITS else None
