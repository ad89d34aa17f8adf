"""What the runtime asks of a log (design section 5). Synchronous; blocking calls say so and take a limit in seconds.

Only :class:`Table` and :class:`ExclusiveWriter` are for the control plane, and so for its event loop.

Positions are offsets of the *next* record. Topic names, keys and values are what the log stores; nothing here knows
about connectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple, Protocol

from linkspan.api.errors import ConnectError, DataError, FencedError
from linkspan.api.records import TopicPartition

__all__ = [
    "UNREADABLE",
    "Admin",
    "BatchTooLargeError",
    "Delivery",
    "DisplacedError",
    "ExclusiveWriter",
    "ExpiredError",
    "FetchedBatch",
    "FetchedRecord",
    "Log",
    "OutgoingBatch",
    "Reader",
    "RebalanceListener",
    "Table",
    "TableRecord",
    "TooLargeError",
    "TopicDescription",
    "TopicSpec",
    "TransactionError",
    "TransactionalWriter",
    "WireHeader",
    "Writer",
]

WireHeader = tuple[str, bytes | None]


class _Unreadable(tuple[WireHeader, ...]):
    """Type of :data:`UNREADABLE`."""

    __slots__ = ()


UNREADABLE: Final = _Unreadable()
"""In place of the headers of a record that has some which cannot be read."""

NO_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({})


class DisplacedError(FencedError):
    """Another member has taken the place of a reader in its group; whose the place is by right, others know."""


class TooLargeError(DataError):
    """The log does not take a record of this size."""

    code = "data.too_large"


class TransactionError(ConnectError):
    """A transaction has failed: nothing of it remains, and its writer is of no more use."""


class BatchTooLargeError(TransactionError):
    """The log does not take what was to be written together; cut smaller, it may.

    Args:
        message: what happened.
        size: bytes that could be written together.
    """

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class ExpiredError(TransactionError):
    """The log has given up a transaction that took too long, as far as one can tell."""


class OutgoingBatch:
    """Records for one topic, in columns of equal length.

    Attributes:
        topic: where they go.
        values: one payload a record.
        keys: one key a record, or None for no keys.
        partitions: one partition a record (None inside: the key decides), or None to let the log choose for all.
        timestamps: milliseconds since the epoch, one a record (None inside: now), or None for now.
        headers: one list a record, or None for no headers.
    """

    __slots__ = ("headers", "keys", "partitions", "timestamps", "topic", "values")

    def __init__(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None = None,
        partitions: Sequence[int | None] | None = None,
        timestamps: Sequence[int | None] | None = None,
        headers: Sequence[Sequence[WireHeader] | None] | None = None,
    ) -> None:
        self.topic = topic
        self.values = values
        self.keys = keys
        self.partitions = partitions
        self.timestamps = timestamps
        self.headers = headers

    def __len__(self) -> int:
        return len(self.values)


class Delivery(Protocol):
    """The fate of one :class:`OutgoingBatch`; updated by :meth:`Writer.poll` and :meth:`Writer.flush`."""

    @property
    def done(self) -> bool:
        """Whether every record of the batch was acknowledged or has failed for good."""
        ...

    @property
    def failures(self) -> Sequence[tuple[int, Exception]]:
        """Index and error of each record that failed for good (known so far)."""
        ...


class Writer(Protocol):
    """Appends batches. Not thread-safe."""

    def send(
        self, batch: OutgoingBatch, on_record: Callable[[int, TopicPartition, int, int], None] | None = None
    ) -> Delivery:
        """Queue a batch; blocks while the buffer is full.

        Args:
            batch: the records.
            on_record: called during poll/flush for each acknowledged record with its index in the batch, partition,
                offset and timestamp; costs time, leave it out if nobody asks.

        Raises:
            RetriableError: the batch was not queued at all, and may be later.
            ConnectError: it can never be written.
        """
        ...

    def poll(self, timeout: float = 0.0) -> None:
        """Take in acknowledgements, waiting at most ``timeout`` seconds for the first."""
        ...

    def flush(self, timeout: float) -> bool:
        """Wait until everything sent is done; False when the time was not enough."""
        ...

    def close(self, timeout: float) -> None:
        """Flush for at most ``timeout`` seconds, then give up what is left."""
        ...


class TransactionalWriter(Protocol):
    """Appends batches in transactions: who reads committed records only sees all of one, or nothing. Not thread-safe.

    All methods raise FencedError once another writer has opened with the same transactional id; this one can then
    write nothing more. After any other ConnectError, unless said otherwise, nothing of the transaction remains and the
    writer is of no more use.
    """

    def open(self, timeout: float) -> None:
        """Take the transactional id over: older writers are fenced, and what they had begun is undone.

        Raises:
            RetriableError: the log did not answer within ``timeout`` seconds; it may be asked again.
        """
        ...

    def begin(self) -> None:
        """Begin a transaction; none is open."""
        ...

    def send(
        self, batch: OutgoingBatch, on_record: Callable[[int, TopicPartition, int, int], None] | None = None
    ) -> None:
        """Queue a batch within the transaction; blocks while the buffer is full.

        Args:
            batch: the records.
            on_record: as in :meth:`Writer.send`, called at the latest when the transaction is committed; only where
                the writer was made for that.

        Raises:
            RetriableError: the batch was not queued at all, and may be later; the transaction goes on.
            TooLargeError: it was not queued, since one of its records is too large for this writer; the transaction
                goes on.
        """
        ...

    def poll(self) -> None:
        """Take in answers; raises the error of what has failed meanwhile."""
        ...

    def commit(self, timeout: float | None = None) -> None:
        """Wait until everything sent is written, and make it visible.

        Args:
            timeout: longest wait in seconds; None for as long as the log does not answer.

        Raises:
            RetriableError: there was no answer in time; it may have happened or not, and may be asked again.
            ExpiredError: the transaction took longer than the log allows.
        """
        ...

    def abort(self, timeout: float | None = None) -> None:
        """Undo the transaction; the writer can begin another one.

        Args:
            timeout: longest wait in seconds; None for as long as the log does not answer.

        Raises:
            RetriableError: there was no answer in time; it may be asked again.
        """
        ...

    def close(self) -> None:
        """Release connections; an open transaction is undone by whoever opens next, or in time."""
        ...


class FetchedRecord(NamedTuple):
    """One record of a :class:`FetchedBatch`; see there."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    timestamp_type: str
    headers: Sequence[WireHeader]


