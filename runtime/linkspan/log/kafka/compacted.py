"""A compacted topic of the workers' own: made if it is missing, and checked before it is used (spec/runtime.md 2.1).

Everything here blocks, in slices, so that whoever waits can be told to stop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic  # type: ignore[attr-defined]

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.log.kafka.client import Contact
from linkspan.log.kafka.errors import UNREACHABLE, connect_error, kafka_error, unreachable
from linkspan.log.port import TopicSpec

__all__ = ["CompactedTopic", "Purpose", "StoppedError"]

_log = logging.getLogger("linkspan.log.kafka")

_LOOK: Final = 0.02
_LOOKUP_SECONDS: Final = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_REPORT_EVERY: Final = 10.0
_CANNOT_TELL: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError._UNSUPPORTED_FEATURE,  # noqa: SLF001 - public, documented
    }
)
"""The broker will not say, or not to us; the topic may be there all the same."""
_REGISTRY: Final = "kafkastore."
"""Begins the settings of a schema registry."""
_ABSENT: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID})
_Answer = TypeVar("_Answer")


class StoppedError(Exception):
    """Nobody wants the answer any more; never leaves this package."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a topic is for; see :meth:`linkspan.log.port.Log.table`."""

    key: str
    holds: str
    single_partition: bool = False

    @property
    def cluster(self) -> str:
        """Who reads the topic."""
        return "this schema registry" if self.key.startswith(_REGISTRY) else "this Connect cluster"

    @property
    def file(self) -> str:
        """Where the key stands."""
        return "its file" if self.key.startswith(_REGISTRY) else "the Connect worker configurations"

    @property
    def prefix(self) -> str:
        """Begins the worker's settings of this topic."""
        return self.key.removesuffix("topic")


