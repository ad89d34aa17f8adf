"""What a user has asked for, and what the cluster may therefore come to, with answers that never arrived."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from linkspan.api.errors import ConfigError, ConflictError, ConnectError, NotFoundError
from linkspan.herder.distributed import DistributedHerder
from linkspan.herder.port import PAUSED, STARTED, STOPPED, RebalanceNeededError, WrongWorkerError
from tests.simulation.children import NONSENSE
from tests.simulation.clock import VirtualLoop
from tests.simulation.cluster import Cluster, UnansweredError

State = tuple[str | None, str]
"""Version of a connector's configuration, None while it does not exist; and its target state."""
_NOT_DONE = (NotFoundError, ConflictError, ConfigError, RebalanceNeededError, WrongWorkerError)
"""Answers that say that nothing was written."""


def settings(name: str, version: str, tasks: int) -> dict[str, str]:
    return {"name": name, "connector.class": "FileStreamSource", "tasks.max": str(tasks), "version": version}


@dataclass
class Wish:
    """What may have become of one connector.

    Attributes:
        possible: one of these it has to be in the end.
        loose: effects of requests without an answer; each may have happened, happen later, or in part.
    """

    possible: set[State] = field(default_factory=lambda: {(None, STARTED)})
    loose: list[Callable[[State], set[State]]] = field(default_factory=list)
    busy: bool = False

    def done(self, effect: Callable[[State], State]) -> None:
        self.possible = {effect(state) for state in self.possible}
        self._loosen()

    def unanswered(self, effect: Callable[[State], set[State]]) -> None:
        self.loose.append(effect)
        self._loosen()

    def _loosen(self) -> None:
        while True:
            reached = {after for effect in self.loose for state in self.possible for after in effect(state)}
            if reached <= self.possible:
                return
            self.possible |= reached


@dataclass(frozen=True)
class Deed:
    """A request and its effect; ``partly`` are the effects of its single records."""

    what: str
    request: Callable[[DistributedHerder], Awaitable[Any]]
    effect: Callable[[State], State] = lambda state: state
    partly: Callable[[State], set[State]] = lambda _: set()


