from __future__ import annotations

import base64
import html
import json
import logging
from collections.abc import Callable
from io import StringIO
from urllib.parse import quote, quote_plus

import pytest

from linkspan.observe import hiding
from linkspan.observe import logging as log_lines
from linkspan.observe.hiding import hidden, know, known_in

SECRET = 'hunter"2\\ ä&x'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nabc\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        repr({"k": SECRET}),
        json.dumps([SECRET]),
        quote(SECRET),
        quote_plus(SECRET),
        f"a{SECRET}b{SECRET}",
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
    ],
)
def test_a_secret_is_hidden_in_every_form_it_is_quoted_in(text: str) -> None:
    know([SECRET])
    assert "hunter" not in hidden(text)
    assert "[hidden]" in hidden(text)


def test_a_secret_is_hidden_in_a_literal_of_sql() -> None:
    know(["o'hunter'o"])
    assert hidden("PASSWORD 'o''hunter''o'") == "PASSWORD '[hidden]'"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("user", ["", "u", "us", "use", "user"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_a_secret_is_hidden_in_base64_wherever_it_begins(
    encode: Callable[[bytes], bytes], user: str, after: str
) -> None:
    secret = "hunter2>?~of-ä"
    know([secret])
    line = f"Authorization: Basic {encode(f'{user}:{secret}{after}'.encode()).decode()}"
    whole = hidden(line)
    assert "[hidden]" in whole
    left = whole.partition("Basic ")[2].partition("[hidden]")
    shown = base64.urlsafe_b64decode(left[0] + "=" * (-len(left[0]) % 4)).decode("latin-1")
    assert "hu" not in shown
    assert len(left[2]) <= 6


def test_a_short_secret_is_not_looked_for_in_base64() -> None:
    know(["abcde"])
    assert hidden(base64.b64encode(b"abcde").decode()) == "YWJjZGU="


def test_who_is_given_secrets_is_told_which_they_are() -> None:
    know(["of-worker-1", "of-worker-2", "of-worker-3"])
    found = known_in({"a": "x of-worker-1 y", "b": None}, {"c": "of-worker-3"})
    assert [value for value in found if value.startswith("of-worker")] == ["of-worker-1", "of-worker-3"]
    assert known_in({}) == []


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
