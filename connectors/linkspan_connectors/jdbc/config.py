"""Settings that source and sink share (spec/jdbc.md 2.1)."""

from __future__ import annotations

import os
import re
from typing import Final

from linkspan.api import HIGH, LOW, MEDIUM, Config, ConfigError, Int, Long, Password, Str, Width
from linkspan.api.fields import ClassName
from linkspan.api.validators import at_least, one_of, one_of_ignoring_case
from linkspan_connectors.jdbc.client import Attempts
from linkspan_connectors.jdbc.credentials import DEFAULT_PROVIDER
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse
from linkspan_connectors.jdbc.zones import zone_of

__all__ = ["ConnectionConfig", "attempts_of", "settings_of"]

_GROUP: Final = "Connection"
_BLOCKED: Final = "JDBC_CONNECTION_URL_BLOCKED_PARAMS"
_BLOCKED_OF_JAVA: Final = re.compile(r"-Djdbc\.connection\.url\.blocked\.params=(\S*)")
_OWN: Final = frozenset({"connection.url", "connection.user", "connection.password", "connection.attempts",
                         "connection.backoff.ms"})  # fmt: skip
_PREFIX: Final = "connection."


def _zone(key: str, value: object) -> None:
    zone_of(str(value), key)


class ConnectionConfig(Config):
    """Keys of the connection; source and sink put ``connection.url`` and what is theirs in front or behind."""

    connection_url = Str(
        doc="URL of the database: jdbc: and what its Java driver takes. Passwords in it stay out of messages and logs.",
        default="",
        importance=HIGH,
        group=_GROUP,
        order=1,
        width=Width.LONG,
        display_name="JDBC URL",
    )
    connection_user = Str(
        doc="User that the connection is opened as.",
        default=None,
        importance=HIGH,
        group=_GROUP,
        order=2,
        width=Width.MEDIUM,
        display_name="JDBC User",
    )
    connection_password = Password(
        doc="Password of the user.",
        default=None,
        importance=HIGH,
        group=_GROUP,
        order=3,
        width=Width.MEDIUM,
        display_name="JDBC Password",
    )
    connection_attempts = Int(
        doc="How often opening a connection is tried before it counts as failed.",
        default=3,
        validator=at_least(1),
        importance=LOW,
        group=_GROUP,
        order=4,
        width=Width.SHORT,
        display_name="JDBC connection attempts",
    )
    connection_backoff_ms = Long(
        doc="Milliseconds between two attempts to open a connection.",
        default=10_000,
        importance=LOW,
        group=_GROUP,
        order=5,
        width=Width.SHORT,
        display_name="JDBC connection backoff (ms)",
    )
    jdbc_credentials_provider_class = ClassName(
        "jdbc.credentials.provider.class",
        doc="What gives user and password each time a connection is opened: a function or class of Python, as "
        "package.module:name. It gets the whole configuration; keys that begin with jdbc.credentials.provider. are "
        "its own.",
        default=DEFAULT_PROVIDER,
        importance=LOW,
        group=_GROUP,
        order=6,
        width=Width.LONG,
        display_name="JDBC Credentials Provider Class",
    )
    dialect_name = Str(
        doc="The dialect to use, such as PostgreSqlDatabaseDialect; empty for that of the URL.",
        default="",
        importance=LOW,
        group=_GROUP,
        order=7,
        width=Width.LONG,
        display_name="Database Dialect",
    )
    quote_sql_identifiers = Str(
        doc="Whether names of tables and columns stand in quotes in statements: always or never.",
        default="ALWAYS",
        validator=one_of_ignoring_case("always", "never"),
        importance=MEDIUM,
        group=_GROUP,
        order=8,
        width=Width.MEDIUM,
        display_name="Quote Identifiers",
    )
    db_timezone = Str(
        doc="Zone of the wall clocks in columns without one, by its JDK id: Europe/Paris, UTC, GMT+2, PST.",
        default="UTC",
        validator=_zone,
        importance=MEDIUM,
        group=_GROUP,
        order=9,
        width=Width.MEDIUM,
        display_name="DB time zone",
    )
    date_calendar_system = Str(
        doc="Calendar of days before 15 October 1582 in the database: LEGACY, which is Julian as Java's old dates are, "
        "or PROLEPTIC_GREGORIAN.",
        default="LEGACY",
        validator=one_of("LEGACY", "PROLEPTIC_GREGORIAN"),
        importance=LOW,
        group=_GROUP,
        order=10,
        width=Width.MEDIUM,
        display_name="Date calendar system",
    )


def settings_of(config: Config, date_zone: str | None = None) -> Settings:
    """What a dialect is told of a configuration of either direction.

    Args:
        config: with the keys of :class:`ConnectionConfig`.
        date_zone: id of the zone for Connect's Dates; that of the database by default.

    Raises:
        ConfigError: the URL cannot be read, a zone does not exist, or a property is not allowed on this worker.
    """
    values = config.values
    zone = zone_of(str(values["db.timezone"]))
    properties = {
        name.removeprefix(_PREFIX): value
        for name, value in config.originals.items()
        if name.startswith(_PREFIX) and name not in _OWN and value is not None
    }
    url = parse(str(values["connection.url"] or ""))
    _refuse_blocked([*url.properties], "connection.url")
    for name in properties:
        _refuse_blocked([name], _PREFIX + name)
    return Settings(
        url=url,
        properties=properties,
        quote=str(values["quote.sql.identifiers"]).lower() == "always",
        zone=zone,
        date_zone=zone if date_zone is None else zone_of(date_zone, "date.timezone"),
        holdlock=values.get("mssql.use.merge.holdlock") is not False,
        proleptic=values["date.calendar.system"] == "PROLEPTIC_GREGORIAN",
    )


def attempts_of(config: Config) -> Attempts:
    """How opening a connection is tried."""
    count, backoff = config.values["connection.attempts"], config.values["connection.backoff.ms"]
    assert isinstance(count, int)
    assert isinstance(backoff, int)
    return Attempts(count, max(0, backoff) / 1000)


def _refuse_blocked(names: list[str], key: str) -> None:
    """Raises ConfigError for a property that whoever runs the worker does not allow."""
    as_java = _BLOCKED_OF_JAVA.search(os.environ.get("KAFKA_OPTS", ""))
    listed = f"{os.environ.get(_BLOCKED, '')},{as_java[1] if as_java is not None else ''}"
    blocked = {name.strip().casefold() for name in listed.split(",") if name.strip()}
    for name in names:
        if name.casefold() in blocked:
            raise ConfigError(f"{key}: the property {name} is not allowed on this worker ({_BLOCKED})", key)
