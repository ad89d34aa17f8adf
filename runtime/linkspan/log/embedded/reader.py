"""Reads batches as a member of a consumer group."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Final

from linkspan.api.errors import ConnectError, CorruptStateError, RetriableError
from linkspan.api.records import CREATE_TIME, TopicPartition
from linkspan.log.embedded.groups import GroupMember
from linkspan.log.embedded.packing import Columns, unpack
from linkspan.log.embedded.store import Store
from linkspan.log.port import FetchedBatch, FetchedRecord, RebalanceListener, WireHeader

__all__ = ["EmbeddedReader"]

log = logging.getLogger(__name__)

_SHORTEST_NAP_SECONDS: Final = 0.002
_LONGEST_NAP_SECONDS: Final = 0.2
_DEFAULT_POLL_INTERVAL_MS: Final = 300_000
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Stored bytes after which a poll takes no further batch."""


class _Slice:
    """Some neighbouring records of one stored batch; ``size`` is their share of its bytes."""

    __slots__ = ("begin", "columns", "end", "first", "place", "size")

    def __init__(self, place: TopicPartition, columns: Columns, first: int, begin: int, end: int) -> None:
        self.place = place
        self.columns = columns
        self.first = first
        self.begin = begin
        self.end = end
        self.size = columns.size * (end - begin) // max(columns.count, 1)


class _Fetched:
    """Slices of one topic, presented as columns."""

    def __init__(self, topic: str, slices: Sequence[_Slice]) -> None:
        self.topic = topic
        self._slices = slices

    def __len__(self) -> int:
        return sum(item.end - item.begin for item in self._slices)

    def record(self, index: int) -> FetchedRecord:
        return FetchedRecord(
            self.partitions[index],
            self.offsets[index],
            self.keys[index],
            self.values[index],
            self.timestamps[index],
            CREATE_TIME,
            () if self.headers is None else self.headers[index],
        )

    @cached_property
    def values(self) -> Sequence[bytes | None]:
        return list(chain.from_iterable(item.columns.values[item.begin : item.end] for item in self._slices))

    @cached_property
    def keys(self) -> Sequence[bytes | None]:
        return list(chain.from_iterable(item.columns.keys[item.begin : item.end] for item in self._slices))

    @cached_property
    def partitions(self) -> Sequence[int]:
        return [item.place.partition for item in self._slices for _ in range(item.begin, item.end)]

    @cached_property
    def offsets(self) -> Sequence[int]:
        return [item.first + index for item in self._slices for index in range(item.begin, item.end)]

    @cached_property
    def timestamps(self) -> Sequence[int]:
        return list(chain.from_iterable(item.columns.timestamps[item.begin : item.end] for item in self._slices))

    @cached_property
    def timestamp_types(self) -> Sequence[str]:
        return [CREATE_TIME] * len(self)

    @cached_property
    def headers(self) -> Sequence[Sequence[WireHeader]] | None:
        if all(item.columns.headers is None for item in self._slices):
            return None
        found: list[Sequence[WireHeader]] = []
        for item in self._slices:
            headers = item.columns.headers
            found += [()] * (item.end - item.begin) if headers is None else headers[item.begin : item.end]
        return found

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        return {item.place: item.first + item.end for item in self._slices}


