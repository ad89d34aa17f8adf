"""The queue that exactly-once delivery keeps its state in: one JMS text message, or none (spec/mq.md 1.9 and 2.7).

Whoever takes the state opens the queue for exclusive input, whatever the queue's default says: a predecessor whose
connection still stands, with the state in its unit of work, is waited for (2042) instead of taken for no state at all.
"""

from __future__ import annotations

from typing import Final

from linkspan.api import CorruptStateError, DataError
from linkspan_connectors.ibmmq.client import Session
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import fresh, get_options, message_descriptor, put_options
from linkspan_connectors.ibmmq.outgoing import Body, Draft, Sending
from linkspan_connectors.ibmmq.received import Received

__all__ = ["BROWSER", "TAKER", "VISITOR", "StateQueue"]

TAKER: Final = mq.INPUT_EXCLUSIVE | mq.OPEN_FAIL_IF_QUIESCING
"""Takes the state, in a unit of work."""
BROWSER: Final = mq.OPEN_BROWSE | mq.OUTPUT | mq.OPEN_FAIL_IF_QUIESCING
"""Looks at the state, and writes it."""
VISITOR: Final = mq.OPEN_BROWSE | mq.OPEN_FAIL_IF_QUIESCING
"""Looks at the state, and that is all."""

_KEY: Final = "mq.exactly.once.state.queue"
_LARGEST: Final = 4 << 20
_LOOK: Final = mq.GET_FAIL_IF_QUIESCING | mq.GET_PROPERTIES_FORCE_MQRFH2
_TAKE: Final = _LOOK | mq.GET_SYNCPOINT
_PUT: Final = mq.PUT_SYNCPOINT | mq.PUT_NEW_MSG_ID | mq.PUT_FAIL_IF_QUIESCING


class StateQueue:
    """The state queue, as one session sees it.

    Args:
        session: connected by its owner.
        name: of the queue.
        options: what it is opened for: :data:`TAKER`, :data:`BROWSER`, or both.
    """

    def __init__(self, session: Session, name: str, options: int) -> None:
        self._session = session
        self._name = name
        self._options = options
        self._handle = -1
        self._opened = -1
        sending = Sending(name, has_rfh2=True, persistent=True, time_to_live=0, reply=None)
        self._sending, self._descriptor = sending, sending.descriptor

    @property
    def place(self) -> str:
        """The queue and the key that names it, for messages."""
        return f"The state queue {self._name} ({_KEY})"

    def open(self) -> None:
        """Open the queue unless that has been done; raises ConnectError of the class that the reason asks for."""
        session = self._session
        if self._opened != session.connections:
            self._handle = session.open(self._name, self._options, key=_KEY)
            self._opened = session.connections

    def look(self) -> str | None:
        """The state; None when there is none.

        Raises:
            CorruptStateError: there is something else in the queue, or more than one message.
        """
        first = self._get(_LOOK | mq.GET_BROWSE_FIRST)
        if first is not None and self._get(_LOOK | mq.GET_BROWSE_NEXT) is not None:
            raise CorruptStateError(
                f"{self.place} holds more than one message, and which of them counts cannot be known. "
                "Stop the connector, find out which messages the log has, and leave one message or none"
            )
        return first

    def take(self) -> str | None:
        """Get the state in the unit of work; None when there is none."""
        return self._get(_TAKE)

    def put(self, text: str) -> None:
        """Write a state in the unit of work: it survives restarts and never expires, whatever other messages do."""
        session = self._session
        packed = Draft(self._sending, self._descriptor).packed(Body("text", text))
        codes = session.mqi.put(session.handle, self._handle, fresh(packed.md), put_options(_PUT), packed.data)
        if codes[2] == mq.FAILED:
            session.failed(f"Writing to state queue {self._name} on {session.access.where}", codes[3], _KEY)

    def _get(self, options: int) -> str | None:
        session = self._session
        data, md, _, _, completion, reason = session.mqi.get(
            session.handle, self._handle, message_descriptor(), get_options(options), _LARGEST
        )
        if completion == mq.FAILED:
            if reason == mq.R_NO_MSG_AVAILABLE:
                return None
            session.failed(f"Reading state queue {self._name} on {session.access.where}", reason, _KEY)
        message = Received(md, data)
        try:
            if reason != mq.R_TRUNCATED and message.kind == "text":
                return message.text()
            problem = "it is no text"
        except DataError as error:
            problem = error.message
        raise CorruptStateError(
            f"{self.place} holds a message that is not one of this connector, {message.message_id}: {problem}. "
            "Stop the connector and remove it if it belongs to somebody else"
        )
