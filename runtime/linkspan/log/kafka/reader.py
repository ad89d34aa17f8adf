"""The group member: batches in columns, positions with few questions, rebalances told to a listener."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_INVALID,
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
)
from confluent_kafka import TopicPartition as Native

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka.client import Contact, opened
from linkspan.log.kafka.errors import END_OF_PARTITION, POLL_EXCEEDED, STUCK, connect_error, fenced, kafka_error
from linkspan.log.kafka.inherited_place import InheritedPlace
from linkspan.log.kafka.settings import translate
from linkspan.log.port import UNREADABLE, DisplacedError, FetchedBatch, FetchedRecord, RebalanceListener, WireHeader

__all__ = ["KafkaReader"]

_log = logging.getLogger("linkspan.log.kafka")

_INTERNAL: Final = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
_TYPES: Final = {TIMESTAMP_CREATE_TIME: "CreateTime", TIMESTAMP_LOG_APPEND_TIME: "LogAppendTime"}
_LOOKUP_TIMEOUT: Final = 5.0
_LOOKUP_RETRY: Final = 1.0
_ASK_RETRY: Final = 0.1
_LEAVE_SLICE: Final = 0.02


class _Columns:
    """Records of one topic; each column is built when it is asked for."""

    __slots__ = (
        "_headers",
        "_keys",
        "_messages",
        "_offsets",
        "_partitions",
        "_positions",
        "_stamps",
        "_values",
        "topic",
    )

    def __init__(self, topic: str, messages: list[Message]) -> None:
        self.topic = topic
        self._messages = messages
        self._values: list[bytes | None] | None = None
        self._keys: list[bytes | None] | None = None
        self._partitions: list[int] | None = None
        self._offsets: list[int] | None = None
        self._stamps: tuple[list[str], list[int]] | None = None
        self._headers: list[Sequence[WireHeader]] | None = None
        self._positions: dict[TopicPartition, int] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def record(self, index: int) -> FetchedRecord:
        message = self._messages[index]
        kind, stamp = message.timestamp()
        return FetchedRecord(
            message.partition(),  # type: ignore[arg-type] # records have one
            _offset(message),
            message.key(),
            message.value(),
            stamp,
            _TYPES.get(kind, "NoTimestampType"),
            self._each_headers()[index],
        )

    @property
    def values(self) -> Sequence[bytes | None]:
        if self._values is None:
            # a method of the type mapped over the list never enters the interpreter's loop
            self._values = list(map(Message.value, self._messages))
        return self._values

    @property
    def keys(self) -> Sequence[bytes | None]:
        if self._keys is None:
            self._keys = list(map(Message.key, self._messages))
        return self._keys

    @property
    def partitions(self) -> Sequence[int]:
        if self._partitions is None:
            self._partitions = list(map(Message.partition, self._messages))  # type: ignore[arg-type] # records have one
        return self._partitions

    @property
    def offsets(self) -> Sequence[int]:
        if self._offsets is None:
            self._offsets = list(map(Message.offset, self._messages))  # type: ignore[arg-type] # records have one
        return self._offsets

    @property
    def timestamps(self) -> Sequence[int]:
        return self._stamped()[1]

    @property
    def timestamp_types(self) -> Sequence[str]:
        return self._stamped()[0]

    def _stamped(self) -> tuple[list[str], list[int]]:
        if self._stamps is None:
            pairs = list(map(Message.timestamp, self._messages))
            self._stamps = [_TYPES.get(kind, "NoTimestampType") for kind, _ in pairs], [stamp for _, stamp in pairs]
        return self._stamps

    @property
    def headers(self) -> Sequence[Sequence[WireHeader]] | None:
        headers = self._each_headers()
        return headers if any(found or found is UNREADABLE for found in headers) else None

    def _each_headers(self) -> list[Sequence[WireHeader]]:
        if self._headers is None:
            self._headers = _headers_of(self._messages)
        return self._headers

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        if self._positions is None:
            # offsets rise within a partition: the last one stays in the dict
            last = dict(zip(self.partitions, self._messages, strict=True))
            self._positions = {
                TopicPartition(self.topic, number): _offset(message) + 1 for number, message in last.items()
            }
        return self._positions


def _headers_of(messages: Iterable[Message]) -> list[Sequence[WireHeader]]:
    found: list[Any] = []
    rest = iter(messages)
    while True:
        try:
            found.extend(map(Message.headers, rest))
        except SystemError:
            # a name that is not UTF-8; asked a second time the library gives a list with holes, which ends the process
            found.append(UNREADABLE)
        else:
            return [() if headers is None else headers for headers in found]


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None, "a record that was read has an offset"
    return offset


def _native(partitions: Iterable[TopicPartition], offset: int = OFFSET_INVALID) -> list[Native]:
    return [Native(topic, number, offset) for topic, number in partitions]


def _ours(partitions: Iterable[Native]) -> list[TopicPartition]:
    return [TopicPartition(native.topic, native.partition) for native in partitions]


class KafkaReader:
    """A member of a consumer group.

    Args:
        settings: as Java's consumer takes them.

    Attributes:
        poll_exceeded: how often the group took this member's partitions away because two polls lay more than
            ``max.poll.interval.ms`` apart; it rejoins by itself.

    Raises:
        ConfigError: a setting that cannot be honoured.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = translate("consumer", settings)
        native = self._settings.native
        self._incremental = (
            native["partition.assignment.strategy"] == "cooperative-sticky" or native["group.protocol"] == "consumer"
        )
        self._lingers = self._settings.java.get("internal.leave.group.on.close", "").lower() == "true"
        self._api_timeout = self._settings.number("default.api.timeout.ms") / 1000
        self._lookup_every = self._settings.number("metadata.max.age.ms") / 1000
        instance = settings.get("group.instance.id")
        self._place = f" as {instance} of group {settings.get('group.id')}" if instance else " from Kafka"
        self._right = f"Read on group {settings.get('group.id')}"
        self._contact = Contact(settings.get("bootstrap.servers", ""))
        callbacks = {"on_commit": self._on_commit, "error_cb": self._contact}
        self._consumer = opened("consumer", Consumer, self._settings, callbacks)
        classic = native["group.protocol"] == "classic"
        self._inherited = InheritedPlace(settings) if instance and classic else None
        self._listener: RebalanceListener | None = None
        self._matches: Callable[[str], bool] | None = None
        self._lookup_at = 0.0
        self._topics: list[str] = []
        self._assigned: set[TopicPartition] = set()
        self._one_topic: str | None = None
        self._known: dict[TopicPartition, int] = {}
        self._starting: dict[TopicPartition, int] | None = None
        self._starting_paused: set[TopicPartition] = set()
        self._commits: list[tuple[frozenset[tuple[str, int, int]], Callable[[Exception | None], None]]] = []
        self._trouble: ConnectError | None = None
        self._removed_since: set[TopicPartition] = set()
        self._closed = False
        self.poll_exceeded = 0

    # -- reading -----------------------------------------------------------------------------------------------------

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, *, matches: Callable[[str], bool] | None = None
    ) -> None:
        """Join the group; see :meth:`linkspan.log.port.Reader.subscribe`."""
        self._listener = listener
        self._matches = matches
        if matches is None:
            self._subscribe(list(topics))
        else:
            self._look_up()

    def poll(self, timeout: float, max_records: int) -> list[FetchedBatch]:
        """Read what is there; see :meth:`linkspan.log.port.Reader.poll`.

        Raises:
            ConnectError: reading cannot go on: the connection is refused, a right is missing, or a position is gone
                and ``auto.offset.reset`` is ``none``.
        """
        self._contact.check()
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        if self._matches is not None and time.monotonic() >= self._lookup_at:
            self._look_up()
        if self._inherited is not None and self._inherited.is_due:
            self._look_at_place(self._inherited)
        messages = self._fetch(timeout, max_records)
        # the library puts its errors among the records
        if any(map(Message.error, messages)):
            messages = self._without_errors(messages)
            if isinstance(self._trouble, DisplacedError):
                messages = []
        if not messages:
            if self._trouble is not None:
                trouble, self._trouble = self._trouble, None
                raise trouble
            return []
        return self._grouped(messages)

    def _fetch(self, timeout: float, max_records: int) -> list[Message]:
        # consume() waits until the list is full or the time is over, so it waits for one record only
        try:
            messages: list[Message] = self._consumer.consume(max_records, 0)
            if messages or timeout <= 0:
                return messages
            messages = self._consumer.consume(1, timeout)
        except KafkaException as error:
            raise connect_error(error, "Reading from Kafka") from error
        return self._with_followers(messages[0], max_records - 1) if messages and max_records > 1 else messages

    def _with_followers(self, first: Message, most: int) -> list[Message]:
        """A record and those that came with it.

        A rebalance may happen inside the second call. When it takes the first record's partition away, the record is
        left to the next owner, since nothing of it was committed; the library itself does so within one call only.
        """
        self._removed_since = set()
        try:
            followers: list[Message] = self._consumer.consume(most, 0)
        except KafkaException as error:
            self._trouble = connect_error(error, "Reading from Kafka")  # for the next poll: this one has a record
            followers = []
        # an error in the place of a record may have no topic
        place = TopicPartition(first.topic() or "", first.partition() or 0)
        return followers if place in self._removed_since else [first, *followers]

    def _grouped(self, messages: list[Message]) -> list[FetchedBatch]:
        if self._one_topic is not None:
            return [_Columns(self._one_topic, messages)]
        names: list[str] = list(map(Message.topic, messages))  # type: ignore[arg-type] # records have one
        if len(set(names)) == 1:
            return [_Columns(names[0], messages)]
        groups: dict[str, list[Message]] = {name: [] for name in names}
        for name, message in zip(names, messages, strict=True):
            groups[name].append(message)
        return [_Columns(name, group) for name, group in groups.items()]

    def _without_errors(self, messages: list[Message]) -> list[Message]:
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(message)
            else:
                self._take_error(message, error)
        return records

    def _take_error(self, message: Message, error: KafkaError) -> None:
        code = error.code()
        if code == END_OF_PARTITION:
            return
        if code == POLL_EXCEEDED:
            self.poll_exceeded += 1
            _log.warning(
                "More than max.poll.interval.ms (%s ms) passed between two polls: the group took the partitions away, "
                "this member rejoins. Raise max.poll.interval.ms or lower max.poll.records.",
                self._settings.java["max.poll.interval.ms"],
            )
        elif code in STUCK or error.fatal():
            topic = message.topic()
            where = self._place if topic is None else f" partition {topic}-{message.partition()}"
            right = self._right if topic is None else f"Read on topic {topic}"
            self._trouble = connect_error(error, f"Reading{where}", right)
        else:
            _log.warning("Reading %s: %s (%s)", message.topic() or "from Kafka", error.str(), error.name())

    # -- topics by pattern -------------------------------------------------------------------------------------------

    def _subscribe(self, topics: list[str]) -> None:
        try:
            self._consumer.subscribe(
                topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        except KafkaException as error:
            raise connect_error(error, "Subscribing") from error
        self._topics = topics

    def _look_up(self) -> None:
        """Subscribe to the topics that match now; a cluster that does not answer is asked again soon."""
        assert self._matches is not None
        try:
            found = self._consumer.list_topics(timeout=_LOOKUP_TIMEOUT).topics
        except KafkaException as error:
            _log.warning("Looking up topics by pattern, trying again: %s", error.args[0])
            self._lookup_at = time.monotonic() + _LOOKUP_RETRY
            return
        self._lookup_at = time.monotonic() + self._lookup_every
        hidden = _INTERNAL if self._settings.java["exclude.internal.topics"].lower() == "true" else frozenset()
        names = sorted(name for name in found if name not in hidden and self._matches(name))
        if names == self._topics:
            return
        _log.info("Topics that match the pattern: %s", ", ".join(names[:20]) + (" …" if len(names) > 20 else ""))
        if names:
            self._subscribe(names)
        else:
            self._topics = []
            self._consumer.unsubscribe()

    # -- a place that was taken over ---------------------------------------------------------------------------------

    def _look_at_place(self, place: InheritedPlace) -> None:
        try:
            known = self._consumer.list_topics(timeout=_LOOKUP_TIMEOUT).topics
        except KafkaException as error:
            _log.warning("Looking up the partitions of topics, trying again: %s", error.args[0])
            place.look_later()
            return
        topics = [known[name] for name in self._topics if name in known]
        wanted = {TopicPartition(at.topic, number) for at in topics for number in at.partitions}
        try:
            fits = place.fits(self._assigned, wanted)
        except ConnectError as error:
            _log.warning("Whether all partitions are read cannot be told: %s", error)
            fits = True
        if fits or (fits is False and self._joined_anew()):
            self._inherited = None

    def _joined_anew(self) -> bool:
        """Leave the group, which begins a round, and join it as a new member; whether there was time for it."""
        _log.info("What was taken over%s is not what is subscribed to now; leaving and joining anew", self._place)
        try:
            self._consumer.unsubscribe()
            left = self._poll_until(lambda: not self._consumer.memberid(), time.monotonic() + _LOOKUP_TIMEOUT)
        except KafkaException as error:
            raise connect_error(error, f"Leaving{self._place}") from error
        if self._topics:  # a pattern may have lost its last one
            self._subscribe(self._topics)
        return left

    # -- rebalances, inside poll and close ---------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, partitions: list[Native]) -> None:
        added = _ours(partitions)
        if self._inherited is not None and self._inherited.refuses(added, self._topics):
            (consumer.incremental_assign if self._incremental else consumer.assign)([])
            return
        self._assigned.update(added)
        self._topic_changed()
        self._starting = {}
        try:
            if self._listener is not None:
                self._listener.on_assigned(added)
        finally:
            starts, self._starting = self._starting, None
            paused, self._starting_paused = self._starting_paused, set()
            where = [Native(tp.topic, tp.partition, starts.get(tp, OFFSET_INVALID)) for tp in added]
            (consumer.incremental_assign if self._incremental else consumer.assign)(where)
            # librdkafka remembers that a partition was paused when it went, and would never read it again
            consumer.resume(where)
            if paused:
                consumer.pause(_native(paused))

    def _on_revoke(self, consumer: Consumer, partitions: list[Native]) -> None:
        self._removed(consumer, partitions, lost=False)

    def _on_lost(self, consumer: Consumer, partitions: list[Native]) -> None:
        self._removed(consumer, partitions, lost=True)

    def _removed(self, consumer: Consumer, partitions: list[Native], *, lost: bool) -> None:
        # what was refused is not among those that were assigned
        gone = [partition for partition in _ours(partitions) if partition in self._assigned]
        self._removed_since.update(gone)
        try:
            if self._listener is not None:
                (self._listener.on_lost if lost else self._listener.on_revoked)(gone)
        finally:
            self._assigned.difference_update(gone)
            self._topic_changed()
            for partition in gone:
                self._known.pop(partition, None)
            if self._incremental:
                consumer.incremental_unassign(_native(gone))
            else:
                consumer.unassign()

    def _topic_changed(self) -> None:
        topics = {partition.topic for partition in self._assigned}
        self._one_topic = topics.pop() if len(topics) == 1 else None

    # -- positions ---------------------------------------------------------------------------------------------------

    def assignment(self) -> frozenset[TopicPartition]:
        """See :meth:`linkspan.log.port.Reader.assignment`."""
        return frozenset(self._assigned)

    def position(self, partition: TopicPartition) -> int:
        """See :meth:`linkspan.log.port.Reader.position`."""
        return self.positions([partition])[partition]

    def positions(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Positions with at most one question to the group's coordinator and one to each leader."""
        found: dict[TopicPartition, int] = {}
        if self._starting is None:
            for native in self._consumer.position(_native(partitions)):
                if native.offset >= 0:
                    found[TopicPartition(native.topic, native.partition)] = native.offset
        for partition in partitions:
            if partition not in found and (known := self._known.get(partition)) is not None:
                found[partition] = known
        missing = [partition for partition in partitions if partition not in found]
        if missing:
            self._ask_until_answered(missing, found)
        return {partition: found[partition] for partition in partitions}

    def _ask_until_answered(self, missing: list[TopicPartition], found: dict[TopicPartition, int]) -> None:
        """Ask again within ``default.api.timeout.ms``, as Java does: a new topic's leader is not known at once."""
        deadline = time.monotonic() + self._api_timeout
        while True:
            try:
                self._ask(missing, found)
            except (KafkaException, RetriableError) as error:
                cause = (
                    connect_error(error, "Asking for positions", self._right)
                    if isinstance(error, KafkaException)
                    else error
                )
                if not isinstance(cause, RetriableError) or time.monotonic() >= deadline:
                    raise cause from error
                time.sleep(_ASK_RETRY)
            else:
                return

    def _ask(self, missing: list[TopicPartition], found: dict[TopicPartition, int]) -> None:
        without: list[TopicPartition] = []
        for native in self._consumer.committed(_native(missing), timeout=self._api_timeout):
            _raise_partition(native, "Asking for the committed offset of")
            partition = TopicPartition(native.topic, native.partition)
            if native.offset >= 0:
                found[partition] = native.offset
            else:
                without.append(partition)
        if without:
            found.update(self._reset(without))
        for partition in missing:
            self._start_at(partition, found[partition])

    def _reset(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        policy = self._settings.native["auto.offset.reset"]
        if policy == "error":
            raise ConnectError(
                f"No offset is committed for {partitions[0]} and auto.offset.reset is none. "
                "Commit an offset, or set auto.offset.reset to earliest or latest."
            )
        which = OFFSET_BEGINNING if policy in {"earliest", "smallest", "beginning"} else OFFSET_END
        # ListOffsets takes these two in the place of a timestamp
        answers = self._consumer.offsets_for_times(_native(partitions, which), timeout=self._api_timeout)
        found = {}
        for native in answers:
            _raise_partition(native, "Asking for the first or last offset of")
            found[TopicPartition(native.topic, native.partition)] = native.offset
        return found

    def _start_at(self, partition: TopicPartition, offset: int) -> None:
        self._known[partition] = offset
        if self._starting is not None:
            self._starting.setdefault(partition, offset)

    def known_ends(self) -> Mapping[TopicPartition, int]:
        """As of the last fetch; see :meth:`linkspan.log.port.Reader.known_ends`."""
        found = {}
        for partition in self._assigned:
            native = Native(partition.topic, partition.partition)
            try:
                _, end = self._consumer.get_watermark_offsets(native, cached=True)
            except KafkaException:  # it was taken away just now
                continue
            if end >= 0:  # else nothing was fetched yet
                found[partition] = end
        return found

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See :meth:`linkspan.log.port.Reader.seek`."""
        self._known[partition] = offset
        if self._starting is not None:
            self._starting[partition] = offset
            return
        try:
            self._consumer.seek(Native(partition.topic, partition.partition, offset))
        except KafkaException as error:
            raise connect_error(error, f"Seeking to offset {offset} of {partition}") from error

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See :meth:`linkspan.log.port.Reader.pause`."""
        if self._starting is not None:
            self._starting_paused.update(partitions)
        self._while_assigned(self._consumer.pause, partitions, "Pausing")

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See :meth:`linkspan.log.port.Reader.resume`."""
        self._starting_paused.difference_update(partitions)
        self._while_assigned(self._consumer.resume, partitions, "Resuming")

    def _while_assigned(
        self, call: Callable[[list[Native]], Any], partitions: Sequence[TopicPartition], doing: str
    ) -> None:
        wanted = [partition for partition in partitions if partition in self._assigned]
        if not wanted:
            return
        try:
            call(_native(wanted))
        except KafkaException as error:
            if self._starting is None:
                raise connect_error(error, f"{doing} {wanted[0]}") from error

    # -- commits -----------------------------------------------------------------------------------------------------

    def commit(
        self, offsets: Mapping[TopicPartition, int], *, callback: Callable[[Exception | None], None] | None = None
    ) -> None:
        """Store offsets in the group; see :meth:`linkspan.log.port.Reader.commit`."""
        natives = [Native(topic, number, offset) for (topic, number), offset in offsets.items()]
        if not natives:
            if callback is not None:
                callback(None)
            return
        if callback is not None:
            self._commit_later(natives, callback)
            return
        try:
            for native in self._consumer.commit(offsets=natives, asynchronous=False):
                _raise_partition(native, "Committing the offset of")
        except KafkaException as error:
            raise connect_error(error, "Committing offsets", self._right) from error

    def _commit_later(self, natives: list[Native], callback: Callable[[Exception | None], None]) -> None:
        entry = (_identity(natives), callback)
        self._commits.append(entry)
        try:
            self._consumer.commit(offsets=natives, asynchronous=True)
        except KafkaException as error:
            self._commits.remove(entry)
            callback(connect_error(error, "Committing offsets", self._right))

    def _on_commit(self, error: KafkaError | None, partitions: list[Native]) -> None:
        identity = _identity(partitions)
        for number, (wanted, callback) in enumerate(self._commits):
            if wanted == identity:
                del self._commits[number]
                callback(_commit_error(error, partitions))
                return

    def close(self, timeout: float = 30.0) -> bool:
        """Leave the group; see :meth:`linkspan.log.port.Reader.close`."""
        if self._closed:
            return True
        self._closed = True
        # the library has no time limit of its own: without a coordinator it waits for the end of the session
        leaving = threading.Thread(target=self._leave, args=(timeout,), name="leaving the group", daemon=True)
        leaving.start()
        leaving.join(timeout)
        if leaving.is_alive():
            _log.warning("The group did not answer within %.1f s and was left without a word", timeout)
        pending, self._commits = self._commits, []
        for _, callback in pending:
            callback(RetriableError("The reader was closed before the commit was answered"))
        return not self._lingers

    def _leave(self, timeout: float) -> None:
        try:
            if self._lingers:
                self._lingers = not self._place_given_up(timeout)
            self._consumer.close()
        except KafkaException as error:
            _log.warning("Leaving the group: %s", error.args[0])

    def _place_given_up(self, timeout: float) -> bool:
        """Leave as a static member too, which the library does when nothing is subscribed but not when it closes."""
        deadline = time.monotonic() + timeout
        try:
            if not self._consumer.memberid():
                if not self._may_be_joining(timeout):
                    return True
                # the broker may be about to let it in
                self._poll_until(lambda: bool(self._consumer.memberid()), deadline)
                if not self._consumer.memberid():
                    return False
            self._consumer.unsubscribe()
            return self._poll_until(lambda: not self._consumer.memberid(), deadline)
        except KafkaException as error:
            if not fenced(kafka_error(error)):
                _log.warning("Giving up the place in the group: %s", error.args[0])
            return True

    def _may_be_joining(self, timeout: float) -> bool:
        """Whether there is something to join for; nobody joins for topics that do not exist."""
        try:
            known = self._consumer.list_topics(timeout=timeout).topics
        except KafkaException:
            return False
        return any(topic in known for topic in self._topics)

    def _poll_until(self, condition: Callable[[], bool], deadline: float) -> bool:
        while not (fulfilled := condition()) and time.monotonic() < deadline:
            self._consumer.poll(_LEAVE_SLICE)
        return fulfilled


def _identity(natives: Iterable[Native]) -> frozenset[tuple[str, int, int]]:
    return frozenset((native.topic, native.partition, native.offset) for native in natives)


def _commit_error(error: KafkaError | None, partitions: list[Native]) -> Exception | None:
    if error is not None:
        return connect_error(error, "Committing offsets")
    for native in partitions:
        if native.error is not None:
            return connect_error(native.error, f"Committing the offset of {native.topic}-{native.partition}")
    return None


def _raise_partition(native: Native, doing: str) -> None:
    if native.error is not None:
        raise connect_error(native.error, f"{doing} {native.topic}-{native.partition}")
