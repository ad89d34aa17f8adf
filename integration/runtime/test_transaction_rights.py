"""What a producer of transactions may not do it says, with the right that it lacks; with these rights it works."""

from __future__ import annotations

import uuid

import pytest

from integration.services.secured import SecuredBroker
from linkspan.api.errors import CredentialsError
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch, TransactionalWriter

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured")]


def test_the_right_that_is_missing_is_named_and_enough(secured: SecuredBroker) -> None:
    name = f"once-{uuid.uuid4().hex[:8]}"
    settings = {
        "bootstrap.servers": secured.address("SASL_OPEN"),
        "security.protocol": "SASL_PLAINTEXT",
        **secured.login("PLAIN", "source"),
    }
    secured.create_topics([name])
    nobody = KafkaLog().transactional_writer(settings, name)
    with pytest.raises(CredentialsError, match=f"Write and Describe on transactional id {name}"):
        nobody.open(30)
    nobody.close()
    admin = KafkaLog().admin(settings)
    with pytest.raises(CredentialsError, match=f"Write and Describe on transactional id {name}"):
        admin.fence_producers([name], 30)

    secured.allow("source", [("transactional_id", name, "write"), ("transactional_id", name, "describe")])
    admin.fence_producers([name], 30)
    admin.close()
    writer = KafkaLog().transactional_writer(settings, name)
    writer.open(30)
    writer.begin()
    with pytest.raises(CredentialsError, match=f"Write on topic {name}"):
        write(writer, name)
    writer.close()

    secured.allow("source", [("topic", name, "write")])
    writer = KafkaLog().transactional_writer(settings, name)
    writer.open(30)
    writer.begin()
    write(writer, name)
    writer.close()
    assert secured.records(name) in {1, 2}, "a record, and the end of its transaction, which may come a moment later"


def test_a_topic_that_may_be_described_and_not_written_to_is_among_those_that_are_named(secured: SecuredBroker) -> None:
    name = f"once-{uuid.uuid4().hex[:8]}"
    other = f"{name}-letters"
    settings = {
        "bootstrap.servers": secured.address("SASL_OPEN"),
        "security.protocol": "SASL_PLAINTEXT",
        **secured.login("PLAIN", "source"),
    }
    secured.create_topics([name, other])
    rights = [("transactional_id", name, "write"), ("transactional_id", name, "describe"), ("topic", name, "write")]
    secured.allow("source", [*rights, ("topic", other, "describe")])
    for first, wanted in (((), f"Write on topic {other}"), ((name,), f"Write on each of the topics {name}, {other}")):
        writer = KafkaLog().transactional_writer(settings, name)
        writer.open(30)
        writer.begin()
        for topic in first:
            writer.send(OutgoingBatch(topic, [b"x"]))
        with pytest.raises(CredentialsError, match=f"Allow the principal of this client {wanted}, and"):
            write(writer, other)
        writer.close()


def write(writer: TransactionalWriter, topic: str) -> None:
    writer.send(OutgoingBatch(topic, [b"x"]))
    writer.commit()
