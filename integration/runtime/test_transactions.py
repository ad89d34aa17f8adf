"""A source in transactions keeps its promises on a real broker: the same tests as on the embedded log, and time."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import pytest

from linkspan.api.errors import DataError
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import (
    BatchTooLargeError,
    ExpiredError,
    OutgoingBatch,
    TooLargeError,
    TopicSpec,
    TransactionError,
)
from linkspan.task.boundaries import IntervalBoundary
from tests.task.harness import Configured, TransactionRun, committed_content, create_topic
from tests.task.source_semantics import ALL, batch, record
from tests.task.transaction_semantics import *  # noqa: F403 - the same tests run against every log

pytestmark = pytest.mark.integration


@pytest.fixture
def log(kafka):
    return Configured(KafkaLog(), {"bootstrap.servers": kafka.bootstrap})


@pytest.mark.long
def test_the_time_of_a_transaction_is_named_when_it_was_over(kafka):
    # brokers look every 10 s whether a transaction is over its time
    settings = {"bootstrap.servers": kafka.bootstrap, "transaction.timeout.ms": "1000"}
    log = Configured(KafkaLog(), settings)
    topic = create_topic(log)
    run = TransactionRun(log, [], IntervalBoundary(3600))

    def dawdle() -> Any:
        time.sleep(15)
        return batch(topic, 1, 1)

    run.task.script = [batch(topic, 0, 1), dawdle]
    with pytest.raises(ExpiredError, match=re.escape("before its producer transaction expired")):
        run.run()
    assert committed_content(log, topic) == []


def test_what_a_topic_does_not_take_is_told_apart_by_whether_smaller_requests_would_help(kafka):
    settings = {"bootstrap.servers": kafka.bootstrap}
    topic = f"small-{uuid.uuid4().hex[:8]}"
    admin = KafkaLog().admin(settings)
    admin.create_topic(TopicSpec(topic, 1, 1, {"max.message.bytes": "3000"}))

    def commit(value: bytes, **more: str) -> None:
        writer = KafkaLog().transactional_writer({**settings, **more}, uuid.uuid4().hex, reports_records=False)
        try:
            writer.open(30)
            writer.begin()
            writer.send(OutgoingBatch(topic, [b"x", value]))
            writer.commit()
        finally:
            writer.close()

    with pytest.raises(BatchTooLargeError) as caught:
        commit(b"y" * 5000)
    assert caught.value.size == 524288
    with pytest.raises(TooLargeError, match=r"the record has 5000 bytes, more than max\.message\.bytes of the topic"):
        commit(b"y" * 5000, **{"batch.size": "4000"})
    with pytest.raises(TooLargeError, match=r"the record has 600000 bytes, more than max\.message\.bytes of the topic"):
        commit(b"y" * 600_000)
    commit(b"y" * 2000)


def test_a_record_that_the_producer_does_not_take_leaves_its_transaction_as_it_was(kafka):
    log = Configured(KafkaLog(), {"bootstrap.servers": kafka.bootstrap})
    topic = create_topic(log)
    writer = log.transactional_writer({}, uuid.uuid4().hex, reports_records=False)
    writer.open(30)
    writer.begin()
    with pytest.raises(TooLargeError, match=r"record 1 .* 2000070 bytes, more than max\.request\.size=1048576"):
        writer.send(OutgoingBatch(topic, [b"a", b"b" * 2_000_000]))
    writer.send(OutgoingBatch(topic, [b"c"]))
    writer.commit()
    writer.close()
    assert committed_content(log, topic) == ["c"]


def test_a_transaction_that_has_failed_for_a_record_says_so_of_whatever_is_sent_after_it(kafka):
    settings = {"bootstrap.servers": kafka.bootstrap}
    topic = f"small-{uuid.uuid4().hex[:8]}"
    KafkaLog().admin(settings).create_topic(TopicSpec(topic, 1, 1, {"max.message.bytes": "3000"}))
    writer = KafkaLog().transactional_writer(settings, uuid.uuid4().hex, reports_records=False)
    writer.open(30)
    writer.begin()
    writer.send(OutgoingBatch(topic, [b"y" * 600_000]))
    with pytest.raises(TooLargeError):
        writer.commit()
    # TooLargeError would say that the batch was not queued, and that the transaction goes on without it
    with pytest.raises(
        TransactionError, match=r"the record has 600000 bytes, more than max\.message\.bytes of the topic"
    ):
        writer.send(OutgoingBatch(topic, [b"x"]))
    writer.close()


def test_a_letter_that_the_producer_does_not_take_goes_without_its_value_in_the_same_transaction(kafka):
    log = Configured(KafkaLog(), {"bootstrap.servers": kafka.bootstrap})
    topic, queue = create_topic(log), create_topic(log)
    large = "x" * 2_000_000
    run = TransactionRun(log, [[record(topic, "a", 0), record(topic, large, 1)]], policy=ALL, dead_letters=queue)
    run.text.fails[large] = [DataError("no") for _ in range(9)]
    run.run()
    assert committed_content(log, topic) == ["a"]
    assert committed_content(log, queue) == [None]
    assert run.offsets() == ['{"position":1}']
