"""DB2 through IBM's driver and its dialect of SQLAlchemy (spec/jdbc.md 2.2, 8.3, 11 and 12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.derby import ValuesDialect
from linkspan_connectors.jdbc.results import JdbcType

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["Db2Dialect", "driver_options"]

_TRUE: Final = frozenset({"true", "yes", "1"})
_PORT: Final = 50_000
_NAMES: Final = {
    "currentschema": "CurrentSchema",
    "logintimeout": "ConnectTimeout",
    "sslcertlocation": "SSLServerCertificate",
}
_STORES: Final = ("sslTrustStoreLocation", "sslKeyStoreLocation")


class Db2Dialect(ValuesDialect):
    """DB2 for Linux, Unix and Windows."""

    name = "Db2DatabaseDialect"
    title = "DB2"
    times_are_cut = True
    protocols = ("db2", "db2j", "ibmdb", "db2j:net", "ibmdb:db2")
    current_time_query = "SELECT CURRENT_TIMESTAMP(12) FROM SYSIBM.SYSDUMMY1"
    validity_query = "SELECT 1 FROM SYSIBM.SYSDUMMY1"
    sqlalchemy_name = "db2+ibm_db"
    package = "ibm-db-sa"
    timestamp_types = ("TIMESTAMP", "TIMESTAMP(9)")
    native: ClassVar[Mapping[str, JdbcType]] = {
        "decfloat": JdbcType.OTHER,
        "numeric": JdbcType.DECIMAL,
        "char": JdbcType.CHAR,
    }

    def engine_url(self, credentials: Credentials, application: str) -> URL:
        """With the properties of the Java driver under the names of IBM's client."""
        url = super().engine_url(credentials, application)
        host = self.settings.url.hosts[0] if self.settings.url.hosts else None
        options = {**driver_options(self.settings.all_properties), "ProgramName": application[:20]}
        return url.set(query=options, port=_PORT if host is not None and host.port is None else url.port)


def driver_options(properties: Mapping[str, str]) -> dict[str, str]:
    """Options of IBM's client for properties of its Java driver.

    Raises:
        ConfigError: a store of Java is named, which the client cannot read.
    """
    folded = {name.casefold(): value for name, value in properties.items()}
    for name in _STORES:
        if name.casefold() in folded:
            reason = (
                f"{name} is a store of Java, which IBM's client does not read: export the certificate as a PEM file, "
                "and name it as sslCertLocation"
            )
            raise ConfigError("connection.url: " + reason, "connection.url")
    names = {
        "currentschema": "CurrentSchema",
        "logintimeout": "ConnectTimeout",
        "sslcertlocation": "SSLServerCertificate",
    }
    found = {names[name]: value for name, value in folded.items() if name in names}
    if folded.get("sslconnection", "false").lower() in _TRUE:
        found["Security"] = "SSL"
    return found
