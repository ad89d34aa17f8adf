"""The REST calls about connectors that both workers answer: every endpoint, with what callers get right and wrong.

Placeholders: ``${DIR}`` a folder with the file in.txt of three lines, ``${TOPIC}`` and ``${SINK}`` a topic and a
connector of each worker's own (both work on the same broker), ``${VERSION}`` the version of the file connectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from integration.compat.exchange import Difference, Step

__all__ = [
    "CONNECTOR_STEPS",
    "CREATING",
    "FROM_FILES",
    "MISTAKE",
    "PAUSED",
    "RENAMED",
    "RUNNING",
    "SINK",
    "SLASH",
    "SOURCE",
    "STOPPED",
    "TEXT",
    "UNKNOWN",
    "UNKNOWN_CONNECTOR",
    "WRONG_OFFSETS",
    "connector",
    "ignored",
    "of",
    "offset",
    "sink_offset",
]

SOURCE: Final = {"connector.class": "FileStreamSource", "tasks.max": "1", "file": "${DIR}/in.txt", "topic": "${TOPIC}"}
SINK: Final = {"connector.class": "FileStreamSink", "tasks.max": "1", "file": "${DIR}/out.txt", "topics": "${TOPIC}-3"}
FAILING: Final = {**SINK, "file": "/nonexistent/dir/x"}

RUNNING: Final = ('"connector":{"state":"RUNNING"', '"id":0,"state":"RUNNING"')
PAUSED: Final = ('"connector":{"state":"PAUSED"', '"id":0,"state":"PAUSED"')
STOPPED: Final = ('"connector":{"state":"STOPPED"', '"tasks":[]')
FAILED: Final = ('"connector":{"state":"RUNNING"', '"id":0,"state":"FAILED"')

TEXT: Final = {"Content-Type": "text/plain"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

MISTAKE: Final = Difference(500, 400, "Malformed JSON, unknown members, unknown `initial_state`, missing body")
WRONG_OFFSETS: Final = Difference(500, 400, "Offsets that the connector or the log does not take")
UNKNOWN: Final = Difference(500, 404, "Stop, restart, pause of an unknown connector")
RENAMED: Final = Difference(200, 400, "`PATCH …/config` that changes `name`")
SLASH: Final = Difference(400, 404, "Connector name with `/`, `\\` or `%`")
NOT_HTTP: Final = "Paths that cannot be decoded or have empty parts, malformed content types"
UNDECODABLE: Final = Difference(400, 400, NOT_HTTP)
EMPTY_PART: Final = Difference(400, 404, NOT_HTTP)
NOT_A_TYPE: Final = Difference(400, 415, NOT_HTTP)


def connector(name: str, config: Mapping[str, object]) -> dict[str, object]:
    return {"name": name, "config": config}


def offset(partition: object, value: object) -> dict[str, object]:
    return {"offsets": [{"partition": partition, "offset": value}]}


def sink_offset(value: object, topic: object = "${TOPIC}-3", partition: object = 0) -> dict[str, object]:
    return offset({"kafka_topic": topic, "kafka_partition": partition}, value)


def of(name: str, state: str) -> tuple[str, str]:
    """A connector and its only task have this state anew."""
    return f"connector-{name} {state}", f"task-{name}-0 {state}"


def reading(name: str) -> tuple[str, ...]:
    """A source with one task runs anew and has read something, so that its end stores an offset."""
    return *of(name, "RUNNING"), f"topic-${{TOPIC}}:connector-{name} USED"


def asking(method: str, headers: str | None = None, origin: str = "http://a.example") -> dict[str, str | None]:
    """Headers of a preflight request."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return {"Origin": origin, **asked}


def ignored(status: int) -> Difference:
    return Difference(415, status, "Body without or with a foreign content type on calls that take none")


FROM_FILES: Final = (
    Step(
        "file connectors", "GET /connectors?expand=info", until=('"file-properties"', '"file-json"', '"file-request"')
    ),
    Step("file connector of properties", "GET /connectors/file-properties/status", until=RUNNING),
    Step("file connector of texts", "GET /connectors/file-json/status", until=RUNNING),
    Step("file connector of a request", "GET /connectors/file-request/status", until=STOPPED),
    Step("file connectors seen", "GET /connectors?expand=status"),
    Step("file connector deleted", "DELETE /connectors/file-properties"),
    Step("file connector deleted too", "DELETE /connectors/file-json"),
    Step("file connector deleted as well", "DELETE /connectors/file-request"),
)

