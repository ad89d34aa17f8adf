"""Exactly-once delivery of a source: what it remembers on the side of MQ, and what it does with that (spec/mq.md 1.9).

Two connections: the *reader* gets messages, and removes them and the state in one unit of work; the *writer* looks at
the state and writes it. Batch n, and what a SIGKILL between any two steps, or the loss of either connection, does:

====  =====================================================  =====================================================
Step  What happened                                          A kill right after it
====  =====================================================  =====================================================
1     the reader got messages                                they are backed out, and got again as batch n
2     the writer put the state, not committed                as 1
3     its commit was asked for, not answered                 as 1, or as 4
4     the state "n with these ids is in flight" is there     offset n is not stored: these very messages are got by
                                                             their ids and sent again as batch n
5     records and offset n are sent in one transaction       it is undone, as 4; or it was committed, as 6
6     the transaction was committed                          offset n is stored: the messages and the state are
                                                             removed without being sent
7     the reader got the state, asked for its commit         as 6, or as 8
8     its commit was answered                                nothing: queue and state queue are as before the batch
====  =====================================================  =====================================================

An answer to step 3 may be lost while the task lives. Its messages are backed out then and got again, under a new
number, so that the state of the old number does not count whenever it turns up: no record of it was ever handed over.

====================================  ==================================================================================
What became of the commit             What is done
====================================  ==================================================================================
it was not done                       nothing: there is no such state
it was done                           the state is found when queue, state and log are brought together, and removed
it is done later                      the state is removed with that of the next batch, or as above
the task is killed, it is done later  the next task does not know of it and gives the number again; when it finds two
                                      states, or another one than its own, it fails without removing anything
====================================  ==================================================================================

The last of these ends well unless the state turns up only when that batch is through, the next task is killed before
its next one, and none of the messages of the state was in the batch of the same number: they would be taken for
delivered. Nothing in MQ lets a task wait for the end of a connection that only writes.

A queue manager that takes not so many messages and the state in one unit of work (MAXUMSGS) refuses step 7. That is
as a kill after step 6; the messages are then removed in several units, and each but the last one puts the state "n is
delivered, and these are left" in the place of the one that it takes.

The decision is taken anew whenever a connection was made anew, before anything else is read. A predecessor that still
holds messages or state is waited for.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from linkspan.api import ConnectError, CorruptStateError
from linkspan_connectors.ibmmq.client import Session
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.reader import QueueReader
from linkspan_connectors.ibmmq.record_builders import Got
from linkspan_connectors.ibmmq.state_queue import BROWSER, TAKER, StateQueue

__all__ = ["InFlight", "SourceState"]

log = logging.getLogger(__name__)

_IN_FLIGHT: Final = "IN_FLIGHT"
_DELIVERED: Final = "DELIVERED"
_ID_SIZE: Final = 24
_WAIT: Final = 1.0
_MOST_WAITS: Final = 300


class InFlight(NamedTuple):
    """The state: a batch.

    Attributes:
        sequence: its number.
        ids: of its messages, in order.
        delivered: whether the log is known to have it.
    """

    sequence: int
    ids: Sequence[bytes]
    delivered: bool = False

    def text(self) -> str:
        """As IBM's connector writes it."""
        return json.dumps(
            {
                "sequenceId": self.sequence,
                "messageIds": [f"ID:{each.hex()}" for each in self.ids],
                "lastKnownState": _DELIVERED if self.delivered else _IN_FLIGHT,
            },
            separators=(",", ":"),
        )

    @classmethod
    def parse(cls, text: str, place: str = "The state queue") -> InFlight:
        """Read a state, that of IBM's connector too; raises CorruptStateError, of this place, when it is none."""
        try:
            content = json.loads(text)
            delivered = {_IN_FLIGHT: False, _DELIVERED: True}[content["lastKnownState"]]
            ids = [_message_id(each) for each in content["messageIds"]]
            return cls(int(content["sequenceId"]), ids, delivered)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptStateError(
                f"{place} holds a text that is no state of this connector: JSON with sequenceId, messageIds and "
                "lastKnownState. Browse it; stop the connector and remove it if it belongs to somebody else"
            ) from error


def _message_id(text: str) -> bytes:
    """Bytes of an id; raises ValueError for what is none: by an id of zeros, which no message has, MQ gets any."""
    found = bytes.fromhex(text.removeprefix("ID:"))
    if len(found) != _ID_SIZE or not any(found):
        raise ValueError
    return found


