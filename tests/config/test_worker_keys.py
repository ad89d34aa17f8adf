"""Keys of workers against those of the original (golden/README.md), and the files we ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from linkspan.api.fields import ConfigKey
from linkspan.config import properties
from linkspan.config.definition import ConfigDef, load
from linkspan.config.render import text_of
from linkspan.config.suggestions import unknown_keys
from linkspan.config.worker import PREFIXES, DistributedConfig, StandaloneConfig

ROOT = Path(__file__).parents[2]
GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "keys-4.3.1.json").read_text())
MODES = {"standalone": StandaloneConfig, "distributed": DistributedConfig}
ALL = [(mode, name) for mode in MODES for name in GOLDEN[mode]]
# Absent means the embedded log here.
OPTIONAL_HERE = {"bootstrap.servers"}
# Ours say more, or check what the original finds out later: what is refused there is refused here, in other words.
OTHER_WORDS = {
    *("listeners", "admin.listeners", "response.http.headers.config", "connect.protocol"),
    *("inter.worker.key.generation.algorithm", "inter.worker.signature.algorithm"),
    "inter.worker.verification.algorithms",
}
OTHER_DEFAULTS = {"heartbeat.interval.ms": "500"}
CHECKED_EARLIER = {
    "group.id",
    *("offset.storage.file.filename", "config.storage.topic", "offset.storage.topic", "status.storage.topic"),
    "connector.client.config.override.policy",
}
# Classes are found by their names when they are needed; duplicates do no harm.
CHECKED_LATER = {
    *("bootstrap.servers", "plugin.path", "metric.reporters", "config.providers", "rest.extension.classes"),
    *("ssl.cipher.suites", "ssl.enabled.protocols", "sasl.oauthbearer.expected.audience"),
}


def key_of(mode: str, name: str) -> ConfigKey:
    return {key.name: key for key in MODES[mode].keys}[name]


@pytest.mark.parametrize(("mode", "name"), ALL)
def test_key_is_declared_as_in_the_original(mode, name):
    key, original = key_of(mode, name), GOLDEN[mode][name]
    assert (key.type.value, key.importance.value) == (original["type"], original["importance"])
    if name in OTHER_DEFAULTS:
        assert text_of(key.default, key.type) == OTHER_DEFAULTS[name]
    elif name not in OPTIONAL_HERE:
        assert key.required == original["required"]
        assert (None if key.required else text_of(key.default, key.type)) == original["default"]


@pytest.mark.parametrize(("mode", "name"), ALL)
def test_wrong_values_are_answered_as_in_the_original(mode, name):
    key, original = key_of(mode, name), GOLDEN[mode][name]["errors"]
    for text in ("", "x", "-2", "0", "0.3", "1,1", "a,a", "a,"):
        (found,) = ConfigDef([key]).validate({name: text})
        theirs = original.get(text, [])
        if key.type.value == "CLASS" or name in CHECKED_LATER:
            continue
        if name in OTHER_WORDS | CHECKED_EARLIER or "raised" in "".join(theirs):
            assert found.errors or not theirs, text
        else:
            # A text that is no number gets one message here, and a second one about null there.
            assert found.errors[:1] == theirs[:1], text


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*standalone*.properties")), ids=lambda file: file.name)
def test_worker_files_that_we_ship_are_right(file):
    config = load(StandaloneConfig, properties.load(file))
    assert unknown_keys(config.originals, [key.name for key in StandaloneConfig.keys], PREFIXES) == {}


@pytest.mark.parametrize("file", sorted((ROOT / "config" / "connectors").iterdir()), ids=lambda file: file.name)
def test_connector_files_that_we_ship_name_a_connector(file):
    props = properties.load(file)
    assert props["name"]
    assert props["connector.class"]
