from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkspan.api import NotFoundError
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.definitions import plugin_config
from linkspan.plugins.discovery import scan

CONVERTERS = json.loads((Path(__file__).parent / "golden" / "converters.json").read_text("utf-8"))
CONFIG_GOLDEN = Path(__file__).parents[1] / "config" / "golden"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    sample = "tests.plugins.sample_plugins"
    return Catalog(
        [
            *scan(),
            PluginInfo("source", f"{sample}.TickerSourceConnector", f"{sample}:TickerSourceConnector", "1.5.0"),
            PluginInfo("transformation", f"{sample}.HoistField", f"{sample}:HoistField"),
        ]
    )


@pytest.mark.parametrize("name", CONVERTERS)
def test_keys_of_converters_are_those_of_the_original(catalog, name):
    assert json.dumps(plugin_config(catalog, name)) == json.dumps(CONVERTERS[name])


@pytest.mark.parametrize("name", ["FileStreamSource", "FileStreamSink"])
def test_keys_of_the_file_connectors_are_those_of_the_original_but_for_our_version(catalog, name):
    expected = json.loads((CONFIG_GOLDEN / f"{name}-config.json").read_text("utf-8"))
    for key in expected:
        if key["name"] == "connector.plugin.version":
            key["default_value"] = catalog.find("connector", name).version
    assert json.dumps(plugin_config(catalog, name)) == json.dumps(expected)


def test_a_connectors_own_keys_come_first(catalog):
    names = [key["name"] for key in plugin_config(catalog, "TickerSource")]
    assert names[:5] == ["topic", "low", "high", "behaviour", "name"]
    assert len(names) == len(set(names))


def test_a_transform_has_its_own_keys_only(catalog):
    assert [key["name"] for key in plugin_config(catalog, "HoistField")] == ["field"]


def test_an_unknown_plugin_is_not_found(catalog):
    with pytest.raises(NotFoundError, match=r"^Unknown plugin Nope\.$"):
        plugin_config(catalog, "Nope")
