from __future__ import annotations

import pytest

from linkspan.plugins.catalog import Catalog
from linkspan.plugins.discovery import scan


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(scan())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("JdbcSinkConnector", "io.confluent.connect.jdbc.JdbcSinkConnector"),
        ("JdbcSink", "io.confluent.connect.jdbc.JdbcSinkConnector"),
        ("JdbcSourceConnector", "io.confluent.connect.jdbc.JdbcSourceConnector"),
        ("JdbcSource", "io.confluent.connect.jdbc.JdbcSourceConnector"),
        ("JDBCSinkConnector", "com.ibm.eventstreams.connect.jdbcsink.JDBCSinkConnector"),
        ("io.aiven.connect.jdbc.JdbcSinkConnector", "io.aiven.connect.jdbc.JdbcSinkConnector"),
        ("io.aiven.connect.jdbc.JdbcSourceConnector", "io.aiven.connect.jdbc.JdbcSourceConnector"),
        ("io.debezium.connector.jdbc.JdbcSinkConnector", "io.debezium.connector.jdbc.JdbcSinkConnector"),
    ],
)
def test_each_vendors_class_is_found_and_short_names_are_confluents(catalog, name, found):
    info = catalog.find("connector", name)
    assert info.class_name == found
    assert info.error is None
