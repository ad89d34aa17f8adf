"""Sizes of memory as people write them."""

from __future__ import annotations

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.sizes import check_size, size, size_text

KEY = "linkspan.task.memory.max"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1000", 1000), ("64k", 65536), ("512m", 512 << 20), (" 2G ", 2 << 30), ("1 MiB", 1 << 20), ("3gb", 3 << 30)],
)
def test_a_size_is_a_number_with_a_unit_or_without(text, value):
    assert size(KEY, text) == value


@pytest.mark.parametrize("text", ["much", "-1", "1.5g", "m", "0", "0k", "5x"])
def test_what_is_no_size_is_refused_naming_the_key(text):
    with pytest.raises(ConfigError, match=rf"{KEY}: (Not a size; write bytes|Value must be at least 1)"):
        size(KEY, text)
    with pytest.raises(ConfigError, match=KEY):
        check_size(KEY, text)


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_no_size_is_fine(nothing):
    check_size(KEY, nothing)


@pytest.mark.parametrize(
    ("value", "text"), [(512, "512 bytes"), (1536, "1.5 KiB"), (2 << 30, "2 GiB"), (1 << 50, "1024 TiB")]
)
def test_sizes_are_told_in_the_unit_that_fits(value, text):
    assert size_text(value) == text
