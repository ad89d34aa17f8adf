"""Debezium's JDBC sink, as a plugin of the original worker."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from integration.services.maven import jars

__all__ = ["JDBC_SINK", "VERSION", "plugin_path"]

VERSION: Final = "3.2.0.Final"
JDBC_SINK: Final = "io.debezium.connector.jdbc.JdbcSinkConnector"
_OF_THE_WORKER: Final = ("jackson-", "slf4j-")
"""Jars that the worker has as well, in other versions: the connector gets objects of those, and cannot have both."""


def plugin_path() -> Path:
    """Folder for ``plugin.path``; fetched on first use.

    Raises:
        UnavailableError: Maven cannot fetch it.
    """
    plugin = jars(f"debezium-jdbc-{VERSION}", [f"io.debezium:debezium-connector-jdbc:{VERSION}"])
    for jar in plugin.glob("*.jar"):
        if jar.name.startswith(_OF_THE_WORKER):
            jar.unlink(missing_ok=True)
    return plugin.parent
