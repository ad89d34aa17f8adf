"""The servers of the suite really run."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.services.kafka import OriginalWorker, request

pytestmark = pytest.mark.integration


def test_original_worker_answers(kafka, tmp_path: Path) -> None:
    worker = OriginalWorker(tmp_path, kafka.bootstrap)
    worker.start()
    try:
        status, body = request("GET", f"{worker.url}/")
    finally:
        worker.stop()
    assert status == 200
    assert body["version"] == "4.3.1"
