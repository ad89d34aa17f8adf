"""Records as messages of a queue (spec/mq.md 2.3 to 2.8): at least once, or exactly once with a state queue.

``put`` writes all of its records in one unit of work and commits that; the runtime commits offsets after ``put``. What
a SIGKILL between any two steps does, and a broken connection, which is the same to the queue manager:

====  ========================================  ==========================================================
Step  What happened                             A kill right after it
====  ========================================  ==========================================================
1     messages were made of the records         nothing was written; the records come again
2     some were put, or all                     they are backed out; as 1
3     the commit was asked for, not answered    as 2, or as 4
4     the commit was answered                   the records come again and are written twice; with a state queue
                                                they are known by their offsets, and passed over
5     their offsets are committed               nothing: reading goes on behind them
====  ========================================  ==========================================================

A call that fails backs out before it raises, so that nothing of it is left when the records come again. Only a batch of
more than 5000 records takes several units of work; it is as at step 4 between two of them. With a state queue the
offsets are part of each unit, see :mod:`linkspan_connectors.ibmmq.sink_state`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from linkspan.api import (
    BatchError,
    RetriableError,
    SinkBatch,
    SinkRecord,
    SinkTask,
    ThrottledError,
    TopicPartition,
)
from linkspan_connectors.ibmmq.client import Access, Session, prepare_process, stores_of
from linkspan_connectors.ibmmq.config import MqSinkConfig, state_queue
from linkspan_connectors.ibmmq.message_builders import body_builder
from linkspan_connectors.ibmmq.messages import Failures, MessageMaker
from linkspan_connectors.ibmmq.mqi.binding import chosen
from linkspan_connectors.ibmmq.outgoing import Packed
from linkspan_connectors.ibmmq.sink_state import SinkState
from linkspan_connectors.ibmmq.stores import Stores
from linkspan_connectors.ibmmq.writer import QueueWriter

__all__ = ["MqSinkTask"]

log = logging.getLogger(__name__)

_BACKOFF: Final = "mq.retry.backoff.ms"


class MqSinkTask(SinkTask[MqSinkConfig]):
    """One connection, one queue, one unit of work for each ``put``."""

    java_class = "com.ibm.eventstreams.connect.mqsink.MQSinkTask"

    _session: Session | None = None
    _stores: Stores | None = None

    @property
    def reads_committed(self) -> bool:
        """With a state queue: what a transaction has undone is not to be written, and comes again (spec 2.7)."""
        return bool(state_queue(self.config))

    def start(self) -> None:
        """Connect; a queue manager that cannot be reached now is tried again by :meth:`put`."""
        config = self.config
        self._maker = MessageMaker(config, body_builder(config, self.context))
        self._tolerates = self.context.configs.get("errors.tolerance", "none").strip().lower() == "all"
        prepare_process(config)
        self._stores = stores_of(config)
        application = f"{self.context.connector}-{self.context.task}"
        self._session = Session(chosen(), Access.of(config, application), self._stores)
        context = (config.mq_message_mqmd_context or "").lower() if config.mq_message_mqmd_write else ""
        self._writer = QueueWriter(self._session, config.mq_queue, context)
        self._state = SinkState(self._writer, state_queue(config)) if state_queue(config) else None
        try:
            self._open()
        except RetriableError as error:
            log.warning("%s. Trying again", error)

    def _open(self) -> None:
        (self._writer if self._state is None else self._state).open()

    def stop(self) -> None:
        """Disconnect."""
        if self._session is not None:
            self._session.end()
        if self._stores is not None:
            self._stores.close()

    def put(self, records: SinkBatch) -> None:
        """Write the records and commit them; without any, see to the connection: an outage shows before they come."""
        if not len(records):
            try:
                self._open()
            except RetriableError as error:
                self._later(error)
            return
        messages, failures = self._maker.messages(records)
        if failures and not self._tolerates:
            self._refuse(failures)
        most = self._writer.session.unit.of(len(messages))
        try:
            for begin in range(0, len(messages), most):
                unit = slice(begin, begin + most)
                refused = self._write(messages[unit], records[unit] if self._state is not None else ())
                failures.update((begin + index, error) for index, error in refused.items())
                if refused and not self._tolerates:
                    self._writer.backout()
                    self._refuse(failures)
                if self._state is not None:
                    failures = self._set_aside(records, failures)
                self._writer.commit()
        except RetriableError as error:
            self._later(error)
        if failures:
            self._refuse(failures)

    def stored_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None] | None:
        """Where to go on, by the state queue; without one, None."""
        if self._state is None:
            return None
        written = self._state.look()
        return {place: written[str(place)] + 1 for place in partitions if str(place) in written}

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note offsets behind which there was nothing to write, such as records that a transform dropped."""
        if self._state is not None:
            self._state.advance(offsets)

    def _write(self, messages: Sequence[Packed | None], records: Sequence[SinkRecord]) -> Failures:
        """Put messages into the unit of work, without those that the state knows of; which were refused."""
        if self._state is None:
            return self._writer.put(messages)
        written = self._state.take()
        fresh: list[Packed | None] = []
        for message, record in zip(messages, records, strict=True):
            place = f"{record.original_topic}-{record.original_partition}"
            is_new = record.original_offset > written.get(place, -1)
            fresh.append(message if is_new else None)
            if is_new:
                written[place] = record.original_offset
        refused = self._writer.put(fresh)
        self._state.put(written)
        return refused

    def _set_aside(self, records: SinkBatch, failures: Failures) -> Failures:
        """Have letters written before the commit, behind which no record comes again; which failures are left to tell.

        Raises:
            RetriableError: they could not be written; the unit of work was backed out.
        """
        reporter = self.context.errant_record_reporter
        if reporter is None or not failures:
            return failures
        reports = [reporter.report(records[index], error) for index, error in sorted(failures.items())]
        if not all(each.wait() for each in reports):
            self._writer.backout()
            raise RetriableError(f"{len(reports)} records that become no message cannot be set aside yet")
        return {}

    def _refuse(self, failures: Failures) -> NoReturn:
        first = min(failures)
        more = f", and {len(failures) - 1} others" if len(failures) > 1 else ""
        raise BatchError(f"No message of queue {self.config.mq_queue}: {failures[first]}{more}", failures)

    def _later(self, error: RetriableError) -> NoReturn:
        """Raise the same, with the pause that the configuration asks for, if it does."""
        if _BACKOFF not in self.config.originals:
            raise error
        raise ThrottledError(error.message, self.config.mq_retry_backoff_ms / 1000) from error
