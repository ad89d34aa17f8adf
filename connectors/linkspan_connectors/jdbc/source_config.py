"""Configuration of the source: keys and defaults are those of Confluent's (spec/jdbc.md 3 and 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from linkspan.api import (
    HIGH,
    LOW,
    Bool,
    Config,
    ConfigError,
    Duration,
    Int,
    Long,
    Password,
    Secret,
    Str,
    StrList,
    Width,
)
from linkspan.api.validators import at_least, between, one_of, one_of_ignoring_case, optional
from linkspan_connectors.jdbc.filters import ColumnMapping, TableFilter, compiled
from linkspan_connectors.jdbc.outbox_config import OUTBOX, OutboxConfig
from linkspan_connectors.jdbc.record_keys import KEY_FORMS

__all__ = [
    "SNAPSHOT_KEY",
    "JdbcSourceConfig",
    "JdbcSourceTaskConfig",
    "assigned_tables",
    "column_mappings",
    "query_key",
    "query_text",
    "table_filter",
]

MODES: Final = ("bulk", "incrementing", "timestamp", "timestamp+incrementing", OUTBOX)
GRANULARITIES: Final = (
    "connect_logical",
    "micros_long",
    "micros_string",
    "micros_iso_datetime_string",
    "nanos_long",
    "nanos_string",
    "nanos_iso_datetime_string",
)
ISOLATIONS: Final = (
    "DEFAULT",
    "READ_UNCOMMITTED",
    "READ_COMMITTED",
    "REPEATABLE_READ",
    "SERIALIZABLE",
    "SQL_SERVER_SNAPSHOT",
)
_NUMERIC: Final = ("none", "precision_only", "best_fit", "best_fit_eager_double")
_OLD_FILTERS: Final = ("table.whitelist", "table.blacklist")
_NEW_FILTERS: Final = ("table.include.list", "table.exclude.list")
_OLD_COLUMNS: Final = ("timestamp.column.name", "incrementing.column.name")
_NEW_COLUMNS: Final = ("timestamp.columns.mapping", "incrementing.column.mapping")
SNAPSHOT_KEY: Final = "x.snapshot.chunk.size"
_ASSIGNED: Final = re.compile(r'(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[(?:[^\]]|\]\])*\]|[^,])+')
_TOPIC: Final = re.compile("[a-zA-Z0-9._-]*")
_LONGEST_TOPIC: Final = 249
_SELECT: Final = re.compile(r"(?:select|with)\b|\(", re.IGNORECASE)
_COMMENTS: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)

_MODE: Final = "Mode"
_CONNECTOR: Final = "Connector"


def _mode(key: str, value: object) -> None:
    if value in ("", None):
        raise ConfigError.invalid(key, value, f"Query mode must be specified: one of {', '.join(MODES)}")
    one_of(*MODES)(key, value)


def _topic_prefix(key: str, value: object) -> None:
    text = str(value or "").strip()
    if len(text) > _LONGEST_TOPIC:
        raise ConfigError.invalid(key, value, f"a topic's name has {_LONGEST_TOPIC} characters at most")
    if _TOPIC.fullmatch(text) is None:
        raise ConfigError.invalid(key, value, "a topic's name consists of letters, digits, '.', '_' and '-'")


def _patterns(key: str, value: object) -> None:
    for item in value if isinstance(value, list) else ():
        compiled(key, item)


def _timestamp_mapping(key: str, value: object) -> None:
    for item in value if isinstance(value, list) else ():
        ColumnMapping.of(key, item, lists=True)


def _incrementing_mapping(key: str, value: object) -> None:
    for item in value if isinstance(value, list) else ():
        ColumnMapping.of(key, item, lists=False)


class JdbcSourceConfig(OutboxConfig):
    """From tables or a query into topics."""

    mode = Str(
        default="",
        importance=HIGH,
        group=_MODE,
        order=1,
        width=Width.MEDIUM,
        display_name="Table Loading Mode",
        validator=_mode,
        doc=(
            "How rows are found. bulk: all of them, each time. incrementing: those with a greater id. timestamp: those "
            "with a later time, new and changed. timestamp+incrementing: by time, and by id where times are equal. "
            "outbox: rows are events, and columns of theirs name topic, key and value."
        ),
    )
    incrementing_column_name = Str(
        default="",
        group=_MODE,
        order=2,
        width=Width.MEDIUM,
        display_name="Incrementing Column Name",
        doc="Column that only grows, and is never null. Empty: the column that the database fills by itself.",
    )
    timestamp_column_name = StrList(
        default=(),
        group=_MODE,
        order=3,
        width=Width.MEDIUM,
        display_name="Timestamp Column Name",
        doc="Columns that tell when a row was made or changed; the first one that is not null counts.",
    )
    timestamp_initial = Long(
        default=None,
        importance=LOW,
        group=_MODE,
        order=4,
        width=Width.MEDIUM,
        display_name="Unix time value of initial timestamp",
        validator=optional(at_least(-1)),
        doc="Where to begin when no offset is stored, in milliseconds since 1970; -1 for the database's present time.",
    )
    validate_non_null = Bool(
        default=True,
        importance=LOW,
        group=_MODE,
        order=5,
        width=Width.SHORT,
        display_name="Validate Non Null",
        doc="Whether to refuse tables whose incrementing column, or all of whose timestamp columns, may be null.",
    )
    query = Str(
        default="",
        group=_MODE,
        order=6,
        width=Width.LONG,
        display_name="Query",
        doc=(
            "What to read in place of tables: a SELECT. In a mode other than bulk its conditions are added behind it, "
            "or around it where it ends in clauses of its own."
        ),
    )
    query_masked = Password(
        "query.masked",
        default="",
        importance=LOW,
        group=_MODE,
        order=7,
        width=Width.LONG,
        display_name="Query (masked)",
        doc="The same as query, but treated like a password: it is not shown in logs, messages and validation.",
    )
    query_suffix = Str(
        default="",
        importance=LOW,
        group=_MODE,
        order=9,
        width=Width.MEDIUM,
        display_name="Query suffix",
        doc="Text put behind every statement, such as a limit of rows.",
    )
    query_retry_attempts = Int(
        default=-1,
        importance=LOW,
        group=_MODE,
        order=10,
        width=Width.SHORT,
        display_name="Query Retry Attempts",
        doc="How often in a row a table may fail to be read before the task fails; 0 or less for any number.",
    )
    timestamp_columns_mapping = StrList(
        default=(),
        group=_MODE,
        order=11,
        width=Width.MEDIUM,
        display_name="Timestamp columns of tables",
        validator=_timestamp_mapping,
        doc="Timestamp columns for table.include.list: items such as shop\\.orders:[changed|made].",
    )
    incrementing_column_mapping = StrList(
        default=(),
        group=_MODE,
        order=12,
        width=Width.MEDIUM,
        display_name="Incrementing columns of tables",
        validator=_incrementing_mapping,
        doc="Incrementing columns for table.include.list: items such as shop\\..*:id.",
    )
    table_whitelist = StrList(
        default=(),
        group=_CONNECTOR,
        order=1,
        width=Width.LONG,
        display_name="Table Whitelist",
        doc="Tables to read: full names, with or without quotes, or bare names, to the letter.",
    )
    table_blacklist = StrList(
        default=(),
        group=_CONNECTOR,
        order=2,
        width=Width.LONG,
        display_name="Table Blacklist",
        doc="Tables not to read; not together with table.whitelist.",
    )
    table_include_list = StrList(
        default=(),
        group=_CONNECTOR,
        order=3,
        width=Width.LONG,
        display_name="Table Include List",
        validator=_patterns,
        doc="Tables to read: regular expressions for full names without quotes.",
    )
    table_exclude_list = StrList(
        default=(),
        group=_CONNECTOR,
        order=4,
        width=Width.LONG,
        display_name="Table Exclude List",
        validator=_patterns,
        doc="Of the tables of table.include.list, those not to read.",
    )
    catalog_pattern = Str(
        default=None,
        group=_CONNECTOR,
        order=5,
        width=Width.SHORT,
        display_name="Catalog",
        doc="Catalog whose tables are listed; an empty text for tables without one, absent for any.",
    )
    schema_pattern = Str(
        default=None,
        importance=HIGH,
        group=_CONNECTOR,
        order=6,
        width=Width.SHORT,
        display_name="Schema pattern",
        doc="Schemas whose tables are listed, with % and _ as in LIKE; an empty text for tables without one.",
    )
    table_types = StrList(
        default=("TABLE",),
        importance=LOW,
        group=_CONNECTOR,
        order=7,
        width=Width.MEDIUM,
        display_name="Table Types",
        doc="Kinds of tables to list, such as TABLE, VIEW, MATERIALIZED VIEW, PARTITIONED TABLE or SYNONYM.",
    )
    table_poll_interval_ms = Duration(
        default=60_000,
        importance=LOW,
        group=_CONNECTOR,
        order=8,
        width=Width.SHORT,
        display_name="Metadata Change Monitoring Interval (ms)",
        doc="Milliseconds after which tables are listed again; new and gone ones change the tasks.",
    )
    table_monitoring_startup_polling_limit_ms = Duration(
        default=10_000,
        importance=LOW,
        group=_CONNECTOR,
        order=9,
        width=Width.SHORT,
        display_name="Startup wait for tables (ms)",
        doc="Milliseconds that a start waits for the first list of tables.",
    )
    numeric_precision_mapping = Bool(
        default=False,
        importance=LOW,
        group=_CONNECTOR,
        order=10,
        width=Width.SHORT,
        display_name="Map Numeric Values By Precision",
        deprecated="numeric.mapping=precision_only",
        doc="The same as numeric.mapping=precision_only, where that is not set.",
    )
    numeric_mapping = Str(
        default=None,
        importance=LOW,
        group=_CONNECTOR,
        order=11,
        width=Width.SHORT,
        display_name="Map Numeric Values, Integral or Decimal, By Precision and Scale",
        validator=optional(one_of(*_NUMERIC, *(name.upper() for name in _NUMERIC))),
        doc=(
            "What NUMERIC columns become. none: Decimal. precision_only: whole numbers where they fit. best_fit: whole "
            "numbers or floating point by precision and scale. best_fit_eager_double: floating point for all fractions."
        ),
    )
    timestamp_granularity = Str(
        default="connect_logical",
        importance=LOW,
        group=_CONNECTOR,
        order=12,
        width=Width.MEDIUM,
        display_name="Timestamp granularity for timestamp columns",
        validator=one_of_ignoring_case(*GRANULARITIES),
        doc="What timestamps become: Connect's Timestamp (milliseconds), or micro- or nanoseconds as numbers or texts.",
    )
    topic_prefix = Str(
        default="",
        importance=HIGH,
        group=_CONNECTOR,
        order=13,
        width=Width.MEDIUM,
        display_name="Topic Prefix",
        validator=_topic_prefix,
        doc="Put in front of a table's name to make the topic's; with a query, the topic's name.",
    )
    poll_interval_ms = Int(
        default=5000,
        importance=HIGH,
        group=_CONNECTOR,
        order=14,
        width=Width.SHORT,
        display_name="Poll Interval (ms)",
        doc="Milliseconds between two statements for the same table.",
    )
    batch_max_rows = Int(
        default=1000,
        importance=LOW,
        group=_CONNECTOR,
        order=15,
        width=Width.SHORT,
        display_name="Max Rows Per Batch",
        validator=at_least(1),
        doc="Rows that are fetched at once, and records of one batch, at most.",
    )
    max_buffer_size = Int(
        default=0,
        importance=LOW,
        group=_CONNECTOR,
        order=16,
        width=Width.SHORT,
        display_name="Max Buffer Size",
        validator=at_least(0),
        doc="Rows read ahead of what the task takes, at most; 0 for four batches.",
    )
    poll_linger_ms = Duration(
        default=5000,
        importance=LOW,
        group=_CONNECTOR,
        order=17,
        width=Width.SHORT,
        display_name="Poll Linger (ms)",
        validator=at_least(0),
        doc="Milliseconds that the task waits for rows when there are none. Rows that are there never wait.",
    )
    timestamp_delay_interval_ms = Duration(
        default=0,
        importance=HIGH,
        group=_CONNECTOR,
        order=18,
        width=Width.MEDIUM,
        display_name="Delay Interval (ms)",
        validator=at_least(0),
        doc="Milliseconds that a row has to be old by its timestamp, so that transactions under way can end before.",
    )
    transaction_isolation_mode = Str(
        default="DEFAULT",
        importance=LOW,
        group=_CONNECTOR,
        order=19,
        width=Width.MEDIUM,
        display_name="Transaction Isolation Mode",
        validator=one_of(*ISOLATIONS),
        doc="Isolation of the transactions that read; DEFAULT for the database's own.",
    )
    engine_shutdown_timeout = Int(
        default=10,
        importance=LOW,
        group=_CONNECTOR,
        order=20,
        width=Width.SHORT,
        display_name="Shutdown timeout (s)",
        validator=between(0, 30),
        doc="Seconds that the end of a task waits for a statement that is under way.",
    )
    compat_initial_bounds = Bool(
        "compat.initial.bounds",
        default=False,
        importance=LOW,
        group=_CONNECTOR,
        order=21,
        width=Width.SHORT,
        display_name="Bounds of the first read",
        doc="Whether a first read leaves out ids of -1 and less and times up to 1970, as the original does.",
    )
    compat_unsigned_bigint = Str(
        "compat.unsigned.bigint",
        default="refuse",
        importance=LOW,
        group=_CONNECTOR,
        order=22,
        width=Width.SHORT,
        display_name="Unsigned BIGINT",
        validator=one_of("refuse", "decimal"),
        doc="What unsigned BIGINT columns become: INT64, where greater numbers are refused, or a Decimal of scale 0.",
    )
    x_incrementing_initial = Long(
        "x.incrementing.initial",
        default=None,
        importance=LOW,
        group=_CONNECTOR,
        order=24,
        width=Width.SHORT,
        display_name="Initial id",
        doc="The id behind which to begin when no offset is stored; all ids by default.",
    )
    x_extended_types = Bool(
        "x.extended.types",
        default=False,
        importance=LOW,
        group=_CONNECTOR,
        order=23,
        width=Width.SHORT,
        display_name="Extended types",
        doc="Whether columns are read that the original leaves out, such as arrays, intervals and network addresses.",
    )

    x_gap_safe = Bool(
        "x.gap.safe",
        default=False,
        importance=LOW,
        group=_MODE,
        order=13,
        width=Width.SHORT,
        display_name="Wait for lower ids",
        doc=(
            "Whether mode incrementing leaves rows for later while a transaction may still commit lower ids. On "
            "PostgreSQL; SQLite has no such transactions."
        ),
    )
    x_snapshot_chunk_size = Long(
        SNAPSHOT_KEY,
        default=0,
        importance=LOW,
        group=_MODE,
        order=14,
        width=Width.SHORT,
        display_name="Ids of a chunk",
        validator=at_least(0),
        doc=(
            "How many ids make a chunk, for tables that are read for the first time by a mode with an id: all tasks "
            "read chunks side by side then, and each goes on within its chunk when it starts anew. 0: tables are not "
            "cut."
        ),
    )
    x_key_from_primary_key = Str(
        "x.key.from.primary.key",
        default="none",
        importance=LOW,
        group=_CONNECTOR,
        order=26,
        width=Width.SHORT,
        display_name="Keys of records",
        validator=one_of(*KEY_FORMS),
        doc="Keys made of the primary key of a table: none; a struct of its columns; the value of its only column.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Rules between keys (spec/jdbc.md 4)."""
        return [
            *super().check(config),
            *_mixed(config),
            *_about_filters(config),
            *_about_query(config),
            *_about(config),
            *_about_extensions(config),
        ]


