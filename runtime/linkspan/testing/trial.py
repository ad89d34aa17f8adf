"""One connector on its way through one case: fed with numbered records, disturbed, and judged."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from linkspan.api import ConnectError, Guarantee, SinkTask
from linkspan.testing.account import Account
from linkspan.testing.adapters import Adapter, SinkAdapter, SourceAdapter
from linkspan.testing.faults import Action, Fault, When
from linkspan.testing.worker import EmbeddedWorker

__all__ = ["CaseFailedError", "CaseSkippedError", "SinkTrial", "SourceTrial", "Trial"]

AdapterT = TypeVar("AdapterT", bound=Adapter)

PARTITIONS: Final = 2
_QUIET_SECONDS: Final = 8.0
"""So long nothing arrives before what is missing counts as lost."""
_SETTLE_SECONDS: Final = 0.3
_REACH_SECONDS: Final = 15.0


class CaseFailedError(ConnectError):
    """The connector did not do what the case asks for."""

    code = "conformance.failed"


class CaseSkippedError(ConnectError):
    """The case cannot be tried with this connector."""

    code = "conformance.skipped"


class Trial(ABC, Generic[AdapterT]):
    """A connector in a case.

    Args:
        worker: runs it.
        adapter: fills or reads its outside system.
        name: of the connector, and the beginning of every record's text.
        seed: decides about records and faults.
        guarantee: what is to hold.
    """

    def __init__(self, worker: EmbeddedWorker, adapter: AdapterT, name: str, seed: str, guarantee: Guarantee) -> None:
        self.worker = worker
        self.adapter = adapter
        self.name = name
        self.guarantee = guarantee
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.expected: list[str] = []
        self.config: dict[str, str] = {}
        self.details: dict[str, Any] = {}
        self._made = 0
        self._marks = 0
        self._failure = ""
        self._given_up: set[str] = set()

    # -- what the direction decides ----------------------------------------------------------------------------------

    @property
    @abstractmethod
    def may_bring_more(self) -> bool:
        """Whether records may arrive that nobody has sent."""

    @abstractmethod
    def found(self) -> list[str]:
        """Texts that have arrived."""

    @abstractmethod
    def _put(self, texts: Sequence[str]) -> Sequence[str]:
        """Send these on their way; the texts they will arrive as."""

    @abstractmethod
    def _own_config(self) -> dict[str, str]:
        """Keys that the kit adds."""

    @abstractmethod
    def done(self) -> bool:
        """Whether the connector says that it has dealt with all records."""

    # -- life --------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Set up the outside system and make the configuration."""
        self.adapter.set_up()
        kind = self.adapter.connector
        self.config = {
            "connector.class": f"{kind.__module__}.{kind.__qualname__}",
            "tasks.max": "1",
            **self.adapter.config(),
        }
        self.config |= self._own_config()

    def fault(self, point: str, when: When, action: Action = "kill", count: int = 1) -> Fault:
        """A fault, with a mark of its own."""
        self._marks += 1
        return Fault(point, when, action, count, str(self.adapter.folder.parent / f"{self.name}.struck{self._marks}"))

    def watch_polls(self, tasks: int) -> list[Fault]:
        """Have the tasks of a source that begin next say when :meth:`polled` asks them; of a sink there are none."""
        if not isinstance(self.adapter, SourceAdapter):
            return []
        gate = str(self.adapter.folder.parent / f"{self.name}.gate")
        # the second poll begins when the first has ended and what it returned has gone to the log
        faults = [replace(self.fault("poll", "before", "note", 2), gate=gate) for _ in range(tasks)]
        for task, fault in enumerate(faults):
            self.worker.arm(self.name, task, fault)
        return faults

    def polled(self, faults: Sequence[Fault]) -> None:
        """Wait until all that are watched have begun to poll, and dealt with what that gave them, from now on."""
        if faults:
            Path(faults[0].gate).touch()
            self.worker.wait(lambda: all(map(self.struck, faults)), _REACH_SECONDS)

    @staticmethod
    def struck(fault: Fault) -> bool:
        """Whether a fault has happened."""
        return Path(fault.mark).exists()

    def start(self, fault: Fault | None = None, more: Mapping[str, str] | None = None) -> None:
        """Create the connector, with more keys than it has anyway; a task may have died when this returns.

        Raises:
            CaseFailedError: it was refused.
        """
        try:
            self.worker.create(self.name, {**self.config, **(more or {})}, fault)
        except ConnectError as error:
            raise CaseFailedError(f"The connector could not be created: {error.message}") from error
        if not self.worker.tasks(self.name):
            self.worker.wait(lambda: self.worker.tasks(self.name), 5.0)

    def feed(self, count: int) -> None:
        """Send more records on their way."""
        texts = [f"{self.name}-{self._made + number:06d}" for number in range(count)]
        self._made += count
        self.expected += self._put(texts)

    def finish(self) -> None:
        """End the connector, whatever state it is in."""
        try:
            self.worker.delete(self.name)
        except ConnectError:  # it was never created
            return

    # -- waiting -----------------------------------------------------------------------------------------------------

    def arrive(self, missing: int = 0) -> None:
        """Wait until all but so many have arrived, or none has for a while, or none will any more."""
        wanted = set(self.expected) - self._given_up
        lacking = self._lacking(wanted)
        while lacking > missing:
            self.worker.wait(partial(self._moved, wanted, lacking), _QUIET_SECONDS)
            if self._at_rest():
                self.worker.wait(lambda: self._lacking(wanted) <= missing, _SETTLE_SECONDS)
                return
            before, lacking = lacking, self._lacking(wanted)
            if lacking == before:
                self._given_up |= wanted.difference(self.found())
                return

    def _lacking(self, wanted: set[str]) -> int:
        return len(wanted.difference(self.found()))

    def _moved(self, wanted: set[str], lacking: int) -> bool:
        return self._lacking(wanted) < lacking or self._at_rest()

    def _at_rest(self) -> bool:
        tasks = self.worker.tasks(self.name)
        # one that was just restarted is shown as it ended until it says something
        failed = [state == "FAILED" and not self.worker.alive(self.name, n) for n, (state, _) in enumerate(tasks)]
        return self.done() or (bool(failed) and all(failed))

    def refuse_what_is_not_called(self, point: str) -> None:
        """Raise CaseSkippedError for a call of a task that its class leaves to the runtime."""
        task = self.adapter.connector.task_class
        if point == "stored_offsets" and task.stored_offsets is SinkTask.stored_offsets:  # type: ignore[union-attr]
            raise CaseSkippedError("The task does not store offsets")
        if point == "commit_offsets" and self.worker.transactions:
            raise CaseSkippedError("The task stores its offsets in its transactions")
        if point == "commit_transaction" and not self.worker.transactions:
            raise CaseSkippedError("The source does not promise exactly once")

    def reached(self, fault: Fault) -> None:
        """Wait until a fault has struck.

        Raises:
            CaseFailedError: the task has failed before.
            CaseSkippedError: the call it waits for never came.
        """
        self.worker.wait(lambda: self.struck(fault) or bool(self._failures()), _REACH_SECONDS)
        if self.struck(fault):
            return
        if failures := self._failures():
            raise CaseFailedError(f"The task has failed before {fault.point} was called: {failures[0]}")
        raise CaseSkippedError(f"{fault.point} was not called with records within {_REACH_SECONDS:g} s")

    def _failures(self) -> list[str]:
        """Last line of what is said about each task that has failed."""
        tasks = self.worker.tasks(self.name)
        return [trace.strip().splitlines()[-1] for state, trace in tasks if state == "FAILED" and trace.strip()]

    def dead(self) -> None:
        """Wait until the first task has no process any more."""
        self.worker.wait(lambda: not self.worker.alive(self.name), 10.0)

    def running(self, task: int = 0) -> None:
        """Wait until a task runs.

        Raises:
            CaseFailedError: it does not.
        """
        try:
            self.worker.wait_for(self.name, "RUNNING", task, 20.0)
        except ConnectError as error:
            raise CaseFailedError(error.message) from error

    # -- judging -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop the connector, which has to be possible in good order.

        Raises:
            CaseFailedError: it had to be killed.
        """
        failures = self._failures()
        self._failure = f" A task had failed: {failures[0]}" if failures else ""
        self.worker.stop(self.name)
        self.refuse_kills()

    def refuse_kills(self) -> None:
        """Raise CaseFailedError when the worker has had to kill a task that did not stop."""
        for trace in self.worker.traces(self.name):
            if "did not stop within" in trace:
                self.details["trace"] = trace
                first, _, stack = trace.partition("\n")
                where = next((line.strip() for line in stack.splitlines() if line.startswith("  File")), "")
                raise CaseFailedError(f"A task had to be killed: {first} {where}".rstrip())

    def account(self) -> Account:
        """What has arrived, against what was to."""
        return Account.of(self.expected, self.found())

    def judge(self, *, loss: bool = False, repeats: bool = True, allowed: int = 0) -> None:
        """Compare what has arrived with what the guarantee says.

        Args:
            loss: whether records may be missing if the guarantee is at most once.
            repeats: whether records may have come twice if the guarantee is at least once.
            allowed: how many have to be missing whatever the guarantee is.

        Raises:
            CaseFailedError: it does not hold.
        """
        account = self.account()
        self.details |= {
            "expected": account.expected,
            "found": account.found,
            "missing": len(account.missing),
            "duplicates": len(account.duplicates),
        }
        may_lose = loss and self.guarantee is Guarantee.AT_MOST_ONCE
        may_repeat = repeats and self.guarantee is Guarantee.AT_LEAST_ONCE
        if len(account.missing) != allowed and not may_lose:
            raise CaseFailedError(f"Records were lost. {account}.{self._failure}")
        if account.duplicates and not may_repeat:
            raise CaseFailedError(f"Records were written twice. {account}")
        if account.unknown and not self.may_bring_more:
            raise CaseFailedError(f"There are records that nobody sent. {account}")


class SourceTrial(Trial[SourceAdapter]):
    """A source: fed through its outside system, read from the log."""

    @property
    def may_bring_more(self) -> bool:
        """Whether the source makes up records without an end."""
        return self.adapter.endless

    def found(self) -> list[str]:
        """Texts in the topic."""
        topic = self.adapter.topic(self.config)
        return [self.adapter.text(value) for value in self.worker.read(topic) if value is not None]

    def _put(self, texts: Sequence[str]) -> Sequence[str]:
        made = self.adapter.fill(texts)
        return texts if made is None else made

    def _own_config(self) -> dict[str, str]:
        self.worker.create_topic(self.adapter.topic(self.config))
        return {}

    def done(self) -> bool:
        """A source never says so."""
        return False


class SinkTrial(Trial[SinkAdapter]):
    """A sink: fed through the log, read from its outside system."""

    @property
    def topic(self) -> str:
        """The topic it reads."""
        return f"{self.name}-in"

    @property
    def may_bring_more(self) -> bool:
        """Never: the topic holds what was sent."""
        return False

    def found(self) -> list[str]:
        """Texts in the outside system."""
        return list(self.adapter.content())

    def _put(self, texts: Sequence[str]) -> Sequence[str]:
        for partition in range(PARTITIONS):
            values = [self.adapter.payload(text) for text in texts[partition::PARTITIONS]]
            self.worker.write(self.topic, values, partition)
        return texts

    def _own_config(self) -> dict[str, str]:
        self.worker.create_topic(self.topic, PARTITIONS)
        # small batches, so that there are several to die between
        return {"topics": self.topic, "consumer.override.max.poll.records": "7"}

    def done(self) -> bool:
        """Whether it has committed the offsets of all records."""
        return self.worker.group_lag(self.name, self.topic) == 0


def trial_of(
    worker: EmbeddedWorker, adapter: Adapter, name: str, seed: str, guarantee: Guarantee
) -> SourceTrial | SinkTrial:
    """A trial in the direction of the adapter."""
    if isinstance(adapter, SourceAdapter):
        return SourceTrial(worker, adapter, name, seed, guarantee)
    assert isinstance(adapter, SinkAdapter)
    return SinkTrial(worker, adapter, name, seed, guarantee)


def config_keys(infos: Mapping[str, Any]) -> set[str]:
    """Names of the keys that a validation knows."""
    return {config["definition"]["name"] for config in infos["configs"]}
