"""Requests that another worker answers, and those that workers send each other (spec/runtime.md 1.3, 1.10, 1.11)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from linkspan.api.errors import AlreadyExistsError, ConnectError
from linkspan.herder.port import InternalRequest, NotLeaderError, PeerError, RebalanceNeededError, WrongWorkerError
from linkspan.rest.app import RestApp
from linkspan.rest.forwarding import HttpPeers, WorkerClient
from tests.rest.conftest import SOURCE, Served, create, refused, serving

INFO = {"name": "c", "config": SOURCE, "tasks": [], "type": "source"}
CONFIG = {"name": "c", "config": SOURCE}
NO_LEADER = "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
TOO_FAR = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"


@dataclass
class Leader:
    """Another worker: writes down what it is asked, and answers what it is told to."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    silent: Event | None = None
    hangs_up: bool = False
    url: str = ""

    def says(self, status: int, body: object = None, **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def leader() -> Iterator[Leader]:
    known = Leader()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            known.asked.append((self.command, self.path, headers, body))
            if known.silent is not None:
                known.silent.wait(60)
                return
            if known.hangs_up:
                self.close_connection = True
                return
            self.send_response(known.status)
            for name, value in {"Content-Length": str(len(known.body)), **known.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(known.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}/"
    yield known
    if known.silent is not None:
        known.silent.set()
    server.shutdown()
    server.server_close()
    thread.join()


def raising(error: ConnectError) -> Callable[..., Any]:
    async def call(*_: object, **__: object) -> None:
        raise error

    return call


HERDER_CALLS = (
    *("create_connector", "put_connector_config", "patch_connector_config", "delete_connector", "stop_connector"),
    *("restart_connector", "restart", "restart_task", "alter_offsets", "reset_offsets", "put_task_configs", "fence"),
)


def follow(served: Served, url: str | None, kind: type[WrongWorkerError] = NotLeaderError) -> None:
    """From now on the worker is not the right one for anything."""
    for name in HERDER_CALLS:
        setattr(served.herder, name, raising(kind("not here", url)))


@pytest.fixture
def follower(served: Served, leader: Leader) -> Served:
    follow(served, leader.url)
    return served


# --- what is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/connectors", CONFIG),
        ("PUT", "/connectors/c/config", SOURCE),
        ("PATCH", "/connectors/c/config", {"topic": None}),
        ("DELETE", "/connectors/c", None),
        ("PUT", "/connectors/c/stop", None),
        ("POST", "/connectors/c/restart", None),
        ("POST", "/connectors/c/tasks/0/restart", None),
        ("PATCH", "/connectors/c/offsets", {"offsets": []}),
        ("DELETE", "/connectors/c/offsets", None),
        ("POST", "/connectors/c/tasks", [{"a": "b"}]),
        ("PUT", "/connectors/c/fence", None),
        ("PUT", "/connectors/a%20b%2F%C3%A9+c%3Bd/stop", None),
    ],
)
def test_a_request_for_another_worker_is_sent_there(
    follower: Served, leader: Leader, method: str, path: str, body: object
) -> None:
    assert follower.ask(method, path, body).status == 204
    ((sent_method, sent_path, headers, sent_body),) = leader.asked
    wanted = "?forward=true&includeTasks=false&onlyFailed=false" if path == "/connectors/c/restart" else "?forward=true"
    assert (sent_method, sent_path) == (method, path + wanted)
    assert (json.loads(sent_body) if sent_body else None) == body
    assert headers.get("content-type") == (None if body is None else "application/json")


def test_a_bare_semicolon_is_sent_in_a_way_that_no_worker_cuts_the_name_off_at(
    follower: Served, leader: Leader
) -> None:
    assert follower.ask("DELETE", "/connectors/a;b=c").status == 204
    assert leader.asked[0][1] == "/connectors/a%3Bb=c?forward=true"


