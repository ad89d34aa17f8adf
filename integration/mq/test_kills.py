"""From queue to queue over a real broker, exactly once and at least once: what dies does so at every step."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import pytest
from confluent_kafka import Producer

from integration.chaos.pipes import QUICK, states, wait_for
from integration.mq.processes import kill_tasks
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.remote import RemoteApplication
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.topics import committed_values

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SETTINGS: Final = {**QUICK, "exactly.once.source.support": "enabled"}
TEXT: Final = Descriptor(format="MQSTR", persistence=1)
BATCH: Final = 7


class Step(NamedTuple):
    """A call at which a task is held, and killed.

    Attributes:
        task: of which connector.
        verb: the call.
        queue: only for this queue.
        skip: so many such calls go well before.
        after: whether the call has done its work.
    """

    task: str
    verb: Any
    queue: str | None = None
    skip: int = 0
    after: bool = False


SHORT: Final = [
    Step("in", "PUT", "STATE.IN", after=True),
    Step("in", "CMIT", after=True),
    Step("in", "GET", "STATE.IN"),
    Step("in", "CMIT", skip=1, after=True),
    Step("out", "PUT", "OUT", skip=3),
    Step("out", "CMIT", after=True),
]
LONG: Final = [
    Step("in", "GET", "IN", skip=3, after=True),
    Step("in", "PUT", "STATE.IN"),
    Step("in", "CMIT"),
    Step("in", "GET", "STATE.IN", after=True),
    Step("in", "CMIT", skip=1),
    Step("out", "GET", "STATE.OUT"),
    Step("out", "GET", "STATE.OUT", after=True),
    Step("out", "PUT", "STATE.OUT"),
    Step("out", "PUT", "STATE.OUT", after=True),
    Step("out", "CMIT"),
]


AT_LEAST_ONCE: Final = [
    Step("in", "GET", "IN", skip=3, after=True),
    Step("in", "CMIT"),
    Step("in", "CMIT", after=True),
    Step("out", "PUT", "OUT", skip=3),
    Step("out", "CMIT"),
    Step("out", "CMIT", after=True),
]


def configs(server: QueueManagerServer, topic: str, *, exactly_once: bool = True) -> dict[str, dict[str, str]]:
    where = {
        "tasks.max": "1",
        "mq.queue.manager": "QM1",
        "mq.connection.name.list": server.address,
        "mq.channel.name": "DEV.APP.SVRCONN",
        "mq.message.body.jms": "true",
    }
    source = {
        **where,
        "connector.class": "MQSource",
        "topic": topic,
        "mq.queue": "IN",
        "mq.record.builder": "DefaultRecordBuilder",
        "mq.message.receive.timeout": "100",
    }
    sink = {
        **where,
        "connector.class": "MQSink",
        "topics": topic,
        "mq.queue": "OUT",
        "mq.message.builder": "DefaultMessageBuilder",
    }
    if exactly_once:
        source |= {
            "exactly.once.support": "required",
            "mq.exactly.once.state.queue": "STATE.IN",
            "mq.client.reconnect.options": "QMGR",
        }
        sink |= {"mq.exactly.once.state.queue": "STATE.OUT"}
    return {"in": source, "out": sink}


def revive(worker: LinkspanGroupWorker) -> bool:
    """Restart what has failed; whether everything runs."""
    all_run = True
    for name in ("in", "out"):
        found = [state for state, _ in states(worker, name)]
        if "FAILED" in found:
            worker.ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")
        all_run = all_run and found == ["RUNNING", "RUNNING"]
    return all_run


class Pipe:
    """Both connectors in a worker, and what was put into the first queue.

    Args:
        server: the queue manager.
        worker: runs already.
        topic: between the two.
        exactly_once: whether both have a state queue.
    """

    def __init__(self, server: QueueManagerServer, worker: LinkspanGroupWorker, topic: str, exactly_once: bool) -> None:
        self.server, self.worker = server, worker
        self.written: list[bytes] = []
        for name, config in configs(server, topic, exactly_once=exactly_once).items():
            code, body = worker.ask("PUT", f"/connectors/{name}/config", config)
            assert code == 201, body

    def put(self) -> None:
        """Write some messages more."""
        for _ in range(BATCH):
            self.written.append(b"m%05d" % len(self.written))
            self.server.put("IN", self.written[-1], TEXT)

    def found(self) -> list[bytes]:
        """What has arrived."""
        return [body[-6:] for body in self.server.bodies("OUT")]

    def strike(self, step: Step, victim: str) -> None:
        """Hold a task at a step, and have the victim die there."""
        server = self.server
        fault = server.fault(
            step.verb,
            queue=step.queue,
            application=f"{step.task}-0",
            skip=step.skip,
            after=step.after,
            action="pause",
        )
        self.put()
        server.await_fault(fault, 60)
        if victim == "queue manager":
            server.restart()  # which forgets the fault
            return
        if victim == "tasks":
            kill_tasks(self.worker.pid, 2)
        elif victim == "worker":
            self.worker.kill()
        else:
            server.cut()
        server.clear_fault(fault)
        if victim == "worker":
            self.worker.start()


@pytest.mark.parametrize(
    ("victim", "steps"),
    [
        pytest.param("tasks", SHORT, id="tasks-some"),
        pytest.param("tasks", [*SHORT, *LONG], id="tasks", marks=pytest.mark.long),
        pytest.param("worker", [*SHORT, *LONG], id="worker", marks=pytest.mark.long),
        pytest.param("connections", [*SHORT, *LONG], id="connections", marks=pytest.mark.long),
        pytest.param("queue manager", [*SHORT, *LONG], id="queue-manager", marks=pytest.mark.long),
    ],
)
def test_each_message_arrives_once_whichever_step_is_the_last(
    kafka: SimpleNamespace, server: QueueManagerServer, tmp_path: Path, victim: str, steps: list[Step]
) -> None:
    worker = LinkspanGroupWorker(tmp_path / "worker", Group(kafka.bootstrap, SETTINGS))
    topic = f"{worker.group.name}-orders"
    with running(worker):
        pipe = Pipe(server, worker, topic, exactly_once=True)
        pipe.put()
        wait_for(lambda: len(pipe.found()) == BATCH, lambda: server.depth("OUT"))
        for step in steps:
            pipe.strike(step, victim)
            pipe.put()
            wait_for(
                # a death may not have been noticed yet: what fails is restarted until all is there
                lambda: revive(worker) and len(pipe.found()) >= len(pipe.written),
                lambda step=step: (step, len(pipe.written), server.depth("OUT"), server.depth("IN")),
            )
        assert pipe.found() == pipe.written
        assert committed_values(kafka.bootstrap, topic) == [body.decode() for body in pipe.written]
        wait_for(lambda: server.depth("STATE.IN").all == 0, "the state queue of the source is empty")
        assert (server.depth("IN").all, server.depth("STATE.OUT").all) == (0, 1)
    assert server.connections() == []


@pytest.mark.parametrize(
    "victim",
    [
        "tasks",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("worker", "connections", "queue manager")),
    ],
)
def test_no_message_is_lost_without_a_state_queue_whichever_step_is_the_last(
    kafka: SimpleNamespace, server: QueueManagerServer, tmp_path: Path, victim: str
) -> None:
    worker = LinkspanGroupWorker(tmp_path / "worker", Group(kafka.bootstrap, SETTINGS))
    with running(worker):
        pipe = Pipe(server, worker, f"{worker.group.name}-orders", exactly_once=False)
        pipe.put()
        wait_for(lambda: len(pipe.found()) == BATCH, lambda: server.depth("OUT"))
        for step in AT_LEAST_ONCE:
            pipe.strike(step, victim)
            pipe.put()
            wait_for(
                lambda: revive(worker) and set(pipe.found()) == set(pipe.written) and server.depth("IN").all == 0,
                lambda step=step: (step, len(pipe.written), server.depth("OUT"), server.depth("IN")),
            )
    assert server.connections() == []


def test_what_a_transaction_undoes_is_not_written_with_a_state_queue(
    kafka: SimpleNamespace, server: QueueManagerServer, tmp_path: Path
) -> None:
    worker = LinkspanGroupWorker(tmp_path / "worker", Group(kafka.bootstrap, SETTINGS))
    topic = f"{worker.group.name}-orders"
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    with running(worker):
        code, body = worker.ask("PUT", "/connectors/out/config", configs(server, topic)["out"])
        assert code == 201, body
        for round_, end in enumerate((producer.abort_transaction, producer.commit_transaction) * 2):
            producer.begin_transaction()
            for number in range(BATCH):
                producer.produce(topic, b"%d-%d" % (round_, number))
            producer.flush(30)
            end(30)
        wait_for(lambda: server.depth("OUT").visible >= 2 * BATCH, lambda: server.depth("OUT"))
        found = [body[body.rindex(b">") + 1 :].strip() for body in server.bodies("OUT")]
        assert found == [b"%d-%d" % (round_, number) for round_ in (1, 3) for number in range(BATCH)]


MANY: Final = 100_000
FAILED: Final = re.compile(r" ERROR .* Task \S+ failed ")


@pytest.mark.long
def test_a_hundred_thousand_messages_arrive_once_while_workers_are_killed(
    kafka: SimpleNamespace, server: QueueManagerServer, tmp_path: Path
) -> None:
    group = Group(kafka.bootstrap, {**SETTINGS, "scheduled.rebalance.max.delay.ms": 0})
    workers = [LinkspanGroupWorker(tmp_path / f"worker-{number}", group) for number in range(2)]
    with RemoteApplication(server.environment) as writer:
        writer.run(f"a = Application('ibmmq', address={server.address!r})")
        writer.run("h = a.open('IN', 0x10)")
        for first in range(0, MANY, 1000):
            writer.run(
                f"[a.put(h, b'm%06d' % n, Persistence=1) for n in range({first}, {first + 1000})] and a.commit()"
            )
    generator = random.Random(7)
    kills = 0
    with running(*workers):
        for name, config in configs(server, f"{group.name}-orders").items():
            code, body = workers[0].ask("PUT", f"/connectors/{name}/config", config)
            assert code == 201, body
        deadline = time.monotonic() + 600
        while server.depth("OUT").visible < MANY:
            assert time.monotonic() < deadline, server.depth("OUT")
            time.sleep(generator.uniform(1, 4))
            if server.depth("OUT").visible < MANY * 0.9:
                worker = generator.choice(workers)
                worker.kill()
                worker.start()
                kills += 1
            revive(workers[0])
    assert kills >= 3
    failed = [line for worker in workers for line in worker.log.read_text().splitlines() if FAILED.search(line)]
    assert failed == [], "a worker that dies is no failure of a task"
    assert [body[-7:] for body in server.bodies("OUT")] == [b"m%06d" % number for number in range(MANY)]
    assert (server.depth("IN").all, server.depth("STATE.IN").all) == (0, 0)
