"""What transactions of every log promise; run against each of them with a fixture ``log`` (settings already bound)."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import ConnectError, FencedError
from linkspan.api.records import TopicPartition
from linkspan.log.port import Log, OutgoingBatch, TransactionalWriter
from tests.log.semantics import DEADLINE, READER, Listener, create, fresh, until, write

END = b"(end)"


def committed(log: Log, topic: str) -> list[bytes | None]:
    """Values of a topic of one partition that readers of committed records see."""
    write(log, OutgoingBatch(topic, [END]))
    reader = log.reader(
        {**READER, "group.id": fresh("g"), "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
    )
    reader.subscribe([topic], Listener())
    found: list[bytes | None] = []

    def all_read() -> bool:
        for batch in reader.poll(0.2, 500):
            found.extend(batch.values)
        return found[-1:] == [END]

    until(all_read)
    reader.close()
    return [value for value in found if value != END]


def opened(log: Log, transactional_id: str, **more: Any) -> TransactionalWriter:
    writer = log.transactional_writer({}, transactional_id, **more)
    writer.open(DEADLINE)
    return writer


def write_in_transaction(writer: TransactionalWriter, topic: str, value: bytes, partition: int = 0) -> None:
    writer.begin()
    writer.send(OutgoingBatch(topic, [value, value], partitions=[0, partition]))
    writer.commit()


def test_what_is_committed_is_seen_together_and_in_order(log):
    one, two = create(log), create(log)
    writer = opened(log, fresh("id"))
    for number in range(3):
        writer.begin()
        writer.send(OutgoingBatch(one, [b"%d" % number]))
        writer.send(OutgoingBatch(two, [b"offset %d" % number], keys=[b"k"]))
        writer.commit()
    writer.close()
    assert committed(log, one) == [b"0", b"1", b"2"]
    assert committed(log, two) == [b"offset 0", b"offset 1", b"offset 2"]


def test_what_is_aborted_is_not_seen_and_the_writer_goes_on(log):
    topic = create(log)
    writer = opened(log, fresh("id"))
    writer.begin()
    writer.send(OutgoingBatch(topic, [b"gone"]))
    writer.poll()
    writer.abort()
    writer.begin()
    writer.send(OutgoingBatch(topic, [b"kept"]))
    writer.commit()
    writer.close()
    assert committed(log, topic) == [b"kept"]


def test_a_transaction_that_was_left_open_is_undone_by_the_next_writer(log):
    topic, name = create(log), fresh("id")
    old = opened(log, name)
    old.begin()
    old.send(OutgoingBatch(topic, [b"gone"]))
    old.poll()
    new = opened(log, name)
    new.begin()
    new.send(OutgoingBatch(topic, [b"new"]))
    new.commit()
    new.close()
    assert committed(log, topic) == [b"new"]
    old.close()


def test_a_writer_that_was_overtaken_can_neither_commit_nor_begin_anything(log):
    topic, name = create(log), fresh("id")
    busy, idle = opened(log, name), opened(log, fresh("other"))
    idle.close()
    busy.begin()
    busy.send(OutgoingBatch(topic, [b"zombie"]))
    new = opened(log, name)
    with pytest.raises(FencedError):
        busy.commit()
    with pytest.raises(ConnectError):
        write_in_transaction(busy, topic, b"zombie again")
    busy.close()
    new.close()
    assert committed(log, topic) == []


def test_producers_are_fenced_by_their_ids(log):
    topic, names = create(log), [fresh("id") for _ in range(3)]
    writers = [opened(log, name) for name in names]
    admin = log.admin({})
    admin.fence_producers(names[:2], DEADLINE)
    admin.close()
    for writer in writers[:2]:
        with pytest.raises(FencedError):
            write_in_transaction(writer, topic, b"fenced")
    write_in_transaction(writers[2], topic, b"free")
    for writer in writers:
        writer.close()
    assert committed(log, topic) == [b"free"] * 2


@pytest.mark.parametrize("more", [{}, {"timestamps": [1, 2], "headers": [[("h", b"x")], None]}])
def test_a_writer_made_for_it_reports_records_when_it_has_committed(log, more):
    topic = create(log)
    told: list[tuple[int, TopicPartition, int]] = []
    writer = opened(log, fresh("id"), reports_records=True)
    writer.begin()
    batch = OutgoingBatch(topic, [b"a", b"b"], **more)
    writer.send(batch, lambda index, place, offset, _: told.append((index, place, offset)))
    writer.commit()
    writer.close()
    assert told == [(0, TopicPartition(topic, 0), 0), (1, TopicPartition(topic, 0), 1)]


def test_a_record_that_cannot_be_written_ends_its_transaction(log):
    topic = create(log)
    writer = opened(log, fresh("id"))
    with pytest.raises(ConnectError, match="partition"):
        write_in_transaction(writer, topic, b"before", partition=7)
    writer.close()
    assert committed(log, topic) == []