class JdbcSourceTaskConfig(JdbcSourceConfig):
    """Of one task."""

    tables = StrList(default=(), importance=HIGH, doc="Full names in quotes of the tables that this task reads.")
    tables_fetched = Bool(default=False, importance=HIGH, doc="Whether the list of tables was known.")
    x_snapshot_plan = Str(
        "x.snapshot.plan", default="", importance=LOW, doc="Chunks of tables, as the connector cut them."
    )


def query_key(config: Config) -> str | None:
    """The key that has a query, if one does."""
    if str(config.values["query"] or "").strip():
        return "query"
    masked = config.values["query.masked"]
    return "query.masked" if isinstance(masked, Secret) and masked.value.strip() else None


def query_text(config: Config) -> str:
    """The query, or an empty text."""
    key = query_key(config)
    if key is None:
        return ""
    value = config.values[key]
    return (value.value if isinstance(value, Secret) else str(value)).strip()


def assigned_tables(config: JdbcSourceTaskConfig) -> list[str]:
    """Full names in quotes of the tables of a task; a comma within quotes separates none."""
    return [name.strip() for name in _ASSIGNED.findall(config.originals.get("tables") or "") if name.strip()]


def table_filter(config: JdbcSourceConfig) -> TableFilter:
    """The lists of tables."""
    return TableFilter(
        frozenset(config.table_whitelist),
        frozenset(config.table_blacklist),
        [compiled("table.include.list", item) for item in config.table_include_list],
        [compiled("table.exclude.list", item) for item in config.table_exclude_list],
    )


