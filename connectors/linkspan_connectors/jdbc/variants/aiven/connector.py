"""Aiven's source and sink connector, and what they do in their own way (spec/jdbc.md 16.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from linkspan.api import Config, ConfigError
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.source import JdbcSourceTask
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig, JdbcSourceTaskConfig
from linkspan_connectors.jdbc.source_connector import JdbcSourceConnector
from linkspan_connectors.jdbc.validation import unknown_settings
from linkspan_connectors.jdbc.variants.aiven.config import (
    NAMES,
    AivenSinkConfig,
    AivenSourceConfig,
    AivenSourceTaskConfig,
    sink_config,
    source_config,
    tables_of_topics,
)
from linkspan_connectors.jdbc.variants.sink import VariantSinkConnector, VariantSinkTask
from linkspan_connectors.jdbc.writer import TableNames

__all__ = ["AivenSinkConnector", "AivenSinkTask", "AivenSourceConnector", "AivenSourceTask"]

_ABNORMAL: Final = re.compile("[^a-zA-Z0-9_]")


class AivenSourceTask(JdbcSourceTask):
    """Reads as Confluent's, from settings in Aiven's names."""

    config_class: ClassVar[type[Config]] = AivenSourceTaskConfig
    java_class = "io.aiven.connect.jdbc.source.JdbcSourceTask"

    def start(self) -> None:
        """Begin to read."""
        self.config = source_config(JdbcSourceTaskConfig, self.config)
        super().start()


class AivenSourceConnector(JdbcSourceConnector):
    """From tables, or a query, into topics."""

    config_class: ClassVar[type[Config]] = AivenSourceConfig
    task_class = AivenSourceTask
    version = "6.11.0"
    java_class = "io.aiven.connect.jdbc.JdbcSourceConnector"
    has_short_name = False

    _qualifies = True

    def start(self) -> None:
        """Begin to watch the tables."""
        if isinstance(self.config, AivenSourceConfig):  # it may be started again
            self._qualifies = self.config.table_names_qualify
            self.config = source_config(JdbcSourceConfig, self.config)
        super().start()

    def named(self, tables: list[TableId]) -> list[TableId]:
        """The tables that are to be read, without their schemas where that is wanted."""
        if self._qualifies:
            return tables
        return list(dict.fromkeys(TableId(None, None, table.name) for table in tables))

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Try to connect, and have a query looked at."""
        unknown = unknown_settings(config, str(self.java_class))
        return unknown or NAMES.settings(super().validate(source_config(JdbcSourceConfig, config)))


class _NamesOfTables(TableNames):
    """The tables for topics, by ``topics.to.tables.mapping``, ``table.name.normalize`` and ``table.name.format``."""

    def __init__(self, dialect: Dialect, template: str, mapping: Mapping[str, str], *, normal: bool) -> None:
        super().__init__(dialect, template)
        self._mapping = mapping
        self._normal = normal

    def text_of(self, topic: str) -> str:
        """Name of the table for a topic.

        Raises:
            ConfigError: there is a mapping, and the topic is not in it.
        """
        if self._mapping:
            table = self._mapping.get(topic)
            if table is None:
                raise ConfigError(
                    f"topics.to.tables.mapping has no table for topic {topic}; add it, or leave the mapping out to "
                    "have tables named by table.name.format",
                    "topics.to.tables.mapping",
                )
            return table
        name = super().text_of(topic)
        return _ABNORMAL.sub("_", name) if self._normal else name


class AivenSinkTask(VariantSinkTask):
    """Writes as Confluent's, from settings in Aiven's names."""

    java_class = "io.aiven.connect.jdbc.sink.JdbcSinkTask"
    translated = staticmethod(sink_config)

    def start(self) -> None:
        """Make everything ready."""
        given = self.config
        assert isinstance(given, AivenSinkConfig)
        self._mapping = tables_of_topics(given.topics_to_tables_mapping)
        self._normal = given.table_name_normalize
        super().start()

    def table_names(self, dialect: Dialect) -> TableNames:
        """The tables for topics."""
        return _NamesOfTables(dialect, self.config.table_name_format, self._mapping, normal=self._normal)


class AivenSinkConnector(VariantSinkConnector):
    """From topics into tables."""

    config_class: ClassVar[type[Config]] = AivenSinkConfig
    task_class = AivenSinkTask
    names = NAMES
    version = "6.11.0"
    java_class = "io.aiven.connect.jdbc.JdbcSinkConnector"
    has_short_name = False
