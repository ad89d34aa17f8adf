"""The loops' promises on a real broker: the same tests as on the logs that need no server."""

from __future__ import annotations

from typing import Any

import pytest
from kafka import KafkaProducer

from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.failure_semantics import *  # noqa: F403 - the same tests run against every log
from tests.task.harness import Configured, SinkRun, content, create_topic
from tests.task.sink_semantics import *  # noqa: F403 - the same tests run against every log
from tests.task.source_semantics import *  # noqa: F403 - as above
from tests.task.stored_offsets_semantics import *  # noqa: F403 - as above
from tests.task.suspect_semantics import *  # noqa: F403 - as above

pytestmark = pytest.mark.integration


@pytest.fixture
def log(kafka):
    kafka_log = pytest.importorskip("linkspan.log.kafka")
    if not hasattr(kafka_log, "KafkaLog"):
        pytest.skip("linkspan.log.kafka is not there")
    return Configured(kafka_log.KafkaLog(), {"bootstrap.servers": kafka.bootstrap})


class _Latin(str):
    """A name of a header whose bytes are not UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "", errors: str = "") -> bytes:  # noqa: ARG002 - stands in for a text's own
        return b"\xfcber"


def test_a_header_whose_name_is_not_utf_8_is_the_fault_of_its_record(log, kafka):
    topic, queue = create_topic(log), create_topic(log)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for value, headers in ("a", [("h", b"1")]), ("u", [("h", b"1"), (_Latin("u"), b"2")]), ("b", []):
        producer.send(topic, value.encode(), headers=headers).get(30)
    producer.close()
    letters = DeadLetters(DeadLetterConfig(queue, 1, context_headers=True), log.writer({}), "c", 0)
    seen: list[Any] = []
    run = SinkRun(log, [topic], policy=ErrorPolicy(tolerate_all=True), letters=letters)
    run.task.on_put = seen.extend
    run.run(lambda: len(seen) == 2)
    assert [(record.value, [header.key for header in record.headers]) for record in seen] == [("a", ["h"]), ("b", [])]
    assert [failure.stage for failure in run.reports.failures] == [Stage.HEADER_CONVERTER]
    assert letters.settle(30)
    assert content(log, queue) == ["u"]
