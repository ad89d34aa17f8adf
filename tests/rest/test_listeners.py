"""Addresses to listen on and to be known under; admin listeners; start and end of the server (spec/runtime.md 1.1)."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from linkspan.api.errors import ConfigError, UnreachableError
from linkspan.config.listeners import Listener, parse_listeners
from linkspan.herder.standalone import StandaloneHerder
from linkspan.rest.access_log import ACCESS_LOGGER
from linkspan.rest.app import RestApp, admin_routes, herder_routes
from linkspan.rest.forwarding import WorkerClient
from linkspan.rest.listeners import advertised
from linkspan.rest.routing import Answer, Request, Route
from linkspan.rest.server import HttpServer
from tests.herder.fakes import FakeLevels, FakeWorker
from tests.rest.conftest import refused

Serve = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("http://:8083", Listener("http", "", 8083)),
        ("HTTPS://host-1.example:0", Listener("https", "host-1.example", 0)),
        (" http://127.0.0.1:1 ", Listener("http", "127.0.0.1", 1)),
        ("http://[::1]:8083", Listener("http", "::1", 8083)),
    ],
)
def test_listeners_are_read_as_the_original_reads_them(text: str, listener: Listener) -> None:
    assert parse_listeners([text]) == [listener]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "doesn't have the right format"),
        ("http://host", "doesn't have the right format"),
        ("http://ho st:1", "doesn't have the right format"),
        ("http://0.0.0.0:8083/path", "doesn't have the right format"),
        (" ", "Empty URL"),
        ("ftp://host:1", 'must be either "http" or "https"'),
        ("http://host:65536", "between 0 and 65535"),
        ("http://host:-1", "between 0 and 65535"),
    ],
)
def test_a_malformed_listener_is_refused_with_its_key(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        parse_listeners(["http://:1", text], "admin.listeners")
    assert raised.value.key == "admin.listeners"


BOTH = ["https://secure:1", "http://plain:2"]


@pytest.mark.parametrize(
    ("listeners", "options", "expected"),
    [
        (["http://host:8083"], {}, ("http", "host", 8083)),
        (["http://host:0"], {}, ("http", "host", 50000)),
        (BOTH, {}, ("http", "plain", 2)),
        (BOTH, {"scheme": "HTTPS"}, ("https", "secure", 1)),
        (BOTH[:1], {}, ("https", "secure", 1)),
        (["http://host:1"], {"host": "other", "port": 9}, ("http", "other", 9)),
        (["http://host:1"], {"port": 0}, ("http", "host", 1)),
    ],
)
def test_others_are_told_the_configured_address_or_that_of_a_listener(
    listeners: list[str], options: dict[str, Any], expected: tuple[str, str, int]
) -> None:
    parsed = parse_listeners(listeners)
    assert advertised(parsed, [item.port or 50000 for item in parsed], **options) == expected


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[::]"])
def test_who_listens_everywhere_is_known_under_its_own_address(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "me")
    monkeypatch.setattr(socket, "gethostbyname", lambda name: {"me": "10.0.0.1"}[name])
    assert advertised(parse_listeners([f"http://{host}:1"]), [1]) == ("http", "10.0.0.1", 1)


def test_an_advertised_scheme_needs_a_listener() -> None:
    with pytest.raises(ConfigError, match=r"https for configuration rest\.advertised\.listener"):
        advertised(parse_listeners(["http://host:1"]), [1], scheme="https")


def test_loggers_may_move_to_listeners_of_their_own_or_nowhere(serve: Serve) -> None:
    main, admin = RestApp(), RestApp()
    with serve(main) as served, serve(admin) as moved:
        main.install(herder_routes(served.herder, WorkerClient({})))
        admin.install(admin_routes(FakeLevels(), served.herder))
        assert served.ask("GET", "/connectors").status == moved.ask("GET", "/admin/loggers").status == 200
        refused(served.ask("GET", "/admin/loggers"), 404)
        refused(moved.ask("GET", "/connectors"), 404)


# --- start and end --------------------------------------------------------------------------------------------------


def run(story: Any) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


def test_until_endpoints_are_installed_every_path_is_unknown() -> None:
    async def story() -> None:
        app = RestApp()
        server = HttpServer(app, parse_listeners(["http://127.0.0.1:0", "http://localhost:0"]))
        await server.start()
        async with ClientSession() as session:
            for port in server.ports:
                async with session.get(f"http://localhost:{port}/") as reply:
                    assert (reply.status, (await reply.json())["error_code"]) == (404, 404)
            app.install(admin_routes(FakeLevels(), StandaloneHerder(FakeWorker(), "me:8083", {})))
            for port in server.ports:
                async with session.get(f"http://localhost:{port}/admin/loggers") as reply:
                    assert reply.status == 200
        await server.stop()

    run(story())


def test_an_address_in_use_is_named() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server = HttpServer(RestApp(), parse_listeners(["http://127.0.0.1:0", f"http://127.0.0.1:{port}"]))
            with pytest.raises(UnreachableError, match=f"Cannot listen on http://127.0.0.1:{port}: .*in use"):
                await server.start()

    run(story())


async def connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def test_a_request_in_progress_is_answered_before_the_server_ends() -> None:
    async def story() -> None:
        began, go = asyncio.Event(), asyncio.Event()

        async def slow(_: Request) -> Answer:
            began.set()
            await go.wait()
            return Answer(body={"done": True})

        app = RestApp()
        app.install([Route("GET", "/slow", slow)])
        server = HttpServer(app, parse_listeners(["http://127.0.0.1:0"]))
        await server.start()
        async with ClientSession() as session:
            asked = asyncio.create_task(session.get(f"http://127.0.0.1:{server.ports[0]}/slow"))
            await began.wait()
            stopped = asyncio.create_task(server.stop())
            while await connects(server.ports[0]):
                assert not stopped.done()
            assert not stopped.done()
            go.set()
            async with await asked as reply:
                assert json.loads(await reply.text()) == {"done": True}
            await stopped

    run(story())


def test_every_request_is_logged_under_the_name_of_the_original(served: Any, caplog: pytest.LogCaptureFixture) -> None:
    def written() -> list[str]:
        return [record.message for record in caplog.records if record.name == ACCESS_LOGGER]

    with caplog.at_level(logging.INFO, ACCESS_LOGGER):
        served.ask("GET", "/connectors?expand=info", headers={"User-Agent": 'tester"', "Referer": "http://a"})
        for method in ("HEAD", "GET"):
            served.ask(method, "/nope")
        # A line is written when its answer is already on the way.
        deadline = time.monotonic() + 60
        while len(written()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    whole, head, nope = written()
    assert ACCESS_LOGGER == "org.apache.kafka.connect.runtime.rest.RestServer"
    assert re.fullmatch(
        r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /connectors\?expand=info HTTP/1\.1" 200 2 '
        r'"http://a" "tester\?" \d+',
        whole,
    )
    assert '"HEAD /nope HTTP/1.1" 404 0 "" "" ' in head
    assert '"GET /nope HTTP/1.1" 404 49 "" "" ' in nope
