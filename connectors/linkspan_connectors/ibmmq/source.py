"""Messages of a queue as records (spec/mq.md 1.4 and 9): at least once, or exactly once with a state queue.

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
5     the runtime told of them                          as 4
6     the commit was asked for, not answered            as 4, or as 7
7     the commit was answered                           nothing: the messages are gone from the queue
====  ================================================  ==================================================

With a state queue more is remembered, see :mod:`linkspan_connectors.ibmmq.source_state`.

One unit of work is open at a time on each connection, of which there is one by default. It ends as soon as its
records are told of, even while the task is paused, and is never committed for any other reason: an end of the task
before that backs it out.
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
from linkspan_connectors.ibmmq.source_state import SourceState
from linkspan_connectors.ibmmq.stores import Stores

__all__ = ["SEQUENCE", "SOURCE", "MqSourceTask", "source_partition"]

log = logging.getLogger(__name__)

SOURCE: Final = "source"
SEQUENCE: Final = "sequence-id"


def source_partition(config: MqSourceConfig) -> Partition:
    """Source partition of all messages of a configuration."""
    return {SOURCE: f"{config.mq_queue_manager}/{config.mq_queue}"}


class _Unit:
    """A unit of work whose records the log does not have yet.

    Attributes:
        records: what was polled: this very object tells it from a unit that was lost.
        has_state: whether the state queue knows of it.
    """

    __slots__ = ("has_state", "records")

    def __init__(self, records: Sequence[SourceRecord], *, has_state: bool) -> None:
        self.records = records
        self.has_state = has_state


class _Lane:
    """A connection that reads.

    Attributes:
        session: the connection.
        reader: of the queue.
        unit: what is on its way, or None.
    """

    __slots__ = ("reader", "session", "unit")

    def __init__(self, session: Session, reader: QueueReader) -> None:
        self.session = session
        self.reader = reader
        self.unit: _Unit | None = None


class MqSourceTask(SourceTask[MqSourceConfig]):
    """One queue; connections take turns, each with one unit of work at a time."""

    java_class = "com.ibm.eventstreams.connect.mqsource.MQSourceTask"

    _sessions: tuple[Session, ...] = ()
    _stores: Stores | None = None

    def start(self) -> None:
        """Connect; a queue manager that cannot be reached now is tried again by :meth:`poll`."""
        config = self.config
        self._check_delivery()
        self._partition = source_partition(config)
        self._maker = RecordMaker(
            config,
            value_builder(config, self.context),
            key_builder(config),
            Policy.of(config, self.context.configs),
        )
        self._limits: deque[int] = deque()
        """Sizes of the next batches, to find a message apart from those before it."""
        self._problem: ConnectError | None = None
        """What went wrong between two polls, and is no matter of trying again."""
        prepare_process(config)
        self._stores = stores_of(config)
        self._lanes = [self._lane(self._stores) for _ in range(config.mq_connections_per_task)]
        self._turn = 0
        self._sessions = tuple(lane.session for lane in self._lanes)
        self._state: SourceState | None = None
        if state_queue(config):
            writer = self._session(self._stores)
            self._sessions = (*self._sessions, writer)
            self._state = SourceState(self._lanes[0].reader, writer, state_queue(config), self._stored)
        try:
            for opened in (lane.reader for lane in self._lanes) if self._state is None else (self._state,):
                opened.open()
        except RetriableError as error:
            log.warning("%s. Trying again", error)

    def _check_delivery(self) -> None:
        """Refuse a state queue where offsets are not stored with the records.

        An offset that is stored late may be that of an earlier batch with the same number as the one in flight, which
        would then be taken for delivered, and removed.
        """
        if state_queue(self.config) and not self.context.exactly_once:
            key = "mq.exactly.once.state.queue"
            raise ConfigError(
                f"{key} is set, but this worker does not deliver exactly once. Set "
                "exactly.once.source.support=enabled in all workers of the group, which a standalone worker cannot "
                f"do, or leave {key} out: delivery is at least once then",
                key,
            )

    def _lane(self, stores: Stores) -> _Lane:
        config = self.config
        waits = Waits(
            config.mq_message_receive_timeout,
            config.mq_receive_subsequent_timeout_ms,
            config.mq_receive_max_poll_time_ms,
        )
        session = self._session(stores)
        return _Lane(session, QueueReader(session, config.mq_queue, waits))

    def _session(self, stores: Stores) -> Session:
        config = self.config
        application = f"{self.context.connector}-{self.context.task}"
        delays = Delays(config.mq_reconnect_delay_min_ms / 1000, config.mq_reconnect_delay_max_ms / 1000)
        return Session(chosen(), Access.of(config, application), stores, delays)

    def _stored(self) -> int | None:
        """Number of the last batch that the runtime knows the log to have."""
        offset = self.context.offset_reader.offset(source_partition(self.config))
        number = None if offset is None else offset.get(SEQUENCE)
        return number if isinstance(number, int) else None

    def stop(self) -> None:
        """Back out what the log has not got, and disconnect."""
        for session in self._sessions:
            session.end()
        if self._stores is not None:
            self._stores.close()

    def poll(self) -> Sequence[SourceRecord] | None:
        """The messages of the next unit of work; None while the last one of its connection is not in the log."""
        if self._problem is not None:
            raise self._problem
        lane = self._lanes[self._turn]
        busy = self._is_busy()
        if lane.unit is not None or (busy and self._limits):
            return None
        if self._state is not None and not self._state.settled:
            again = self._state.settle()
            return None if again is None else self._records(lane, again, is_again=True)
        limit = self._limits.popleft() if self._limits else self.config.mq_batch_size
        # while others are on their way, the runtime is not kept from hearing of them
        messages = lane.reader.gather(limit, waits=not busy)
        if not messages:
            self._limits.clear()
            return None
        records = self._records(lane, messages)
        if records and not self._limits:
            self._turn = (self._turn + 1) % len(self._lanes)
        return records

    def _is_busy(self) -> bool:
        return any(each.unit is not None for each in self._lanes)

    def _records(
        self, lane: _Lane, messages: Sequence[Got], *, is_again: bool = False
    ) -> Sequence[SourceRecord] | None:
        try:
            records = self._maker.records(messages, self._partition, self._offset(is_again=is_again))
        except Failed as failed:
            if is_again:
                raise failed.error from failed
            self._isolate(lane, messages, failed)
            return None
        has_state = self._state is not None and (is_again or bool(records))
        if self._state is not None and has_state and not is_again:
            self._state.begin(messages)
        lane.unit = _Unit(records, has_state=has_state)
        if not records:
            self._complete(lane, lane.unit)
            return None
        return records

    def _offset(self, *, is_again: bool) -> Offset | None:
        if self._state is None:
            return None
        return {SEQUENCE: self._state.sequence + (0 if is_again else 1)}

    def _isolate(self, lane: _Lane, messages: Sequence[Got], failed: Failed) -> None:
        """Back out; deliver all that came before the message at fault, then take that one alone, and fail.

        Its neighbours are not backed out with it again and again, which would move them to the backout queue too.
        """
        lane.reader.give_back(messages)
        if failed.index:
            self._limits.append(failed.index)
        elif not self._is_busy():
            raise failed.error from failed
        self._limits.append(1)

    def commit_batch(self, records: Sequence[SourceRecord]) -> None:
        """Commit the unit of work that they came with; one that was lost has no records any more."""
        for lane in self._lanes:
            unit = lane.unit
            if unit is not None and unit.records is records:
                self._complete(lane, unit)

    def _complete(self, lane: _Lane, unit: _Unit) -> None:
        """Commit the unit of work; if that fails, its messages are got again."""
        lane.unit = None
        try:
            if unit.has_state and self._state is not None:
                self._state.finish()
            else:
                lane.session.commit()
        except RetriableError as error:
            log.warning("%s. Its messages come again where that was not done", error)
        except ConnectError as error:
            self._problem = error
