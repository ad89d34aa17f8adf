"""The connectors."""

from __future__ import annotations

from linkspan_connectors.jdbc.sink_connector import JdbcSinkConnector

__all__ = ["JdbcSinkConnector"]
