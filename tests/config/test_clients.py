from __future__ import annotations

import pytest

from linkspan.api.fields import NO_DEFAULT, ConfigType
from linkspan.config.clients import CLIENTS, definition_of
from linkspan.config.definition import ConfigDef


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_knows_where_the_brokers_are(client):
    key = definition_of(client)["bootstrap.servers"]
    assert key.type is ConfigType.LIST
    assert {"client.id", "security.protocol", "sasl.jaas.config", "request.timeout.ms"} <= set(definition_of(client))


@pytest.mark.parametrize(
    ("client", "name", "kind", "default"),
    [
        ("producer", "acks", ConfigType.STRING, "all"),
        ("producer", "linger.ms", ConfigType.LONG, 5),
        ("producer", "buffer.memory", ConfigType.LONG, 32 << 20),
        ("producer", "key.serializer", ConfigType.CLASS, NO_DEFAULT),
        ("producer", "sasl.jaas.config", ConfigType.PASSWORD, None),
        ("consumer", "max.poll.records", ConfigType.INT, 500),
        ("consumer", "isolation.level", ConfigType.STRING, "read_uncommitted"),
        ("consumer", "auto.offset.reset", ConfigType.STRING, "latest"),
        ("admin", "retries", ConfigType.INT, 2**31 - 1),
    ],
)
def test_types_and_defaults_are_those_of_javas_clients(client, name, kind, default):
    key = definition_of(client)[name]
    assert (key.type, key.default) == (kind, default)


def test_a_client_does_not_know_the_others_keys():
    assert "max.poll.records" not in definition_of("producer")
    assert "acks" not in definition_of("consumer")
    assert "acks" not in definition_of("admin")


@pytest.mark.parametrize("client", CLIENTS)
def test_defaults_pass_their_own_checks(client):
    keys = [key for key in definition_of(client).values() if not key.required]
    assert [value for value in ConfigDef(keys).validate({}) if value.errors] == []


@pytest.mark.parametrize(
    ("client", "name", "value", "reason"),
    [
        ("consumer", "max.poll.records", "0", "Value must be at least 1"),
        ("producer", "acks", "2", "String must be one of: all, -1, 0, 1"),
        ("producer", "linger.ms", "x", "Not a number of type LONG"),
    ],
)
def test_values_are_checked_in_kafkas_words(client, name, value, reason):
    (checked,) = ConfigDef([definition_of(client)[name]]).validate({name: value})
    assert checked.errors == [f"Invalid value {value} for configuration {name}: {reason}"]
