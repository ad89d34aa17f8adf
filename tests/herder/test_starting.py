"""A worker that has not read its topics yet does not say that there are no connectors."""

from __future__ import annotations

import asyncio

import pytest

from linkspan.herder.port import RequestTimedOutError
from linkspan.rest.app import herder_routes
from linkspan.rest.forwarding import WorkerClient
from linkspan.rest.routing import Request, Router
from tests.herder.test_supervision import Herder


async def ask(part: Herder, method: str, path: str) -> object:
    route, names, _ = Router(herder_routes(part.herder, WorkerClient({}))).find(path, method)
    assert route is not None
    return (await route.handler(Request(names, [], b"", "http://me", path, {}))).body  # type: ignore[arg-type,union-attr]


def test_who_asks_for_connectors_waits_until_they_are_known() -> None:
    async def story() -> None:
        part = Herder()
        asked = asyncio.ensure_future(ask(part, "GET", "/connectors"))
        await asyncio.sleep(0.05)
        assert not asked.done()
        await part.herder.open()
        async with asyncio.timeout(30):
            assert await asked == []
        await part.configs.close()
        await part.statuses.close()

    asyncio.run(story())


def test_who_has_waited_too_long_is_told_what_the_worker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkspan.herder.distributed.REQUEST_TIMEOUT_SECONDS", 0.01)

    async def story() -> None:
        part = Herder()
        for method, path in (("GET", "/connectors/c"), ("DELETE", "/connectors/c"), ("GET", "/connectors/c/status")):
            with pytest.raises(RequestTimedOutError, match="currently awaiting startup, which began at"):
                await ask(part, method, path)
        assert await ask(part, "GET", "/") == {}

    asyncio.run(story())
