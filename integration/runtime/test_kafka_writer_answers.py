"""The Kafka writer when the broker answers with errors: order is kept, nothing is lost, and what cannot work ends."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from integration.services.answers import PRODUCE, START_IDEMPOTENCE, AnsweringBroker
from linkspan.api.errors import ConnectError
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch

pytestmark = pytest.mark.integration

SOURCE = {
    "acks": "all",
    "max.in.flight.requests.per.connection": "1",
    "max.block.ms": "9223372036854775807",
    "delivery.timeout.ms": "2147483647",
    "batch.size": "16384",
}
VALUES: list[bytes | None] = [b"%06d" % number + b"x" * 100 for number in range(2000)]


@pytest.fixture
def broker() -> Iterator[AnsweringBroker]:
    broker = AnsweringBroker()
    broker.create_topic("t")
    yield broker
    broker.stop()


class Ignoring:
    def on_assigned(self, partitions: object) -> None:
        pass

    on_revoked = on_lost = on_assigned


def write(broker: AnsweringBroker, settings: dict[str, str]) -> list[tuple[int, Exception]]:
    """Write VALUES to topic t in eight batches; returns what failed."""
    writer = KafkaLog().writer({"bootstrap.servers": broker.bootstrap, **settings})
    sent = [writer.send(OutgoingBatch("t", VALUES[start : start + 250])) for start in range(0, 2000, 250)]
    assert writer.flush(30)
    writer.close(1)
    assert all(delivery.done for delivery in sent)
    return [failure for delivery in sent for failure in delivery.failures]


def read(broker: AnsweringBroker, count: int) -> list[bytes | None]:
    settings = {"group.id": uuid.uuid4().hex, "enable.auto.commit": "false", "auto.offset.reset": "earliest"}
    reader = KafkaLog().reader({"bootstrap.servers": broker.bootstrap, **settings})
    reader.subscribe(["t"], Ignoring())
    found: list[bytes | None] = []
    deadline = time.monotonic() + 30
    while len(found) < count:
        assert time.monotonic() < deadline
        for batch in reader.poll(0.2, 5000):
            found.extend(batch.values)
    reader.close()
    return found


@pytest.mark.parametrize("idempotence", [{}, {"enable.idempotence": "false"}, {"acks": "1"}])
@pytest.mark.parametrize("code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.REQUEST_TIMED_OUT])
def test_requests_are_retried_in_order(broker: AnsweringBroker, idempotence: dict[str, str], code: int) -> None:
    broker.answer(PRODUCE, 0, code, 0, 0, code, code, 0, code)
    assert write(broker, {**SOURCE, **idempotence}) == []
    assert read(broker, len(VALUES)) == VALUES


@pytest.mark.parametrize(
    "code", [KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED]
)
def test_a_broker_that_grants_no_idempotence_is_written_to_without(
    broker: AnsweringBroker, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker.answer(START_IDEMPOTENCE, code)
    assert write(broker, SOURCE) == []
    assert read(broker, len(VALUES)) == VALUES
    assert "going on without" in caplog.text


def test_lost_producer_state_loses_no_record_and_no_order(broker: AnsweringBroker) -> None:
    broker.answer(PRODUCE, 0, 0, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert write(broker, SOURCE) == []
    assert read(broker, len(VALUES)) == VALUES


def test_idempotence_that_was_asked_for_is_not_given_up(broker: AnsweringBroker) -> None:
    broker.answer(START_IDEMPOTENCE, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
    writer = KafkaLog().writer({"bootstrap.servers": broker.bootstrap, **SOURCE, "enable.idempotence": "true"})
    deadline = time.monotonic() + 30
    failures: list[tuple[int, Exception]] = []
    while not failures and time.monotonic() < deadline:
        sent = writer.send(OutgoingBatch("t", [b"1"]))
        writer.flush(0.2)
        failures = sent.failures
    writer.close(1)
    assert failures
    assert isinstance(failures[0][1], ConnectError)
