"""One task on this worker: its child, what it is wanted to do, what it said last."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from linkspan.api.errors import ConnectError, PluginError
from linkspan.config.sizes import size_text
from linkspan.task.spec import TaskSpec
from linkspan.worker.channel import Message, encode_error
from linkspan.worker.child import pack
from linkspan.worker.deadlines import CALL_TIMEOUT_KEY, CallWatch, Deadlines, Finding, milliseconds
from linkspan.worker.deaths import Deaths, described
from linkspan.worker.events import StatusEvent
from linkspan.worker.log_levels import log_levels
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.process import ChildProcess, ExitStatus
from linkspan.worker.restarts import History

__all__ = ["RunningTask", "TaskHooks", "death_notice"]

log = logging.getLogger(__name__)

_MOVES = ("source-record-poll-total", "source-record-write-total", "sink-record-read-total", "sink-record-send-total")
"""Counters that say that a task gets on."""


@dataclass(frozen=True)
class TaskHooks:
    """Whom a task's child talks to, through its supervisor.

    Attributes:
        status: takes its states.
        question: answers its questions about offsets and topics by sending an ``answer`` to the child; they carry the
            number of the task and the configuration of its connector.
        topics: takes the topics it used.
        failed: told when it has failed, with the trace and the code of the error; it says how things go on.
        displaced: the same, with the trace, when somebody else has fenced it.
        deaths: the book of what processes were working on when they died.
    """

    status: Callable[[StatusEvent], None]
    question: Callable[[ChildProcess, str, Message], None]
    topics: Callable[[str, int, list[str]], None]
    failed: Callable[[RunningTask, str, str], None]
    displaced: Callable[[RunningTask, str], None]
    deaths: Deaths


class RunningTask:
    """Watches the child of one task from its birth to its end.

    Attributes:
        target: what it is wanted to do: STARTED, PAUSED or STOPPED.
        connector_config: what its own configuration was made from, references replaced.
        written: that, and its own configuration, as they are written.
        birth: gives birth to the child when its turn comes.
        state: the last state that was reported.
        metrics: the counters it reported last.
        begun_as: what the group of workers called this one then.
        spec: what it is, once its child is to be born.
        lingers: whether its consumer group keeps its place, since its child ended without a word or too early.
        lag: topic, partition and number of records that a sink task has not put yet, as it reported last.
        moved_at: when it has moved a record, or has come up; monotonic.
        restarts: after failures.
        returns: after it had lost its place in its consumer group.
        stalled: whether a call of its plugin was reported for taking long, and goes on.
    """

    def __init__(
        self,
        connector: str,
        task: int,
        target: str,
        connector_config: dict[str, str],
        hooks: TaskHooks,
        deadlines: Deadlines,
    ) -> None:
        self.connector = connector
        self.task = task
        self.target = target
        self.connector_config = dict(connector_config)
        self.written: tuple[Mapping[str, str], Mapping[str, str]] = (connector_config, {})
        self.birth: asyncio.Task[None] | None = None
        self.state = "UNASSIGNED"
        self.metrics: dict[str, float] = {}
        self.begun_as: str | None = None
        self.spec: TaskSpec | None = None
        self.lingers = False
        self.lag: list[tuple[str, int, int]] = []
        self.moved_at = time.monotonic()
        self.stalled = False
        self.restarts = History()
        self.returns = History()
        self._hooks = hooks
        self._deadlines = deadlines
        self._watch = CallWatch(deadlines, 0, time.monotonic())
        self._child: ChildProcess | None = None
        self._before: RunningTask | None = None
        self._over: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False
        self._final = False
        self._killed: str | None = None
        self._up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int | None:
        """Process id of the child, once it is born."""
        return self._child.pid if self._child is not None else None

    @property
    def memory(self) -> int:
        """Bytes of memory that its child held when that was looked at last; 0 when it is not known."""
        return self._child.memory if self._child is not None and self.alive else 0

    @property
    def alive(self) -> bool:
        """Whether its child is to be born or has not ended."""
        if self._over is None:
            return self.birth is not None and not self.birth.done()
        return not self._over.done()

    async def start(self, nurseries: Nurseries, spec: TaskSpec) -> None:
        """Give birth to the child.

        Args:
            nurseries: where children come from.
            spec: what the task is.

        Raises:
            ConfigError: its settings are wrong, or cannot be passed on.
            PluginError: there is no room for another process.
        """
        self.spec = spec
        call_timeout = milliseconds(spec.connector_config, CALL_TIMEOUT_KEY, 0)
        self._watch = CallWatch(self._deadlines, call_timeout, time.monotonic())
        target = self.target
        run: Message = {
            "type": "run",
            "job": spec.job,
            "args": {"spec": pack(spec)},
            "context": self._context,
            "levels": log_levels(),
            "beat": self._watch.interval,
            "target": target,
            "hide": list(spec.secrets),
        }
        child = await nurseries.spawn(self._context, self._take, run, spec.plugin)
        child.memory_max = spec.memory_max
        self._child, self._before = child, None
        self._over = asyncio.create_task(self._until_end(child), name=f"end of {self._context}")
        self._watching = asyncio.create_task(self._look(child), name=f"watch {self._context}")
        if self.target != target:  # it has changed meanwhile
            self.set_target(self.target)

    def successor(self) -> RunningTask:
        """The same task once more, without a child; whoever ends it before it has one ends the child of this one."""
        again = RunningTask(self.connector, self.task, self.target, self.connector_config, self._hooks, self._deadlines)
        again.begun_as, again.restarts, again.returns = self.begun_as, self.restarts, self.returns
        again.state, again.written, again.spec = self.state, self.written, self.spec
        again._before = self
        return again

    def __str__(self) -> str:
        return f"Task {self.connector}-{self.task}"

    def fail(self, error: ConnectError) -> None:
        """Report that the child could not be born."""
        log.error("Failed to start task: %s", error.message, extra={"connector_context": self._context})
        self._final = True
        self._hooks.failed(self, str(encode_error(error)["trace"]), error.code)

    def refuse(self, why: str) -> None:
        """Report that there is no place for it here."""
        log.error("%s", why, extra=self._extra)
        self._final = True
        self._hooks.failed(self, why, PluginError.code)

    async def came_up(self, seconds: float) -> None:
        """Wait until it has said something, but not longer than so many ``seconds``."""
        await asyncio.wait([self._up], timeout=seconds)

    def set_target(self, target: str) -> None:
        """Tell it what is wanted."""
        self.target = target
        if self._child is not None:
            self._child.send({"type": "target", "target": target})

    def send(self, message: Message) -> None:
        """Pass on any other message."""
        if self._child is not None:
            self._child.send(message)

    def ask_to_stop(self) -> None:
        """Begin a graceful stop."""
        self._stopping = True
        self.set_target("STOPPED")

    async def ended(self, seconds: float) -> None:
        """Wait for its end, at most so many ``seconds``, then kill it; if its turn has not come, it is never born."""
        if self._child is None and self.birth is not None:
            self.birth.cancel()
            await asyncio.wait([self.birth])
        await self.gone(seconds)
        if self.state == "RESTARTING" or (self._child is None and not self._final):
            self.report("UNASSIGNED", None)

    async def gone(self, seconds: float) -> None:
        """Wait until its child, or the one before if it has none, has ended; at most so many ``seconds``: kill it."""
        if self._over is None or self._child is None:
            if self._before is not None:
                await self._before.gone(seconds)
                self.lingers = self._before.lingers
            return
        done, _ = await asyncio.wait([self._over], timeout=seconds)
        if not done:
            await self._kill(self._child, f"It did not stop within {seconds:g} s and was killed")
            await self._over

    def report(self, state: str, trace: str | None = None) -> None:
        """Tell of a new state."""
        now = time.monotonic()
        if state == "RUNNING" != self.state:
            self.moved_at = now
        for history in (self.restarts, self.returns):
            history.follow(state, now)
        self.state = state
        self._hooks.status(StatusEvent(self.connector, self.task, state, trace))

    @property
    def _context(self) -> str:
        return f"{self.connector}|task-{self.task}"

    @property
    def _extra(self) -> dict[str, str]:
        """What puts a line of the log under the task's name."""
        return {"connector_context": self._context}

    def _take(self, child: ChildProcess, message: Message) -> None:
        match message["type"]:
            case "status":
                self._take_status(message["state"], message.get("trace"), message.get("code", ""))
                self._come_up()
            case "beat":
                self._take_beat(message["call"], message["age"])
            case "question":
                self._hooks.question(
                    child, self.connector, {**message, "task": self.task, "config": self.connector_config}
                )
            case "passed":
                if self.spec is not None:
                    self._hooks.deaths.passed(self.spec, message["spans"])
            case "topics":
                self._hooks.topics(self.connector, self.task, message["names"])
            case "lingers":
                self.lingers = True
            case "metrics":
                self._take_metrics(message["values"], message["lag"])
            case "result":
                self._take_result(message.get("error"))

    def _take_status(self, state: str, trace: str | None, code: str) -> None:
        self._final = state in {"FAILED", "UNASSIGNED", "DISPLACED"}
        if state == "DISPLACED":
            self._hooks.displaced(self, trace or "")
        elif state == "FAILED":
            self._hooks.failed(self, trace or "", code)
        else:
            self.report(state, trace)

    def _take_result(self, error: Message | None) -> None:
        """The data plane reports failures of a task itself; this is a failure before or outside of it."""
        if error and not self._final and not self._stopping:
            self._final = True
            self._hooks.failed(self, error["trace"], error["code"])

    def _take_beat(self, call: str | None, age: float) -> None:
        finding = self._watch.beat(call, age, time.monotonic())
        if finding is not None:
            self.stalled = False
            log.info("%s has returned after %.1f s", finding.call, finding.age, extra=self._extra)
            self._hooks.status(StatusEvent(self.connector, self.task, self.state, None, "moving"))

    def _take_metrics(self, values: dict[str, float], lag: list[tuple[str, int, int]]) -> None:
        if any(values.get(name) != self.metrics.get(name, 0) for name in _MOVES if name in values):
            self.moved_at = time.monotonic()
        self.metrics, self.lag = values, lag

    def _come_up(self) -> None:
        if not self._up.done():
            self._up.set_result(None)

    async def _look(self, child: ChildProcess) -> None:
        """Report, and on demand kill, calls that take too long."""
        killed = False
        while not killed:
            await asyncio.sleep(self._watch.interval)
            try:
                killed = await self._look_once(child)
            except Exception:  # supervision point: nobody would notice that nobody looks any more
                log.exception("Calls of %s could not be looked at", self, extra=self._extra)

    async def _look_once(self, child: ChildProcess) -> bool:
        """Whether that killed it."""
        finding = self._watch.look(time.monotonic())
        if finding is None or self._stopping:
            return False
        if finding.kind == "overdue":
            await self._kill(child, f"{finding.call} had not returned after {finding.age:.1f} s; it was killed")
            return True
        await self._report_stall(child, finding)
        return False

    async def _report_stall(self, child: ChildProcess, finding: Finding) -> None:
        stack = await child.blocked_stack()
        text = f"{finding.call} has not returned for {finding.age:.1f} s"
        trace = f"{text}. It is blocked in:\n{stack}" if stack else text
        log.warning("%s", trace, extra=self._extra)
        self.stalled = True
        if not self._final:
            self._hooks.status(StatusEvent(self.connector, self.task, self.state, trace, "stalled"))

    async def _kill(self, child: ChildProcess, reason: str) -> None:
        stack = await child.blocked_stack()
        self._killed = f"{reason}. It was blocked in:\n{stack}" if stack else reason
        log.error("%s", self._killed, extra=self._extra)
        child.kill()

    async def _until_end(self, child: ChildProcess) -> None:
        """Say how the child ended, unless it did so itself."""
        status = await child.ended()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        self._come_up()
        try:
            self._take_end(child, status)
        except Exception:  # supervision point: whoever waits for the end of the child gets it
            log.exception("The end of %s could not be handled", self, extra=self._extra)
        finally:
            child.close()

    def _take_end(self, child: ChildProcess, status: ExitStatus) -> None:
        if not self._final:
            self._final = True
            self.lingers = True
            if self._stopping:
                self.report("UNASSIGNED", self._killed)
            else:
                self._hooks.failed(self, self._last_words(child, status), PluginError.code)

    def _last_words(self, child: ChildProcess, status: ExitStatus) -> str:
        """How it ended, and what it was working on."""
        how = self._killed or death_notice(str(self), child, status)
        if self._killed or status.with_parent or self.spec is None:
            work = described(child.work())
        else:
            summary = how.partition("\n")[0]
            work = self._hooks.deaths.died(self.spec, child.work(), summary)
        if not work:
            return how
        log.error("%s", work, extra=self._extra)
        return f"{how}\n{work}"


def death_notice(who: str, child: ChildProcess, status: ExitStatus) -> str:
    """What a status says about a child that ended without a word."""
    text = f"{who}: its process ended with {status} without reporting an error"
    if child.fault is not None:
        text = f"{who}: {child.fault}"
    elif status.signal == signal.SIGKILL and child.memory:
        text += f"; it held {size_text(child.memory)} of memory shortly before"
    stack = child.crash_stack()
    notice = f"{text}\n{stack}" if stack else text
    log.error("%s", notice, extra={"connector_context": child.context})
    return notice
