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
from linkspan.api.fields import Config
from linkspan.config.providers import kubernetes
from linkspan.config.providers.kubernetes import (
    KubernetesConfigMapConfigProvider,
    KubernetesSecretConfigProvider,
    Resources,
)

PATH = "/api/v1/namespaces/{}/secrets/{}"


class Api(BaseHTTPRequestHandler):
    """Answers as the API server of Kubernetes does."""

    data: ClassVar = {
        PATH.format("ns", "user"): {"password": base64.b64encode("geheim ä".encode()).decode()},
        PATH.format("own", "user"): {"password": base64.b64encode(b"mine").decode()},
        PATH.format("ns", "bytes"): {"key": base64.b64encode(b"\xff\xfe").decode()},
        "/api/v1/namespaces/ns/configmaps/hosts": {"db": "db.example"},
    }
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        allowed = self.headers["Authorization"] == "Bearer let-me-in"
        found = self.data.get(self.path)
        status = 401 if not allowed else 404 if found is None else 200
        body = json.dumps({"data": found}).encode()
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


def secret(path: str, environment: dict[str, str], account: Path) -> dict[str, str]:
    return Resources("Secret", "secrets", environment, account).data(path)


@pytest.fixture
def pod(api: dict[str, str], account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is in a pod."""
    for name, value in api.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kubernetes.Resources.__init__, "__defaults__", (account,))


@pytest.mark.usefixtures("pod")
def test_a_secret_is_read_with_the_rights_of_the_pod():
    provider = KubernetesSecretConfigProvider()
    provider.config = Config({})
    assert provider.get("ns/user", {"password", "gone"}).values == {"password": "geheim ä"}
    assert provider.get("user", {"password"}).values == {"password": "mine"}


@pytest.mark.usefixtures("pod")
def test_a_config_map_is_read_as_it_is():
    assert KubernetesConfigMapConfigProvider().get("ns/hosts", {"db", "gone"}).values == {"db": "db.example"}


@pytest.mark.usefixtures("pod")
def test_a_secret_that_is_no_text_is_refused_without_being_quoted():
    with pytest.raises(ConfigError, match=r"^Secret ns/bytes cannot be read: UnicodeDecodeError") as refused:
        KubernetesSecretConfigProvider().get("ns/bytes", {"key"})
    assert refused.value.__cause__ is None


def test_a_resource_that_is_not_there_or_not_for_us_is_named(api, account):
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


def test_outside_of_a_pod_there_are_no_resources(api, account):
    with pytest.raises(ConfigError, match="this is no pod, KUBERNETES_SERVICE_HOST is not set"):
        secret("ns/user", {}, account)
    with pytest.raises(ConfigError, match=r"Secret ns/user cannot be read: .*No such file"):
        secret("ns/user", api, account / "gone")
