"""Workers of one group on virtual time: each a process of its own, all with the real herder."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from linkspan.api.errors import ConnectError
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.distributed import DistributedHerder, DistributedSettings
from linkspan.herder.participant import GroupTimes
from linkspan.herder.port import InternalRequest, PeerError, RebalanceNeededError, SubmittedConfig, WrongWorkerError
from linkspan.herder.sessions import ALGORITHM_HEADER, SIGNATURE_HEADER, KeyPolicy, SessionKey
from linkspan.herder.status_topic import StatusTopic
from linkspan.herder.topic_tracking import TopicTracking
from tests.herder.fakes import Report
from tests.simulation.children import Book, SimulatedWorker
from tests.simulation.clock import Agenda, VirtualLoop
from tests.simulation.group import Coordinator, SimulatedMembership
from tests.simulation.ledger import Ledger
from tests.simulation.log import Link, SimulatedTable, Topic, Weather
from tests.simulation.producers import Connection, SimulatedExclusiveWriter
from tests.simulation.producers import Coordinator as Producers

PATIENCE_SECONDS = 30.0
"""How long a user, or another worker, waits for an answer."""
EPOCH_MS = 1_700_000_000_000


class UnansweredError(Exception):
    """Nobody knows what became of a request."""


@dataclass(frozen=True)
class SeededKeys(KeyPolicy):
    """Session keys that are the same in each run."""

    def generate(self, now_ms: int) -> SessionKey:
        return SessionKey(hashlib.sha256(str(now_ms).encode()).digest(), self.algorithm, now_ms)


class WatchedConfigTopic(ConfigTopic):
    """Notes who changes what though it does not lead; what has been begun may end after that."""

    process: Process

    def _led(self, what: str) -> None:
        if not self.process.herder._group.leads:
            self.process.worker._book.breaches.append(f"{self.process.name} {what} though it does not lead")

    async def put_connector(self, name: str, config: SubmittedConfig, target: str | None) -> None:
        self._led(f"configures {name}")
        await super().put_connector(name, config, target)

    async def remove_connector(self, name: str) -> None:
        self._led(f"deletes {name}")
        await super().remove_connector(name)

    async def put_task_configs(self, name: str, configs: Sequence[SubmittedConfig]) -> None:
        self._led(f"cuts the work of {name}")
        await super().put_task_configs(name, configs)

    async def put_restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> None:
        self._led(f"restarts {name}")
        await super().put_restart(name, include_tasks=include_tasks, only_failed=only_failed)


class Process:
    """One life of a worker process."""

    def __init__(self, cluster: Cluster, number: int, life: int) -> None:
        self.number = number
        self.name = f"w{number}.{life}"
        self.url = f"http://w{number}:8083/"
        self.settled = False
        self.stopping = False
        self._cluster = cluster
        self.loop = VirtualLoop(cluster.agenda, self.name)
        self.link, self.link_of_tasks = Link(), Link()
        weather, coordinator = cluster.weather, cluster.coordinator
        brokers = Connection(self.loop, cluster.broker, self.link, weather)
        brokers_of_tasks = Connection(self.loop, cluster.broker, self.link_of_tasks, weather)
        self.worker = SimulatedWorker(
            self.name,
            self.loop,
            weather,
            cluster.book,
            cluster.parts_of,
            (brokers_of_tasks, cluster.producers, cluster.ledger),
        )
        self.tables = [
            SimulatedTable(topic, self.loop, cluster.broker, self.link, weather, self.now_ms)
            for topic in (cluster.config_topic, cluster.status_topic)
        ]
        self.membership = SimulatedMembership(
            self.name, coordinator, self.loop, self.link, weather, lambda: cluster.has_joined(self)
        )
        once = cluster.ledger.enabled
        leader_writer = SimulatedExclusiveWriter(cluster.config_topic, cluster.producers, brokers) if once else None
        self.configs = WatchedConfigTopic(self.tables[0], leader_writer)
        self.configs.process = self
        self.statuses = StatusTopic(self.tables[1], self.now_ms)
        self.herder = DistributedHerder(
            self.worker,
            self.configs,
            self.statuses,
            self.membership,
            SimulatedPeers(cluster, self),
            lambda _logger, _level: None,
            {"version": "simulated"},
            DistributedSettings(
                group="workers",
                worker_id=f"w{number}:8083",
                url=self.url,
                protocol=cluster.protocol,
                times=GroupTimes(sync=3.0, unsync_backoff=5.0, rebalance_delay=cluster.rebalance_delay),
                keys=SeededKeys("HmacSHA256", 32, cluster.key_ttl_ms),
                signs_with="HmacSHA256",
                verifies=["HmacSHA256"],
                topics=TopicTracking(),
                delivers_once=once,
            ),
            now_ms=self.now_ms,
        )
        self.worker.on_status = self._on_status
        self.worker.on_reconfigure = self.herder.on_reconfigure
        self.worker.owns = self.herder.owns
        self.worker.guard = self.herder.guard if once else None
        self.worker.known_to = lambda: self.configs.snapshot.offset
        self.loop.call_soon(self.loop.create_task, self._start())

    def now_ms(self) -> int:
        """Time of day, as the clock of the process's machine says."""
        return EPOCH_MS + int(self.loop.time() * 1000) + self._cluster.clocks.get(self.number, 0)

    def _on_status(self, report: Report) -> None:
        self.herder.on_status(report)

    async def _start(self) -> None:
        await self.herder.open()
        await self.herder.start()


