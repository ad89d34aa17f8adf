"""One connector on this worker: the child that hosts its instance, and its state (spec/runtime.md 4.4).

A connector that does not watch the external system needs its child only between ``start`` and ``task_configs``; it
counts as RUNNING without a process afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from linkspan.api.errors import ConnectError, NotFoundError, PluginError
from linkspan.config.providers.references import Resolution
from linkspan.plugins.catalog import PluginInfo
from linkspan.worker import task_configs
from linkspan.worker.channel import Message, decode_error
from linkspan.worker.child import pack
from linkspan.worker.deadlines import Deadlines
from linkspan.worker.events import StatusEvent
from linkspan.worker.log_levels import log_levels
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.process import ChildProcess, ExitStatus
from linkspan.worker.restarts import History
from linkspan.worker.running_task import death_notice

__all__ = ["ConnectorHooks", "RunningConnector"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectorHooks:
    """Whom a connector's child talks to.

    Attributes:
        status: takes its states.
        reconfigure: takes its wishes for new tasks.
        question: answers its questions.
        failed: told when it has failed, with the trace and the code of the error; it says how things go on.
    """

    status: Callable[[StatusEvent], None]
    reconfigure: Callable[[str], None]
    question: Callable[[ChildProcess, str, Message], None]
    failed: Callable[[RunningConnector, str, str], None]


class RunningConnector:
    """Hosts one connector.

    Args:
        name: of the connector.
        plugin: its class.
        config: its configuration, as it is written and with its references replaced.
        nurseries: where children come from.
        starting: limits how many children come up at the same time.
        hooks: whom to tell.
        deadlines: how long its calls may take.

    Attributes:
        target: what it is wanted to do: STARTED, PAUSED or STOPPED.
        resolution: its configuration, as it is written and with its references replaced.
        restarts: after failures.
    """

    def __init__(
        self,
        name: str,
        plugin: PluginInfo,
        config: Resolution,
        *,
        nurseries: Nurseries,
        starting: asyncio.Semaphore,
        hooks: ConnectorHooks,
        deadlines: Deadlines,
    ) -> None:
        self.name = name
        self.state = "UNASSIGNED"
        self.target = "STARTED"
        self.plugin = plugin
        self.resolution = config
        self.restarts = History()
        self._nurseries = nurseries
        self._starting = starting
        self._hooks = hooks
        self._deadlines = deadlines
        self._child: ChildProcess | None = None
        self._ending: asyncio.Task[None] | None = None
        self._finishing: set[asyncio.Task[None]] = set()
        self._answers: dict[int, tuple[ChildProcess, asyncio.Future[Message]]] = {}
        self._last_call = 0
        self._leaving: set[ChildProcess] = set()
        self._failure: ConnectError | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Process id of its child, if it has one now."""
        return self._child.pid if self._child is not None else None

    async def set_target(self, target: str) -> None:
        """Bring it to STARTED, PAUSED or STOPPED and report it.

        Cancelling it ends a ``start`` that does not return; the connector is FAILED then.

        Raises:
            ConnectError: ``start`` raised, or ``stop`` did while pausing; it is FAILED.
        """
        async with self._one_at_a_time:
            self.target = target
            if target == "STARTED":
                if self.state != "RUNNING":
                    await self._start()
            elif self.state == "FAILED" and target == "PAUSED":
                return
            else:
                await self._rest(target)

    async def restart(self, config: Resolution) -> None:
        """End it, whatever it is doing, and bring it to its target again; it reports that, or that it has failed.

        Args:
            config: its configuration, with what its references stand for now.

        Cancelling it is as for :meth:`set_target`.

        Raises:
            ConnectError: ``start`` raised.
        """
        async with self._one_at_a_time:
            if self._child is not None:
                await self._finish(self._child)
            await self._end()
            self.resolution = config
            if self.target == "STARTED":
                await self._start()
            else:
                self.report(self.target)

    async def _start(self) -> None:
        async with self._ended_by_failure():
            if self._child is None:
                await self._spawn()
            await self._call("target", {"target": "STARTED"}, None)
        self.report("RUNNING")

    @asynccontextmanager
    async def _ended_by_failure(self) -> AsyncIterator[None]:
        """Whatever fails, or is given up, in here leaves the connector FAILED and without a process."""
        try:
            yield
        except ConnectError as error:
            self._fail(error)
            await self._end()
            raise
        except Exception as error:  # supervision point: it would be neither here nor FAILED
            log.exception("Connector %s could not be handled", self.name)
            failure = PluginError(f"Connector {self.name} could not be handled: {type(error).__name__}: {error}")
            self._fail(failure)
            await self._end()
            raise failure from error
        except asyncio.CancelledError:
            stack = "" if self._child is None else await self._child.blocked_stack()
            text = f"Connector {self.name} was given up: a newer request, or the end of the worker, did not wait for it"
            log.warning("%s%s", text, f". It was blocked in:\n{stack}" if stack else "")
            self.report("FAILED", _trace_text(text, stack or None))
            await self._end()
            raise

    async def _rest(self, target: str) -> None:
        """Pause or stop."""
        if self._child is not None:
            try:
                await self._call("target", {"target": target}, self._deadlines.connector_stop)
            except ConnectError as error:
                if target == "PAUSED":
                    self._fail(error)
                    await self._end()
                    raise
                log.warning("Connector %s failed while it was stopped: %s", self.name, error.message)
            if target == "STOPPED":
                await self._end()
        self.report(target)

    async def task_configs(self) -> list[dict[str, str]]:
        """Let it cut its work; the result is complete (spec 4.5).

        Raises:
            ConnectError: it failed, was too slow, or made more tasks than allowed; it is FAILED.
        """
        async with self._one_at_a_time:
            if self.state != "RUNNING":
                message = f"Connector {self.name} is {self.state}; only a running one can be asked for its tasks"
                raise ConnectError(message)
            async with self._ended_by_failure():
                if self._child is None:
                    await self._spawn()
                    await self._call("target", {"target": "STARTED"}, None)
                limit = {"max_tasks": task_configs.max_tasks(self.resolution.texts)}
                made = await self._call("task_configs", limit, self._deadlines.request)
                configs = task_configs.finish_task_configs(
                    self.name, made["configs"], self.resolution.texts, made["task_class"]
                )
                configs = task_configs.with_references(configs, self.resolution)
            if not made["watches"]:
                # Its process goes while the caller goes on.
                self._finish_later()
            return configs

    async def stop(self) -> None:
        """End it, whatever it is doing; reports UNASSIGNED unless it has failed or rests."""
        if self._child is not None and not self._one_at_a_time.locked():
            await self._finish(self._child)
        await self._end()
        if self.state not in {"FAILED", "STOPPED"}:
            self.report("UNASSIGNED")

    def send(self, message: Message) -> None:
        """Pass on a message to the child, if there is one."""
        if self._child is not None:
            self._child.send(message)

    def __str__(self) -> str:
        return f"Connector {self.name}"

    def report(self, state: str, trace: str | None = None) -> None:
        """Tell of a new state."""
        self.state = state
        self.restarts.follow(state, time.monotonic())
        self._hooks.status(StatusEvent(self.name, None, state, trace))

    def _fail(self, error: ConnectError) -> None:
        trace = error.trace if isinstance(error, PluginError) else None
        notes = getattr(error, "__notes__", [])
        if self.state != "FAILED":
            self._hooks.failed(self, _trace_text(error.message, trace or (notes[0] if notes else None)), error.code)

    async def _spawn(self) -> None:
        self._failure = None
        run: Message = {
            "type": "run",
            "job": "linkspan.worker.connector_child:connector",
            "args": {
                "name": self.name,
                "plugin": pack(self.plugin),
                "config": self.resolution.texts,
                "unresolved": self.resolution.unresolved,
            },
            "context": f"{self.name}|worker",
            "levels": log_levels(),
            "beat": 60.0,
            "hide": list(self.resolution.values.values()),
        }
        async with self._starting:
            child = await self._nurseries.spawn(f"{self.name}|worker", self._take, run, self.plugin)
        self._child = child
        self._ending = asyncio.create_task(self._until_end(child), name=f"end of connector {self.name}")

    async def _call(self, method: str, args: Mapping[str, Any], seconds: float | None) -> Any:  # noqa: ANN401 - each call has its own answer
        child = self._child
        if child is None:
            raise self._failure or NotFoundError(f"Connector {self.name} has no process")
        self._last_call += 1
        number = self._last_call
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = (child, answer)
        child.send({"type": "call", "id": number, "method": method, "args": dict(args)})
        stalled_after = self._deadlines.stall_report
        try:
            done, _ = await asyncio.wait([answer], timeout=stalled_after if seconds is None else seconds)
            while not done and seconds is None:  # start is never killed, only reported
                await self._report_stall(child, stalled_after)
                done, _ = await asyncio.wait([answer], timeout=stalled_after)
                stalled_after *= 2
        finally:
            self._answers.pop(number, None)
        if not done:
            stack = await child.blocked_stack()
            child.kill()
            text = f"{method} of connector {self.name} did not return within {seconds:g} s; its process was killed"
            log.error("%s%s", text, f". It was blocked in:\n{stack}" if stack else "")
            raise PluginError(text, stack or None)
        message_back = answer.result()
        if message_back.get("error"):
            raise decode_error(message_back["error"])
        return message_back["value"]

    async def _report_stall(self, child: ChildProcess, seconds: float) -> None:
        stack = await child.blocked_stack()
        trace = f"start has not returned for {seconds:.1f} s. It is blocked in:\n{stack}"
        log.warning("%s", trace, extra={"connector_context": child.context})
        self._hooks.status(StatusEvent(self.name, None, self.state, trace, "stalled"))

    def _take(self, child: ChildProcess, message: Message) -> None:
        match message["type"]:
            case "answer":
                _, answer = self._answers.get(message["id"], (child, None))
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case "question":
                self._hooks.question(child, self.name, {**message, "config": self.resolution.texts})
            case "reconfigure":
                self._hooks.reconfigure(self.name)
            case "raised" if self.state != "RESTARTING":
                self._hooks.failed(self, message["trace"], message["code"])
            case "result" if message.get("error"):
                # The instance could not be made at all.
                self._failure = decode_error(message["error"])

    def _give_up(self, child: ChildProcess, error: ConnectError) -> None:
        """Answer everything that waits for this child with an error."""
        for asked, answer in self._answers.values():
            if asked is child and not answer.done():
                body = {"code": error.code, "message": error.message, "trace": getattr(error, "trace", None)}
                answer.set_result({"error": body})

    async def _until_end(self, child: ChildProcess) -> None:
        status = await child.ended()
        try:
            self._take_end(child, status)
        except Exception:  # supervision point: whoever waits for the end of the child gets it
            log.exception("The end of a process of connector %s could not be handled", self.name)
        finally:
            child.close()

    def _take_end(self, child: ChildProcess, status: ExitStatus) -> None:
        waited_for = any(asked is child for asked, _ in self._answers.values())
        if self._child is child:
            self._child = None
        if child in self._leaving:
            self._leaving.discard(child)
            self._give_up(child, ConnectError(f"Connector {self.name} was stopped while it was asked"))
        else:
            if self._failure is None:
                self._failure = PluginError(death_notice(f"Connector {self.name}", child, status))
            self._give_up(child, self._failure)
            if not waited_for and self.state == "RUNNING":
                self._fail(self._failure)

    def _finish_later(self) -> None:
        child, ending = self._child, self._ending
        self._child = None
        if child is None or ending is None:
            return
        self._ending = None
        finishing = asyncio.create_task(self._finish_and_wait(child, ending), name=f"finish {self.name}")
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)

    async def _finish_and_wait(self, child: ChildProcess, ending: asyncio.Task[None]) -> None:
        await self._finish(child)
        await ending

    async def _finish(self, child: ChildProcess) -> None:
        """Let the instance stop and the child end; kill it when it is too slow."""
        self._leaving.add(child)
        self._last_call += 1
        child.send({"type": "call", "id": self._last_call, "method": "finish", "args": {}})
        try:
            async with asyncio.timeout(self._deadlines.connector_stop):
                await child.ended()
        except TimeoutError:
            stack = await child.blocked_stack()
            log.error(  # noqa: TRY400 - the stack that matters is the child's
                "Connector %s did not stop within %g s and was killed. It was blocked in:\n%s",
                self.name,
                self._deadlines.connector_stop,
                stack,
            )
            child.kill()

    async def _end(self) -> None:
        """Make sure that no child is left."""
        if self._child is not None:
            self._leaving.add(self._child)
            self._child.kill()
        if self._ending is not None:
            await self._ending
            self._ending = None
        if self._finishing:
            await asyncio.wait(self._finishing)


def _trace_text(message: str, trace: str | None) -> str:
    """A trace that begins with what happened."""
    if trace is None:
        return message
    return trace if message in trace else f"{message}\n{trace}"
