"""The reporter that a sink task gets for records which its target refuses (KIP-610, spec/runtime.md 4.14).

Any thread of the task may report. The task's own takes over what was handed over and writes the letters: before each
``put`` and ``pre_commit``, and after each. What a SIGKILL leaves of a record that another thread has reported, by where
the task's own thread was when ``report`` returned:

====  =============================================  =======================================================
Step  The task's own thread was                      After a kill
====  =============================================  =======================================================
1     with the runtime, which had not begun to call  the record comes again, or its letter is there: it is
      ``put`` or ``pre_commit``                      written before the call, if the call may store offsets
2     in ``put``; the task stores no offsets         as 1: the letter is written before ``pre_commit``
3     in ``pre_commit``; the task stores no offsets  as 1: the letter is written before the group gets offsets
4     in either; the task stores offsets in its      as 1, if the task has waited for that thread, and then
      target, and has stored none behind the record  for the letter, before it stores such an offset; else
                                                     the letter may be missing
5     past the ``put`` or ``pre_commit`` that has    the letter may be missing: the report came too late
      stored or returned an offset behind it
====  =============================================  =======================================================

Where errors are not tolerated the same steps keep offsets behind a refused record from being stored or committed: at 1
nothing is put any more, ``pre_commit`` is offered nothing behind the record, and the group gets nothing behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from math import inf
from typing import NamedTuple, SupportsIndex

from linkspan.api.errors import ConnectError, DataError
from linkspan.api.records import NO_TIMESTAMP_TYPE, SinkRecord, TopicPartition
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
        self._refused: list[_Refused] = []

    @property
    def refused(self) -> bool:
        """Whether a report was refused, since errors are not tolerated."""
        return bool(self._refused)

    def report(self, record: SinkRecord, error: Exception) -> ErrantRecords:
        """Hand over a bad record, from any thread; raises DataError at once when errors are not tolerated."""
        consumed = (
            record.consumed if isinstance(record, ReadRecord) else Consumed(_Rebuilt(record, self._converters), 0)
        )
        try:
            self._tolerance.hand_over(Failure(Stage.TASK_PUT, PUT_CLASS, error, consumed))
        except DataError as refused:
            place = TopicPartition(consumed.topic, consumed.partition)
            self._refused.append(_Refused(place, consumed.offset, refused))
            raise
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the letters of all that was handed over; see :meth:`linkspan.api.task.ErrantReport.wait`."""
        if threading.get_ident() != self._thread:
            raise ConnectError(
                "Only the task's own thread can wait for a letter, since it is the one that writes it. Other threads "
                "report and go on: no offset behind the record is committed before its letter is written"
            )
        self._tolerance.report()
        return self._settle(inf if timeout is None else timeout)

    def check(self) -> None:
        """Fail for what :meth:`report` raised, in case the task swallowed it.

        Raises:
            ConnectError: that; no DataError, for which the same records would be put again.
        """
        for _, _, error in self._refused[:1]:
            text = f"Exiting WorkerSinkTask due to unrecoverable exception: {error}"
            raise ConnectError(text) from error

    def before_refused(
        self, offsets: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Offsets that may be committed: of each partition none behind a record that was refused.

        Args:
            offsets: what would be committed otherwise.
            committed: what is, of the same partitions; nothing goes back behind that.
        """
        allowed = dict(offsets)
        for place, offset, _ in list(self._refused):
            if place in allowed:
                allowed[place] = max(committed[place], min(allowed[place], offset))
        return allowed


class _Refused(NamedTuple):
    place: TopicPartition
    offset: int
    error: DataError


class _Rebuilt:
    """A batch of one record that was not read like this: its bytes are made by the converters."""

    def __init__(self, record: SinkRecord, converters: Converters) -> None:
        topic, partition, offset = record.original_topic, record.original_partition, record.original_offset
        numbers: tuple[object, ...] = (partition, offset)
        if not topic or not all(isinstance(each, SupportsIndex) for each in numbers):
            raise ConnectError(f"No record can be reported from partition {partition!r} of {topic!r} at {offset!r}")
        convert = converters.header.from_connect_header
        self.topic = topic
        self._record = FetchedRecord(
            partition,
            offset,
            converters.key.from_connect(topic, record.key_schema, record.key),
            converters.value.from_connect(topic, record.value_schema, record.value),
            record.timestamp if isinstance(record.timestamp, int) else -1,
            record.timestamp_type or NO_TIMESTAMP_TYPE,
            [(name, convert(topic, name, schema, value)) for name, value, schema in record.headers],
        )

    def record(self, _index: int) -> FetchedRecord:
        return self._record
