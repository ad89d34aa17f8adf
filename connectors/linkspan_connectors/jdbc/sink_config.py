"""Configuration of the sink (spec/jdbc.md 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from linkspan.api import (
    HIGH,
    LOW,
    MEDIUM,
    Bool,
    Config,
    ConfigError,
    Importance,
    Int,
    Str,
    StrList,
    Width,
)
from linkspan.api.fields import Validator
from linkspan.api.validators import at_least, one_of
from linkspan_connectors.jdbc.config import ConnectionConfig
from linkspan_connectors.jdbc.evolution import TableRules
from linkspan_connectors.jdbc.keys import COORDINATES, ColumnRules

__all__ = ["JdbcSinkConfig", "column_rules", "date_zone_of", "table_rules"]

_WRITES: Final = "Writes"
_MAPPING: Final = "Data Mapping"
_DDL: Final = "DDL Support"
_RETRIES: Final = "Retries"
_EXACTLY_ONCE: Final = "Exactly once"
_KINDS: Final = ("TABLE", "PARTITIONED TABLE", "VIEW")


def _any_case(*choices: str) -> Validator:
    """One of these, all in lower or all in upper case."""
    return one_of(*choices, *(choice.upper() for choice in choices))


def _not_blank(key: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError.invalid(key, value, "it must not be blank")


def _kinds(key: str, value: object) -> None:
    if not isinstance(value, list) or not value:
        raise ConfigError.invalid(key, value, f"it must name at least one of {', '.join(_KINDS)}")
    unknown = [kind for kind in value if kind.upper() not in _KINDS]
    if unknown:
        raise ConfigError.invalid(key, value, f"{', '.join(unknown)} is none of {', '.join(_KINDS)}")


def _option(
    group: str,
    order: int,
    label: str,
    width: Width = Width.SHORT,
    importance: Importance = MEDIUM,
    **options: Any,  # noqa: ANN401 - options of a key
) -> dict[str, Any]:
    return {
        "group": group,
        "order": order,
        "display_name": label,
        "width": width,
        "importance": importance,
        **options,
    }


class JdbcSinkConfig(ConnectionConfig):
    """From topics into tables."""

    connection_url = Str(
        **_option("Connection", 1, "JDBC URL", Width.LONG, HIGH, validator=_not_blank),
        doc="URL of the database: jdbc: and what its Java driver takes. Passwords in it stay out of messages and logs.",
    )

    insert_mode = Str(
        **_option(_WRITES, 1, "Insert mode", Width.MEDIUM, HIGH, validator=_any_case("insert", "upsert", "update")),
        default="insert",
        doc="insert: a new row for each record; upsert: the row with the record's key is replaced, or made; update: "
        "the row with the record's key is changed if it exists.",
    )
    batch_size = Int(
        **_option(_WRITES, 2, "Batch size", validator=at_least(0)),
        default=3000,
        doc="Records of one table that are sent to the database together, at most.",
    )
    delete_enabled = Bool(
        **_option(_WRITES, 3, "Delete by records without value"),
        default=False,
        doc="Whether a record without value deletes the row with its key. Needs pk.mode=record_key.",
    )
    table_types = StrList(
        **_option(_WRITES, 4, "Kinds of table", Width.MEDIUM, LOW, validator=_kinds),
        default=["TABLE"],
        doc="What may be written to: TABLE, PARTITIONED TABLE and VIEW (views that can be updated).",
    )
    table_name_format = Str(
        **_option(_MAPPING, 1, "Table name format", Width.LONG, validator=_not_blank),
        default="${topic}",
        doc="Name of the table for a topic: ${topic} stands for the topic's name. A schema may stand in front, with a "
        "dot between.",
    )
    pk_mode = Str(
        **_option(
            _MAPPING,
            2,
            "Key mode",
            Width.MEDIUM,
            HIGH,
            validator=_any_case("none", "kafka", "record_key", "record_value"),
        ),
        default="none",
        doc="What the key columns hold: none, there are none; kafka, the record's topic, partition and offset; "
        "record_key, its key or fields of it; record_value, fields of its value.",
    )
    pk_fields = StrList(
        **_option(_MAPPING, 3, "Key fields", Width.LONG),
        default=(),
        doc="Key columns. With pk.mode=kafka three names, by default "
        f"{', '.join(COORDINATES)}; with record_key the column of a primitive key, or fields of a "
        "Struct, all by default; with record_value fields of the value, all by default.",
    )
    fields_whitelist = StrList(
        **_option(_MAPPING, 4, "Fields to write", Width.LONG),
        default=(),
        doc="Fields of the value to write; all by default. Key columns are always written.",
    )
    date_timezone = Str(
        **_option(_MAPPING, 5, "Time zone of dates", validator=one_of("DB_TIMEZONE", "UTC")),
        default="DB_TIMEZONE",
        doc="Zone in which the days of Connect's Date are counted: that of db.timezone, or UTC.",
    )
    timestamp_fields_list = StrList(
        **_option(_MAPPING, 6, "Numbers that are timestamps", Width.LONG),
        default=(),
        doc="Fields of the value, INT64 or texts of numbers, that are written as timestamps.",
    )
    timestamp_precision_mode = Str(
        **_option(_MAPPING, 7, "Unit of these numbers", validator=_any_case("microseconds", "nanoseconds")),
        default="microseconds",
        doc="What the numbers of timestamp.fields.list count since the epoch.",
    )
    string_output_value_column_name = Str(
        **_option(_MAPPING, 8, "Column for values that are texts", Width.MEDIUM, LOW, validator=_not_blank),
        default="record_value",
        doc="Column that a value is written to which is a bare text.",
    )
    replace_null_with_default = Bool(
        **_option(_MAPPING, 9, "Replace null by the default"),
        default=True,
        doc="Whether a field that is null is written as the default of its schema, if it has one.",
    )
    auto_create = Bool(
        **_option(_DDL, 1, "Create tables"),
        default=False,
        doc="Whether a table that is missing is created.",
    )
    auto_evolve = Bool(
        **_option(_DDL, 2, "Add columns"),
        default=False,
        doc="Whether a column that is missing is added to its table.",
    )
    max_retries = Int(
        **_option(_RETRIES, 1, "Most retries", validator=at_least(0)),
        default=10,
        doc="How often records are tried again after an error that may pass, before the task fails.",
    )
    retry_backoff_ms = Int(
        **_option(_RETRIES, 2, "Pause before a retry (ms)", validator=at_least(0)),
        default=3000,
        doc="Milliseconds until records are tried again.",
    )
    mssql_use_merge_holdlock = Bool(
        **_option(_WRITES, 5, "HOLDLOCK in MERGE", importance=LOW),
        default=True,
        doc="Whether upserts into SQL Server hold a lock on the range of the key.",
    )
    trim_sensitive_log = Bool(
        **_option(_WRITES, 6, "Keep values out of messages", importance=LOW),
        default=False,
        doc="Whether values of rows are left out of messages about errors of the database.",
    )

    x_exactly_once = Bool(
        **_option(_EXACTLY_ONCE, 1, "Exactly once"),
        default=False,
        doc="Whether offsets are stored in the database, in the transactions of the rows, and read from there: each "
        "record is then written exactly once, in every insert.mode.",
    )
    x_offsets_table = Str(
        **_option(_EXACTLY_ONCE, 2, "Table of offsets", Width.LONG, validator=_not_blank),
        default="linkspan_connect_offsets",
        doc="Table that x.exactly.once keeps offsets in; made when it is missing. Connectors may share it as long as "
        "their names differ.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Key columns have to fit what is to be done by them (spec 9, 11 and 15)."""
        mode, key_mode = (str(config.values[key]).lower() for key in ("insert.mode", "pk.mode"))
        fields = key_fields(config)
        errors = [*super().check(config)]
        if config.values["delete.enabled"] and key_mode != "record_key":
            reason = "rows are deleted by the record's key, which needs pk.mode=record_key"
            errors.append(ConfigError.invalid("delete.enabled", True, reason))
        if mode in ("upsert", "update") and key_mode == "none":
            reason = f"insert.mode={mode} finds rows by their key: use kafka, record_key or record_value"
            errors.append(ConfigError.invalid("pk.mode", config.values["pk.mode"], reason))
        if key_mode == "kafka" and len(fields) not in (0, len(COORDINATES)):
            reason = "pk.mode=kafka takes the names of three columns, for topic, partition and offset, or none"
            errors.append(ConfigError.invalid("pk.fields", config.values["pk.fields"], reason))
        return errors


def date_zone_of(config: JdbcSinkConfig) -> str | None:
    """Id of the zone in which Dates are counted; None for that of the database."""
    return None if config.date_timezone == "DB_TIMEZONE" else config.date_timezone


def key_fields(config: Config) -> tuple[str, ...]:
    """The names in ``pk.fields``, each once."""
    fields = config.values["pk.fields"]
    assert isinstance(fields, list)
    return tuple(dict.fromkeys(fields))


def column_rules(config: JdbcSinkConfig) -> ColumnRules:
    """What a configuration says about columns."""
    return ColumnRules(
        config.pk_mode.lower(),
        key_fields(config),
        frozenset(config.fields_whitelist),
        config.string_output_value_column_name.strip(),
        frozenset(config.timestamp_fields_list),
        9 if config.timestamp_precision_mode.lower() == "nanoseconds" else 6,
        config.delete_enabled,
    )


def table_rules(config: JdbcSinkConfig) -> TableRules:
    """What a configuration says about tables."""
    kinds = tuple(kind.upper() for kind in config.table_types)
    return TableRules(config.auto_create, config.auto_evolve, kinds, config.max_retries, config.x_exactly_once)
