"""The JDBC connectors, under the names of Confluent's."""

from linkspan_connectors.jdbc.sink_connector import JdbcSinkConnector
from linkspan_connectors.jdbc.source_connector import JdbcSourceConnector

__all__ = ["JdbcSinkConnector", "JdbcSourceConnector"]
