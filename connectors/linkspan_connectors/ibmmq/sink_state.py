"""Exactly-once delivery of a sink: the offsets that were written, in the unit of work of the messages (spec/mq.md 2.7).

The state is taken, and put again with the new offsets, in the unit of work that the messages are put in. So either both
are there or neither, whatever is killed and whenever, and records that come again are known by their offsets. A unit of
work that is lost leaves the state as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from linkspan.api import CorruptStateError, TopicPartition
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.state_queue import TAKER, StateQueue
from linkspan_connectors.ibmmq.writer import QueueWriter

__all__ = ["SinkState", "Written"]

Written = dict[str, int]
"""``topic-partition`` → last offset that was written."""

_OPTIONS: Final = TAKER | mq.OUTPUT | mq.OPEN_BROWSE


class SinkState:
    """The state queue of a sink.

    Args:
        writer: of the target queue; the state is on the same connection.
        queue: name of the state queue.
    """

    def __init__(self, writer: QueueWriter, queue: str) -> None:
        self._writer = writer
        self._queue = StateQueue(writer.session, queue, _OPTIONS)
        self._last: Written = {}
        """What was put last; committed or not."""

    def open(self) -> None:
        """Connect and open both queues; raises ConnectError of the class that the reason asks for."""
        # the target queue last: until then a refusal is final
        self._writer.session.connect()
        self._queue.open()
        self._writer.open()

    def take(self) -> Written:
        """What was written, out of the queue in the unit of work.

        Raises:
            CorruptStateError: the message there is no state.
        """
        self.open()
        return self._parsed(self._queue.take())

    def look(self) -> Written:
        """What was written, without a unit of work; raises as :meth:`take`."""
        self.open()
        return self._parsed(self._queue.look())

    def advance(self, offsets: Mapping[TopicPartition, int | None], *, only_forward: bool = True) -> None:
        """Set where reading goes on, in a unit of work of its own.

        Args:
            offsets: next record to read, per partition; None forgets a partition.
            only_forward: whether offsets that are not beyond those written are left alone.
        """
        if only_forward and all(
            offset is not None and offset - 1 <= self._last.get(str(place), -1) for place, offset in offsets.items()
        ):
            return
        written = self.take()
        for place, offset in offsets.items():
            if not offset:
                written.pop(str(place), None)
            elif not only_forward or offset - 1 > written.get(str(place), -1):
                written[str(place)] = offset - 1
        if written:
            self.put(written)
        self._writer.commit()

    def _parsed(self, text: str | None) -> Written:
        if text is None:
            return {}
        try:
            written = {str(place): int(offset) for place, offset in json.loads(text).items()}
            for place in written:
                int(place.rpartition("-")[2])
        except (ValueError, TypeError, AttributeError) as error:
            raise CorruptStateError(
                f"{self._queue.place} holds a text that is no state of this connector: JSON with the last offset of "
                "each topic-partition. Browse it; stop the connector and remove it if it belongs to somebody else"
            ) from error
        return written

    def put(self, written: Written) -> None:
        """Put the state into the unit of work."""
        self._last = dict(written)
        content = {place: str(offset) for place, offset in written.items()}
        self._queue.put(json.dumps(content, separators=(",", ":")))
