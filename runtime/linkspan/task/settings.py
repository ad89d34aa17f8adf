"""From texts to what the loops are built with: the keys of worker and connector that concern a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import Bool, Config, Duration, Int, Long, Short, Str, StrList
from linkspan.api.regex import java_regex
from linkspan.config import definition
from linkspan.log.topic_names import what_is_wrong_with
from linkspan.task.acknowledged import FlushTimes
from linkspan.task.boundaries import Boundary, ConnectorBoundary, IntervalBoundary, PollBoundary, Requests
from linkspan.task.dead_letters import DeadLetterConfig
from linkspan.task.sink import SinkSettings
from linkspan.task.spec import TaskSpec
from linkspan.task.tolerance import ErrorPolicy

__all__ = [
    "boundary",
    "converter_settings",
    "dead_letter_config",
    "error_policy",
    "flush_times",
    "sink_settings",
    "with_smaller_requests",
]

_DEFAULT_CONVERTERS: Final = {"header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter"}
_DEAD_LETTER_TOPIC: Final = "errors.deadletterqueue.topic.name"
_SHARE_OF_A_STOP: Final = 0.8
_SMALLER: Final = 8
"""Times smaller each time: the limit of a topic is not told, and is to be found in a few steps."""


class _ErrorKeys(Config):
    retry_timeout = Long("errors.retry.timeout", default=0)
    retry_delay_max = Long("errors.retry.delay.max.ms", default=60_000)
    tolerance = Str("errors.tolerance", default="none")
    log_enable = Bool("errors.log.enable", default=False)
    log_include_messages = Bool("errors.log.include.messages", default=False)


class _DeadLetterKeys(Config):
    topic = Str(_DEAD_LETTER_TOPIC, default="")
    replication_factor = Short("errors.deadletterqueue.topic.replication.factor", default=3)
    context_headers = Bool("errors.deadletterqueue.context.headers.enable", default=False)


class _FlushKeys(Config):
    interval = Duration("offset.flush.interval.ms", default=60_000)
    timeout = Duration("offset.flush.timeout.ms", default=5_000)
    graceful = Duration("task.shutdown.graceful.timeout.ms", default=5_000)

    def stop_timeout(self, waits: int) -> float:
        """Seconds that each of so many waits for the log may take at the end, so that ``stop`` is called in time."""
        return min(self.timeout, self.graceful * _SHARE_OF_A_STOP / waits) / 1000


class _BoundaryKeys(Config):
    kind = Str("transaction.boundary", default="poll")
    interval = Long("transaction.boundary.interval.ms", default=None)


class _TopicKeys(Config):
    topics = StrList(default=())
    topics_regex = Str(default="")


class _ConsumerKeys(Config):
    max_poll_records = Int("max.poll.records", default=500)
    max_poll_interval = Int("max.poll.interval.ms", default=300_000)


def error_policy(connector_config: Mapping[str, str]) -> ErrorPolicy:
    """The ``errors.*`` keys; raises ConfigError naming a bad one."""
    keys = definition.load(_ErrorKeys, connector_config)
    return ErrorPolicy(
        retry_timeout_ms=keys.retry_timeout,
        retry_delay_max_ms=keys.retry_delay_max,
        tolerate_all=keys.tolerance.lower() == "all",
        log_enabled=keys.log_enable,
        log_records=keys.log_include_messages,
    )


def dead_letter_config(connector_config: Mapping[str, str]) -> DeadLetterConfig | None:
    """The dead letter queue of a task; None when it has none.

    Raises:
        ConfigError: no topic can have its name, or another key of it is wrong.
    """
    keys = definition.load(_DeadLetterKeys, connector_config)
    topic = keys.topic.strip()
    if not topic:
        return None
    problem = what_is_wrong_with(topic)
    if problem is not None:
        raise ConfigError(f"{_DEAD_LETTER_TOPIC}: {problem}", _DEAD_LETTER_TOPIC)
    return DeadLetterConfig(topic, keys.replication_factor, keys.context_headers)


def converter_settings(spec: TaskSpec, key: str) -> tuple[str, dict[str, str]]:
    """Class and settings of one converter.

    The connector's class goes with the connector's settings only, the worker's with the worker's only: the two levels
    never mix (spec/runtime.md 4.7).

    Args:
        spec: the task.
        key: ``key.converter``, ``value.converter`` or ``header.converter``.

    Raises:
        ConfigError: nobody says which converter to use.
    """
    level = spec.connector_config if key in spec.connector_config else spec.worker_config
    name = level.get(key) or _DEFAULT_CONVERTERS.get(key)
    if name is None:
        raise ConfigError(f'Missing required configuration "{key}" which has no default value.', key)
    prefix = key + "."
    return name, {name.removeprefix(prefix): value for name, value in level.items() if name.startswith(prefix)}


def flush_times(spec: TaskSpec) -> FlushTimes:
    """When a source task commits its offsets."""
    flush = definition.load(_FlushKeys, spec.worker_config)
    return FlushTimes(
        interval=flush.interval / 1000,
        timeout=flush.timeout / 1000,
        stop_timeout=flush.stop_timeout(waits=1),
    )


def boundary(spec: TaskSpec) -> tuple[Requests | None, Boundary]:
    """Where the transactions of an exactly-once source end, and what its task is given to say so, if it may."""
    keys = definition.load(_BoundaryKeys, spec.connector_config)
    kind = keys.kind.lower()
    if kind == "connector":
        requests = Requests()
        return requests, ConnectorBoundary(requests)
    if kind == "interval":
        interval = keys.interval
        if interval is None:
            interval = definition.load(_FlushKeys, spec.worker_config).interval
        return None, IntervalBoundary(interval / 1000)
    return None, PollBoundary()


def sink_settings(spec: TaskSpec, *, takes_large_batches: bool) -> SinkSettings:
    """Topics, limits and times of a sink loop.

    Args:
        spec: the task.
        takes_large_batches: what the task class says; a ``max.poll.records`` that a user wrote wins over it.

    Raises:
        ConfigError: no topics, or a regular expression that cannot be used.
    """
    flush = definition.load(_FlushKeys, spec.worker_config)
    topics = definition.load(_TopicKeys, {**spec.connector_config, **spec.task_config})
    consumer_settings = spec.client_settings.get("consumer", {})
    consumer = definition.load(_ConsumerKeys, consumer_settings)
    names = [name for name in topics.topics if name.strip()]
    pattern = topics.topics_regex.strip()
    if not names and not pattern:
        raise ConfigError("Must configure one of topics or topics.regex", "topics")
    large = takes_large_batches and "max.poll.records" not in consumer_settings
    return SinkSettings(
        topics=() if pattern else names,
        matches=java_regex(pattern) if pattern else None,
        flush_interval=flush.interval / 1000,
        flush_timeout=flush.timeout / 1000,
        stop_timeout=flush.stop_timeout(waits=2),
        max_poll_records=None if large else consumer.max_poll_records,
        max_poll_interval=consumer.max_poll_interval / 1000,
    )


def with_smaller_requests(spec: TaskSpec, size: int) -> TaskSpec | None:
    """The same task with requests of its producer that are cut smaller than so many bytes; None for what cannot be."""
    if size <= 1:
        return None
    producer = {**spec.client_settings.get("producer", {}), "batch.size": str(max(1, size // _SMALLER))}
    return replace(spec, client_settings={**spec.client_settings, "producer": producer})
