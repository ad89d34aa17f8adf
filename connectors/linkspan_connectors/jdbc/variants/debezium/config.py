"""Settings of Debezium's JDBC sink (spec/jdbc.md 16.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from linkspan.api import (
    HIGH,
    LOW,
    MEDIUM,
    Bool,
    ClassName,
    Config,
    ConfigError,
    Importance,
    Int,
    Long,
    Password,
    Str,
    StrList,
    Width,
)
from linkspan.api.validators import at_least, one_of_ignoring_case
from linkspan_connectors.jdbc.filters import compiled
from linkspan_connectors.jdbc.keys import COORDINATES
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig
from linkspan_connectors.jdbc.variants.translation import Names, translated
from linkspan_connectors.jdbc.zones import zone_of

__all__ = ["NAMES", "DebeziumSinkConfig", "engine_config", "key_fields"]

_CONNECTION: Final = "Connection"
_CONNECTOR: Final = "Connector"
_ADVANCED: Final = "Advanced"
_FILTERS: Final = "Filters"

_COLLECTION_STRATEGIES: Final = frozenset(
    {
        "io.debezium.sink.naming.DefaultCollectionNamingStrategy",
        "io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy",
    }
)
_COLUMN_STRATEGIES: Final = frozenset({"io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy"})
_OF_KEYS: Final = ("record_key", "record_header")

NAMES: Final = Names(
    {
        "auto.create=true": "schema.evolution=basic",
        "auto.evolve=true": "schema.evolution=basic",
        "connection.user": "connection.username",
        "db.timezone": "use.time.zone",
        "fields.whitelist": "field.include.list or field.exclude.list",
        "max.retries": "flush.max.retries",
        "pk.fields": "primary.key.fields",
        "pk.mode": "primary.key.mode",
        "pk.mode=record_key": "primary.key.mode=record_key",
        "pk.mode=record_value": "primary.key.mode=record_value",
        "pk.mode=kafka": "primary.key.mode=kafka",
        "pk.mode=none": "primary.key.mode=none",
        "quote.sql.identifiers": "quote.identifiers",
        "table.name.format": "collection.name.format",
    }
)
"""What the engine's messages speak of."""


def _one_class(known: frozenset[str]) -> Any:  # noqa: ANN401 - a validator
    def check(key: str, value: object) -> None:
        if value not in known:
            reason = f"classes of Java cannot be run; what comes with the connector is {', '.join(sorted(known))}"
            raise ConfigError.invalid(key, value, reason)

    return check


def _zone(key: str, value: object) -> None:
    zone_of(str(value), key)


