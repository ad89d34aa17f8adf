"""The thread that reads the tables of a task in turns, ahead of what the task takes (spec/jdbc.md 7 and 15).

Each table keeps its own result set; turns go round by batches, so that a large table does not keep the others waiting.
Where a database has one result set at a time on a connection, a table that takes long is left, and gone on with later
behind its last row, as far as its mode knows that row.

Rows that were read before a failure are handed out before it.

A SIGKILL at any point loses nothing: rows that were read are in memory only, and offsets of the log say where to go on.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from linkspan.api import ConnectError, RetriableError, UnsupportedError
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.reading import Batch, Reading
from linkspan_connectors.jdbc.snapshot import Snapshot

__all__ = ["Reader"]

log = logging.getLogger(__name__)

_LONG_TURN: Final = 1.0
"""Seconds that a table may keep a connection to itself while others wait for it."""
_WORTH: Final = 10
"""Times as long as its statement took to begin, since that has to be run again."""
_LOOK_AGAIN: Final = 0.1
"""Seconds after which a due time is looked at again, whatever the clock did."""


class Reader:
    """Reads tables until it is stopped.

    Args:
        client: the connection; used by the thread only, but for its interruption.
        stopping: set when the task ends; the client waits for it, too.
        prepare: makes the tables, with a connection that is open: asks the database about them.
        interval: seconds between two statements for the same table.
        buffered: rows that may wait to be taken; one more batch may come on top.
        attempts: failures in a row of one table after which the task fails; 0 or less for any number.
        hides: whether statements must not be shown, nor what the database says of them (``query.masked``).
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        client: Client,
        stopping: threading.Event,
        prepare: Callable[[DriverConnection], Sequence[Reading | Snapshot]],
        *,
        interval: float,
        buffered: int,
        attempts: int,
        hides: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._prepare = prepare
        self._interval = interval
        self._buffered = buffered
        self._attempts = attempts
        self._hides = hides
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: deque[Batch] = deque()
        self._rows = 0
        self._failure: ConnectError | None = None
        self._stopping = stopping
        self._turns: list[_Turn] = []
        self._has_begun = False
        self._failed_starts = 0
        self._connection: DriverConnection | None = None
        """While result sets are open: asking whether it works would end them."""
        self._thread = threading.Thread(target=self._run, name="jdbc-reader", daemon=True)

    # --- for the task's thread ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self, timeout: float) -> Batch | None:
        """The next batch; waits for one so many seconds, then None.

        Raises:
            ConnectError: reading has failed for good, and everything that was read before is taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._failure is not None, timeout)
            if self._ready:
                batch = self._ready.popleft()
                self._rows -= len(batch)
                self._changed.notify_all()
                return batch
            if self._failure is not None:
                raise self._failure
        return None

    def stop(self, timeout: float) -> None:
        """End; a statement under way is interrupted, and waited for so many seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is None:
            return
        self._client.interrupt()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("A statement does not end; its connection ends with the task's process")

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._step()
        except Exception as error:  # noqa: BLE001 - supervision point: the task raises it in its own thread
            if not self._stopping.is_set():
                self._fail(error)
        finally:
            self._give_up_connection()
            self._client.close()

    def _fail(self, error: Exception) -> None:
        failure = error if isinstance(error, ConnectError) else ConnectError(f"Reading failed: {error!r}")
        if failure is not error:
            failure.__cause__ = error
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _step(self) -> None:
        if not self._has_begun:
            self._begin()
            return
        now = self._clock()
        ready = [each for each in self._turns if each.is_ready(now)]
        if not ready:
            due = min((each.due for each in self._turns), default=math.inf)
            self._stopping.wait(min(max(due - now, 0.0), _LOOK_AGAIN))
            return
        turn = self._next(ready, now)
        turn.last = now
        try:
            self._take_turn(turn)
        except Exception as error:  # noqa: BLE001 - supervision point: drivers raise what they want
            self._turn_failed(turn, error)

    def _next(self, ready: Sequence[_Turn], now: float) -> _Turn:
        """The one that has waited longest, among those that can be read now.

        One that has failed would take the connection from the others if it failed again: what would have to begin anew
        then is read to its end first, and nothing else begun.
        """
        if any(each.may_fail_again for each in ready) and any(each.would_begin_anew for each in ready):
            ready = [each for each in ready if each.reading.is_open]
        if len(ready) > 1 and not self._client.dialect.selections_at_once:
            unfinished = next((each for each in ready if each.reading.is_open), None)
            if unfinished is not None:
                if now < unfinished.until or not unfinished.reading.may_pause:
                    return unfinished
                # Closing the result set would fetch all the rest of it.
                self._give_up_connection()
        return min(ready, key=lambda each: each.last)

    def _begin(self) -> None:
        """Find out about the tables, as often as it takes."""
        try:
            connection = self._client.connection()
            readings = self._prepare(connection)
            connection.commit()
        except Exception as error:  # noqa: BLE001 - supervision point: drivers raise what they want
            failure = self._client.dialect.failure(error, "Looking at the tables")
            self._give_up_connection()
            self._failed_starts += 1
            self._retry(failure, error, self._failed_starts)
            self._stopping.wait(self._interval)
            return
        self._turns = [_Turn(reading) for reading in readings]
        self._has_begun = True

    def _take_turn(self, turn: _Turn) -> None:
        reading = turn.reading
        if not reading.is_open:
            if self._connection is None:
                self._connection = self._client.connection()
            begun = self._clock()
            reading.open(self._connection)
            opened = self._clock()
            turn.until = opened + max(_LONG_TURN, (opened - begun) * _WORTH)
        batch = reading.next() if reading.is_open else None
        if batch is not None:
            self._hand_over(batch)
            if reading.may_pause:
                # a failure from here on is no further one of the same rows
                reading.failures = 0
        if not reading.is_open:
            turn.due = self._clock() + reading.rest(self._interval)
            reading.failures = 0
            if self._connection is not None and not any(each.reading.is_open for each in self._turns):
                # before there is room: a task that rests must not keep a transaction open that it is through with
                self._connection.commit()
                self._connection = None
        with self._changed:
            self._changed.wait_for(lambda: self._rows < self._buffered or self._stopping.is_set())

    def _hand_over(self, batch: Batch) -> None:
        with self._changed:
            self._ready.append(batch)
            self._rows += len(batch)
            self._changed.notify_all()

    def _turn_failed(self, turn: _Turn, error: Exception) -> None:
        """Let the connection go; all go on behind the rows that were read, on a new one."""
        failure = self._client.dialect.failure(error, f"Reading {turn.reading.title}", hidden=self._hides)
        self._give_up_connection()
        if self._stopping.is_set():
            return
        turn.reading.failures += 1
        # what was read to its end stays so: the transaction behind it may be all that was lost
        turn.due = self._clock() + max(self._interval, turn.reading.rest(self._interval))
        self._retry(failure, error, turn.reading.failures)

    def _retry(self, failure: ConnectError, error: Exception, count: int) -> None:
        """Log what passes.

        Raises:
            ConnectError: it does not, or has not for as long as is allowed.
        """
        cause = None if failure is error or self._hides else error
        if not isinstance(failure, RetriableError):
            if failure is not error and type(failure) is ConnectError and self._client.dialect.says_why(error):
                raise UnsupportedError(failure.message) from cause
            raise failure from cause
        if count >= self._attempts > 0:
            # of another class: what can be retried the runtime would retry for ever
            message = f"{failure.message}; given up after {count} attempts in a row (query.retry.attempts)"
            raise ConnectError(message) from failure
        log.warning("%s; trying again in %.1f s", failure.message, self._interval)

    def _give_up_connection(self) -> None:
        for each in self._turns:
            each.reading.close()
        self._connection = None
        self._client.reset()


class _Turn:
    """When a table is read."""

    __slots__ = ("due", "last", "reading", "until")

    def __init__(self, reading: Reading | Snapshot) -> None:
        self.reading = reading
        self.due = float("-inf")
        """When the next statement is due."""
        self.last = float("-inf")
        self.until = float("-inf")
        """Until when it may keep a connection to itself that others want."""

    def is_ready(self, now: float) -> bool:
        """Whether there is something to do: rows to fetch, or a statement to run."""
        return self.reading.is_open or self.due <= now

    @property
    def may_fail_again(self) -> bool:
        """Whether its last statement has failed, and none has been run since."""
        return self.reading.failures > 0 and not self.reading.is_open

    @property
    def would_begin_anew(self) -> bool:
        """Whether rows that were taken would come again if the result were lost now."""
        return self.reading.is_open and not self.reading.may_pause
