"""Three brokers that are restarted one after the other, as in an upgrade: no task fails, no line is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.chaos.pipes import Pipe, await_states, states
from integration.conftest import missing
from integration.services.cluster import Cluster
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, running
from integration.services.maven import UnavailableError
from integration.services.topics import values

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), pytest.mark.xdist_group("three brokers")]

REPLICATED = {
    f"{topic}.storage.{key}": value
    for topic in ("config", "offset", "status")
    for key, value in (("replication.factor", 3), ("min.insync.replicas", 2))
}


@pytest.fixture(scope="session")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose brokers a test may stop, if it starts them again."""
    try:
        cluster = Cluster(tmp_path_factory.mktemp("three-brokers"))
    except UnavailableError as error:
        missing(str(error))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


def states_ever(group: Group) -> set[str]:
    """Every state that was written to the status topic."""
    written = [text for partition in range(2) for text in values(group.bootstrap, group.status_topic, partition)]
    records = [json.loads(text) for text in written if text]
    return {record["state"] for record in records if "state" in record}


def test_no_task_fails_and_no_line_is_lost_while_every_broker_restarts(three_brokers: Cluster, tmp_path: Path) -> None:
    group = Group(three_brokers.bootstrap, {**REPLICATED, "offset.flush.interval.ms": 300})
    workers: list[GroupWorker] = [LinkspanGroupWorker(tmp_path / name, group) for name in ("one", "two")]
    pipes = [Pipe(tmp_path, group, f"pipe-{number}") for number in range(2)]
    names = [name for pipe in pipes for name in pipe.names]
    with running(workers[0]), running(workers[1]):
        for pipe in pipes:
            pipe.create(workers[0])
        await_states(workers[1], names, on=workers)
        places = {name: states(workers[0], name) for name in names}
        remaining = list(three_brokers.brokers)
        with ExitStack() as growth:
            for pipe in pipes:
                growth.enter_context(pipe.growing())
            while remaining:
                # it moves to another one each time
                coordinator = three_brokers.coordinator(group.name)
                broker = coordinator if coordinator in remaining else remaining[0]
                remaining.remove(broker)
                broker.stop()
                broker.start()
                three_brokers.await_in_sync()
        for pipe in pipes:
            pipe.await_all()
            pipe.check_single_owners()
        for worker in workers:
            # nobody has lost the group, or nothing would be where it was
            assert {name: states(worker, name) for name in names} == places
        assert states_ever(group) == {"RUNNING"}
