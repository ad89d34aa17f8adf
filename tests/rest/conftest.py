"""A REST app over the standalone herder and a worker that only pretends, served on a free port."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import pytest

from linkspan.config.listeners import parse_listeners
from linkspan.herder.lanes import Lanes
from linkspan.herder.standalone import StandaloneHerder
from linkspan.rest.app import RestApp, admin_routes, herder_routes
from linkspan.rest.forwarding import WorkerClient
from linkspan.rest.server import HttpServer
from tests.herder.fakes import FakeLevels, FakeWorker

SOURCE = {"connector.class": "FileStreamSource", "file": "f", "topic": "t"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    text: str
    all_headers: list[tuple[str, str]]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Served:
    address: str
    worker: FakeWorker
    herder: StandaloneHerder
    app: RestApp

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection(self.address, timeout=20)
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        data = data.encode() if isinstance(data, str) else data
        sent = {"Content-Type": "application/json"} if data is not None else {}
        connection.request(method, path, data, sent | (headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return Reply(answer.status, dict(answer.getheaders()), text, answer.getheaders())


def create(served: Served, name: str = "c", **more: Any) -> Any:
    return served.ask("POST", "/connectors", {"name": name, "config": {**SOURCE, **more}})


def refused(reply: Reply, status: int) -> str:
    """The message of a refusal, which has nothing else beside its code."""
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/json")
    body = reply.json
    assert list(body) == ["error_code", "message"]
    assert body["error_code"] == status
    message: str = body["message"]
    assert message
    return message


@contextmanager
def serving(app: RestApp, timeout: float = 20.0, patience: float = 0.0, **options: Any) -> Iterator[Served]:
    """The app on a loop of its own thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()

    def call(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(20)

    server = HttpServer(app, parse_listeners(["http://127.0.0.1:0"]))
    call(server.start())
    address = f"127.0.0.1:{server.ports[0]}"
    worker = FakeWorker()

    async def build() -> StandaloneHerder:
        info = {"version": "4.3.1", "commit": "linkspan", "kafka_cluster_id": "cluster"}
        lanes = Lanes(timeout)
        return StandaloneHerder(worker, address, info, lanes=lanes, set_log_level=levels.set_level, **options)

    client = WorkerClient({}, timeout, patience)
    levels = FakeLevels()
    herder = call(build())
    worker.on_status = herder.on_status
    app.install([*herder_routes(herder, client), *admin_routes(levels, herder)])
    herder.ready()
    try:
        yield Served(address, worker, herder, app)
    finally:
        call(server.stop())
        call(client.close())
        call(_cancel_rest())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _cancel_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(RestApp()) as served:
        yield served


@pytest.fixture
def serve() -> Callable[..., Any]:
    return serving
