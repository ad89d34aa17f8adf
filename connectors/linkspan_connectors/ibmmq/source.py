"""Messages of a queue as records, at least once (spec/mq.md 1.4 and 9).

The queue itself remembers what was read: messages are got in a unit of work, and that is committed when the log has
every record of them, or the runtime has dropped it. What a SIGKILL between any two steps does, and a broken connection,
which is the same to the queue manager:

====  ================================================  ==================================================
Step  What happened                                     A kill right after it
====  ================================================  ==================================================
1     messages were got in a unit of work               they are backed out, and got again
2     some went to the backout queue, in the same unit  as 1, that too is backed out
3     ``poll`` returned their records                   as 1
4     the log has some of the records, or all           they are got again, and those records written twice
5     the runtime told of the last one                  as 4
6     the commit was asked for, not answered            as 4, or as 7
7     the commit was answered                           nothing: the messages are gone from the queue
====  ================================================  ==================================================

One unit of work is open at a time. It ends as soon as the last record is told of, even while the task is paused, and is
never committed for any other reason: an end of the task before that backs it out.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from linkspan.api import (
    ConfigError,
    ConnectError,
    Offset,
    Partition,
    RecordMetadata,
    RetriableError,
    SourceRecord,
    SourceTask,
)
from linkspan_connectors.ibmmq.client import Access, Delays, Session, prepare_process, stores_of
from linkspan_connectors.ibmmq.config import MqSourceConfig, state_queue
from linkspan_connectors.ibmmq.mqi.binding import chosen
from linkspan_connectors.ibmmq.reader import QueueReader, Waits
from linkspan_connectors.ibmmq.record_builders import Got, key_builder, value_builder
from linkspan_connectors.ibmmq.records import Failed, Policy, RecordMaker
from linkspan_connectors.ibmmq.stores import Stores

__all__ = ["MqSourceTask", "source_partition"]

log = logging.getLogger(__name__)

SOURCE: Final = "source"


def source_partition(config: MqSourceConfig) -> Partition:
    """Source partition of all messages of a configuration."""
    return {SOURCE: f"{config.mq_queue_manager}/{config.mq_queue}"}


class _Unit:
    """Records of one unit of work that the log does not have yet.

    Attributes:
        partition: their source partition: this very object tells them from those of a unit that was lost.
        missing: how many of them.
    """

    __slots__ = ("missing", "partition")

    def __init__(self, partition: Partition, missing: int) -> None:
        self.partition = partition
        self.missing = missing


class MqSourceTask(SourceTask[MqSourceConfig]):
    """One connection, one queue, one unit of work at a time."""

    java_class = "com.ibm.eventstreams.connect.mqsource.MQSourceTask"

    _session: Session | None = None
    _stores: Stores | None = None

    def start(self) -> None:
        """Connect; a queue manager that cannot be reached now is tried again by :meth:`poll`."""
        config = self.config
        if state_queue(config):
            raise ConfigError(
                "mq.exactly.once.state.queue: exactly-once delivery from IBM MQ is not there yet. Remove the key for "
                "delivery at least once",
                "mq.exactly.once.state.queue",
            )
        self._maker = RecordMaker(
            config,
            value_builder(config, self.context),
            key_builder(config),
            Policy.of(config, self.context.configs),
        )
        self._unit: _Unit | None = None
        self._limits: deque[int] = deque()
        """Sizes of the next batches, to find a message apart from those before it."""
        prepare_process(config)
        self._stores = stores_of(config)
        application = f"{self.context.connector}-{self.context.task}"
        delays = Delays(config.mq_reconnect_delay_min_ms / 1000, config.mq_reconnect_delay_max_ms / 1000)
        self._session = Session(chosen(), Access.of(config, application), self._stores, delays)
        waits = Waits(
            config.mq_message_receive_timeout,
            config.mq_receive_subsequent_timeout_ms,
            config.mq_receive_max_poll_time_ms,
        )
        self._reader = QueueReader(self._session, config.mq_queue, waits)
        try:
            self._reader.open()
        except RetriableError as error:
            log.warning("%s. Trying again", error)

    def stop(self) -> None:
        """Back out what the log has not got, and disconnect."""
        if self._session is not None:
            self._session.end()
        if self._stores is not None:
            self._stores.close()

    def poll(self) -> Sequence[SourceRecord] | None:
        """The messages of the next unit of work; None while the last one is not in the log."""
        if self._unit is not None:
            return None
        limit = self._limits.popleft() if self._limits else self.config.mq_batch_size
        messages = self._reader.gather(limit)
        if not messages:
            self._limits.clear()
            return None
        return self._records(messages)

    def _records(self, messages: Sequence[Got]) -> Sequence[SourceRecord] | None:
        partition = dict(source_partition(self.config))
        try:
            records = self._maker.records(messages, partition, self._offset())
        except Failed as failed:
            self._give_back(failed)
            return None
        self._unit = _Unit(partition, len(records))
        if not records:
            self._complete()
            return None
        return records

    def _offset(self) -> Offset | None:
        return None

    def _give_back(self, failed: Failed) -> None:
        """Back out; deliver what came before the message at fault, then take that one alone, and fail.

        Its neighbours are not backed out with it again and again, which would move them to the backout queue too.
        """
        assert self._session is not None
        self._session.backout()
        if failed.index == 0:
            raise failed.error
        self._limits.extend((failed.index, 1))

    def commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:  # noqa: ARG002 - sent or dropped, all the same
        """Count down; those of a unit of work that was lost do not count."""
        unit = self._unit
        if unit is None or record.source_partition is not unit.partition:
            return
        unit.missing -= 1
        if unit.missing == 0:
            self._complete()

    def _complete(self) -> None:
        """Commit the unit of work; if that fails, its messages are got again."""
        assert self._session is not None
        self._unit = None
        try:
            self._session.commit()
        except ConnectError as error:
            log.warning("%s. Its messages come again where that was not done", error)
