"""The loops' promises on a real broker: the same tests as on the logs that need no server."""

from __future__ import annotations

import pytest

from tests.task.failure_semantics import *  # noqa: F403 - the same tests run against every log
from tests.task.harness import Configured
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
