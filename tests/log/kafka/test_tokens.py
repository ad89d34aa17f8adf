"""Tokens for OAUTHBEARER: made, fetched, kept, and asked for again in time."""

from __future__ import annotations

import base64
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.log.kafka.sasl import authentication
from linkspan.log.kafka.tokens import Tokens


class Server:
    """A token server on a port of 127.0.0.1."""

    def __init__(self) -> None:
        self.status, self.answer = 200, json.dumps({"access_token": "first", "expires_in": 100})
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                owner.asked.append((self.headers["Authorization"], urllib.parse.parse_qs(form)))
                body = owner.answer.encode()
                self.send_response(owner.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/token"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def settings(url: str, **more: str) -> dict[str, str]:
    options = " ".join(f'{name}="{value}"' for name, value in {"clientId": "c", "clientSecret": "s", **more}.items())
    return authentication(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.token.endpoint.url": url,
            "sasl.jaas.config": f"x.OAuthBearerLoginModule required {options};",
        }
    )


def test_a_token_is_asked_for_with_the_clients_credentials(server: Server) -> None:
    assert Tokens(settings(server.url, scope="kafka")).token() == "first"
    (authorization, form), *more = server.asked
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"c:s"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}
    assert more == []


def test_a_token_is_kept_until_a_fifth_of_its_life_is_left(server: Server) -> None:
    now = [1000.0]
    tokens = Tokens(settings(server.url), lambda: now[0])
    tokens.token()
    server.answer = json.dumps({"access_token": "second", "expires_in": 100})
    now[0] = 1079.0
    assert tokens.token() == "first"
    now[0] = 1080.0
    assert tokens.token() == "second"


def test_a_token_without_a_life_is_asked_for_each_time(server: Server) -> None:
    server.answer = json.dumps({"access_token": "t"})
    tokens = Tokens(settings(server.url))
    tokens.token()
    tokens.token()
    assert len(server.asked) == 2


def test_extensions_are_those_of_the_login(server: Server) -> None:
    assert Tokens(settings(server.url, extension_traceId="1")).extensions == {"traceId": "1"}
    assert Tokens(settings(server.url)).extensions == {}


def test_a_refusal_says_what_the_server_said_and_no_secret(server: Server) -> None:
    server.status, server.answer = 401, json.dumps({"error": "invalid_client", "error_description": "unknown"})
    with pytest.raises(ConnectError) as caught:
        Tokens(settings(server.url, clientSecret="not-to-be-seen")).token()
    assert not isinstance(caught.value, RetriableError)
    assert caught.value.message.endswith("refuses to give a token: HTTP 401 invalid_client: unknown")
    assert "not-to-be-seen" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "answer"), [(503, ""), (429, "{}"), (200, "no JSON"), (200, "[]"), (200, '{"access_token": 1}')]
)
def test_what_may_pass_is_retriable(server: Server, status: int, answer: str) -> None:
    server.status, server.answer = status, answer
    with pytest.raises(RetriableError):
        Tokens(settings(server.url)).token()


def test_a_server_that_is_away_is_retriable(server: Server) -> None:
    url = server.url
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(RetriableError, match="gives no token"):
        Tokens(settings(url)).token()


def test_only_web_addresses_are_asked() -> None:
    with pytest.raises(ConfigError, match=r"sasl\.oauthbearer\.token\.endpoint\.url"):
        Tokens(settings("file:///etc/passwd"))


def test_an_unsecured_token_names_its_principal_lives_for_an_hour_and_was_not_made_in_the_future() -> None:
    jaas = 'x.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="worker";'
    given = {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": jaas}
    now = [1000.9]
    tokens = Tokens(authentication(given), lambda: now[0])
    head, claims, signature = tokens.token().split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "none"}
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == {"sub": "worker", "iat": 1000, "exp": 4600}
    assert signature == ""
