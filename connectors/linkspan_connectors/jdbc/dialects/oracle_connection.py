"""What python-oracledb makes of the properties of Oracle's Java driver (spec/jdbc.md 2.2)."""

from __future__ import annotations

import logging
from typing import Any, Final

from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.stores import StoreFile, tls_context

__all__ = ["arguments"]

log = logging.getLogger(__name__)

_PORT: Final = 1521
_SECURED_PORT: Final = 2484
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_KNOWN: Final = frozenset(
    {"user", "password", "oracle.net.ssl_server_dn_match", "oracle.net.ssl_server_cert_dn", "oracle.net.tns_admin",
     "oracle.net.wallet_location", "oracle.net.wallet_password", "oracle.net.connect_timeout",
     "javax.net.ssl.truststore", "javax.net.ssl.truststorepassword", "javax.net.ssl.truststoretype",
     "javax.net.ssl.keystore", "javax.net.ssl.keystorepassword", "javax.net.ssl.keystoretype", "v$session.program",
     "tns_admin", "defaultrowprefetch", "defaultbatchvalue", "includesynonyms", "remarksreporting",
     "oracle.jdbc.timezoneasregion", "oracle.jdbc.readtimeout"}
)  # fmt: skip


def arguments(settings: Settings, credentials: Credentials, application: str) -> dict[str, Any]:
    """Arguments of ``oracledb.connect``.

    Raises:
        ConfigError: a store cannot be read.
    """
    url, option = settings.url, settings.option
    for name in settings.all_properties:
        if name.lower() not in _KNOWN:
            log.warning("Property %s of the connection is not known here, and has no effect", name)
    made: dict[str, Any] = {
        "user": credentials.user or option("user") or url.user,
        "password": credentials.password or option("password") or url.password,
        "tcp_connect_timeout": settings.login_seconds,
        "program": option("v$session.program") or application,
        "config_dir": option("oracle.net.tns_admin", "TNS_ADMIN"),
        "ssl_server_dn_match": (option("oracle.net.ssl_server_dn_match") or "true").lower() not in _FALSE,
        "ssl_server_cert_dn": option("oracle.net.ssl_server_cert_dn"),
        "wallet_password": option("oracle.net.wallet_password"),
        **_place(settings),
    }
    wallet = option("oracle.net.wallet_location")
    if wallet is not None:
        made["wallet_location"] = wallet.removeprefix("file:")
    trusted = option("javax.net.ssl.trustStore")
    if trusted is not None:
        own = option("javax.net.ssl.keyStore")
        made["ssl_context"] = tls_context(
            StoreFile(trusted, option("javax.net.ssl.trustStorePassword")),
            None if own is None else StoreFile(own, option("javax.net.ssl.keyStorePassword")),
            check_hostname=False,  # the driver compares names itself
        )
    return {name: value for name, value in made.items() if value is not None}


def _place(settings: Settings) -> dict[str, Any]:
    """Where the database is: a descriptor, a name to be looked up, or an address."""
    url = settings.url
    if url.variant in ("descriptor", "name"):
        return {"dsn": url.database}
    secured = url.variant == "tcps"
    port = _SECURED_PORT if secured else _PORT
    if len(url.hosts) > 1:
        prefix = "tcps://" if secured else ""
        places = ",".join(f"{host.name}:{host.port or port}" for host in url.hosts)
        return {"dsn": f"{prefix}{places}/{url.database or ''}"}
    host = url.hosts[0] if url.hosts else None
    return {
        "host": host.name if host is not None else "localhost",
        "port": (host.port if host is not None else None) or port,
        "protocol": "tcps" if secured else "tcp",
        ("sid" if url.variant == "sid" else "service_name"): url.database,
    }
