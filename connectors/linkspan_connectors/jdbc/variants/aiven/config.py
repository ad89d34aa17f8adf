"""Settings of Aiven's source and sink: where they differ from Confluent's (spec/jdbc.md 16.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from linkspan.api import HIGH, LOW, Bool, Config, ConfigError, Int, Long, Str, StrList, Width
from linkspan.api.validators import at_least, one_of, optional
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig, query_key
from linkspan_connectors.jdbc.variants.translation import Names, translated, without

__all__ = [
    "NAMES",
    "AivenSinkConfig",
    "AivenSourceConfig",
    "AivenSourceTaskConfig",
    "sink_config",
    "source_config",
    "tables_of_topics",
]

C = TypeVar("C", bound=Config)

NAMES: Final = Names(
    {
        "quote.sql.identifiers": "sql.quote.identifiers",
        "timestamp.initial": "timestamp.initial.ms",
        "x.incrementing.initial": "incrementing.initial",
        "table.include.list": "table.whitelist",
    }
)

_MODES: Final = ("bulk", "incrementing", "timestamp", "timestamp+incrementing")
_NUMERIC: Final = ("none", "precision_only", "best_fit")
_INSERT_MODES: Final = ("insert", "multi", "upsert", "update")
_NOT_IN_EITHER: Final = ("quote.sql.identifiers", "date.calendar.system", "jdbc.credentials.provider.class")
_NOT_IN_SOURCE: Final = (
    *_NOT_IN_EITHER,
    *(key.name for key in JdbcSourceConfig.keys if key.name.startswith("x.outbox.")),
    "compat.initial.bounds",
    "engine.shutdown.timeout",
    "incrementing.column.mapping",
    "max.buffer.size",
    "poll.linger.ms",
    "query.masked",
    "query.retry.attempts",
    "query.suffix",
    "table.exclude.list",
    "table.include.list",
    "table.monitoring.startup.polling.limit.ms",
    "timestamp.columns.mapping",
    "timestamp.granularity",
    "timestamp.initial",
    "transaction.isolation.mode",
    "x.incrementing.initial",
)
_NOT_IN_SINK: Final = (
    *_NOT_IN_EITHER,
    "connection.attempts",
    "connection.backoff.ms",
    "date.timezone",
    "mssql.use.merge.holdlock",
    "replace.null.with.default",
    "string.output.value.column.name",
    "table.types",
    "timestamp.fields.list",
    "timestamp.precision.mode",
    "trim.sensitive.log",
    "x.exactly.once",
    "x.offsets.table",
)


def _topics_and_tables(key: str, value: object) -> None:
    try:
        tables_of_topics(value if isinstance(value, list) else None)
    except ValueError as error:
        raise ConfigError.invalid(key, value, str(error)) from error


@without(*_NOT_IN_SOURCE)
class AivenSourceConfig(JdbcSourceConfig):
    """From tables or a query into topics."""

    connection_url = Str(
        importance=HIGH,
        group="Database",
        order=1,
        width=Width.LONG,
        display_name="JDBC URL",
        doc="URL of the database: jdbc: and what its Java driver takes. Passwords in it stay out of messages and logs.",
    )
    sql_quote_identifiers = Bool(
        default=True,
        importance=LOW,
        group="Database",
        order=8,
        width=Width.SHORT,
        display_name="Quote SQL Identifiers",
        doc="Whether names of tables and columns stand in quotes in statements.",
    )
    mode = Str(
        importance=HIGH,
        group="Mode",
        order=1,
        width=Width.MEDIUM,
        display_name="Table Loading Mode",
        validator=one_of(*_MODES),
        doc=(
            "How rows are found. bulk: all of them, each time. incrementing: those with a greater id. timestamp: those "
            "with a later time, new and changed. timestamp+incrementing: by time, and by id where times are equal."
        ),
    )
    incrementing_initial = Long(
        default=-1,
        importance=LOW,
        group="Mode",
        order=12,
        width=Width.MEDIUM,
        display_name="Incrementing Column Initial Value",
        doc="The id behind which to begin when no offset is stored.",
    )
    timestamp_initial_ms = Long(
        default=0,
        importance=LOW,
        group="Mode",
        order=13,
        width=Width.MEDIUM,
        display_name="Unix time value of initial timestamp",
        validator=at_least(0),
        doc="The time behind which to begin when no offset is stored, in milliseconds since 1970.",
    )
    batch_max_rows = Int(
        default=100,
        importance=LOW,
        group="Connector",
        order=15,
        width=Width.SHORT,
        display_name="Max Rows Per Batch",
        validator=at_least(1),
        doc="Rows that are fetched at once, and records of one batch, at most.",
    )
    numeric_mapping = Str(
        default=None,
        importance=LOW,
        group="Connector",
        order=11,
        width=Width.SHORT,
        display_name="Map Numeric Values, Integral or Decimal, By Precision and Scale",
        validator=optional(one_of(*_NUMERIC, *(name.upper() for name in _NUMERIC))),
        doc=(
            "What NUMERIC columns become. none: Decimal. precision_only: whole numbers where they fit. best_fit: whole "
            "numbers or floating point by precision and scale."
        ),
    )
    topic_prefix = Str(
        importance=HIGH,
        group="Connector",
        order=13,
        width=Width.MEDIUM,
        display_name="Topic Prefix",
        doc="Put in front of a table's name to make the topic's; with a query, the topic's name.",
    )
    table_names_qualify = Bool(
        default=True,
        importance=LOW,
        group="Connector",
        order=25,
        width=Width.SHORT,
        display_name="Qualify table names",
        doc="Whether tables stand in statements and offsets with their schemas; if not, the database's search path "
        "says which one is read.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """As Confluent's; a table without its schema cannot be looked at for an incrementing column."""
        problems = NAMES.settings(JdbcSourceConfig.check(source_config(JdbcSourceConfig, config)))
        values = config.values
        needs_id = "incrementing" in str(values["mode"]) and query_key(source_config(JdbcSourceConfig, config)) is None
        if not values["table.names.qualify"] and needs_id and not values["incrementing.column.name"]:
            reason = f"table.names.qualify=false needs incrementing.column.name in mode {values['mode']}"
            problems.append(ConfigError(reason, "incrementing.column.name"))
        return problems


