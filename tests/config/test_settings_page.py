"""docs/reference/settings.md names every setting of ours, with its default."""

from __future__ import annotations

import re
from pathlib import Path

from linkspan.config.connector import OWN_KEYS
from linkspan.config.render import text_of
from linkspan.config.worker import DistributedConfig, StandaloneConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/settings.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `([^`]+)` \| (?:`([^`]*)`|–) \|", PAGE, re.MULTILINE))


def test_every_key_of_ours_is_on_the_page_with_its_default():
    ours = [
        key for key in (*StandaloneConfig.keys, *DistributedConfig.keys, *OWN_KEYS) if key.name.startswith("linkspan.")
    ]
    assert {name: text for name, text in ROWS.items() if name.startswith("linkspan.")} == {
        key.name: text_of(key.default, key.type) or "" for key in ours
    }


def test_every_key_and_variable_in_the_code_is_on_the_page():
    code = "".join(path.read_text("utf-8") for path in (ROOT / "runtime").rglob("*.py"))
    found = re.findall(r'"(linkspan\.[a-z.]+\.(?:ms|dir|format|file)|LINKSPAN_[A-Z_]+)"', code)
    assert set(found) <= set(ROWS)
    assert {"LINKSPAN_LOG_LEVEL", "linkspan.jaas.config.file"} <= set(found)
