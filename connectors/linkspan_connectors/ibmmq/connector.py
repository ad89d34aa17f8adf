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
    TopicPartition,
)
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig
from linkspan_connectors.ibmmq.mqi.binding import missing
from linkspan_connectors.ibmmq.sink import MqSinkTask, state_of
from linkspan_connectors.ibmmq.source import SEQUENCE, SOURCE, MqSourceTask

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

    def validate(self, config: Config) -> Sequence[ConfigError]:  # noqa: ARG002 - keys are checked by themselves
        """Say what has to be installed."""
        return _unavailable()

    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:
        """With a state queue and one task."""
        one_task = (config.get("tasks.max") or "1").strip() == "1"
        return ExactlyOnceSupport.SUPPORTED if _has_state(config) and one_task else ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(self, config: Mapping[str, str], offsets: Sequence[tuple[Partition, Offset | None]]) -> bool:  # noqa: ARG002 - queues are not looked at
        """Take numbers of batches; the state queue has to be empty when they are changed."""
        for partition, offset in offsets:
            if SOURCE not in partition:
                raise ConfigError(f"Partition objects should contain the key '{SOURCE}'")
            number = 0 if offset is None else offset.get(SEQUENCE)
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise ConfigError(f"The value for the '{SEQUENCE}' key in the offset should be a number of at least 0")
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

    def validate(self, config: Config) -> Sequence[ConfigError]:  # noqa: ARG002 - keys are checked by themselves
        """Say what has to be installed."""
        return _unavailable()

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int] | None:
        """Offsets of the state queue; None without one."""
        if not _has_state(config):
            return None
        with state_of(config) as state:
            return {_place(name): offset + 1 for name, offset in state.look().items()}

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Set the offsets of the state queue; without one they are the consumer group's only."""
        if _has_state(config):
            with state_of(config) as state:
                state.advance(offsets, only_forward=False)
        return True


def _has_state(config: Mapping[str, str]) -> bool:
    return bool((config.get(_STATE_QUEUE) or "").strip())


def _place(name: str) -> TopicPartition:
    topic, _, partition = name.rpartition("-")
    return TopicPartition(topic, int(partition))


def _unavailable() -> Sequence[ConfigError]:
    problem = missing()
    return () if problem is None else (ConfigError(problem, "connector.class"),)
