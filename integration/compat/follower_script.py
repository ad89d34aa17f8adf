"""The calls that workers answer which do not lead their group: every endpoint, with a name that is hard to hand on.

Placeholders as in connector_script; ``${LEADER}`` is the other worker, ``${TASKS_SIGNED}`` and ``${NOTHING_SIGNED}``
are signatures of the group for the body ``[{"a":"b"}]`` and for none.
"""

from __future__ import annotations

from typing import Final

from integration.compat.connector_script import (
    CREATING,
    MISTAKE,
    PAUSED,
    RUNNING,
    SINK,
    SLASH,
    SOURCE,
    STOPPED,
    TEXT,
    UNKNOWN_CONNECTOR,
    WRONG_OFFSETS,
    connector,
    ignored,
    of,
    offset,
    sink_offset,
)
from integration.compat.exchange import Difference, Step
from integration.compat.group_script import BETWEEN_WORKERS, in_group

__all__ = ["FOLLOWER_STEPS", "LEADER_STEPS"]

NAME: Final = "a é☃+b?c#d&e=f@:g'h|i"
PATH: Final = "/connectors/a%20%C3%A9%E2%98%83%2Bb%3Fc%23d%26e%3Df%40%3Ag%27h%7Ci"

PLAN: Final = Difference(
    202, 202, "`version` in the answer to a restart with `includeTasks` or `onlyFailed` that another worker passed on"
)
SEMICOLON: Final = "Connector name with `;`, asked for through a follower; a bare `;` in a path"
BRACE: Final = "Connector name with `{`"


def idle(name: str) -> dict[str, object]:
    """A connector that begins no tasks, so that the group has little to do."""
    return {**connector(name, SOURCE), "initial_state": "STOPPED"}


def signed(signature: str) -> dict[str, str | None]:
    return {"X-Connect-Authorization": signature, "X-Connect-Request-Signature-Algorithm": "HmacSHA256"}


