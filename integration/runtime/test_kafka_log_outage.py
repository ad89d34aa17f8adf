"""A broker that is away: nothing is lost, nothing grows without bound, and writing goes on when it is back."""

from __future__ import annotations

import pytest

from integration.services.kafka import Broker
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


@pytest.mark.xdist_group("breakable")
def test_records_wait_for_a_broker_that_is_away(breakable: Broker) -> None:
    writer = KafkaLog().writer({"bootstrap.servers": breakable.bootstrap, **SOURCE})
    writer.send(OutgoingBatch("outage", [b"before"]))
    assert writer.flush(30)
    breakable.kill()
    try:
        delivery = writer.send(OutgoingBatch("outage", [b"meanwhile"] * 1000))
        assert not writer.flush(2)
        assert not delivery.done
        writer.send(OutgoingBatch("outage", [b"x" * 500_000]))
        with pytest.raises(RetriableError, match=r"buffer\.memory=1000000"):
            writer.send(OutgoingBatch("outage", [b"x" * 500_000]))
    finally:
        breakable.start()
    assert writer.flush(60)
    assert delivery.done
    assert not delivery.failures
    writer.close(1)


def test_records_never_time_out_with_the_settings_of_a_source() -> None:
    native = translate("producer", SOURCE).native
    assert native["message.timeout.ms"] == "0"
    assert native["retries"] == "2147483647"
