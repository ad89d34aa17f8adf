"""Writes messages to a queue in units of work (spec/mq.md 3.6 and 3.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from linkspan.api import ConnectError, DataError
from linkspan_connectors.ibmmq.client import Session
from linkspan_connectors.ibmmq.errors import failure
from linkspan_connectors.ibmmq.messages import Failures
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import put_options
from linkspan_connectors.ibmmq.outgoing import Packed

__all__ = ["QueueWriter"]

_OPEN: Final = {
    "": 0,
    "identity": mq.OPEN_SET_IDENTITY_CONTEXT,
    "all": mq.OPEN_SET_ALL_CONTEXT,
}
_PUT: Final = {
    "": 0,
    "identity": mq.PUT_SET_IDENTITY_CONTEXT,
    "all": mq.PUT_SET_ALL_CONTEXT,
}


class QueueWriter:
    """The target queue of a session.

    Args:
        session: may be without connection.
        queue: its name.
        context: which context messages may set: identity, all, or empty for none.
    """

    def __init__(self, session: Session, queue: str, context: str = "") -> None:
        self.session = session
        self._queue = queue
        self._options = mq.OUTPUT | mq.OPEN_FAIL_IF_QUIESCING | mq.BIND_NOT_FIXED | _OPEN[context]
        common = mq.PUT_SYNCPOINT | mq.PUT_FAIL_IF_QUIESCING | _PUT[context]
        self._with_new_id = put_options(common | mq.PUT_NEW_MSG_ID)
        self._with_own_id = put_options(common)
        self._handle = -1
        self._opened = -1

    def open(self) -> None:
        """Connect and open the queue, unless that has been done.

        Raises:
            ConnectError: of the class that the reason asks for.
        """
        session = self.session
        session.connect()
        if self._opened != session.connections:
            self._handle = session.open(self._queue, self._options)
            self._opened = session.connections
            session.starting = False

    def put(self, messages: Sequence[Packed | None]) -> Failures:
        """Put messages into the unit of work that is open, or begins.

        Args:
            messages: None is passed over.

        Returns:
            which of them the queue does not take, whatever is done; the others are in the unit of work.

        Raises:
            ConnectError: the unit of work was backed out.
        """
        self.open()
        put, connection, handle = self.session.mqi.put, self.session.handle, self._handle
        with_new_id, with_own_id = self._with_new_id, self._with_own_id
        refused: Failures = {}
        for index, message in enumerate(messages):
            if message is None:
                continue
            md, data, keeps_id = message
            options = with_own_id if keeps_id else with_new_id
            # the client writes into what it is given, so it gets a copy each time
            _, _, completion, reason = put(connection, handle, bytes(bytearray(md)), bytes(bytearray(options)), data)
            if completion == mq.FAILED:
                refused[index] = self._failed(reason)
        return refused

    def _failed(self, reason: int) -> ConnectError:
        what = f"Putting a message to queue {self._queue} on {self.session.access.where}"
        error = failure(what, reason)
        if not isinstance(error, DataError):
            self.session.failed(what, reason)
        return error

    def commit(self) -> None:
        """Commit; raises RetriableError when that is not known to have been done."""
        self.session.commit()

    def backout(self) -> None:
        """Back out."""
        self.session.backout()
