"""The worker files in config/ have every key with its default, and can be used as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linkspan.config import properties
from linkspan.config.definition import ConfigDef, load
from linkspan.config.render import text_of
from linkspan.config.suggestions import unknown_keys
from linkspan.config.worker import PREFIXES
from linkspan.config.worker_file import MODES, worker_file

ROOT = Path(__file__).parents[2]
EXAMPLES = {"producer.compression.type", "consumer.max.poll.records"}
EXAMPLES |= {f"{side}.converter.schemas.enable" for side in ("key", "value")}


def path_of(mode: str) -> Path:
    return ROOT / "config" / f"connect-{mode}.properties"


def uncommented(text: str) -> dict[str, str]:
    return properties.parse(re.sub(r"^#(?=[a-z0-9.]+=)", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_file_is_as_the_keys_say(mode):
    assert path_of(mode).read_text("ascii") == worker_file(mode), "run make config"


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_file_is_taken_as_it_is_and_has_no_unknown_key(mode):
    config = load(MODES[mode], properties.load(path_of(mode)))
    assert unknown_keys(config.originals, [key.name for key in MODES[mode].keys], PREFIXES) == {}
    assert not config.embedded or mode == "standalone"


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_file_shows_every_key_once_with_its_default(mode):
    text = path_of(mode).read_text("ascii")
    names = re.findall(r"^#?([a-z0-9.]+)=", text, re.MULTILINE)
    keys = {key.name: key for key in MODES[mode].keys}
    assert sorted(names) == sorted({*keys, *EXAMPLES})
    shown, used = uncommented(text), properties.parse(text)
    for name, key in keys.items():
        default = "" if key.required else text_of(key.default, key.type) or ""
        if name not in used:
            assert shown[name] == default, name
        elif key.required:
            assert f"# No default, has to be set.\n{name}=" in text
        else:
            assert f"# Default: {default}\n{name}=" in text


@pytest.mark.parametrize("mode", MODES)
def test_defaults_that_are_uncommented_change_nothing(mode):
    text = path_of(mode).read_text("ascii")
    given = {key: value for key, value in uncommented(text).items() if value}
    keys = ConfigDef(MODES[mode].keys)
    before, after = keys.parse(properties.parse(text)), keys.parse(given)
    for name, key in keys.keys.items():
        assert text_of(after[name], key.type) == text_of(before[name], key.type), name
