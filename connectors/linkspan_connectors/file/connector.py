"""The file connectors, under the names of Apache Kafka's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import (
    Config,
    ConfigError,
    ExactlyOnceSupport,
    Guarantee,
    Offset,
    Partition,
    SinkConnector,
    SourceConnector,
    TopicPartition,
)
from linkspan_connectors.file.config import FileSinkConfig, FileSourceConfig
from linkspan_connectors.file.sink import FileStreamSinkTask
from linkspan_connectors.file.source import FILENAME, POSITION, FileStreamSourceTask

__all__ = ["FileStreamSinkConnector", "FileStreamSourceConnector"]


class FileStreamSourceConnector(SourceConnector[FileSourceConfig]):
    """Lines of one file into one topic; always one task."""

    config_class: ClassVar[type[Config]] = FileSourceConfig
    task_class = FileStreamSourceTask
    version = "0.1.0"
    guarantee = Guarantee.EXACTLY_ONCE
    java_class = "org.apache.kafka.connect.file.FileStreamSourceConnector"

    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:
        """Supported for a file; the standard input cannot be read again."""
        return ExactlyOnceSupport.SUPPORTED if config.get("file") else ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(self, config: Mapping[str, str], offsets: Sequence[tuple[Partition, Offset | None]]) -> bool:
        """Accept positions of at least 0 for partitions with a ``filename`` (messages as in the original)."""
        if not config.get("file"):
            raise ConfigError(
                "Offsets cannot be modified if the 'file' configuration is unspecified. This is because stdin is used "
                "for input and offsets are not tracked."
            )
        for partition, offset in offsets:
            if offset is not None:
                _check_position(offset)
                if FILENAME not in partition:
                    raise ConfigError(f"Partition objects should contain the key '{FILENAME}'")
        return True


class FileStreamSinkConnector(SinkConnector[FileSinkConfig]):
    """Records of topics as lines of one file."""

    config_class: ClassVar[type[Config]] = FileSinkConfig
    task_class = FileStreamSinkTask
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.file.FileStreamSinkConnector"

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """All the tasks have the same configuration; the consumer group shares out the partitions."""
        return list(super().task_configs(max_tasks)) * max_tasks

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:  # noqa: ARG002 - any offset will do
        """Every offset is fine: the file does not know where its lines came from."""
        return True


def _check_position(offset: Offset) -> None:
    if POSITION not in offset:
        raise ConfigError(f"Offset objects should either be null or contain the key '{POSITION}'")
    position = offset[POSITION]
    if not isinstance(position, int) or isinstance(position, bool):
        raise ConfigError(f"The value for the '{POSITION}' key in the offset is expected to be a Long value")
    if position < 0:
        raise ConfigError(f"The value for the '{POSITION}' key in the offset should be a non-negative value")