class SimulatedPeers:
    """Requests to other workers, on a network that loses some."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self._cluster = cluster
        self._process = process

    async def submit_tasks(
        self, leader_url: str | None, connector: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        request = InternalRequest(body, headers.get(SIGNATURE_HEADER), headers.get(ALGORITHM_HEADER))
        await self._ask(leader_url, lambda herder: herder.put_task_configs(connector, orjson.loads(body), request))

    async def _ask(self, url: str | None, request: Callable[[DistributedHerder], Awaitable[Any]]) -> None:
        try:
            await self._cluster.ask(self._process.loop, self._cluster.at(url), request)
        except UnansweredError:
            raise PeerError("simulated: no answer") from None
        except ConnectError as error:
            raise PeerError(error.message, 409) from error

    async def original_plugins(self, url: str) -> frozenset[str] | None:
        process = self._cluster.at(url)
        await asyncio.sleep(self._cluster.weather.travel())
        if process is None or process.loop.frozen:
            raise PeerError("simulated: no answer")
        return None

    async def fence(self, leader_url: str | None, connector: str, headers: Mapping[str, str]) -> None:
        request = InternalRequest(b"", headers.get(SIGNATURE_HEADER), headers.get(ALGORITHM_HEADER))
        await self._ask(leader_url, lambda herder: herder.fence(connector, request))


class Cluster:
    """Brokers, workers and the network between them.

    Args:
        seed: decides everything that is not said otherwise.

    Attributes:
        protocol: that workers offer, like the other settings read when one starts.
        rebalance_delay: how long lost work waits.
        key_ttl_ms: life of session keys; 0 for no end.
        clocks: by how many milliseconds the clock of each worker's machine is wrong.
        trace: what happened.
    """

    def __init__(self, seed: int) -> None:
        self.agenda = Agenda()
        self.chance = random.Random(seed)
        self.weather = Weather(self.chance)
        self.protocol = "sessioned"
        self.rebalance_delay = 0.0
        self.key_ttl_ms = 0
        self.clocks: dict[int, int] = {}
        self.trace: list[str] = []
        self.broker = VirtualLoop(self.agenda, "broker")
        self.coordinator = Coordinator(self.broker, removed=self._has_left, told=self.told)
        self.config_topic = Topic(self.agenda, 1)
        self.status_topic = Topic(self.agenda, 3)
        self.book = Book(self._settled, self.told)
        self.producers = Producers()
        self.ledger = Ledger(self.book.breaches, self.told)
        self.config_topic.appended = lambda key, value, offset, led: self.ledger.appended(
            key, value, offset, by_leader=led
        )
        self.parts: dict[str, int] = {}
        self.lives: dict[int, int] = {}
        self.processes: dict[int, Process] = {}

    def told(self, what: str) -> None:
        self.trace.append(f"{self.agenda.now:9.3f} {what}")

    def parts_of(self, name: str) -> int:
        return self.parts.get(name, 99)

    @property
    def fingerprint(self) -> str:
        """The same for two runs in which the same happened at the same time."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    # --- who is in the group ----------------------------------------------------------------------------------------

    def _settled(self, process: str) -> bool:
        return any(known.name == process and known.settled for known in self.processes.values())

    def has_joined(self, process: Process) -> None:
        """A round is over for this one: from now on what it runs is its own, until the group loses it."""
        process.settled = process.membership.member_id in self.coordinator.members

    def _has_left(self, member_id: str) -> None:
        for process in self.processes.values():
            if member_id.rpartition("-")[0] == process.name:
                process.settled = False

    # --- processes --------------------------------------------------------------------------------------------------

    def start(self, number: int) -> None:
        life = self.lives[number] = self.lives.get(number, 0) + 1
        self.told(f"w{number}.{life} starts")
        self.processes[number] = Process(self, number, life)

    def crash(self, number: int) -> None:
        process = self.processes.pop(number)
        self.told(f"{process.name} crashes")
        self._bury(process)

    def _bury(self, process: Process) -> None:
        process.loop.gone = True
        process.link.up = process.link_of_tasks.up = False
        for table in process.tables:
            table.forget()
        self.book.crash(process.name)

    def stop(self, number: int) -> None:
        """A worker is stopped with SIGTERM."""
        process = self.processes[number]
        self.told(f"{process.name} stops")
        process.stopping = True

        async def stop() -> None:
            await process.herder.stop(2.0)
            if self.processes.get(number) is process:
                self.told(f"{process.name} has stopped")
                left = [item for item, runs in self.book.runs.items() if process.name in runs]
                if left:
                    self.book.breaches.append(f"{process.name} has stopped, but still runs {left}")
                del self.processes[number]
                self.broker.call_soon(self._bury, process)

        process.loop.call_soon(process.loop.create_task, stop())

    def freeze(self, number: int) -> None:
        self.told(f"{self.processes[number].name} is frozen")
        self.processes[number].loop.frozen = True

    def thaw(self, number: int) -> None:
        process = self.processes.get(number)
        if process is not None and process.loop.frozen:
            self.told(f"{process.name} goes on")
            process.loop.thaw()

    def turn_clock(self, number: int, milliseconds: int) -> None:
        """The clock of a worker's machine jumps, and is wrong from then on."""
        self.told(f"the clock of w{number} jumps by {milliseconds / 1000:g} s")
        self.clocks[number] = self.clocks.get(number, 0) + milliseconds

    def cut(self, number: int, *, tasks: bool = True) -> None:
        self.told(f"{self.processes[number].name} loses its brokers{', its tasks too' if tasks else ''}")
        self.processes[number].link.set(up=False)
        self.processes[number].link_of_tasks.up = not tasks

    def mend(self, number: int) -> None:
        process = self.processes.get(number)
        if process is not None and not process.link.up:
            self.told(f"{process.name} reaches its brokers")
            process.link.set(up=True)
            process.link_of_tasks.up = True

    def set_topics(self, *, up: bool) -> None:
        self.told(f"topics are {'up' if up else 'down'}")
        self.config_topic.set_up(up=up)
        self.status_topic.set_up(up=up)

    # --- requests ---------------------------------------------------------------------------------------------------

    def at(self, url: str | None) -> Process | None:
        return next((process for process in self.processes.values() if process.url == url), None)

    async def ask(
        self, loop: VirtualLoop, process: Process | None, request: Callable[[DistributedHerder], Awaitable[Any]]
    ) -> Any:
        """Have a worker do something; called in ``loop``, whose process asks.

        Raises:
            UnansweredError: nobody knows whether it was done.
            ConnectError: as the worker answered.
        """
        answer: asyncio.Future[Any] = loop.create_future()
        if process is None or self.weather.happens(0.02):
            await asyncio.sleep(self.weather.travel())
            raise UnansweredError

        def settle(error: Exception | None, result: Any) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        async def do() -> None:
            error, result = None, None
            try:
                result = await request(process.herder)
            except ConnectError as refusal:
                error = refusal
            if not self.weather.happens(0.02):
                loop.call_later(self.weather.travel(), settle, error, result)

        process.loop.call_later(self.weather.travel(), lambda: process.loop.create_task(do()))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await answer
        except TimeoutError:
            raise UnansweredError from None

    async def ask_any(
        self, loop: VirtualLoop, process: Process, request: Callable[[DistributedHerder], Awaitable[Any]]
    ) -> Any:
        """The same as a user does it: the worker may pass the request on, twice at most."""
        asked: Process | None = process
        for _ in range(3):
            try:
                return await self.ask(loop, asked, request)
            except WrongWorkerError as error:
                if error.url is None:
                    break
                asked = self.at(error.url)
        raise RebalanceNeededError