class SourceState:
    """Keeps state and messages together.

    Args:
        reader: of the source queue; its session removes messages and state.
        writer: session that writes the state.
        queue: name of the state queue.
        stored: sequence id of the offset that the runtime has stored, or None.
        sleep: seconds.
    """

    def __init__(
        self,
        reader: QueueReader,
        writer: Session,
        queue: str,
        stored: Callable[[], int | None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._taker = StateQueue(reader.session, queue, TAKER | mq.OUTPUT)
        self._browser = StateQueue(writer, queue, BROWSER)
        self._stored = stored
        self._sleep = sleep
        self._known: tuple[int, int] | None = None
        """The connections that the last decision was taken on, by their numbers."""
        self._delivered: int | None = None
        """The last batch that the log is known to have, by this task itself."""
        self._void: set[int] = set()
        """Batches whose state does not count if it turns up: its commit is not known to have been done."""
        self._batch: InFlight | None = None
        """The last one, as its state says."""
        self._waits = 0
        self.sequence = 0
        """Of the last batch."""

    def open(self) -> None:
        """Connect twice and open all queues.

        Raises:
            ConnectError: of the class that the reason asks for.
        """
        # the source queue last of all: until then a refusal is final
        self._reader.session.connect()
        self._taker.open()
        self._reader.open()
        self._writer.connect()
        self._browser.open()
        self._writer.starting = False

    @property
    def settled(self) -> bool:
        """Whether the next batch may be read."""
        both = (self._reader.session, self._writer)
        return all(each.connected for each in both) and self._known == tuple(each.connections for each in both)

    def unsettle(self) -> None:
        """Something went wrong: decide anew before anything else is read."""
        self._known = None

    def settle(self) -> list[Got] | None:
        """Bring queue, state and log together after a start or the loss of a connection; once :attr:`settled`, read on.

        Returns:
            messages of the batch in flight that the log has not got: they are in the reader's unit of work and are to
            be sent as batch :attr:`sequence`; None when there are none, or they have to be waited for.

        Raises:
            ConnectError: of the class that the reason asks for.
        """
        self.open()
        if self._void:
            self._remove_void()
        text = self._browser.look()
        state = None if text is None else InFlight.parse(text, self._taker.place)
        offset = self._delivered if self._delivered is not None else self._stored()
        if state is None:
            # a number that may be that of a state is never used again
            self.sequence = max(offset or 0, *self._void, 0)
            self._now_settled()
            return None
        if state.sequence in self._void:
            return None  # it came just now
        self.sequence, self._batch = state.sequence, state
        if state.delivered or offset == state.sequence:
            if self._remove_delivered(state):
                log.info("Batch %d of %d messages was in the log already", state.sequence, len(state.ids))
                self._now_settled()
            else:
                self._wait(state)
            return None
        self._reader.session.unit.of(len(state.ids))
        messages = self._reader.get_all(state.ids)
        if messages is None:
            self._wait(state)
            return None
        self._waits = 0
        log.info("Batch %d of %d messages is sent again", state.sequence, len(state.ids))
        self._now_settled()
        return messages

    def _remove_delivered(self, state: InFlight) -> bool:
        """Remove messages that the log has, and the state; False when they have to be waited for.

        A unit of work may have no room for them and the state: then it takes some, and the state names what is left.
        """
        while True:
            some = self._reader.session.unit.of(max(1, len(state.ids)))
            if self._reader.get_all(state.ids[:some]) is None:
                return False
            self._waits = 0
            left = state._replace(ids=state.ids[some:], delivered=True)
            self._remove(state, left)
            if not left.ids:
                return True
            state = left

    def _remove_void(self) -> None:
        """Remove states that do not count, and leave all others."""
        others = []
        while (state := self._take()) is not None:
            others.append(state)
        for each in others:
            self._taker.put(each.text())
        self._reader.session.commit()

    def _take(self) -> InFlight | None:
        """The next state that counts, in the unit of work together with those before it that do not."""
        while (text := self._taker.take()) is not None:
            state = InFlight.parse(text, self._taker.place)
            if state.sequence not in self._void:
                return state
        return None

    def _now_settled(self) -> None:
        self._known = (self._reader.session.connections, self._writer.connections)

    def _wait(self, state: InFlight) -> None:
        self._waits += 1
        if self._waits > _MOST_WAITS:
            raise ConnectError(
                f"Messages of batch {state.sequence}, which the state queue says is in flight, have not been in the "
                f"source queue for {_MOST_WAITS} s. Look whether another connection holds them, or they were removed "
                "or have expired. If they are gone for good, stop the connector and remove the message of the state "
                "queue"
            )
        if self._waits == 1:
            log.warning(
                "Messages of batch %d are held by another connection, and waited for, %d s at most: by the task before "
                "this one, until the queue manager notices its end, or by another reader of the source queue",
                state.sequence,
                _MOST_WAITS,
            )
        self._sleep(_WAIT)

    def begin(self, messages: Sequence[Got]) -> None:
        """Note the next batch, before its records are handed over.

        Raises:
            ConnectError: the messages were backed out.
        """
        state = InFlight(self.sequence + 1, [md[48:72] for md, _ in messages])
        try:
            self._browser.put(state.text())
            self._void.add(state.sequence)
            self._writer.commit()
        except ConnectError:
            self.unsettle()
            self._reader.give_back(messages)
            raise
        self._void.remove(state.sequence)
        self.sequence, self._batch = state.sequence, state

    def finish(self) -> None:
        """The log has the batch: remove messages and state at once.

        Raises:
            ConnectError: that is not known to have been done.
        """
        assert self._batch is not None
        self._delivered = self.sequence
        try:
            self._remove(self._batch, self._batch._replace(ids=()))
        except ConnectError:
            self.unsettle()
            raise

    def _remove(self, state: InFlight, left: InFlight) -> None:
        """Take the state of this batch, put what is left of it, if any, and commit."""
        session = self._reader.session
        found = self._take()
        if found is None or (found.sequence, found.ids) != (state.sequence, state.ids):
            session.backout()
            what = "is empty" if found is None else "holds another state"
            raise CorruptStateError(
                f"{self._taker.place} should hold batch {state.sequence}, but {what}: somebody else has changed it"
            )
        if left.ids:
            self._taker.put(left.text())
        session.commit()