class FetchedBatch(Protocol):
    """Records of one topic, read together, in columns; a column is made when it is asked for and then kept.

    Records of one partition are in the order of their offsets; partitions may be mixed.
    """

    topic: str

    def __len__(self) -> int: ...
    def record(self, index: int) -> FetchedRecord:
        """One record, without making columns: for the few that fail."""
        ...

    @property
    def values(self) -> Sequence[bytes | None]:
        """Payload of each value."""
        ...

    @property
    def keys(self) -> Sequence[bytes | None]:
        """Payload of each key."""
        ...

    @property
    def partitions(self) -> Sequence[int]:
        """Partition of each record."""
        ...

    @property
    def offsets(self) -> Sequence[int]:
        """Offset of each record."""
        ...

    @property
    def timestamps(self) -> Sequence[int]:
        """Milliseconds since the epoch; -1 for none."""
        ...

    @property
    def timestamp_types(self) -> Sequence[str]:
        """``CreateTime``, ``LogAppendTime`` or ``NoTimestampType``."""
        ...

    @property
    def headers(self) -> Sequence[Sequence[WireHeader]] | None:
        """One list a record, or :data:`UNREADABLE` in its place; None when no record has headers."""
        ...

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """For each partition in the batch, the offset after its last record here."""
        ...


class RebalanceListener(Protocol):
    """Told, inside :meth:`Reader.poll`, which partitions come and go."""

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """These were added; positions can be asked and sought."""
        ...

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """These are about to go; offsets can still be committed."""
        ...

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """These are gone already; nothing can be committed."""
        ...