def test_no_header_goes_along_but_the_credentials(follower: Served, leader: Leader) -> None:
    mine = {
        "Authorization": "Basic abc",
        "Cookie": "a=b",
        "X-Other": "x",
        "User-Agent": "me",
        "Accept": "*/*",
        "X-Connect-Authorization": "s",
        "X-Connect-Request-Signature-Algorithm": "HmacSHA256",
    }
    follower.ask("POST", "/connectors/c/tasks", [], mine)
    follower.ask("POST", "/connectors/c/tasks", [])
    (_, _, first, _), (_, _, second, _) = leader.asked
    assert (first["authorization"], first["accept"], first["user-agent"]) == (
        "Basic abc",
        "application/json",
        "kafka-connect",
    )
    known = {"host", "accept", "accept-encoding", "user-agent", "content-type", "content-length", "connection"}
    assert (first.keys() - known, second.keys() - known) == ({"authorization"}, set())


@pytest.mark.parametrize(("hop", "wanted"), [("", "true"), ("?forward=true", "false"), ("?forward=TRUE", "false")])
def test_a_request_takes_two_hops_at_most(follower: Served, leader: Leader, hop: str, wanted: str) -> None:
    assert follower.ask("PUT", f"/connectors/c/stop{hop}").status == 204
    assert leader.asked[0][1] == f"/connectors/c/stop?forward={wanted}"


@pytest.mark.parametrize("hop", ["false", "no"])
def test_the_third_hop_is_refused_for_now(follower: Served, leader: Leader, hop: str) -> None:
    reply = follower.ask("PUT", f"/connectors/c/stop?forward={hop}")
    assert refused(reply, 409) == TOO_FAR
    assert int(reply.headers["Retry-After"]) > 0
    assert leader.asked == []


@pytest.mark.parametrize("url", [None, "", " "])
def test_a_request_for_an_unknown_leader_is_refused_for_now(served: Served, url: str | None) -> None:
    follow(served, url)
    reply = served.ask("DELETE", "/connectors/c")
    assert refused(reply, 409) == NO_LEADER
    assert int(reply.headers["Retry-After"]) > 0


def test_only_the_flags_of_a_restart_are_passed_on(served: Served, leader: Leader) -> None:
    follow(served, leader.url, WrongWorkerError)
    leader.says(202, {"name": "c"})
    reply = served.ask("POST", "/connectors/c/restart?includeTasks=True&x=y&onlyFailed=1&forward=true")
    assert (reply.status, reply.json) == (202, {"name": "c"})
    assert leader.asked[0][1] == "/connectors/c/restart?forward=false&includeTasks=true&onlyFailed=false"
    served.ask("POST", "/connectors/c/tasks/3/restart?includeTasks=true")
    assert leader.asked[1][1] == "/connectors/c/tasks/3/restart?forward=true"


def test_what_this_worker_can_do_itself_is_not_sent_anywhere(served: Served, leader: Leader) -> None:
    served.herder.delete_connector = raising(NotLeaderError("not here", leader.url))
    assert create(served).status == 201
    assert served.ask("GET", "/connectors/c").status == 200
    assert leader.asked == []


# --- what comes back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, INFO), (201, INFO), (202, {"name": "é"}), (204, None), (200, []), (404, "No"), (409, None), (500, "x")],
)
def test_the_reply_is_given_on(follower: Served, leader: Leader, status: int, body: Any) -> None:
    answer = {"error_code": status, "message": body} if status >= 400 else body
    leader.says(status, answer)
    reply = follower.ask("PUT", "/connectors/c/config", SOURCE)
    assert (reply.status, reply.json if reply.text else None) == (status, answer)


def test_a_refusal_keeps_its_own_code_and_its_advice_to_wait(follower: Served, leader: Leader) -> None:
    leader.says(409, {"error_code": 40901, "message": "later"}, Retry_After="7")
    reply = follower.ask("DELETE", "/connectors/c")
    assert (reply.status, reply.json) == (409, {"error_code": 40901, "message": "later"})
    assert reply.headers["Retry-After"] == "7"