def column_mappings(config: JdbcSourceConfig) -> tuple[list[ColumnMapping], list[ColumnMapping]]:
    """Timestamp and incrementing columns of the tables of an include list."""
    timestamps, ids = "timestamp.columns.mapping", "incrementing.column.mapping"
    return (
        [ColumnMapping.of(timestamps, item, lists=True) for item in config.timestamp_columns_mapping],
        [ColumnMapping.of(ids, item, lists=False) for item in config.incrementing_column_mapping],
    )


def _set(config: Config, keys: Sequence[str]) -> list[str]:
    """Those of the keys that say something."""
    return [key for key in keys if config.values[key]]


def _mixed(config: Config) -> list[ConfigError]:
    old = _set(config, _OLD_FILTERS + _OLD_COLUMNS)
    new = _set(config, _NEW_FILTERS + _NEW_COLUMNS)
    if not old or not new:
        return []
    reason = f"{', '.join(old)} and {', '.join(new)} cannot be used together; use either the older or the newer names"
    return [ConfigError.invalid(key, config.values[key], reason) for key in old + new]


def _about_filters(config: Config) -> list[ConfigError]:
    values = config.values
    problems = []
    if len(_set(config, _OLD_FILTERS)) == 2:
        reason = "table.whitelist and table.blacklist are exclusive"
        problems += [ConfigError.invalid(key, values[key], reason) for key in _OLD_FILTERS]
    included, excluded = values["table.include.list"], values["table.exclude.list"]
    if excluded and not included:
        reason = "it leaves out tables of table.include.list, which is not set"
        problems.append(ConfigError.invalid("table.exclude.list", excluded, reason))
    for key, is_used in zip(_NEW_COLUMNS, _tracks(config), strict=True):
        mapping = values[key]
        if included and is_used and not mapping:
            problems.append(ConfigError(f"{key} is needed with table.include.list in mode {values['mode']}", key))
        elif mapping and not is_used:
            problems.append(ConfigError.invalid(key, mapping, f"mode {values['mode']} does not use it"))
        elif mapping and not included:
            problems.append(ConfigError.invalid(key, mapping, "it belongs to table.include.list, which is not set"))
    return problems