class Reader(Protocol):
    """Member of a consumer group. Not thread-safe."""

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, *, matches: Callable[[str], bool] | None = None
    ) -> None:
        """Join the group for these topics, or for every topic whose name ``matches`` (looked up again regularly)."""
        ...

    def poll(self, timeout: float, max_records: int) -> list[FetchedBatch]:
        """Up to ``max_records`` records, grouped by topic, after waiting at most ``timeout`` seconds for the first.

        Raises:
            DisplacedError: another member has this one's place.
            ConnectError: reading cannot go on.
        """
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions this member reads now."""
        ...

    def position(self, partition: TopicPartition) -> int:
        """Offset of the next record this member reads (asks the log if need be)."""
        ...

    def positions(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The same for many partitions with as few questions as possible."""
        ...

    def known_ends(self) -> Mapping[TopicPartition, int]:
        """Offset after the last record of partitions that are read now, as far as known without asking anybody."""
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from there."""
        ...

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing of these, but stay in the group."""
        ...

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver these again."""
        ...

    def commit(
        self,
        offsets: Mapping[TopicPartition, int],
        *,
        callback: Callable[[Exception | None], None] | None = None,
    ) -> None:
        """Store offsets in the group: blocking without ``callback``, else answered during a later :meth:`poll`.

        Raises:
            RetriableError, ConnectError: (blocking form) they were not stored.
        """
        ...

    def close(self, timeout: float = 30.0) -> bool:
        """Leave the group; the listener's ``on_revoked`` is called for what is still assigned.

        Args:
            timeout: longest wait, in seconds, for a group that does not answer; it finds out by itself later.

        Returns:
            False when the group may keep the place of this member for somebody who takes it over.
        """
        ...


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to create; -1 means the log's own default."""

    name: str
    partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] = field(default_factory=dict)


class TopicDescription(NamedTuple):
    """A topic that exists."""

    name: str
    partitions: int