def test_a_created_connector_has_its_location_at_the_worker_that_was_asked(follower: Served, leader: Leader) -> None:
    leader.says(201, {**INFO, "name": "a b"}, Location=f"{leader.url}connectors/a%20b")
    reply = follower.ask("POST", "/connectors", CONFIG)
    assert (reply.status, reply.headers["Location"]) == (201, f"http://{follower.address}/connectors/a%20b")


def test_a_redirection_is_not_followed(follower: Served, leader: Leader) -> None:
    leader.says(302, None, Location=f"{leader.url}elsewhere")
    said = refused(follower.ask("DELETE", "/connectors/c"), 500)
    assert said == "Unexpected status code when handling forwarded request: 302"
    assert len(leader.asked) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, b""), (200, b"<html>"), (201, b"\xff"), (401, b"User cannot access the resource."), (500, b"[]")),
        (503, b'{"error_code": 1, "message": "m", "more": 1}'),
    ],
)
def test_a_reply_that_is_none_of_a_worker_is_an_error(
    follower: Served, leader: Leader, status: int, body: bytes
) -> None:
    leader.says(status, body)
    said = refused(follower.ask("DELETE", "/connectors/c"), 500)
    assert said.startswith("IO Error trying to forward REST request: ")
    assert leader.url in said


def test_a_leader_that_is_not_there_is_an_error(served: Served) -> None:
    follow(served, "http://127.0.0.1:1/")
    said = refused(served.ask("DELETE", "/connectors/c"), 500)
    assert said.startswith("IO Error trying to forward REST request: ")
    assert "127.0.0.1:1" in said


@pytest.mark.parametrize("body", [b"", b"<html>Ambiguous URI path separator"])
def test_a_path_that_the_other_worker_cannot_read_is_the_callers_mistake(
    follower: Served, leader: Leader, body: bytes
) -> None:
    leader.says(400, body)
    said = refused(follower.ask("DELETE", "/connectors/a%2Fb"), 400)
    assert "Apache Kafka" in said
    assert '"/"' in said


def hand_over(served: Served, before: str, after: Callable[[], str | None]) -> None:
    """The worker at one address is the right one when it is first asked, then that at another; None: this one."""
    delete = served.herder.delete_connector
    urls = iter([before])

    async def call(name: str) -> None:
        url = next(urls, None) or after()
        if url is not None:
            raise NotLeaderError("not here", url)
        await delete(name)

    served.herder.delete_connector = call  # type: ignore[method-assign]


NOBODY = "http://127.0.0.1:1/"


@pytest.fixture
def patient(serve: Any) -> Iterator[Served]:
    with serve(RestApp(), patience=60) as served:
        yield served


def test_a_request_for_a_worker_that_is_gone_waits_for_the_next_one(patient: Served, leader: Leader) -> None:
    looks = iter([NOBODY, NOBODY])
    hand_over(patient, NOBODY, lambda: next(looks, leader.url))
    assert patient.ask("DELETE", "/connectors/c").status == 204
    assert [path for _, path, _, _ in leader.asked] == ["/connectors/c?forward=true"]


def test_a_request_for_a_worker_that_is_gone_may_be_done_here_in_the_end(patient: Served) -> None:
    create(patient)
    hand_over(patient, NOBODY, lambda: None)
    assert patient.ask("DELETE", "/connectors/c").status == 204
    assert patient.herder.connectors() == []


def test_a_request_for_a_worker_that_is_only_starting_waits(patient: Served, leader: Leader) -> None:
    with serving(RestApp()) as starting:
        starting.app.install([])
        hand_over(patient, f"http://{starting.address}/", lambda: leader.url)
        assert patient.ask("DELETE", "/connectors/c").status == 204
    assert len(leader.asked) == 1


