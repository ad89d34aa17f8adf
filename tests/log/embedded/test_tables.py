"""A group of workers shares tables, which the embedded log does not have."""

from __future__ import annotations

import pytest

from linkspan.api.errors import UnsupportedError
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import TopicSpec


def test_embedded_log_has_no_tables_and_says_what_to_do(tmp_path):
    with pytest.raises(UnsupportedError) as refused:
        EmbeddedLog(str(tmp_path)).table(
            {}, TopicSpec("configs"), key="config.storage.topic", holds="connector configurations", client_id="g"
        )
    assert refused.value.message == (
        "The embedded log cannot keep connector configurations in a topic that workers share "
        "(config.storage.topic=configs): that needs Kafka. Set bootstrap.servers, or leave the key out and run a "
        "standalone worker"
    )