def _tracks(config: Config) -> tuple[bool, bool]:
    """Whether the mode uses a timestamp, and an id."""
    mode = str(config.values["mode"])
    return "timestamp" in mode, "incrementing" in mode


def _about_query(config: Config) -> list[ConfigError]:
    values = config.values
    key = query_key(config)
    if key is None:
        return []
    problems = []
    shown = values[key]
    masked = values["query.masked"]
    if key == "query" and isinstance(masked, Secret) and masked.value.strip():
        problems += [
            ConfigError.invalid(name, values[name], "query and query.masked are exclusive")
            for name in ("query", "query.masked")
        ]
    filters = _set(config, _OLD_FILTERS + _NEW_FILTERS)
    if filters:
        reason = f"a query cannot be used together with {', '.join(filters)}"
        problems += [ConfigError.invalid(name, values[name], reason) for name in (key, *filters)]
    text = query_text(config)
    begin = _COMMENTS.match(text)
    if _SELECT.match(text, begin.end() if begin else 0) is None:
        problems.append(ConfigError.invalid(key, shown, "only SELECT, also after WITH, can be read"))
    uses_timestamp, uses_id = _tracks(config)
    if uses_id and not values["incrementing.column.name"]:
        name = "incrementing.column.name"
        problems.append(ConfigError(f"{name} is needed with a query in mode {values['mode']}", name))
    if uses_timestamp and not values["timestamp.column.name"]:
        name = "timestamp.column.name"
        problems.append(ConfigError(f"{name} is needed with a query in mode {values['mode']}", name))
    return problems