LIFE: Final = (
    Step("create", "POST /connectors", connector(NAME, SOURCE), leads_to=of(NAME, "RUNNING")),
    Step("create again", "POST /connectors", connector(NAME, SOURCE)),
    Step("exists invalid", "POST /connectors", connector(NAME, {"connector.class": "FileStreamSource"})),
    Step("exists mismatch", "POST /connectors", connector(NAME, {**SOURCE, "name": "zzz"})),
    Step("info", f"GET {PATH}", until=('"task":0',)),
    Step("config", f"GET {PATH}/config"),
    Step("tasks", f"GET {PATH}/tasks", until=('"task":0',)),
    Step("status", f"GET {PATH}/status", until=RUNNING),
    Step("task status", f"GET {PATH}/tasks/0/status"),
    Step("topics", f"GET {PATH}/topics", until=("${TOPIC}",)),
    Step("offsets", f"GET {PATH}/offsets", until=('"position":14',)),
    Step("offsets altered running", f"PATCH {PATH}/offsets", offset({"filename": "${DIR}/in.txt"}, {"position": 4})),
    Step("offsets reset running", f"DELETE {PATH}/offsets"),
    Step("expand both", "GET /connectors?expand=info&expand=status"),
    Step("put", f"PUT {PATH}/config", {**SOURCE, "batch.size": 7}, leads_to=of(NAME, "RUNNING")),
    Step("put seen", f"GET {PATH}/config", until=('"batch.size":"7"',)),
    Step("put mismatch", f"PUT {PATH}/config", {**SOURCE, "name": "other"}),
    Step("put malformed", f"PUT {PATH}/config", "{", differs=MISTAKE),
    Step("put empty", f"PUT {PATH}/config", differs=MISTAKE),
    Step("put empty object", f"PUT {PATH}/config", {}),
    Step("put array", f"PUT {PATH}/config", "[1]", differs=MISTAKE),
    Step("put text", f"PUT {PATH}/config", "x", headers=TEXT),
    Step("put invalid", f"PUT {PATH}/config", {"connector.class": "FileStreamSource", "file": "x"}),
    Step("patch", f"PATCH {PATH}/config", {"batch.size": None}, leads_to=of(NAME, "RUNNING")),
    Step("patch invalid", f"PATCH {PATH}/config", {"topic": ""}),
    Step("patch malformed", f"PATCH {PATH}/config", "{", differs=MISTAKE),
    Step("patch null", f"PATCH {PATH}/config", "null", differs=MISTAKE),
    Step("restart", f"POST {PATH}/restart", leads_to=(f"connector-{NAME} RUNNING",)),
    Step("restart text body", f"POST {PATH}/restart", "x", headers=TEXT, differs=ignored(204)),
    Step("restart tasks", f"POST {PATH}/restart?includeTasks=true", leads_to=of(NAME, "RUNNING"), differs=PLAN),
    Step("restart failed", f"POST {PATH}/restart?onlyFailed=TRUE&x=y", differs=PLAN),
    Step("restart failed tasks", f"POST {PATH}/restart?includeTasks=1&onlyFailed=true", differs=PLAN),
    Step("task restart", f"POST {PATH}/tasks/0/restart", leads_to=(f"task-{NAME}-0 RUNNING",)),
    Step("task restart unknown", f"POST {PATH}/tasks/7/restart"),
    Step("task restart odd", f"POST {PATH}/tasks/x/restart"),
    Step("pause", f"PUT {PATH}/pause"),
    Step("paused", f"GET {PATH}/status", until=PAUSED),
    Step("pause text", f"PUT {PATH}/pause", "x", headers=TEXT, differs=ignored(202)),
    Step("resume", f"PUT {PATH}/resume"),
    Step("resumed", f"GET {PATH}/status", until=RUNNING),
    Step("stop", f"PUT {PATH}/stop"),
    Step("stopped", f"GET {PATH}/status", until=STOPPED),
    Step("alter", f"PATCH {PATH}/offsets", offset({"filename": "${DIR}/in.txt"}, {"position": 4})),
    Step("altered", f"GET {PATH}/offsets", until=('"position":4',)),
    Step("alter none", f"PATCH {PATH}/offsets", differs=MISTAKE),
    Step("alter empty", f"PATCH {PATH}/offsets", {"offsets": []}),
    Step("alter malformed", f"PATCH {PATH}/offsets", "{", differs=MISTAKE),
    Step("alter null item", f"PATCH {PATH}/offsets", {"offsets": [None]}, differs=MISTAKE),
    Step("alter bad partition", f"PATCH {PATH}/offsets", offset({"x": "y"}, {"position": 4}), differs=WRONG_OFFSETS),
    Step("reset", f"DELETE {PATH}/offsets"),
    Step("reset seen", f"GET {PATH}/offsets", until=('"offsets":[]',)),
    Step("topics reset", f"PUT {PATH}/topics/reset"),
    Step("topics after reset", f"GET {PATH}/topics", until=('"topics":[]',)),
    Step("stopped restart", f"POST {PATH}/restart", leads_to=(f"connector-{NAME} STOPPED",)),
    Step("handed on once", f"PATCH {PATH}/config?forward=true", {"x": "y"}, leads_to=(f"connector-{NAME} STOPPED",)),
    Step("handed on too often", f"PATCH {PATH}/config?forward=false", {"x": "z"}),
    Step("created too far away", "POST /connectors?forward=false", connector("x", SOURCE)),
    Step("restarted too far away", f"POST {PATH}/restart?includeTasks=true&forward=false"),
    Step("deleted too far away", f"DELETE {PATH}?forward=false"),
    # There, a worker that does not lead may write the end of something after its removal: no state to wait for.
    Step("delete", f"DELETE {PATH}"),
    Step("deleted", f"GET {PATH}/config", until=("not found",)),
    Step("delete again", f"DELETE {PATH}"),
    Step("put new", "PUT /connectors/put%20new/config", SOURCE, leads_to=of("put new", "RUNNING")),
    Step("put new delete", "DELETE /connectors/put%20new"),
    Step("put new deleted", "GET /connectors/put%20new/config", until=("not found",)),
)

