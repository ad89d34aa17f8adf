"""Workers that are killed at random while records fail: every bad record has a letter, every good one has arrived."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import exists, lines, wait_until
from integration.services.linkspan import LinkspanWorker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RECORDS: Final = 30_000
KILLS: Final = 3
QUEUE: Final = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "dlq",
    "errors.deadletterqueue.topic.replication.factor": 1,
}
CAST: Final = {
    "transforms": "number",
    "transforms.number.type": "org.apache.kafka.connect.transforms.Cast$Value",
    "transforms.number.spec": "int64",
}
JSON: Final = {
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
}
WAYS: Final = {"source": ({**QUEUE, **CAST}, {}), "sink": ({}, {**QUEUE, **JSON})}
"""What is added to the source and to the sink."""


def is_bad(number: int) -> bool:
    return number % 50 == 7


def letters(file: Path) -> set[str]:
    """Values in a dead letter queue: of a source's records as JSON with their schema, of a sink's as they were."""
    return {json.loads(text)["payload"] if text.startswith("{") else text for text in lines(file)}


@pytest.mark.parametrize("side", WAYS)
def test_every_bad_record_has_its_letter_and_every_good_one_arrives_however_often_the_worker_is_killed(
    side: str, tmp_path: Path
) -> None:
    seed = time.time_ns()
    print("seed", seed)
    chance = random.Random(seed)
    more_source, more_sink = WAYS[side]
    source = {"name": "src", "connector.class": "FileStreamSource", "file": tmp_path / "in.txt", "topic": "t"}
    sink = {"name": "snk", "connector.class": "FileStreamSink", "file": tmp_path / "out.txt", "topics": "t"}
    queue = {"name": "dlq", "connector.class": "FileStreamSink", "file": tmp_path / "dlq.txt", "topics": "dlq"}
    worker = LinkspanWorker(
        tmp_path / "w",
        None,
        {"offset.flush.interval.ms": 50},
        [{**source, **more_source}, {**sink, **more_sink}, queue],
    )
    written = 0
    worker.start()
    for kill in range(KILLS + 1):
        until = RECORDS * (kill + 1) // (KILLS + 1)
        with (tmp_path / "in.txt").open("a") as file:
            file.writelines(f"bad{n}\n" if is_bad(n) else f"{n}\n" for n in range(written, until))
        written = until
        if kill < KILLS:
            time.sleep(chance.uniform(0.05, 0.8))
            processes = tree(worker.pid)
            worker.kill()
            wait_until(lambda processes=processes: not any(map(exists, processes)), "every process is gone")
            worker.start()
    good = {str(n) for n in range(RECORDS) if not is_bad(n)}
    bad = {f"bad{n}" for n in range(RECORDS) if is_bad(n)}
    try:
        wait_until(lambda: set(lines(tmp_path / "out.txt")) >= good, "every good record has arrived", 60)
        wait_until(lambda: letters(tmp_path / "dlq.txt") >= bad, "every bad record has its letter", 60)
        assert set(lines(tmp_path / "out.txt")) == good
        assert letters(tmp_path / "dlq.txt") == bad
    finally:
        worker.stop()
