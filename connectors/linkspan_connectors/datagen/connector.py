"""The datagen source connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import Config, ConfigError, Offset, Partition, SourceConnector
from linkspan_connectors.datagen.config import DatagenConfig
from linkspan_connectors.datagen.source import DatagenSourceTask

__all__ = ["DatagenSourceConnector"]


class DatagenSourceConnector(SourceConnector[DatagenConfig]):
    """Invented records; ``tasks.max`` tasks, each with its own sequence."""

    config_class: ClassVar[type[Config]] = DatagenConfig
    task_class = DatagenSourceTask
    version = "0.1.0"

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """The same for every task but for its number."""
        (config,) = super().task_configs(1)
        return [{**config, "task.number": str(number)} for number in range(max_tasks)]

    def alter_offsets(self, config: Mapping[str, str], offsets: Sequence[tuple[Partition, Offset | None]]) -> bool:  # noqa: ARG002 - the rule is the same for every configuration
        """Accept ``{"count": n}`` with n of at least 0."""
        for _, offset in offsets:
            count = 0 if offset is None else offset.get("count")
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise ConfigError(f'A datagen offset is {{"count": n}} with n of at least 0, not {offset!r}')
        return True