@without(*_NOT_IN_SOURCE)
class AivenSourceTaskConfig(AivenSourceConfig):
    """Of one task."""

    tables = StrList(default=(), importance=HIGH, doc="Names in quotes of the tables that this task reads.")
    tables_fetched = Bool(default=False, importance=HIGH, doc="Whether the list of tables was known.")


@without(*_NOT_IN_SINK)
class AivenSinkConfig(JdbcSinkConfig):
    """From topics into tables."""

    sql_quote_identifiers = Bool(
        default=True,
        importance=LOW,
        group="Database",
        order=6,
        width=Width.SHORT,
        display_name="Quote SQL Identifiers",
        doc="Whether names of tables and columns stand in quotes in statements.",
    )
    insert_mode = Str(
        default="insert",
        importance=HIGH,
        group="Writes",
        order=1,
        width=Width.MEDIUM,
        display_name="Insert Mode",
        validator=one_of(*_INSERT_MODES, *(mode.upper() for mode in _INSERT_MODES)),
        doc="insert: a new row for each record; multi: the same; upsert: the row with the record's key is replaced, or "
        "made; update: the row with the record's key is changed if it exists.",
    )
    table_name_normalize = Bool(
        default=False,
        group="Data Mapping",
        order=2,
        width=Width.LONG,
        display_name="Table Name Normalize",
        doc="Whether all characters of a table's name but letters, digits and _ become _, dots too.",
    )
    topics_to_tables_mapping = StrList(
        default=None,
        group="Data Mapping",
        order=3,
        width=Width.LONG,
        display_name="Topics To Tables Mapping",
        validator=_topics_and_tables,
        doc="Tables of topics, as topic:table, in place of table.name.format. A topic that is not in it has no table.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """As Confluent's, and without key fields that nothing is made of."""
        problems = NAMES.settings(JdbcSinkConfig.check(sink_config(config)))
        fields = config.values["pk.fields"]
        if fields and str(config.values["pk.mode"]).lower() == "none":
            reason = "there is no key with pk.mode=none; leave the fields out, or choose another pk.mode"
            problems.append(ConfigError.invalid("pk.fields", fields, reason))
        return problems


def source_config(config_class: type[C], config: Config) -> C:
    """The settings of a source, or of one of its tasks, as the engine takes them."""
    values = config.values
    return translated(
        config_class,
        config,
        {
            "quote.sql.identifiers": "always" if values["sql.quote.identifiers"] else "never",
            "timestamp.initial": values["timestamp.initial.ms"],
            "x.incrementing.initial": values["incrementing.initial"],
        },
    )


def sink_config(config: Config) -> JdbcSinkConfig:
    """The settings of a sink as the engine takes them: ``multi`` is ``insert``, which writes many rows at once."""
    values = config.values
    changes: dict[str, object] = {"quote.sql.identifiers": "always" if values["sql.quote.identifiers"] else "never"}
    if str(values["insert.mode"]).lower() == "multi":
        changes["insert.mode"] = "insert"
    return translated(JdbcSinkConfig, config, changes)


def tables_of_topics(items: Sequence[str] | None) -> Mapping[str, str]:
    """The tables that ``topics.to.tables.mapping`` names, by topic.

    Raises:
        ValueError: an item does not have the form ``topic:table``; the text says which.
    """
    found: dict[str, str] = {}
    for item in items or ():
        topic, colon, table = (part.strip() for part in item.partition(":"))
        if not topic or not colon or not table:
            raise ValueError(f"{item} does not have the form topic:table")
        if topic in found:
            raise ValueError(f"topic {topic} comes twice")
        found[topic] = table
    return found
