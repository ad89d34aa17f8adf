"""A source in transactions keeps its promises on a real broker: the same tests as on the embedded log, and time."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from linkspan.log.kafka import KafkaLog
from linkspan.log.port import ExpiredError
from linkspan.task.boundaries import IntervalBoundary
from tests.task.harness import Configured, TransactionRun, committed_content, create_topic
from tests.task.source_semantics import batch
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
