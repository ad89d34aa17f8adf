"""The sink connector, under the names of Confluent's (spec/jdbc.md 1 and 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from linkspan.api import Config, ConfigError, SinkConnector, TopicPartition
from linkspan_connectors.jdbc.client import Attempts, Client
from linkspan_connectors.jdbc.config import settings_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.offsets_table import OffsetsTable
from linkspan_connectors.jdbc.sink import JdbcSinkTask
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig, date_zone_of
from linkspan_connectors.jdbc.validation import connected, unknown_settings
from linkspan_connectors.jdbc.writer import TableNames

__all__ = ["JdbcSinkConnector"]


class JdbcSinkConnector(SinkConnector[JdbcSinkConfig]):
    """From topics into tables."""

    config_class: ClassVar[type[Config]] = JdbcSinkConfig
    task_class = JdbcSinkTask
    version = "10.9.0"
    java_class = "io.confluent.connect.jdbc.JdbcSinkConnector"

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """The same for every task; the consumer group shares out the partitions."""
        return list(super().task_configs(max_tasks)) * max_tasks

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Try to connect, for ten seconds at most."""
        assert isinstance(config, JdbcSinkConfig)
        unknown = unknown_settings(config, str(self.java_class))
        return unknown or connected(
            config, lambda dialect: _objections(config, dialect), date_zone=date_zone_of(config)
        )

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int] | None:
        """Offsets that the database holds; None without ``x.exactly.once``."""
        if not self.config.x_exactly_once:
            return None
        with _offsets_table(self.config, config) as (table, connection):
            return table.stored(connection)

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Set what the database holds; without ``x.exactly.once`` the tables do not know where their rows came from."""
        if self.config.x_exactly_once:
            with _offsets_table(self.config, config) as (table, connection):
                table.alter(connection, offsets)
        return True


def _objections(config: JdbcSinkConfig, dialect: Dialect) -> list[ConfigError]:
    """What does not go with the database."""
    found = []
    if config.insert_mode.lower() == "upsert" and not dialect.has_upsert:
        reason = f"{dialect.title} has no statement that inserts or updates"
        found.append(ConfigError.invalid("insert.mode", config.insert_mode, reason))
    names = [
        ("table.name.format", config.table_name_format, TableNames(dialect, config.table_name_format).text_of("t"))
    ]
    names += [("x.offsets.table", config.x_offsets_table, config.x_offsets_table)] * config.x_exactly_once
    for key, value, name in names:
        try:
            dialect.table_id(name)
        except ConfigError as error:
            found.append(ConfigError.invalid(key, value, error.message))
    return found


@contextmanager
def _offsets_table(config: JdbcSinkConfig, given: Mapping[str, str]) -> Iterator[tuple[OffsetsTable, DriverConnection]]:
    dialect = dialect_of(settings_of(config), config.dialect_name)
    table = OffsetsTable(dialect, config.x_offsets_table, given["name"])
    client = Client(dialect, credentials_of(config), f"{given['name']}-offsets", Attempts(1, 0.0))
    try:
        yield table, client.connection()
    finally:
        client.close()
