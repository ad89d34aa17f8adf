"""A table on a real broker: made, refused, read to its end whatever that looks like, written in order, never stuck."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from confluent_kafka import OFFSET_END, Producer
from confluent_kafka import TopicPartition as Native
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from integration.services.kafka import Broker
from integration.services.secured import SecuredBroker
from integration.services.server import free_ports
from linkspan.api.errors import ConfigError, ConnectError, RetriableError, UnreachableError
from linkspan.log.embedded.partitioner import murmur2
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import Table, TableRecord, TopicSpec
from tests.log.table_semantics import *  # noqa: F403 - the same tests run against every table

pytestmark = pytest.mark.integration

PATIENCE: Final = 60.0
HASTE: Final = {"default.api.timeout.ms": "1500"}


def fresh() -> str:
    return f"table-{uuid.uuid4().hex[:8]}"


def table_of(bootstrap: str, topic: str | TopicSpec, settings: dict[str, str] | None = None, **more: Any) -> Table:
    spec = topic if isinstance(topic, TopicSpec) else TopicSpec(topic, 1, 1)
    return KafkaLog().table(
        # as a worker has them: what is not for clients is among them
        {"bootstrap.servers": bootstrap, "group.id": "workers", "key.converter": "Any", **(settings or {})},
        spec,
        key="config.storage.topic",
        holds="connector configurations",
        client_id="workers-configs",
        **more,
    )


@pytest.fixture
def tables(kafka: Broker) -> Tables:  # noqa: F405
    spec = TopicSpec(fresh(), 3, 1)
    return lambda: table_of(kafka.bootstrap, spec)


@asynccontextmanager
async def opened(table: Table) -> AsyncIterator[list[TableRecord]]:
    """What the table was given; it is closed in the end, and its threads are over then."""
    before = set(threading.enumerate())
    taken: list[TableRecord] = []
    try:
        await table.open(taken.extend)
        yield taken
    finally:
        await table.close()
        assert not [thread for thread in set(threading.enumerate()) - before if "of topic" in thread.name]


def pairs(records: Sequence[TableRecord]) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) for record in records]


async def refusal(table: Table, kind: type[ConnectError]) -> str:
    with pytest.raises(kind) as refused:
        async with opened(table):
            pass
    return refused.value.message


def existing(bootstrap: str, partitions: int = 1, **config: str) -> str:
    """A topic that somebody else has made."""
    name = fresh()
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = NewTopic(name, partitions, 1, config={key.replace("_", "."): value for key, value in config.items()})
    admin.create_topics([new])[name].result(PATIENCE)
    return name


def settings_of(bootstrap: str, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    found = admin.describe_configs([resource])[resource].result(PATIENCE)
    return {name: entry.value for name, entry in found.items()}


def alter(bootstrap: str, kind: ConfigResource.Type, name: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(kind, name, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(PATIENCE)


def compact(bootstrap: str, topic: str) -> None:
    alter(bootstrap, ConfigResource.Type.TOPIC, topic, "cleanup.policy", "compact")


# --- making and checking --------------------------------------------------------------------------------------------


def test_a_missing_topic_is_made_compacted_with_what_was_asked_for(kafka: Broker) -> None:
    spec = TopicSpec(fresh(), 3, 1, {"segment.bytes": "1048576", "cleanup.policy": "delete"})

    async def story() -> None:
        async with opened(table_of(kafka.bootstrap, spec)) as taken:
            assert taken == []
        found = settings_of(kafka.bootstrap, spec.name)
        assert found["cleanup.policy"] == "compact"
        assert found["segment.bytes"] == "1048576"
        known = KafkaLog().admin({"bootstrap.servers": kafka.bootstrap}).describe_topics([spec.name])
        assert known[spec.name].partitions == 3

    asyncio.run(story())


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_topic_that_is_not_compacted_only_is_refused(kafka: Broker, policy: str) -> None:
    topic = existing(kafka.bootstrap, cleanup_policy=policy)
    said = asyncio.run(refusal(table_of(kafka.bootstrap, topic), ConfigError))
    assert said == (
        f"Topic '{topic}' supplied via the 'config.storage.topic' property is required to have "
        "'cleanup.policy=compact' to guarantee consistency and durability of connector configurations, but found the "
        f"topic currently has 'cleanup.policy={policy}'. Continuing would likely result in eventually losing connector "
        "configurations and problems restarting this Connect cluster in the future. Change the 'config.storage.topic' "
        "property in the Connect worker configurations to use a topic with 'cleanup.policy=compact'."
    )


def test_a_topic_with_too_many_partitions_is_refused(kafka: Broker) -> None:
    topic = existing(kafka.bootstrap, 2, cleanup_policy="compact")
    said = asyncio.run(refusal(table_of(kafka.bootstrap, topic, single_partition=True), ConfigError))
    assert said == (
        f"Topic '{topic}' supplied via the 'config.storage.topic' property is required to have a single partition in "
        "order to guarantee consistency of connector configurations, but found 2 partitions."
    )


@pytest.mark.parametrize(
    ("spec", "key", "said"),
    [
        (TopicSpec("t", 1, 3), "config.storage.replication.factor", "set it to the number of brokers at most"),
        (TopicSpec("t", 1, 1, {"segment.bytes": "many"}), None, "Check the settings that begin with config.storage."),
        (TopicSpec("no topic", 1, 1), "config.storage.topic", "Check config.storage.topic"),
    ],
)
def test_a_topic_that_cannot_be_made_is_refused_with_what_to_change(
    kafka: Broker, spec: TopicSpec, key: str | None, said: str
) -> None:
    async def story() -> None:
        with pytest.raises(ConfigError, match=said) as refused:
            await table_of(kafka.bootstrap, spec, HASTE).open(list)
        assert refused.value.key == key

    asyncio.run(story())


def test_a_cluster_that_does_not_answer_is_named() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    said = asyncio.run(refusal(table_of(address, "t", HASTE), UnreachableError))
    assert f"No Kafka broker answers at {address}" in said


@pytest.mark.xdist_group("secured")
def test_a_worker_without_rights_to_make_and_describe_uses_a_topic_that_exists(secured: SecuredBroker) -> None:
    topic, hidden = fresh(), fresh()
    secured.create_topics([topic, hidden])
    secured.write(hidden, b"nothing for everybody")
    secured.allow("bare", [("topic", topic, "read"), ("topic", topic, "write"), ("topic", hidden, "describe")])
    access = {"security.protocol": "SASL_PLAINTEXT", **secured.login("PLAIN", "bare")}
    address = secured.address("SASL_OPEN")

    async def story() -> None:
        table = table_of(address, topic, access)
        async with opened(table) as taken:
            await table.write([(b"k", b"v")], PATIENCE)
            await table.read_to_end(PATIENCE)
            assert pairs(taken) == [(b"k", b"v")]
        said = await refusal(table_of(address, hidden, access), ConnectError)
        assert f"Allow the principal of this client Read on topic {hidden}" in said

    asyncio.run(story())


# --- reading and writing --------------------------------------------------------------------------------------------


def test_each_of_two_tables_reads_what_both_wrote_in_one_order(kafka: Broker) -> None:
    spec = TopicSpec(fresh(), 5, 1)

    async def story() -> None:
        one, other = table_of(kafka.bootstrap, spec), table_of(kafka.bootstrap, spec)
        async with opened(one) as ones, opened(other) as others:
            writes = [
                table.write([(b"key-%d" % (number % 7), b"%s-%d" % (name, number)), (b"gone", None)], PATIENCE)
                for number in range(100)
                for table, name in ((one, b"one"), (other, b"other"))
            ]
            await asyncio.gather(*writes)
            await asyncio.gather(one.read_to_end(PATIENCE), other.read_to_end(PATIENCE))
            assert len(ones) == 400
            assert {record.partition: [] for record in ones}.keys() <= set(range(5))
            for number in range(5):
                mine = [record for record in ones if record.partition == number]
                assert mine == [record for record in others if record.partition == number]
                assert [record.offset for record in mine] == list(range(len(mine)))
                assert {murmur2(record.key or b"") % 5 for record in mine} <= {number}
            for name in (b"one-", b"other-"):
                for key in range(7):
                    written = [r.value for r in ones if r.key == b"key-%d" % key and (r.value or b"").startswith(name)]
                    assert written == [name + b"%d" % number for number in range(100) if number % 7 == key]

    asyncio.run(story())


def test_what_is_in_the_topic_is_known_when_the_table_is_open(kafka: Broker) -> None:
    # a broker takes no record without a key once the topic is compacted
    topic = existing(kafka.bootstrap, 3, cleanup_policy="delete")
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(5000):
        producer.produce(topic, b"v%d" % number, None if number % 2 else b"k%d" % number)
    producer.produce(topic, None, b"k0")
    assert producer.flush(PATIENCE) == 0
    compact(kafka.bootstrap, topic)

    async def story() -> None:
        async with opened(table_of(kafka.bootstrap, topic)) as taken:
            assert len(taken) == 5001
            assert {record.key for record in taken if record.value == b"v1"} == {None}
            assert [record.value for record in taken if record.key == b"k0"] == [b"v0", None]

    asyncio.run(story())


def test_the_end_is_reached_where_the_last_offsets_have_no_record(kafka: Broker) -> None:
    """The end of a transaction takes an offset, and a partition may have been emptied."""
    topic = existing(kafka.bootstrap, 2, cleanup_policy="compact,delete")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    producer.produce(topic, b"v", b"k", partition=0)
    producer.produce(topic, b"lost", b"k", partition=1)
    producer.commit_transaction(PATIENCE)
    everything = Native(topic, 1, OFFSET_END)
    admin.delete_records([everything])[everything].result(PATIENCE)
    compact(kafka.bootstrap, topic)

    async def story() -> None:
        table = table_of(kafka.bootstrap, topic)
        async with opened(table) as taken:
            assert pairs(taken) == [(b"k", b"v")]
            producer.begin_transaction()
            producer.produce(topic, b"w", b"k", partition=0)
            producer.commit_transaction(PATIENCE)
            await table.read_to_end(PATIENCE)
            assert pairs(taken) == [(b"k", b"v"), (b"k", b"w")]

    asyncio.run(story())


def test_what_is_not_committed_is_neither_given_nor_passed_over(kafka: Broker) -> None:
    topic = existing(kafka.bootstrap, cleanup_policy="compact")
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions(PATIENCE)

    async def story() -> None:
        table = table_of(kafka.bootstrap, topic, read_committed=True)
        async with opened(table) as taken:
            producer.begin_transaction()
            producer.produce(topic, b"aborted", b"k")
            assert producer.flush(PATIENCE) == 0
            with pytest.raises(RetriableError, match="could not be read to its end within 1 s"):
                await table.read_to_end(1)
            assert taken == []
            producer.abort_transaction(PATIENCE)
            await table.read_to_end(PATIENCE)
            assert taken == []

    asyncio.run(story())


def test_a_record_that_is_too_large_can_never_be_written_and_the_next_one_can(kafka: Broker) -> None:
    async def story() -> None:
        table = table_of(kafka.bootstrap, fresh(), {"max.request.size": "10000"})
        async with opened(table) as taken:
            with pytest.raises(ConnectError) as refused:
                await table.write([(b"k", b"x" * 20000)], PATIENCE)
            assert not isinstance(refused.value, RetriableError)
            await table.write([(b"k", b"v")], PATIENCE)
            await table.read_to_end(PATIENCE)
            assert pairs(taken) == [(b"k", b"v")]

    asyncio.run(story())


def test_a_table_ends_with_its_loop_and_by_a_cancelled_opening(kafka: Broker) -> None:
    before = set(threading.enumerate())

    async def forgetful() -> None:
        await table_of(kafka.bootstrap, fresh()).open(list)

    asyncio.run(forgetful())

    async def hasty() -> None:
        away = table_of(f"127.0.0.1:{free_ports(1)[0]}", "t")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await away.open(list)

    asyncio.run(hasty())
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("reader of topic"):
            thread.join(PATIENCE)
            assert not thread.is_alive()


# --- a broker that is away ------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("breakable")
def test_an_outage_is_survived_and_what_was_given_up_is_not_written_afterwards(breakable: Broker) -> None:
    async def story() -> None:
        table, other = table_of(breakable.bootstrap, fresh()), table_of(breakable.bootstrap, TopicSpec(fresh(), 3, 1))
        async with opened(table) as taken, opened(other) as others:
            await table.write([(b"k", b"before")], PATIENCE)
            await table.read_to_end(PATIENCE)
            breakable.kill()
            with pytest.raises(RetriableError, match="not acknowledged within 1 s"):
                await table.write([(b"k", b"given up")], 1)
            with pytest.raises(RetriableError, match="could not be read to its end within 1 s"):
                await table.read_to_end(1)
            waiting = [
                asyncio.create_task(table.write([(b"k", b"kept")], PATIENCE)),
                asyncio.create_task(other.write([(b"k", b"kept")], PATIENCE)),
                asyncio.create_task(other.read_to_end(PATIENCE)),
            ]
            new = table_of(breakable.bootstrap, TopicSpec(fresh(), 1, 1))
            opening = asyncio.create_task(new.open(list))
            await asyncio.to_thread(breakable.start)
            await asyncio.gather(*waiting)
            assert pairs(others) == [(b"k", b"kept")]
            await table.read_to_end(PATIENCE)
            assert pairs(taken) == [(b"k", b"before"), (b"k", b"kept")]
            await opening
            await new.close()

    asyncio.run(story())


@pytest.mark.xdist_group("breakable")
def test_closing_does_not_wait_for_a_broker_that_is_away(breakable: Broker) -> None:
    async def story() -> None:
        table = table_of(breakable.bootstrap, fresh())
        async with opened(table):
            breakable.kill()
            writing = asyncio.create_task(table.write([(b"k", b"v")], PATIENCE))
            reading = asyncio.create_task(table.read_to_end(PATIENCE))
            await asyncio.sleep(0)
            # would only end when the time of both is over
            async with asyncio.timeout(PATIENCE / 2):
                await table.close()
            for waiting in (writing, reading):
                with pytest.raises(RetriableError, match="closed"):
                    await waiting

    try:
        asyncio.run(story())
    finally:
        breakable.start()


@pytest.mark.xdist_group("breakable")
def test_a_compacted_topic_is_read_over_its_gaps(breakable: Broker) -> None:
    alter(breakable.bootstrap, ConfigResource.Type.BROKER, "1", "log.cleaner.backoff.ms", "100")
    eager = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "100"}

    async def story() -> None:
        spec = TopicSpec(fresh(), 1, 1, eager)
        table = table_of(breakable.bootstrap, spec)
        async with opened(table) as taken:
            for number in range(5):
                await table.write([(b"a", b"%d" % number), (b"b", b"%d" % number)], PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while True:
                    # what rolls the segments
                    await table.write([(b"c", b"again")], PATIENCE)
                    async with opened(table_of(breakable.bootstrap, spec)) as compacted:
                        if len([record for record in compacted if record.key == b"a"]) == 1:
                            break
            assert {record.key: record.value for record in compacted} == {b"a": b"4", b"b": b"4", b"c": b"again"}
            await table.read_to_end(PATIENCE)
            assert len(taken) > len(compacted)

    asyncio.run(story())
