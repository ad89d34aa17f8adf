"""The hosts of ``mq.connection.name.list``, two queue managers that a task may be with (spec/mq.md 3.9 and 3.10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.conftest import missing
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.remote import RemoteApplication
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.maven import UnavailableError

pytestmark = pytest.mark.integration

_TASK = """
from integration.mq.tasks import records, sink_task, source_task, values
from linkspan.api import RetriableError

def tried(call, *arguments):
    try:
        return call(*arguments)
    except RetriableError as error:
        return str(error)

def taken(task):
    polled = tried(task.poll)
    if isinstance(polled, str):
        return polled
    task.commit_batch(polled or ())
    return [bytes(each) for each in values(polled)]
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[QueueManagerServer, QueueManagerServer]]:
    """``QM1`` twice, as a queue manager and its standby, each with a queue of its own."""
    try:
        both = QueueManagerServer(tmp_path / "a"), QueueManagerServer(tmp_path / "b")
    except UnavailableError as error:
        missing(str(error))
    with both[0], both[1]:
        for each in both:
            each.define_queue("Q1")
        yield both


@pytest.fixture
def process(servers: tuple[QueueManagerServer, QueueManagerServer]) -> Iterator[RemoteApplication]:
    """A process that may have tasks."""
    with RemoteApplication(servers[0].environment) as application:
        application.run(_TASK)
        yield application


def listed(*servers: QueueManagerServer) -> str:
    return ",".join(each.address for each in servers)


def counts(servers: tuple[QueueManagerServer, QueueManagerServer]) -> list[int]:
    return [len(each.connections()) for each in servers]


@pytest.mark.parametrize("kind", ["source_task", "sink_task"])
def test_the_first_host_of_the_list_that_answers_is_taken(
    servers: tuple[QueueManagerServer, QueueManagerServer], process: RemoteApplication, kind: str
) -> None:
    first, second = servers
    for order, expected in (((first, second), [1, 0]), ((second, first), [0, 1])):
        process.run(f"task = {kind}(mq_connection_name_list={listed(*order)!r})")
        process.run("task.start()")
        assert counts(servers) == expected
        process.run("task.stop()")
        assert counts(servers) == [0, 0]
    first.kill()
    process.run(f"task = {kind}(mq_connection_name_list={listed(first, second)!r})")
    process.run("task.start()")
    assert len(second.connections()) == 1
    first.start()
    process.run("task.stop()")


def test_a_sink_goes_on_with_the_next_host_and_comes_back_to_the_first(
    servers: tuple[QueueManagerServer, QueueManagerServer], process: RemoteApplication
) -> None:
    first, second = servers
    process.run(f"task = sink_task(mq_connection_name_list={listed(first, second)!r})")
    process.run("task.start()")
    assert process.run("tried(task.put, records('a'))") is None
    first.kill()
    assert "2009 MQRC_CONNECTION_BROKEN" in process.run("tried(task.put, records('b'))")
    assert process.run("tried(task.put, records('b'))") is None
    assert second.bodies("Q1") == [b"b"]
    first.start()
    second.cut()
    assert "2009 MQRC_CONNECTION_BROKEN" in process.run("tried(task.put, records('c'))")
    assert process.run("tried(task.put, records('c'))") is None
    assert first.bodies("Q1")[-1] == b"c"
    assert counts(servers) == [1, 0]
    process.run("task.stop()")


def test_a_source_goes_on_with_the_next_host_and_what_it_held_stays_with_the_first(
    servers: tuple[QueueManagerServer, QueueManagerServer], process: RemoteApplication
) -> None:
    first, second = servers
    persistent = Descriptor(format="MQSTR", persistence=1)
    first.put("Q1", b"a", persistent)
    second.put("Q1", b"b", persistent)
    process.run(f"task = source_task(mq_connection_name_list={listed(first, second)!r})")
    process.run("task.start()")
    process.run("polled = task.poll()")
    assert process.run("[bytes(each) for each in values(polled)]") == [b"a"]
    first.kill()
    process.run("task.commit_batch(polled)")  # too late: the unit of work is gone
    assert process.run("taken(task)") == [b"b"]
    first.start()
    second.cut()
    assert "2009 MQRC_CONNECTION_BROKEN" in process.run("taken(task)")
    assert process.run("taken(task)") == [b"a"]
    assert (first.depth("Q1").all, second.depth("Q1").all) == (0, 0)
    process.run("task.stop()")
    assert counts(servers) == [0, 0]


def test_without_any_host_the_task_waits_and_names_them_all(
    servers: tuple[QueueManagerServer, QueueManagerServer], process: RemoteApplication
) -> None:
    first, second = servers
    first.kill()
    second.kill()
    process.run(f"task = sink_task(mq_connection_name_list={listed(first, second)!r})")
    process.run("task.start()")
    said = process.run("tried(task.put, records('a'))")
    assert f"Connecting to queue manager QM1 at {listed(first, second)}, channel DEV.APP.SVRCONN failed: 2538" in said
    second.start()
    assert process.run("tried(task.put, records('a'))") is None
    assert second.bodies("Q1") == [b"a"]
    process.run("task.stop()")
    first.start()