class EmbeddedReader:
    """The reader of the embedded log.

    Args:
        folder: folder of the log.
        settings: ``group.id``; ``auto.offset.reset`` (latest); ``max.poll.interval.ms`` (300000).
    """

    def __init__(self, folder: str, settings: Mapping[str, str]) -> None:
        self._store = Store(folder)
        self._group = settings["group.id"]
        self._reset = settings.get("auto.offset.reset", "latest")
        patience = int(settings.get("max.poll.interval.ms", _DEFAULT_POLL_INTERVAL_MS)) / 1000
        self._member = GroupMember(self._store, self._group, patience)
        self._wanted: list[str] = []
        self._matches: Callable[[str], bool] | None = None
        self._listener: RebalanceListener | None = None
        self._topics: dict[str, int] = {}
        self._topics_at: object = None
        self._ends: dict[TopicPartition, int] = {}
        self._ends_at: int | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._cache: dict[TopicPartition, tuple[int, Columns]] = {}
        self._generation: int | None = None
        self._looked_in = 0.0
        self._answers: list[tuple[Callable[[Exception | None], None], Exception | None]] = []

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, *, matches: Callable[[str], bool] | None = None
    ) -> None:
        """Join the group with the next poll; topics that do not exist yet are read as soon as they do."""
        self._wanted = list(topics)
        self._matches = matches
        self._listener = listener
        self._topics_at = None

    def poll(self, timeout: float, max_records: int) -> list[FetchedBatch]:
        """Records after waiting at most ``timeout`` seconds; takes part in the group on the way."""
        deadline = time.monotonic() + timeout
        nap = _SHORTEST_NAP_SECONDS
        while True:
            self._answer()
            self._take_part()
            seen = self._store.changes()
            fetched = self._fetch(max_records)
            if fetched:
                return fetched
            while time.monotonic() < deadline:
                time.sleep(min(nap, max(deadline - time.monotonic(), 0)))
                nap = min(nap * 2, _LONGEST_NAP_SECONDS)
                if self._store.changes() != seen or self._look_in_due():
                    break
            else:
                return []

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions this member reads now."""
        return frozenset(self._positions)

    def position(self, partition: TopicPartition) -> int:
        """Offset of the next record."""
        if partition not in self._positions:
            raise ConnectError(f"{partition} is not assigned to this reader of group {self._group}")
        return self._positions[partition]

    def positions(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Offsets of the next records."""
        return {partition: self.position(partition) for partition in partitions}

    def known_ends(self) -> Mapping[TopicPartition, int]:
        """Ends of the partitions read now, as of the last poll."""
        return {place: end for place, end in self._ends.items() if place in self._positions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from there; behind the end, the next poll does what ``auto.offset.reset`` says."""
        self.position(partition)
        if offset < 0:
            raise ConnectError(f"Cannot seek to offset {offset} of {partition}: offsets begin at 0")
        self._positions[partition] = offset

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing of these."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver these again."""
        self._paused.difference_update(partitions)

    def commit(
        self, offsets: Mapping[TopicPartition, int], *, callback: Callable[[Exception | None], None] | None = None
    ) -> None:
        """Store offsets in the group, at once in any case; a callback is answered by the next poll."""
        problem: Exception | None = None
        try:
            self._commit(offsets)
        except (ConnectError, RetriableError) as error:
            if callback is None:
                raise
            problem = error
        if callback is not None:
            self._answers.append((callback, problem))

    def close(self, timeout: float = 30.0) -> bool:  # noqa: ARG002 - there is nothing to wait for
        """Give up everything and leave the group."""
        if self._positions and self._listener is not None:
            self._listener.on_revoked(sorted(self._positions))
        self._forget()
        self._answer()
        try:
            self._member.leave()
        finally:
            self._store.close()
        return True

    def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        with self._store.transaction():
            if not self._member.present or not offsets.keys() <= self._positions.keys():
                raise RetriableError(
                    f"Offsets of group {self._group} were not stored: this member no longer owns these partitions"
                )
            for place, position in offsets.items():
                self._store.rows(
                    "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?)",
                    *(self._group, place.topic, place.partition, position),
                )

    def _answer(self) -> None:
        answers, self._answers = self._answers, []
        for callback, problem in answers:
            callback(problem)

    # --- the group ----------------------------------------------------------------------------------------------

    def _look_in_due(self) -> bool:
        return time.monotonic() - self._looked_in >= self._member.tick

    def _take_part(self) -> None:
        if self._listener is None:
            return
        if self._look_in_due():
            self._looked_in = time.monotonic()
            self._refresh_topics()
            if self._generation is not None and not self._member.present:
                self._lose()
            if self._generation is None:
                self._member.join(list(self._topics))
                self._generation = -1
            self._member.look_in()
        generation = self._member.current()
        if generation != self._generation:
            self._rebalance(generation)

    def _refresh_topics(self) -> None:
        """See which wanted topics exist, and with how many partitions; a change means joining anew."""
        stamp = self._store.row("SELECT max(id), total(partitions) FROM topics")
        if stamp == self._topics_at:
            return
        rows = self._store.rows("SELECT name, partitions FROM topics")
        matches, wanted = self._matches, set(self._wanted)
        found = {name: count for name, count in rows if name in wanted or (matches is not None and matches(name))}
        if found != self._topics and self._generation is not None and self._member.present:
            self._member.join(list(found))
        self._topics, self._topics_at = found, stamp

    def _lose(self) -> None:
        """The others went on without us: what we held belongs to somebody else already."""
        assert self._listener is not None
        lost = sorted(self._positions)
        self._forget()
        self._generation = None
        if lost:
            self._listener.on_lost(lost)

    def _rebalance(self, generation: int) -> None:
        assert self._listener is not None
        if self._positions:
            self._listener.on_revoked(sorted(self._positions))
            self._forget()
        self._member.declare_ready(generation)
        share = self._member.assignment(generation)
        if share is None:
            return
        self._positions = {place: self._start(place) for place in share}
        self._generation = generation
        self._ends_at = None
        self._listener.on_assigned(share)

    def _forget(self) -> None:
        self._positions.clear()
        self._paused.clear()
        self._cache.clear()

    def _start(self, place: TopicPartition) -> int:
        row = self._store.row(
            "SELECT position FROM offsets WHERE consumers = ? AND topic = ? AND partition = ?",
            *(self._group, place.topic, place.partition),
        )
        if row is not None:
            return int(row[0])
        if self._reset == "none":
            raise ConnectError(f"Group {self._group} has no offset for {place}, and auto.offset.reset is none")
        return self._where_reset_says(place)

    def _where_reset_says(self, place: TopicPartition) -> int:
        topic = self._store.topic(place.topic)
        assert topic is not None
        return 0 if self._reset == "earliest" else self._store.end(topic[0], place.partition)

    # --- records ------------------------------------------------------------------------------------------------

    def _fetch(self, max_records: int) -> list[FetchedBatch]:
        left, room = max_records, _MOST_BYTES
        slices: list[_Slice] = []
        ends = self._known_ends()
        for place in list(self._positions):
            if place not in self._paused:
                found = self._following(place, ends.get(place, 0), left, room)
                slices += found
                left -= sum(part.end - part.begin for part in found)
                room -= sum(part.size for part in found)
        # Only now: what is read so far must not count as delivered when reading on fails.
        self._positions.update((part.place, part.first + part.end) for part in slices)
        self._rotate()
        by_topic: dict[str, list[_Slice]] = {}
        for part in slices:
            by_topic.setdefault(part.place.topic, []).append(part)
        return [_Fetched(topic, parts) for topic, parts in by_topic.items()]

    def _following(self, place: TopicPartition, end: int, left: int, room: int) -> list[_Slice]:
        """The next records of a partition, at most ``left``, from stored batches until they exceed ``room`` bytes."""
        slices: list[_Slice] = []
        position = self._positions[place]
        if position > end:
            position = self._reset_position(place, end)
        while left > 0 and room > 0 and position < end:
            begun = place in self._cache
            part = self._next(place, position, left)
            slices.append(part)
            position = part.first + part.end
            left -= part.end - part.begin
            room -= part.size
            if begun:
                break  # the next stored batch would keep this partition first for ever
        return slices

    def _known_ends(self) -> dict[TopicPartition, int]:
        """End of every partition of the assigned topics; asked for again only when something was written."""
        changes = self._store.changes()
        if changes != self._ends_at:
            rows = self._store.rows(
                "SELECT t.name, e.partition, e.next FROM json_each(?) AS wanted "
                "JOIN topics AS t ON t.name = wanted.value JOIN ends AS e ON e.topic = t.id",
                json.dumps(sorted({place.topic for place in self._positions})),
            )
            self._ends = {TopicPartition(name, partition): following for name, partition, following in rows}
            self._ends_at = changes
        return self._ends

    def _reset_position(self, place: TopicPartition, end: int) -> int:
        """There is nothing at a position behind the end, so Kafka's consumer does what its settings say."""
        outside = f"Offset {self._positions[place]} of {place} is behind the end ({end})"
        if self._reset == "none":
            raise ConnectError(f"{outside}, and auto.offset.reset is none")
        self._positions[place] = self._where_reset_says(place)
        log.info("%s: group %s goes on from offset %s", outside, self._group, self._positions[place])
        return self._positions[place]

    def _rotate(self) -> None:
        """Let another partition be the first one next time, so that none starves.

        A partition whose stored batch was delivered in part stays first, so that few unpacked batches are kept.
        """
        first = next(iter(self._positions), None)
        if first is not None and (first not in self._cache or first in self._paused):
            self._positions[first] = self._positions.pop(first)

    def _next(self, place: TopicPartition, position: int, most: int) -> _Slice:
        first, columns = self._cache.pop(place, (0, None))
        if columns is None or not first <= position < first + columns.count:
            first, columns = self._load(place, position)
        begin = position - first
        end = min(columns.count, begin + most)
        if end < columns.count:
            self._cache[place] = first, columns
        return _Slice(place, columns, first, begin, end)

    def _load(self, place: TopicPartition, position: int) -> tuple[int, Columns]:
        row = self._store.row(
            "SELECT b.last, b.count, b.data FROM batches b JOIN topics t ON t.id = b.topic "
            "WHERE t.name = ? AND b.partition = ? AND b.last >= ? ORDER BY b.last LIMIT 1",
            *(place.topic, place.partition, position),
        )
        first = position + 1 if row is None else row[0] - row[1] + 1
        if row is None or first > position:
            raise CorruptStateError(
                f"{self._store.path} is damaged: the record at {place} offset {position} is missing; "
                "nothing was changed"
            )
        _, count, data = row
        return first, unpack(data, count, f"{self._store.path}: the batch at {place} from offset {first}")