class User:
    """Asks workers by chance for this and that."""

    def __init__(self, cluster: Cluster) -> None:
        self.loop = VirtualLoop(cluster.agenda, "user")
        self.wishes: dict[str, Wish] = {}
        self._cluster = cluster
        self._chance: random.Random = cluster.chance
        self._versions = 0

    def act(self, name: str) -> None:
        """Ask for something about a connector, unless an answer is awaited."""
        wish = self.wishes.setdefault(name, Wish())
        if not wish.busy:
            self.ask(name, self._idea(name, wish))

    def ask(self, name: str, deed: Deed) -> None:
        wish = self.wishes.setdefault(name, Wish())
        processes = list(self._cluster.processes.values())
        if processes:
            wish.busy = True
            self.loop.create_task(self._do(name, wish, deed, self._chance.choice(processes)))

    async def _do(self, name: str, wish: Wish, deed: Deed, process: Any) -> None:
        told = self._cluster.told
        told(f"user asks {process.name}: {name} {deed.what}")
        try:
            await self._cluster.ask_any(self.loop, process, deed.request)
        except _NOT_DONE as error:
            told(f"user is refused: {name} {deed.what}: {type(error).__name__}")
        except (UnansweredError, ConnectError) as error:
            told(f"user does not know: {name} {deed.what}: {type(error).__name__}")
            wish.unanswered(lambda state: {deed.effect(state)} | deed.partly(state))
        else:
            told(f"user has got: {name} {deed.what}")
            wish.done(deed.effect)
        wish.busy = False

    def stop_and_reset(self, name: str) -> None:
        """Stop a connector and reset its offsets, unless an answer is awaited."""
        if not self.wishes.setdefault(name, Wish()).busy:
            self.loop.create_task(self._stop_and_reset(name))

    async def _stop_and_reset(self, name: str) -> None:
        for deed in (self._stop(name), self._reset(name)):
            processes = list(self._cluster.processes.values())
            if not processes or self.wishes[name].busy:
                return
            self.wishes[name].busy = True
            await self._do(name, self.wishes[name], deed, self._chance.choice(processes))

    def bungle(self, name: str) -> None:
        """Somebody else asks for what is refused; it takes the time of others, and changes nothing."""
        processes = list(self._cluster.processes.values())
        if processes:
            config = {**settings(name, "0", 1), "tasks.max": NONSENSE}
            self.loop.create_task(self._bungle(self._chance.choice(processes), name, config))

    async def _bungle(self, process: Any, name: str, config: dict[str, str]) -> None:
        with contextlib.suppress(UnansweredError, ConnectError):
            await self._cluster.ask_any(self.loop, process, lambda herder: herder.put_connector_config(name, config))

    def create(self, name: str) -> Wish:
        """Ask for a new connector; what becomes of that."""
        self.ask(name, self._create(name, None))
        return self.wishes[name]

    def _idea(self, name: str, wish: Wish) -> Deed:
        exists = any(version is not None for version, _ in wish.possible)
        ideas = (
            ["create"]
            if not exists
            else ["put", "put", "delete", "target", "target", "stop", "restart", "restart", "offsets"]
        )
        if any(target == STOPPED for _, target in wish.possible):
            ideas += ["offsets"] * 3
        match self._chance.choice(ideas):
            case "create":
                target = self._chance.choice((None, None, None, STARTED, PAUSED, STOPPED))
                return self._create(name, target)
            case "put":
                return self._put(name)
            case "delete":
                return Deed(
                    "delete",
                    lambda herder: herder.delete_connector(name),
                    lambda _: (None, STARTED),
                    lambda state: {(None, state[1])},
                )
            case "target":
                return self.to_target(name, self._chance.choice((STARTED, STARTED, PAUSED)))
            case "offsets":
                return self._reset(name)
            case "stop":
                return self._stop(name)
            case _:
                return self._restart(name)

    @staticmethod
    def _stop(name: str) -> Deed:
        return Deed("stop", lambda herder: herder.stop_connector(name), lambda state: (state[0], STOPPED))

    @staticmethod
    def _reset(name: str) -> Deed:
        return Deed("reset offsets", lambda herder: herder.reset_offsets(name))

    def to_target(self, name: str, target: str) -> Deed:
        return Deed(target, lambda herder: herder.set_target(name, target), lambda state: (state[0], target))

    def _create(self, name: str, target: str | None) -> Deed:
        version, config = self._config(name)
        return Deed(
            f"create {version} with {config['tasks.max']} tasks, {target}",
            lambda herder: herder.create_connector(name, config, target),
            lambda state: (version, target or state[1]),
            lambda state: {(state[0], target or state[1])},
        )

    def _put(self, name: str) -> Deed:
        version, config = self._config(name)
        return Deed(
            f"put {version} with {config['tasks.max']} tasks",
            lambda herder: herder.put_connector_config(name, config),
            lambda state: (version, state[1]),
        )

    def _config(self, name: str) -> tuple[str, dict[str, str]]:
        self._versions += 1
        version = str(self._versions)
        return version, settings(name, version, self._chance.randrange(1, 6))

    def _restart(self, name: str) -> Deed:
        include, only = self._chance.random() < 0.7, self._chance.random() < 0.5
        match self._chance.choice(("instance", "task", "all", "all")):
            case "instance":
                return Deed("restart instance", lambda herder: herder.restart_connector(name))
            case "task":
                task = self._chance.randrange(3)
                return Deed(f"restart task {task}", lambda herder: herder.restart_task(name, task))
            case _:
                return Deed(
                    f"restart tasks={include} failed={only}",
                    lambda herder: herder.restart(name, include_tasks=include, only_failed=only),
                )

    def repair(self, name: str, task: int) -> None:
        """Restart what has failed or hangs."""
        if task < 0:
            self.ask(name, Deed("repair instance", lambda herder: herder.restart_connector(name)))
        else:
            self.ask(name, Deed(f"repair task {task}", lambda herder: herder.restart_task(name, task)))