SURFACE: Final = (
    Step("root", "GET /"),
    Step("health", "GET /health"),
    Step("health slash", "GET /health/"),
    Step("unknown path", "GET /nope"),
    Step("unknown path post", "POST /nope", {}),
    Step("root wrong method", "DELETE /"),
    Step("connectors empty", "GET /connectors"),
    Step("connectors slash", "GET /connectors/"),
    Step("expand empty", "GET /connectors?expand=status"),
    Step("head", "HEAD /connectors"),
    Step("options connectors", "OPTIONS /connectors"),
    Step("options connector", "OPTIONS /connectors/x"),
    Step("options root", "OPTIONS /"),
    Step("options config", "OPTIONS /connectors/x/config"),
    Step("options pause", "OPTIONS /connectors/x/pause"),
    Step("options restart", "OPTIONS /connectors/x/restart"),
    Step("options offsets", "OPTIONS /connectors/x/offsets"),
    Step("options plugins", "OPTIONS /connector-plugins"),
    Step("options validate", "OPTIONS /connector-plugins/x/config/validate"),
    Step("options health", "OPTIONS /health"),
    Step("options loggers", "OPTIONS /admin/loggers"),
    Step("options logger", "OPTIONS /admin/loggers/x"),
    Step("options status", "OPTIONS /connectors/x/status"),
    Step("options task restart", "OPTIONS /connectors/x/tasks/0/restart"),
    Step("options tasks", "OPTIONS /connectors/x/tasks"),
    Step("options fence", "OPTIONS /connectors/x/fence"),
    Step("options unknown", "OPTIONS /nope"),
    Step("method pause", "GET /connectors/x/pause"),
    Step("method connector", "POST /connectors/x", {}),
    Step("method config", "DELETE /connectors/x/config"),
    Step("method patch connectors", "PATCH /connectors", {}),
    Step("accept text", "GET /connectors", headers={"Accept": "text/plain"}),
    Step("accept any", "GET /connectors", headers={"Accept": "*/*"}),
    Step("accept application", "GET /connectors", headers={"Accept": "application/*"}),
    Step("accept list", "GET /connectors", headers={"Accept": "text/html, application/json;q=0.1"}),
    Step("accept q0", "GET /connectors", headers={"Accept": "application/json;q=0"}),
    Step("accept bad", "GET /connectors", headers={"Accept": "nonsense"}),
    Step("accept vendor", "GET /connectors", headers={"Accept": "application/vnd.x+json"}),
    Step("accept 404", "GET /connectors/nope", headers={"Accept": "text/plain"}),
    Step("accept root", "GET /", headers={"Accept": "text/html"}),
    Step("head root", "HEAD /"),
    Step("head unknown", "HEAD /connectors/nope"),
    Step("put connectors", "PUT /connectors", {}),
    Step("patch connector", "PATCH /connectors/x", {}),
    Step("delete plugins", "DELETE /connector-plugins"),
    Step("post validate", "POST /connector-plugins/x/config/validate", {}),
    Step("unknown verb", "PROPFIND /connectors"),
    Step("path in capitals", "GET /Connectors"),
    Step("path with two slashes", "GET //connectors", differs=EMPTY_PART),
    Step("path with an empty name", "GET /connectors//status", differs=EMPTY_PART),
    Step("path below", "GET /connectors/x/status/y"),
    Step("path with two slashes at the end", "GET /connectors//", differs=EMPTY_PART),
)

CROSS_ORIGIN: Final = (
    Step("origin", "GET /connectors", headers={"Origin": "http://a.example"}),
    Step("origin by pattern", "GET /connectors", headers={"Origin": "http://x.b.example"}),
    Step("origin in capitals", "GET /connectors", headers={"Origin": "http://A.example"}),
    Step("origin unknown", "GET /connectors", headers={"Origin": "http://c.example"}),
    Step("origin pattern does not go on", "GET /connectors", headers={"Origin": "http://x.b.example.com"}),
    Step("origin twice", "GET /connectors", headers={"Origin": "http://a.example http://x.b.example"}),
    Step("origin twice one unknown", "GET /connectors", headers={"Origin": "http://a.example http://c.example"}),
    Step("origin empty", "GET /connectors", headers={"Origin": ""}),
    Step("origin and unknown path", "GET /nope", headers={"Origin": "http://a.example"}),
    Step("origin and other method", "POST /connectors", {}, headers={"Origin": "http://a.example"}, differs=MISTAKE),
    Step("preflight", "OPTIONS /connectors", headers=asking("PUT")),
    Step("preflight unknown path", "OPTIONS /nope", headers=asking("PUT")),
    Step("preflight unknown origin", "OPTIONS /connectors", headers=asking("PUT", origin="http://c.example")),
    Step("preflight method not allowed", "OPTIONS /connectors", headers=asking("DELETE")),
    Step("preflight lower case", "OPTIONS /connectors", headers=asking("put")),
    Step("preflight headers", "OPTIONS /connectors", headers=asking("GET", "content-type, Accept")),
    Step("preflight header not allowed", "OPTIONS /connectors", headers=asking("GET", "Authorization")),
    Step("preflight simple method", "OPTIONS /connectors", headers=asking("GET")),
    Step("preflight for another path", "OPTIONS /connectors/x/config", headers=asking("PUT", "Content-Type")),
    Step("preflight without origin", "OPTIONS /connectors", headers={"Access-Control-Request-Method": "PUT"}),
)

