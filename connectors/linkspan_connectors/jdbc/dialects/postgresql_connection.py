"""What psycopg and libpq make of the properties of PostgreSQL's Java driver (spec/jdbc.md 2.2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.settings import Settings

__all__ = ["conninfo", "prepare_threshold"]

log = logging.getLogger(__name__)

_SAME: Final = {
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "sslpassword": "sslpassword",
    "options": "options",
    "gssencmode": "gssencmode",
    "channelbinding": "channel_binding",
    "kerberosservername": "krbsrvname",
    "passfile": "passfile",
    "service": "service",
}
"""Properties that libpq has as well, in lower case, with its name for them."""

_TARGETS: Final = {
    "any": "any",
    "primary": "primary",
    "master": "primary",
    "secondary": "standby",
    "slave": "standby",
    "prefersecondary": "prefer-standby",
    "preferslave": "prefer-standby",
    "preferprimary": "any",
}

_WITHOUT_EFFECT: Final = frozenset(
    {
        "user", "password", "pgdbname", "pghost", "pgport", "ssl", "currentschema", "applicationname",
        "connecttimeout", "logintimeout", "sockettimeout", "tcpkeepalive", "targetservertype", "preparethreshold",
        "loadbalancehosts", "stringtype", "rewritebatchedinserts", "defaultrowfetchsize", "binarytransfer",
        "binarytransferenable", "binarytransferdisable", "assumeminserverversion", "autosave", "preferquerymode",
        "cleanupsavepoints", "reademptyresultset", "loggerlevel", "loggerfile", "logunclosedconnections",
        "preparedstatementcachequeries", "preparedstatementcachesizemib", "databasemetadatacachefields",
        "databasemetadatacachefieldsmib", "sendbuffersize", "receivebuffersize", "disablecolumnsanitiser",
        "logservererrordetail", "unknownlength", "escapesyntaxcallmode", "adaptivefetch", "maxresultbuffer",
        "quotereturningidentifiers", "hostrecheckseconds", "readonly", "readonlymode", "groupstartupparameters",
        "canceltsignaltimeout", "cancelsignaltimeout", "sslfactory", "sslnegotiation", "gsslib", "usespnego",
        "jaasapplicationname", "jaaslogin", "xmlfactoryfactory", "replication", "hidereadonlywarning",
    }
)  # fmt: skip
"""Properties that are read elsewhere, or that concern nothing but the Java driver itself; in lower case."""

_TRUE: Final = frozenset({"", "true", "1", "yes", "on"})
_DEFAULT_PREPARE_THRESHOLD: Final = 5
_SILENCE: Final = 120
_IDLE: Final = 60
"""Seconds."""


def conninfo(settings: Settings, credentials: Credentials, application: str) -> dict[str, str | int]:
    """Parameters of libpq.

    Raises:
        ConfigError: a property cannot be honoured.
    """
    url = settings.url
    user = credentials.user or settings.option("user") or url.user
    password = credentials.password or settings.option("password") or url.password
    made: dict[str, str | int | None] = {
        "host": ",".join(host.name for host in url.hosts) or "localhost",
        "port": ",".join(str(host.port or 5432) for host in url.hosts) or 5432,
        "dbname": url.database or user,
        "user": user,
        "password": password,
        "client_encoding": "UTF8",
        "application_name": settings.option("ApplicationName") or application,
        "connect_timeout": _seconds(settings, "connectTimeout", "loginTimeout") or int(settings.login_seconds),
        **_watched(settings),
        "target_session_attrs": _target(settings),
        "load_balance_hosts": "random" if (settings.option("loadBalanceHosts") or "no").lower() in _TRUE else None,
    }
    made.update(_same(settings.all_properties))
    if "sslmode" not in made and settings.option("ssl") is not None:
        made["sslmode"] = "require" if (settings.option("ssl") or "").lower() in _TRUE else "prefer"
    schema = settings.option("currentSchema")
    if schema:
        made["options"] = f"{made.get('options') or ''} -c search_path={_escaped(schema)}".strip()
    return {name: value for name, value in made.items() if value is not None}


def prepare_threshold(settings: Settings) -> int | None:
    """Runs after which a statement is prepared on the server; None for never, as PgBouncer may need it."""
    text = settings.option("prepareThreshold")
    if (settings.option("preferQueryMode") or "").lower() == "simple":
        return None
    if text is None:
        return _DEFAULT_PREPARE_THRESHOLD
    try:
        return int(text) or None
    except ValueError:
        raise ConfigError.invalid("connection.url", text, "prepareThreshold has to be a number") from None


def _same(properties: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in properties.items():
        folded = name.lower()
        if folded in _SAME:
            found[_SAME[folded]] = value
        elif folded not in _WITHOUT_EFFECT:
            log.warning("Property %s of the connection is not known here, and has no effect", name)
    return found


def _watched(settings: Settings) -> dict[str, int]:
    """How a server that is gone without a word is noticed: within two minutes, or the ``socketTimeout``."""
    silence = _seconds(settings, "socketTimeout")
    limit = {"tcp_user_timeout": (silence or _SILENCE) * 1000}
    if (settings.option("tcpKeepAlive") or "true").lower() not in _TRUE:
        return {"keepalives": 0, **(limit if silence else {})}
    return {"keepalives": 1, "keepalives_idle": _IDLE, "keepalives_interval": 10, "keepalives_count": 6, **limit}


def _target(settings: Settings) -> str | None:
    text = settings.option("targetServerType")
    if text is None:
        return None
    try:
        return _TARGETS[text.lower()]
    except KeyError:
        reason = f"targetServerType has to be one of {', '.join(_TARGETS)}"
        raise ConfigError.invalid("connection.url", text, reason) from None


def _seconds(settings: Settings, *names: str) -> int | None:
    text = settings.option(*names)
    if text is None:
        return None
    try:
        return int(float(text)) or None
    except ValueError:
        raise ConfigError.invalid("connection.url", text, f"{names[0]} has to be a number of seconds") from None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(" ", "\\ ")
