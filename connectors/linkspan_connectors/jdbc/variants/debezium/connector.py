"""Debezium's JDBC sink connector (spec/jdbc.md 16.2).

A table is emptied (``truncate.enabled``) in a transaction of its own, after what came before it was committed. A kill
in between lets the same events come again: the rows before are written once more, and taken away again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from linkspan.api import Config, SinkBatch
from linkspan.api.records import SinkRecords
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.evolution import Tables
from linkspan_connectors.jdbc.groups import Group
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import ColumnRules
from linkspan_connectors.jdbc.sink import refused
from linkspan_connectors.jdbc.sink_config import column_rules, table_rules
from linkspan_connectors.jdbc.variants.debezium.columns import EventColumns, EventTables, HeaderColumns
from linkspan_connectors.jdbc.variants.debezium.config import NAMES, DebeziumSinkConfig, engine_config, key_fields
from linkspan_connectors.jdbc.variants.debezium.events import FieldFilter, Forms, is_truncation
from linkspan_connectors.jdbc.variants.debezium.grouping import EventGrouping, KeyRules
from linkspan_connectors.jdbc.variants.debezium.naming import CollectionNames
from linkspan_connectors.jdbc.variants.sink import VariantSinkConnector, VariantSinkTask
from linkspan_connectors.jdbc.writer import Failures, TableNames
from linkspan_connectors.jdbc.zones import zone_of

__all__ = ["DebeziumSinkConnector", "DebeziumSinkTask"]

log = logging.getLogger(__name__)


class DebeziumSinkTask(VariantSinkTask):
    """Writes rows of change events, and plain records."""

    java_class = "io.debezium.connector.jdbc.JdbcSinkConnectorTask"
    retries_key = "flush.max.retries"
    translated = staticmethod(engine_config)

    def start(self) -> None:
        """Make everything ready."""
        given: Config = self.config
        assert isinstance(given, DebeziumSinkConfig)
        self._use(given)
        if any(name.startswith("hibernate.") for name in given.originals):
            log.warning("Settings that begin with hibernate. have no effect: there is no Hibernate here")
        super().start()

    def _use(self, given: DebeziumSinkConfig) -> None:
        mode, key_mode = given.insert_mode.lower(), given.primary_key_mode.lower()
        deduplicates = given.keyed_message_batch_mode.lower() == "deduplication"
        fields = key_fields(given)
        is_keyed = key_mode in ("record_key", "record_value", "record_header")
        forms = Forms(
            given.cloud_events_schema_name_pattern,
            FieldFilter(given.field_include_list or (), given.field_exclude_list or ()),
            fields if key_mode == "record_value" else (),
            zone_of(given.use_time_zone, "use.time.zone"),
        )
        self._collections = CollectionNames(given.collection_name_format, given.collection_table_format)
        self._forms = forms
        self._grouping = EventGrouping(
            forms,
            self._collections,
            KeyRules(key_mode, fields, newest=deduplicates and is_keyed and mode == "insert"),
            deletes=given.delete_enabled,
        )
        self._by_header = key_mode == "record_header"
        self._truncates = given.truncate_enabled
        self.in_bulk = deduplicates or mode == "insert"

    def column_rules(self) -> ColumnRules:
        """Which columns rows become."""
        return (HeaderColumns if self._by_header else EventColumns)(*column_rules(self.config))

    def tables(self, dialect: Dialect) -> Tables:
        """The tables, and how they are made."""
        self._dialect = dialect
        dialect.wide = True
        return EventTables(dialect, table_rules(self.config))

    def table_names(self, dialect: Dialect) -> TableNames:
        """The tables of names that were made from events."""
        self._names = super().table_names(dialect)
        return self._names

    def grouped(self, records: SinkBatch, table_of: Callable[[str], TableId], *, with_coordinates: bool) -> list[Group]:
        """The events by table and schemas."""
        return self._grouping(records, table_of, with_coordinates=with_coordinates)

    def put(self, records: SinkBatch) -> None:
        """Write what the events say and commit it; where a table is emptied, piece by piece."""
        places = self._truncations(records) if self._truncates else []
        if not places:
            super().put(records)
            return
        self._settle()
        failures: Failures = {}
        begin = 0
        for end in [*places, len(records)]:
            if end > begin:
                found = self._written(SinkRecords(records[begin:end]))
                failures.update((begin + place, error) for place, error in found.items())
            if failures and not self._tolerates:
                break
            if end < len(records):
                record = records[end]
                (event,) = self._forms.of(record.topic, record.value_schema).inner([record.value])
                self._attempt(partial(self._empty, self._collections.of(record.topic, event)))
            begin = end + 1
        if failures:
            raise refused(records, failures)

    def _truncations(self, records: SinkBatch) -> list[int]:
        """Places of the events that say that a table was emptied."""
        shared, schemas = records.value_schema, records.value_schemas
        return [
            place
            for place, value in enumerate(records.values)
            if is_truncation(value, shared if schemas is None else schemas[place])
        ]

    def _empty(self, name: str) -> None:
        """Empty a table and commit that; one that is not there is empty.

        Raises:
            ConnectError: of :meth:`Dialect.failure`.
        """
        connection, _ = self._ready(SinkRecords([]), None)
        with self._dialect.attempt(f"Emptying table {name}", trim=self.config.trim_sensitive_log):
            table = self._names.of(connection, name)
            definition = self._dialect.definition(connection, table)
            if definition is not None:
                self._dialect.run(connection, self._dialect.empty(definition.table))
            connection.commit()


class DebeziumSinkConnector(VariantSinkConnector):
    """From topics of change events, or of plain records, into tables."""

    config_class: ClassVar[type[Config]] = DebeziumSinkConfig
    task_class = DebeziumSinkTask
    names = NAMES
    version = "3.2.1.Final"
    java_class = "io.debezium.connector.jdbc.JdbcSinkConnector"
    has_short_name = False