UNKNOWN_CONNECTOR: Final = (
    Step("unknown GET", "GET /connectors/nope"),
    Step("unknown GET /config", "GET /connectors/nope/config"),
    Step("unknown GET /status", "GET /connectors/nope/status"),
    Step("unknown GET /tasks", "GET /connectors/nope/tasks"),
    Step("unknown GET /tasks-config", "GET /connectors/nope/tasks-config"),
    Step("unknown GET /tasks/0/status", "GET /connectors/nope/tasks/0/status"),
    Step("unknown GET /topics", "GET /connectors/nope/topics"),
    Step("unknown GET /offsets", "GET /connectors/nope/offsets"),
    Step("unknown DELETE", "DELETE /connectors/nope"),
    Step("unknown PUT /pause", "PUT /connectors/nope/pause"),
    Step("unknown PUT /resume", "PUT /connectors/nope/resume"),
    Step("unknown PUT /stop", "PUT /connectors/nope/stop", differs=UNKNOWN),
    Step("unknown POST /restart", "POST /connectors/nope/restart", differs=UNKNOWN),
    Step("unknown POST /restart?includeTasks=true", "POST /connectors/nope/restart?includeTasks=true"),
    Step("unknown POST /restart?onlyFailed=true", "POST /connectors/nope/restart?onlyFailed=true"),
    Step("unknown POST /tasks/0/restart", "POST /connectors/nope/tasks/0/restart", differs=UNKNOWN),
    Step("unknown PUT /topics/reset", "PUT /connectors/nope/topics/reset"),
    Step("unknown DELETE /offsets", "DELETE /connectors/nope/offsets"),
    Step("unknown PUT /fence", "PUT /connectors/nope/fence"),
    Step("unknown GET /tasks/x/status", "GET /connectors/nope/tasks/x/status"),
    Step("unknown GET /tasks/99999999999/status", "GET /connectors/nope/tasks/99999999999/status"),
    Step("unknown GET /tasks/-1/status", "GET /connectors/nope/tasks/-1/status"),
    Step("unknown POST /tasks/x/restart", "POST /connectors/nope/tasks/x/restart"),
    Step("unknown GET /tasks/0", "GET /connectors/nope/tasks/0"),
    Step("unknown GET /tasks/0/config", "GET /connectors/nope/tasks/0/config"),
    Step("unknown patch config", "PATCH /connectors/nope/config", {"a": "b"}),
    Step("unknown patch offsets", "PATCH /connectors/nope/offsets", offset({"filename": "x"}, {"position": 1})),
    Step("internal tasks", "POST /connectors/nope/tasks", [{}]),
)

