"""Topics and groups of the cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final, TypeVar

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Native
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from linkspan.api.errors import ConflictError, ConnectError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka.client import Contact, opened
from linkspan.log.kafka.errors import connect_error, kafka_error, unreachable
from linkspan.log.kafka.settings import translate
from linkspan.log.kafka.transactions import within_transaction
from linkspan.log.port import TopicDescription, TopicSpec

__all__ = ["KafkaAdmin"]

_HAS_MEMBERS: Final = frozenset(
    {KafkaError.NON_EMPTY_GROUP, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.GROUP_SUBSCRIBED_TO_TOPIC}
)
_NOT_YET: Final = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError._TIMED_OUT,  # noqa: SLF001 - the library's way to name its own errors
    }
)
_PATIENCE: Final = 10.0
_AGAIN: Final = 0.2
_FENCED_AT_ONCE: Final = 8
_LOOK: Final = 0.02
_Answer = TypeVar("_Answer")


class KafkaAdmin:
    """Administration of a cluster.

    Args:
        settings: as Java's admin client takes them.

    Raises:
        ConfigError: a setting that cannot be honoured.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._given = dict(settings)
        self._settings = translate("admin", settings)
        self._timeout = self._settings.number("default.api.timeout.ms") / 1000
        self._addresses = settings.get("bootstrap.servers", "(bootstrap.servers is missing)")
        self._contact = Contact(self._addresses)
        self._client = opened("admin", AdminClient, self._settings, {"error_cb": self._contact})

    def cluster_id(self, timeout: float) -> str | None:
        """Identity of the cluster.

        Raises:
            UnreachableError: nobody answers in time; names the addresses.
            ConnectError: the connection is refused.
        """
        try:
            identity: str | None = self._answer(self._client.describe_cluster(request_timeout=timeout)).cluster_id
        except KafkaException as error:
            raise unreachable(error, self._addresses, timeout, self._contact.last) from error
        return identity

    def _answer(self, asked: Future[_Answer]) -> _Answer:
        """Wait for an answer, or for the news that there will be none because the connection is refused."""
        while not wait([asked], _LOOK)[0]:
            self._client.poll(0)
            self._contact.check()
        return asked.result()

    def topics(self) -> list[str]:
        """Names of all topics."""
        return list(self._metadata("Listing topics").topics)

    def describe_topics(self, names: Sequence[str]) -> dict[str, TopicDescription]:
        """Those of the named topics that exist."""
        # asking for all topics creates none; asking for one by name may
        known = self._metadata("Describing topics").topics
        return {
            name: TopicDescription(name, len(known[name].partitions))
            for name in names
            if name in known and known[name].error is None
        }

    def _metadata(self, doing: str) -> Any:  # noqa: ANN401 - the library has no types
        try:
            # list_topics would wait to its end for a connection that is refused; this is told
            self._answer(self._client.describe_cluster(request_timeout=self._timeout))
            return self._client.list_topics(timeout=self._timeout)
        except KafkaException as error:
            raise connect_error(error, f"{doing} at {self._addresses}") from error

    def create_topic(self, spec: TopicSpec) -> bool:
        """Create a topic; False when it existed already."""
        new = NewTopic(
            spec.name,
            num_partitions=spec.partitions,
            replication_factor=spec.replication_factor,
            config=dict(spec.configs),
        )
        try:
            (future,) = self._client.create_topics([new], request_timeout=self._timeout).values()
            self._answer(future)
        except KafkaException as error:
            if kafka_error(error).code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            right = f"Create on topic {spec.name} (Describe, if it exists)"
            raise connect_error(error, f"Creating topic {spec.name}", right) from error
        return True

    def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Offset after the last record of each partition."""
        if not partitions:
            return {}
        wanted = {Native(topic, number): OffsetSpec.latest() for topic, number in partitions}  # type: ignore[no-untyped-call]
        found = {}
        try:
            for native, future in self._client.list_offsets(wanted, request_timeout=self._timeout).items():
                found[TopicPartition(native.topic, native.partition)] = self._answer(future).offset
        except KafkaException as error:
            raise connect_error(error, "Asking for the end of partitions") from error
        return found

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        """Offsets stored in a consumer group; empty for an unknown group."""
        question = [ConsumerGroupTopicPartitions(group)]
        try:
            self._await_coordinator(group)
            answer = self._only(self._client.list_consumer_group_offsets, question)
        except KafkaException as error:
            if kafka_error(error).code() == KafkaError.GROUP_ID_NOT_FOUND:
                return {}
            raise connect_error(error, f"Reading the offsets of group {group}", f"Describe on group {group}") from error
        return {
            TopicPartition(native.topic, native.partition): native.offset
            for native in answer.topic_partitions
            if native.offset >= 0
        }

    def assigned_partitions(self, group: str) -> frozenset[TopicPartition] | None:
        """What the members of a consumer group read; None while the group is between two assignments.

        Raises:
            ConnectError: the cluster does not say.
        """
        try:
            found = self._only(self._client.describe_consumer_groups, [group])
        except KafkaException as error:
            raise connect_error(error, f"Looking at group {group}", f"Describe on group {group}") from error
        if found.state != ConsumerGroupState.STABLE:
            return None
        return frozenset(
            TopicPartition(native.topic, native.partition)
            for member in found.members
            for native in member.assignment.topic_partitions
        )

    def _await_coordinator(self, group: str) -> None:
        """Wait until the group's broker has taken it up.

        Asked for offsets before, librdkafka crashes (its issue 5040); asked for anything else it says so. The first
        group of a cluster and every move of a partition of the offsets topic bring that about.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                self._only(self._client.describe_consumer_groups, [group], min(_PATIENCE, self._timeout))
            except KafkaException as error:
                if kafka_error(error).code() not in _NOT_YET or time.monotonic() >= deadline:
                    raise
                time.sleep(_AGAIN)
            else:
                return

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Store offsets in a group without members; ConflictError while it has some."""
        if not offsets:
            return
        natives = [Native(topic, number, offset) for (topic, number), offset in offsets.items()]
        doing = f"Altering the offsets of group {group}"
        try:
            answer = self._only(
                self._client.alter_consumer_group_offsets, [ConsumerGroupTopicPartitions(group, natives)]
            )
        except KafkaException as error:
            raise _group_error(error, doing, group, f"Read on group {group}") from error
        for native in answer.topic_partitions:
            if native.error is not None:
                place = f"{native.topic}-{native.partition}"
                topic = native.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
                right = f"Read on topic {native.topic}" if topic else f"Read on group {group}"
                raise _group_error(KafkaException(native.error), f"{doing} for {place}", group, right)

    def delete_group_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> None:
        """Forget offsets of a group without members; ConflictError while it has some."""
        stored = self.group_offsets(group)
        gone = [partition for partition in partitions if partition in stored]
        if not gone:
            return
        kept = {partition: offset for partition, offset in stored.items() if partition not in set(gone)}
        # the library has no OffsetDelete request: the group is deleted and the other offsets are stored again
        self.delete_group(group)
        self._store_again(group, kept)

    def _store_again(self, group: str, kept: Mapping[TopicPartition, int]) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                self.alter_group_offsets(group, kept)
            except RetriableError as error:
                if time.monotonic() >= deadline:
                    raise _lost(group, kept, error) from error
                time.sleep(_AGAIN)
            except ConnectError as error:
                raise _lost(group, kept, error) from error
            else:
                return

    def delete_group(self, group: str) -> None:
        """Forget a group; an unknown one is fine. ConflictError while it has members."""
        try:
            self._only(self._client.delete_consumer_groups, [group])
        except KafkaException as error:
            if kafka_error(error).code() == KafkaError.GROUP_ID_NOT_FOUND:
                return
            raise _group_error(error, f"Deleting group {group}", group, f"Delete on group {group}") from error

    def fence_producers(self, ids: Sequence[str], timeout: float) -> None:
        """Raise the epoch of transactional ids, which ends what older producers have begun.

        The library has no such request; whoever begins to use an id has the same effect.
        """
        settings = translate("producer", {**self._given, "enable.idempotence": "true"})

        def fence(transactional_id: str) -> None:
            # nothing is sent, but the library compares its time limits all the same
            unused = within_transaction(settings)
            more = {**unused, "transactional.id": transactional_id, "error_cb": self._contact}
            try:
                opened("producer", Producer, settings, more).init_transactions(timeout)
            except KafkaException as error:
                right = f"Write and Describe on transactional id {transactional_id}"
                raise connect_error(error, f"Fencing out producers with id {transactional_id}", right) from error

        with ThreadPoolExecutor(_FENCED_AT_ONCE) as pool:
            list(pool.map(fence, ids))

    def _only(
        self, call: Callable[..., dict[Any, Future[_Answer]]], question: list[Any], seconds: float | None = None
    ) -> _Answer:
        (future,) = call(question, request_timeout=seconds or self._timeout).values()
        return self._answer(future)

    def close(self) -> None:
        """Release connections."""
        self._client.poll(0)


def _lost(group: str, kept: Mapping[TopicPartition, int], error: ConnectError) -> ConnectError:
    listed = ", ".join(f"{partition}={offset}" for partition, offset in kept.items())
    return ConnectError(
        f"Group {group} was deleted to forget some of its offsets, but storing the others again failed: "
        f"{error.message}. Alter the group's offsets to these before it reads on: {listed}"
    )


def _group_error(error: KafkaException, doing: str, group: str, right: str) -> ConnectError:
    if kafka_error(error).code() in _HAS_MEMBERS:
        return ConflictError(f"{doing} failed: group {group} still has members. Stop the connector first.")
    return connect_error(error, doing, right)
