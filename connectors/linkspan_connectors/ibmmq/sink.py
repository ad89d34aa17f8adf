"""Records as messages of a queue, at least once (spec/mq.md 2.3 to 2.8).

``put`` writes all of its records in one unit of work and commits that; the runtime commits offsets after ``put``. What
a SIGKILL between any two steps does, and a broken connection, which is the same to the queue manager:

====  ========================================  ==========================================================
Step  What happened                             A kill right after it
====  ========================================  ==========================================================
1     messages were made of the records         nothing was written; the records come again
2     some were put, or all                     they are backed out; as 1
3     the commit was asked for, not answered    as 2, or as 4
4     the commit was answered                   the records come again and are written twice
5     their offsets are committed               nothing: reading goes on behind them
====  ========================================  ==========================================================

A call that fails backs out before it raises, so that nothing of it is left when the records come again. Only a batch of
more than 5000 records takes several units of work; it is as at step 4 between two of them.
"""

from __future__ import annotations

import logging
from typing import NoReturn

from linkspan.api import (
    BatchError,
    ConfigError,
    RetriableError,
    SinkBatch,
    SinkTask,
    ThrottledError,
)
from linkspan_connectors.ibmmq.client import Access, Session, prepare_process, stores_of
from linkspan_connectors.ibmmq.config import MqSinkConfig, state_queue
from linkspan_connectors.ibmmq.message_builders import body_builder
from linkspan_connectors.ibmmq.messages import Failures, MessageMaker
from linkspan_connectors.ibmmq.mqi.binding import chosen
from linkspan_connectors.ibmmq.stores import Stores
from linkspan_connectors.ibmmq.writer import QueueWriter

__all__ = ["MqSinkTask"]

log = logging.getLogger(__name__)

_BACKOFF = "mq.retry.backoff.ms"


class MqSinkTask(SinkTask[MqSinkConfig]):
    """One connection, one queue, one unit of work for each ``put``."""

    java_class = "com.ibm.eventstreams.connect.mqsink.MQSinkTask"

    _session: Session | None = None
    _stores: Stores | None = None

    def start(self) -> None:
        """Connect; a queue manager that cannot be reached now is tried again by :meth:`put`."""
        config = self.config
        if state_queue(config):
            raise ConfigError(
                "mq.exactly.once.state.queue: exactly-once delivery to IBM MQ is not there yet. Remove the key for "
                "delivery at least once",
                "mq.exactly.once.state.queue",
            )
        self._maker = MessageMaker(config, body_builder(config, self.context))
        self._tolerates = self.context.configs.get("errors.tolerance", "none").strip().lower() == "all"
        prepare_process(config)
        self._stores = stores_of(config)
        application = f"{self.context.connector}-{self.context.task}"
        self._session = Session(chosen(), Access.of(config, application), self._stores)
        context = (config.mq_message_mqmd_context or "").lower() if config.mq_message_mqmd_write else ""
        self._writer = QueueWriter(self._session, config.mq_queue, context)
        try:
            self._writer.open()
        except RetriableError as error:
            log.warning("%s. Trying again", error)

    def stop(self) -> None:
        """Disconnect."""
        if self._session is not None:
            self._session.end()
        if self._stores is not None:
            self._stores.close()

    def put(self, records: SinkBatch) -> None:
        """Write the records and commit them."""
        if not len(records):
            return
        messages, failures = self._maker.messages(records)
        if failures and not self._tolerates:
            self._refuse(failures)
        try:
            for begin in range(0, len(messages), self._writer.most):
                refused = self._writer.put(messages[begin : begin + self._writer.most])
                failures.update((begin + index, error) for index, error in refused.items())
                if refused and not self._tolerates:
                    self._writer.backout()
                    self._refuse(failures)
                self._writer.commit()
        except RetriableError as error:
            raise self._later(error) from error
        if failures:
            self._refuse(failures)

    def _refuse(self, failures: Failures) -> NoReturn:
        first = min(failures)
        more = f", and {len(failures) - 1} others" if len(failures) > 1 else ""
        raise BatchError(f"No message of queue {self.config.mq_queue}: {failures[first]}{more}", failures)

    def _later(self, error: RetriableError) -> RetriableError:
        """The same, after the pause that the configuration asks for, if it does."""
        if _BACKOFF not in self.config.originals:
            return error
        return ThrottledError(error.message, self.config.mq_retry_backoff_ms / 1000)
