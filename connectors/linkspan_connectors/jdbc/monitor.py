"""Watches which tables there are, and has the tasks made anew when that changes (spec/jdbc.md 5.1)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from linkspan.api import ConnectError, OutageError, RetriableError
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.snapshot_plan import TablePlan

__all__ = ["Listing", "TableMonitor"]

log = logging.getLogger(__name__)

_SHORTEST: Final = 0.01
"""Seconds between two lists, whatever is configured."""


class Listing(NamedTuple):
    """What is to be read.

    Attributes:
        tables: in their order.
        plans: how those are cut that are.
    """

    tables: tuple[TableId, ...]
    plans: Mapping[TableId, TablePlan] = {}


class TableMonitor:
    """Lists the tables at the start and every so often.

    Args:
        client: the connection; used by the thread only, but for its interruption.
        stopping: set when the connector ends; the client waits for it, too.
        listed: what is to be read, asked over an open connection.
        interval: seconds between two lists.
        changed: called when a list differs from the one before it.
        failed: called with an error after which watching has ended.
    """

    def __init__(
        self,
        client: Client,
        stopping: threading.Event,
        listed: Callable[[DriverConnection], Listing],
        *,
        interval: float,
        changed: Callable[[], None],
        failed: Callable[[ConnectError], None],
    ) -> None:
        self._client = client
        self._listed = listed
        self._interval = max(interval, _SHORTEST)
        self._changed = changed
        self._failed = failed
        self._listing: Listing | None = None
        self._known = threading.Condition()
        self._ended = False
        self._missed = False
        """Whether somebody asked before there was a list, and goes without."""
        self._is_away = False
        """Whether the last try has found no database that answers: the next one may be a long while away."""
        client.on_outage = self._away
        self._stopping = stopping
        self._thread = threading.Thread(target=self._run, name="jdbc-tables", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End; a statement under way is interrupted, and waited for so many seconds."""
        self._stopping.set()
        self._client.interrupt()
        self._thread.join(timeout)

    def listing(self, timeout: float) -> Listing | None:
        """The last list, waited for so many seconds if there is none yet; None when it does not come.

        It is not waited for while the database is away: whoever asks is to be told, and can be stopped.
        """
        with self._known:
            self._known.wait_for(lambda: self._listing is not None or self._ended or self._is_away, timeout)
            self._missed = self._listing is None
            return self._listing

    def _away(self) -> None:
        with self._known:
            self._is_away = True
            self._known.notify_all()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._look()
                self._stopping.wait(self._interval)
        except Exception as error:  # noqa: BLE001 - supervision point: the connector is told
            if not self._stopping.is_set():
                self._failed(error if isinstance(error, ConnectError) else ConnectError(f"Watching failed: {error!r}"))
        finally:
            with self._known:
                self._ended = True
                self._known.notify_all()
            self._client.close()

    def _look(self) -> None:
        try:
            connection = self._client.connection()
            found = self._listed(connection)
            connection.commit()
        except Exception as error:  # supervision point: drivers raise what they want
            failure = self._client.dialect.failure(error, "Listing the tables")
            self._client.reset()
            if failure is error and not isinstance(error, RetriableError):
                raise
            if self._stopping.is_set():
                return
            log.warning("%s; the tables are listed again in %.0f s", failure.message, self._interval)
            if isinstance(failure, OutageError):
                self._away()
            return
        with self._known:
            before, self._listing = self._listing, found
            is_new = self._missed if before is None else before != found
            self._missed = self._is_away = False
            self._known.notify_all()
        if is_new:
            log.info("The tables to read, or their chunks, have changed; there are %d tables now", len(found.tables))
            self._changed()
