from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from integration.services.certificates import Authority
from linkspan.api.errors import ConfigError
from linkspan.config import references
from linkspan.config.kubernetes import secret

PATH = "/api/v1/namespaces/{}/secrets/{}"


class Api(BaseHTTPRequestHandler):
    """Answers as the API server of Kubernetes does."""

    secrets: ClassVar = {
        PATH.format("ns", "user"): {"password": "geheim ä"},
        PATH.format("own", "user"): {"password": "mine"},
    }
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        allowed = self.headers["Authorization"] == "Bearer let-me-in"
        found = self.secrets.get(self.path)
        status = 401 if not allowed else 404 if found is None else 200
        data = {key: base64.b64encode(value.encode()).decode() for key, value in (found or {}).items()}
        body = json.dumps({"kind": "Secret", "data": data}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def api(authority: Authority, tmp_path: Path) -> Iterator[dict[str, str]]:
    identity = authority.issue("kubernetes", "127.0.0.1").write_pem(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    Api.asked.clear()
    yield {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server_port)}
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def account(authority: Authority, tmp_path: Path) -> Path:
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "ca.crt").write_text(authority.pem)
    (folder / "token").write_text("let-me-in\n")
    (folder / "namespace").write_text("own")
    return folder


def test_a_secret_is_read_with_the_rights_of_the_pod(api, account):
    assert secret("ns/user", api, account) == {"password": "geheim ä"}
    assert secret("user", api, account) == {"password": "mine"}


def test_a_secret_that_is_not_there_or_not_for_us_is_named(api, account):
    with pytest.raises(ConfigError, match=r"namespaces/ns/secrets/gone cannot be read: 404 Not Found; the service"):
        secret("ns/gone", api, account)
    (account / "token").write_text("x")
    with pytest.raises(ConfigError, match=r"namespaces/ns/secrets/user cannot be read: 401 Unauthorized; the service"):
        secret("ns/user", api, account)


def test_a_server_of_another_authority_gets_no_token(api, account):
    (account / "ca.crt").write_text(Authority("somebody else").pem)
    with pytest.raises(ConfigError, match=r"Secret ns/user cannot be read: .*CERTIFICATE_VERIFY_FAILED"):
        secret("ns/user", api, account)
    assert Api.asked == []


@pytest.mark.parametrize("path", ["", "a/b/c", "../x", "A/b", "ns/user?x"])
def test_a_path_is_a_namespace_and_a_name(api, account, path):
    with pytest.raises(ConfigError, match="it is written as namespace/name"):
        secret(path, api, account)


def test_outside_of_a_pod_there_are_no_secrets(api, account):
    with pytest.raises(ConfigError, match="this is no pod, KUBERNETES_SERVICE_HOST is not set"):
        secret("ns/user", {}, account)
    with pytest.raises(ConfigError, match=r"Secret ns/user cannot be read: .*No such file"):
        secret("ns/user", api, account / "gone")


def test_references_to_one_secret_ask_once(api, account, monkeypatch):
    monkeypatch.setattr(references, "secret", lambda path, environment: secret(path, environment, account))
    settings = {
        "config.providers": "s",
        "config.providers.s.class": "io.strimzi.kafka.KubernetesSecretConfigProvider",
        "sasl.jaas.config": 'x required password="${s:ns/user:password}";',
        "producer.ssl.key": "${s:ns/user:gone}",
    }
    assert references.resolved(settings, api) == {
        "sasl.jaas.config": 'x required password="geheim ä";',
        "producer.ssl.key": "${s:ns/user:gone}",
    }
    assert Api.asked == [PATH.format("ns", "user")]
