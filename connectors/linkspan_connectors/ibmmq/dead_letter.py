"""MQDLH: the header in front of a message on the queue manager's dead letter queue (spec/mq.md 3.8)."""

from __future__ import annotations

import struct
import time
from typing import Final

from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import Descriptor

__all__ = ["BACKOUT_THRESHOLD_REACHED", "dead_letter"]

BACKOUT_THRESHOLD_REACHED: Final = 2362
"""Reason that such a message is there for."""

_DLH: Final = struct.Struct("=4sii48s48sii8si28s8s8s")
_APPL_TYPE_UNIX: Final = 6


def dead_letter(
    descriptor: Descriptor, body: bytes, *, queue: str, queue_manager: str, application: str, reason: int, now: float
) -> tuple[Descriptor, bytes]:
    """Descriptor and body of a message as it goes to the dead letter queue.

    Args:
        descriptor: of the message as it was got.
        body: likewise.
        queue: where it should have stayed.
        queue_manager: of that queue.
        application: name of who puts it there.
        reason: why.
        now: seconds since the epoch.
    """
    stamp = time.gmtime(now)
    hundredths = int(now * 100) % 100
    header = _DLH.pack(
        b"DLH ",
        1,
        reason,
        _field(queue, 48),
        _field(queue_manager, 48),
        descriptor.encoding,
        descriptor.ccsid,
        descriptor.format,
        _APPL_TYPE_UNIX,
        _field(application, 28),
        time.strftime("%Y%m%d", stamp).encode(),
        f"{time.strftime('%H%M%S', stamp)}{hundredths:02d}".encode(),
    )
    changed = descriptor._replace(format=mq.FORMAT_DEAD, encoding=mq.ENCODING_NATIVE, ccsid=mq.CCSID_UTF8)
    return changed, header + body


def _field(text: str, size: int) -> bytes:
    return text.encode()[:size].ljust(size)
