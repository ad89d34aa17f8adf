"""Fencing out producers on a real broker: what they have begun is undone, and they can begin nothing more."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer

from linkspan.log.kafka import KafkaLog

pytestmark = pytest.mark.integration


def test_a_fenced_producer_cannot_commit_what_it_has_begun(kafka: Any) -> None:
    topic = f"fenced-{uuid.uuid4().hex}"
    ids = [f"{topic}-{number}" for number in range(3)]
    old = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": ids[1]})
    old.init_transactions(30)
    old.begin_transaction()
    old.produce(topic, b"never seen")
    old.flush(30)
    admin = KafkaLog().admin({"bootstrap.servers": kafka.bootstrap})
    admin.fence_producers(ids, 30)
    admin.close()
    with pytest.raises(KafkaException) as refused:
        old.commit_transaction(30)
    assert refused.value.args[0].fatal()
