"""Headers between the descriptor of a message and its body, each of which says what comes next (spec/mq.md 3.1)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from linkspan.api import DataError
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.rfh2 import Rfh2, parse

__all__ = ["Content", "content_of"]


class Content(NamedTuple):
    """Body of a message, and the header that describes it.

    Attributes:
        rfh2: the last one before the body, or None.
        format: of the body.
        encoding: of its numbers.
        ccsid: of its texts.
        begin: where it begins in the message.
    """

    rfh2: Rfh2 | None
    format: bytes
    encoding: int
    ccsid: int
    begin: int


_COMMON: Final = frozenset(
    {b"MQHRF   ", b"MQCICS  ", b"MQIMS   ", b"MQHDIST ", b"MQHMDE  ", b"MQHREF  ", b"MQHWIH  ", b"MQHSAP  "}
)
"""Headers with their length at 8, and encoding, CCSID and format of what follows at 12, 16 and 20."""
_COMMON_SIZE: Final = 28
_DEAD_LETTER_SIZE: Final = 172


def content_of(form: bytes, encoding: int, ccsid: int, data: bytes) -> Content:
    """Find the body of a message as JMS sees it: behind its MQRFH2, or all of it when there is none.

    Args:
        form: format, as the descriptor says; encoding and ccsid likewise.
        encoding: of numbers.
        ccsid: of texts.
        data: the message after its descriptor.

    Raises:
        DataError: a header is broken.
    """
    whole = found = Content(None, form, encoding, ccsid, 0)
    at = 0
    while True:
        if form == mq.FORMAT_RFH2:
            header, at = parse(data, at, encoding)
            form, encoding, ccsid = header.format, header.encoding or encoding, _inherited(header.ccsid, ccsid)
            found = Content(header, form, encoding, ccsid, at)
        elif form == mq.FORMAT_DEAD:
            form, encoding, following, at = _next(data, at, encoding, (108, 112, 116), _DEAD_LETTER_SIZE)
            ccsid = _inherited(following, ccsid)
        elif form in _COMMON and found is whole:
            form, encoding, following, at = _next(data, at, encoding, (12, 16, 20), None)
            ccsid = _inherited(following, ccsid)
        else:
            return found


def _next(
    data: bytes, at: int, encoding: int, offsets: tuple[int, int, int], size: int | None
) -> tuple[bytes, int, int, int]:
    order = "<" if encoding & 0xF == 2 else ">"
    if len(data) < at + (size or _COMMON_SIZE):
        raise DataError(f"A header at byte {at} is cut off: the message ends at byte {len(data)}")
    length = size if size is not None else struct.unpack_from(f"{order}i", data, at + 8)[0]
    if length < _COMMON_SIZE or at + length > len(data):
        raise DataError(f"The header at byte {at} is said to have {length} bytes, of {len(data) - at} that are there")
    (following,) = struct.unpack_from(f"{order}i", data, at + offsets[0])
    (ccsid,) = struct.unpack_from(f"{order}i", data, at + offsets[1])
    form = data[at + offsets[2] : at + offsets[2] + 8]
    return form, following or encoding, ccsid, at + length


def _inherited(ccsid: int, before: int) -> int:
    """CCSID of what follows a header; zero and negative ones (MQCCSI_INHERIT) mean: as before."""
    return ccsid if ccsid > 0 else before
