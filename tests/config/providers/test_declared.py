from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from linkspan.api import ConfigData, ConfigError, ConfigProvider, PluginError
from linkspan.config.providers.asking import Answer, asked, resolved
from linkspan.config.providers.declared import BUILT_IN, check_classes, declared
from linkspan.config.providers.passwords import passwords, refuse_unresolved
from linkspan.config.worker import DistributedConfig

KAFKA = "org.apache.kafka.common.config.provider."


def test_a_worker_file_declares_providers_with_class_and_parameters() -> None:
    settings = {
        "config.providers": "file, env,,file",
        "config.providers.file.class": f" {KAFKA}FileConfigProvider ",
        "config.providers.file.param.allowed.paths": "/a",
        "config.providers.file.other": "x",
        "config.providers.env.class": f"{KAFKA}EnvVarConfigProvider",
        "config.providers.unused.class": "x",
    }
    found = {provider.name: (provider.class_name, provider.params) for provider in declared(settings)}
    assert found == {
        "file": (f"{KAFKA}FileConfigProvider", {"allowed.paths": "/a"}),
        "env": (f"{KAFKA}EnvVarConfigProvider", {}),
    }


@pytest.mark.parametrize("given", [{}, {"config.providers.x.class": " "}])
def test_a_provider_without_a_class_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r'^Missing required configuration "config\.providers\.x\.class"'):
        declared({"config.providers": "x", **given})


def test_a_class_that_is_not_there_is_refused_with_all_that_are() -> None:
    providers = declared({"config.providers": "s", "config.providers.s.class": "com.example.Secrets"})
    with pytest.raises(ConfigError) as refused:
        check_classes(providers, {**BUILT_IN, "mine.Vault": None})
    assert refused.value.key == "config.providers.s.class"
    assert refused.value.message.startswith(
        "Invalid value com.example.Secrets for configuration config.providers.s.class: there is no such config "
        "provider here; there are io.strimzi.kafka.EnvVarConfigProvider, "
    )
    assert all(name in refused.value.message for name in (*BUILT_IN, "mine.Vault"))


class Answering(ConfigProvider[Any]):
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, path: str, keys: Collection[str]) -> ConfigData:  # noqa: ARG002 - always the same answer
        return self.answer


def test_what_was_not_asked_for_is_left_out() -> None:
    assert asked(Answering(ConfigData({"a": "1", "b": "2"}, 50)), "p", ["a", "c"]) == Answer({"a": "1"}, 50)
    assert asked(Answering(ConfigData({}, -1)), "p", []) == Answer({}, None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, "get returned a NoneType, and no ConfigData"),
        (ConfigData({"a": 1234}), "get returned no text for the key a"),  # type: ignore[dict-item]
    ],
)
def test_an_answer_that_is_none_is_refused_without_its_values(answer: Any, problem: str) -> None:
    with pytest.raises(PluginError, match=problem) as refused:
        asked(Answering(answer), "p", ["a"])
    assert "1234" not in refused.value.message


def test_providers_that_are_not_declared_are_not_asked() -> None:
    made = resolved({"a": "${x:k} ${y:k}"}, {"x": Answering(ConfigData({"k": "1"}))})
    assert made.config == {"a": "1 ${y:k}"}
    assert made.unresolved == {"a": ("${y:k}",)}


def test_a_password_that_still_is_a_reference_is_refused_by_name() -> None:
    secret = passwords(DistributedConfig.keys)
    assert {"ssl.keystore.password", "sasl.jaas.config"} <= secret
    refuse_unresolved(secret, {"group.id": ("${a:b}",)})
    with pytest.raises(ConfigError, match=r"configuration sasl.jaas.config: no config provider knows \$\{a:b\}; check"):
        refuse_unresolved(secret, {"sasl.jaas.config": ("${a:b}",)})
