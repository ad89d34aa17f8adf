from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkspan.plugins.catalog import Catalog
from linkspan.plugins.definitions import plugin_config
from linkspan.plugins.discovery import scan

CONFIGS = json.loads((Path(__file__).parent / "golden" / "configs.json").read_text("utf-8"))
CATALOG = Catalog(scan())


def test_there_are_all_transforms_and_predicates_of_the_original():
    found = CATALOG.of_kind("transformation", "predicate")
    assert {info.class_name for info in found if info.class_name.startswith("org.apache.kafka.")} == CONFIGS.keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_keys_are_those_of_the_original(name):
    assert json.dumps(plugin_config(CATALOG, name)) == json.dumps(CONFIGS[name])


@pytest.mark.parametrize("name", [name for name in CONFIGS if "$" not in name])
def test_short_names_are_enough(name):
    assert CATALOG.find(None, name.rpartition(".")[2]).class_name == name
