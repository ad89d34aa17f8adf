"""The MQ connectors, under the names of IBM's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import (
    Config,
    ConfigError,
    ExactlyOnceSupport,
    Offset,
    Partition,
    SinkConnector,
    SourceConnector,
)
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig, state_queue
from linkspan_connectors.ibmmq.mqi.binding import missing
from linkspan_connectors.ibmmq.sink import MqSinkTask
from linkspan_connectors.ibmmq.source import MqSourceTask

__all__ = ["MqSinkConnector", "MqSourceConnector"]

_STATE_QUEUE = "mq.exactly.once.state.queue"


class MqSourceConnector(SourceConnector[MqSourceConfig]):
    """From one queue into one topic; the tasks compete for its messages."""

    config_class: ClassVar[type[Config]] = MqSourceConfig
    task_class = MqSourceTask
    version = "3.0.0"
    java_class = "com.ibm.eventstreams.connect.mqsource.MQSourceConnector"

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """The same for every task."""
        return list(super().task_configs(max_tasks)) * max_tasks

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Say what has to be installed, and what is not there yet."""
        return [*_unavailable(), *_exactly_once(config)]

    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:  # noqa: ARG002 - always the same
        """Not yet."""
        return ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(self, config: Mapping[str, str], offsets: Sequence[tuple[Partition, Offset | None]]) -> bool:  # noqa: ARG002 - offsets of IBM's connector may be removed
        """Whatever is stored has no meaning without a state queue."""
        return True


class MqSinkConnector(SinkConnector[MqSinkConfig]):
    """From topics into one queue."""

    config_class: ClassVar[type[Config]] = MqSinkConfig
    task_class = MqSinkTask
    version = "3.0.0"
    java_class = "com.ibm.eventstreams.connect.mqsink.MQSinkConnector"

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """The same for every task; the consumer group shares out the partitions."""
        return list(super().task_configs(max_tasks)) * max_tasks

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Say what has to be installed, and what is not there yet."""
        return [*_unavailable(), *_exactly_once(config)]


def _unavailable() -> Sequence[ConfigError]:
    problem = missing()
    return () if problem is None else (ConfigError(problem, "connector.class"),)


def _exactly_once(config: Config) -> Sequence[ConfigError]:
    if not state_queue(config):
        return ()
    reason = "exactly-once delivery with IBM MQ is not there yet; remove the key for delivery at least once"
    return (ConfigError.invalid(_STATE_QUEUE, state_queue(config), reason),)
