"""The converters and a schema registry over the network: what they send, and what becomes of each refusal."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from integration.runtime.test_standalone_process import lines, wait_until
from integration.services.certificates import Authority
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker
from integration.services.plain_registry import PlainRegistry, plain_registry
from integration.services.schema_registry import SchemaRegistry
from integration.services.server import free_ports
from linkspan.api import (
    Converter,
    CredentialsError,
    DataError,
    OutageError,
    Schema,
    ThrottledError,
    Type,
    UnreachableError,
    schema,
)
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.json_schema.converter import JsonSchemaConverter
from linkspan.convert.protobuf.converter import ProtobufConverter

pytestmark = pytest.mark.integration

ROW = Schema(Type.STRUCT, name="shop.Row", fields={"id": schema.INT32, "name": schema.OPTIONAL_STRING})
VALUE = {"id": 7, "name": "x"}


@contextmanager
def converter(
    url: str, settings: Mapping[str, object] | None = None, kind: type[Converter] = AvroConverter
) -> Iterator[Converter]:
    made = kind()
    given: dict[str, Any] = {"schema.registry.url": url, **(settings or {})}
    made.configure(load(made.config_class, given), is_key=False)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def registry() -> Iterator[PlainRegistry]:
    with plain_registry() as made:
        yield made


def test_the_registry_is_asked_once_a_schema_and_once_an_id(registry: PlainRegistry) -> None:
    with converter(registry.url) as made:
        payloads = [made.from_connect("t", ROW, {**VALUE, "id": number}) for number in range(50)]
        assert [path.partition("?")[0] for _, path, _ in registry.requests] == ["/subjects/t-value/versions"]
        for payload in payloads:
            made.to_connect("t", payload)
    assert len(registry.requests) <= 3  # the schema, and its version in the subject


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialsError),
        (403, CredentialsError),
        (404, DataError),
        (409, DataError),
        (422, DataError),
        (408, OutageError),
        (429, ThrottledError),
        (500, OutageError),
        (503, OutageError),
    ],
)
def test_each_refusal_asks_for_its_own_reaction(
    registry: PlainRegistry, status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkspan.convert.registered.REFUSED_SECONDS", 0.0)
    registry.status = status
    with converter(registry.url) as made:
        for call in (lambda: made.from_connect("t", ROW, VALUE), lambda: made.to_connect("t", b"\0\0\0\0\1\x0e")):
            with pytest.raises(error) as raised:
                call()
            assert type(raised.value) is error
        registry.status = None
        assert made.from_connect("t", ROW, VALUE) is not None


def test_a_registry_that_is_away_is_an_outage_and_nothing_is_lost_by_it() -> None:
    (port,) = free_ports(1)
    with converter(f"http://user:secret@127.0.0.1:{port}") as made:
        with pytest.raises(UnreachableError, match=f"http://127.0.0.1:{port} does not answer") as raised:
            made.from_connect("t", ROW, VALUE)
        assert "secret" not in str(raised.value)


def test_a_registry_that_hangs_is_an_outage_after_its_timeout(registry: PlainRegistry) -> None:
    settings = {"http.read.timeout.ms": "200"}
    registry.delay = 2.0
    with converter(registry.url, settings) as made, pytest.raises(UnreachableError, match="does not answer"):
        made.from_connect("t", ROW, VALUE)


def test_the_next_registry_is_asked_when_one_is_away(registry: PlainRegistry) -> None:
    (port,) = free_ports(1)
    with converter(f"http://127.0.0.1:{port},{registry.url}") as made:
        assert made.from_connect("t", ROW, VALUE)[:5] == b"\0\0\0\0\1"  # type: ignore[index]  # it is not null


JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="user" password="p:w";'
BASIC = "Basic " + base64.b64encode(b"user:p:w").decode()


@pytest.mark.parametrize(
    ("user", "settings", "headers"),
    [
        ("user:p%3Aw@", {}, {"Authorization": BASIC}),
        (
            "",
            {"basic.auth.credentials.source": "USER_INFO", "basic.auth.user.info": "user:p:w"},
            {"Authorization": BASIC},
        ),
        (
            "",
            {"basic.auth.credentials.source": "USER_INFO", "schema.registry.basic.auth.user.info": "user:p:w"},
            {"Authorization": BASIC},
        ),
        ("", {"basic.auth.credentials.source": "SASL_INHERIT", "sasl.jaas.config": JAAS}, {"Authorization": BASIC}),
        (
            "",
            {
                "bearer.auth.credentials.source": "STATIC_TOKEN",
                "bearer.auth.token": "abc",
                "bearer.auth.logical.cluster": "lsrc-1",
            },
            {"Authorization": "Bearer abc", "target-sr-cluster": "lsrc-1"},
        ),
        ("", {"request.header.X-Tenant": "seven"}, {"X-Tenant": "seven"}),
    ],
)
def test_credentials_are_sent(
    registry: PlainRegistry, user: str, settings: Mapping[str, str], headers: Mapping[str, str]
) -> None:
    with converter(registry.url.replace("://", f"://{user}"), settings) as made:
        made.from_connect("t", ROW, VALUE)
    sent = {name.lower(): value for name, value in registry.requests[0][2].items()}
    assert {name: sent.get(name.lower()) for name in headers} == headers


@pytest.fixture
def token_server() -> Iterator[tuple[str, list[tuple[str | None, bytes]]]]:
    """URL of an OAuth server that gives everybody the token ``abc``, and the requests that it gets."""
    asked: list[tuple[str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.headers["Authorization"], self.rfile.read(int(self.headers["Content-Length"]))))
            answer = json.dumps({"access_token": "abc", "expires_in": 3600, "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token", asked
        server.shutdown()


def oauth(url: str) -> dict[str, str]:
    """Settings of a converter that gets its token there."""
    return {
        "bearer.auth.credentials.source": "OAUTHBEARER",
        "bearer.auth.issuer.endpoint.url": url,
        "bearer.auth.client.id": "user",
        "bearer.auth.client.secret": "p:w",
    }


def test_scope_and_names_of_clusters_may_be_left_out_as_with_javas_client(
    registry: PlainRegistry, token_server: tuple[str, list[tuple[str | None, bytes]]]
) -> None:
    url, asked = token_server
    with converter(registry.url, oauth(url)) as made:
        made.from_connect("one", ROW, VALUE)
    assert asked == [(BASIC, b"grant_type=client_credentials")]
    (_, _, headers) = registry.requests[-1]
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["authorization"] == "Bearer abc"
    assert not sent.get("target-sr-cluster")


def test_a_token_of_an_oauth_server_is_fetched_once_and_sent(
    registry: PlainRegistry, token_server: tuple[str, list[tuple[str | None, bytes]]]
) -> None:
    url, asked = token_server
    more = {
        "bearer.auth.scope": "schemas",
        "bearer.auth.logical.cluster": "lsrc-1",
        "bearer.auth.identity.pool.id": "pool-1",
    }
    with converter(registry.url, {**oauth(url), **more}) as made:
        made.from_connect("one", ROW, VALUE)
        made.from_connect("two", ROW, VALUE)
    assert asked == [(BASIC, b"grant_type=client_credentials&scope=schemas")]
    assert len(registry.requests) > 1
    for _, _, headers in registry.requests:
        sent = {name.lower(): value for name, value in headers.items()}
        names = ("authorization", "target-sr-cluster", "confluent-identity-pool-id")
        assert [sent[name] for name in names] == ["Bearer abc", "lsrc-1", "pool-1"]


@pytest.fixture(scope="module")
def secured_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlainRegistry, Authority, Path]]:
    """A registry that speaks TLS and wants a certificate of its clients."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority()
    server = authority.issue("localhost").write_pem(folder / "server.pem")
    trust = folder / "trust.pem"
    trust.write_text(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    context.load_verify_locations(trust)
    context.verify_mode = ssl.CERT_REQUIRED
    with plain_registry(context) as registry:
        yield registry, authority, folder


def test_stores_as_java_names_them_open_a_secured_registry(
    secured_registry: tuple[PlainRegistry, Authority, Path],
) -> None:
    registry, authority, folder = secured_registry
    client = authority.issue("client").write_pem(folder / "client.pem")
    settings = {
        "schema.registry.ssl.truststore.location": folder / "trust.pem",
        "schema.registry.ssl.truststore.type": "PEM",
        "schema.registry.ssl.keystore.location": client,
        "schema.registry.ssl.keystore.type": "PEM",
    }
    texts = {name: str(value) for name, value in settings.items()}
    with converter(registry.url, texts) as made:
        assert made.from_connect("t", ROW, VALUE) is not None


def test_a_certificate_that_is_not_trusted_is_named(secured_registry: tuple[PlainRegistry, Authority, Path]) -> None:
    with (
        converter(secured_registry[0].url) as made,
        pytest.raises(CredentialsError, match=r"is not trusted .*truststore"),
    ):
        made.from_connect("t", ROW, VALUE)


# --- our own registry -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    made = SchemaRegistry(tmp_path_factory.mktemp("registry"), None)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("kind", [AvroConverter, ProtobufConverter, JsonSchemaConverter])
def test_every_converter_works_with_our_own_registry(own: SchemaRegistry, kind: type[Converter]) -> None:
    topic = kind.__name__
    with converter(own.url, kind=kind) as made:
        payload = made.from_connect(topic, ROW, VALUE)
        read, value = made.to_connect(topic, payload)
    assert (value, read.version if read else None) == (VALUE, 1)
    with converter(own.url, {"auto.register.schemas": "false", "use.latest.version": "true"}, kind) as made:
        assert made.from_connect(topic, ROW, VALUE) == payload
    with converter(own.url, {"auto.register.schemas": "false"}, kind) as made:
        assert made.from_connect(topic, ROW, VALUE) == payload


def test_an_incompatible_schema_is_refused_in_the_words_of_the_registry(own: SchemaRegistry) -> None:
    other = Schema(Type.STRUCT, name="shop.Row", fields={"id": schema.INT32, "more": schema.STRING})
    with converter(own.url) as made:
        made.from_connect("incompatible", ROW, VALUE)
        with pytest.raises(DataError) as raised:
            made.from_connect("incompatible", other, {"id": 1, "more": "x"})
    text = raised.value.message
    assert text.startswith("Failed to serialize Avro data from topic incompatible : Error registering Avro schema")
    assert "incompatible with an earlier schema" in text
    assert "error code: 409" in text


# --- in a worker ------------------------------------------------------------------------------------------------------


def pipeline(folder: Path, url: str) -> list[dict[str, object]]:
    avro = {
        "value.converter": AvroConverter.java_class,
        "value.converter.schema.registry.url": url,
        "errors.tolerance": "all",
    }
    return [
        {
            "name": "source",
            "connector.class": "FileStreamSource",
            "file": folder / "in.txt",
            "topic": "avro",
            **avro,
        },
        {
            "name": "sink",
            "connector.class": "FileStreamSink",
            "file": folder / "out.txt",
            "topics": "avro",
            **avro,
        },
    ]


def states(worker: LinkspanWorker, name: str) -> list[str]:
    _, state = request("GET", f"{worker.url}/connectors/{name}/status")
    return [task["state"] for task in state["tasks"]]  # type: ignore[index]  # JSON


def test_an_outage_of_the_registry_is_waited_for_and_costs_no_record(registry: PlainRegistry, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"line {number}\n" for number in range(1000)))
    (tmp_path / "out.txt").touch()
    registry.status = 503
    worker = LinkspanWorker(tmp_path / "w", None, connectors=pipeline(tmp_path, registry.url))
    worker.start()
    try:
        wait_until(lambda: len(registry.requests) > 3, "the registry is asked again and again")
        assert lines(tmp_path / "out.txt") == []
        for name in ("source", "sink"):
            wait_until(lambda name=name: states(worker, name) == ["RUNNING"], f"{name} runs")  # type: ignore[misc]  # a default of its own
        registry.status = None
        wait_until(lambda: len(lines(tmp_path / "out.txt")) >= 1000, "all lines arrive")
    finally:
        worker.stop()
    assert lines(tmp_path / "out.txt") == [f"line {number}" for number in range(1000)]


def test_refused_credentials_end_the_task_at_once_whatever_is_tolerated(
    registry: PlainRegistry, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text("line\n")
    registry.status = 401
    worker = LinkspanWorker(tmp_path / "w", None, connectors=pipeline(tmp_path, registry.url)[:1])
    worker.start()

    def trace() -> str:
        _, state = request("GET", f"{worker.url}/connectors/source/status")
        return "".join(task.get("trace", "") for task in state["tasks"])  # type: ignore[index]  # JSON

    try:
        wait_until(lambda: bool(trace()), "the task fails")
        assert "refuses us (HTTP 401" in trace()
        assert "check basic.auth.* or bearer.auth.*" in trace()
    finally:
        worker.stop()
