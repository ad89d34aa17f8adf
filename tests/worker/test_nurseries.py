"""Branches: the module of a connector class is imported once for all its children, where that is safe."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from conftest import until

from linkspan.api.errors import PluginError
from linkspan.plugins.catalog import PluginInfo
from linkspan.worker import forker, nurseries
from linkspan.worker.forker import Forker
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.process import ChildProcess

Story = Callable[[Nurseries], Awaitable[None]]


def plugin(folder: Path, name: str, text: str = "") -> PluginInfo:
    """A class in a module of its own, with something that the module does when it is imported."""
    (folder / f"{name}.py").write_text(f"import os, sys, threading, time\n{text}\nclass Connector: ...\n")
    return PluginInfo("source", f"{name}.Connector", f"{name}:Connector", location=str(folder))


def tell(story: Story) -> None:
    async def whole() -> None:
        made = Nurseries(["linkspan.worker.child"])
        await made.start()
        try:
            await story(made)
        finally:
            await made.close()

    asyncio.run(whole())


async def child(made: Nurseries, info: PluginInfo, job: str, heard: list[Any]) -> ChildProcess:
    args = {"module": info.python_path.partition(":")[0]}
    run = {"type": "run", "job": f"branch_jobs:{job}", "args": args, "context": "t", "levels": {}, "beat": 60.0}
    return await made.spawn("t", lambda _, message: heard.append(message), run, info)


async def asked(made: Nurseries, info: PluginInfo) -> dict[str, Any]:
    """What a child of that class says of itself."""
    heard: list[Any] = []
    born = await child(made, info, "where", heard)
    await born.ended()
    born.close()
    (answer,) = [message["value"] for message in heard if message["type"] == "result"]
    return answer


def test_children_of_a_class_come_from_one_process_that_has_imported_it(tmp_path: Path):
    imports = tmp_path / "imports"
    info = plugin(tmp_path, "shared_once", f"open({str(imports)!r}, 'a').write('x')")

    async def story(made: Nurseries) -> None:
        first, second = await asyncio.gather(asked(made, info), asked(made, info))
        assert first == second == {"parent": first["parent"], "imported": True}
        assert first["parent"] != made.pid
        assert imports.read_text() == "x"

    tell(story)


def test_classes_do_not_share_a_process(tmp_path: Path):
    async def story(made: Nurseries) -> None:
        one, other = (
            await asked(made, plugin(tmp_path, "one_class")),
            await asked(made, plugin(tmp_path, "other_class")),
        )
        assert one["parent"] != other["parent"]

    tell(story)


@pytest.mark.parametrize(
    "text",
    [
        "threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()",
        "kept = open(os.devnull)",
        "raise ValueError('no')",
        "sys.exit(3)",
        "os._exit(7)",
        "os.kill(os.getpid(), 11)",
        "time.sleep(3600)",
    ],
)
def test_a_module_that_cannot_be_shared_is_left_to_each_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
):
    monkeypatch.setattr(nurseries, "_BRANCH_SECONDS", 1.0)
    info = plugin(tmp_path, "unfit", text)

    async def story(made: Nurseries) -> None:
        for _ in range(2):
            assert await asked(made, info) == {"parent": made.pid, "imported": False}

    tell(story)


def test_a_killed_branch_takes_only_its_own_children_with_it_and_is_replaced(tmp_path: Path):
    doomed, safe = plugin(tmp_path, "doomed"), plugin(tmp_path, "safe")

    async def story(made: Nurseries) -> None:
        branch = (await asked(made, doomed))["parent"]
        lost, kept = await child(made, doomed, "wait", []), await child(made, safe, "wait", [])
        os.kill(branch, signal.SIGKILL)
        assert (await lost.ended()).signal == signal.SIGKILL
        assert kept.alive
        again = await asked(made, doomed)
        assert again["imported"]
        assert again["parent"] not in {branch, made.pid}

    tell(story)


def test_a_branch_killed_before_it_was_told_anything_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    info = plugin(tmp_path, "unlucky")
    tell_it, unlucky = Forker.tell, iter([True])

    def killed_first(branch: Forker, message: Any) -> None:
        if "location" in message and next(unlucky, False):
            raise BrokenPipeError
        tell_it(branch, message)

    monkeypatch.setattr(Forker, "tell", killed_first)

    async def story(made: Nurseries) -> None:
        assert await asked(made, info) == {"parent": made.pid, "imported": False}
        assert (await asked(made, info))["imported"]

    tell(story)


def test_a_branch_that_is_not_born_any_more_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch):
    ordered, attached = Forker._order, forker._outputs
    opened: list[asyncio.BaseTransport] = []

    def killed_first(root: Forker, born: ChildProcess | None, order: Any, given: Any) -> Any:
        root.kill()
        return ordered(root, born, order, given)

    async def seen(context: str, attach: Callable[[asyncio.BaseTransport], None]) -> list[int]:
        return await attached(context, lambda transport: (opened.append(transport), attach(transport))[1])

    monkeypatch.setattr(Forker, "_order", killed_first)
    monkeypatch.setattr(forker, "_outputs", seen)

    async def story(made: Nurseries) -> None:
        with pytest.raises(PluginError):
            await (await made._running_root()).branch("plugin unborn", {})
        assert [transport.is_closing() for transport in opened] == [True, True]

    tell(story)


def test_a_branch_without_children_ends_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nurseries, "_IDLE_SECONDS", 0.05)
    info = plugin(tmp_path, "seldom")

    async def story(made: Nurseries) -> None:
        busy = await child(made, info, "wait", [])
        branch = (await asked(made, info))["parent"]
        busy.kill()
        await until(lambda: not Path(f"/proc/{branch}").exists())
        again = await asked(made, info)
        assert again["imported"]
        assert again["parent"] != branch

    tell(story)


def test_closing_leaves_no_process(tmp_path: Path):
    pids: list[int] = []

    async def story(made: Nurseries) -> None:
        info = plugin(tmp_path, "left")
        waiting = await child(made, info, "wait", [])
        pids.extend([(await asked(made, info))["parent"], waiting.pid])

    tell(story)
    asyncio.run(until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)))


def test_closing_does_not_wait_for_a_start_that_is_under_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(nurseries, "_CLOSE_SECONDS", 60.0)
    monkeypatch.syspath_prepend(str(tmp_path))
    begun = tmp_path / "begun"
    text = f"import time, pathlib\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(60)"
    (tmp_path / "slow_to_import.py").write_text(text)

    async def story() -> None:
        made = Nurseries(["slow_to_import"])
        starting = asyncio.ensure_future(made.start())
        await until(begun.exists)
        async with asyncio.timeout(20):
            await made.close()
        with pytest.raises(PluginError, match="the worker is stopping"):
            await starting
        with pytest.raises(PluginError, match="the worker is stopping"):
            await made.start()

    asyncio.run(story())


def test_a_child_begins_with_the_levels_it_is_told_whatever_its_nursery_has():
    told = {"": logging.WARNING, "test.kept": logging.DEBUG, "test.raised": logging.ERROR, "test.new": logging.DEBUG}
    heard: list[Any] = []

    async def story() -> None:
        made = Nurseries(["linkspan.worker.child"])
        try:
            run = {"type": "run", "job": "branch_jobs:levels", "args": {"loggers": list(told)}, "context": "t"}
            born = await made.spawn(
                "t", lambda _, message: heard.append(message), {**run, "levels": told, "beat": 60.0}, None
            )
            await born.ended()
            born.close()
        finally:
            await made.close()

    kept, raised = logging.getLogger("test.kept"), logging.getLogger("test.raised")
    kept.setLevel(logging.DEBUG)
    raised.setLevel(logging.DEBUG)
    try:
        asyncio.run(story())
    finally:
        kept.setLevel(logging.NOTSET)
        raised.setLevel(logging.NOTSET)
    assert [message["value"] for message in heard if message["type"] == "result"] == [told]


def test_a_thread_of_a_child_that_has_waited_goes_on_soon():
    heard: list[Any] = []

    async def story(made: Nurseries) -> None:
        run = {"type": "run", "job": "branch_jobs:patience", "args": {}, "context": "t", "levels": {}, "beat": 60.0}
        born = await made.spawn("t", lambda _, message: heard.append(message), run, None)
        await born.ended()
        born.close()

    tell(story)
    (told,) = [message["value"] for message in heard if message["type"] == "result"]
    assert told < sys.getswitchinterval() / 5
