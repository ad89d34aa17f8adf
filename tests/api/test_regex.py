from __future__ import annotations

import pytest

from linkspan.api import ConfigError
from linkspan.api.regex import java_regex


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"(?!int\.).*", "orders", "int.orders"),
        (r"(?i)orders\..*", "ORDERS.eu", "invoices.eu"),
        (r"(?i)a|b", "B", "c"),
        (r"x(?i)a|b", "B", "Xa"),
        (r"a++b", "aab", "aac"),
        (r"(?>a+)ab", "", "aab"),
        (r"\p{Alpha}+", "abc", "ab1"),
        (r"[\p{Digit}_]+", "1_2", "a"),
        (r"\P{Digit}+", "abc", "1"),
        (r"\Qa.b\E.", "a.bc", "axbc"),
        (r"(?<n>ab)\k<n>", "abab", "abba"),
        (r"a(?i)b", "aB", "AB"),
        (r"(a|(?i)b)c", "Bc", "BC"),
        (r"\x{41}+", "AA", "B"),
        (r"orders", "orders", "orders-eu"),
        (r"[a\]]+", "a]", "b"),
    ],
)
def test_java_syntax_matches_whole_strings(pattern: str, matching: str, other: str):
    matches = java_regex(pattern)
    assert not matches(other)
    if matching:
        assert matches(matching)


@pytest.mark.parametrize(
    "pattern", ["a(", "a)", "[a", "*", "a\\", r"\p{L}", "[a-z&&[^b]]", "[[a]b]", r"(?d)a", r"\07", r"\G"]
)
def test_what_is_malformed_or_cannot_be_translated_is_refused_by_name(pattern: str):
    with pytest.raises(ConfigError, match="regular expression"):
        java_regex(pattern)
