"""Looks after topics and consumer groups of the embedded log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from linkspan.api.errors import ConflictError, ConnectError
from linkspan.api.records import TopicPartition
from linkspan.log.embedded.groups import live_members
from linkspan.log.embedded.store import Store
from linkspan.log.port import TopicDescription, TopicSpec

__all__ = ["EmbeddedAdmin"]


class EmbeddedAdmin:
    """The admin client of the embedded log.

    Args:
        folder: folder of the log.
    """

    def __init__(self, folder: str) -> None:
        self._store = Store(folder)

    def cluster_id(self, timeout: float) -> str | None:  # noqa: ARG002 - the answer is in the file
        """Identity that the file got when it was made."""
        row = self._store.row("SELECT value FROM meta WHERE name = 'cluster'")
        return None if row is None else str(row[0])

    def topics(self) -> list[str]:
        """Names of all topics."""
        return [name for (name,) in self._store.rows("SELECT name FROM topics ORDER BY name")]

    def describe_topics(self, names: Sequence[str]) -> dict[str, TopicDescription]:
        """Those of the named topics that exist."""
        found = {name: self._store.topic(name) for name in names}
        return {name: TopicDescription(name, item[1]) for name, item in found.items() if item is not None}

    def create_topic(self, spec: TopicSpec) -> bool:
        """Create a topic; its replication factor and configuration mean nothing here."""
        if spec.partitions == 0 or spec.partitions < -1:
            raise ConnectError(f"Topic {spec.name} cannot have {spec.partitions} partitions")
        with self._store.transaction():
            if self._store.topic(spec.name) is not None:
                return False
            self._store.create_topic(spec.name, max(spec.partitions, 1))
            return True

    def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Offset after the last record of each partition."""
        return {place: self._end(place) for place in partitions}

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        """Offsets stored in a group."""
        rows = self._store.rows("SELECT topic, partition, position FROM offsets WHERE consumers = ?", group)
        return {TopicPartition(topic, partition): position for topic, partition, position in rows}

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Store offsets in a group without members."""
        with self._store.transaction():
            self._refuse_members(group)
            for place, position in offsets.items():
                self._end(place)
                self._store.rows(
                    "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?)", group, place.topic, place.partition, position
                )

    def delete_group_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> None:
        """Forget offsets of a group without members for these partitions."""
        with self._store.transaction():
            self._refuse_members(group)
            for place in partitions:
                self._store.rows(
                    "DELETE FROM offsets WHERE consumers = ? AND topic = ? AND partition = ?",
                    group,
                    place.topic,
                    place.partition,
                )

    def delete_group(self, group: str) -> None:
        """Forget a group without members."""
        with self._store.transaction():
            self._refuse_members(group)
            self._store.rows("DELETE FROM offsets WHERE consumers = ?", group)

    def fence_producers(self, ids: Sequence[str], timeout: float) -> None:  # noqa: ARG002 - nobody has to answer
        """Take the ids over."""
        with self._store.transaction():
            for transactional_id in ids:
                self._store.raise_epoch(transactional_id)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _refuse_members(self, group: str) -> None:
        members = live_members(self._store, group)
        if members:
            raise ConflictError(f"Group {group} still has {len(members)} members")

    def _end(self, place: TopicPartition) -> int:
        topic = self._store.topic(place.topic)
        if topic is None or not 0 <= place.partition < topic[1]:
            raise ConnectError(f"There is no partition {place} in the embedded log")
        return self._store.end(topic[0], place.partition)