@dataclass(frozen=True, slots=True)
class CompactedTopic:
    """A topic that is being made ready.

    Attributes:
        admin: client that makes and describes it.
        consumer: client that looks for its partitions.
        contact: what ``admin`` reports.
        spec: as it is to be.
        purpose: as in its messages.
        addresses: where the clients look.
        patience: seconds that a creation may be retried.
        pause: seconds between two attempts.
        stopping: set when nobody wants it any more.
    """

    admin: AdminClient
    consumer: Consumer
    contact: Contact
    spec: TopicSpec
    purpose: Purpose
    addresses: str
    patience: float
    pause: float
    stopping: threading.Event

    def prepare(self) -> int:
        """Make the topic if it is missing, and check it; how many partitions it has.

        Raises:
            ConfigError: it is not fit for its purpose, or cannot be made as it is configured.
            UnreachableError: no broker answers.
            ConnectError: it can be neither made nor found.
            StoppedError: nobody wants it any more.
        """
        if not self._create():
            self._check_policy()
        return self._partitions()

    def _create(self) -> bool:
        """Whether it was made just now."""
        spec = self.spec
        configs = {**spec.configs, "cleanup.policy": "compact"}
        new = NewTopic(
            spec.name, num_partitions=spec.partitions, replication_factor=spec.replication_factor, config=configs
        )
        try:
            self._patiently(lambda: self.admin.create_topics([new], request_timeout=self.patience)[spec.name])
        except KafkaException as error:
            code = kafka_error(error).code()
            if code == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            if code in _CANNOT_TELL:
                _log.info(
                    "This worker cannot create topic %s (%s); going on as if it exists or is created by the broker",
                    spec.name,
                    kafka_error(error).str(),
                )
                return False
            raise self._creation_error(error) from error
        _log.info("Created topic %s for %s", spec.name, self.purpose.holds)
        return True

    def _creation_error(self, error: KafkaException) -> ConnectError:
        inner = kafka_error(error)
        prefix = self.purpose.prefix
        doing = f"Creating topic {self.spec.name} for {self.purpose.holds}"
        said = f"{doing} failed: {inner.str()} ({inner.name()})"
        if inner.code() == KafkaError.INVALID_REPLICATION_FACTOR:
            key = f"{prefix}replication.factor"
            return ConfigError(
                f"{said}. {key} is {self.spec.replication_factor}: set it to the number of brokers at most, or start "
                "more brokers",
                key,
            )
        if inner.code() == KafkaError.INVALID_PARTITIONS:
            return ConfigError(f"{said}. Check {prefix}partitions", f"{prefix}partitions")
        if inner.code() in {KafkaError.INVALID_CONFIG, KafkaError.POLICY_VIOLATION}:
            return ConfigError(f"{said}. Check the settings that begin with {prefix}")
        if inner.code() == KafkaError.TOPIC_EXCEPTION:
            return ConfigError(f"{said}. Check {self.purpose.key}", self.purpose.key)
        if inner.code() in UNREACHABLE:
            return unreachable(inner, self.addresses, self.patience, self.contact.last)
        return connect_error(inner, doing)

    def _check_policy(self) -> None:
        topic, purpose = self.spec.name, self.purpose
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            found = self._patiently(
                lambda: self.admin.describe_configs([resource], request_timeout=self.patience)[resource]
            )
        except KafkaException as error:
            code = kafka_error(error).code()
            if code in _ABSENT:
                return
            if code in _CANNOT_TELL:
                _log.info(
                    "The cleanup policy of topic %s cannot be checked (%s); it has to be compact",
                    topic,
                    kafka_error(error).str(),
                )
                return
            if code in UNREACHABLE:
                raise unreachable(error, self.addresses, self.patience, self.contact.last) from error
            raise connect_error(error, f"Asking for the settings of topic {topic}") from error
        policy = str(found["cleanup.policy"].value) if "cleanup.policy" in found else ""
        if {part.strip() for part in policy.split(",")} != {"compact"}:
            raise ConfigError(
                f"Topic '{topic}' supplied via the '{purpose.key}' property is required to have "
                f"'cleanup.policy=compact' to guarantee consistency and durability of {purpose.holds}, but found the "
                f"topic currently has 'cleanup.policy={policy}'. Continuing would likely result in eventually losing "
                f"{purpose.holds} and problems restarting {purpose.cluster} in the future. Change the '{purpose.key}' "
                f"property in {purpose.file} to use a topic with 'cleanup.policy=compact'.",
                purpose.key,
            )

    def _partitions(self) -> int:
        topic, purpose = self.spec.name, self.purpose
        deadline = time.monotonic() + _LOOKUP_SECONDS
        pause = _FIRST_PAUSE
        while not (count := self._count()):
            if time.monotonic() >= deadline:
                raise ConnectError(
                    f"Could not look up the partitions of topic {topic} ({purpose.key}) within {_LOOKUP_SECONDS:g} s. "
                    "The brokers may be unreachable, its partitions unavailable, or its creation too slow; and if "
                    "this process may not create it, somebody has to: compacted, before it starts"
                )
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        if purpose.single_partition and count != 1:
            raise ConfigError(
                f"Topic '{topic}' supplied via the '{purpose.key}' property is required to have a single partition in "
                f"order to guarantee consistency of {purpose.holds}, but found {count} partitions.",
                purpose.key,
            )
        return count

    def _count(self) -> int:
        topic = self.spec.name
        try:
            found = self.consumer.list_topics(topic, _LONGEST_PAUSE).topics[topic]
        except KafkaException as error:
            problem = connect_error(error, f"Looking for topic {topic}")
        else:
            if found.error is None:
                return len(found.partitions)
            problem = connect_error(found.error, f"Looking for topic {topic}", f"Describe on topic {topic}")
        if not isinstance(problem, RetriableError):
            raise problem
        return 0

    def _patiently(self, ask: Callable[[], Future[_Answer]]) -> _Answer:
        """Ask again while it may help: brokers may be starting."""
        deadline = time.monotonic() + self.patience
        report = 0.0
        while True:
            try:
                return self._answer(ask())
            except KafkaException as error:
                inner = kafka_error(error)
                passes = inner.code() == KafkaError.INVALID_REPLICATION_FACTOR or isinstance(
                    connect_error(error, ""), RetriableError
                )
                now = time.monotonic()
                if not passes or inner.code() in _ABSENT or now + self.pause >= deadline:
                    raise
                if now >= report:
                    _log.warning(
                        "Topic %s for %s is not ready yet: %s. Trying again for %d s",
                        self.spec.name,
                        self.purpose.holds,
                        inner.str(),
                        deadline - now,
                    )
                    report = now + _REPORT_EVERY
            self._sleep(self.pause)

    def _answer(self, asked: Future[_Answer]) -> _Answer:
        while not wait([asked], _LOOK)[0]:
            self.admin.poll(0)
            self.contact.check()
            if self.stopping.is_set():
                raise StoppedError
        return asked.result()

    def _sleep(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise StoppedError
