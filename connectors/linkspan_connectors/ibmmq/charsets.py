"""Coded character set identifiers (CCSID) of MQ, as Python codecs and under the names that Java gives them."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final

from linkspan.api import DataError
from linkspan_connectors.ibmmq.mqi import constants as mq

__all__ = ["ccsid_of", "charset_name", "decoded", "encoded"]

_UTF_16: Final = frozenset({1200, 13488, 17584})
"""Whose byte order is that of the integers of the message."""

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
    932: ("cp932", "windows-31j"),
    936: ("gbk", "GBK"),
    943: ("cp932", "windows-31j"),
    949: ("cp949", "x-IBM949"),
    950: ("cp950", "x-IBM950"),
    954: ("euc_jp", "EUC-JP"),
    970: ("euc_kr", "x-IBM970"),
    1026: ("cp1026", "IBM1026"),
    1047: ("ibm1047", "IBM1047"),
    1089: ("iso8859-6", "ISO-8859-6"),
    1140: ("cp1140", "IBM01140"),
    1200: ("utf-16-be", "UTF-16BE"),
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
    1381: ("gb2312", "GB2312"),
    1383: ("gb2312", "x-IBM1383"),
    1386: ("gbk", "GBK"),
    1392: ("gb18030", "GB18030"),
    5348: ("cp1252", "windows-1252"),
    5488: ("gb18030", "GB18030"),
    13488: ("utf-16-be", "UTF-16BE"),
    17584: ("utf-16-be", "UTF-16BE"),
    33722: ("euc_jp", "x-IBM33722"),
}
_EBCDIC: Final = frozenset({37, 273, 424, 500, 875, 1026, 1047, 1140})
_NEW_LINES: Final = {0x0A: "\x85", 0x85: "\n"}
"""Java reads 0x15 of an EBCDIC page as the end of a line, Python 0x25."""

_IBM1047_FROM_IBM037: Final = {0x5F: "^", 0xB0: "¬", 0xAD: "[", 0xBD: "]", 0xBA: "Ý", 0xBB: "¨"}
"""Where page 1047, which Python lacks, differs from page 37."""


def _table_1047() -> str:
    table = list(bytes(range(256)).decode("cp037"))
    for byte, character in _IBM1047_FROM_IBM037.items():
        table[byte] = character
    return "".join(table)


_DECODING_1047: Final = _table_1047()
_ENCODING_1047: Final = codecs.charmap_build(_DECODING_1047)


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
    codec = "utf-8" if ccsid == mq.CCSID_UTF8 else _codec(ccsid, encoding)
    try:
        if ccsid not in _EBCDIC:
            return data.decode(codec)
        text = codecs.charmap_decode(data, "strict", _DECODING_1047)[0] if ccsid == 1047 else data.decode(codec)
    except UnicodeDecodeError as error:
        at = f"byte {error.start} (0x{data[error.start]:02x})"
        raise DataError(f"The text is not in CCSID {ccsid} ({charset_name(ccsid)}): {error.reason} at {at}") from error
    return text.translate(_NEW_LINES)


def encoded(text: str, ccsid: int, encoding: int = mq.ENCODING_BIG) -> bytes:
    """Bytes of a text; arguments as for :func:`decoded`.

    Raises:
        DataError: the CCSID is unknown, or has not all the characters of the text.
    """
    codec = _codec(ccsid, encoding)
    try:
        if ccsid not in _EBCDIC:
            return text.encode(codec)
        swapped = text.translate(_NEW_LINES)
        return codecs.charmap_encode(swapped, "strict", _ENCODING_1047)[0] if ccsid == 1047 else swapped.encode(codec)
    except UnicodeEncodeError as error:
        character = text[error.start]
        raise DataError(f"CCSID {ccsid} ({charset_name(ccsid)}) has no character {character!r}") from error


def charset_name(ccsid: int) -> str:
    """Java's name of a CCSID, or its number."""
    known = _CHARSETS.get(ccsid)
    return str(ccsid) if known is None else known[1]


_BY_NAME: Final = {name.casefold(): ccsid for ccsid, (_, name) in sorted(_CHARSETS.items(), reverse=True)}


def ccsid_of(name: str) -> int | None:
    """CCSID of a number or a name of Java's; None when it is neither."""
    text = name.strip()
    return int(text) if text.isascii() and text.isdigit() else _BY_NAME.get(text.casefold())
