from __future__ import annotations

import json
import logging
from collections.abc import Callable
from io import StringIO
from urllib.parse import quote, quote_plus

import pytest

from linkspan.observe import hiding
from linkspan.observe import logging as log_lines
from linkspan.observe.hiding import hidden, know

SECRET = 'hunter"2\\ ä&x'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nabc\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "text",
    [SECRET, repr({"k": SECRET}), json.dumps([SECRET]), quote(SECRET), quote_plus(SECRET), f"a{SECRET}b{SECRET}"],
)
def test_a_secret_is_hidden_in_every_form_it_is_quoted_in(text: str) -> None:
    know([SECRET])
    assert "hunter" not in hidden(text)
    assert "[hidden]" in hidden(text)


@pytest.mark.parametrize("secret", ['hunter"2', "hunter'2", "hunter\\2\n"])
@pytest.mark.parametrize("quoted", [repr, json.dumps, lambda text: repr(f'{text} isn\'t "it"')])
def test_a_secret_that_was_quoted_twice_is_hidden(secret: str, quoted: Callable[[str], str]) -> None:
    know([secret])
    told = str(KeyError(f"no such key in {quoted(secret)}"))
    assert "hunter" not in hidden(told)
    assert "hunter" not in hidden(quoted(secret))


def test_the_lines_of_a_secret_are_hidden_one_by_one() -> None:
    know([KEY])
    assert hidden("line MIIEvQIBADANBgkq of abc") == "line [hidden] of abc"
    assert hidden(KEY.strip()) == "[hidden]"
    assert hidden(repr(KEY)) == "'[hidden]'"


@pytest.mark.parametrize("value", ["", "abc", "true", "FALSE", "null", "hidden", "8083", "1234567"])
def test_what_would_be_found_everywhere_is_not_looked_for(value: str) -> None:
    know([value])
    text = f"abc is true or FALSE, null, [hidden] 8083 1234567 {value}"
    assert hidden(text) == text


def test_a_secret_that_is_part_of_another_leaves_no_rest() -> None:
    know(["pass", "password"])
    know(["password-of-db"])
    assert hidden("password-of-db password pass") == "[hidden] [hidden] [hidden]"


def test_of_very_many_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiding, "_MOST_VALUES", 2)
    know(["first1", "second2"])
    know(["first1", "third3"])
    assert hidden("first1 second2 third3") == "[hidden] second2 [hidden]"


def test_a_megabyte_is_hidden_at_once() -> None:
    long = "x1" * (1 << 19)
    know([long])
    assert hidden(f"a {long} b") == "a [hidden] b"


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_line_of_the_log_has_a_secret(style: str) -> None:
    know([SECRET])
    root, out = logging.getLogger(), StringIO()
    handlers, level = list(root.handlers), root.level
    try:
        log_lines.setup(style, stream=out)
        error = ValueError(f"cannot use {SECRET}")
        logging.getLogger("x").error("with %s", {"p": SECRET}, exc_info=error)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert "hunter" not in out.getvalue()
    assert out.getvalue().count("[hidden]") >= 2
