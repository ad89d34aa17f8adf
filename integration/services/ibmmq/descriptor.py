"""Message descriptors and messages as tests look at them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Descriptor", "StoredMessage"]

_LAYOUT: Final = struct.Struct("<4s7i8sii24s24si48s48s12s32s32si28s8s8s4s24siiii")
_NO_ID: Final = bytes(24)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An MQMD of version 2; names without the blanks that pad them."""

    report: int = 0
    msg_type: int = 8
    expiry: int = -1
    feedback: int = 0
    encoding: int = 273
    ccsid: int = 1208
    format: str = ""
    priority: int = -1
    persistence: int = 1
    msg_id: bytes = _NO_ID
    correl_id: bytes = _NO_ID
    backout_count: int = 0
    reply_to_q: str = ""
    reply_to_qmgr: str = ""
    user_identifier: str = ""
    accounting_token: bytes = bytes(32)
    appl_identity_data: str = ""
    put_appl_type: int = 6
    put_appl_name: str = ""
    put_date: str = ""
    put_time: str = ""
    appl_origin_data: str = ""
    group_id: bytes = _NO_ID
    msg_seq_number: int = 1
    offset: int = 0
    msg_flags: int = 0
    original_length: int = -1

    def pack(self) -> bytes:
        """The 364 bytes of the structure."""
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        padded = [_padded(value, width) for value, width in zip(values, _WIDTHS, strict=True)]
        return _LAYOUT.pack(b"MD  ", 2, *padded)

    @classmethod
    def unpack(cls, data: bytes) -> Descriptor:
        """A descriptor from the bytes of the structure."""
        _, _, *values = _LAYOUT.unpack(data)
        texts = [isinstance(getattr(_EMPTY, name), str) for name in cls.__dataclass_fields__]
        return cls(*(v.rstrip(b"\0 ").decode("latin-1") if t else v for v, t in zip(values, texts, strict=True)))


_WIDTHS: Final = (
    *(0, 0, 0, 0, 0, 0, 8, 0, 0, 24, 24, 0, 48, 48, 12, 32, 32, 0, 28, 8, 8, 4),
    *(24, 0, 0, 0, 0),
)


def _padded(value: int | str | bytes, width: int) -> int | bytes:
    return value.encode("latin-1").ljust(width) if isinstance(value, str) else value


_EMPTY: Final = Descriptor()


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the queue manager has it.

    Attributes:
        descriptor: its MQMD.
        body: everything after the MQMD, headers included.
        state: ``visible``, or ``putting`` or ``getting`` in a unit of work.
        locked: somebody who browses keeps it for himself.
        order: its place in the sequence of puts.
    """

    descriptor: Descriptor = field(default_factory=Descriptor)
    body: bytes = b""
    state: str = "visible"
    locked: bool = False
    order: int = 0
