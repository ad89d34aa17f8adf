"""One connection to a database: how it is opened, looked at before it is used again, and closed (spec/jdbc.md 2.1)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from linkspan.api import ConnectError, OutageError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection

__all__ = ["Attempts", "Client"]

log = logging.getLogger(__name__)

_LONGEST_SLEEP: Final = 1.0
_FRESH: Final = 1.0
"""Seconds for which a connection that was used is believed to work."""
_VALIDITY_SECONDS: Final = 5.0
"""How long an answer is waited for that says whether a connection works, as the original does."""


class Attempts(NamedTuple):
    """How opening a connection is tried (``connection.attempts``, ``connection.backoff.ms``).

    Attributes:
        most: attempts before giving up.
        backoff: seconds between them.
    """

    most: int = 3
    backoff: float = 10.0


class Client:
    """A connection that is made when it is wanted, and made anew when it is lost. For one thread at a time.

    Args:
        dialect: of the database.
        credentials: asked for each new connection.
        application: what the database shows for the connection: names of connector and task.
        attempts: to open it.
        prepare: what is done with each new connection before it is used.
        stopping: set when nobody wants the connection any more; waiting between attempts ends then. Without it one call
            is one attempt, and none while the pause after a failure is not over.
    """

    def __init__(
        self,
        dialect: Dialect,
        credentials: Callable[[], Credentials],
        application: str,
        attempts: Attempts | None = None,
        stopping: threading.Event | None = None,
        prepare: Callable[[DriverConnection], None] | None = None,
    ) -> None:
        self.dialect = dialect
        self.opened = 0
        """How many connections were made."""
        self.on_outage: Callable[[], None] | None = None
        """Called when an attempt has failed and there will be another one, after a pause."""
        self._credentials = credentials
        self._application = application
        self._attempts = attempts or Attempts()
        self._stopping = stopping
        self._prepare = prepare
        self._connection: DriverConnection | None = None
        self._handed_out = 0.0
        self._again_at = 0.0
        self._refusal: OutageError | None = None

    def connection(self) -> DriverConnection:
        """The connection, without a transaction; looked at, and made anew if it does not work any more.

        Raises:
            OutageError: the database cannot be reached, or takes no more connections, after the last attempt.
            CredentialsError: it refuses the user.
            ConfigError: URL or properties are wrong, or the driver is missing.
        """
        if self._connection is not None:
            if self._works(self._connection):
                self._handed_out = time.monotonic()
                return self._connection
            log.info("The connection to %s does not work any more, and is made anew", self.dialect.settings.url)
            self.reset()
        if self._stopping is None:
            self._connection = self._opened_unless_too_early()
        else:
            self._connection = self._opened_within(self._attempts.most, self._stopping)
        self.opened += 1
        self._handed_out = time.monotonic()
        return self._connection

    def _works(self, connection: DriverConnection) -> bool:
        """Whether it can be used; the database is asked when nobody has used it for a moment, within five seconds."""
        dialect = self.dialect
        if time.monotonic() - self._handed_out < _FRESH:
            return dialect.is_open(connection) and _rolled_back(connection)
        watch = threading.Timer(_VALIDITY_SECONDS, dialect.abort, (connection,))
        watch.daemon = True
        watch.start()
        try:
            return dialect.is_valid(connection)
        finally:
            watch.cancel()

    def reset(self) -> None:
        """Give the connection up, whatever state it is in; what was not committed is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.rollback()
            with suppress(Exception):
                connection.close()

    def interrupt(self) -> None:
        """Make a call in progress end with an error soon; for another thread, which wants to stop this one."""
        connection = self._connection
        if connection is not None:
            self.dialect.interrupt(connection)

    def abort(self) -> None:
        """Cut the connection, whoever waits for it; for another thread, as :meth:`interrupt`."""
        connection = self._connection
        if connection is not None:
            self.dialect.abort(connection)

    def close(self) -> None:
        """As :meth:`reset`."""
        self.reset()

    def _opened_within(self, count: int, stopping: threading.Event) -> DriverConnection:
        for attempt in range(1, count + 1):
            try:
                return self._open()
            except OutageError as error:
                if attempt == count or stopping.is_set():
                    raise
                pause = self._attempts.backoff
                log.warning("Attempt %d of %d, the next one in %g s: %s", attempt, count, pause, error)
                if self.on_outage is not None:
                    self.on_outage()
                if stopping.wait(pause):
                    raise
        raise AssertionError("count is 1 or more")

    def _opened_unless_too_early(self) -> DriverConnection:
        wait = self._again_at - time.monotonic()
        if wait > 0 and self._refusal is not None:
            time.sleep(min(wait, _LONGEST_SLEEP))
            if wait > _LONGEST_SLEEP:
                raise self._refusal
        try:
            made = self._open()
        except OutageError as error:
            self._refusal, self._again_at = error, time.monotonic() + self._attempts.backoff
            raise
        self._refusal = None
        return made

    def _open(self) -> DriverConnection:
        credentials = self._credentials()
        connection: DriverConnection | None = None
        try:
            with self.dialect.attempt(f"Connecting to {self.dialect.settings.url}"):
                connection = self.dialect.connect(credentials, self._application)
                if self._prepare is not None:
                    self._prepare(connection)
        except ConnectError:
            if connection is not None:
                with suppress(Exception):
                    connection.close()
            raise
        return connection


def _rolled_back(connection: DriverConnection) -> bool:
    try:
        connection.rollback()
    except Exception:  # noqa: BLE001 - supervision point: drivers raise what they want for a dead connection
        return False
    return True
