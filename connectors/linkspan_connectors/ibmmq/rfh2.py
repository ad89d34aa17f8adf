"""MQRFH2: the header in front of a body that carries what JMS knows of a message (spec/mq.md 3.1).

A fixed part of 36 bytes, then folders (:mod:`.folders`), each with its length before it and padded with blanks.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from linkspan.api import DataError, Header, Schema, schema
from linkspan.api.schema import Type
from linkspan.api.text import double_text, float_text
from linkspan_connectors.ibmmq.charsets import decoded
from linkspan_connectors.ibmmq.folders import Element, escaped, read_folder
from linkspan_connectors.ibmmq.mqi import constants as mq

__all__ = ["Property", "Rfh2", "folder", "header_of", "parse", "property_text", "rfh2_bytes"]

_FIXED: Final = 36
_SHORT: Final = 512
_IDS: Final = (b"RFH ", "RFH ".encode("cp500"))
"""Characters of a header are in the CCSID of what precedes it; these are the same in all pages of EBCDIC."""
_BLANKS: Final = b"   "
_VERSION_2: Final = 2
_LITTLE: Final = struct.Struct("<4siiii8sii")
_BIG: Final = struct.Struct(">4siiii8sii")
_LITTLE_LENGTH: Final = struct.Struct("<i")
_BIG_LENGTH: Final = struct.Struct(">i")


class Property(NamedTuple):
    """A property of a message.

    Attributes:
        name: its name.
        value: its value; None is null.
        schema: what it is.
    """

    name: str
    value: object
    schema: Schema


class Rfh2(NamedTuple):
    """What a header says.

    Attributes:
        format: of what follows it.
        encoding: of numbers that follow.
        ccsid: of texts that follow.
        message_type: ``jms_text`` and so on; None when it does not say.
        null_body: whether there is no body at all, though the type would have one.
        fields: of the folder ``jms``: Dst, Rto, Tms, Exp, Cid, Dlv, Pri, Gid, Seq.
        properties: of the folder ``usr``, each name once: the last one counts.
    """

    format: bytes
    encoding: int
    ccsid: int
    message_type: str | None
    null_body: bool
    fields: Mapping[str, str]
    properties: Sequence[Element]


def parse(data: bytes, at: int, encoding: int) -> tuple[Rfh2, int]:
    """Read a header.

    Args:
        data: the message after its descriptor.
        at: where the header begins.
        encoding: of its numbers, as the header before it says.

    Returns:
        the header, and where what follows it begins.

    Raises:
        DataError: it cannot be understood; the message names the place.
    """
    little = encoding & 0xF == 2
    fixed = _LITTLE if little else _BIG
    if len(data) < at + _FIXED:
        raise DataError(f"The MQRFH2 at byte {at} needs {_FIXED} bytes, the message has {len(data) - at} more")
    struc_id, version, length, next_encoding, ccsid, form, _, name_ccsid = fixed.unpack_from(data, at)
    if struc_id not in _IDS or version != _VERSION_2:
        raise DataError(f"There is no MQRFH2 at byte {at}, though the format says so")
    if length < _FIXED or at + length > len(data):
        raise DataError(f"The MQRFH2 at byte {at} is said to have {length} bytes, of {len(data) - at} that are there")
    end = at + length
    folders = _folders(data, at + _FIXED, end, _LITTLE_LENGTH if little else _BIG_LENGTH)
    message_type: str | None = None
    null_body = False
    fields: dict[str, str] = {}
    properties: dict[str, Element] = {}
    for content in folders:
        if content.startswith(b"<mcd") and len(content) <= _SHORT:
            message_type, null_body = _known_type(content, name_ccsid, encoding) or (message_type, null_body)
            continue
        name, found = _elements(content, name_ccsid, encoding)
        if name == "mcd":
            message_type, null_body = _type(found)
        elif name == "jms":
            fields.update({label: text for label, _, text in found if text is not None})
        elif name == "mqps":
            fields.update({label: text for label, _, text in found if label == "Top" and text is not None})
        elif name == "usr":
            properties.update({each.name: each for each in found})
    form = form if struc_id == _IDS[0] else form.decode("cp500").encode("latin-1", "replace")
    header = Rfh2(form, next_encoding, ccsid, message_type, null_body, fields, tuple(properties.values()))
    return header, end


def _folders(data: bytes, at: int, end: int, number: struct.Struct) -> list[bytes]:
    found = []
    while at + 4 <= end:
        (length,) = number.unpack_from(data, at)
        at += 4
        if length < 0 or at + length > end:
            raise DataError(f"A folder of the MQRFH2 at byte {at} is said to have {length} bytes, beyond its end {end}")
        found.append(data[at : at + length])
        at += length
    return found


def _elements(content: bytes, ccsid: int, encoding: int) -> tuple[str, Sequence[Element]]:
    """Name and elements of a folder; of one that is of no interest the name only."""
    text = decoded(content, ccsid or mq.CCSID_UTF8, encoding).strip("\0 \t\r\n")
    return read_folder(text, _READ)


_READ: Final = frozenset({"mcd", "jms", "mqps", "usr"})


def _type(found: Sequence[Element]) -> tuple[str | None, bool]:
    """Type of a message, and whether it has no body, by the folder that says so."""
    named = next((text for name, _, text in found if name == "Msd"), None)
    return named, any(text is None for name, _, text in found if name == "msgbody")


@lru_cache(maxsize=64)
def _known_type(content: bytes, ccsid: int, encoding: int) -> tuple[str | None, bool] | None:
    """The same, of a folder that the messages of an application have in common; None when it is another one."""
    name, found = _elements(content, ccsid, encoding)
    return _type(found) if name == "mcd" else None


def _boolean(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


def _whole(bits: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = int(text) if _WHOLE.fullmatch(text) else end
        if not -end <= found < end:
            raise ValueError
        return found

    end = 1 << bits - 1
    return number


def _fraction(text: str) -> float:
    if _FRACTION.fullmatch(text) is None:
        raise ValueError
    return float(text)


_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_FRACTION: Final = re.compile(r"[+-]?(?:NaN|Infinity|(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)")
"""Digits are never given back: a long text of them that is no number after all would take for ever."""
_TYPES: Final[Mapping[str, tuple[Schema, Callable[[str], object]]]] = {
    "string": (schema.STRING, str),
    "char": (schema.STRING, str),
    "boolean": (schema.BOOLEAN, _boolean),
    "bin.hex": (schema.BYTES, bytes.fromhex),
    "i1": (schema.INT8, _whole(8)),
    "i2": (schema.INT16, _whole(16)),
    "i4": (schema.INT32, _whole(32)),
    "i8": (schema.INT64, _whole(64)),
    "int": (schema.INT64, _whole(64)),
    "r4": (schema.FLOAT32, _fraction),
    "r8": (schema.FLOAT64, _fraction),
}


def header_of(element: Element) -> Header:
    """What an element of the folder ``usr`` says; raises DataError when its text is none of its type."""
    name, kind, text = element
    if text is None:
        return Header(name, None, schema.OPTIONAL_STRING)
    if kind == "string":
        return Header(name, text, schema.STRING)
    known = _TYPES.get(kind)
    if known is None:
        raise DataError(f"The property {name} is of the type {kind!r}, which nobody knows")
    try:
        return Header(name, known[1](text), known[0])
    except ValueError:
        # its text has the value in it, which is content of the message
        raise DataError(f"The value of the property {name} is no {kind}") from None


# --- writing --------------------------------------------------------------------------------------------------------

_DATA_TYPES: Final = {
    Type.BOOLEAN: "boolean",
    Type.INT8: "i1",
    Type.INT16: "i2",
    Type.INT32: "i4",
    Type.INT64: "i8",
    Type.FLOAT32: "r4",
    Type.FLOAT64: "r8",
    Type.BYTES: "bin.hex",
}


def property_text(each: Property) -> str:
    """Element of one property, as JMS clients write it; raises as :func:`.folders.escaped`."""
    name, value, kind = each
    if kind is schema.STRING and value is not None:
        return f"<{name}>{escaped(str(value))}</{name}>"
    if value is None:
        return f"<{name} xsi:nil='true'></{name}>"
    data_type = _DATA_TYPES.get(kind.type)
    if data_type is None:
        return f"<{name}>{escaped(str(value))}</{name}>"
    return f"<{name} dt='{data_type}'>{_number(value, kind.type)}</{name}>"


def _number(value: object, kind: Type) -> str:
    if kind is Type.BOOLEAN:
        return "1" if value else "0"
    if kind is Type.BYTES:
        assert isinstance(value, bytes)
        return value.hex()
    if isinstance(value, float):
        return float_text(value) if kind is Type.FLOAT32 else double_text(value)
    return str(value)


def folder(name: str, texts: Mapping[str, str]) -> str:
    """A folder of texts; raises as :func:`.folders.escaped`."""
    inside = "".join(f"<{label}>{escaped(text)}</{label}>" for label, text in texts.items())
    return f"<{name}>{inside}</{name}>"


def rfh2_bytes(folders: Sequence[str], form: bytes, encoding: int = mq.ENCODING_BIG, ccsid: int = 1208) -> bytes:
    """A header in big-endian numbers with UTF-8 folders, in front of a body of this format, encoding and CCSID."""
    parts = [b""]
    for text in folders:
        content = text.encode()
        blanks = -len(content) % 4
        parts += (_BIG_LENGTH.pack(len(content) + blanks), content, _BLANKS[:blanks])
    length = _FIXED + sum(map(len, parts))
    parts[0] = _BIG.pack(b"RFH ", _VERSION_2, length, encoding, ccsid, form, 0, mq.CCSID_UTF8)
    return b"".join(parts)
