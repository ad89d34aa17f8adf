"""The embedded log with many processes: what was acknowledged survives SIGKILL, groups notice the dead."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from linkspan.api.errors import RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.embedded.groups import GroupMember
from linkspan.log.embedded.store import Store
from linkspan.log.port import OutgoingBatch, TopicSpec
from tests.log.embedded import processes
from tests.log.semantics import join, settled, until, values_of

Start = Callable[..., tuple[BaseProcess, Connection]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a function of ``processes`` in a child; all are killed in the end."""
    context = multiprocessing.get_context("spawn")
    children: list[BaseProcess] = []

    def start(body: Callable[..., None], *args: Any) -> tuple[BaseProcess, Connection]:
        here, there = context.Pipe(duplex=False)
        child = context.Process(target=body, args=(*args, there), daemon=True)
        child.start()
        there.close()
        children.append(child)
        return child, here

    yield start
    for child in children:
        child.kill()
        child.join()


@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_sigkill_and_no_batch_is_half_there(tmp_path, start, seed):
    path = str(tmp_path)
    log = EmbeddedLog(path)
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 3))
    chance = random.Random(seed)
    child, pipe = start(processes.write_for_ever, path, seed)
    acknowledged = [pipe.recv() for _ in range(chance.randint(1, 300))]
    child.kill()
    # What was sent before the kill and not yet taken out of the pipe counts as acknowledged too.
    while pipe.poll(5):
        try:
            acknowledged.append(pipe.recv())
        except EOFError:
            break
    total = sum(admin.end_offsets([TopicPartition("t", number) for number in range(3)]).values())
    reader, _ = join(log, ["t"])
    found = Counter(values_of(reader, total))
    reader.close()
    admin.close()
    whole = {(int(number), int(size)): count for _, number, size, count in
             ((*(text or b"").split(b"/"), count) for text, count in found.items())}  # fmt: skip
    assert all(size == count for (_, size), count in whole.items())
    assert {number for number, _ in acknowledged} <= {number for number, _ in whole}
    assert len(whole) - len(acknowledged) in (0, 1)


def test_many_processes_may_make_the_file_at_once(tmp_path, start):
    pipes = [start(processes.open_log, str(tmp_path / "new" / "log"))[1] for _ in range(4)]
    assert len({pipe.recv() for pipe in pipes}) == 1


def test_many_processes_may_write_at_once(tmp_path, start):
    pipes = [start(processes.append, str(tmp_path), b"p%d" % number, 100)[1] for number in range(3)]
    for pipe in pipes:
        assert pipe.recv()
    reader, _ = join(EmbeddedLog(str(tmp_path)), ["t"])
    values = values_of(reader, 600)
    reader.close()
    assert values[::2] == values[1::2]
    for number in range(3):
        mine = [value for value in values[::2] if (value or b"").startswith(b"p%d-" % number)]
        assert mine == [b"p%d-%d" % (number, count) for count in range(100)]


def test_partitions_of_a_killed_member_go_to_the_others(tmp_path, start):
    log = EmbeddedLog(str(tmp_path))
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 4))
    killed, killed_pipe = start(processes.take_part, str(tmp_path), "g")
    _, other_pipe = start(processes.take_part, str(tmp_path), "g")
    held: dict[Connection, list[TopicPartition]] = {killed_pipe: [], other_pipe: []}

    def listen() -> None:
        for pipe in wait(list(held), timeout=0.1):
            assert isinstance(pipe, Connection)
            held[pipe] = pipe.recv()

    until(lambda: (listen(), [len(part) for part in held.values()] == [2, 2])[1])
    assert not set(held[killed_pipe]) & set(held[other_pipe])
    # Killed but not waited for: it stays a zombie, which must count as dead.
    killed.kill()
    del held[killed_pipe]
    until(lambda: (listen(), len(held[other_pipe]) == 4)[1])
    writer = log.writer({})
    writer.send(OutgoingBatch("t", [b"x"] * 4, partitions=[0, 1, 2, 3]))
    writer.close(1)
    until(lambda: len(admin.group_offsets("g")) == 4)
    admin.close()


def test_a_group_whose_only_member_was_killed_can_be_altered(tmp_path, start):
    log = EmbeddedLog(str(tmp_path))
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 1))
    member, pipe = start(processes.take_part, str(tmp_path), "g")
    until(pipe.recv)
    member.kill()
    member.join()
    place = TopicPartition("t", 0)
    admin.alter_group_offsets("g", {place: 0})
    assert admin.group_offsets("g") == {place: 0}
    admin.close()


def test_a_member_that_polls_too_late_loses_everything_and_joins_again(tmp_path):
    log = EmbeddedLog(str(tmp_path))
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 2))
    slow = log.reader({"group.id": "g", "max.poll.interval.ms": "400"})
    lost: list[list[TopicPartition]] = []

    class Watcher(processes.Quiet):
        def on_lost(self, partitions):
            lost.append(list(partitions))

    slow.subscribe(["t"], Watcher())
    until(lambda: (slow.poll(0.05, 1), len(slow.assignment()) == 2)[1])
    quick, _ = join(log, ["t"], "g")
    until(lambda: (quick.poll(0.05, 1), len(quick.assignment()) == 2)[1])
    with pytest.raises(RetriableError, match="no longer owns"):
        slow.commit({TopicPartition("t", 0): 1})
    slow.poll(0, 1)
    assert lost == [[TopicPartition("t", 0), TopicPartition("t", 1)]]
    until(settled(slow, quick, partitions=2))
    for client in (slow, quick, admin):
        client.close()


def test_shares_of_one_generation_never_overlap_when_a_member_dies_between_them(tmp_path):
    log = EmbeddedLog(str(tmp_path))
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 6))
    stores = [Store(str(tmp_path)) for _ in range(3)]
    members = [GroupMember(store, "g", 300.0) for store in stores]
    for member in members:
        member.join(["t"])
    generation = members[0].current()
    for member in members:
        member.declare_ready(generation)
    first = members[0].assignment(generation)
    stores[0].rows("UPDATE members SET born = 'dead' WHERE member = ?", members[2]._name)
    second = members[1].assignment(generation)
    assert (len(first or ()), len(second or ())) == (2, 2)
    assert not set(first or ()) & set(second or ())
    members[1].look_in()
    assert members[1].current() == generation + 1
    assert members[1].assignment(generation) is None
    for store in stores:
        store.close()
    admin.close()


def test_a_partition_of_another_member_cannot_be_committed(tmp_path):
    log = EmbeddedLog(str(tmp_path))
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 2))
    first, second = join(log, ["t"], "g")[0], join(log, ["t"], "g")[0]
    until(settled(first, second, partitions=2))
    with pytest.raises(RetriableError, match="no longer owns"):
        first.commit(dict.fromkeys(second.assignment(), 1))
    assert admin.group_offsets("g") == {}
    for client in (first, second, admin):
        client.close()


def test_a_group_at_rest_writes_nothing(tmp_path):
    log = EmbeddedLog(str(tmp_path))
    admin = log.admin({})
    admin.create_topic(TopicSpec("t", 1))
    reader, _ = join(log, ["t"])
    until(lambda: (reader.poll(0.05, 1), reader.assignment())[1])
    before = admin._store.changes()
    several_look_ins = time.monotonic() + 2.5
    until(lambda: reader.poll(0.5, 1) or time.monotonic() > several_look_ins)
    assert admin._store.changes() == before
    reader.close()
    admin.close()
