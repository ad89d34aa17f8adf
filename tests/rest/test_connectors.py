"""Connectors over REST: bodies, answers and refusals (spec/runtime.md 1.4, 1.6 to 1.8)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from linkspan.api.errors import ConfigError, ConflictError, ConnectError, NotFoundError, PluginError, UnreachableError
from linkspan.herder.topic_tracking import TopicTracking
from linkspan.observe.hiding import know
from linkspan.rest.app import RestApp
from linkspan.rest.errors import status_of
from tests.rest.conftest import SOURCE, create, refused

Serve = Callable[..., Any]


# --- configurations -------------------------------------------------------------------------------------------------


def test_a_configuration_comes_back_with_exactly_the_submitted_keys_and_the_name(served: Any) -> None:
    create(served, "c", **{"unknown.key": "x"})
    expected = {**SOURCE, "unknown.key": "x", "name": "c"}
    assert served.ask("GET", "/connectors/c/config").json == expected
    assert served.ask("GET", "/connectors/c").json["config"] == expected
    assert served.ask("GET", "/connectors?expand=info").json["c"]["info"]["config"] == expected


def test_numbers_and_booleans_become_the_texts_they_were_written_as(served: Any) -> None:
    text = '{"a":1,"b":1.0,"c":false,"d":1e3,"e":12345678901234567890,"f":true,"g":-0.10,"h":"é☃","i":""}'
    body = text[:-1] + "," + json.dumps(SOURCE)[1:]
    assert served.ask("PUT", "/connectors/c/config", body).status == 201
    config = served.ask("GET", "/connectors/c/config").json
    assert [config[key] for key in "abcdefghi"] == [
        *("1", "1.0", "false", "1e3", "12345678901234567890", "true", "-0.10", "é☃", "")
    ]


def test_texts_are_sent_as_utf8_and_control_characters_escaped(served: Any) -> None:
    create(served, "c", text="é\u0001\u001f\n/")
    assert '"text":"é\\u0001\\u001F\\n/"' in served.ask("GET", "/connectors/c/config").text


def test_patch_with_null_removes_a_key(served: Any) -> None:
    create(served, "c", extra="x")
    reply = served.ask("PATCH", "/connectors/c/config", {"extra": None, "topic": "y", "more": 7})
    assert (reply.status, reply.json["config"]) == (200, {**SOURCE, "topic": "y", "more": "7", "name": "c"})


@pytest.mark.parametrize("state", ["RUNNING", "paused", "Stopped", None])
def test_an_initial_state_is_taken_in_any_case(served: Any, state: str | None) -> None:
    body = {"name": "c", "config": SOURCE, "initial_state": state}
    assert served.ask("POST", "/connectors", body).status == 201
    shown = served.ask("GET", "/connectors/c/status").json["connector"]["state"]
    assert shown == (state or "RUNNING").upper()


# --- mistakes of callers --------------------------------------------------------------------------------------------

CREATE = ("POST", "/connectors")
PUT = ("PUT", "/connectors/c/config")
PATCH = ("PATCH", "/connectors/c/config")
ALTER = ("PATCH", "/connectors/c/offsets")
VALIDATE = ("PUT", "/connector-plugins/FileStreamSource/config/validate")
LEVEL = ("PUT", "/admin/loggers/x")


@pytest.mark.parametrize("request_line", [CREATE, PUT, PATCH, ALTER, VALIDATE, LEVEL], ids=" ".join)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "has no body"),
        ("", "has no body"),
        ("  ", "has no body"),
        ("{nope", "not valid JSON"),
        ('{"a": 1', "not valid JSON"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ("{} {}", "not valid JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": "\\ud800"}', "not UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must be a JSON object, not a list"),
        ('"x"', "must be a JSON object, not a text"),
        ("5", "must be a JSON object, not a number"),
        ("true", "must be a JSON object, not a boolean"),
        ("null", "must be a JSON object, not null"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_the_callers_mistake(
    served: Any, request_line: tuple[str, str], body: str | bytes | None, said: str
) -> None:
    create(served)
    assert said in refused(served.ask(*request_line, body, {"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize(
    ("request_line", "body", "said"),
    [
        (CREATE, {"name": "x"}, 'must contain "config"'),
        (CREATE, {"name": "x", "config": None}, 'must contain "config"'),
        (CREATE, {"name": "x", "config": []}, "config must be a JSON object, not a list"),
        (CREATE, {"name": "x", "config": {}, "what": 1}, 'Unrecognized field "what"'),
        (CREATE, {"name": ["x"], "config": {}}, 'The value of "name" must be a text'),
        (CREATE, {"name": "x", "config": {"a": [1]}}, 'The value of "a" must be a text, a number or a boolean'),
        (CREATE, {"name": "x", "config": {"a": {}}}, 'The value of "a" must be a text, a number or a boolean'),
        (CREATE, {"name": "x", "config": SOURCE, "initial_state": "ASLEEP"}, '"initial_state" ASLEEP; known are: RUN'),
        (CREATE, {"name": "x", "config": {**SOURCE, "name": "y"}}, "(y) doesn't match connector name in the URL (x)"),
        (CREATE, {"name": "x", "config": {}}, "Connector config {name} contains no connector type"),
        (CREATE, {"name": "x", "config": {"connector.class": "Nope"}}, "which name matches Nope"),
        (PUT, {**SOURCE, "name": "y"}, "(y) doesn't match connector name in the URL (c)"),
        (PUT, {**SOURCE, "a": [1]}, 'The value of "a" must be a text'),
        (PATCH, {"name": "y"}, "(y) doesn't match connector name in the URL (c)"),
        (PATCH, {"a": {"b": 1}}, 'The value of "a" must be a text'),
        (ALTER, {}, "Partitions / offsets need to be provided"),
        (ALTER, {"offsets": None}, "Partitions / offsets need to be provided"),
        (ALTER, {"offsets": []}, "Partitions / offsets need to be provided"),
        (ALTER, {"offsets": {}}, '"offsets" must be a list, not an object'),
        (ALTER, {"offsets": [], "x": 1}, 'Unrecognized field "x"'),
        (ALTER, {"offsets": [None]}, "Each item of offsets must be a JSON object, not null"),
        (ALTER, {"offsets": [{"partition": {}, "x": 1}]}, 'Unrecognized field "x" in an item of offsets'),
        (ALTER, {"offsets": [{"partition": "x"}]}, '"partition" must be a JSON object, not a text'),
        (ALTER, {"offsets": [{"partition": {}, "offset": 1}]}, '"offset" must be a JSON object, not a number'),
        (ALTER, {"offsets": [{"partition": {}, "offset": {}}]}, "must be in the STOPPED state"),
        (("DELETE", "/connectors/c/offsets"), None, "must be in the STOPPED state"),
        (VALIDATE, {"a": "b"}, "Connector config {a} contains no connector type"),
        (VALIDATE, {"a": {}}, 'The value of "a" must be a text'),
    ],
)  # fmt: skip
def test_a_callers_mistake_is_a_400_that_names_it(
    served: Any, request_line: tuple[str, str], body: Any, said: str
) -> None:
    create(served)
    assert said in refused(served.ask(*request_line, body), 400)


def test_an_existing_name_is_a_conflict(served: Any) -> None:
    create(served)
    assert refused(create(served), 409) == "Connector c already exists"


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "", "Connector n not found"),
        ("GET", "/config", "Connector n not found"),
        ("GET", "/status", "No status found for connector n"),
        ("GET", "/tasks", "Connector n not found"),
        ("GET", "/tasks/0/status", "No status found for task n-0"),
        ("GET", "/tasks/-1/status", "No status found for task n--1"),
        ("GET", "/offsets", "Connector n not found"),
        ("DELETE", "", "Connector n not found"),
        ("DELETE", "/offsets", "Connector n not found"),
        ("PUT", "/pause", "Unknown connector n"),
        ("PUT", "/resume", "Unknown connector n"),
        ("PUT", "/stop", "Unknown connector n"),
        ("POST", "/restart", "Unknown connector: n"),
        ("POST", "/restart?includeTasks=true", "Unknown connector: n"),
        ("POST", "/tasks/0/restart", "Unknown connector: n"),
    ],
)
def test_unknown_connectors_are_not_found(served: Any, method: str, path: str, said: str) -> None:
    assert refused(served.ask(method, f"/connectors/n{path}"), 404) == said


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), 400),
        (NotFoundError("x"), 404),
        (ConflictError("x"), 409),
        (PluginError("x"), 500),
        (UnreachableError("x"), 500),
        (ConnectError("x"), 500),
    ],
)
def test_a_failure_of_the_worker_has_the_status_of_its_kind(served: Any, error: ConnectError, status: int) -> None:
    create(served)
    served.worker.errors["stop_connector", "c"] = error
    assert status_of(error) == status
    assert refused(served.ask("DELETE", "/connectors/c"), status) == "x"


def test_a_defect_is_a_500_that_does_not_end_the_server(served: Any, caplog: pytest.LogCaptureFixture) -> None:
    create(served)
    served.worker.errors["stop_connector", "c"] = ZeroDivisionError()
    assert refused(served.ask("DELETE", "/connectors/c"), 500) == "ZeroDivisionError"
    assert "DELETE /connectors/c failed" in caplog.text
    assert served.ask("GET", "/connectors").json == ["c"]


@pytest.mark.parametrize("error", [ConfigError("it is hunter-2"), ValueError("it is hunter-2")])
def test_no_refusal_has_a_secret(served: Any, error: Exception) -> None:
    know(["hunter-2"])
    create(served)
    served.worker.errors["stop_connector", "c"] = error
    status = 400 if isinstance(error, ConfigError) else 500
    assert refused(served.ask("DELETE", "/connectors/c"), status) == "it is [hidden]"


def test_only_groups_of_workers_take_internal_requests(served: Any) -> None:
    assert "externally setting task configurations" in refused(served.ask("POST", "/connectors/c/tasks", "[]"), 500)
    assert "exactly-once source connectors" in refused(served.ask("PUT", "/connectors/c/fence"), 500)


# --- listings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "members"),
    [
        ("expand=status", ["status"]),
        ("expand=info", ["info"]),
        ("expand=status&expand=info", ["info", "status"]),
        ("expand=info&expand=info", ["info"]),
        ("expand=nope&expand=info", ["info"]),
        ("expand=nope", []),
        ("expand=STATUS", []),
        ("expand=info,status", []),
        ("expand", []),
    ],
)
def test_a_listing_is_expanded_by_what_is_asked_for(served: Any, query: str, members: list[str]) -> None:
    create(served, "a")
    create(served, "b")
    listing = served.ask("GET", f"/connectors?{query}").json
    assert {name: list(item) for name, item in listing.items()} == {"a": members, "b": members}
    if "status" in members:
        assert listing["a"]["status"] == served.ask("GET", "/connectors/a/status").json
    if "info" in members:
        assert listing["b"]["info"] == served.ask("GET", "/connectors/b").json


def test_other_query_parameters_are_ignored(served: Any) -> None:
    create(served)
    assert served.ask("GET", "/connectors?forward=true&x=y").json == ["c"]


def test_a_connector_without_a_status_is_left_out_of_an_expanded_status(served: Any) -> None:
    served.worker.on_status = lambda _report: None
    create(served)
    assert served.ask("GET", "/connectors?expand=status").json == {}
    assert list(served.ask("GET", "/connectors?expand=info").json) == ["c"]


def test_a_status_has_its_members_in_the_order_of_kafka(served: Any) -> None:
    create(served)
    state = f'"state":"RUNNING","worker_id":"{served.address}","version":"4.3.1"'
    assert served.ask("GET", "/connectors/c/status").text == (
        f'{{"name":"c","connector":{{{state}}},"tasks":[{{"id":0,{state}}}],"type":"source"}}'
    )


# --- restart, offsets, topics ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "restarting"),
    [
        ("", 204, None),
        ("?includeTasks=false&onlyFailed=no", 204, None),
        ("?includeTasks=&onlyFailed=", 204, None),
        ("?includeTasks=true", 202, ["RESTARTING", "RESTARTING"]),
        ("?includeTasks=TRUE&onlyFailed=1", 202, ["RESTARTING", "RESTARTING"]),
        ("?onlyFailed=true", 202, ["RUNNING", "RUNNING"]),
        ("?onlyFailed=true&includeTasks=True", 202, ["RUNNING", "RUNNING"]),
    ],
)
def test_a_restart_with_options_answers_its_plan(
    served: Any, query: str, status: int, restarting: list[str] | None
) -> None:
    create(served)
    reply = served.ask("POST", f"/connectors/c/restart{query}", {"includeTasks": True})
    assert reply.status == status
    if restarting is None:
        assert reply.text == ""
    else:
        assert [reply.json["connector"]["state"], reply.json["tasks"][0]["state"]] == restarting


def test_the_plan_of_a_restart_that_another_worker_asked_for_has_nothing_that_older_workers_of_kafka_refuse(
    served: Any,
) -> None:
    create(served)
    reply = served.ask("POST", "/connectors/c/restart?forward=true&includeTasks=true&onlyFailed=false")
    state = {"state": "RESTARTING", "worker_id": served.address}
    assert (reply.status, reply.json) == (
        202, {"name": "c", "connector": state, "tasks": [{"id": 0, **state}], "type": "source"}
    )  # fmt: skip


def test_offsets_are_read_altered_and_reset(served: Any) -> None:
    create(served)
    served.ask("PUT", "/connectors/c/stop")
    offsets = [{"partition": {"f": 1.5}, "offset": {"p": 12345678901234567890}}, {"partition": {}, "offset": None}]
    reply = served.ask("PATCH", "/connectors/c/offsets", {"offsets": offsets})
    assert (reply.status, reply.json) == (
        200, {"message": "The offsets for this connector have been altered successfully"}
    )  # fmt: skip
    assert served.ask("GET", "/connectors/c/offsets").json == {"offsets": offsets}
    assert "have been reset successfully" in served.ask("DELETE", "/connectors/c/offsets").json["message"]
    assert served.ask("GET", "/connectors/c/offsets").json == {"offsets": []}


def test_topics_are_listed_and_reset(served: Any) -> None:
    create(served)
    served.herder.on_topics("c", 0, ["t", "é"])
    assert served.ask("GET", "/connectors/c/topics").text == '{"c":{"topics":["t","é"]}}'
    assert served.ask("PUT", "/connectors/c/topics/reset").status == 202
    assert served.ask("GET", "/connectors/c/topics").json == {"c": {"topics": []}}
    assert served.ask("GET", "/connectors/unknown/topics").json == {"unknown": {"topics": []}}


def test_topics_that_are_not_tracked_are_forbidden(serve: Serve) -> None:
    with serve(RestApp(), topic_tracking=TopicTracking(enabled=False)) as served:
        for method, path in (("GET", "/connectors/c/topics"), ("PUT", "/connectors/c/topics/reset")):
            assert refused(served.ask(method, path), 403) == "Topic tracking is disabled."
    with serve(RestApp(), topic_tracking=TopicTracking(resettable=False)) as served:
        assert served.ask("GET", "/connectors/c/topics").status == 200
        assert refused(served.ask("PUT", "/connectors/c/topics/reset"), 403) == "Topic tracking reset is disabled."


# --- waiting --------------------------------------------------------------------------------------------------------


def test_who_waits_too_long_is_told_what_the_worker_is_doing(serve: Serve) -> None:
    with serve(RestApp(), timeout=0.05) as served:
        create(served)
        served.worker.hangs["stop_task", "c"] = asyncio.Event()
        said = refused(served.ask("PUT", "/connectors/c/stop"), 500)
        instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        assert re.fullmatch(
            rf"Request timed out\. The worker is currently stopping connector c, which began at {instant}\.", said
        )
        assert refused(served.ask("DELETE", "/connectors/c"), 500) == said


def test_a_hanging_connector_holds_up_neither_others_nor_looking_at_it(served: Any) -> None:
    create(served, "c")
    create(served, "d")
    served.worker.hangs["set_task_target", "c"] = asyncio.Event()
    assert served.ask("PUT", "/connectors/c/pause").status == 202
    assert served.ask("PUT", "/connectors/d/config", {**SOURCE, "topic": "x"}).status == 200
    assert served.ask("PUT", "/connectors/d/stop").status == 204
    for path in ("", "/config", "/status", "/tasks", "/offsets", "/topics"):
        assert served.ask("GET", f"/connectors/c{path}").status == 200
    assert served.ask("GET", "/connectors?expand=status&expand=info").json.keys() == {"c", "d"}


# --- the worker -----------------------------------------------------------------------------------------------------


def test_root_and_health(served: Any) -> None:
    assert served.ask("GET", "/").json == {"version": "4.3.1", "commit": "linkspan", "kafka_cluster_id": "cluster"}
    assert served.ask("GET", "/health").json == {
        "status": "healthy",
        "message": "Worker has completed startup and is ready to handle requests.",
    }


def test_a_worker_that_still_creates_its_connectors_is_starting(served: Any) -> None:
    served.herder._ready = False
    reply = served.ask("GET", "/health")
    assert (reply.status, reply.json) == (503, {"status": "starting", "message": "Worker is still starting up."})


def test_a_worker_that_is_not_ready_says_so_with_503(served: Any) -> None:
    ready = served.ask("GET", "/health/ready")
    assert (ready.status, ready.json["status"]) == (200, "ready")
    served.herder._ready = False
    reply = served.ask("GET", "/health/ready")
    assert reply.status == 503
    assert reply.json == {"status": "not ready", "message": "Worker is still starting up."}
