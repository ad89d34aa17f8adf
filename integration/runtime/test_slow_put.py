"""A ``put`` that outlasts ``max.poll.interval.ms``: the group takes the partitions away and gives them back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.runtime.test_standalone_process import lines, task_state, wait_until
from integration.services import topics
from integration.services.kafka import Broker
from integration.services.linkspan import LinkspanWorker
from linkspan.api.records import TopicPartition
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("breakable")]

PLUGINS = Path(__file__).parent / "plugin_path"
INTERVAL_MS = 1500


def write(broker: Broker, topic: str, *payloads: bytes) -> None:
    writer = KafkaLog().writer({"bootstrap.servers": broker.bootstrap})
    writer.send(OutgoingBatch(topic, payloads))
    assert writer.flush(60)
    writer.close(1)


def test_put_longer_than_the_poll_interval_rejoins_and_gets_its_records_again(breakable: Broker, tmp_path: Path):
    write(breakable, "slow-put", b"a", b"b", b"c")
    sink = {
        "name": "slow-put",
        "connector.class": "AwkwardSink",
        "topics": "slow-put",
        "file": tmp_path / "out",
        "put": 2 * INTERVAL_MS / 1000,
        "once": "true",
        "consumer.override.max.poll.interval.ms": INTERVAL_MS,
        "consumer.override.max.poll.records": 2,
    }
    settings = {"plugin.path": PLUGINS, "offset.flush.interval.ms": 100}
    worker = LinkspanWorker(tmp_path / "w", breakable.bootstrap, settings, [sink])
    worker.start()
    try:
        wait_until(lambda: committed(breakable) == 3, "everything is committed")
        slow = lines(tmp_path / "out.began")
        assert 1 <= len(slow) <= 2
        again = [f"slow-put-0@{offset}" for offset in range(3)]
        assert lines(tmp_path / "out") == [*slow, *again], "the records of the slow put did not come again"
        assert task_state(worker, "slow-put") == "RUNNING"
        write(breakable, "slow-put", b"d")
        wait_until(lambda: committed(breakable) == 4, "the sink goes on")
        warning = next(line for line in lines(worker.log) if "put took" in line)
        assert re.search(
            rf"WARN \[slow-put\|task-0\] put took \d+\.\d s for {len(slow)} records, "
            rf"longer than max\.poll\.interval\.ms={INTERVAL_MS}: .*"
            r"consumer\.override\.max\.poll\.interval\.ms.*consumer\.override\.max\.poll\.records \(2 now\)",
            warning,
        ), warning
    finally:
        assert worker.stop() == 0


def committed(broker: Broker) -> int:
    return topics.committed(broker.bootstrap, "connect-slow-put").get(TopicPartition("slow-put", 0), 0)