def test_a_request_that_may_have_reached_a_worker_is_not_sent_again(patient: Served, leader: Leader) -> None:
    leader.hangs_up = True
    hand_over(patient, leader.url, lambda: leader.url)
    said = refused(patient.ask("DELETE", "/connectors/c"), 500)
    assert said.startswith("IO Error trying to forward REST request: ")
    assert len(leader.asked) == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "nonsense", "http://127.0.0.1:port/"])
def test_a_leader_whose_address_is_none_is_an_error(served: Served, url: str) -> None:
    follow(served, url)
    assert "trying to forward REST request: " in refused(served.ask("DELETE", "/connectors/c"), 500)


def test_a_leader_that_stays_silent_is_an_error(serve: Any, leader: Leader) -> None:
    leader.silent = Event()
    with serve(RestApp(), timeout=0.2) as served:
        follow(served, leader.url)
        said = refused(served.ask("DELETE", "/connectors/c"), 500)
    assert said.startswith("IO Error trying to forward REST request: ")


def test_a_request_reaches_the_other_worker_as_if_it_had_been_sent_there(serve: Any) -> None:
    with serve(RestApp()) as first, serve(RestApp()) as second:
        follow(first, f"http://{second.address}/")
        reply = create(first, "é c")
        assert (reply.status, reply.json["name"]) == (201, "é c")
        assert reply.headers["Location"] == f"http://{first.address}/connectors/%C3%A9%20c"
        assert (first.herder.connectors(), second.herder.connectors()) == ([], ["é c"])
        assert refused(create(first, "é c"), 409) == "Connector é c already exists"
        assert first.ask("DELETE", "/connectors/%C3%A9%20c").status == 204
        assert second.herder.connectors() == []


# --- conflicts ------------------------------------------------------------------------------------------------------


def test_only_a_conflict_that_passes_says_when_to_try_again(served: Served) -> None:
    served.herder.delete_connector = raising(RebalanceNeededError())
    reply = served.ask("DELETE", "/connectors/c")
    assert refused(reply, 409) == (
        "Cannot complete request momentarily due to stale configuration "
        "(typically caused by a concurrent config change)"
    )
    assert int(reply.headers["Retry-After"]) > 0
    served.herder.delete_connector = raising(AlreadyExistsError("taken"))
    reply = served.ask("DELETE", "/connectors/c")
    assert refused(reply, 409) == "taken"
    assert "Retry-After" not in reply.headers


# --- requests of the group ------------------------------------------------------------------------------------------


def told(served: Served, name: str) -> list[tuple[Any, ...]]:
    """What the herder is told from now on by this call."""
    calls: list[tuple[Any, ...]] = []

    async def call(*arguments: Any) -> None:
        calls.append(arguments)

    setattr(served.herder, name, call)
    return calls


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream", "nonsense"])
def test_task_configurations_of_any_type_reach_the_herder_with_their_signature(
    served: Served, content_type: str
) -> None:
    calls = told(served, "put_task_configs")
    body = '[ {"a": "b", "n": null},\n {} ]'
    headers = {"X-Connect-Authorization": "c2ln", "X-Connect-Request-Signature-Algorithm": "HmacSHA1"}
    assert served.ask("POST", "/connectors/c%20d/tasks", body, {"Content-Type": content_type, **headers}).status == 204
    request = InternalRequest(body.encode(), "c2ln", "HmacSHA1")
    assert calls == [("c d", [{"a": "b", "n": None}, {}], request)]


def test_a_request_to_fence_reaches_the_herder_with_its_signature(served: Served) -> None:
    calls = told(served, "fence")
    assert served.ask("PUT", "/connectors/c/fence", None, {"X-Connect-Authorization": "c2ln"}).status == 204
    assert served.ask("PUT", "/connectors/c/fence").status == 204
    assert calls == [("c", InternalRequest(b"", "c2ln", None)), ("c", InternalRequest())]