CREATING: Final = (
    Step("create malformed", "POST /connectors", "{nope", differs=MISTAKE),
    Step("create truncated", "POST /connectors", '{"name":"x"', differs=MISTAKE),
    Step("create array", "POST /connectors", "[]", differs=MISTAKE),
    Step("create string", "POST /connectors", '"x"', differs=MISTAKE),
    Step("create null", "POST /connectors", "null", differs=MISTAKE),
    Step("create empty", "POST /connectors", differs=MISTAKE),
    Step("create empty typed", "POST /connectors", "", headers={"Content-Type": "application/json"}, differs=MISTAKE),
    Step("create no type", "POST /connectors", '{"name":"x","config":{}}', headers={"Content-Type": None}),
    Step("create text type", "POST /connectors", '{"name":"x","config":{}}', headers=TEXT),
    Step(
        "create json charset",
        "POST /connectors",
        '{"name":"x","config":{}}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    ),
    Step("create form", "POST /connectors", "a=b", headers=FORM),
    Step("create bad type header", "POST /connectors", "{}", headers={"Content-Type": "json"}, differs=NOT_A_TYPE),
    Step("create no config", "POST /connectors", {"name": "x"}, differs=MISTAKE),
    Step("create null config", "POST /connectors", {"name": "x", "config": None}, differs=MISTAKE),
    Step("create empty object", "POST /connectors", {}, differs=MISTAKE),
    Step("create empty config", "POST /connectors", {"name": "x", "config": {}}),
    Step("create unknown member", "POST /connectors", {"name": "x", "config": {}, "what": 1}, differs=MISTAKE),
    Step(
        "create bad state",
        "POST /connectors",
        {"name": "x", "config": SOURCE, "initial_state": "NOPE"},
        differs=MISTAKE,
    ),
    Step("create null value", "POST /connectors", connector("x", {**SOURCE, "extra": None})),
    Step("create list value", "POST /connectors", connector("x", {**SOURCE, "extra": [1]}), differs=MISTAKE),
    Step("create object value", "POST /connectors", connector("x", {**SOURCE, "extra": {"a": 1}}), differs=MISTAKE),
    Step("create name mismatch", "POST /connectors", connector("x", {**SOURCE, "name": "other"})),
    Step("create no name", "POST /connectors", {"config": SOURCE}),
    Step("create null name", "POST /connectors", {"name": None, "config": SOURCE}),
    Step("create blank name", "POST /connectors", connector("  ", SOURCE)),
    Step("create number name", "POST /connectors", {"name": 5, "config": {}}),
    Step("create control name", "POST /connectors", connector("a\u0001b", SOURCE)),
    Step("create unknown class", "POST /connectors", connector("x", {"connector.class": "Nope"})),
    Step(
        "create missing topic",
        "POST /connectors",
        connector("x", {"connector.class": "FileStreamSource", "file": "${DIR}/in.txt"}),
    ),
    Step(
        "create bad tasks.max",
        "POST /connectors",
        connector(
            "x", {"connector.class": "FileStreamSource", "tasks.max": "0", "file": "${DIR}/in.txt", "topic": "${TOPIC}"}
        ),
    ),
    Step(
        "create two errors",
        "POST /connectors",
        connector("x", {"connector.class": "FileStreamSource", "tasks.max": "x"}),
    ),
    Step(
        "sink no topics",
        "POST /connectors",
        connector("x", {"connector.class": "FileStreamSink", "file": "${DIR}/out.txt"}),
    ),
    Step("create converter class", "POST /connectors", connector("x", {**SOURCE, "key.converter": "Nope"})),
    Step("create transform class", "POST /connectors", connector("x", {**SOURCE, "transforms": "a"})),
    Step(
        "create wrong kind",
        "POST /connectors",
        connector("x", {"connector.class": "org.apache.kafka.connect.storage.StringConverter"}),
    ),
    Step(
        "create bad override",
        "POST /connectors",
        connector("x", {**SOURCE, "producer.override.acks": "7"}),
        leads_to=("task-x-0 FAILED",),
    ),
    Step("create bad override deleted", "DELETE /connectors/x", leads_to=of("x", "-")),
)

LIFE: Final = (
    Step("still none", "GET /connectors"),
    Step("create", "POST /connectors", connector("src", SOURCE)),
    Step("create again", "POST /connectors", connector("src", SOURCE)),
    Step("running", "GET /connectors/src/status", until=RUNNING),
    Step("info", "GET /connectors/src"),
    Step("info slash", "GET /connectors/src/"),
    Step("config", "GET /connectors/src/config"),
    Step("config slash", "GET /connectors/src/config/"),
    Step("tasks", "GET /connectors/src/tasks"),
    Step("tasks slash", "GET /connectors/src/tasks/"),
    Step("tasks-config", "GET /connectors/src/tasks-config"),
    Step("task status", "GET /connectors/src/tasks/0/status"),
    Step("task 7 status", "GET /connectors/src/tasks/7/status"),
    Step("topics", "GET /connectors/src/topics", until=("${TOPIC}",)),
    Step("offsets", "GET /connectors/src/offsets", until=('"position":14',)),
    Step("expand status", "GET /connectors?expand=status"),
    Step("expand info", "GET /connectors?expand=info"),
    Step("expand both", "GET /connectors?expand=info&expand=status"),
    Step("expand unknown", "GET /connectors?expand=nope"),
    Step("expand bare", "GET /connectors?expand"),
    Step("expand comma", "GET /connectors?expand=info,status"),
    Step("expand case", "GET /connectors?expand=STATUS"),
    Step("forward param", "GET /connectors?forward=true"),
    Step("exists mismatch", "POST /connectors", connector("src", {**SOURCE, "name": "zzz"})),
    Step("exists invalid", "POST /connectors", connector("src", {"connector.class": "FileStreamSource"})),
    Step("put same", "PUT /connectors/src/config", SOURCE, leads_to=("connector-src RUNNING",)),
    Step(
        "put typed values",
        "PUT /connectors/src/config",
        '{"connector.class":"FileStreamSource","tasks.max":1,"file":"${DIR}/in.txt","topic":"${TOPIC}","a":1.0,"b":false,"c":1e3,"d":12345678901234567890,"e":"é☃"}',
        leads_to=of("src", "RUNNING"),
    ),
    Step("put typed config", "GET /connectors/src/config"),
    Step("put mismatch", "PUT /connectors/src/config", {**SOURCE, "name": "other"}),
    Step("put malformed", "PUT /connectors/src/config", "{", differs=MISTAKE),
    Step("put empty", "PUT /connectors/src/config", differs=MISTAKE),
    Step("put empty object", "PUT /connectors/src/config", {}),
    Step("put null", "PUT /connectors/src/config", "null", differs=MISTAKE),
    Step("put array", "PUT /connectors/src/config", "[1]", differs=MISTAKE),
    Step("put invalid", "PUT /connectors/src/config", {"connector.class": "FileStreamSource", "file": "x"}),
    Step("put restore", "PUT /connectors/src/config/", SOURCE, leads_to=of("src", "RUNNING")),
    Step("patch", "PATCH /connectors/src/config", {"batch.size": 100}, leads_to=of("src", "RUNNING")),
    Step("patch remove", "PATCH /connectors/src/config", {"batch.size": None}, leads_to=of("src", "RUNNING")),
    Step("patch empty", "PATCH /connectors/src/config", {}, leads_to=("connector-src RUNNING",)),
    Step("patch none", "PATCH /connectors/src/config", differs=MISTAKE),
    Step("patch null", "PATCH /connectors/src/config", "null", differs=MISTAKE),
    Step("patch invalid", "PATCH /connectors/src/config", {"topic": ""}),
    Step("patch malformed", "PATCH /connectors/src/config", "{", differs=MISTAKE),
    Step("patch class removed", "PATCH /connectors/src/config", {"connector.class": None}),
    Step("running again", "GET /connectors/src/status", until=RUNNING),
    Step("restart", "POST /connectors/src/restart", leads_to=("connector-src RUNNING",)),
    Step("restart slash body", "POST /connectors/src/restart/", {"a": 1}, leads_to=("connector-src RUNNING",)),
    Step("restart text body", "POST /connectors/src/restart", "x", headers=TEXT, differs=ignored(204)),
    Step("restart tasks", "POST /connectors/src/restart?includeTasks=true", leads_to=of("src", "RUNNING")),
    Step("restart running", "GET /connectors/src/status", until=RUNNING),
    Step("restart failed", "POST /connectors/src/restart?onlyFailed=true"),
    Step("restart failed tasks", "POST /connectors/src/restart?includeTasks=true&onlyFailed=true"),
    Step(
        "restart caps", "POST /connectors/src/restart?includeTasks=TRUE&onlyFailed=yes", leads_to=of("src", "RUNNING")
    ),
    Step("restart running 2", "GET /connectors/src/status", until=RUNNING),
    Step("task restart", "POST /connectors/src/tasks/0/restart", leads_to=("task-src-0 RUNNING",)),
    Step("restart running 3", "GET /connectors/src/status", until=RUNNING),
    Step("pause", "PUT /connectors/src/pause"),
    Step("paused", "GET /connectors/src/status", until=PAUSED),
    Step("paused tasks", "GET /connectors/src/tasks"),
    Step("paused put", "PUT /connectors/src/config", {**SOURCE, "batch.size": "7"}, leads_to=("connector-src PAUSED",)),
    Step("paused put seen", "GET /connectors/src/status", until=PAUSED[:1]),
    Step("paused patch", "PATCH /connectors/src/config", {"batch.size": None}, leads_to=("connector-src PAUSED",)),
    Step("paused patch seen", "GET /connectors/src/status", until=PAUSED[:1]),
    Step("paused restart", "POST /connectors/src/restart", leads_to=("connector-src PAUSED",)),
    Step("paused restart seen", "GET /connectors/src/status", until=PAUSED[:1]),
    Step("paused restart tasks", "POST /connectors/src/restart?includeTasks=true", leads_to=of("src", "PAUSED")),
    Step("paused restart tasks seen", "GET /connectors/src/status", until=PAUSED),
    Step("paused offsets", "GET /connectors/src/offsets", until=('"position":14',)),
    Step("paused alter", "PATCH /connectors/src/offsets", offset({"filename": "${DIR}/in.txt"}, {"position": 4})),
    Step("pause again text", "PUT /connectors/src/pause/", "x", headers=TEXT, differs=ignored(202)),
    Step("pause typed empty", "PUT /connectors/src/pause", headers=FORM, differs=ignored(202)),
    Step("resume", "PUT /connectors/src/resume"),
    Step("resumed", "GET /connectors/src/status", until=RUNNING),
    Step(
        "offsets altered running",
        "PATCH /connectors/src/offsets",
        offset({"filename": "${DIR}/in.txt"}, {"position": 4}),
    ),
    Step("offsets reset running", "DELETE /connectors/src/offsets"),
    Step("stop", "PUT /connectors/src/stop"),
    Step("stopped", "GET /connectors/src/status", until=STOPPED),
    Step("stopped info", "GET /connectors/src"),
    Step("stopped tasks", "GET /connectors/src/tasks"),
    Step("stopped tasks-config", "GET /connectors/src/tasks-config"),
    Step("alter none", "PATCH /connectors/src/offsets", differs=MISTAKE),
    Step("alter null", "PATCH /connectors/src/offsets", "null", differs=MISTAKE),
    Step("alter empty object", "PATCH /connectors/src/offsets", {}),
    Step("alter empty", "PATCH /connectors/src/offsets", {"offsets": []}),
    Step("alter null list", "PATCH /connectors/src/offsets", {"offsets": None}),
    Step("alter malformed", "PATCH /connectors/src/offsets", "{", differs=MISTAKE),
    Step("alter array", "PATCH /connectors/src/offsets", "[]", differs=MISTAKE),
    Step(
        "alter unknown member",
        "PATCH /connectors/src/offsets",
        {"offsets": [{"partition": {"filename": "${DIR}/in.txt"}, "offset": {"position": 4}}], "x": 1},
        differs=MISTAKE,
    ),
    Step(
        "alter unknown inner member",
        "PATCH /connectors/src/offsets",
        {"offsets": [{"partition": {"filename": "${DIR}/in.txt"}, "offset": {"position": 4}, "x": 1}]},
        differs=MISTAKE,
    ),
    Step(
        "alter bad partition",
        "PATCH /connectors/src/offsets",
        offset({"x": "y"}, {"position": 4}),
        differs=WRONG_OFFSETS,
    ),
    Step(
        "alter bad offset",
        "PATCH /connectors/src/offsets",
        offset({"filename": "${DIR}/in.txt"}, {"position": "x"}),
        differs=WRONG_OFFSETS,
    ),
    Step(
        "alter null partition",
        "PATCH /connectors/src/offsets",
        {"offsets": [{"offset": {"position": 4}}]},
        differs=WRONG_OFFSETS,
    ),
    Step("alter null item", "PATCH /connectors/src/offsets", {"offsets": [None]}, differs=MISTAKE),
    Step(
        "alter offset string",
        "PATCH /connectors/src/offsets",
        {"offsets": [{"partition": {"filename": "a"}, "offset": "x"}]},
        differs=MISTAKE,
    ),
    Step("alter", "PATCH /connectors/src/offsets", offset({"filename": "${DIR}/in.txt"}, {"position": 4})),
    Step("altered", "GET /connectors/src/offsets"),
    Step("alter tombstone", "PATCH /connectors/src/offsets/", offset({"filename": "${DIR}/in.txt"}, None)),
    Step("alter tombstoned", "GET /connectors/src/offsets", until=('"offsets":[]',)),
    Step("alter back", "PATCH /connectors/src/offsets", offset({"filename": "${DIR}/in.txt"}, {"position": 4})),
    Step("reset", "DELETE /connectors/src/offsets"),
    Step("reset seen", "GET /connectors/src/offsets", until=('"offsets":[]',)),
    Step("reset again", "DELETE /connectors/src/offsets/"),
    Step("stopped restart", "POST /connectors/src/restart", leads_to=("connector-src STOPPED",)),
    Step("stopped status", "GET /connectors/src/status"),
    Step(
        "stopped put", "PUT /connectors/src/config", {**SOURCE, "batch.size": "8"}, leads_to=("connector-src STOPPED",)
    ),
    Step("stopped put seen", "GET /connectors/src/status", until=STOPPED),
    Step("stopped patch", "PATCH /connectors/src/config", {"batch.size": None}, leads_to=("connector-src STOPPED",)),
    Step("stopped patch seen", "GET /connectors/src/status", until=STOPPED),
    Step("stopped pause", "PUT /connectors/src/pause"),
    Step("stopped paused", "GET /connectors/src/status", until=PAUSED[:1]),
    Step("stopped paused tasks", "GET /connectors/src/tasks"),
    Step("stop again", "PUT /connectors/src/stop"),
    Step("resume stopped", "PUT /connectors/src/resume"),
    Step("resumed stopped", "GET /connectors/src/status", until=RUNNING),
    Step("patch name", "PATCH /connectors/src/config", {"name": "other"}, differs=RENAMED),
    Step("patch name back", "PATCH /connectors/src/config", {"name": "src"}, leads_to=("connector-src RUNNING",)),
    Step("read again", "GET /connectors/src/offsets", until=('"position":14',)),
    Step("topics reset", "PUT /connectors/src/topics/reset"),
    Step("topics after reset", "GET /connectors/src/topics", until=('"topics":[]',)),
    Step("second", "POST /connectors", connector("second", SOURCE)),
    Step("second running", "GET /connectors/second/status", until=RUNNING),
    Step("first running", "GET /connectors/src/status", until=RUNNING),
    Step("two names", "GET /connectors?expand=nope"),
    Step("two infos", "GET /connectors?expand=info"),
    Step("two states", "GET /connectors?expand=status&expand=status"),
    Step("second delete", "DELETE /connectors/second/", leads_to=of("second", "-")),
    Step("second delete again", "DELETE /connectors/second", "x", headers=TEXT, differs=ignored(404)),
    Step("task restart unknown", "POST /connectors/src/tasks/7/restart"),
    Step("delete", "DELETE /connectors/src", leads_to=of("src", "-")),
    Step("deleted", "GET /connectors/src"),
    Step("deleted status", "GET /connectors/src/status"),
    Step("delete again", "DELETE /connectors/src"),
)

INITIAL_STATES: Final = (
    Step("initial PAUSED", "POST /connectors", {"name": "st-paused", "config": SOURCE, "initial_state": "PAUSED"}),
    Step("initial PAUSED status", "GET /connectors/st-paused/status", until=PAUSED[:1]),
    Step("initial PAUSED info", "GET /connectors/st-paused"),
    Step("initial PAUSED pause", "PUT /connectors/st-paused/pause"),
    Step("initial PAUSED paused", "GET /connectors/st-paused/status", until=PAUSED[:1]),
    Step("initial PAUSED delete", "DELETE /connectors/st-paused", leads_to=("connector-st-paused -",)),
    Step("initial STOPPED", "POST /connectors", {"name": "st-stopped", "config": SOURCE, "initial_state": "STOPPED"}),
    Step("initial STOPPED status", "GET /connectors/st-stopped/status", until=STOPPED),
    Step("initial STOPPED info", "GET /connectors/st-stopped"),
    Step("initial STOPPED pause", "PUT /connectors/st-stopped/pause"),
    Step("initial STOPPED paused", "GET /connectors/st-stopped/status", until=PAUSED[:1]),
    Step("initial STOPPED delete", "DELETE /connectors/st-stopped", leads_to=("connector-st-stopped -",)),
    Step("initial running", "POST /connectors", {"name": "st-running", "config": SOURCE, "initial_state": "running"}),
    Step("initial running status", "GET /connectors/st-running/status", until=RUNNING),
    Step("initial running info", "GET /connectors/st-running"),
    Step("initial running pause", "PUT /connectors/st-running/pause"),
    Step("initial running paused", "GET /connectors/st-running/status", until=PAUSED),
    Step("initial running delete", "DELETE /connectors/st-running", leads_to=of("st-running", "-")),
    Step(
        "initial null",
        "POST /connectors",
        {"name": "st-null", "config": SOURCE, "initial_state": None},
        leads_to=reading("st-null"),
    ),
    Step("initial null delete", "DELETE /connectors/st-null", leads_to=of("st-null", "-")),
)

NAMES: Final = (
    Step("name 0 create", "POST /connectors", connector("a b", SOURCE), leads_to=reading("a b")),
    Step("name 0 info", "GET /connectors/a%20b"),
    Step("name 0 delete", "DELETE /connectors/a%20b", leads_to=of("a b", "-")),
    Step("name 1 create", "POST /connectors", connector("é☃", SOURCE), leads_to=reading("é☃")),
    Step("name 1 info", "GET /connectors/%C3%A9%E2%98%83"),
    Step("name 1 delete", "DELETE /connectors/%C3%A9%E2%98%83", leads_to=of("é☃", "-")),
    Step("name 3 create", "POST /connectors", connector("a+b", SOURCE), leads_to=reading("a+b")),
    Step("name 3 info", "GET /connectors/a%2Bb"),
    Step("name 3 delete", "DELETE /connectors/a%2Bb", leads_to=of("a+b", "-")),
    Step("name 4 create", "POST /connectors", connector("a.b-c_d", SOURCE), leads_to=reading("a.b-c_d")),
    Step("name 4 info", "GET /connectors/a.b-c_d"),
    Step("name 4 delete", "DELETE /connectors/a.b-c_d", leads_to=of("a.b-c_d", "-")),
    Step("name 5 create", "POST /connectors", connector("semi;colon", SOURCE), leads_to=reading("semi;colon")),
    Step("name 5 info", "GET /connectors/semi%3Bcolon"),
    Step("name 5 delete", "DELETE /connectors/semi%3Bcolon", leads_to=of("semi;colon", "-")),
    Step("name 6 create", "POST /connectors", connector("q?x#y", SOURCE), leads_to=reading("q?x#y")),
    Step("name 6 info", "GET /connectors/q%3Fx%23y"),
    Step("name 6 delete", "DELETE /connectors/q%3Fx%23y", leads_to=of("q?x#y", "-")),
    Step("name trimmed", "POST /connectors", connector("  trim ", SOURCE), leads_to=reading("trim")),
    Step("name trimmed info", "GET /connectors/trim"),
    Step("name trimmed delete", "DELETE /connectors/trim", leads_to=of("trim", "-")),
    Step("name slash", "GET /connectors/a%2Fb", differs=SLASH),
    Step("name plus raw", "GET /connectors/a+b"),
    Step("put new", "PUT /connectors/put%20new/config", SOURCE, leads_to=of("put new", "RUNNING")),
    Step("put new delete", "DELETE /connectors/put%20new", leads_to=of("put new", "-")),
    Step("put new trimmed", "PUT /connectors/%20x%20/config", SOURCE, leads_to=of(" x ", "RUNNING")),
    Step("put new trimmed delete", "DELETE /connectors/%20x%20", leads_to=of(" x ", "-")),
    Step("name bad percent", "GET /connectors/a%zz", differs=UNDECODABLE),
    Step("name bad utf8", "GET /connectors/a%ff", differs=UNDECODABLE),
)

SINKS: Final = (
    Step(
        "feeder",
        "POST /connectors",
        connector("feeder", {**SOURCE, "topic": "${TOPIC}-3"}),
        leads_to=of("feeder", "RUNNING"),
    ),
    Step("feeder done", "GET /connectors/feeder/offsets", until=('"position":14',)),
    Step("feeder delete", "DELETE /connectors/feeder", leads_to=of("feeder", "-")),
    Step("offsets of a deleted one", "GET /connectors/feeder/offsets"),
    Step(
        "sink create",
        "POST /connectors",
        connector(
            "${SINK}",
            {
                "connector.class": "FileStreamSink",
                "tasks.max": "2",
                "file": "${DIR}/out.txt",
                "topics": "${TOPIC}-3",
                "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            },
        ),
    ),
    Step("sink running", "GET /connectors/${SINK}/status", until=(*RUNNING, '"id":1,"state":"RUNNING"')),
    Step("sink info", "GET /connectors/${SINK}"),
    Step("sink has read", "GET /connectors/${SINK}/offsets", until=('"kafka_offset":3',)),
    Step("sink topics", "GET /connectors/${SINK}/topics", until=("${TOPIC}-3",)),
    Step("sink alter running", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": 1})),
    Step("sink reset running", "DELETE /connectors/${SINK}/offsets"),
    Step("sink tasks", "GET /connectors/${SINK}/tasks"),
    Step(
        "sink shrink",
        "PUT /connectors/${SINK}/config",
        {
            "connector.class": "FileStreamSink",
            "tasks.max": "1",
            "file": "${DIR}/out.txt",
            "topics": "${TOPIC}-3",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        },
        leads_to=("connector-${SINK} RUNNING", "task-${SINK}-0 RUNNING", "task-${SINK}-1 -"),
    ),
    Step("sink shrunk", "GET /connectors/${SINK}"),
    Step("sink stop", "PUT /connectors/${SINK}/stop"),
    Step("sink stopped", "GET /connectors/${SINK}/status", until=STOPPED),
    Step("sink alter: null partition", "PATCH /connectors/${SINK}/offsets", offset(None, {"kafka_offset": 1})),
    Step("sink alter: empty partition", "PATCH /connectors/${SINK}/offsets", offset({}, {"kafka_offset": 1})),
    Step(
        "sink alter: partition without number",
        "PATCH /connectors/${SINK}/offsets",
        offset({"kafka_topic": "${TOPIC}"}, {"kafka_offset": 1}),
    ),
    Step("sink alter: null topic", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": 1}, None, 0)),
    Step(
        "sink alter: null partition number",
        "PATCH /connectors/${SINK}/offsets",
        sink_offset({"kafka_offset": 1}, "${TOPIC}-3", None),
    ),
    Step(
        "sink alter: partition number is text",
        "PATCH /connectors/${SINK}/offsets",
        sink_offset({"kafka_offset": 1}, "${TOPIC}-3", "x"),
    ),
    Step("sink alter: offset without number", "PATCH /connectors/${SINK}/offsets", sink_offset({})),
    Step("sink alter: offset is text", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": "x"})),
    Step(
        "sink alter: offset is negative",
        "PATCH /connectors/${SINK}/offsets",
        sink_offset({"kafka_offset": -1}),
        differs=WRONG_OFFSETS,
    ),
    Step(
        "sink alter: digits as text",
        "PATCH /connectors/${SINK}/offsets",
        sink_offset({"kafka_offset": "2"}, "${TOPIC}-3", "0"),
    ),
    Step("sink alter: tombstone", "PATCH /connectors/${SINK}/offsets", sink_offset(None)),
    Step("sink alter: one", "PATCH /connectors/${SINK}/offsets", sink_offset({"kafka_offset": 1})),
    Step("sink offsets", "GET /connectors/${SINK}/offsets"),
    Step("sink reset", "DELETE /connectors/${SINK}/offsets"),
    Step("sink offsets after", "GET /connectors/${SINK}/offsets"),
    Step("sink resume", "PUT /connectors/${SINK}/resume"),
    Step("sink resumed", "GET /connectors/${SINK}/status", until=RUNNING),
    Step("sink has read again", "GET /connectors/${SINK}/offsets", until=('"kafka_offset":3',)),
    Step("sink topics both", "PUT /connectors/${SINK}/config", {**SINK, "topics.regex": "x"}),
    Step("sink topics neither", "PATCH /connectors/${SINK}/config", {"topics": None}),
    Step("sink delete", "DELETE /connectors/${SINK}", leads_to=of("${SINK}", "-")),
    Step("failing create", "POST /connectors", connector("bad", FAILING)),
    Step("failing status", "GET /connectors/bad/status", until=FAILED),
    Step("failing task", "GET /connectors/bad/tasks/0/status"),
    Step("failing info", "GET /connectors/bad"),
    Step("failing restart failed", "POST /connectors/bad/restart?onlyFailed=true"),
    Step(
        "failing restart failed tasks",
        "POST /connectors/bad/restart?onlyFailed=true&includeTasks=true",
        leads_to=("task-bad-0 FAILED",),
    ),
    Step("failing again", "GET /connectors/bad/status", until=FAILED),
    Step("failing restart", "POST /connectors/bad/restart", leads_to=("connector-bad RUNNING",)),
    Step("failing restarted", "GET /connectors/bad/status", until=FAILED),
    Step("failing task restart", "POST /connectors/bad/tasks/0/restart", leads_to=("task-bad-0 FAILED",)),
    Step("failing task again", "GET /connectors/bad/tasks/0/status", until=('"FAILED"',)),
    Step("failing pause", "PUT /connectors/bad/pause"),
    Step("failing paused", "GET /connectors/bad/status", until=PAUSED[:1]),
    Step("failing resume", "PUT /connectors/bad/resume"),
    Step("failing resumed", "GET /connectors/bad/status", until=FAILED),
    Step("failing stop", "PUT /connectors/bad/stop"),
    Step("failing stopped", "GET /connectors/bad/status", until=STOPPED),
    Step("failing task gone", "GET /connectors/bad/tasks/0/status"),
    Step("failing delete", "DELETE /connectors/bad", leads_to=("connector-bad -",)),
)

CONNECTOR_STEPS: Final = (
    *FROM_FILES,
    *SURFACE,
    *CROSS_ORIGIN,
    *UNKNOWN_CONNECTOR,
    *CREATING,
    *LIFE,
    *INITIAL_STATES,
    *NAMES,
    *SINKS,
)
