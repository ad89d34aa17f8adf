"""Records that kill the process of a sink on a real broker: found, set aside, and nothing else is lost."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Consumer, TopicPartition

from integration.runtime.test_rogue_connectors import PLUGINS, task
from integration.runtime.test_standalone_process import lines, wait_until
from integration.services import topics
from integration.services.kafka import Broker
from integration.services.linkspan import LinkspanWorker
from linkspan.api.records import TopicPartition as Partition
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch, TopicSpec

pytestmark = pytest.mark.integration

RECORDS: Final = 40
DEADLY: Final = {(0, 17): "segfault", (1, 3): "exit"}
"""Place and value; all other values are empty."""
RESTARTS: Final = {
    "linkspan.restart.enable": "true",
    "linkspan.restart.attempts": 30,
    "linkspan.restart.backoff.ms": 100,
    "linkspan.restart.backoff.max.ms": 200,
}
LETTERS: Final = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.replication.factor": 1,
    "errors.deadletterqueue.context.headers.enable": "true",
}


def fill(broker: Broker, topic: str) -> None:
    log = KafkaLog()
    admin = log.admin({"bootstrap.servers": broker.bootstrap})
    admin.create_topic(TopicSpec(topic, 2, 1))
    admin.close()
    writer = log.writer({"bootstrap.servers": broker.bootstrap})
    for partition in range(2):
        payloads = [DEADLY.get((partition, offset), "").encode() for offset in range(RECORDS)]
        writer.send(OutgoingBatch(topic, payloads, partitions=[partition] * RECORDS))
    assert writer.flush(60)
    writer.close(1)


def letters(broker: Broker, topic: str) -> list[tuple[int, int, str, str]]:
    """Partition, offset and value of each dead letter, and the class of its exception."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "onlooker", "enable.auto.commit": False})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = []
        for message in consumer.consume(end, timeout=30):
            headers: dict[str, Any] = dict(message.headers() or ())
            told = {name: headers[f"__connect.errors.{name}"].decode() for name in ("partition", "offset", "stage")}
            assert told["stage"] == "TASK_PUT"
            kind = headers["__connect.errors.exception.class.name"].decode()
            found.append((int(told["partition"]), int(told["offset"]), (message.value() or b"").decode(), kind))
        return sorted(found)
    finally:
        consumer.close()


def restarts(worker: LinkspanWorker, name: str) -> int:
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    told = f'linkspan_task_restarts_total{{connector="{name}",task="0"}} '
    return next(int(line.removeprefix(told)) for line in text.splitlines() if line.startswith(told))


def test_deadly_records_are_found_one_by_one_and_become_dead_letters(kafka: Broker, tmp_path: Path) -> None:
    name = f"deadly-{os.getpid()}"
    fill(kafka, name)
    sink = {
        "name": name,
        "connector.class": "AwkwardSink",
        "topics": name,
        "file": tmp_path / "out",
        "obeys": "true",
        "errors.deadletterqueue.topic.name": f"{name}-dead",
        # whoever comes next takes the place of the dead one at once
        "consumer.override.group.instance.id": name,
        **LETTERS,
        **RESTARTS,
    }
    settings = {"plugin.path": PLUGINS, "offset.flush.interval.ms": 500}
    worker = LinkspanWorker(tmp_path / "w", kafka.bootstrap, settings, [sink])
    worker.start()
    try:
        ends = {Partition(name, 0): RECORDS, Partition(name, 1): RECORDS}
        wait_until(lambda: topics.committed(kafka.bootstrap, f"connect-{name}") == ends, "everything is committed", 120)
        wait_until(lambda: task(worker, name)[0] == "RUNNING", "the task runs")
        died = [(*place, value, "linkspan.api.errors.ProcessDied") for place, value in sorted(DEADLY.items())]
        assert letters(kafka, f"{name}-dead") == died
        harmless = {(p, n) for p in range(2) for n in range(RECORDS)} - DEADLY.keys()
        assert set(lines(tmp_path / "out")) == {f"{name}-{p}@{n}" for p, n in harmless}
        # three deaths on the range that the records have in common or on one for each, and one alone for each record
        assert 3 + len(DEADLY) <= restarts(worker, name) <= 4 * len(DEADLY)
        told = worker.log.read_text()
        assert f"In flight (put): {name}-" in told
        assert told.count("It was alone: this record is at fault") == len(DEADLY)
    finally:
        assert worker.stop() == 0
