"""File → topic → file on a real broker, byte by byte, through worker processes."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import pytest

from integration.runtime.test_standalone_process import lines, wait_until
from integration.services.kafka import OriginalWorker, request
from integration.services.linkspan import LinkspanWorker

pytestmark = pytest.mark.integration


def pipeline(folder: Path, topic: str) -> list[dict[str, object]]:
    return [
        {"name": f"src-{topic}", "connector.class": "FileStreamSource", "file": folder / "in.txt", "topic": topic},
        {"name": f"snk-{topic}", "connector.class": "FileStreamSink", "file": folder / "out.txt", "topics": topic},
    ]


def test_file_arrives_byte_by_byte_through_a_topic(kafka, tmp_path: Path):
    content = "".join(f"line {number} äöü €\n" for number in range(100_000))
    (tmp_path / "in.txt").write_text(content)
    worker = LinkspanWorker(tmp_path / "w", kafka.bootstrap, connectors=pipeline(tmp_path, "file-to-file"))
    worker.start()
    try:
        wait_until(lambda: len(lines(tmp_path / "out.txt")) >= 100_000, "all lines written")
    finally:
        status = worker.stop()
    assert status == 0
    assert first_difference(tmp_path / "out.txt", content) is None


def first_difference(path: Path, expected: str) -> str | None:
    """Where a file leaves the expected text; the two are far too long for a readable comparison."""
    written, wanted = path.read_text().splitlines(), expected.splitlines()
    for number, (line, other) in enumerate(zip_longest(written, wanted)):
        if line != other:
            at = written.index(other) if other in written else None
            return f"line {number} is {line!r}, expected {other!r}, which is line {at}; {len(written)} lines"
    return None


def test_each_worker_goes_on_where_the_other_stopped(kafka, tmp_path: Path):
    """The offset file and the consumer group are shared: original → ours → original."""
    offsets = {"offset.storage.file.filename": tmp_path / "offsets", "offset.flush.interval.ms": 500}
    connectors = pipeline(tmp_path, "shared-offsets")
    written: list[str] = []

    def all_copied() -> bool:
        return len(lines(tmp_path / "out.txt")) >= len(written)

    for turn, kind in enumerate((OriginalWorker, LinkspanWorker, OriginalWorker)):
        worker = kind(tmp_path / f"w{turn}", kafka.bootstrap, offsets, connectors)
        if turn == 0:
            (tmp_path / "in.txt").touch()
        worker.start()
        new = [f"turn {turn} line {number}" for number in range(100)]
        with (tmp_path / "in.txt").open("a") as file:
            file.writelines(f"{line}\n" for line in new)
        written += new
        wait_until(all_copied, f"lines of turn {turn}")
        worker.stop()
        assert lines(tmp_path / "out.txt") == written


def test_status_and_offsets_are_answered_while_records_flow(kafka, tmp_path: Path):
    (tmp_path / "in.txt").write_text("a\nb\n")
    worker = LinkspanWorker(
        tmp_path / "w", kafka.bootstrap, {"offset.flush.interval.ms": 200}, pipeline(tmp_path, "look")
    )
    worker.start()
    try:
        wait_until(
            lambda: request("GET", f"{worker.url}/connectors/src-look/offsets")[1]["offsets"] != [], "offsets stored"
        )
        _, body = request("GET", f"{worker.url}/connectors/src-look/offsets")
        assert body == {"offsets": [{"partition": {"filename": str(tmp_path / "in.txt")}, "offset": {"position": 4}}]}
    finally:
        worker.stop()
