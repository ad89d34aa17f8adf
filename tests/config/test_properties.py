from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import ConfigError
from linkspan.config import properties
from linkspan.config.suggestions import unknown_keys


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a : 1", {"a": "1"}),
        ("a 1", {"a": "1"}),
        ("  a\t=\t1 ", {"a": "1 "}),
        ("# a=1\n! b=2\nc=3", {"c": "3"}),
        ("a=1\\\n   2", {"a": "12"}),
        ("a=1\na=2", {"a": "2"}),
        ("a\\=b=c", {"a=b": "c"}),
        ("a=\\u00e4\\t\\x", {"a": "ä\tx"}),
        ("a", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1\r\nb=2\r", {"a": "1", "b": "2"}),
    ],
)
def test_grammar_of_java_properties(text, expected):
    assert properties.parse(text) == expected


def test_file_is_latin_1(tmp_path):
    path = tmp_path / "w.properties"
    path.write_bytes(b"a=\xe4")
    assert properties.load(path) == {"a": "ä"}


def test_malformed_escape_names_file_and_line(tmp_path):
    path = tmp_path / "w.properties"
    path.write_text("a=1\nb=\\u12x4\n")
    with pytest.raises(ConfigError, match=r"w\.properties, line 2"):
        properties.load(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read the properties file .*none\.properties: No such file"):
        properties.load(tmp_path / "none.properties")


TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=20)


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=8))
def test_what_is_escaped_is_read_back(pairs):
    def escaped(text: str) -> str:
        return "".join(f"\\u{ord(character):04x}" for character in text)

    text = "".join(f"{escaped(key)}={escaped(value)}\n" for key, value in pairs.items())
    assert properties.parse(text) == pairs


def test_unknown_key_comes_with_the_nearest_known_name():
    found = unknown_keys(["task.max", "xyzzy", "producer.acks", "name"], ["tasks.max", "name"], ["producer."])
    assert found == {"task.max": "tasks.max", "xyzzy": None}


def test_only_the_first_of_many_unknown_keys_are_compared_with_all_names():
    found = list(unknown_keys([f"tasks.max{number}" for number in range(2000)], ["tasks.max"]).values())
    assert found == ["tasks.max"] * 50 + [None] * 1950
