"""Configuration of the mode ``outbox``: keys of Debezium's outbox event router, with ``x.outbox.`` in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from linkspan.api import LOW, Bool, Config, ConfigError, Str, StrList, Width
from linkspan.api.validators import non_empty, one_of
from linkspan_connectors.jdbc.config import ConnectionConfig
from linkspan_connectors.jdbc.filters import compiled
from linkspan_connectors.jdbc.outbox_routes import Placement, Route

__all__ = ["OUTBOX", "OutboxConfig"]

OUTBOX: Final = "outbox"
"""The mode."""
_GROUP: Final = "Outbox"
_LISTS: Final = ("table.whitelist", "table.include.list")


def _regex(key: str, value: object) -> None:
    compiled(key, str(value))


def _placements(key: str, value: object) -> None:
    for item in value if isinstance(value, list) else ():
        Placement.of(key, item)


class OutboxConfig(ConnectionConfig):
    """Where the parts of an event stand in a row, and what becomes of them."""

    x_outbox_delete = Bool(
        "x.outbox.delete",
        default=False,
        importance=LOW,
        group=_GROUP,
        order=1,
        width=Width.SHORT,
        display_name="Delete what was delivered",
        doc=(
            "Whether rows are deleted when the log has their records. No column with rising numbers is needed then; "
            "else it is incrementing.column.name, or the column that the database fills by itself."
        ),
    )
    x_outbox_table_field_event_id = Str(
        "x.outbox.table.field.event.id",
        default="id",
        importance=LOW,
        group=_GROUP,
        order=2,
        width=Width.MEDIUM,
        display_name="Column of the event's id",
        validator=non_empty,
        doc="Column with the unique id of the event, which becomes the header id.",
    )
    x_outbox_table_field_event_key = Str(
        "x.outbox.table.field.event.key",
        default="aggregateid",
        importance=LOW,
        group=_GROUP,
        order=3,
        width=Width.MEDIUM,
        display_name="Column of the key",
        validator=non_empty,
        doc="Column that becomes the key, so that events of one aggregate keep their order.",
    )
    x_outbox_table_field_event_payload = Str(
        "x.outbox.table.field.event.payload",
        default="payload",
        importance=LOW,
        group=_GROUP,
        order=4,
        width=Width.MEDIUM,
        display_name="Column of the payload",
        validator=non_empty,
        doc="Column that becomes the value: a text, JSON, or bytes.",
    )
    x_outbox_table_field_event_timestamp = Str(
        "x.outbox.table.field.event.timestamp",
        default="",
        importance=LOW,
        group=_GROUP,
        order=5,
        width=Width.MEDIUM,
        display_name="Column of the time",
        doc="Column that becomes the record's timestamp: a time, or milliseconds since 1970. Empty for the present.",
    )
    x_outbox_table_field_event_headers = Str(
        "x.outbox.table.field.event.headers",
        default="",
        importance=LOW,
        group=_GROUP,
        order=6,
        width=Width.MEDIUM,
        display_name="Column of headers",
        doc="Column with a JSON object, each of whose members becomes a header.",
    )
    x_outbox_table_fields_additional_placement = StrList(
        "x.outbox.table.fields.additional.placement",
        default=(),
        importance=LOW,
        group=_GROUP,
        order=7,
        width=Width.LONG,
        display_name="Further columns",
        validator=_placements,
        doc=(
            "Further columns and where they go: column:header, column:envelope (the value becomes a struct of the "
            "payload and these) or column:partition; a third part is another name, as in type:header:eventType."
        ),
    )
    x_outbox_table_expand_json_payload = Bool(
        "x.outbox.table.expand.json.payload",
        default=False,
        importance=LOW,
        group=_GROUP,
        order=8,
        width=Width.SHORT,
        display_name="Expand JSON",
        doc="Whether a payload that is the text of a JSON object or array becomes a value with a schema made from it.",
    )
    x_outbox_table_field_event_schema_version = Str(
        "x.outbox.table.field.event.schema.version",
        default="",
        importance=LOW,
        group=_GROUP,
        order=15,
        width=Width.MEDIUM,
        display_name="Column of the schema's version",
        doc="Column with a whole number that becomes the version of an envelope's schema; empty for none.",
    )
    x_outbox_table_fields_additional_error_on_missing = Bool(
        "x.outbox.table.fields.additional.error.on.missing",
        default=True,
        importance=LOW,
        group=_GROUP,
        order=16,
        width=Width.SHORT,
        display_name="Further columns have to be there",
        doc="Whether a further column that the table does not have is an error; else it is left out.",
    )
    x_outbox_table_json_payload_null_behavior = Str(
        "x.outbox.table.json.payload.null.behavior",
        default="ignore",
        importance=LOW,
        group=_GROUP,
        order=9,
        width=Width.SHORT,
        display_name="Nulls in JSON",
        validator=one_of("ignore", "optional_bytes"),
        doc="What becomes of a null in a payload that is expanded: no field, or one of optional bytes.",
    )
    x_outbox_route_by_field = Str(
        "x.outbox.route.by.field",
        default="aggregatetype",
        importance=LOW,
        group=_GROUP,
        order=10,
        width=Width.MEDIUM,
        display_name="Column of the route",
        validator=non_empty,
        doc="Column that the topic is named after.",
    )
    x_outbox_route_topic_regex = Str(
        "x.outbox.route.topic.regex",
        default="(?<routedByValue>.*)",
        importance=LOW,
        group=_GROUP,
        order=11,
        width=Width.MEDIUM,
        display_name="Pattern of the route",
        validator=_regex,
        doc="Regular expression for the value of that column; one that does not match it is the topic's name itself.",
    )
    x_outbox_route_topic_replacement = Str(
        "x.outbox.route.topic.replacement",
        default="outbox.event.${routedByValue}",
        importance=LOW,
        group=_GROUP,
        order=12,
        width=Width.MEDIUM,
        display_name="Topic",
        validator=non_empty,
        doc="The topic's name, with groups of the pattern as ${name} or $1.",
    )
    x_outbox_route_tombstone_on_empty_payload = Bool(
        "x.outbox.route.tombstone.on.empty.payload",
        default=False,
        importance=LOW,
        group=_GROUP,
        order=13,
        width=Width.SHORT,
        display_name="Tombstones",
        doc="Whether a payload that is null or blank becomes a record without value and schema.",
    )
    x_outbox_tracing_span_context_field = Str(
        "x.outbox.tracing.span.context.field",
        default="tracingspancontext",
        importance=LOW,
        group=_GROUP,
        order=14,
        width=Width.MEDIUM,
        display_name="Column of the trace",
        doc=("Column with the context of a trace as lines such as traceparent=00-…, which become headers."),
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Rules between keys."""
        return [*super().check(config), *_about(config)]


def _about(config: Config) -> list[ConfigError]:
    values = config.values
    pattern, key = "x.outbox.route.topic.regex", "x.outbox.route.topic.replacement"
    problems = []
    try:
        Route.of(compiled(pattern, str(values[pattern])), str(values[key]))
    except ValueError as error:
        problems.append(ConfigError.invalid(key, values[key], f"it does not go with the pattern: {error}"))
    if values["mode"] != OUTBOX:
        return problems
    if not any(values[name] for name in _LISTS):
        reason = "the mode outbox needs a list of its tables: events are no rows of just any table"
        problems.append(ConfigError(f"table.whitelist is not set, and {reason}", "table.whitelist"))
    return problems
