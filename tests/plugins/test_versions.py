from __future__ import annotations

import pytest

from linkspan.api import ConfigError
from linkspan.plugins.versions import missing_version


@pytest.mark.parametrize(
    "wanted",
    [None, "", "latest", "1.4.0", " 1.4.0 ", "[1.4.0]", "[1.4.0,1.4.0]", "[1.4,2)", "(1.3,)", "[,1.4]", "(1.3,1.4]"],
)
def test_these_fit(wanted):
    assert missing_version("a.B", "k", wanted, ["1.4.0"]) is None


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("1.4", "[1.4,1.4]"),
        ("9.9.9", "[9.9.9,9.9.9]"),
        ("(1.4,2)", "(1.4,2)"),
        ("[1.0,1.4)", "[1.0,1.4)"),
        ("[1.10,)", "[1.10,)"),
    ],
)
def test_these_do_not(wanted, shown):
    assert missing_version("a.B", "k", wanted, ["1.4.0"]) == (
        f"Plugin a.B not found that matches the version range {shown}, available versions: [1.4.0]"
    )


@pytest.mark.parametrize("wanted", ["[1", "(1,2", "[1,2,3]", "[[1]]"])
def test_what_cannot_be_understood_is_refused(wanted):
    with pytest.raises(ConfigError, match="for configuration k: a version is written as") as caught:
        missing_version("a.B", "k", wanted, ["1"])
    assert caught.value.key == "k"
