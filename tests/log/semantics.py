"""What every log promises behind the port; run against each of them with a fixture ``log`` (settings already bound)."""

from __future__ import annotations

import pickle
import re
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from linkspan.api.errors import ConflictError
from linkspan.api.records import TopicPartition
from linkspan.log.port import Log, OutgoingBatch, Reader, TopicSpec

DEADLINE = 60.0
READER = {"enable.auto.commit": "false", "metadata.max.age.ms": "200"}


class Listener:
    """Remembers what came and went; ``holding`` is what it has been told it has."""

    def __init__(self) -> None:
        self.holding: set[TopicPartition] = set()
        self.assigned: list[list[TopicPartition]] = []
        self.on_assignment: Callable[[Sequence[TopicPartition]], None] = lambda _: None
        self.on_farewell: Callable[[Sequence[TopicPartition]], None] = lambda _: None

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        assert not self.holding & set(partitions)
        self.holding |= set(partitions)
        self.assigned.append(list(partitions))
        self.on_assignment(partitions)

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.on_farewell(partitions)
        self.holding -= set(partitions)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.holding -= set(partitions)


def fresh(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"


def create(log: Log, partitions: int = 1) -> str:
    name = fresh("t")
    admin = log.admin({})
    assert admin.create_topic(TopicSpec(name, partitions))
    until(lambda: name in admin.describe_topics([name]))
    admin.close()
    return name


def write(log: Log, *batches: OutgoingBatch) -> None:
    writer = log.writer({})
    deliveries = [writer.send(batch) for batch in batches]
    assert writer.flush(DEADLINE)
    assert all(delivery.done and not delivery.failures for delivery in deliveries)
    writer.close(1)


def join(
    log: Log, topics: Sequence[str], group: str | None = None, reset: str = "earliest", **more: Any
) -> tuple[Reader, Listener]:
    listener = Listener()
    reader = log.reader({**READER, "group.id": group or fresh("g"), "auto.offset.reset": reset})
    reader.subscribe(topics, listener, **more)
    return reader, listener


def values_of(reader: Reader, count: int, most: int = 500) -> list[bytes | None]:
    """Poll until ``count`` values came."""
    found: list[bytes | None] = []

    def enough() -> bool:
        for batch in reader.poll(0.2, most):
            found.extend(batch.values)
        return len(found) >= count

    until(enough)
    return found


def settled(*readers: Reader, partitions: int) -> Callable[[], bool]:
    """Whether the readers, polled in turn, hold all partitions together."""

    def shared_out() -> bool:
        for reader in readers:
            reader.poll(0.05, 1)
        held = [reader.assignment() for reader in readers]
        return all(held) and len(frozenset().union(*held)) == partitions == sum(map(len, held))

    return shared_out


def test_every_column_travels(log):
    topic = create(log)
    place = TopicPartition(topic, 0)
    batch = OutgoingBatch(
        topic, [b"a", None, b""], keys=[None, b"k", b""], timestamps=[1000, 2000, 3000],
        headers=[[("h", b"1"), ("h", None)], None, [("größe", b"")]],
    )  # fmt: skip
    write(log, batch)
    reader, _ = join(log, [topic])
    batches: list[Any] = []
    until(lambda: batches.extend(reader.poll(0.2, 500)) or sum(map(len, batches)) == 3)
    (got,) = batches
    assert got.topic == topic
    assert (list(got.values), list(got.keys)) == ([b"a", None, b""], [None, b"k", b""])
    assert (list(got.partitions), list(got.offsets)) == ([0, 0, 0], [0, 1, 2])
    assert list(got.timestamps) == [1000, 2000, 3000]
    assert list(got.timestamp_types) == ["CreateTime"] * 3
    assert [list(some) for some in got.headers] == [[("h", b"1"), ("h", None)], [], [("größe", b"")]]
    assert got.positions == {place: 3}
    reader.close()


def test_without_headers_there_is_no_header_column(log):
    topic = create(log)
    write(log, OutgoingBatch(topic, [b"a"]))
    reader, _ = join(log, [topic])
    batches: list[Any] = []
    until(lambda: batches.extend(reader.poll(0.2, 500)) or batches)
    assert batches[0].headers is None
    assert list(batches[0].keys) == [None]
    reader.close()


def test_keys_choose_partitions_as_kafka_does(log):
    # murmur2 of these keys, as Kafka's own tests list them, made positive, modulo 7
    expected = {
        b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829, b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }  # fmt: skip
    topic = create(log, 7)
    keys = list(expected)
    told: dict[bytes, int] = {}
    writer = log.writer({})
    writer.send(OutgoingBatch(topic, keys, keys=keys), lambda index, place, *_: told.update({keys[index]: place[1]}))
    assert writer.flush(DEADLINE)
    writer.close(1)
    assert told == {key: (number & 0x7FFFFFFF) % 7 for key, number in expected.items()}


def test_a_given_partition_beats_the_key(log):
    topic = create(log, 3)
    told: list[tuple[int, TopicPartition, int, int]] = []
    writer = log.writer({})
    batch = OutgoingBatch(topic, [b"a", b"b", b"c"], keys=[b"k"] * 3, partitions=[2, 0, 2], timestamps=[5, 6, 7])
    writer.send(batch, lambda *answer: told.append(answer))
    assert told == []
    assert writer.flush(DEADLINE)
    writer.close(1)
    two, zero = TopicPartition(topic, 2), TopicPartition(topic, 0)
    assert sorted(told) == [(0, two, 0, 5), (1, zero, 0, 6), (2, two, 1, 7)]


def test_a_record_for_a_partition_that_is_not_there_fails_alone(log):
    topic = create(log, 2)
    writer = log.writer({})
    delivery = writer.send(OutgoingBatch(topic, [b"a", b"b", b"c"], partitions=[1, 7, 1]))
    assert writer.flush(DEADLINE)
    writer.close(1)
    assert delivery.done
    assert [index for index, _ in delivery.failures] == [1]
    reader, _ = join(log, [topic])
    assert values_of(reader, 2) == [b"a", b"c"]
    reader.close()


def test_a_topic_is_made_by_the_first_record_in_it(log):
    topic = fresh("auto")
    write(log, OutgoingBatch(topic, [b"1", b"2"]))
    reader, _ = join(log, [topic])
    assert values_of(reader, 2) == [b"1", b"2"]
    reader.close()


def test_records_keep_their_order_over_batches_and_polls(log):
    topic = create(log)
    values: list[bytes | None] = [b"%d" % number for number in range(1000)]
    write(log, *(OutgoingBatch(topic, values[start : start + 100]) for start in range(0, 1000, 100)))
    reader, _ = join(log, [topic])
    found: list[bytes | None] = []
    offsets: list[int] = []

    def all_read() -> bool:
        batches = reader.poll(0.2, 70)
        assert sum(map(len, batches)) <= 70
        for batch in batches:
            found.extend(batch.values)
            offsets.extend(batch.offsets)
        return len(found) >= 1000

    until(all_read)
    assert found == values
    assert offsets == list(range(1000))
    assert reader.position(TopicPartition(topic, 0)) == 1000
    reader.close()


def test_a_new_group_begins_where_its_setting_says(log):
    topic = create(log)
    place = TopicPartition(topic, 0)
    write(log, OutgoingBatch(topic, [b"old"]))
    late, listener = join(log, [topic], reset="latest")
    until(lambda: (late.poll(0.1, 10), listener.holding)[1])
    assert late.position(place) == 1
    write(log, OutgoingBatch(topic, [b"new"]))
    assert values_of(late, 1) == [b"new"]
    late.close()
    early, _ = join(log, [topic])
    assert values_of(early, 2) == [b"old", b"new"]
    early.close()


def test_a_group_goes_on_where_it_committed(log):
    topic, group = create(log), fresh("g")
    place = TopicPartition(topic, 0)
    write(log, OutgoingBatch(topic, [b"%d" % number for number in range(10)]))
    first, _ = join(log, [topic], group)
    values_of(first, 10)
    first.commit({place: 3})
    answers: list[Exception | None] = []
    first.commit({place: 4}, callback=answers.append)
    until(lambda: (first.poll(0.1, 1), answers)[1])
    assert answers == [None]
    first.close()
    second, _ = join(log, [topic], group)
    assert values_of(second, 6)[0] == b"4"
    second.close()


def test_offsets_can_still_be_committed_while_partitions_go(log):
    topic, group = create(log), fresh("g")
    place = TopicPartition(topic, 0)
    write(log, OutgoingBatch(topic, [b"a", b"b"]))
    first, listener = join(log, [topic], group)
    values_of(first, 2)
    listener.on_farewell = lambda partitions: first.commit(dict.fromkeys(partitions, 1))
    first.close()
    assert not listener.holding
    admin = log.admin({})
    assert admin.group_offsets(group) == {place: 1}
    admin.close()


def test_positions_can_be_asked_and_sought_on_assignment_and_later(log):
    topic = create(log)
    place = TopicPartition(topic, 0)
    write(log, OutgoingBatch(topic, [b"%d" % number for number in range(10)]))
    reader, listener = join(log, [topic])
    starts: list[int] = []

    def begin(partitions: Sequence[TopicPartition]) -> None:
        starts.extend(reader.positions(partitions).values())
        reader.seek(place, 8)

    listener.on_assignment = begin
    assert values_of(reader, 2) == [b"8", b"9"]
    assert starts == [0]
    reader.seek(place, 5)
    assert reader.position(place) == 5
    assert values_of(reader, 5) == [b"5", b"6", b"7", b"8", b"9"]
    reader.close()


def test_behind_the_end_the_setting_decides(log):
    topic = create(log)
    place = TopicPartition(topic, 0)
    write(log, OutgoingBatch(topic, [b"a", b"b"]))
    reader, listener = join(log, [topic])
    listener.on_assignment = lambda _: reader.seek(place, 1000)
    assert values_of(reader, 2) == [b"a", b"b"]
    reader.close()


def test_paused_partitions_rest_and_lose_nothing(log):
    topic = create(log, 2)
    one, two = TopicPartition(topic, 0), TopicPartition(topic, 1)
    reader, listener = join(log, [topic])
    until(lambda: (reader.poll(0.1, 10), len(listener.holding) == 2)[1])
    reader.pause([one])
    write(log, OutgoingBatch(topic, [b"one", b"two"], partitions=[0, 1]))
    assert values_of(reader, 1) == [b"two"]
    reader.pause([two])
    reader.resume([one])
    assert values_of(reader, 1) == [b"one"]
    assert reader.assignment() == {one, two}
    reader.close()


def test_a_pattern_finds_topics_that_come_later(log):
    prefix = fresh("p")
    reader, listener = join(log, [], matches=lambda name: name.startswith(prefix))
    reader.poll(0.1, 1)
    for name in (f"{prefix}.1", f"{prefix}.2"):
        write(log, OutgoingBatch(name, [name.encode()]))
    assert sorted(values_of(reader, 2)) == [f"{prefix}.1".encode(), f"{prefix}.2".encode()]  # type: ignore[type-var]
    assert {place.topic for place in listener.holding} == {f"{prefix}.1", f"{prefix}.2"}
    reader.close()


def test_members_share_out_partitions_and_take_over(log):
    topic, group = create(log, 4), fresh("g")
    first, one = join(log, [topic], group)
    until(settled(first, partitions=4))
    second, two = join(log, [topic], group)
    until(settled(first, second, partitions=4))
    assert (len(first.assignment()), len(second.assignment())) == (2, 2)
    assert (one.holding, two.holding) == (set(first.assignment()), set(second.assignment()))
    second.close()
    assert not two.holding
    until(settled(first, partitions=4))
    first.close()


def test_a_partition_that_was_paused_when_it_went_is_read_when_it_comes_back(log):
    topic, group = create(log, 2), fresh("g")
    first, _ = join(log, [topic], group)
    until(settled(first, partitions=2))
    first.pause(sorted(first.assignment()))
    second, _ = join(log, [topic], group)
    until(settled(first, second, partitions=2))
    second.close()
    until(settled(first, partitions=2))
    write(log, OutgoingBatch(topic, [b"a", b"b"], partitions=[0, 1]))
    assert sorted(values_of(first, 2)) == [b"a", b"b"]
    first.close()


def test_with_nothing_to_read_a_poll_ends_empty(log):
    topic = create(log)
    reader, listener = join(log, [topic])
    until(lambda: (reader.poll(0.1, 1), listener.holding)[1])
    assert reader.poll(0.1, 10) == []
    assert reader.poll(0, 10) == []
    reader.close()


def test_topics_are_described_and_made_once(log):
    topic = create(log, 3)
    admin = log.admin({})
    assert admin.create_topic(TopicSpec(topic, 5)) is False
    nowhere = fresh("none")
    assert {name: found.partitions for name, found in admin.describe_topics([topic, nowhere]).items()} == {topic: 3}
    assert topic in admin.topics()
    write(log, OutgoingBatch(topic, [b"a", b"b"], partitions=[1, 1]))
    places = [TopicPartition(topic, number) for number in range(3)]
    assert admin.end_offsets(places) == dict(zip(places, [0, 2, 0], strict=True))
    identity = admin.cluster_id(10)
    assert identity
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", identity)
    admin.close()


def test_groups_are_looked_after_unless_somebody_is_in_them(log):
    topic, group = create(log, 2), fresh("g")
    one, two = TopicPartition(topic, 0), TopicPartition(topic, 1)
    admin = log.admin({})
    assert admin.group_offsets(group) == {}
    admin.delete_group(group)
    admin.alter_group_offsets(group, {one: 7, two: 3})
    admin.delete_group_offsets(group, [two])
    assert admin.group_offsets(group) == {one: 7}
    reader, _ = join(log, [topic], group)
    until(settled(reader, partitions=2))
    for refused in (
        lambda: admin.delete_group(group),
        lambda: admin.alter_group_offsets(group, {one: 1}),
        lambda: admin.delete_group_offsets(group, [one]),
    ):
        with pytest.raises(ConflictError, match=re.escape(group)):
            refused()
    assert admin.group_offsets(group) == {one: 7}
    reader.close()
    until(lambda: deleted(admin, group))
    assert admin.group_offsets(group) == {}
    admin.close()


def deleted(admin: Any, group: str) -> bool:
    try:
        admin.delete_group(group)
    except ConflictError:
        return False
    return True


def test_a_log_travels_to_another_process(log):
    again = pickle.loads(pickle.dumps(log))
    topic = create(log)
    write(again, OutgoingBatch(topic, [b"a"]))
    reader, _ = join(log, [topic])
    assert values_of(reader, 1) == [b"a"]
    reader.close()
