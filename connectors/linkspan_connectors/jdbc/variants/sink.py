"""What the sinks of other vendors have in common: their settings are translated, and offsets are not stored with rows.

``x.exactly.once`` is a setting of ours in Confluent's names; the others deliver at least once, as they always did.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import Config, ConfigError, TopicPartition
from linkspan_connectors.jdbc.sink import JdbcSinkTask
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig
from linkspan_connectors.jdbc.sink_connector import JdbcSinkConnector
from linkspan_connectors.jdbc.validation import unknown_settings
from linkspan_connectors.jdbc.variants.translation import Names

__all__ = ["VariantSinkConnector", "VariantSinkTask"]


class VariantSinkTask(JdbcSinkTask):
    """Writes from settings in a vendor's names."""

    reads_committed = False

    @staticmethod
    @abstractmethod
    def translated(config: Config) -> JdbcSinkConfig:
        """The settings as the engine takes them."""

    def start(self) -> None:
        """Make everything ready."""
        self.config = self.translated(self.config)
        super().start()


class VariantSinkConnector(JdbcSinkConnector):
    """From topics into tables, with settings in a vendor's names.

    Attributes:
        names: what the vendor calls settings that messages speak of.
    """

    task_class: ClassVar[type[VariantSinkTask]]
    names: ClassVar[Names]

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Try to connect."""
        unknown = unknown_settings(config, str(self.java_class))
        return unknown or self.names.settings(super().validate(self.task_class.translated(config)))

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int] | None:  # noqa: ARG002
        """None: the database has none."""
        return None

    def alter_offsets(
        self,
        config: Mapping[str, str],  # noqa: ARG002 - any offset will do
        offsets: Mapping[TopicPartition, int | None],  # noqa: ARG002 - as above
    ) -> bool:
        """Every offset is fine: the tables do not know where their rows came from."""
        return True
