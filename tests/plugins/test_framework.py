"""The framework's own look at plugins that a worker or a connector names."""

from __future__ import annotations

import pytest

from linkspan.api import ConfigError
from linkspan.plugins.catalog import Catalog
from linkspan.plugins.discovery import scan
from linkspan.plugins.framework import check_converters

TEXT = "org.apache.kafka.connect.storage.StringConverter"
GOOD = {"key.converter": TEXT, "value.converter": "JsonConverter", "header.converter": "SimpleHeaderConverter"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(scan())


def test_converters_that_are_there_are_taken(catalog: Catalog) -> None:
    check_converters(catalog, GOOD)
    check_converters(catalog, {**GOOD, "header.converter": None, "key.converter.plugin.version": "latest"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value.converter": "Nope"}, "Nope for configuration value.converter: Class Nope could not be found"),
        ({"key.converter": "FileStreamSource"}, "does not implement the Converter interface"),
        ({"header.converter": "FileStreamSink"}, "does not implement the HeaderConverter interface"),
        ({"key.converter.plugin.version": "99"}, "StringConverter not found that matches the version range"),
    ],
)
def test_a_converter_that_is_not_there_is_refused_with_its_key(
    catalog: Catalog, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        check_converters(catalog, GOOD | changes)
    assert said in raised.value.message
    assert raised.value.key in {"key.converter", "value.converter", "header.converter"}
