"""The thread that writes a table's records, in the order in which they were handed to it.

What waits while the last records are being acknowledged goes out together with what came meanwhile. What nobody waits
for any more is not written if it was not on its way yet, so an outage does not pile up stale records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.log.kafka.writer import KafkaWriter
from linkspan.log.port import Delivery, OutgoingBatch

__all__ = ["Appender", "Job"]

_SLICE: Final = 0.1
_log: Final = logging.getLogger("linkspan.log.kafka")


class Job:
    """Records of one call, to be written together.

    Args:
        records: keys and values.
        done: told the outcome, on its loop; a cancelled one is not waited for any more.
    """

    __slots__ = ("done", "records")

    def __init__(self, records: Sequence[tuple[bytes, bytes | None]], done: asyncio.Future[None]) -> None:
        self.records = records
        self.done = done


class Appender:
    """Writes to one topic.

    Args:
        loop: where outcomes are told.
        topic: name.
        settings: a producer's.

    Raises:
        ConfigError: a setting cannot be honoured.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, topic: str, settings: Mapping[str, str]) -> None:
        self._loop = loop
        self._topic = topic
        self._settings = settings
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._over = asyncio.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        writer = KafkaWriter(self._settings)
        self._thread = threading.Thread(
            target=self._run, args=(writer,), name=f"writer of topic {self._topic}", daemon=True
        )
        self._thread.start()

    def put(self, job: Job) -> None:
        """Write these next."""
        self._jobs.put(job)

    async def stop(self) -> None:
        """End the thread; what was not acknowledged is given up."""
        self._stopping.set()
        self._jobs.put(None)
        if self._thread is not None:
            await self._over.wait()
            self._thread.join()

    # --- in the thread ------------------------------------------------------------------------------------------

    def _run(self, first: KafkaWriter) -> None:
        writer: KafkaWriter | None = first
        try:
            while jobs := self._next():
                writer = writer or self._another(jobs)
                if writer is not None and not self._append(writer, jobs):
                    # what it still holds must not be written behind what comes next
                    writer.close(0)
                    writer = None
        finally:
            if writer is not None:
                writer.close(0)
            self._post(self._over.set)

    def _another(self, jobs: Sequence[Job]) -> KafkaWriter | None:
        """Another writer; when there is no room for one now, the jobs are told so."""
        try:
            return KafkaWriter(self._settings)
        except ConnectError as error:
            refusal = RetriableError(f"Topic {self._topic} cannot be written to for now: {error.message}")
            for job in jobs:
                self._tell(job, refusal)
            return None

    def _next(self) -> list[Job]:
        """What there is to write; nothing when it is time to end."""
        jobs: list[Job] = []
        while not jobs:
            found = [self._jobs.get()]
            with contextlib.suppress(queue.Empty):
                while True:
                    found.append(self._jobs.get_nowait())
            jobs = [job for job in found if job is not None and not job.done.cancelled()]
            if self._ending or None in found:
                for job in jobs:
                    self._tell(job, _closed(self._topic))
                return []
        return jobs

    @property
    def _ending(self) -> bool:
        return self._stopping.is_set() or self._loop.is_closed()

    def _append(self, writer: KafkaWriter, jobs: Sequence[Job]) -> bool:
        """Write, and tell the outcomes; whether the writer is done with all of it."""
        records = [record for job in jobs for record in job.records]
        batch = OutgoingBatch(self._topic, [value for _, value in records], keys=[key for key, _ in records])
        try:
            delivery = writer.send(batch)
            while not (delivery.done or self._ending or all(job.done.cancelled() for job in jobs)):
                if not writer.flush(_SLICE):
                    writer.poll()  # says so when the connection is refused
        except Exception as error:  # noqa: BLE001 - supervision point: whoever waits hears of it, others are written
            if not isinstance(error, ConnectError):
                _log.exception("Writing to topic %s failed", self._topic)
            told = error if isinstance(error, ConnectError) else ConnectError(f"{type(error).__name__}: {error}")
            for job in jobs:
                self._tell(job, told)
            return False
        first = 0
        for job in jobs:
            indices = range(first, first + len(job.records))
            first = indices.stop
            self._tell(job, _outcome(delivery, indices) if delivery.done else _closed(self._topic))
        return delivery.done

    def _tell(self, job: Job, error: ConnectError | None) -> None:
        # a loop that is closed has nobody left who waits
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_settle, job.done, error)

    def _post(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)


def _settle(done: asyncio.Future[None], error: ConnectError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _outcome(delivery: Delivery, indices: range) -> ConnectError | None:
    """The error that says most of those of some records: what passes does not hide what never will."""
    errors = [error for index, error in delivery.failures if index in indices and isinstance(error, ConnectError)]
    lasting = [error for error in errors if not isinstance(error, RetriableError)]
    return next(iter(lasting or errors), None)


def _closed(topic: str) -> RetriableError:
    return RetriableError(f"The table on topic {topic} was closed before everything was written")
