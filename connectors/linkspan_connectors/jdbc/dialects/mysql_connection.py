"""What PyMySQL makes of the properties of the Java drivers of MySQL and MariaDB (spec/jdbc.md 2.2)."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.stores import StoreFile, tls_context
from linkspan_connectors.jdbc.urls import Host

__all__ = ["arguments", "open_connection"]

log = logging.getLogger(__name__)

_FALSE: Final = frozenset({"false", "0", "no", "off"})
_MODES: Final = {
    "disabled": None,
    "disable": None,
    "preferred": None,
    "required": "trust",
    "require": "trust",
    "trust": "trust",
    "verify_ca": "verify-ca",
    "verify-ca": "verify-ca",
    "verify_identity": "verify-full",
    "verify-full": "verify-full",
}
"""``sslMode`` of either driver. What is only preferred is not asked for: the server decides nothing by it."""


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
            return pymysql.connect(host=host.name, port=host.port or 3306, **options)
        except pymysql.OperationalError as error:
            if not error.args or error.args[0] not in (2003, 2013, 1040, 1053):
                raise
            log.warning("MySQL at %s does not answer, trying the next host: %s", host.name, error.args[1])
    return pymysql.connect(host=hosts[-1].name, port=hosts[-1].port or 3306, **options)


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
        "ssl": _tls(settings),
    }
    return {name: value for name, value in made.items() if value is not None}


def _session(settings: Settings) -> str:
    """Values that are too long or too large are refused, as the Java drivers have it, not cut."""
    variables = ["sql_mode=CONCAT(@@sql_mode,',STRICT_TRANS_TABLES')"]
    strict = (settings.option("jdbcCompliantTruncation") or "true").lower()
    given = settings.option("sessionVariables")
    return "SET " + ",".join(([] if strict in _FALSE else variables) + ([given] if given else []) or ["@linkspan=1"])


def _tls(settings: Settings) -> ssl.SSLContext | None:
    mode_text = settings.option("sslMode")
    if mode_text is None:
        wanted = (settings.option("useSSL") or "false").lower() not in _FALSE
        wanted = wanted or (settings.option("requireSSL") or "false").lower() not in _FALSE
        verified = (settings.option("verifyServerCertificate") or "false").lower() not in _FALSE
        mode = ("verify-ca" if verified else "trust") if wanted else None
    elif mode_text.lower() in _MODES:
        mode = _MODES[mode_text.lower()]
    else:
        raise ConfigError.invalid("connection.url", mode_text, f"sslMode has to be one of {', '.join(_MODES)}")
    if mode is None:
        return None
    trusted = _store(settings, ("trustCertificateKeyStore", "trustStore"), "serverSslCert")
    own = _store(settings, ("clientCertificateKeyStore", "keyStore"), None)
    context = tls_context(trusted, own, check_hostname=mode == "verify-full")
    if mode == "trust":
        context.verify_mode = ssl.CERT_NONE
    return context


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
