"""Paths, methods, media types and the form of refusals (spec/runtime.md 1.1)."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.rest.conftest import SOURCE, create, refused

PATHS = (
    ("GET", "/", 200),
    ("GET", "/health", 200),
    ("GET", "/connectors", 200),
    ("GET", "/connectors/c", 200),
    ("GET", "/connectors/c/config", 200),
    ("GET", "/connectors/c/status", 200),
    ("GET", "/connectors/c/tasks", 200),
    ("GET", "/connectors/c/tasks/0/status", 200),
    ("GET", "/connectors/c/topics", 200),
    ("GET", "/connectors/c/offsets", 200),
    ("GET", "/connector-plugins", 200),
    ("GET", "/connector-plugins/FileStreamSource/config", 200),
    ("GET", "/admin/loggers", 200),
    ("GET", "/admin/loggers/root", 200),
    ("POST", "/connectors/c/restart", 204),
    ("POST", "/connectors/c/tasks/0/restart", 204),
    ("PUT", "/connectors/c/pause", 202),
    ("PUT", "/connectors/c/resume", 202),
    ("PUT", "/connectors/c/topics/reset", 202),
    ("PUT", "/connectors/c/stop", 204),
    ("DELETE", "/connectors/c/offsets", 200),
    ("DELETE", "/connectors/c", 204),
)
BODILESS = [(method, path, status) for method, path, status in PATHS if method in {"POST", "PUT"}]


# --- paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_path_answers_with_and_without_a_slash_at_its_end(served: Any, slash: str) -> None:
    assert create(served).status == 201
    assert [
        (method, path, served.ask(method, path if path == "/" else path + slash).status) for method, path, _ in PATHS
    ] == list(PATHS)


def test_bodies_have_their_type_and_empty_ones_none(served: Any) -> None:
    create(served)
    assert served.ask("GET", "/connectors").headers["Content-Type"] == "application/json"
    for method, path in (
        ("PUT", "/connectors/c/pause"),
        ("POST", "/connectors/c/restart"),
        ("DELETE", "/connectors/c"),
    ):
        reply = served.ask(method, path)
        assert (reply.text, "Content-Type" in reply.headers) == ("", False)


@pytest.mark.parametrize(
    "path",
    [
        *("/nope", "/Connectors", "//connectors", "/connectors//", "/connectors/c/x", "/connectors//status"),
        *("/connectors/c/tasks-config", "/connectors/c/tasks/0", "/admin", "/connectors/c/status/x"),
        *("/connectors/c/tasks/x/status", "/connectors/c/tasks/2147483648/status", "/connectors/c/tasks/1.0/status"),
    ],
)
def test_an_unknown_path_is_not_found(served: Any, path: str) -> None:
    create(served)
    assert refused(served.ask("GET", path), 404) == "HTTP 404 Not Found"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/"),
        ("PUT", "/connectors"),
        ("POST", "/connectors/c"),
        ("GET", "/connectors/c/restart"),
        ("POST", "/connectors/c/config"),
        ("DELETE", "/connector-plugins"),
        ("POST", "/admin/loggers/root"),
        ("PROPFIND", "/connectors"),
    ],
)
def test_a_method_that_a_path_lacks_is_not_allowed(served: Any, method: str, path: str) -> None:
    assert refused(served.ask(method, path), 405) == "HTTP 405 Method Not Allowed"


def test_head_answers_like_get_without_the_body(served: Any) -> None:
    create(served)
    for path, status in (("/", 200), ("/connectors/c", 200), ("/connectors/nope", 404)):
        whole, head = served.ask("GET", path), served.ask("HEAD", path)
        assert (head.status, head.text, head.headers["Content-Type"]) == (status, "", whole.headers["Content-Type"])
        assert head.headers["Content-Length"] == str(len(whole.text))


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "HEAD, GET, OPTIONS"),
        ("/connectors", "HEAD, POST, GET, OPTIONS"),
        ("/connectors/c", "HEAD, DELETE, GET, OPTIONS"),
        ("/connectors/c/config", "HEAD, GET, OPTIONS, PUT, PATCH"),
        ("/connectors/c/offsets", "HEAD, DELETE, GET, OPTIONS, PATCH"),
        ("/connectors/c/restart", "POST, OPTIONS"),
    ],
)
def test_options_lists_the_methods_of_a_path(served: Any, path: str, methods: str) -> None:
    reply = served.ask("OPTIONS", path)
    assert (reply.status, reply.text, reply.headers["Content-Type"]) == (200, methods, "text/plain")
    assert reply.headers["Allow"] == methods.replace(" ", "")


def test_options_of_an_unknown_path_is_not_found(served: Any) -> None:
    refused(served.ask("OPTIONS", "/nope"), 404)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "é☃", "日本", "a/b", "a%2Fb", "a+b", "q?x#y", "semi;colon", "..", "😀", "\"'"])
def test_any_name_can_be_addressed_percent_encoded(served: Any, name: str) -> None:
    path = f"/connectors/{quote(name, safe='')}"
    reply = create(served, name)
    assert (reply.status, reply.json["name"]) == (201, name)
    assert served.ask("GET", path).json["name"] == name
    assert served.ask("GET", "/connectors").json == [name]
    assert name in served.ask("GET", "/connectors?expand=status").json
    assert served.ask("PUT", f"{path}/config", {**SOURCE, "topic": "x"}).status == 200
    assert served.ask("DELETE", path).status == 204


def test_a_plus_in_a_path_is_a_plus(served: Any) -> None:
    create(served, "a+b")
    assert served.ask("GET", "/connectors/a+b").status == 200
    assert served.ask("GET", "/connectors/a%20b").status == 404


@pytest.mark.parametrize("path", ["/connectors/a%zz", "/connectors/a%", "/connectors/a%ff", "/connectors/%c3"])
def test_a_path_that_cannot_be_decoded_is_the_callers_mistake(served: Any, path: str) -> None:
    assert path.rpartition("/")[2] in refused(served.ask("GET", path), 400)


def test_blanks_around_a_name_are_trimmed_on_creation(served: Any) -> None:
    assert create(served, " \t trim\u00a0 ").json["name"] == "trim\u00a0"
    assert served.ask("GET", "/connectors").json == ["trim\u00a0"]


@pytest.mark.parametrize("name", ["c", "a b", "é/☃", "a&b=c"])
def test_a_created_connector_has_an_absolute_location(served: Any, name: str) -> None:
    segment = quote(name, safe="&=")
    posted = create(served, name)
    assert (posted.status, posted.headers["Location"]) == (201, f"http://{served.address}/connectors/{segment}")
    again = served.ask("PUT", f"/connectors/{segment}/config", SOURCE)
    assert (again.status, "Location" in again.headers) == (200, False)
    served.ask("DELETE", f"/connectors/{segment}")
    put = served.ask("PUT", f"/connectors/{segment}/config", SOURCE)
    assert (put.status, put.headers["Location"]) == (201, posted.headers["Location"])


def test_the_location_is_seen_from_the_caller(served: Any) -> None:
    reply = served.ask("PUT", "/connectors/c/config", SOURCE, {"Host": "connect.example:80"})
    assert reply.headers["Location"] == "http://connect.example:80/connectors/c"


# --- media types ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/*", "application/json", "text/html, application/json;q=0.1", "application/JSON", "", "*/json"],
)
def test_who_takes_json_gets_it(served: Any, accept: str) -> None:
    assert served.ask("GET", "/connectors", headers={"Accept": accept}).status == 200


@pytest.mark.parametrize("accept", ["text/plain", "nonsense", "application/vnd.x+json", "text/*, image/png"])
def test_who_does_not_take_json_is_told_so(served: Any, accept: str) -> None:
    reply = served.ask("GET", "/connectors/nope", headers={"Accept": accept})
    assert refused(reply, 406) == "HTTP 406 Not Acceptable"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_by_its_type(served: Any, content_type: str) -> None:
    reply = served.ask("PUT", "/connectors/c/config", SOURCE, {"Content-Type": content_type})
    assert reply.status == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "json", "application/xml"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/connectors"),
        ("PUT", "/connectors/c/config"),
        ("PATCH", "/connectors/c/config"),
        ("PATCH", "/connectors/c/offsets"),
        ("PUT", "/connector-plugins/x/config/validate"),
        ("PUT", "/admin/loggers/x"),
    ],
)
def test_a_needed_body_of_another_type_is_refused(served: Any, method: str, path: str, content_type: str) -> None:
    reply = served.ask(method, path, "{}", {"Content-Type": content_type})
    assert refused(reply, 415) == "HTTP 415 Unsupported Media Type"


def test_a_needed_body_without_a_type_is_refused(served: Any) -> None:
    connection = http.client.HTTPConnection(served.address, timeout=20)
    connection.putrequest("PUT", "/connectors/c/config")
    body = json.dumps(SOURCE).encode()
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    assert connection.getresponse().status == 415
    connection.close()


@pytest.mark.parametrize("content_type", [None, "application/json", "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("body", [None, "", "not json", '{"a": 1}'])
def test_calls_that_take_no_body_ignore_any(served: Any, body: str | None, content_type: str | None) -> None:
    create(served)
    headers = {"Content-Type": content_type} if content_type else {}
    assert [(method, path, served.ask(method, path, body, headers).status) for method, path, _ in BODILESS] == BODILESS


def test_a_chunked_body_is_read_like_any_other(served: Any) -> None:
    connection = http.client.HTTPConnection(served.address, timeout=20)
    text = json.dumps(SOURCE).encode()
    connection.request(
        "PUT", "/connectors/c/config", iter([text[:10], text[10:]]), {"Content-Type": "application/json"}
    )
    assert connection.getresponse().status == 201
    connection.close()


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(served: Any) -> None:
    connection = http.client.HTTPConnection(served.address, timeout=20)
    connection.putrequest("PUT", "/connectors/c/config")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(64 * 1024 * 1024 + 1))
    connection.endheaders()
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["error_code"]) == (413, 413)
    connection.close()