class Admin(Protocol):
    """Looks after topics and groups. Every call blocks; raises RetriableError or ConnectError."""

    def cluster_id(self, timeout: float) -> str | None:
        """Identity of the log; raises UnreachableError naming the addresses when nobody answers in time."""
        ...

    def topics(self) -> list[str]:
        """Names of all topics."""
        ...

    def describe_topics(self, names: Sequence[str]) -> dict[str, TopicDescription]:
        """Those of the named topics that exist."""
        ...

    def create_topic(self, spec: TopicSpec) -> bool:
        """Create a topic; False when it existed already."""
        ...

    def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Offset after the last record of each partition."""
        ...

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        """Offsets stored in a consumer group; empty for an unknown group."""
        ...

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Store offsets in a group without members.

        Raises:
            ConflictError: the group still has members.
        """
        ...

    def delete_group_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> None:
        """Forget offsets of a group without members for these partitions; raises ConflictError as above."""
        ...

    def delete_group(self, group: str) -> None:
        """Forget a group; an unknown one is fine. Raises ConflictError while it has members."""
        ...

    def fence_producers(self, ids: Sequence[str], timeout: float) -> None:
        """Make it impossible for older producers with these transactional ids to write anything (KIP-618)."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class TableRecord(NamedTuple):
    """One record of a table; ``timestamp`` in milliseconds since the epoch."""

    key: bytes | None
    value: bytes | None
    partition: int
    offset: int
    timestamp: int


class Table(Protocol):
    """A compacted topic, read from its beginning and then for as long as it is open (spec/runtime.md 2.1).

    All methods are called on one event loop, and so is what they call back.
    """

    async def open(self, take: Callable[[Sequence[TableRecord]], None]) -> None:
        """Create the topic if it is missing, check it, read it to its end, and go on reading.

        Args:
            take: gets every record, in the order of its partition; those that are in the topic now before this returns.

        Raises:
            ConfigError: the topic is not fit for this: it is not compacted, or has too many partitions.
            UnreachableError, ConnectError: it can be neither made nor read.
        """
        ...

    async def read_to_end(self, seconds: float) -> None:
        """Return when everything that is in the topic now, own writes included, was taken.

        Raises:
            RetriableError: that was not so within ``seconds``.
        """
        ...

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        """Append keys with values (None: forget the key) in this order; returns when all brokers in sync have them.

        Raises:
            RetriableError: not all were acknowledged within ``seconds``; some may have been written.
            ConnectError: they can never be written.
        """
        ...

    async def close(self) -> None:
        """Stop reading; what was not acknowledged is given up."""
        ...


class ExclusiveWriter(Protocol):
    """Writes to a topic as long as nobody else has claimed that; each write is one transaction.

    All methods are called on one event loop.
    """

    async def claim(self, seconds: float) -> None:
        """Take over: whoever claimed before can write nothing more.

        Raises:
            RetriableError: the log did not answer within ``seconds``.
            ConnectError: it refuses.
        """
        ...

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        """Append keys with values (None: forget the key) in this order, all of them or none.

        Raises:
            ConnectError: it was not claimed, somebody else has claimed it, or it is not known to have been written; it
                has to be claimed again.
        """
        ...

    @property
    def claimed(self) -> bool:
        """Whether a write has a chance, as far as known."""
        ...

    async def release(self) -> None:
        """Write nothing more, until it is claimed again."""
        ...


class Log(Protocol):
    """Opens clients. Settings are written as Java's clients take them; values are texts.

    Implementations: ``linkspan.log.kafka.KafkaLog()`` and ``linkspan.log.embedded.EmbeddedLog(path)``; both are small,
    picklable, and connect to nothing before a client is opened.
    """

    preload: ClassVar[tuple[str, ...]]
    """Modules to import once in the process that task processes are forked from."""

    def writer(self, settings: Mapping[str, str]) -> Writer:
        """Open a writer with a producer's settings."""
        ...

    def transactional_writer(
        self, settings: Mapping[str, str], transactional_id: str, *, reports_records: bool = False
    ) -> TransactionalWriter:
        """Make a writer with a producer's settings; it connects when it is opened.

        Args:
            settings: of the producer; what contradicts transactions gives way.
            transactional_id: of all writers with the same id one can write at a time, the last that was opened.
            reports_records: whether ``on_record`` is going to be used.
        """
        ...

    def reader(self, settings: Mapping[str, str]) -> Reader:
        """Open a reader with a consumer's settings; ``group.id`` is among them."""
        ...

    def admin(self, settings: Mapping[str, str]) -> Admin:
        """Open an admin client with its settings."""
        ...

    def table(
        self,
        settings: Mapping[str, str],
        spec: TopicSpec,
        *,
        key: str,
        holds: str,
        client_id: str,
        single_partition: bool = False,
        read_committed: bool = False,
        clients: Mapping[str, Mapping[str, str]] = NO_SETTINGS,
    ) -> Table:
        """Prepare a table; nothing is connected to before :meth:`Table.open`.

        Args:
            settings: of all its clients, such as a worker's properties; those that clients know count.
            spec: the topic, as it is made if it is missing; it is always made compacted.
            key: worker setting that names the topic, for messages: ``config.storage.topic``.
            holds: what the topic is for, in plural: ``connector configurations``.
            client_id: name of the clients.
            single_partition: refuse a topic that has more than one.
            read_committed: leave out what a transaction has not committed.
            clients: settings of its ``producer``, ``consumer`` and ``admin`` that win over ``settings``.

        Raises:
            ConfigError: a setting cannot be honoured.
            UnsupportedError: this log is for one worker alone.
        """
        ...

    def exclusive_writer(
        self, settings: Mapping[str, str], topic: str, *, transactional_id: str, client_id: str
    ) -> ExclusiveWriter:
        """Make a writer to a topic; nothing is connected to before :meth:`ExclusiveWriter.claim`.

        Args:
            settings: top-level properties of the worker; those that a producer knows count.
            topic: where it writes.
            transactional_id: shared by all that compete.
            client_id: name of its client.

        Raises:
            UnsupportedError: this log is for one worker alone.
        """
        ...