def _about_extensions(config: Config) -> list[ConfigError]:
    """Of what the original does not have."""
    values = config.values
    mode, has_query = values["mode"], query_key(config) is not None
    problems = []
    key = "x.gap.safe"
    if values[key] and (mode not in ("incrementing", OUTBOX) or has_query):
        reason = "it is for tables in mode incrementing; modes with times have timestamp.delay.interval.ms for that"
        problems.append(ConfigError.invalid(key, values[key], reason))
    key = "x.key.from.primary.key"
    if values[key] != "none" and (mode == OUTBOX or has_query):
        what = "a query has no primary key" if has_query else "the mode outbox has keys of its own"
        problems.append(ConfigError.invalid(key, values[key], what))
    if mode == OUTBOX and has_query:
        problems.append(ConfigError.invalid("mode", mode, "it reads tables, and no query"))
    key = "query.suffix"
    if mode == OUTBOX and values[key]:
        problems.append(ConfigError.invalid(key, values[key], "the mode outbox limits its statements itself"))
    return problems + _about_snapshot(config)


def _about_snapshot(config: Config) -> list[ConfigError]:
    values = config.values
    size = values[SNAPSHOT_KEY]
    if not size:
        return []
    if values["mode"] not in ("incrementing", "timestamp+incrementing") or query_key(config) is not None:
        reason = "chunks are runs of ids: they are for tables in the modes incrementing and timestamp+incrementing"
        return [ConfigError.invalid(SNAPSHOT_KEY, size, reason)]
    others = {
        "timestamp.initial": "leaves out rows that chunks would have",
        "x.incrementing.initial": "leaves out rows that chunks would have",
        "compat.initial.bounds": "leaves out rows that chunks would have",
        "query.suffix": "might leave out rows of a chunk, which is read once",
    }
    return [
        ConfigError.invalid(key, values[key], f"it {why}; {SNAPSHOT_KEY} cannot be used together with it")
        for key, why in others.items()
        if values[key] is not None and values[key] is not False and values[key] != ""
    ]


def _about(config: Config) -> list[ConfigError]:
    values = config.values
    problems = []
    uses_timestamp, _ = _tracks(config)
    is_named_elsewhere = values["table.include.list"] or query_key(config) is not None
    if uses_timestamp and not is_named_elsewhere and not values["timestamp.column.name"]:
        name = "timestamp.column.name"
        problems.append(ConfigError(f"{name} is needed in mode {values['mode']}", name))
    if query_key(config) is not None and not str(values["topic.prefix"] or "").strip():
        problems.append(ConfigError("topic.prefix is needed with a query: it is the name of the topic", "topic.prefix"))
    if not values["connection.url"]:
        problems.append(ConfigError("connection.url is needed: the JDBC URL of the database", "connection.url"))
    return problems