def _not_blank(key: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError.invalid(key, value, "it must not be blank")


def _pattern(key: str, value: object) -> None:
    for item in value if isinstance(value, list) else [value]:
        compiled(key, str(item or ""))


def _option(
    group: str,
    order: int,
    label: str,
    doc: str,
    importance: Importance = LOW,
    width: Width = Width.SHORT,
    **options: Any,  # noqa: ANN401 - options of a key
) -> dict[str, Any]:
    return {
        "group": group,
        "order": order,
        "display_name": label,
        "doc": doc,
        "importance": importance,
        "width": width,
        **options,
    }


def _idle(group: str, order: int, label: str, reason: str) -> dict[str, Any]:
    """Of a key that has no effect."""
    return _option(group, order, label, f"Has no effect: {reason}")


class DebeziumSinkConfig(Config):
    """From topics of change events, or of plain records, into tables."""

    connection_url = Str(
        **_option(
            _CONNECTION,
            1,
            "JDBC URL",
            "URL of the database: jdbc: and what its Java driver takes. Passwords in it stay out of messages and logs.",
            HIGH,
            Width.LONG,
            validator=_not_blank,
        ),
    )
    connection_username = Str(
        default=None, **_option(_CONNECTION, 2, "User", "User that the connection is opened as.", HIGH)
    )
    connection_password = Password(default=None, **_option(_CONNECTION, 3, "Password", "Password of the user.", HIGH))
    connection_provider = Str(
        default=None, **_idle(_CONNECTION, 0, "Connection provider", "classes of Java cannot be run.")
    )
    connection_pool_min_size = Int(
        "connection.pool.min_size",
        default=5,
        **_idle(_CONNECTION, 4, "Connection pool minimum size", "a task has one connection."),
    )
    connection_pool_max_size = Int(
        "connection.pool.max_size",
        default=32,
        **_idle(_CONNECTION, 5, "Connection pool maximum size", "a task has one connection."),
    )
    connection_pool_acquire_increment = Int(
        "connection.pool.acquire_increment",
        default=32,
        **_idle(_CONNECTION, 6, "Connection pool acquire increment", "a task has one connection."),
    )
    connection_pool_timeout = Long(
        default=1800, **_idle(_CONNECTION, 7, "Connection pool timeout", "a task has one connection.")
    )
    connection_restart_on_errors = Bool(
        default=False,
        **_idle(_ADVANCED, 7, "Restart connection on errors", "a lost connection is always opened again."),
    )
    insert_mode = Str(
        default="insert",
        **_option(
            _CONNECTOR,
            1,
            "The insertion mode to use",
            "insert: a new row for each event; upsert: the row with the event's key is replaced, or made; update: it "
            "is changed if it exists.",
            validator=one_of_ignoring_case("insert", "upsert", "update"),
        ),
    )
    delete_enabled = Bool(
        default=False,
        **_option(
            _CONNECTOR,
            2,
            "Deletes",
            "Whether delete events, and records without value, delete the row with their key. Needs "
            "primary.key.mode=record_key; they are left out otherwise.",
        ),
    )
    truncate_enabled = Bool(
        default=False,
        **_option(_CONNECTOR, 2, "Truncates", "Whether truncate events empty the table; they are left out otherwise."),
    )
    collection_name_format = Str(
        default="${topic}",
        aliases=("table.name.format",),
        **_option(
            _CONNECTOR,
            3,
            "A format string for the collection name",
            "Name of the table: ${topic} stands for the topic's name with _ in place of dots, ${source.name} for a "
            "field of an event's source.",
            MEDIUM,
            Width.MEDIUM,
            validator=_not_blank,
        ),
    )
    collection_table_format = Str(
        default="${table}",
        **_option(
            _CONNECTOR,
            3,
            "Format string using table name",
            "When it is not ${table}: name of the table in place of collection.name.format, where ${table} and "
            "${schema} stand for those that an event comes from.",
            MEDIUM,
            Width.LONG,
            validator=_not_blank,
        ),
    )
    primary_key_mode = Str(
        default="none",
        **_option(
            _CONNECTOR,
            4,
            "Primary key mode",
            "What the key columns hold: none, there are none; kafka, the record's topic, partition and offset; "
            "record_key, its key or fields of it; record_value, fields of its value; record_header, headers.",
            HIGH,
            validator=one_of_ignoring_case("none", "kafka", "record_key", "record_value", "record_header"),
        ),
    )
    primary_key_fields = Str(
        default=None,
        **_option(
            _CONNECTOR,
            5,
            "Primary key fields",
            "Key columns, with commas between. With primary.key.mode=kafka three names, by default "
            f"{', '.join(COORDINATES)}; with record_key the column of a primitive key, or fields of a Struct; with "
            "record_value fields of the value; with record_header headers; all by default.",
            LOW,
            Width.MEDIUM,
        ),
    )
    use_time_zone = Str(
        default="UTC",
        aliases=("database.time_zone",),
        **_option(
            _CONNECTOR,
            6,
            "Time zone",
            "Zone of the wall clocks in columns without one.",
            MEDIUM,
            validator=_zone,
        ),
    )
    schema_evolution = Str(
        default="none",
        **_option(
            _CONNECTOR,
            7,
            "Schema evolution",
            "none: tables stay as they are; basic: missing tables and columns are made.",
            validator=one_of_ignoring_case("none", "basic"),
        ),
    )
    quote_identifiers = Bool(
        default=False,
        **_option(_CONNECTOR, 8, "Quoted names", "Whether names of tables and columns stand in quotes in statements."),
    )
    collection_naming_strategy = ClassName(
        default="io.debezium.sink.naming.DefaultCollectionNamingStrategy",
        aliases=("table.naming.strategy",),
        **_option(
            _ADVANCED,
            2,
            "Naming strategy of tables",
            "Has to be the one that comes with the connector: classes of Java cannot be run.",
            width=Width.LONG,
            validator=_one_class(_COLLECTION_STRATEGIES),
        ),
    )
    column_naming_strategy = ClassName(
        default="io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy",
        **_option(
            _ADVANCED,
            2,
            "Naming strategy of columns",
            "Has to be the one that comes with the connector: classes of Java cannot be run.",
            width=Width.LONG,
            validator=_one_class(_COLUMN_STRATEGIES),
        ),
    )
    field_include_list = StrList(
        default=None,
        **_option(
            _FILTERS,
            1,
            "Include Fields",
            "Fields of the value to write, all by default: names, or regular expressions for topic:field. Key columns "
            "are always written.",
            MEDIUM,
            Width.LONG,
            validator=_pattern,
        ),
    )
    field_exclude_list = StrList(
        default=None,
        **_option(
            _FILTERS,
            2,
            "Exclude Fields",
            "Fields of the value not to write, likewise; not together with field.include.list.",
            MEDIUM,
            Width.LONG,
            validator=_pattern,
        ),
    )
    batch_size = Int(
        default=500,
        **_option(
            _ADVANCED, 4, "Batch size", "Rows that are sent to the database together, at most.", MEDIUM,
            validator=at_least(0),
        ),
    )  # fmt: skip
    keyed_message_batch_mode = Str(
        default="deduplication",
        **_option(
            _ADVANCED,
            8,
            "Events of one key",
            "deduplication: of the events of one key that come together the newest is written; passthrough: all are, "
            "one after the other.",
            MEDIUM,
            validator=one_of_ignoring_case("deduplication", "passthrough"),
        ),
    )
    use_reduction_buffer = Bool(
        default=False,
        **_idle(_ADVANCED, 9, "Reduction buffer", "keyed.message.batch.mode says it."),
    )
    flush_max_retries = Int(
        default=5,
        **_option(
            _ADVANCED,
            5,
            "Max retry count",
            "How often events are tried again after an error that may pass, before the task fails.",
            validator=at_least(0),
        ),
    )
    flush_retry_delay_ms = Long(
        default=1000,
        **_option(
            _ADVANCED, 6, "Delay to retry flush", "Milliseconds until they are tried again.", validator=at_least(0)
        ),
    )
    cloud_events_schema_name_pattern = Str(
        default=r".*CloudEvents\.Envelope$",
        **_option(
            _ADVANCED,
            8,
            "CloudEvents messages schema name pattern",
            "Regular expression for names of schemas whose records are CloudEvents: what is written is in their data.",
            width=Width.LONG,
            validator=_pattern,
        ),
    )
    dialect_postgres_unnest_insert_enabled = Bool(
        default=False,
        **_idle(_ADVANCED, 3, "UNNEST inserts", "many rows go by COPY, which is faster."),
    )
    dialect_postgres_postgis_schema = Str(
        default="public", **_idle(_ADVANCED, 3, "Schema of PostGIS", "geometries are not written.")
    )
    dialect_sqlserver_identity_insert = Bool(
        default=False,
        **_option(
            _ADVANCED,
            4,
            "Identity columns of SQL Server",
            "Has to be false: values for identity columns are left to SQL Server.",
        ),
    )
    dialect_starrocks_catalog_name = Str(
        default=None,
        **_idle(_ADVANCED, 3, "Catalog of StarRocks", "StarRocks is reached as MySQL."),
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Key columns have to fit what is to be done by them."""
        values = config.values
        mode, key_mode = (str(values[key]).lower() for key in ("insert.mode", "primary.key.mode"))
        errors = []
        if values["delete.enabled"] and key_mode not in _OF_KEYS:
            reason = "rows are deleted by the record's key, which needs primary.key.mode=record_key"
            errors.append(ConfigError.invalid("delete.enabled", True, reason))
        if mode in ("upsert", "update") and key_mode == "none":
            reason = f"insert.mode={mode} finds rows by their key: use kafka, record_key, record_value or record_header"
            errors.append(ConfigError.invalid("primary.key.mode", values["primary.key.mode"], reason))
        fields = key_fields(config)
        if key_mode == "kafka" and len(fields) not in (0, len(COORDINATES)):
            reason = "primary.key.mode=kafka takes the names of three columns, for topic, partition and offset, or none"
            errors.append(ConfigError.invalid("primary.key.fields", values["primary.key.fields"], reason))
        if values["field.include.list"] and values["field.exclude.list"]:
            reason = "field.include.list and field.exclude.list are exclusive"
            errors += [ConfigError.invalid(key, values[key], reason) for key in _LISTS]
        if values["dialect.sqlserver.identity.insert"]:
            key = "dialect.sqlserver.identity.insert"
            errors.append(ConfigError.invalid(key, True, "values for identity columns cannot be written here"))
        return errors


_LISTS: Final = ("field.include.list", "field.exclude.list")


def key_fields(config: Config) -> list[str]:
    """The names in ``primary.key.fields``."""
    given = str(config.values["primary.key.fields"] or "")
    return [name.strip() for name in given.split(",") if name.strip()]


def engine_config(config: Config) -> JdbcSinkConfig:
    """The settings as the engine takes them; a header that is a key is made the record's key before."""
    values = config.values
    key_mode = str(values["primary.key.mode"]).lower()
    evolves = str(values["schema.evolution"]).lower() == "basic"
    return translated(
        JdbcSinkConfig,
        config,
        {
            "auto.create": evolves,
            "auto.evolve": evolves,
            "connection.user": values["connection.username"],
            "db.timezone": values["use.time.zone"],
            # days are written as they stand
            "date.timezone": "UTC",
            # it binds dates of java.time, which have no other calendar
            "date.calendar.system": "PROLEPTIC_GREGORIAN",
            "max.retries": values["flush.max.retries"],
            "pk.fields": key_fields(config),
            "pk.mode": "record_key" if key_mode == "record_header" else key_mode,
            "quote.sql.identifiers": "always" if values["quote.identifiers"] else "never",
            "retry.backoff.ms": values["flush.retry.delay.ms"],
            # names are made from events, and come as if they were topics
            "table.name.format": "${topic}",
        },
    )
