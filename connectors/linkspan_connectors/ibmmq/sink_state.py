"""Exactly-once delivery of a sink: the offsets that were written, in the unit of work of the messages (spec/mq.md 2.7).

The state is taken, and put again with the new offsets, in the unit of work that the messages are put in. So either both
are there or neither, whatever is killed and whenever, and records that come again are known by their offsets. A unit of
work that is lost leaves the state as it was.
"""

from __future__ import annotations

import json
from typing import Final

from linkspan.api import CorruptStateError
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.state_queue import TAKER, StateQueue
from linkspan_connectors.ibmmq.writer import QueueWriter

__all__ = ["SinkState", "Written"]

Written = dict[str, int]
"""``topic-partition`` → last offset that was written."""

_OPTIONS: Final = TAKER | mq.OUTPUT


class SinkState:
    """The state queue of a sink.

    Args:
        writer: of the target queue; the state is on the same connection.
        queue: name of the state queue.
    """

    def __init__(self, writer: QueueWriter, queue: str) -> None:
        self._writer = writer
        self._name = queue
        self._queue = StateQueue(writer.session, queue, _OPTIONS)

    def open(self) -> None:
        """Connect and open both queues; raises ConnectError of the class that the reason asks for."""
        self._writer.open()
        self._queue.open()

    def take(self) -> Written:
        """What was written, out of the queue in the unit of work.

        Raises:
            CorruptStateError: the message there is no state.
        """
        self.open()
        text = self._queue.take()
        if text is None:
            return {}
        try:
            return {str(place): int(offset) for place, offset in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise CorruptStateError(
                f"The state queue {self._name} holds a text that is no state of this connector: {text[:200]!r}. Stop "
                "the connector and remove it if it belongs to somebody else"
            ) from error

    def put(self, written: Written) -> None:
        """Put the state into the unit of work."""
        content = {place: str(offset) for place, offset in written.items()}
        self._queue.put(json.dumps(content, separators=(",", ":")))
