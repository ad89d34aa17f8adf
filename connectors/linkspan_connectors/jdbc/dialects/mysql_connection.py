"""What PyMySQL makes of the properties of the Java drivers of MySQL and MariaDB (spec/jdbc.md 2.2)."""

from __future__ import annotations

import logging
import re
import socket
import ssl
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from linkspan.api import ConfigError, DataError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.stores import StoreFile, tls_context
from linkspan_connectors.jdbc.urls import Host

__all__ = ["arguments", "limit_statements", "open_connection"]

log = logging.getLogger(__name__)

_ROOM: Final = 1024
"""Bytes of a packet for what is not the statement."""
_BYTES_A_CHARACTER: Final = 4
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_ZONE: Final = re.compile(r"[A-Za-z0-9_+:/-]+")
_MODES: Final = {
    "disabled": "none",
    "disable": "none",
    "preferred": "preferred",
    "required": "trust",
    "require": "trust",
    "trust": "trust",
    "verify_ca": "verify-ca",
    "verify-ca": "verify-ca",
    "verify_identity": "verify-full",
    "verify-full": "verify-full",
}
"""``sslMode`` of either driver."""


def open_connection(
    pymysql: ModuleType,
    settings: Settings,
    credentials: Credentials,
    application: str,
    decoders: Mapping[int, Any],
) -> Any:  # noqa: ANN401 - PyMySQL's connection
    """Connect to the hosts in their order until one answers.

    Raises:
        pymysql.Error: of the last host.
        ConfigError: a property cannot be honoured.
    """
    options = arguments(settings, credentials, application)
    options["conv"] = {**pymysql.converters.encoders, **decoders}
    options["client_flag"] = pymysql.constants.CLIENT.FOUND_ROWS
    hosts = settings.url.hosts or (Host("localhost"),)
    for host in hosts[:-1]:
        try:
            return _connected(pymysql, host, options)
        except pymysql.OperationalError as error:
            if not error.args or error.args[0] not in (2003, 2013, 1040, 1053):
                raise
            log.warning("MySQL at %s does not answer, trying the next host: %s", host.name, error.args[1])
    return _connected(pymysql, hosts[-1], options)


