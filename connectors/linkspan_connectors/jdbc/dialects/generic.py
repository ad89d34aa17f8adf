"""Any other database that SQLAlchemy has a dialect for: read, and written to by INSERT, UPDATE and DELETE."""

from __future__ import annotations

from linkspan_connectors.jdbc.dialects.inspected import InspectedDialect

__all__ = ["GenericDialect"]

_NAMES = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlserver": "mssql+pymssql",
    "oracle": "oracle+oracledb",
    "sap": "hana",
}
"""SQLAlchemy's names where they are not the sub-protocol."""


class GenericDialect(InspectedDialect):
    """What no other dialect is for; tables cannot be made, since nothing is known of its types."""

    name = "GenericDatabaseDialect"
    title = "Generic"
    times_are_cut = True
    has_upsert = False

    @property
    def engine_name(self) -> str:
        """By the sub-protocol of the URL."""
        protocol = self.settings.url.protocol
        return _NAMES.get(protocol, protocol.replace(":", "+"))
