"""The Kafka writer on a real broker: order, and what becomes of requests that the broker refuses."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch, TopicSpec

pytestmark = pytest.mark.integration

SOURCE = {
    "acks": "all",
    "max.in.flight.requests.per.connection": "1",
    "max.block.ms": "9223372036854775807",
    "delivery.timeout.ms": "2147483647",
}


@pytest.fixture(params=["idempotent", "one request at a time"])
def producer(request: pytest.FixtureRequest) -> dict[str, str]:
    return SOURCE if request.param == "idempotent" else {**SOURCE, "enable.idempotence": "false"}


@pytest.fixture
def cluster(kafka: Any) -> dict[str, str]:
    return {"bootstrap.servers": kafka.bootstrap}


def until(condition: Callable[[], Any], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"


def create(cluster: dict[str, str], name: str, partitions: int = 1, **configs: str) -> None:
    admin = KafkaLog().admin(cluster)
    assert admin.create_topic(TopicSpec(name, partitions, 1, {key.replace("_", "."): v for key, v in configs.items()}))
    until(lambda: name in admin.describe_topics([name]))
    admin.close()


def read(cluster: dict[str, str], topics: set[str], count: int) -> dict[str, list[bytes | None]]:
    """Values by topic, of ``count`` records."""
    settings = {"group.id": f"g-{uuid.uuid4().hex[:8]}", "enable.auto.commit": "false", "auto.offset.reset": "earliest"}
    reader = KafkaLog().reader({**cluster, **settings})
    reader.subscribe(sorted(topics), Ignoring())
    found: dict[str, list[bytes | None]] = {topic: [] for topic in topics}

    def enough() -> bool:
        for batch in reader.poll(0.2, 5000):
            found[batch.topic].extend(batch.values)
        return sum(map(len, found.values())) >= count

    until(enough)
    reader.close()
    return found


def write(cluster: dict[str, str], producer: dict[str, str], topic: str, values: list[bytes | None], size: int) -> None:
    """Write values in batches of ``size`` records with a new producer; a full one is asked again, as tasks do."""
    writer = KafkaLog().writer({**cluster, **producer})

    def taken(batch: OutgoingBatch) -> bool:
        try:
            writer.send(batch)
        except RetriableError:
            return False
        return True

    for start in range(0, len(values), size):
        until(partial(taken, OutgoingBatch(topic, values[start : start + size])))
    until(lambda: writer.flush(1))
    writer.close(1)


class Ignoring:
    def on_assigned(self, partitions: object) -> None:
        pass

    on_revoked = on_lost = on_assigned


def test_a_full_window_of_records_keeps_its_order(cluster: dict[str, str], producer: dict[str, str]) -> None:
    topic = f"full-{uuid.uuid4().hex[:8]}"
    values: list[bytes | None] = [b"%06d" % number for number in range(200_000)]
    write(cluster, producer, topic, values, 5000)
    assert read(cluster, {topic}, len(values))[topic] == values


def test_a_topic_that_the_broker_creates_takes_the_first_batch(
    cluster: dict[str, str], producer: dict[str, str]
) -> None:
    writer = KafkaLog().writer({**cluster, **producer})
    delivery = writer.send(OutgoingBatch(f"auto-{uuid.uuid4().hex[:8]}", [b"1", b"2"]))
    assert writer.flush(30)
    assert not delivery.failures
    writer.close(1)


def test_a_request_too_large_for_the_topic_is_sent_again_in_smaller_ones(
    cluster: dict[str, str], producer: dict[str, str]
) -> None:
    name = f"small-{uuid.uuid4().hex[:8]}"
    create(cluster, name, max_message_bytes="2000")
    writer = KafkaLog().writer({**cluster, **producer})
    values: list[bytes | None] = [b"%05d" % number + b"x" * 100 for number in range(3000)]
    deliveries = [writer.send(OutgoingBatch(name, values[start : start + 500])) for start in range(0, 3000, 500)]
    until(lambda: writer.flush(1))
    writer.close(1)
    assert not [failure for delivery in deliveries for failure in delivery.failures]
    admin = KafkaLog().admin(cluster)
    (end,) = admin.end_offsets([TopicPartition(name, 0)]).values()
    found = read(cluster, {name}, end)[name]
    last = {value: place for place, value in enumerate(found)}
    assert sorted(last, key=last.__getitem__) == values


def test_requests_are_smaller_from_then_on_and_none_is_refused_again(
    cluster: dict[str, str], producer: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    name = f"smaller-{uuid.uuid4().hex[:8]}"
    create(cluster, name, max_message_bytes="100000")
    writer = KafkaLog().writer({**cluster, **producer})
    values: list[bytes | None] = [b"%05d" % number + b"x" * 1000 for number in range(1000)]

    def refusals() -> int:
        return sum("A request was larger than topic" in record.getMessage() for record in caplog.records)

    writer.send(OutgoingBatch(name, values))
    until(lambda: writer.flush(1))
    assert refusals() == 1
    writer.send(OutgoingBatch(name, values[::-1]))
    until(lambda: writer.flush(1))
    writer.close(1)
    assert refusals() == 1
    (end,) = KafkaLog().admin(cluster).end_offsets([TopicPartition(name, 0)]).values()
    assert read(cluster, {name}, end)[name][-1000:] == values[::-1]


def test_only_a_record_too_large_by_itself_fails(cluster: dict[str, str], producer: dict[str, str]) -> None:
    name = f"one-{uuid.uuid4().hex[:8]}"
    create(cluster, name, max_message_bytes="2000")
    writer = KafkaLog().writer({**cluster, **producer})
    delivery = writer.send(OutgoingBatch(name, [b"a", b"b" * 5000, b"c", b"d" * 2_000_000]))
    until(lambda: writer.flush(1))
    assert sorted(index for index, _ in delivery.failures) == [1, 3]
    assert all(isinstance(error, ConnectError) for _, error in delivery.failures)
    writer.close(1)
    assert read(cluster, {name}, 2)[name] == [b"a", b"c"]


def test_a_refused_request_takes_no_other_partitions_records_with_it(
    cluster: dict[str, str], producer: dict[str, str]
) -> None:
    name = f"many-{uuid.uuid4().hex[:8]}"
    create(cluster, name, partitions=4, max_message_bytes="2000")
    values: list[bytes | None] = [b"%05d" % number + b"x" * 100 for number in range(2000)]
    writer = KafkaLog().writer({**cluster, **producer})
    sent = [
        writer.send(OutgoingBatch(name, values[start : start + 500], partitions=[*range(4)] * 125))
        for start in range(0, 2000, 500)
    ]
    until(lambda: writer.flush(1))
    writer.close(1)
    assert not [failure for delivery in sent for failure in delivery.failures]
    admin = KafkaLog().admin(cluster)
    ends = admin.end_offsets([TopicPartition(name, number) for number in range(4)])
    assert set(read(cluster, {name}, sum(ends.values()))[name]) == set(values)


def test_ten_megabytes_pass_with_javas_keys_alone(cluster: dict[str, str], producer: dict[str, str]) -> None:
    name = f"big-{uuid.uuid4().hex[:8]}"
    create(cluster, name, max_message_bytes="10485760")
    writer = KafkaLog().writer({**cluster, **producer, "max.request.size": "10485760"})
    value = b"z" * 10_000_000
    delivery = writer.send(OutgoingBatch(name, [value, value]))
    until(lambda: writer.flush(1))
    assert not delivery.failures
    writer.close(1)
    assert [got == value for got in read(cluster, {name}, 2)[name]] == [True, True]