def _connected(pymysql: ModuleType, host: Host, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - PyMySQL's connection
    """Connect; a server that takes the connection and says nothing is not waited for longer than one that does not."""
    patience = {**options, "read_timeout": options["connect_timeout"], "write_timeout": options["connect_timeout"]}
    made = pymysql.connect(host=host.name, port=host.port or 3306, **patience)
    _watch(made._sock)  # noqa: SLF001 - as below
    made._read_timeout = options.get("read_timeout")  # noqa: SLF001 - they cannot be changed otherwise
    made._write_timeout = options.get("write_timeout")  # noqa: SLF001 - as above
    return made


def limit_statements(pymysql: ModuleType, connection: Any, longest: int) -> None:  # noqa: ANN401 - PyMySQL's
    """Refuse a statement that the server would answer by closing the connection.

    Args:
        pymysql: the driver.
        connection: whose cursors to change.
        longest: bytes that the server takes, its ``max_allowed_packet``.
    """
    limit = longest - _ROOM

    class LimitedCursor(pymysql.cursors.Cursor):  # type: ignore[name-defined, misc]  # the driver is imported late
        """Whose statements all fit into one packet."""

        max_stmt_length = min(pymysql.cursors.Cursor.max_stmt_length, limit)

        def _query(self, q: str | bytes | bytearray) -> Any:  # noqa: ANN401 - the driver's
            size = len(q)
            if isinstance(q, str) and size * _BYTES_A_CHARACTER >= limit:
                size = len(q.encode(errors="replace"))
            if size >= limit:
                raise DataError(
                    f"A statement of {size} bytes is larger than the database takes, which is {longest} bytes: raise "
                    "its max_allowed_packet, or write less at once"
                )
            return super()._query(q)

    connection.cursorclass = LimitedCursor


def _watch(connected: Any) -> None:  # noqa: ANN401 - a socket, or one with TLS
    """Notice within two minutes that a server is gone without a word."""
    for name, value in (("KEEPIDLE", 60), ("KEEPINTVL", 10), ("KEEPCNT", 6), ("USER_TIMEOUT", 120_000)):
        option = getattr(socket, f"TCP_{name}", None)  # not every system has them
        if option is not None and connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


def arguments(settings: Settings, credentials: Credentials, application: str) -> dict[str, Any]:
    """Arguments of ``pymysql.connect`` but for the host.

    Raises:
        ConfigError: a property cannot be honoured.
    """
    url = settings.url
    connect_ms = _number(settings, "connectTimeout")
    silence_ms = _number(settings, "socketTimeout")
    made: dict[str, Any] = {
        "user": credentials.user or settings.option("user") or url.user,
        "password": credentials.password or settings.option("password") or url.password or "",
        "database": url.database,
        "charset": "utf8mb4",
        "autocommit": False,
        "connect_timeout": max(1, min(connect_ms / 1000 if connect_ms else settings.login_seconds, 3600)),
        "read_timeout": silence_ms / 1000 if silence_ms else None,
        "write_timeout": silence_ms / 1000 if silence_ms else None,
        "program_name": application,
        "init_command": _session(settings),
        **_tls(settings),
    }
    return {name: value for name, value in made.items() if value is not None}


def _session(settings: Settings) -> str:
    """Values that are too long or too large are refused, as the Java drivers have it, not cut."""
    variables = ["sql_mode=CONCAT(@@sql_mode,',STRICT_TRANS_TABLES')"]
    strict = (settings.option("jdbcCompliantTruncation") or "true").lower()
    given = settings.option("sessionVariables")
    chosen = [] if strict in _FALSE else variables
    return "SET " + ",".join([*chosen, *_session_zone(settings), *([given] if given else [])] or ["@linkspan=1"])


def _session_zone(settings: Settings) -> list[str]:
    """The zone of the session, in which TIMESTAMP columns are seen, where it is to be that of the connection.

    Raises:
        ConfigError: it is no name of a zone.
    """
    zone = settings.option("connectionTimeZone", "serverTimezone")
    forced = (settings.option("forceConnectionTimeZoneToSession") or "false").lower()
    if zone is None or zone.upper() in ("LOCAL", "SERVER") or forced in _FALSE:
        return []
    if _ZONE.fullmatch(zone) is None:
        raise ConfigError.invalid("connection.url", zone, "connectionTimeZone has to be a zone such as Europe/Paris")
    return [f"time_zone='{zone}'"]


def _tls(settings: Settings) -> dict[str, Any]:
    """Arguments for TLS; without any it is used where the server has it, and nothing is checked."""
    mode = _tls_mode(settings)
    if mode == "none":
        return {"ssl_disabled": True}
    if mode == "preferred":
        return {}
    trusted = _store(settings, ("trustCertificateKeyStore", "trustStore"), "serverSslCert")
    own = _store(settings, ("clientCertificateKeyStore", "keyStore"), None)
    context = tls_context(trusted, own, check_hostname=mode == "verify-full")
    if mode == "trust":
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _tls_mode(settings: Settings) -> str:
    text = settings.option("sslMode")
    if text is not None:
        if text.lower() not in _MODES:
            raise ConfigError.invalid("connection.url", text, f"sslMode has to be one of {', '.join(_MODES)}")
        return _MODES[text.lower()]
    use = settings.option("useSSL")
    if use is not None and use.lower() in _FALSE:
        return "none"
    required = use is not None or (settings.option("requireSSL") or "false").lower() not in _FALSE
    verified = (settings.option("verifyServerCertificate") or "false").lower() not in _FALSE
    return ("verify-ca" if verified else "trust") if required else "preferred"


def _store(settings: Settings, names: tuple[str, str], pem: str | None) -> StoreFile | None:
    """A store as MySQL's driver names it, with ``Url`` behind it, or MariaDB's; or a PEM file."""
    mysql, mariadb = names
    path = settings.option(f"{mysql}Url", mariadb)
    if path is not None:
        return StoreFile(path, settings.option(f"{mysql}Password", f"{mariadb}Password"))
    file = settings.option(pem) if pem is not None else None
    return StoreFile(file) if file is not None else None


def _number(settings: Settings, name: str) -> int | None:
    text = settings.option(name)
    if text is None:
        return None
    try:
        return int(text) or None
    except ValueError:
        raise ConfigError.invalid("connection.url", text, f"{name} has to be a number of milliseconds") from None
