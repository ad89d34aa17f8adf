"""The reporter that a sink task gets for records which its target refuses (KIP-610, spec/runtime.md 4.14)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf

from linkspan.api.errors import ConnectError, DataError
from linkspan.api.records import NO_TIMESTAMP_TYPE, SinkRecord
from linkspan.log.port import FetchedRecord
from linkspan.task.batches import ReadRecord
from linkspan.task.conversion import Converters
from linkspan.task.tolerance import PUT_CLASS, Consumed, Failure, Stage, Tolerance

__all__ = ["ErrantRecords"]


class ErrantRecords:
    """The reporter that a sink task gets; made in the task's own thread.

    Args:
        tolerance: decides; what is tolerated it reports when ``put`` has returned, or waits for it.
        converters: make bytes of a record that the task built itself.
        settle: waits so many seconds for the dead letter queue to have everything reported, and says whether it has.
    """

    def __init__(
        self, tolerance: Tolerance, converters: Converters, settle: Callable[[float], bool] = lambda _: True
    ) -> None:
        self._tolerance = tolerance
        self._converters = converters
        self._settle = settle
        self._thread = threading.get_ident()
        self._refused: DataError | None = None

    @property
    def refused(self) -> bool:
        """Whether a report was refused, since errors are not tolerated."""
        return self._refused is not None

    def report(self, record: SinkRecord, error: Exception) -> ErrantRecords:
        """Hand over a bad record, from any thread; raises DataError at once when errors are not tolerated."""
        consumed = (
            record.consumed if isinstance(record, ReadRecord) else Consumed(_Rebuilt(record, self._converters), 0)
        )
        take = self._tolerance.fail if self._in_own_thread else self._tolerance.hand_over
        try:
            take(Failure(Stage.TASK_PUT, PUT_CLASS, error, consumed))
        except DataError as refused:
            self._refused = refused
            raise
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the letters of all that was handed over; see :meth:`linkspan.api.task.ErrantReport.wait`."""
        if not self._in_own_thread:
            raise ConnectError(
                "Only the task's own thread can wait for a letter, since it is the one that writes it. Other threads "
                "report and go on: no offset behind the record is committed before its letter is written"
            )
        self._tolerance.report()
        return self._settle(inf if timeout is None else timeout)

    @property
    def _in_own_thread(self) -> bool:
        return threading.get_ident() == self._thread

    def check(self) -> None:
        """Fail for what :meth:`report` raised, in case the task swallowed it.

        Raises:
            ConnectError: that; no DataError, for which the same records would be put again.
        """
        if self._refused is not None:
            text = f"Exiting WorkerSinkTask due to unrecoverable exception: {self._refused}"
            raise ConnectError(text) from self._refused


class _Rebuilt:
    """A batch of one record that was not read like this: its bytes are made by the converters."""

    def __init__(self, record: SinkRecord, converters: Converters) -> None:
        topic, partition, offset = record.original_topic, record.original_partition, record.original_offset
        convert = converters.header.from_connect_header
        self.topic = topic
        self._record = FetchedRecord(
            partition,
            offset,
            converters.key.from_connect(topic, record.key_schema, record.key),
            converters.value.from_connect(topic, record.value_schema, record.value),
            -1 if record.timestamp is None else record.timestamp,
            record.timestamp_type or NO_TIMESTAMP_TYPE,
            [(name, convert(topic, name, schema, value)) for name, value, schema in record.headers],
        )

    def record(self, _index: int) -> FetchedRecord:
        return self._record
