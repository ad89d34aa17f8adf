"""A broker that is away: nothing is lost, nothing grows without bound, and writing goes on when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.conftest import missing
from integration.services.kafka import Broker
from integration.services.maven import UnavailableError
from linkspan.api.errors import RetriableError
from linkspan.log.kafka import KafkaLog
from linkspan.log.kafka.settings import translate
from linkspan.log.port import OutgoingBatch

pytestmark = pytest.mark.integration

SOURCE = {
    "max.in.flight.requests.per.connection": "1",
    "max.block.ms": "9223372036854775807",
    "delivery.timeout.ms": "2147483647",
    "buffer.memory": "1000000",
}


def test_records_wait_for_a_broker_that_is_away(tmp_path: Path) -> None:
    try:
        broker = Broker(tmp_path / "broker")
    except UnavailableError as error:
        missing(str(error))
    broker.start()
    try:
        writer = KafkaLog().writer({"bootstrap.servers": broker.bootstrap, **SOURCE})
        writer.send(OutgoingBatch("outage", [b"before"]))
        assert writer.flush(30)
        broker.kill()
        delivery = writer.send(OutgoingBatch("outage", [b"meanwhile"] * 1000))
        assert not writer.flush(2)
        assert not delivery.done
        writer.send(OutgoingBatch("outage", [b"x" * 500_000]))
        with pytest.raises(RetriableError, match=r"buffer\.memory=1000000"):
            writer.send(OutgoingBatch("outage", [b"x" * 500_000]))
        broker.start()
        assert writer.flush(60)
        assert delivery.done
        assert not delivery.failures
        writer.close(1)
    finally:
        broker.stop()


def test_records_never_time_out_with_the_settings_of_a_source() -> None:
    native = translate("producer", SOURCE).native
    assert native["message.timeout.ms"] == "0"
    assert native["retries"] == "2147483647"
