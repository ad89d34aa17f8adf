"""The producer of transactions, as far as that can be seen without a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from linkspan.api.errors import RetriableError
from linkspan.log.kafka import KafkaLog
from linkspan.log.kafka.settings import translate
from linkspan.log.kafka.transactions import within_transaction
from linkspan.log.kafka.writer import record_size
from linkspan.log.port import BatchTooLargeError, OutgoingBatch, TooLargeError

NOBODY = {"bootstrap.servers": "127.0.0.1:1", "transaction.timeout.ms": "2000", "request.timeout.ms": "30000"}


def test_no_time_of_the_client_is_longer_than_that_of_its_transactions():
    assert within_transaction(translate("producer", NOBODY)) == {"message.timeout.ms": 2000, "socket.timeout.ms": 2000}
    usual = within_transaction(translate("producer", {"bootstrap.servers": "127.0.0.1:1"}))
    assert usual == {"message.timeout.ms": 60000, "socket.timeout.ms": 30000}


def test_a_writer_that_finds_no_broker_may_be_opened_again_and_closed():
    settings = {**NOBODY, "enable.idempotence": "false", "acks": "1", "transactional.id": "another"}
    writer = KafkaLog().transactional_writer(settings, "id")
    for _ in range(2):
        with pytest.raises(RetriableError, match="Taking over the transactional id id failed"):
            writer.open(0.2)
    writer.close()


@pytest.mark.parametrize("headers", [None, [[("name", b"")]]])
@pytest.mark.parametrize("over", [1, 35, 69])
def test_a_record_that_is_too_large_only_with_what_a_request_adds_is_refused_before_it_is_queued(headers, over):
    writer = KafkaLog().transactional_writer({**NOBODY, "max.request.size": "5000"}, "id", reports_records=False)
    with pytest.raises(TooLargeError, match=r"record 0 .* more than max\.request\.size=5000 of the producer allows"):
        writer.send(OutgoingBatch("t", [b"x" * (5000 - over)], headers=headers))
    writer.close()


def test_what_a_record_takes_is_not_overrated_for_the_names_of_its_headers():
    batch = OutgoingBatch("t", [b"x"], headers=[[("n" * 100, b"")]])
    assert record_size(batch, 0) == 1 + 100 + 10


class FailedProducer:
    """Takes no more records, since one of before has failed; what became of that one is told a moment later."""

    def __init__(self) -> None:
        self.told: list[Callable[[KafkaError, Any], None]] = []
        self.polls = 0

    def produce_batch(self, _: str, messages: list[dict[str, Any]], on_delivery: Any) -> int:
        self.told.append(on_delivery)
        messages[0]["_error"] = KafkaError(KafkaError._STATE)
        return 0

    def poll(self, _: float) -> int:
        self.polls += 1
        if self.told and self.polls > 2:
            self.told.pop()(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), Failed())
        return 0

    def __len__(self) -> int:
        return 0

    def purge(self, **_: object) -> None: ...


class Failed:
    """A message of before."""

    def topic(self) -> str:
        return "t"

    def value(self) -> bytes:
        return b"1"

    def key(self) -> None:
        return None

    def partition(self) -> int:
        return 0

    def offset(self) -> None:
        return None


def test_what_is_refused_after_a_record_has_failed_says_why_that_one_failed():
    writer = KafkaLog().transactional_writer(NOBODY, "id", reports_records=False)
    writer._producer = FailedProducer()
    with pytest.raises(BatchTooLargeError):
        writer.send(OutgoingBatch("offsets", [b"1"]))
    writer.close()


class RefusingProducer(FailedProducer):
    """Takes single records, and tells later that the broker found the request too large."""

    def produce(self, *_: object, on_delivery: Any, **__: object) -> None:
        self.told.append(on_delivery)


@pytest.mark.parametrize("on_record", [None, lambda *_: None], ids=["unnumbered", "numbered"])
@pytest.mark.parametrize(
    ("size", "kind", "said"),
    [
        (3000, TooLargeError, r"the record has 3016 bytes, more than max\.message\.bytes of the topic allows"),
        (100, BatchTooLargeError, r"set batch\.size of this producer \(now 2000\) below it"),
    ],
    ids=["alone", "among others"],
)
def test_a_record_whose_headers_fill_a_request_is_at_fault_itself(size, kind, said, on_record):
    writer = KafkaLog().transactional_writer({**NOBODY, "batch.size": "2000"}, "id", reports_records=bool(on_record))
    writer._producer = producer = RefusingProducer()
    writer.send(OutgoingBatch("t", [b"1"], headers=[[("trace", b"x" * size)]]), on_record)
    producer.polls = 2
    with pytest.raises(kind, match=said):
        writer.poll()
    writer.close()