@pytest.mark.parametrize("body", ["", "{", "{}", "null", '["a"]', '[{"a": {}}]', "[1]"])
def test_what_are_no_task_configurations_does_not_reach_the_herder(served: Served, body: str) -> None:
    calls = told(served, "put_task_configs")
    refused(served.ask("POST", "/connectors/c/tasks", body), 400)
    assert calls == []


def ask_peers(story: Callable[[HttpPeers], Any]) -> None:
    async def run() -> None:
        client = WorkerClient({}, 60)
        try:
            await story(HttpPeers(client))
        finally:
            await client.close()

    asyncio.run(run())


def test_task_configurations_are_posted_to_the_leader_as_they_were_signed(leader: Leader) -> None:
    ask_peers(lambda peers: peers.submit_tasks(leader.url, "a b/é;c", b'[{"a":"b"}]', {"X-Connect-Authorization": "s"}))
    ((method, path, headers, body),) = leader.asked
    assert (method, path, body) == ("POST", "/connectors/a%20b%2F%C3%A9%3Bc/tasks", b'[{"a":"b"}]')
    assert (headers["x-connect-authorization"], headers["content-type"]) == ("s", "application/json")
    assert (headers["accept"], headers["user-agent"]) == ("application/json", "kafka-connect")


def test_fencing_is_asked_of_the_leader_without_a_body(leader: Leader) -> None:
    ask_peers(lambda peers: peers.fence(leader.url.rstrip("/"), "c", {"X-Connect-Authorization": "s"}))
    ((method, path, headers, body),) = leader.asked
    assert (method, path, body) == ("PUT", "/connectors/c/fence", b"")
    assert headers["x-connect-authorization"] == "s"


@pytest.mark.parametrize("status", [400, 403, 409, 500, 503])
def test_a_refusal_of_the_leader_carries_its_status(leader: Leader, status: int) -> None:
    leader.says(status, {"error_code": status, "message": "why"})

    async def story(peers: HttpPeers) -> None:
        with pytest.raises(PeerError) as raised:
            await peers.submit_tasks(leader.url, "c", b"[]", {})
        assert (raised.value.status, raised.value.message) == (status, "why")

    ask_peers(story)


def test_a_leader_that_is_only_starting_has_no_status() -> None:
    async def story(peers: HttpPeers) -> None:
        with pytest.raises(PeerError, match="is starting") as raised:
            await peers.fence(url, "c", {"X-Connect-Authorization": "s"})
        assert raised.value.status is None

    with serving(RestApp()) as starting:
        starting.app.install([])
        url = f"http://{starting.address}/"
        ask_peers(story)


@pytest.mark.parametrize("url", [None, "", "  ", "http://127.0.0.1:1/"])
def test_a_leader_that_cannot_be_reached_has_no_status(url: str | None) -> None:
    async def story(peers: HttpPeers) -> None:
        with pytest.raises(PeerError) as raised:
            await peers.submit_tasks(url, "c", b"[]", {})
        assert raised.value.status is None
        with pytest.raises(PeerError):
            await peers.fence(url, "c", {})

    ask_peers(story)


# --- levels of the whole group --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("logger", "wanted"), [("a.b", "a.b"), ("ROOT", "root")])
def test_levels_of_the_whole_group_are_the_herders(served: Served, logger: str, wanted: str) -> None:
    calls = told(served, "set_cluster_log_level")
    before = served.ask("GET", "/admin/loggers").json
    reply = served.ask("PUT", f"/admin/loggers/{logger}?scope=Cluster", {"level": "debug"})
    assert (reply.status, reply.text) == (204, "")
    assert calls == [(wanted, "debug")]
    assert served.ask("GET", "/admin/loggers").json == before


def test_a_worker_alone_is_the_whole_group(served: Served) -> None:
    assert served.ask("PUT", "/admin/loggers/a.b?scope=cluster", {"level": "warn"}).status == 204
    assert served.ask("GET", "/admin/loggers/a.b").json["level"] == "WARN"
