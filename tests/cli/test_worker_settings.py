"""A worker file refers to values that stand elsewhere; plugins that know them run in a process of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.cli import worker_settings
from linkspan.cli.worker_settings import password_keys, resolved_settings
from linkspan.config.worker import DistributedConfig, StandaloneConfig
from linkspan.observe.hiding import hidden

KAFKA = "org.apache.kafka.common.config.provider."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p"
    path.write_text("password=secret-of-file\nservers=a:1,b:2\n")
    return path


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("LINKSPAN_TEST_VALUE", "from-env")
    return {
        "config.providers": "file,env",
        "config.providers.file.class": f"{KAFKA}FileConfigProvider",
        "config.providers.env.class": f"{KAFKA}EnvVarConfigProvider",
    }


def test_everything_but_plugin_path_is_resolved_and_hidden(file: Path, providers: dict[str, str]) -> None:
    settings = {
        **providers,
        "bootstrap.servers": f"${{file:{file}:servers}}",
        "producer.ssl.key.password": f"${{file:{file}:password}}",
        "group.id": "${env:LINKSPAN_TEST_VALUE}-${env:LINKSPAN_GONE}",
        "config.providers.file.param.x": "${env:LINKSPAN_TEST_VALUE}",
        "plugin.path": "${env:LINKSPAN_TEST_VALUE}",
    }
    made = resolved_settings(settings)
    assert made.texts == {
        **settings,
        "bootstrap.servers": "a:1,b:2",
        "producer.ssl.key.password": "secret-of-file",
        "group.id": "from-env-${env:LINKSPAN_GONE}",
        "config.providers.file.param.x": "from-env",
    }
    assert made.unresolved == {"group.id": ("${env:LINKSPAN_GONE}",)}
    assert hidden("secret-of-file of a:1,b:2") == "[hidden] of [hidden]"


def test_a_file_that_cannot_be_read_names_provider_and_file(providers: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^Config provider file: Could not read properties from file /nowhere$"):
        resolved_settings({**providers, "group.id": "${file:/nowhere:x}"})


def test_a_class_that_is_not_there_is_refused_though_nothing_refers_to_it() -> None:
    settings = {"config.providers": "s", "config.providers.s.class": "com.example.Secrets"}
    with pytest.raises(ConfigError) as refused:
        resolved_settings(settings)
    assert refused.value.message.startswith(
        "Invalid value com.example.Secrets for configuration config.providers.s.class: there is no such config "
        "provider here; there are "
    )
    assert f"{KAFKA}FileConfigProvider" in refused.value.message
    assert "io.strimzi.kafka.KubernetesConfigMapConfigProvider" in refused.value.message


PLUGIN = """
import os, sys, time
from linkspan.api import ConfigData, ConfigError, ConfigProvider

print("printed by a plugin")

class Vault(ConfigProvider):
    java_class = "com.example.Vault"

    def get(self, path, keys):
        if path == "hang":
            time.sleep(600)
        if path == "die":
            os._exit(9)
        if path == "raise":
            raise ValueError(f"no luck with {self.config.originals}")
        if path == "token":
            return ConfigData({key: self.config.originals["token"] for key in keys})
        return ConfigData({key: f"{path}-{key}-{os.getpid()}" for key in keys})
"""


@pytest.fixture
def vault(tmp_path: Path, providers: dict[str, str]) -> dict[str, str]:
    """A unit of plugin.path with a provider."""
    unit = tmp_path / "plugins" / "vault"
    metadata = unit / "vault-1.0.dist-info"
    metadata.mkdir(parents=True)
    (unit / "vault.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[linkspan.config_providers]\nvault = vault:Vault\n")
    return {
        **providers,
        "config.providers": "vault,file",
        "config.providers.vault.class": "com.example.Vault",
        "config.providers.vault.param.token": "token-of-vault",
        "plugin.path": str(tmp_path / "plugins"),
    }


def test_a_plugin_is_asked_in_another_process(vault: dict[str, str], file: Path, capfd) -> None:
    made = resolved_settings({**vault, "a": f"${{vault:x:y}} ${{file:{file}:servers}}"})
    value, _, servers = str(made.config["a"]).partition(" ")
    assert value.startswith("x-y-")
    assert value != f"x-y-{os.getpid()}"
    assert servers == "a:1,b:2"
    assert "vault" not in sys.modules
    assert "printed by a plugin" in capfd.readouterr().err


def test_parameters_of_a_plugin_may_refer_to_what_comes_with_us(vault: dict[str, str], file: Path) -> None:
    settings = {**vault, "config.providers.vault.param.token": f"${{file:{file}:servers}}", "a": "${vault:token:x}"}
    assert resolved_settings(settings).config["a"] == "a:1,b:2"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "die",
            "The config providers of the worker file gave no answer: their process ended with 9 while vault was asked",
        ),
        ("raise", "A config provider failed: ValueError: no luck with {'token': '[hidden]'}"),
    ],
)
def test_a_plugin_that_fails_is_one_message(vault: dict[str, str], path: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolved_settings({**vault, "a": f"${{vault:{path}:y}}"})
    assert refused.value.message == message


def test_a_plugin_that_hangs_is_given_up(vault: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_settings, "_SECONDS", 2.0)
    with pytest.raises(ConfigError, match="Config provider vault of the worker file did not answer within 2 s"):
        resolved_settings({**vault, "a": "${vault:hang:y}"})


def test_a_file_that_hangs_is_given_up_and_named(
    providers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_settings, "_ANSWER_SECONDS", 0.3)
    hangs = tmp_path / "hangs"
    os.mkfifo(hangs)
    with pytest.raises(ConfigError) as refused:
        resolved_settings({**providers, "a": f"${{file:{hangs}:y}}"})
    assert refused.value.message == f"Config provider file did not answer about {hangs} within 0.3 s"
    with hangs.open("w"):  # so that the thread ends
        pass


def test_passwords_of_clients_and_listeners_count() -> None:
    keys = {
        "consumer.sasl.jaas.config": "x",
        "producer.ssl.key.password": "x",
        "admin.client.id": "x",
        "listeners.https.ssl.keystore.password": "x",
        "admin.listeners.https.ssl.key.password": "x",
        "group.id": "x",
    }
    found = password_keys(DistributedConfig, keys)
    assert found & keys.keys() == {key for key in keys if "password" in key or "jaas" in key}
    assert "ssl.key.password" in password_keys(StandaloneConfig, {})
