"""Plugins, validation and loggers over REST (spec/runtime.md 1.9, 1.10)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest.conftest import SOURCE, refused

FULL = "org.apache.kafka.connect.file.FileStreamSourceConnector"


@pytest.mark.parametrize(
    ("query", "connectors_only"),
    [("", True), ("?connectorsOnly=", True), ("?connectorsOnly=TRUE", True), ("?connectorsOnly=maybe", False),
     ("?connectorsOnly=false", False)],
)  # fmt: skip
def test_connectors_alone_are_listed_unless_all_plugins_are_wanted(
    served: Any, monkeypatch: pytest.MonkeyPatch, query: str, connectors_only: bool
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(served.worker.catalog, "listing", lambda only: asked.append(only) or [])
    assert served.ask("GET", f"/connector-plugins{query}").json == []
    assert asked == [connectors_only]


def test_a_plugin_is_described_under_any_of_its_names(served: Any) -> None:
    for name in ("FileStreamSource", "FileStreamSourceConnector", FULL):
        assert served.ask("GET", f"/connector-plugins/{name}/config").json == [{"name": f"key of {name}"}]
    assert refused(served.ask("GET", "/connector-plugins/Nope/config"), 404) == "Unknown plugin Nope."


def test_a_version_that_is_not_there_is_refused_with_those_that_are(served: Any) -> None:
    path = "/connector-plugins/FileStreamSource/config?version="
    assert served.ask("GET", f"{path}4.3.1").status == served.ask("GET", path).status == 200
    assert refused(served.ask("GET", f"{path}9.9"), 400) == (
        f"Plugin {FULL} not found that matches the version range [9.9,9.9], available versions: [4.3.1]"
    )
    assert "version" in refused(served.ask("GET", f"{path}%5B1"), 400)


@pytest.mark.parametrize("plugin", ["FileStreamSource", "FileStreamSourceConnector", FULL, "Source", "Connector"])
def test_a_configuration_is_validated_for_the_plugin_of_the_path(served: Any, plugin: str) -> None:
    included = "FileStreamSource" if plugin != FULL else FULL
    included += "Connector" if plugin == "Connector" else ""
    served.worker.invalid["v"] = ["bad"]
    body = {**SOURCE, "connector.class": included, "name": "v", "tasks.max": 2}
    reply = served.ask("PUT", f"/connector-plugins/{plugin}/config/validate", body)
    if plugin == "Connector":
        assert refused(reply, 400) == f"Included connector type {included} does not match request type Connector"
        return
    assert (reply.status, reply.json["name"], reply.json["error_count"]) == (200, included, 1)
    assert served.worker.calls == [("validate", "v")]


def test_a_configuration_of_another_plugin_is_refused(served: Any) -> None:
    reply = served.ask("PUT", "/connector-plugins/FileStreamSink/config/validate", SOURCE)
    assert refused(reply, 400) == "Included connector type FileStreamSource does not match request type FileStreamSink"


# --- loggers --------------------------------------------------------------------------------------------------------


def test_loggers_are_listed_with_level_and_time_of_change(served: Any) -> None:
    assert served.ask("GET", "/admin/loggers").text == '{"root":{"level":"INFO","last_modified":null}}'
    assert served.ask("PUT", "/admin/loggers/a.b", {"level": "debug"}).json == ["a.b"]
    assert served.ask("GET", "/admin/loggers/a.b").json == {"level": "DEBUG", "last_modified": 1}
    assert list(served.ask("GET", "/admin/loggers").json) == ["a.b", "root"]


def test_root_is_known_in_any_case(served: Any) -> None:
    assert served.ask("GET", "/admin/loggers/ROOT").json["level"] == "INFO"
    assert served.ask("PUT", "/admin/loggers/Root", {"level": "WARN"}).json == ["root"]
    assert served.ask("GET", "/admin/loggers/root").json["level"] == "WARN"


def test_an_unknown_logger_is_not_found(served: Any) -> None:
    assert refused(served.ask("GET", "/admin/loggers/no.such"), 404) == "Logger no.such not found."


@pytest.mark.parametrize("body", [{}, {"level": None}, {"other": "x"}])
def test_a_level_must_be_given(served: Any, body: dict[str, Any]) -> None:
    said = refused(served.ask("PUT", "/admin/loggers/a", body), 400)
    assert said == "Desired 'level' parameter was not specified in request."


@pytest.mark.parametrize("level", ["FOO", "", 5])
@pytest.mark.parametrize("scope", ["", "?scope=cluster"])
def test_an_unknown_level_is_not_found(served: Any, level: Any, scope: str) -> None:
    said = refused(served.ask("PUT", f"/admin/loggers/a{scope}", {"level": level}), 404)
    assert said == f"invalid log level '{level}'."


@pytest.mark.parametrize(
    ("scope", "status"), [("cluster", 204), ("CLUSTER", 204), ("worker", 200), ("odd", 200), ("", 200)]
)
def test_the_scope_of_a_cluster_is_this_worker_but_names_nothing(served: Any, scope: str, status: int) -> None:
    reply = served.ask("PUT", f"/admin/loggers/a?scope={scope}", {"level": "ERROR"})
    assert (reply.status, reply.text) == (status, "" if status == 204 else '["a"]')
    assert served.ask("GET", "/admin/loggers/a").json["level"] == "ERROR"
