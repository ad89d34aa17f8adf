"""The MQ connectors, under the names of IBM's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from linkspan.api import (
    Config,
    ConfigError,
    ConflictError,
    ExactlyOnceSupport,
    Offset,
    Partition,
    SinkConnector,
    SourceConnector,
    TopicPartition,
)
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig, state_queue
from linkspan_connectors.ibmmq.message_builders import check_message_builder
from linkspan_connectors.ibmmq.mqi.binding import missing
from linkspan_connectors.ibmmq.record_builders import check_record_builder
from linkspan_connectors.ibmmq.sink import MqSinkTask
from linkspan_connectors.ibmmq.sink_state import SinkState
from linkspan_connectors.ibmmq.source import SEQUENCE, SOURCE, MqSourceTask
from linkspan_connectors.ibmmq.state_queue import VISITOR, StateQueue
from linkspan_connectors.ibmmq.visit import visit
from linkspan_connectors.ibmmq.writer import QueueWriter

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
        """Say what has to be installed, and whether there is the builder."""
        return [*_unavailable(), *_of_builder(check_record_builder, str(config.values["mq.record.builder"]))]

    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:
        """With a state queue and one task."""
        one_task = (config.get("tasks.max") or "1").strip() == "1"
        return ExactlyOnceSupport.SUPPORTED if _has_state(config) and one_task else ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(
        self,
        config: Mapping[str, str],  # noqa: ARG002 - the attribute is this one, parsed
        offsets: Sequence[tuple[Partition, Offset | None]],
    ) -> bool:
        """Take numbers of batches; with a state queue, only while no batch is in flight."""
        for partition, offset in offsets:
            if SOURCE not in partition:
                raise ConfigError(f"Partition objects should contain the key '{SOURCE}'")
            number = 0 if offset is None else offset.get(SEQUENCE)
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise ConfigError(f"The value for the '{SEQUENCE}' key in the offset should be a number of at least 0")
        if state_queue(self.config):
            _refuse_in_flight(self.config)
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
        """Say what has to be installed, and whether there is the builder."""
        builder, converter = (config.values[f"mq.message.builder{key}"] for key in ("", ".value.converter"))
        return [*_unavailable(), *_of_builder(check_message_builder, str(builder), converter)]

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int] | None:  # noqa: ARG002 - as above
        """Offsets of the state queue; None without one."""
        if not state_queue(self.config):
            return None
        with _sink_state(self.config) as state:
            return {_place(name): offset + 1 for name, offset in state.look().items()}

    def alter_offsets(
        self,
        config: Mapping[str, str],  # noqa: ARG002 - as above
        offsets: Mapping[TopicPartition, int | None],
    ) -> bool:
        """Set the offsets of the state queue; without one they are the consumer group's only."""
        if state_queue(self.config):
            with _sink_state(self.config) as state:
                state.advance(offsets, only_forward=False)
        return True


def _refuse_in_flight(config: MqSourceConfig) -> None:
    """Raises ConflictError when a batch is in flight: by the offset it is known whether the log has it."""
    with visit(config) as session:
        session.connect()
        queue = StateQueue(session, state_queue(config), VISITOR)
        queue.open()
        if queue.look() is not None:
            raise ConflictError(
                f"A batch is in flight, says state queue {state_queue(config)}, and the stored offset tells whether it "
                "has been delivered. Resume the connector, and stop it once the state queue is empty, or remove the "
                "message there if the batch is to be given up"
            )


@contextmanager
def _sink_state(config: MqSinkConfig) -> Iterator[SinkState]:
    with visit(config) as session:
        yield SinkState(QueueWriter(session, config.mq_queue), state_queue(config))


def _has_state(config: Mapping[str, str]) -> bool:
    return bool((config.get(_STATE_QUEUE) or "").strip())


def _place(name: str) -> TopicPartition:
    topic, _, partition = name.rpartition("-")
    return TopicPartition(topic, int(partition))


def _unavailable() -> Sequence[ConfigError]:
    problem = missing()
    return () if problem is None else (ConfigError(problem, "connector.class"),)


def _of_builder(check: Callable[..., None], *given: object) -> Sequence[ConfigError]:
    try:
        check(*given)
    except ConfigError as error:
        return (error,)
    return ()
