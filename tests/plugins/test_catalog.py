from __future__ import annotations

import json

import pytest

from linkspan.api import ConfigError, NotFoundError
from linkspan.plugins.catalog import Catalog, PluginInfo

FILE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
PLUGINS = [
    PluginInfo("converter", "org.x.JsonConverter", "ours.json:JsonConverter", "1"),
    PluginInfo("header_converter", "org.x.JsonConverter", "ours.json:JsonConverter", "1"),
    PluginInfo("predicate", "org.x.IsOld", "ours.predicates:IsOld"),
    PluginInfo("transformation", "org.x.Cast$Key", "ours.cast:CastKey", aliases=("Cast.Key",)),
    PluginInfo("source", FILE, "ours.file:FileStreamSourceConnector", "0.1"),
    PluginInfo("source", "a.ClashConnector", "a:ClashConnector"),
    PluginInfo("sink", "b.ClashConnector", "b:ClashConnector"),
    PluginInfo("sink", "z.SinkConnector", "z:SinkConnector", error="the module q is missing"),
]


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(PLUGINS)


@pytest.mark.parametrize(
    "name",
    [
        FILE,
        "FileStreamSourceConnector",
        "FileStreamSource",
        "ours.file.FileStreamSourceConnector",
        "ours.file:FileStreamSourceConnector",
    ],
)
def test_a_connector_answers_to_java_name_python_path_and_short_names(catalog, name):
    assert catalog.find("connector", name).class_name == FILE
    assert catalog.find(None, name).class_name == FILE


def test_a_simple_name_is_that_of_the_one_vendor_who_is_meant():
    found = Catalog(
        [
            PluginInfo("sink", "io.one.JdbcSinkConnector", "one:JdbcSinkConnector"),
            PluginInfo("sink", "io.other.JdbcSinkConnector", "other:OtherSinkConnector", has_short_name=False),
        ]
    )
    for name in ("JdbcSinkConnector", "JdbcSink", "io.one.JdbcSinkConnector"):
        assert found.find("connector", name).class_name == "io.one.JdbcSinkConnector"
    for name in ("io.other.JdbcSinkConnector", "OtherSink", "other:OtherSinkConnector"):
        assert found.find("connector", name).class_name == "io.other.JdbcSinkConnector"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("converter", "Json"),
        ("header_converter", "JsonConverter"),
        ("predicate", "IsOld"),
        ("transformation", "org.x.Cast$Key"),
        ("transformation", "Cast.Key"),
        ("transformation", "ours.cast.CastKey"),
    ],
)
def test_other_plugins_answer_to_their_names(catalog, kind, name):
    assert catalog.find(kind, name).kind == kind


def test_names_are_exact(catalog):
    for name in ("", "filestreamsource", "Source", " FileStreamSource", "org.apache.kafka.connect.file"):
        with pytest.raises(NotFoundError):
            catalog.find(None, name)


def test_an_unknown_connector_lists_those_there_are(catalog):
    with pytest.raises(NotFoundError) as caught:
        catalog.find("connector", "Nope")
    assert caught.value.message == (
        "Failed to find any class that implements Connector and which name matches Nope, available connectors are: "
        f"b.ClashConnector (sink, version undefined), z.SinkConnector (sink, version undefined), "
        f"a.ClashConnector (source, version undefined), {FILE} (source, version 0.1)"
    )


def test_an_unknown_converter_lists_those_there_are(catalog):
    with pytest.raises(NotFoundError) as caught:
        catalog.find("converter", "Nope")
    assert caught.value.message == (
        "Failed to find any class that implements Converter and which name matches Nope, available are: "
        "org.x.JsonConverter (converter, version 1)"
    )


def test_a_short_name_of_two_classes_is_refused(catalog):
    with pytest.raises(ConfigError) as caught:
        catalog.find("connector", "Clash")
    assert caught.value.message == (
        "More than one connector matches alias Clash. Please use full package and class name instead. "
        "Classes found: a.ClashConnector, b.ClashConnector"
    )
    assert catalog.find("connector", "a.ClashConnector").kind == "source"


def test_the_class_of_a_connector_is_looked_for_among_connectors_without_blanks_around_it(catalog):
    both = Catalog([*catalog.plugins, PluginInfo("source", "my.JsonConnector", "my:JsonConnector")])
    assert both.connector_of({"connector.class": " Json\t"}).class_name == "my.JsonConnector"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"name": "x", "password": "s3cret"}, "Connector config {name, password} contains no connector type"),
        ({"connector.class": None}, "Connector config {connector.class} contains no connector type"),
        ({"connector.class": "JsonConverter"}, "Failed to find any class that implements Connector"),
        ({"connector.class": "Clash"}, "More than one connector matches alias Clash"),
    ],
)
def test_a_configuration_that_names_no_connector_is_the_callers_mistake(catalog, config, said):
    with pytest.raises(ConfigError) as caught:
        catalog.connector_of(config)
    assert caught.value.message.startswith(said)


def test_listing_is_sorted_by_kind_and_name_and_hides_unknown_versions(catalog):
    assert catalog.listing(connectors_only=True) == [
        {"class": "b.ClashConnector", "type": "sink"},
        {"class": "z.SinkConnector", "type": "sink"},
        {"class": "a.ClashConnector", "type": "source"},
        {"class": FILE, "type": "source", "version": "0.1"},
    ]
    everything = [item["type"] for item in catalog.listing(connectors_only=False)]
    assert everything[4:] == ["transformation", "predicate", "converter", "header_converter"]


def test_it_travels_as_json(catalog):
    assert Catalog.from_json(json.loads(json.dumps(catalog.to_json()))).plugins == catalog.plugins
