"""A message as JMS sees it: MQMD, MQRFH2 and body (spec/mq.md 1.5 to 1.7 and 3.2)."""

from __future__ import annotations

import calendar
import struct
from functools import lru_cache
from typing import Final

from linkspan_connectors.ibmmq.chain import Content, content_of
from linkspan_connectors.ibmmq.charsets import decoded
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, unpack_descriptor

__all__ = ["BACKOUT_COUNT", "IN_GROUP", "Received", "backout_count", "is_string", "message_id", "moment"]

_PLAIN: Final = struct.Struct("=24xii8s")
"""Encoding, CCSID and format of a descriptor."""
BACKOUT_COUNT: Final = struct.Struct("=96xi")
"""Backout count of a descriptor."""
_NOTHING: Final = bytes(24)
IN_GROUP: Final = mq.MSG_IN_GROUP | mq.LAST_MSG_IN_GROUP
"""Flags of a descriptor that say that the message is one of a group."""
_MOST_DIGITS: Final = 20

_BODIES: Final = {
    "jms_text": "text",
    "jms_bytes": "bytes",
    "jms_none": "none",
    "jms_map": "map",
    "jms_stream": "stream",
    "jms_object": "object",
}


def message_id(md: bytes) -> bytes:
    """MsgId of a packed descriptor."""
    return md[48:72]


def backout_count(md: bytes) -> int:
    """BackoutCount of a packed descriptor."""
    count: int = BACKOUT_COUNT.unpack_from(md)[0]
    return count


def is_string(md: bytes) -> bool:
    """Whether a text follows the descriptor directly."""
    return md[32:40] == mq.FORMAT_STRING


@lru_cache(maxsize=128)
def _second(text: bytes) -> int | None:
    """Milliseconds of a date and a time to the second, ``yyyyMMddHHmmss``."""
    try:
        numbers = tuple(int(text[begin:end]) for begin, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)))
        return calendar.timegm((*numbers, 0, 0, 0)) * 1000
    except ValueError:  # no digits, or no such day: an application may set any text
        return None


def moment(md: bytes) -> int | None:
    """PutDate and PutTime of a packed descriptor in milliseconds; None without them."""
    begin = _second(md[304:318])
    if begin is None or begin < 0:
        return None
    hundredths = md[318:320]
    return begin + (int(hundredths) * 10 if hundredths.isdigit() else 0)


def _natural(text: str | None, bits: int) -> int | None:
    """A number of so many bits that is not negative; None when the text is none, for anybody may have written it."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if number < 1 << bits else None


class Received:
    """One message; what is asked for is worked out then.

    Args:
        md: its packed descriptor.
        data: everything after that.
    """

    __slots__ = ("content", "data", "descriptor", "md")

    content: Content
    """Headers and body; raises DataError when a header is broken."""
    descriptor: Descriptor
    """Fields of the descriptor."""

    def __init__(self, md: bytes, data: bytes) -> None:
        self.md = md
        self.data = data

    def __getattr__(self, name: str) -> Content | Descriptor:
        # only asked for what has not been worked out; then it is an attribute as any other
        if name == "content":
            encoding, ccsid, form = _PLAIN.unpack_from(self.md)
            self.content = content_of(form, encoding, ccsid, self.data)
            return self.content
        if name == "descriptor":
            self.descriptor = unpack_descriptor(self.md)
            return self.descriptor
        raise AttributeError(name)

    @property
    def body(self) -> bytes:
        """What follows the last header."""
        begin = self.content.begin
        return self.data[begin:] if begin else self.data

    @property
    def kind(self) -> str:
        """Type of the message for JMS: text, bytes, none, map, stream or object; by its format unless an MQRFH2 says.

        Raises:
            DataError: a header is broken.
        """
        header = self.content.rfh2
        if (header is None or header.message_type is None) and not self.body:
            return "none"
        kind = None if header is None else _BODIES.get((header.message_type or "").strip())
        if header is None or kind is None:
            return "text" if self.content.format == mq.FORMAT_STRING else "bytes"
        return "none" if header.null_body else kind

    def text(self) -> str:
        """The body as text.

        Raises:
            DataError: it is no text in its CCSID, or that is not supported.
        """
        content = self.content
        return decoded(self.body, content.ccsid, content.encoding)

    def field(self, name: str) -> str | None:
        """A field of the folder ``jms``."""
        header = self.content.rfh2
        return None if header is None else header.fields.get(name)

    @property
    def message_id(self) -> str:
        """JMSMessageID."""
        return f"ID:{message_id(self.md).hex()}"

    @property
    def correlation_id(self) -> str | None:
        """JMSCorrelationID; None when nobody set one."""
        text = self.field("Cid")
        if text is not None:
            return text
        binary = self.md[72:96]
        return None if binary == _NOTHING else f"ID:{binary.hex()}"

    @property
    def correlation_bytes(self) -> bytes:
        """JMSCorrelationIDAsBytes: what the application set, else all the 24 bytes of the descriptor."""
        text = self.field("Cid")
        if text is None:
            return self.md[72:96]
        if text.startswith("ID:"):
            try:
                return bytes.fromhex(text[3:])
            except ValueError:  # not as JMS writes it, so it is a text
                return text.encode()
        return text.encode()

    @property
    def destination(self) -> str | None:
        """JMSDestination; None when the message does not name one."""
        named, topic = self.field("Dst"), self.field("Top")
        return named.strip() if named else f"topic://{topic}" if topic else None

    @property
    def group_id(self) -> str | None:
        """JMSXGroupID: the text that the application set, else that of the descriptor; None outside a group."""
        text = self.field("Gid")
        if text is None and self.descriptor.msg_flags & IN_GROUP:
            return f"ID:{self.descriptor.group_id.hex()}"
        return text

    @property
    def group_sequence(self) -> int | None:
        """JMSXGroupSeq; None outside a group."""
        if self.descriptor.msg_flags & IN_GROUP:
            return self.descriptor.msg_seq_number
        return _natural(self.field("Seq"), 31)

    @property
    def timestamp(self) -> int | None:
        """JMSTimestamp in milliseconds; None when there is none that the log could take."""
        told = _natural(self.field("Tms"), 63)
        return moment(self.md) if told is None else told
