from __future__ import annotations

import pytest

from linkspan.api import ConfigError
from linkspan.config.definition import load
from linkspan.config.policy import ALLOWLIST_KEY, POLICY_KEY, policy_of
from linkspan.config.worker import StandaloneConfig

JAVA = "org.apache.kafka.connect.connector.policy.{}ConnectorClientConfigOverridePolicy"
KEYS = ["acks", "sasl.jaas.config", "sasl.mechanism", "security.protocol"]


@pytest.mark.parametrize(
    ("worker", "allowed"),
    [
        ({}, KEYS),
        ({POLICY_KEY: "All"}, KEYS),
        ({POLICY_KEY: JAVA.format("All")}, KEYS),
        ({POLICY_KEY: " None "}, []),
        ({POLICY_KEY: "Principal"}, KEYS[1:]),
        ({POLICY_KEY: JAVA.format("Principal")}, KEYS[1:]),
        ({POLICY_KEY: "Allowlist"}, []),
        ({POLICY_KEY: "Allowlist", ALLOWLIST_KEY: "acks , sasl.mechanism"}, ["acks", "sasl.mechanism"]),
    ],
)
def test_each_policy_allows_its_keys(worker, allowed):
    policy = policy_of(worker)
    assert [key for key in KEYS if policy.refusal(key) is None] == allowed


def test_a_refusal_names_policy_and_key():
    assert policy_of({POLICY_KEY: JAVA.format("None")}).refusal("acks") == (
        "The 'None' policy does not allow 'acks' to be overridden in the connector configuration."
    )


def test_all_refused_keys_are_in_one_error():
    with pytest.raises(ConfigError) as caught:
        policy_of({POLICY_KEY: "Principal"}).check(["acks", "sasl.mechanism", "linger.ms"])
    assert caught.value.message == (
        "Client Config Overrides not allowed [The 'Principal' policy does not allow 'acks' to be overridden in the "
        "connector configuration.; The 'Principal' policy does not allow 'linger.ms' to be overridden in the connector "
        "configuration.]"
    )


def test_nothing_is_refused_when_nothing_is_overridden():
    policy_of({POLICY_KEY: "None"}).check([])


def test_an_unknown_policy_is_refused_when_the_worker_starts():
    worker = {"key.converter": "a", "value.converter": "b", "offset.storage.file.filename": "f", POLICY_KEY: "x.Mine"}
    with pytest.raises(ConfigError, match=r"Invalid value x\.Mine for configuration .*All, Allowlist, None") as caught:
        load(StandaloneConfig, worker)
    assert caught.value.key == POLICY_KEY
