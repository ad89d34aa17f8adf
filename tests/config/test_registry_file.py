"""The properties file of the schema registry, and settings of clients in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config import definition, properties
from linkspan.config.registry import RegistryConfig, client_properties

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_works_as_it_is() -> None:
    config = definition.load(RegistryConfig, properties.load(ROOT / "config/schema-registry.properties"))
    assert (config.embedded, config.level, config.kafkastore_topic) == (True, "BACKWARD", "_schemas")


def test_every_key_of_the_example_is_known_and_described() -> None:
    lines = (ROOT / "config/schema-registry.properties").read_text().splitlines()
    named = {line.lstrip("#").partition("=")[0] for line in lines if "=" in line and not line.startswith("# ")}
    clients = ("kafkastore.security.", "kafkastore.sasl.", "kafkastore.ssl.")
    known = {key.name for key in RegistryConfig.keys}
    assert {name for name in named if not name.startswith(clients)} <= known
    page = (ROOT / "docs/how-to/run-a-schema-registry.md").read_text()
    assert [key for key in known - {"host.name"} if f"`{key}`" not in page] == []


def test_clients_get_what_follows_the_prefix() -> None:
    given = {
        "kafkastore.bootstrap.servers": "SASL_SSL://a:1, SASL_SSL://b:2",
        "kafkastore.topic": "t",
        "kafkastore.sasl.mechanism": "PLAIN",
    }
    found = client_properties(definition.load(RegistryConfig, given))
    assert (found["bootstrap.servers"], found["security.protocol"]) == ("a:1,b:2", "SASL_SSL")
    assert found["sasl.mechanism"] == "PLAIN"
    assert "topic" not in found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"listeners": "ftp://x:1"}, "listeners"),
        ({"schema.compatibility.level": "some"}, "schema.compatibility.level"),
        ({"kafkastore.topic": ""}, "kafkastore.topic"),
    ],
)
def test_mistakes_are_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        definition.load(RegistryConfig, given)


def test_brokers_with_several_protocols_are_refused() -> None:
    config = definition.load(RegistryConfig, {"kafkastore.bootstrap.servers": "SSL://a:1,PLAINTEXT://b:2"})
    with pytest.raises(ConfigError, match="the same protocol"):
        client_properties(config)
