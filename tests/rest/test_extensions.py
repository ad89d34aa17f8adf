"""rest.extension.classes: order, cluster state, refusals; and basic authentication."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from linkspan.api import (
    Config,
    ConfigError,
    PluginError,
    RestExtension,
    RestExtensionContext,
    RestRequest,
    RestResponse,
    Str,
)
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.rest.app import RestApp, herder_routes
from linkspan.rest.basic_auth import credentials
from linkspan.rest.extensions import Extensions, HerderState
from linkspan.rest.forwarding import WorkerClient

HERE = __name__
JAVA_NAME = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
JAVA_MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
CATALOG = Catalog([PluginInfo("rest_extension", JAVA_NAME, "linkspan.rest.basic_auth:BasicAuthSecurityRestExtension")])
calls: list[str] = []


class NotedConfig(Config):
    owner = Str("noted.owner", default="nobody")


class Noted(RestExtension[NotedConfig]):
    config_class = NotedConfig
    name = "noted"

    def register(self, context: RestExtensionContext) -> None:
        calls.append(f"{self.name} registered")
        self.cluster = context.cluster
        context.add_filter(self.look)
        context.add_route("get", f"/{self.name}/{{who}}", self.answer)
        context.add_route("GET", "/connectors", self.answer)

    async def look(self, request: RestRequest) -> RestResponse | None:
        calls.append(f"{self.name} saw {request.method} {request.path}?{request.query}")
        return RestResponse(418, "no tea", {"X-By": self.name}) if request.headers.get("x-stop") == self.name else None

    async def answer(self, request: RestRequest) -> RestResponse:
        seen = [self.config.owner, self.cluster.kafka_cluster_id, *self.cluster.connectors()]
        for name in self.cluster.connectors():
            health = self.cluster.connector_health(name)
            seen += [health.state, health.kind, *(f"{n}:{task.state}" for n, task in health.tasks.items())]
            seen.append(self.cluster.connector_config(name)["connector.class"].rpartition(".")[2])
        return RestResponse(200, f"{request.names['who']} {seen}", {"Content-Type": "text/plain"})

    def close(self) -> None:
        calls.append(f"{self.name} closed")
        raise ValueError("cannot close")


class Second(Noted):
    name = "second"


class Raises(Noted):
    def register(self, _: RestExtensionContext) -> None:
        raise ValueError("not today")


class Opaque(Noted):
    async def look(self, _: RestRequest) -> RestResponse | None:
        raise ValueError("lost the directory")


Serve = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def extended(serve: Serve) -> Any:
    """The served app with these extensions."""

    @contextmanager
    def extended(*names: str, **properties: str) -> Iterator[Any]:
        calls.clear()
        app = RestApp()
        with serve(app) as served:
            extensions = Extensions(HerderState(served.herder, "cluster"))
            extensions.register(names, CATALOG, {key.replace("_", "."): value for key, value in properties.items()})
            app.install([*herder_routes(served.herder, WorkerClient({})), *extensions.routes], extensions.filters)
            yield served
        extensions.close()

    return extended


def register(*names: str, **properties: str) -> Extensions:
    extensions = Extensions(None)  # type: ignore[arg-type]  # nobody asks for it
    extensions.register(names, CATALOG, {key.replace("_", "."): value for key, value in properties.items()})
    return extensions


# --- extensions -----------------------------------------------------------------------------------------------------


def test_extensions_register_filter_and_close_in_the_listed_order(extended: Any) -> None:
    with extended(f"{HERE}:Second", f"{HERE}:Noted") as served:
        assert served.ask("GET", "/connectors?expand=info").status == 200
        reply = served.ask("GET", "/connectors", headers={"X-Stop": "second"})
    assert (reply.status, reply.text, reply.headers["X-By"]) == (418, "no tea", "second")
    assert calls == [
        "second registered",
        "noted registered",
        "second saw GET /connectors?expand=info",
        "noted saw GET /connectors?expand=info",
        "second saw GET /connectors?",
        "second closed",
        "noted closed",
    ]


def test_filters_do_not_see_requests_that_no_endpoint_takes(extended: Any) -> None:
    with extended(f"{HERE}:Noted") as served:
        stop = {"X-Stop": "noted"}
        assert served.ask("GET", "/nothing", headers=stop).status == 404
        assert served.ask("DELETE", "/connectors", headers=stop).status == 405
        assert served.ask("GET", "/connectors", headers=stop | {"Accept": "text/html"}).status == 406
        assert served.ask("POST", "/connectors", "{}", stop | {"Content-Type": "text/plain"}).status == 415
        assert calls == ["noted registered"]
        assert served.ask("OPTIONS", "/connectors", headers=stop).status == 418


def test_an_endpoint_sees_configuration_and_cluster_state(extended: Any) -> None:
    with extended(f"{HERE}:Noted", noted_owner="anna") as served:
        body = {"connector.class": "FileStreamSource", "file": "f", "topic": "t", "tasks.max": "1"}
        assert served.ask("PUT", "/connectors/one/config", body).status == 201
        reply = served.ask("GET", "/noted/a%20b")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/plain")
    assert reply.text.startswith("a b ['anna', 'cluster', 'one', 'RUNNING', 'source'")
    assert reply.text.endswith("'FileStreamSource']")


def test_an_endpoint_cannot_take_the_place_of_the_workers_own(extended: Any) -> None:
    with extended(f"{HERE}:Noted") as served:
        assert served.ask("GET", "/connectors").json == []


def test_a_filter_that_raises_lets_nothing_through(extended: Any) -> None:
    with extended(f"{HERE}:Opaque") as served:
        reply = served.ask("GET", "/connectors")
    assert (reply.status, reply.json["message"]) == (500, "lost the directory")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("com.example.Missing", ["com.example.Missing", "ConnectRestExtension", "available are", JAVA_NAME]),
        ("no.such.module:Extension", ["no.such.module:Extension", "No module named"]),
        (f"{HERE}:NotThere", [f"{HERE}:NotThere", "has no attribute"]),
        (f"{HERE}:NotedConfig", ["is not a linkspan.api.RestExtension"]),
    ],
)
def test_an_unknown_class_is_refused_by_name(name: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        register(name)
    assert all(part in raised.value.message for part in ["rest.extension.classes", *parts])


def test_an_extension_that_cannot_register_is_refused_by_name() -> None:
    with pytest.raises(PluginError, match=r"rest\.extension\.classes: .*:Raises failed to register.*not today"):
        register(f"{HERE}:Raises")


def test_extensions_are_no_plugins_of_connectors() -> None:
    assert CATALOG.listing(connectors_only=False) == []


# --- basic authentication -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic YW5uYTpwYXNzOndvcmQ=", ("anna", "pass:word")),
        ("bAsIc YW5uYTpwYXNzOndvcmQ", ("anna", "pass:word")),
        ("Basic YW5uYTo=", ("anna", "")),
        ("Basic OnBhc3M=", None),
        ("Basic YW5uYQ==", None),
        ("Bearer YW5uYTpwYXNzOndvcmQ=", None),
        ("Basic  YW5uYTpwYXNzOndvcmQ=", None),
        ("Basic %%%", None),
        ("Basic ü", None),
        ("Basic", None),
        ("", None),
        (None, None),
    ],
)
def test_credentials_are_read_as_java_reads_them(header: str | None, found: tuple[str, str] | None) -> None:
    assert credentials(header) == found


def jaas(folder: Path, users: str, second: str | None = None) -> str:
    modules = ""
    for name, text in (("users", users), ("more", second)):
        if text is not None:
            (folder / name).write_text(text, encoding="latin-1")
            modules += f'  {JAVA_MODULE} required file="{folder / name}";\n'
    (folder / "jaas.conf").write_text(f"KafkaConnect {{\n{modules}}};\n")
    return str(folder / "jaas.conf")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_only_users_of_the_file_get_in(extended: Any, tmp_path: Path) -> None:
    path = jaas(tmp_path, "anna=pass:word\nb\\ c=\xfc\nempty=\n")
    with extended(JAVA_NAME, linkspan_jaas_config_file=path) as served:
        for user, password in (("anna", "pass:word"), ("b c", "ü"), ("empty", "")):
            assert served.ask("GET", "/", headers=basic(user, password)).status == 200
        for headers in ({}, basic("anna", "pass"), basic("anna", ""), basic("nobody", ""), basic("nobody", "x")):
            reply = served.ask("GET", "/", headers=headers)
            assert (reply.status, reply.text) == (401, "User cannot access the resource.")
            assert reply.headers["Content-Type"] == "application/json"
            assert "WWW-Authenticate" not in reply.headers
        assert served.ask("DELETE", "/connectors/one").status == 401


def test_the_file_is_read_once(extended: Any, tmp_path: Path) -> None:
    path = jaas(tmp_path, "anna=old\n")
    with extended(JAVA_NAME, linkspan_jaas_config_file=path) as served:
        (tmp_path / "users").write_text("anna=new\n")
        assert served.ask("GET", "/", headers=basic("anna", "old")).status == 200


def test_the_two_internal_endpoints_need_no_user_under_their_exact_method_and_path(
    extended: Any, tmp_path: Path
) -> None:
    with extended(JAVA_NAME, linkspan_jaas_config_file=jaas(tmp_path, "anna=x\n")) as served:
        for method, path in (("POST", "/connectors/c/tasks"), ("POST", "/connectors/c/tasks/"),
                             ("PUT", "/connectors/c/fence"), ("PUT", "/connectors/c/fence/")):  # fmt: skip
            assert served.ask(method, path, []).status == 500
        for method, path in (("GET", "/connectors/c/tasks"), ("POST", "/connectors/c/tasks/0/restart"),
                             ("PUT", "/connectors/c/config"), ("POST", "/connectors")):  # fmt: skip
            assert served.ask(method, path, {} if method != "GET" else None).status == 401


def test_a_user_of_any_listed_file_gets_in(extended: Any, tmp_path: Path) -> None:
    path = jaas(tmp_path, "anna=x\n", "bert=y\n")
    with extended(JAVA_NAME, linkspan_jaas_config_file=path) as served:
        assert served.ask("GET", "/", headers=basic("anna", "x")).status == 200
        assert served.ask("GET", "/", headers=basic("bert", "y")).status == 200
        assert served.ask("GET", "/", headers=basic("bert", "x")).status == 401


def test_an_empty_file_lets_everybody_in(extended: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with extended(JAVA_NAME, linkspan_jaas_config_file=jaas(tmp_path, "# nobody yet\n")) as served:
        assert served.ask("GET", "/").status == 200
    assert "every request is permitted" in caplog.text


@pytest.mark.parametrize("form", ["{}", "={}", "file:{}"])
def test_the_jaas_file_of_java_is_found(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    option = "-Djava.security.auth.login.config=" + form.format(jaas(tmp_path, "anna=x\n"))
    monkeypatch.setenv("KAFKA_OPTS", f'-Xmx1g "{option}"')
    assert len(register(JAVA_NAME).filters) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read"),
        ("KafkaConnect {", "is malformed"),
        ("Other { };", "no login module in a context KafkaConnect"),
        ("KafkaConnect { com.example.Ldap required; };", "names the login module com.example.Ldap"),
        (f"KafkaConnect {{ {JAVA_MODULE} required; }};", "Property Credentials file must be specified"),
        (f'KafkaConnect {{ {JAVA_MODULE} required file=" "; }};', "Property Credentials file must be specified"),
        (
            f'KafkaConnect {{ {JAVA_MODULE} required file="/nowhere/users"; }};',
            "Error loading Property Credentials file: .*/nowhere/users",
        ),
    ],
)
def test_files_that_cannot_be_used_are_refused_at_start(text: str | None, reason: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "jaas.conf").write_text(text)
    with pytest.raises(ConfigError, match=reason) as raised:
        register(JAVA_NAME, linkspan_jaas_config_file=str(tmp_path / "jaas.conf"))
    assert str(tmp_path / "jaas.conf") in raised.value.message or "/nowhere/users" in raised.value.message


def test_without_a_jaas_file_the_extension_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_OPTS", raising=False)
    with pytest.raises(ConfigError, match=r"linkspan\.jaas\.config\.file"):
        register(JAVA_NAME)
