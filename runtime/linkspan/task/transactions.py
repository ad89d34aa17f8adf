"""Delivery exactly once: records and the offsets after them in one transaction (KIP-618, spec/runtime.md 4.11).

What a SIGKILL between any two steps does. Readers are those that see committed records only, the next start of the task
included, whose writer undoes whatever was begun and not committed:

====  =============================================  ====================================================
Step  What happened                                  A kill right after it
====  =============================================  ====================================================
1     ``poll`` returned records                      nothing was written; they are read again
2     the transaction has begun                      as 1
3     some or all records were sent                  they are undone, as if they had never been there; as 1
4     offsets were sent                              as 3
5     the commit was asked for, not answered         the coordinator has it or not: all is there, or as 3
6     the commit was answered                        nothing: reading goes on after the records
7     the task was told                              as 6
8     the worker was handed the copy of the offsets  as 6; until the next commit its copy is older
====  =============================================  ====================================================

A task that lives on though it was given up, because its worker was cut off or stood still, stands at one of these steps
while its successor opens a writer with the same transactional id. From then on the log refuses its records and its
commit: it is at step 3 or 4 for ever, and fails when it notices.

Letters about records that failed go to the dead letter queue in the same transaction as the offsets after them. A task
that fails because of a record commits nothing, so there is no letter about that one.

An abort that the connector asks for drops the records, with the letters about those that had failed, and still commits
the offsets, in a transaction of their own. A kill between the two is as at step 3: the records come again, and may be
dropped again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from linkspan.api.errors import ConnectError, FencedError, RetriableError
from linkspan.api.records import RecordMetadata, SourceRecord, TopicPartition
from linkspan.api.task import SourceTask
from linkspan.log.port import (
    BatchTooLargeError,
    ExpiredError,
    OutgoingBatch,
    TooLargeError,
    TransactionalWriter,
    TransactionError,
    Writer,
)
from linkspan.task.boundaries import Boundary, End
from linkspan.task.dead_letters import DeadLetters
from linkspan.task.offset_entries import offset_text
from linkspan.task.offsets import Part, Position, identity
from linkspan.task.outage import Outage
from linkspan.task.outbox import Outbox
from linkspan.task.port import WorkerPort
from linkspan.task.source import (
    TopicsUsed,
    tell_of_batches,
    tell_of_commit,
    tell_of_record,
    wants_batches,
    wants_records,
)
from linkspan.task.source_conversion import SourceConversion
from linkspan.task.spec import ExactlyOnce

__all__ = ["OffsetRecords", "TransactionalDelivery"]

_log = logging.getLogger("linkspan.task.source")

_MOST_KEYS: Final = 100_000
"""Keys of source partitions that are remembered, about."""
_LONGEST_REST: Final = 1.0
"""Seconds: an end that waits is tried again so soon, for its transaction has not much time."""
_ANSWER: Final = 5.0
"""Seconds that the end of a transaction may take before somebody looks whether the task is to stop."""
T = TypeVar("T")


class OffsetRecords:
    """Makes the records that store source offsets.

    Args:
        port: the worker, which knows under which keys offsets are stored.
        topic: where they go.
    """

    def __init__(self, port: WorkerPort, topic: str) -> None:
        self._port = port
        self._topic = topic
        self._keys: dict[object, bytes] = {}

    def batch(self, positions: Sequence[Position]) -> OutgoingBatch:
        """Records that store these.

        Raises:
            RetriableError: the worker does not answer.
            ConnectError: one of them can never be stored.
        """
        names = [identity(partition) for partition, _ in positions]
        if len(self._keys) > _MOST_KEYS:
            self._keys.clear()
        missing = {
            name: partition for name, (partition, _) in zip(names, positions, strict=True) if name not in self._keys
        }
        if missing:
            self._keys.update(zip(missing, self._port.offset_keys(list(missing.values())), strict=True))
        values = [offset_text(offset) for _, offset in positions]
        return OutgoingBatch(self._topic, values, keys=[self._keys[name] for name in names])


class TransactionalDelivery:
    """A :class:`linkspan.task.source.SourceDelivery` in transactions.

    Args:
        task: the plugin, told of records and commits.
        writer: opened; closed at the end.
        conversion: makes batches of records.
        port: the worker.
        name: of the task, for messages.
        place: where offsets go.
        boundary: where transactions end.
        ensure_topic: see :class:`linkspan.task.outbox.Outbox`.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        task: SourceTask[Any],
        writer: TransactionalWriter,
        conversion: SourceConversion,
        port: WorkerPort,
        name: str,
        place: ExactlyOnce,
        boundary: Boundary,
        *,
        ensure_topic: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._writer = writer
        self._conversion = conversion
        self._port = port
        self._name = name
        self._place = place
        self._boundary = boundary
        self._wants_records = wants_records(task)
        self._wants_batches = wants_batches(task)
        self._outbox = Outbox(conversion, self._send_part, port, ensure_topic=ensure_topic, clock=clock)
        self.outage = self._outbox.outage
        self._unanswered = Outage(f"The end of a transaction of task {name}", clock)
        self.letters: DeadLetters | None = None
        """The dead letter queue, which writes with :attr:`letter_writer`; set before the loop begins."""
        self.letter_writer: Writer = _LetterWriter(self._send_letters)
        self._offset_records = OffsetRecords(port, place.offset_topic)
        self.topics = TopicsUsed(port)
        self._pieces: Iterator[tuple[Sequence[SourceRecord], End]] = iter(())
        self._end: End | None = None
        """How the piece that is being sent ends; None when there is none."""
        self._open = self._pausing = False
        self._positions: dict[object, Position] = {}
        """Newest position of each source partition that is not committed yet."""
        self._settled = True
        """Whether nothing that was polled waits for a commit."""
        self._to_tell: list[tuple[SourceRecord, RecordMetadata | None]] = []
        self._polled: Sequence[SourceRecord] = ()
        self._polls: list[Sequence[SourceRecord]] = []
        """Those sent as a whole, if the task is to be told of them."""
        self._sent: list[SourceRecord] = []
        """Records of the open transaction, if the task is to be told of them."""
        self._records = 0
        self._topics: set[str] = set()
        self._written = self._commits = self._commit_failures = 0
        self._sizes = _Sizes()

    # --- while the loop runs ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The first transaction begins with the first record."""
        self._boundary.begin()

    def attend(self) -> None:
        """Take in answers; commit when it is time, for the next poll may be long in coming."""
        if self._open:
            self._guarded(self._writer.poll)
        if self._pausing:
            self._end_for_pause()
        if self._open and not self._outbox.part_sent:
            self._finish_piece(self._boundary.due())

    @property
    def busy(self) -> bool:
        """Whether some of the last poll could not be sent."""
        return self._end is not None

    def go_on(self) -> None:
        """Try to send the rest."""
        self._advance()

    def rest(self, seconds: float) -> bool:  # noqa: ARG002 - the contract
        """Nothing to wait for: the task is told of records when their transaction has been committed."""
        return False

    def deliver(self, polled: Sequence[SourceRecord]) -> None:
        """Convert and send; commit or abort where the boundaries are."""
        self._polled = polled
        self._pieces = self._boundary.cut(polled)
        self._take_piece()
        self._advance()

    def dropped(self, record: SourceRecord) -> None:
        """A record was dropped on the way: the task is told with the rest of its transaction."""
        self._to_tell.append((record, None))

    def _take_piece(self) -> None:
        piece = next(self._pieces, None)
        self._end = None
        if piece is not None:
            records, self._end = piece
            self._outbox.load(records)

    def _advance(self) -> None:
        while self._end is not None:
            self._settled = False
            if not self._outbox.send():
                return
            for position in self._outbox.positions:
                self._positions[identity(position[0])] = position
            self._outbox.positions = ()
            self._finish_piece(self._end)
            self._take_piece()
        if self._wants_batches and self._polled:
            self._polls.append(self._polled)
        self._polled = ()
        self._tell()

    def _finish_piece(self, end: End) -> None:
        if end is End.ABORT:
            self._abort()
        if end is not End.NONE:
            self._commit()
            self._tell()
            tell_of_commit(self._task, self._port)

    def _tell(self) -> None:
        """Tell the task of what is committed, or was dropped."""
        if not self._settled:
            return
        told, self._to_tell = self._to_tell, []
        for record, metadata in told:
            tell_of_record(self._task, record, metadata)
        polls, self._polls = self._polls, []
        tell_of_batches(self._task, polls, self._port)

    def _send_part(self, part: Part) -> None:
        if part.batch.topic == self._place.offset_topic:
            raise ConnectError(
                "Source tasks may not produce to their own offsets topics when exactly-once support is enabled"
            )
        self._begin_transaction()
        told = partial(self._acknowledged, part.records) if self._wants_records else None
        self._guarded(self._writer.send, part.batch, told)
        if self._wants_records:
            self._sent.extend(part.records)
        self._records += len(part.batch)
        self._topics.add(part.batch.topic)

    def _acknowledged(
        self, records: Sequence[SourceRecord], index: int, place: TopicPartition, offset: int, timestamp: int
    ) -> None:
        self._to_tell.append((records[index], RecordMetadata(place.topic, place.partition, offset, timestamp)))

    def pause(self) -> None:
        """End the open transaction, if its boundary allows that."""
        self._pausing = True
        self._end_for_pause()

    def _end_for_pause(self) -> None:
        # a poll that was sent in part has no offset yet, and must not be committed without the rest
        if self.busy:
            self._advance()
        if not self.busy:
            self._pausing = False
            self._finish_piece(self._boundary.last())

    def resume(self) -> None:
        """Times begin anew."""
        self._pausing = False
        self._boundary.begin()

    # --- transactions -------------------------------------------------------------------------------------------

    def _begin_transaction(self) -> None:
        if not self._open:
            self._guarded(self._writer.begin)
            self._open = True

    def _send_letters(self, batch: OutgoingBatch) -> None:
        self._begin_transaction()
        self._guarded(self._writer.send, batch)

    def _post(self) -> None:
        """All letters belong to the transaction that is about to be committed."""
        if self.letters is not None:
            self._insist(self.letters.send)

    def _commit(self) -> None:
        """Store offsets with the records before them; whatever fails here fails the task."""
        self._post()
        if self._open or self._positions:
            positions = list(self._positions.values())
            try:
                self._begin_transaction()
                if positions:
                    offsets = self._insist(partial(self._offset_records.batch, positions))
                    self._insist(partial(self._guarded, self._writer.send, offsets))
                self._insist(partial(self._guarded, self._writer.commit, _ANSWER))
            except ConnectError:
                self._commit_failures += 1
                raise
            self._committed(positions)
        self._settled = True

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until there is an answer.

        Raises:
            RetriableError: there is none, and the task is to stop: what is not committed is read again.
        """
        while True:
            try:
                answer = call()
            except RetriableError as error:
                if self._port.wanted == "STOPPED":
                    raise
                self._unanswered.failed(error)
                self._port.wait(min(self._unanswered.pause, _LONGEST_REST))
            else:
                self._unanswered.over()
                return answer

    def _committed(self, positions: Sequence[Position]) -> None:
        self._open = False
        self._positions.clear()
        self._commits += 1
        self._written += self._records
        self._sizes.add(self._records)
        self._records = 0
        self.topics.note(self._topics)
        self._topics = set()
        self._sent.clear()
        if self._place.copies_offsets and positions:
            self._port.copy_offsets(positions)

    def _abort(self) -> None:
        if not self._open:
            _log.warning("Ignoring request by task to abort transaction as the current transaction is empty")
            return
        _log.info("Aborting transaction as requested by connector")
        self._insist(partial(self._guarded, self._writer.abort, _ANSWER))
        self._open = False
        self._records = 0
        self._topics = set()
        # none of them is in the log, however far it had come
        dropped = [record for record, metadata in self._to_tell if metadata is None]
        self._to_tell = [(record, None) for record in (*dropped, *self._sent)]
        self._sent.clear()

    def _guarded(self, call: Callable[..., None], *arguments: object) -> None:
        """Call the writer; its errors are told in the words of the original."""
        try:
            call(*arguments)
        except (RetriableError, FencedError, TooLargeError, BatchTooLargeError):
            raise
        except ExpiredError as error:
            raise ExpiredError(
                f"The task {self._name} was unable to finish writing records to Kafka before its producer transaction "
                "expired. It may be necessary to reconfigure this connector in order for it to run healthily with "
                "exactly-once support. Options for this include: tune the connector's producer configuration for "
                "higher throughput, increase the transaction timeout for the connector's producers, decrease the "
                "offset commit interval (if using interval-based transaction boundaries), or use the 'poll' "
                "transaction boundary (if the connector is not already configured to use it)."
            ) from error
        except ConnectError as error:
            raise TransactionError(f"Failed to flush offsets and/or records for task {self._name}: {error}") from error

    # --- the end ------------------------------------------------------------------------------------------------

    def complete(self) -> None:
        """Commit what is open, if its boundary allows that, and was sent as a whole."""
        # of a poll that was sent in part the rest is read again, and so must the part be
        if not self.busy:
            self._finish_piece(self._boundary.last())

    def abandon(self) -> None:
        """Nothing: what was not committed is undone, and read again."""

    def close(self) -> None:
        """Undo what is open, and close the writer."""
        self._writer.close()

    def counts(self) -> dict[str, float]:
        """Records, commits and transactions."""
        return {
            "source-record-write-total": self._written,
            "source-record-active-count": self._records,
            "offset-commit-total": self._commits,
            "offset-commit-failure-total": self._commit_failures,
            **self._sizes.values(),
            **self.outage.counts(),
        }


class _InTransaction:
    """Delivery of letters: what becomes of them the commit decides."""

    done = True
    failures: Sequence[tuple[int, Exception]] = ()


class _LetterWriter:
    """A writer for letters that are part of the open transaction.

    Args:
        send: sends a batch within the transaction.
    """

    def __init__(self, send: Callable[[OutgoingBatch], None]) -> None:
        self._send = send

    def send(
        self, batch: OutgoingBatch, on_record: Callable[[int, TopicPartition, int, int], None] | None = None
    ) -> _InTransaction:
        assert on_record is None, "nobody asks for the places of letters"
        self._send(batch)
        return _InTransaction()

    def poll(self, timeout: float = 0.0) -> None:
        """Answers come with the commit."""

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - as above
        return True

    def close(self, timeout: float) -> None:
        """The transaction's own writer is closed."""


class _Sizes:
    """How many records transactions have."""

    def __init__(self) -> None:
        self._count = self._sum = self._most = 0
        self._least: int | None = None

    def add(self, records: int) -> None:
        self._count += 1
        self._sum += records
        self._most = max(self._most, records)
        self._least = records if self._least is None else min(self._least, records)

    def values(self) -> dict[str, float]:
        if self._least is None:
            return {}
        return {
            "transaction-size-min": self._least,
            "transaction-size-max": self._most,
            "transaction-size-avg": self._sum / self._count,
        }
