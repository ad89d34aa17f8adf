from __future__ import annotations

import pytest

from linkspan.config.definition import load
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.discovery import scan
from linkspan_connectors.jdbc.variants.aiven.connector import AivenSinkConnector, AivenSourceConnector
from linkspan_connectors.jdbc.variants.debezium.connector import DebeziumSinkConnector
from linkspan_connectors.jdbc.variants.ibm import IbmSinkConnector


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


@pytest.mark.parametrize(
    ("connector", "settings"),
    [
        (AivenSinkConnector, {"connection.url": "jdbc:sqlite:"}),
        (AivenSourceConnector, {"connection.url": "jdbc:sqlite:", "mode": "bulk", "topic.prefix": "x"}),
        (DebeziumSinkConnector, {"connection.url": "jdbc:sqlite:"}),
        (IbmSinkConnector, {"connection.url": "jdbc:sqlite:", "table.name.format": "t"}),
    ],
)
def test_exactly_once_is_refused_where_it_would_have_no_effect(connector, settings):
    (error,) = connector().validate(load(connector.config_class, {**settings, "x.exactly.once": "true"}))
    assert error.key == "x.exactly.once"
    assert f"no setting of {connector.java_class}" in error.message
    assert connector().validate(load(connector.config_class, settings)) == []