SINKS: Final = (
    Step("sink create", "POST /connectors", connector("${SINK}", SINK), leads_to=of("${SINK}", "RUNNING")),
    Step("sink offsets", "GET /connectors/${SINK}/offsets"),
    Step("sink alter running", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": 1})),
    Step("sink stop", "PUT /connectors/${SINK}/stop"),
    Step("sink stopped", "GET /connectors/${SINK}/status", until=STOPPED),
    Step("sink alter: null topic", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": 1}, None, 0)),
    Step("sink alter: offset is text", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": "x"})),
    Step("sink reset", "DELETE /connectors/${SINK}/offsets"),
    Step("sink delete", "DELETE /connectors/${SINK}"),
    Step("sink deleted", "GET /connectors/${SINK}/config", until=("not found",)),
)

LEVELS: Final = (
    Step("level of the group", "PUT /admin/loggers/my.logger?scope=cluster", {"level": "WARN"}),
    Step("level seen", "GET /admin/loggers/my.logger", until=('"WARN"',)),
    Step("level unknown", "PUT /admin/loggers/my.logger?scope=cluster", {"level": "FOO"}),
    Step("level missing", "PUT /admin/loggers/my.logger?scope=cluster", {}),
    Step("level of one worker", "PUT /admin/loggers/my.logger", {"level": "INFO"}),
    Step("level of a name with odd characters", "PUT /admin/loggers/my.%20%C3%A9?scope=cluster", {"level": "ERROR"}),
    Step("level of that name", "GET /admin/loggers/my.%20%C3%A9", until=('"ERROR"',)),
)

PLUGINS: Final = (
    Step("plugins", "GET /connector-plugins"),
    Step("plugins all", "GET /connector-plugins?connectorsOnly=false"),
    Step("plugin config", "GET /connector-plugins/FileStreamSource/config"),
    Step("validate", "PUT /connector-plugins/FileStreamSource/config/validate", {**SOURCE, "name": "v"}),
)

ODD_NAMES: Final = (
    # With tasks, the original would go on for ever to hand their configurations to the leader, in vain.
    Step("semicolon", "POST /connectors", idle("a;b"), leads_to=("connector-a;b STOPPED",)),
    Step("semicolon config", "GET /connectors/a%3Bb/config", until=("FileStreamSource",)),
    Step("semicolon delete", "DELETE /connectors/a%3Bb", differs=Difference(404, 204, SEMICOLON)),
    Step("percent", "POST /connectors", idle("100%"), leads_to=("connector-100% STOPPED",)),
    Step("percent delete", "DELETE /connectors/100%25", differs=Difference(400, 204, SLASH.row)),
    Step("backslash", "POST /connectors", idle("a\\b"), leads_to=("connector-a\\b STOPPED",)),
    Step("backslash delete", "DELETE /connectors/a%5Cb", differs=Difference(400, 204, SLASH.row)),
    Step("slash delete", "DELETE /connectors/a%2Fb", differs=SLASH),
    Step("brace", "POST /connectors", idle("{x}"), differs=Difference(500, 201, BRACE)),
    Step("brace delete", "DELETE /connectors/%7Bx%7D", differs=Difference(500, 204, BRACE)),
)

SIGNED: Final = (
    Step("signed", "POST /connectors", idle("signed"), leads_to=("connector-signed STOPPED",)),
    Step("signed seen", "GET /connectors/signed/config", until=("FileStreamSource",)),
    Step(
        "signed tasks",
        "POST /connectors/signed/tasks",
        '[{"a":"b"}]',
        headers=signed("${TASKS_SIGNED}"),
    ),
    Step("signed tasks, but others", "POST /connectors/signed/tasks", '[{"a":"c"}]', headers=signed("${TASKS_SIGNED}")),
    Step("signed fence", "PUT /connectors/signed/fence", headers=signed("${NOTHING_SIGNED}")),
    Step("signed fence of nothing", "PUT /connectors/nope/fence", headers=signed("${NOTHING_SIGNED}")),
)

LEADER_STEPS: Final = SIGNED
"""What the leader is asked before."""

_UNSIGNED: Final = tuple(
    step for step in BETWEEN_WORKERS if "sign" in step.name or "malformed" in step.name or "body" in step.name
)
_KEPT: Final = {"create malformed", "create empty", "create unknown member", "create two errors", "create text type"}

FOLLOWER_STEPS: Final = (
    Step("root", "GET /"),
    Step("health", "GET /health"),
    *(in_group(step) for step in UNKNOWN_CONNECTOR),
    *(step for step in CREATING if step.name in _KEPT),
    *LIFE,
    *SINKS,
    *LEVELS,
    *PLUGINS,
    *_UNSIGNED,
    *SIGNED[2:],
    *ODD_NAMES,
)
"""What a worker is asked that does not lead."""
