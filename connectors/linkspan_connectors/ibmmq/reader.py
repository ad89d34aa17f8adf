"""Reads a queue: as many messages as there are, up to a limit, in one unit of work (spec/mq.md 1.4, 3.6 and 3.8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from linkspan.api import RetriableError
from linkspan_connectors.ibmmq.backout import Backouts
from linkspan_connectors.ibmmq.client import Session
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import get_options, message_descriptor
from linkspan_connectors.ibmmq.received import backout_count, message_id
from linkspan_connectors.ibmmq.record_builders import Got

__all__ = ["QueueReader", "Waits"]

_FIRST_BUFFER: Final = 64 << 10
_LONGEST_WAIT: Final = 1000
"""Milliseconds: a task is asked again and again, and has to be able to stop."""
_LONGEST_GATHERING: Final = 1.0
_LOOKS: Final = 0x7F
"""The clock is looked at after so many messages, less than one."""
_NEVER_BACKED_OUT: Final = bytes(4)
_OPTIONS: Final = mq.GET_SYNCPOINT | mq.GET_FAIL_IF_QUIESCING | mq.GET_PROPERTIES_FORCE_MQRFH2
_MOST_PARDONS: Final = 50_000
_ENOUGH: Final = frozenset({2016, 2071, 2102})
"""Reasons for which what was got so far goes on its way; if they last, the next get meets them."""
_TEMPLATE: Final = message_descriptor()


class Waits(NamedTuple):
    """Milliseconds: for the first message, for each further one, and for all of them together (0 for no limit)."""

    first: int
    further: int = 0
    all: int = 0


class QueueReader:
    """The source queue of a session.

    Args:
        session: may be without connection.
        queue: its name.
        waits: how long to wait.
        clock: seconds, monotonic.
    """

    def __init__(
        self, session: Session, queue: str, waits: Waits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.session = session
        self._queue = queue
        self._waits = waits
        self._clock = clock
        self._backouts = Backouts(session, queue)
        self._handle = -1
        self._opened = -1
        """The connection that the handle is of, by its number."""
        self._size = _FIRST_BUFFER
        self._pardons: dict[bytes, int] = {}
        """How often a message was backed out through no fault of its own, by its id."""
        self._absent: bytes | None = None
        """The message that :meth:`get_all` did not find last."""
        self.moved = 0
        """Messages that went to a backout queue."""
        wait = mq.GET_WAIT
        self._first = get_options(_OPTIONS | wait, min(waits.first, _LONGEST_WAIT))
        self._at_once = get_options(_OPTIONS)
        further = min(waits.further, _LONGEST_WAIT)
        self._further = get_options(_OPTIONS | wait, further) if further else self._at_once

    def open(self) -> None:
        """Connect and open the queue, unless that has been done.

        Raises:
            ConnectError: of the class that the reason asks for.
        """
        session = self.session
        session.connect()
        if self._opened != session.connections:
            options = mq.INPUT_AS_Q_DEF | mq.OPEN_FAIL_IF_QUIESCING | mq.SAVE_ALL_CONTEXT
            self._handle = session.open(self._queue, options)
            self._opened = session.connections
            session.starting = False

    def gather(self, limit: int, *, waits: bool = True) -> list[Got]:
        """Get messages into the unit of work that is open, or begins.

        A message that will be moved to the backout queue if it is backed out once more ends a batch, so that it does
        not take others with it.

        Args:
            limit: messages, at most.
            waits: whether to wait for the first one.

        Raises:
            ConnectError: none were got, or they are backed out again.
        """
        self.open()
        get, connection, handle = self.session.mqi.get, self.session.handle, self._handle
        template, further = _TEMPLATE, self._further
        until = self._clock() + (min(self._waits.all / 1000, _LONGEST_GATHERING) or _LONGEST_GATHERING)
        looks = 0 if self._waits.further or self._waits.all else _LOOKS
        moved_before = self.moved
        messages: list[Got] = []
        options = self._first if waits else self._at_once
        limit = self.session.unit.of(limit)
        while len(messages) + self.moved - moved_before < limit:
            # the client writes into what it is given, so it gets a copy each time
            data, md, _, length, completion, reason = get(
                connection, handle, bytes(bytearray(template)), bytes(bytearray(options)), self._size
            )
            if completion:
                if reason == mq.R_TRUNCATED:
                    self._size = max(length, self._size + 1)
                    continue
                if completion == mq.FAILED:
                    if reason == mq.R_SYNCPOINT_LIMIT and self.session.unit.refused():
                        self.give_back(messages)
                        return []
                    self._no_more(reason, messages)
                    break
            options = further
            if md[96:100] == _NEVER_BACKED_OUT:
                messages.append((md, data))
            elif self._take_again(md, data, messages):
                break
            if len(messages) & looks == 0 and self._clock() >= until:
                break
        if not messages and self.moved > moved_before:
            self.session.commit()
        return messages

    def give_back(self, messages: Sequence[Got]) -> None:
        """Back out messages that nothing is wrong with: that does not bring them nearer to the backout queue."""
        self._pardon(messages)
        self.session.backout()

    def _pardon(self, messages: Sequence[Got]) -> None:
        if len(self._pardons) > _MOST_PARDONS:
            self._pardons.clear()
        for md, _ in messages:
            name = message_id(md)
            self._pardons[name] = self._pardons.get(name, 0) + 1

    def get_all(self, ids: Sequence[bytes]) -> list[Got] | None:
        """Get the messages with these ids, in this order, into the unit of work.

        Returns:
            the messages; None, with nothing in the unit of work, when one of them is not there, or is held by others.

        Raises:
            ConnectError: the unit of work was backed out.
        """
        self.open()
        if self._absent is not None and self._absent in ids and not self._is_back(self._absent):
            return None
        messages: list[Got] = []
        for each in ids:
            got = self._get_one(each)
            if got is None:
                self._absent = each
                self.give_back(messages)
                return None
            messages.append(got)
        self._absent = None
        return messages

    def _is_back(self, absent: bytes) -> bool:
        """Whether a message is there by now: the others are not got and backed out each time that it is not."""
        got = self._get_one(absent)
        if got is not None:
            self.give_back([got])
        return got is not None

    def _get_one(self, message_id: bytes) -> Got | None:
        session = self.session
        while True:
            data, md, _, length, completion, reason = session.mqi.get(
                session.handle,
                self._handle,
                message_descriptor(msg_id=message_id),
                get_options(_OPTIONS, match=mq.MATCH_MSG_ID),
                self._size,
            )
            if completion and reason == mq.R_TRUNCATED:
                self._size = max(length, self._size + 1)
            elif completion != mq.FAILED:
                return md, data
            elif reason == mq.R_NO_MSG_AVAILABLE:
                return None
            else:
                session.failed(f"Reading queue {self._queue} on {session.access.where}", reason)

    def _take_again(self, md: bytes, data: bytes, messages: list[Got]) -> bool:
        """Take a message that has been backed out before; whether it is to be the last one of its batch."""
        count = backout_count(md) - self._pardons.get(message_id(md), 0)
        if count <= 0:
            messages.append((md, data))
            return False
        try:
            is_moved = self._backouts.moves(count) and self._backouts.move(md, data, self._handle)
        except RetriableError:
            self._pardon([*messages, (md, data)])
            raise
        if is_moved:
            self.moved += 1
            return False
        messages.append((md, data))
        return self._backouts.is_last_chance(count)

    def _no_more(self, reason: int, messages: list[Got]) -> None:
        if reason == mq.R_NO_MSG_AVAILABLE or (messages and reason in _ENOUGH):
            return
        self.session.failed(f"Reading queue {self._queue} on {self.session.access.where}", reason)
