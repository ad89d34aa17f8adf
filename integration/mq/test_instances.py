"""Channel instances as the stand-in counts them: what each task has while it runs, and what is left of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self

import pytest

from integration.chaos.pipes import QUICK, states, wait_for
from integration.mq.processes import kill_tasks
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.linkspan import LinkspanWorker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

TEXT: Final = Descriptor(format="MQSTR", persistence=1)
CHANNEL: Final = "LINKSPAN.SVRCONN"
INSTANCES: Final = {"in-one-0": 1, "in-two-0": 2, "in-once-0": 2, "out-one-0": 1, "out-once-0": 1}
"""Of each task: a source that takes turns has two, and one that delivers exactly once has one more for its state."""
BATCH: Final = 20


def where(server: QueueManagerServer) -> dict[str, str]:
    return {
        "tasks.max": "1",
        "mq.queue.manager": "QM1",
        "mq.connection.name.list": server.address,
        "mq.channel.name": CHANNEL,
        "mq.message.body.jms": "true",
    }


def source(server: QueueManagerServer, queue: str, topic: str, **more: str) -> dict[str, str]:
    return {
        **where(server),
        "connector.class": "MQSource",
        "topic": topic,
        "mq.queue": queue,
        "mq.record.builder": "DefaultRecordBuilder",
        "mq.message.receive.timeout": "100",
        "mq.batch.size": "7",
        **{key.replace("_", "."): value for key, value in more.items()},
    }


def sink(server: QueueManagerServer, queue: str, topic: str, **more: str) -> dict[str, str]:
    return {
        **where(server),
        "connector.class": "MQSink",
        "topics": topic,
        "mq.queue": queue,
        "mq.message.builder": "DefaultMessageBuilder",
        **{key.replace("_", "."): value for key, value in more.items()},
    }


def connected(server: QueueManagerServer) -> Counter[str]:
    """Connections by application."""
    return Counter(each.application for each in server.connections())


def revived(worker: LinkspanGroupWorker, names: list[str]) -> bool:
    """Restart what has failed; whether every task runs."""
    found = {name: [state for state, _ in states(worker, name)] for name in names}
    for name, each in found.items():
        if "FAILED" in each:
            worker.ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")
    return all(each == ["RUNNING", "RUNNING"] for each in found.values())


@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.long)])
def test_a_task_has_its_instances_and_no_more_and_leaves_none_when_it_is_killed(
    kafka: SimpleNamespace, server: QueueManagerServer, tmp_path: Path, kills: int
) -> None:
    group = Group(kafka.bootstrap, {**QUICK, "exactly.once.source.support": "enabled"})
    worker = LinkspanGroupWorker(tmp_path / "worker", group)
    one, two, once = (f"{group.name}-{name}" for name in ("one", "two", "once"))
    exactly = {"exactly_once_support": "required", "mq_client_reconnect_options": "QMGR"}
    configs = {
        "in-one": source(server, "IN.ONE", one),
        "in-two": source(server, "IN.TWO", two, mq_connections_per_task="2"),
        "in-once": source(server, "IN.ONCE", once, mq_exactly_once_state_queue="STATE.IN", **exactly),
        "out-one": sink(server, "OUT.ONE", one),
        "out-once": sink(server, "OUT.ONCE", once, mq_exactly_once_state_queue="STATE.OUT"),
    }
    # an instance more than all tasks together may have would be refused, and the refusal is in the log
    server.define_channel(CHANNEL, max_instances=sum(INSTANCES.values()))
    written: list[bytes] = []
    killed = 0
    with running(worker):
        for name, config in configs.items():
            code, body = worker.ask("PUT", f"/connectors/{name}/config", config)
            assert code == 201, body
        while killed < kills:
            wait_for(
                lambda: revived(worker, list(configs)) and connected(server) == INSTANCES,
                lambda: connected(server),
            )
            assert server.instances(CHANNEL) == sum(INSTANCES.values())
            for _ in range(BATCH):
                written.append(b"m%05d" % len(written))
                for queue in ("IN.ONE", "IN.TWO", "IN.ONCE"):
                    server.put(queue, written[-1], TEXT)
            if killed % 2:
                wait_for(lambda: server.depth("OUT.ONCE").visible == len(written), lambda: server.depth("OUT.ONCE"))
            assert connected(server) == INSTANCES
            kill_tasks(worker.pid, len(configs))
            killed += len(configs)
            wait_for(lambda: not server.connections(), lambda: connected(server))
            assert server.instances(CHANNEL) == 0
        wait_for(
            # a death may not have been noticed yet
            lambda: revived(worker, list(configs)) and connected(server) == INSTANCES,
            lambda: connected(server),
        )
        wait_for(
            lambda: server.depth("OUT.ONCE").visible == len(written),
            lambda: server.depth("OUT.ONCE"),
        )
        wait_for(
            lambda: {body[-6:] for body in server.bodies("OUT.ONE")} == set(written), lambda: server.depth("OUT.ONE")
        )
        assert [body[-6:] for body in server.bodies("OUT.ONCE")] == written
        for queue in ("IN.ONE", "IN.TWO", "IN.ONCE", "STATE.IN"):
            wait_for(lambda queue=queue: server.depth(queue).all == 0, lambda queue=queue: server.depth(queue))
        assert connected(server) == INSTANCES
        kill_tasks(worker.pid, len(configs))
        wait_for(lambda: server.instances(CHANNEL) == 0, lambda: connected(server))
    assert server.connections() == []
    assert "2537" not in worker.log.read_text()


# --- limits, and what else is waited for ---------------------------------------------------------------------------


class Standalone:
    """A worker on the embedded log with sinks of the same queue."""

    def __init__(self, server: QueueManagerServer, folder: Path, **more: str) -> None:
        named = [{"name": name, **sink(server, "OUT.ONE", "t", **more)} for name in ("first", "second")]
        self.worker = LinkspanWorker(folder, None, {"offset.flush.interval.ms": "300"}, [], env=server.environment)
        self.configs = {each["name"]: each for each in named}

    def __enter__(self) -> Self:
        self.worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.worker.stop()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One REST request; None for an answer without a body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.worker.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as got:
            text = got.read()
        return json.loads(text) if text else None

    def add(self, name: str) -> None:
        """Have one of the two run."""
        self.ask("PUT", f"/connectors/{name}/config", self.configs[name])

    def task(self, name: str) -> dict[str, Any]:
        """State of its task; empty while there is none."""
        try:
            tasks = self.ask("GET", f"/connectors/{name}/status")["tasks"]
        except urllib.error.HTTPError:
            return {}
        return dict(tasks[0]) if tasks else {}

    def log(self) -> str:
        """What the worker and its tasks have said."""
        return self.worker.log.read_text()


def soon(condition: Callable[[], object], what: Callable[[], object]) -> None:
    wait_for(condition, what, 60)


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("max_instances", 2537), ("max_instances_of_client", 2537), ("max_instances", 2025), ("connections", 2025)],
)
def test_a_task_beyond_a_limit_says_which_channel_it_is_and_begins_when_there_is_room(
    server: QueueManagerServer, tmp_path: Path, limit: str, reason: int
) -> None:
    if limit == "connections":
        server.alter_queue_manager(max_connections=1)
    else:
        server.define_channel(CHANNEL, **{limit: 1, f"{limit}_reason": reason})  # type: ignore[arg-type]
    with Standalone(server, tmp_path / "worker") as standalone:
        standalone.add("first")
        soon(lambda: connected(server) == {"first-0": 1}, lambda: connected(server))
        standalone.add("second")
        soon(lambda: f"failed: {reason} MQRC_" in standalone.log(), standalone.log)
        assert standalone.task("second")["state"] in ("RUNNING", "UNASSIGNED")
        said = next(line for line in standalone.log().splitlines() if f"failed: {reason} MQRC_" in line)
        assert f"channel {CHANNEL}" in said
        assert "MAXINST and MAXINSTC" in said
        assert connected(server) == {"first-0": 1}
        standalone.ask("DELETE", "/connectors/first")
        soon(lambda: connected(server) == {"second-0": 1}, lambda: connected(server))
        assert standalone.task("second")["state"] == "RUNNING"
    assert server.connections() == []


def test_a_state_queue_that_another_one_has_is_named_while_it_is_waited_for(
    server: QueueManagerServer, tmp_path: Path
) -> None:
    with Standalone(server, tmp_path / "worker", mq_exactly_once_state_queue="STATE.OUT") as standalone:
        standalone.add("first")
        soon(lambda: connected(server)["first-0"] == 1, lambda: connected(server))
        soon(lambda: server.depth("STATE.OUT").inputs == 1, lambda: server.depth("STATE.OUT"))
        standalone.add("second")
        held_up = "Task second-0 is held up, and goes on by itself: Opening queue STATE.OUT on queue manager QM1"
        soon(lambda: held_up in standalone.log(), standalone.log)
        said = next(line for line in standalone.log().splitlines() if held_up in line)
        assert "2042 MQRC_OBJECT_IN_USE" in said
        assert "DISPLAY QSTATUS(…) TYPE(HANDLE)" in said
        assert standalone.task("second")["state"] == "RUNNING"
        standalone.ask("DELETE", "/connectors/second")
        soon(lambda: standalone.task("second") == {}, lambda: standalone.task("second"))
        soon(lambda: connected(server) == {"first-0": 1}, lambda: connected(server))
        assert "did not stop" not in standalone.log()
        standalone.add("second")
        soon(lambda: standalone.log().count(held_up) == 2, standalone.log)
        standalone.ask("DELETE", "/connectors/first")
        soon(lambda: connected(server) == {"second-0": 1}, lambda: connected(server))
        soon(lambda: "Task second-0 goes on after" in standalone.log(), standalone.log)
