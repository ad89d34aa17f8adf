"""Rows of an outbox as records, in the shape that Debezium's outbox event router gives them.

A row of which no record can be made stands in a record that fails on its way into the log, alone.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import javaproperties

from linkspan.api import ConfigError, DataError, Headers, Schema, SourceRecord, StructRows, Type
from linkspan_connectors.jdbc.columns import ColumnRules, Rows, UnreadableRow, columns_of
from linkspan_connectors.jdbc.filters import compiled
from linkspan_connectors.jdbc.json_payload import JsonPayloads
from linkspan_connectors.jdbc.outbox_config import OutboxConfig
from linkspan_connectors.jdbc.outbox_routes import Placement, Route
from linkspan_connectors.jdbc.results import JdbcType, ResultColumn, Row

__all__ = ["EventRules", "Events"]

log = logging.getLogger(__name__)

_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_TEXT: Final = Schema(Type.STRING)
_HEADERS: Final[Mapping[type, Schema]] = {
    str: _TEXT,
    bool: Schema(Type.BOOLEAN),
    int: Schema(Type.INT64),
    float: Schema(Type.FLOAT64),
}
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MS: Final = datetime.timedelta(milliseconds=1)
_ENVELOPE: Final = "payload"
_MOST_ENVELOPES: Final = 1000


class EventRules:
    """What the configuration says of events.

    Args:
        config: of the task.
        columns: what becomes of columns.

    Raises:
        ConfigError: the pattern or a placement is none.
    """

    def __init__(self, config: OutboxConfig, columns: ColumnRules) -> None:
        self.columns = columns
        pattern = compiled("x.outbox.route.topic.regex", config.x_outbox_route_topic_regex)
        self.route = Route.of(pattern, config.x_outbox_route_topic_replacement)
        key = "x.outbox.table.fields.additional.placement"
        placements = [Placement.of(key, item) for item in config.x_outbox_table_fields_additional_placement]
        self.headers = [each for each in placements if each.place == "header"]
        self.envelope = [each for each in placements if each.place == "envelope"]
        self.partition = [each for each in placements if each.place == "partition"]
        self.names = {
            "x.outbox.table.field.event.id": config.x_outbox_table_field_event_id,
            "x.outbox.table.field.event.key": config.x_outbox_table_field_event_key,
            "x.outbox.table.field.event.payload": config.x_outbox_table_field_event_payload,
            "x.outbox.route.by.field": config.x_outbox_route_by_field,
        }
        self.timestamp = config.x_outbox_table_field_event_timestamp
        self.version = config.x_outbox_table_field_event_schema_version
        self.may_lack = not config.x_outbox_table_fields_additional_error_on_missing
        self.header_column = config.x_outbox_table_field_event_headers
        self.trace = config.x_outbox_tracing_span_context_field
        self.tombstones = config.x_outbox_route_tombstone_on_empty_payload
        nulls_are_bytes = config.x_outbox_table_json_payload_null_behavior == "optional_bytes"
        name = config.x_outbox_table_field_event_payload
        expands = config.x_outbox_table_expand_json_payload
        self.json = JsonPayloads(name, nulls_are_bytes=nulls_are_bytes) if expands else None


@dataclass(frozen=True, slots=True)
class _Part:
    """A column of events: its place among the fields, its name and schema."""

    at: int
    alias: str
    schema: Schema


class Events:
    """Makes records of the rows of one result.

    Args:
        rules: of the configuration.
        title: of the table, for messages.
        name: of the table, which is that of envelopes.
        columns: of the result.

    Raises:
        ConfigError: a column is not there.
        ConnectError: two columns have the same name.
    """

    def __init__(self, rules: EventRules, title: str, name: str, columns: tuple[ResultColumn, ...]) -> None:
        self._rules = rules
        self._title = title
        self._not_expanded = 0
        self._name = name
        self._columns = columns
        self._rows: Rows = columns_of(columns, name, rules.columns)
        self._fields = {field.name: field for field in self._rows.schema.fields}
        self._id, self._key, self._payload, self._by = (self._part(key, column) for key, column in rules.names.items())
        self._timestamp = self._time(rules.timestamp) if rules.timestamp else None
        key = "x.outbox.table.field.event.headers"
        self._header_column = self._part(key, rules.header_column) if rules.header_column else None
        self._trace = self._part("", rules.trace) if self._found(rules.trace) is not None else None
        self._headers = self._placed(rules.headers)
        self._envelope = self._placed(rules.envelope)
        self._partition = next(iter(self._placed(rules.partition)), None)
        key = "x.outbox.table.field.event.schema.version"
        self._version = self._part(key, rules.version) if rules.version and self._envelope else None
        self._envelopes: dict[tuple[Schema, str, int | None], Schema] = {}

    def records(self, rows: Sequence[Row]) -> list[SourceRecord]:
        """A record each, without partition and offset of the source.

        Args:
            rows: as the driver gives them.
        """
        made = self._rows.records(rows, lambda at: self._where(rows[at]))
        values: Iterable[Sequence[Any] | UnreadableRow]
        if isinstance(made, StructRows):
            values = zip(*made.columns, strict=True)
        else:
            values = [each if isinstance(each, UnreadableRow) else list(each.values()) for each in made]
        self._not_expanded = 0
        records: list[SourceRecord] = []
        for row, value in zip(rows, values, strict=True):
            try:
                records.append(self._failed(value) if isinstance(value, UnreadableRow) else self._record(value))
            except DataError as error:
                records.append(self._failed(UnreadableRow(f"{self._where(row)}, {error.message}")))
        if self._not_expanded:
            log.warning(
                "%s: %d payloads are no JSON that can be expanded, and stay texts", self._title, self._not_expanded
            )
        return records

    def _failed(self, row: UnreadableRow) -> SourceRecord:
        """Fails when its value is made; its topic is not known, and never used."""
        return SourceRecord(None, None, self._name, row, self._rows.schema)

    def _record(self, row: Sequence[Any]) -> SourceRecord:
        """Raises DataError when there can be none."""
        rules, by = self._rules, row[self._by.at]
        if by is None:
            raise DataError(f"column {self._by.alias} is null, so that it has no topic")
        topic = rules.route.topic(str(by))
        if _TOPIC.fullmatch(topic) is None:
            raise DataError(f"column {self._by.alias} makes the topic {topic!r:.300}, which is no name of a topic")
        payload, schema = row[self._payload.at], self._payload.schema
        if rules.json is not None and isinstance(payload, str):
            try:
                payload, schema = rules.json.expanded(payload)
            except DataError:
                self._not_expanded += 1
        value: object
        value_schema: Schema | None
        if rules.tombstones and _is_empty(payload):
            value = value_schema = None
        elif self._envelope:
            value = {_ENVELOPE: payload, **{part.alias: row[part.at] for part in self._envelope}}
            value_schema = self._envelope_of(schema, str(by), _version(self._version, row))
        else:
            value, value_schema = payload, schema
        key = self._key
        return SourceRecord(
            None,
            None,
            topic,
            value,
            value_schema,
            key=row[key.at],
            key_schema=key.schema,
            partition=None if self._partition is None else _partition(self._partition, row),
            timestamp=None if self._timestamp is None else _milliseconds(self._timestamp, row),
            headers=self._headers_of(row),
        )

    def _headers_of(self, row: Sequence[Any]) -> Headers:
        headers = Headers()
        for part in (self._id, *self._headers):
            headers.add("id" if part is self._id else part.alias, row[part.at], part.schema)
        if self._header_column is not None and row[self._header_column.at] is not None:
            for name, value in _members(self._header_column, row).items():
                is_plain = value is None or type(value) in _HEADERS
                shown = value if is_plain else json.dumps(value, ensure_ascii=False)
                headers.add(name, shown, None if value is None else _HEADERS[type(shown)])
        if self._trace is not None and row[self._trace.at] is not None:
            for name, shown in _properties(str(row[self._trace.at])).items():
                headers.add(name, shown, _TEXT)
        return headers

    def _envelope_of(self, payload: Schema, by: str, version: int | None) -> Schema:
        """Payloads of one route are of one kind: the schema is named after it, and the table."""
        found = self._envelopes.get((payload, by, version))
        if found is None:
            if len(self._envelopes) >= _MOST_ENVELOPES:
                self._envelopes.clear()
            fields = [(_ENVELOPE, payload), *((part.alias, part.schema) for part in self._envelope)]
            found = Schema(Type.STRUCT, name=f"{by}.{self._name}", version=version, fields=fields)
            self._envelopes[payload, by, version] = found
        return found

    def _where(self, row: Row) -> str:
        shown = [
            f"{column.label}={value!r:.60}"
            for column, value in zip(self._columns, row, strict=True)
            if column.label == self._id.alias
        ]
        return f"{self._title}, row with {', '.join(shown)}"

    # --- columns ------------------------------------------------------------------------------------------------

    def _found(self, name: str) -> str | None:
        """A field by its name, to the letter or in any case."""
        if name in self._fields:
            return name
        return next((each for each in self._fields if each.casefold() == name.casefold()), None)

    def _part(self, key: str, name: str, alias: str | None = None) -> _Part:
        found = self._found(name)
        if found is None:
            raise ConfigError(f"{self._title} has no column {name}; it has {', '.join(self._fields)}", key)
        field = self._fields[found]
        return _Part(field.index, alias or found, field.schema)

    def _placed(self, placements: Sequence[Placement]) -> list[_Part]:
        key = "x.outbox.table.fields.additional.placement"
        found = [each for each in placements if not self._rules.may_lack or self._found(each.column) is not None]
        return [self._part(key, each.column, each.alias) for each in found]

    def _time(self, name: str) -> _Part:
        key = "x.outbox.table.field.event.timestamp"
        part = self._part(key, name)
        column = next(each for each in self._columns if each.label == part.alias)
        times = {JdbcType.TIMESTAMP, JdbcType.TIMESTAMP_WITH_TIMEZONE}
        if column.type in times and self._rules.columns.times.granularity != "connect_logical":
            raise ConfigError(f"{key} needs timestamp.granularity=connect_logical, or a column of milliseconds", key)
        return part


def _is_empty(payload: object) -> bool:
    return payload is None or (isinstance(payload, str) and not payload.strip())


def _partition(part: _Part, row: Sequence[Any]) -> int | None:
    value = row[part.at]
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise DataError(f"column {part.alias} has {value!r:.60}, which is no number of a partition")
    return value


def _version(part: _Part | None, row: Sequence[Any]) -> int | None:
    value = None if part is None else row[part.at]
    if part is not None and value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise DataError(f"column {part.alias} has {value!r:.60}, which is no number of a version")
    return value


def _properties(text: str) -> Mapping[str, str]:
    """What stands in the form of Java's properties; nothing of what does not: a trace must not hold an event back."""
    try:
        return javaproperties.loads(text)
    except ValueError:
        return {}


def _milliseconds(part: _Part, row: Sequence[Any]) -> int | None:
    value = row[part.at]
    if isinstance(value, datetime.datetime):
        value = (value - _EPOCH) // _MS
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise DataError(f"column {part.alias} has {value!r:.60}, which is no time that a record can have")
    return value


def _members(part: _Part, row: Sequence[Any]) -> dict[str, Any]:
    try:
        found = json.loads(row[part.at])
    except (ValueError, TypeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DataError(f"column {part.alias} of headers has {row[part.at]!r:.60}, which is no object of JSON")
    return found
