"""The Kafka log keeps the port's promises on a real broker: the same tests as on the embedded log."""

from __future__ import annotations

import pytest

from linkspan.log.kafka import KafkaLog
from tests.log.semantics import *  # noqa: F403 - the same tests run against every log
from tests.log.transaction_semantics import *  # noqa: F403 - as above
from tests.task.harness import Configured

pytestmark = pytest.mark.integration


@pytest.fixture
def log(kafka):
    return Configured(KafkaLog(), {"bootstrap.servers": kafka.bootstrap})
