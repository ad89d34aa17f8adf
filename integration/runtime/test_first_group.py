"""The offsets of the first consumer group of a cluster, asked for before its broker has taken it up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from integration.conftest import missing
from integration.services.kafka import Broker
from integration.services.maven import UnavailableError

pytestmark = pytest.mark.integration

ASK = """
import sys
from linkspan.log.kafka import KafkaLog
admin = KafkaLog().admin({"bootstrap.servers": sys.argv[1]})
for number in range(20):
    assert admin.group_offsets(f"group-{number}") == {}
"""


def test_offsets_of_a_group_that_no_broker_has_taken_up_yet_are_none(tmp_path: Path) -> None:
    try:
        broker = Broker(tmp_path / "kafka")
    except UnavailableError as error:
        missing(str(error))
    broker.start()
    try:
        # in a process of its own: what goes wrong here is a crash in native code
        asked = subprocess.run([sys.executable, "-c", ASK, broker.bootstrap], check=False, timeout=90)
        assert asked.returncode == 0
    finally:
        broker.stop()
