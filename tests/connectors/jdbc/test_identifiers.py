"""Names of tables: parts, quotes, meaning of two parts (spec/jdbc.md 2.3)."""

import pytest

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.identifiers import Quotes, TableId
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse


def table(url, text):
    return dialect_of(Settings(parse(url))).table_id(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("t", ["t"]),
        ("s.t", ["s", "t"]),
        ('"s.x"."T"', ["s.x", "T"]),
        ('a."b""c".d', ["a", 'b"c', "d"]),
        (" t ", ["t"]),
    ],
)
def test_dots_in_quotes_do_not_separate(text, parts):
    assert Quotes('"', '"').split(text) == parts


@pytest.mark.parametrize("text", ["", "a..b", '"a', '"a"b', "a.", ".a"])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ConfigError, match="no name of a table"):
        Quotes('"', '"').split(text)


def test_two_parts_are_a_schema_or_a_catalog():
    assert table("jdbc:postgresql://h/d", "a.b") == TableId(None, "a", "b")
    assert table("jdbc:sqlserver://h", "[a].[b]") == TableId("a", None, "b")
    assert table("jdbc:jtds:sybase://h/d", "a.b") == TableId("a", None, "b")
    assert table("jdbc:mysql://h/d", "`a`.b") == TableId("a", None, "b")
    assert table("jdbc:oracle:thin:@h:1:s", "a.b.c") == TableId("a", "b", "c")


def test_four_parts_are_too_many():
    with pytest.raises(ConfigError, match="it has 4 parts"):
        table("jdbc:postgresql://h/d", "a.b.c.d")


def test_postgresql_cuts_long_names_as_its_server_does():
    assert table("jdbc:postgresql://h/d", "x" * 70).name == "x" * 63
    assert table("jdbc:postgresql://h/d", "ä" * 40).name == "ä" * 31
    assert table("jdbc:mysql://h/d", "x" * 70).name == "x" * 70


def test_full_name_has_no_quotes():
    assert str(TableId("c", None, "a.b")) == "c.a.b"
    assert Quotes("[", "]").table(TableId("c", "s", "t")) == "[c].[s].[t]"
    assert Quotes("[", "]", always=False).table(TableId("c", "s", "t")) == "c.s.t"
