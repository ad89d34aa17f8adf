"""Other origins, and headers that the configuration adds (spec/runtime.md 1.1)."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from linkspan.api.errors import ConfigError
from linkspan.config.response_headers import header_rules
from linkspan.rest.app import RestApp
from linkspan.rest.headers import CrossOrigin
from tests.rest.conftest import refused

Serve = Callable[..., Any]
VARY = {"Vary": "Origin"}


def allowed(origin: str) -> dict[str, str]:
    return VARY | {"Access-Control-Allow-Origin": origin}


# --- other origins --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origins", "origin", "expected"),
    [
        ("*", "http://a", allowed("http://a")),
        ("http://a, *", "null", allowed("null")),
        ("http://a , http://b", "http://b", allowed("http://b")),
        ("http://a", "HTTP://A", allowed("HTTP://A")),
        ("http://a", "http://ab", VARY),
        ("http://a", "http://c http://a", allowed("http://c http://a")),
        (r"http://.*\.b", "http://x.y.b", allowed("http://x.y.b")),
        (r"http://.*\.b", "http://x.b.c", VARY),
        ("http://*.b", "http://x.b", VARY),
        ("http://a", "", VARY),
        ("*", "", allowed("")),
        ("http://a", None, VARY),
        ("*", None, VARY),
    ],
)
def test_an_origin_is_allowed_that_an_expression_fits_whole(
    origins: str, origin: str | None, expected: dict[str, str]
) -> None:
    assert CrossOrigin(origins).headers("GET", {} if origin is None else {"Origin": origin}) == expected


@pytest.mark.parametrize(("methods", "shown"), [("", "GET,POST,HEAD"), (" ", "GET,POST,HEAD"), ("PUT, GET", "PUT,GET")])
def test_a_preflight_request_is_told_what_browsers_may_send(methods: str, shown: str) -> None:
    sent = {"Origin": "http://a", "Access-Control-Request-Method": "DELETE"}
    cross = CrossOrigin("http://a", methods)
    assert cross.headers("OPTIONS", sent) == allowed("http://a") | {
        "Access-Control-Allow-Methods": shown,
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": "60",
    }
    assert cross.headers("GET", sent) == cross.headers("OPTIONS", {"Origin": "http://a"}) == allowed("http://a")
    assert cross.headers("OPTIONS", {**sent, "Origin": "http://b"}) == VARY


def test_a_malformed_expression_is_refused_with_the_key() -> None:
    with pytest.raises(ConfigError, match=r"http://\( for configuration access\.control\.allow\.origin"):
        CrossOrigin("http://(")


def test_answers_and_refusals_carry_the_headers(serve: Serve) -> None:
    with serve(RestApp(CrossOrigin("http://a"))) as served:
        for path in ("/", "/nope"):
            reply = served.ask("GET", path, headers={"Origin": "http://a"})
            assert allowed("http://a").items() <= reply.headers.items()
        asked = {"Origin": "http://a", "Access-Control-Request-Method": "GET"}
        reply = served.ask("OPTIONS", "/connectors", headers=asked)
        assert (reply.text, reply.headers["Access-Control-Max-Age"]) == ("HEAD, POST, GET, OPTIONS", "60")


def test_without_the_key_no_header_speaks_of_origins(served: Any) -> None:
    reply = served.ask("GET", "/", headers={"Origin": "http://a"})
    assert set(reply.headers) == {"Content-Type", "Content-Length", "Date", "Server"}


# --- configured headers ---------------------------------------------------------------------------------------------


def test_rules_add_or_replace_headers_of_every_answer(serve: Serve) -> None:
    rules = header_rules('add X-A: one, ADD X-A:two, "set Server:x, y", set X-B:1, set X-B:2,setDate X-C:-1000')
    with serve(RestApp(rules=rules)) as served:
        for reply in (served.ask("GET", "/"), served.ask("GET", "/nope"), served.ask("DELETE", "/connectors/n")):
            assert (reply.headers["Server"], reply.headers["X-B"]) == ("x, y", "2")
            assert parsedate_to_datetime(reply.headers["X-C"]) < parsedate_to_datetime(reply.headers["Date"])
        assert [value for name, value in reply.all_headers if name == "X-A"] == ["one", "two"]
        refused(served.ask("GET", "/nope"), 404)


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_no_rules_are_none(text: str) -> None:
    assert header_rules(text) == []


@pytest.mark.parametrize(
    "text", ["put X:y", "set X", "set", "set X:y:z", "set :y", "set X Y:z", "setDate X:soon", "setX:y", "add X:y, set"]
)
def test_a_malformed_rule_is_refused_with_the_key(text: str) -> None:
    with pytest.raises(ConfigError, match=r"for configuration response\.http\.headers\.config"):
        header_rules(text)
