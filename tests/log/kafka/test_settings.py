"""Effective settings are those of the original worker's clients, and what differs is listed here."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.log.kafka import settings as module
from linkspan.log.kafka.settings import TABLE, ClientKind, membership, of_worker, report, translate

ORIGINAL = json.loads((Path(__file__).parent / "golden" / "original-4.3.1.json").read_text())
SERVERS = {"bootstrap.servers": "localhost:9092"}
GIVEN: dict[ClientKind, dict[str, str]] = {
    "producer": {
        **SERVERS,
        "client.id": "connector-producer-src-0",
        "acks": "all",
        "max.in.flight.requests.per.connection": "1",
        "max.block.ms": "9223372036854775807",
        "delivery.timeout.ms": "2147483647",
    },
    "consumer": {
        **SERVERS,
        "client.id": "connector-consumer-snk-0",
        "group.id": "connect-snk",
        "enable.auto.commit": "false",
        "auto.offset.reset": "earliest",
    },
    "admin": dict(SERVERS),
}
BLOCKS: dict[ClientKind, str] = {
    "producer": "ProducerConfig",
    "consumer": "ConsumerConfig",
    "admin": "AdminClientConfig",
}
SAME_MEANING = {
    ("acks", "-1"): "all",
    ("partitioner.class", "null"): "murmur2_random",
    ("delivery.timeout.ms", "2147483647"): "0",
}
DEVIATIONS = {
    "batch.size": "524288 instead of 16384: one request in flight carries more",
    "enable.idempotence": "on, since librdkafka keeps the order of retried requests only then",
    "reconnect.backoff.ms": "500 instead of 50: librdkafka does not let it grow while no broker answers",
    "receive.buffer.bytes": "sized by the operating system",
    "send.buffer.bytes": "sized by the operating system",
    "partition.assignment.strategy": "librdkafka refuses eager and cooperative together; Java uses the eager one too",
}
"""Settings whose value differs on purpose."""


@pytest.mark.parametrize("kind", ["producer", "consumer", "admin"])
def test_effective_values_equal_the_originals(kind: ClientKind) -> None:
    native = translate(kind, GIVEN[kind]).native
    rows = {row.java: row for row in TABLE if kind[0] in row.clients and row.native is not None}
    original = ORIGINAL[BLOCKS[kind]]
    wrong = {}
    for name, value in original.items():
        if name not in rows or name in DEVIATIONS or (value in {"null", "", "[]"} and name != "partitioner.class"):
            continue
        if name == "client.id" and kind == "admin":
            continue
        plain = value.strip("[]")
        wanted = SAME_MEANING.get((name, plain), plain)
        effective = str(native.get(rows[name].native))
        if effective.lower() != wanted.lower():
            wrong[name] = (wanted, effective)
    assert wrong == {}


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ({}, "true"),
        ({"acks": "-1"}, "true"),
        ({"acks": "1"}, "false"),
        ({"retries": "0"}, "false"),
        ({"max.in.flight.requests.per.connection": "6"}, "false"),
        ({"enable.idempotence": "false"}, "false"),
        ({"enable.idempotence": "TRUE", "acks": "1"}, "true"),
    ],
)
def test_idempotence_is_the_default_where_nothing_conflicts(given: dict[str, str], on: str) -> None:
    assert translate("producer", {**GIVEN["producer"], **given}).native["enable.idempotence"] == on


@pytest.mark.parametrize("kind", ["producer", "consumer", "admin"])
def test_every_setting_of_the_original_has_a_row(kind: ClientKind) -> None:
    rows = {row.java for row in TABLE if kind[0] in row.clients}
    assert set(ORIGINAL[BLOCKS[kind]]) - rows == set()


@pytest.mark.parametrize("kind", ["producer", "consumer", "admin"])
def test_what_has_no_counterpart_says_why(kind: ClientKind) -> None:
    assert [row.java for row in TABLE if kind[0] in row.clients and row.native is None and not row.note] == []


def test_what_we_do_ourselves_has_javas_defaults() -> None:
    for kind, names in (("producer", ["buffer.memory"]), ("consumer", ["max.poll.records", "default.api.timeout.ms"])):
        java = translate(kind, GIVEN[kind]).java  # type: ignore[arg-type]
        for name in names:
            assert java[name] == ORIGINAL[BLOCKS[kind]][name]  # type: ignore[index]


def test_the_library_accepts_what_the_table_makes() -> None:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient

    quiet = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    Producer({**translate("producer", GIVEN["producer"]).native, **quiet})
    AdminClient({**translate("admin", GIVEN["admin"]).native, **quiet})
    native = translate("consumer", GIVEN["consumer"]).native
    Consumer({**module.without_modern_refusals(native), **quiet}).close()


@pytest.mark.parametrize("servers", ["a:1", "a:1, b-c.d:2", "PLAINTEXT://a:1", "[::1]:9092", "::1:9092", "a:1,"])
def test_addresses_are_written_as_java_reads_them(servers: str) -> None:
    assert translate("admin", {"bootstrap.servers": servers}).native["bootstrap.servers"] == servers


def test_prefetch_is_bounded_and_topped_up_quickly() -> None:
    native = translate("consumer", GIVEN["consumer"]).native
    assert native["fetch.queue.backoff.ms"] == 10
    assert int(native["queued.max.messages.kbytes"]) <= 65536


@pytest.mark.parametrize(
    ("given", "native", "value"),
    [
        ({"auto.offset.reset": "none"}, "auto.offset.reset", "error"),
        ({"partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"},
         "partition.assignment.strategy", "cooperative-sticky"),
        ({"partition.assignment.strategy": "org.apache.kafka.clients.consumer.RoundRobinAssignor"},
         "partition.assignment.strategy", "roundrobin"),
        ({"isolation.level": "READ_COMMITTED"}, "isolation.level", "read_committed"),
        ({"fetch.max.bytes": "2147483647"}, "receive.message.max.bytes", 2147483647),
        ({"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": ""},
         "ssl.endpoint.identification.algorithm", "none"),
    ],
)  # fmt: skip
def test_consumer_values_are_translated(given: dict[str, str], native: str, value: object) -> None:
    assert translate("consumer", {**GIVEN["consumer"], **given}).native[native] == value


@pytest.mark.parametrize(
    "given",
    [
        {"auto.offset.reset": "by_duration:PT1H"},
        {"partition.assignment.strategy": "org.example.Own"},
        {"partition.assignment.strategy": "RangeAssignor,org.apache.kafka.clients.consumer.StickyAssignor"},
        {"max.poll.interval.ms": "soon"},
        {"bootstrap.servers": "localhost"},
        {"bootstrap.servers": "a:9092, b"},
    ],
)
def test_what_cannot_be_honoured_names_the_key(given: dict[str, str]) -> None:
    (key,) = given
    with pytest.raises(ConfigError) as raised:
        translate("consumer", {**GIVEN["consumer"], **given})
    assert raised.value.key == key


@pytest.mark.parametrize("acks", ["7", "2", "most", ""])
def test_a_producer_cannot_wait_for_a_number_of_replicas(acks: str) -> None:
    with pytest.raises(ConfigError, match="configuration acks: String must be one of: all, -1, 0, 1"):
        translate("producer", {**GIVEN["producer"], "acks": acks})


@pytest.mark.parametrize(
    ("suites", "taken"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-AES256-GCM-SHA384",
         "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_AES_256_GCM_SHA384", None),
        ("", None),
    ],
)  # fmt: skip
def test_cipher_suites_are_taken_by_javas_names(suites: str, taken: str | None) -> None:
    from confluent_kafka import Producer

    native = translate("producer", {**SERVERS, "security.protocol": "SSL", "ssl.cipher.suites": suites}).native
    assert native.get("ssl.cipher.suites") == taken
    Producer({**native, "log_level": 0})


def test_unknown_settings_are_reported_once_by_name(caplog: pytest.LogCaptureFixture) -> None:
    translation = translate("producer", {**GIVEN["producer"], "queue.length": "secret-value", "metrics.context.x": "y"})
    assert translation.unknown == ["queue.length"]
    with caplog.at_level(logging.INFO, logger="linkspan.log.kafka"):
        report("producer", translation)
        report("producer", translation)
    assert [record.getMessage() for record in caplog.records] == [
        "Settings given to the producer that it does not know: queue.length"
    ]
    assert "secret-value" not in caplog.text


def test_the_same_table_serves_group_membership() -> None:
    given = membership({**SERVERS, "group.id": "workers", "session.timeout.ms": "9000", "max.poll.interval.ms": "1"})
    assert given["bootstrap_servers"] == "localhost:9092"
    assert given["group_id"] == "workers"
    assert given["session_timeout_ms"] == 9000
    assert given["max_poll_interval_ms"] == 60000, "rebalance.timeout.ms"


def test_membership_has_the_defaults_of_a_distributed_worker() -> None:
    from linkspan.config.worker import DistributedConfig

    defaults = {key.name: key.default for key in DistributedConfig.keys}
    rows = [row for row in TABLE if row.member is not None and row.java in defaults]
    given = membership({})
    assert {row.java: given[str(row.member)] for row in rows if row.member in given} == {
        row.java: defaults[row.java] for row in rows if row.member in given
    }
    assert {"session.timeout.ms", "rebalance.timeout.ms", "request.timeout.ms"} <= {row.java for row in rows}


def test_membership_names_the_number_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"Invalid value soon for configuration heartbeat.interval.ms"):
        membership({"heartbeat.interval.ms": "soon"})


def test_pause_between_connections_is_at_most_the_longest_one_and_what_was_set_wins() -> None:
    assert translate("consumer", {**SERVERS, "reconnect.backoff.max.ms": "100"}).native["reconnect.backoff.ms"] == 100
    assert translate("consumer", {**SERVERS, "reconnect.backoff.ms": "20"}).native["reconnect.backoff.ms"] == "20"


def test_session_lasts_no_longer_than_the_interval_between_two_polls() -> None:
    native = translate("consumer", {**SERVERS, "max.poll.interval.ms": "10000"}).native
    assert native["session.timeout.ms"] == 10000
    assert translate("consumer", SERVERS).native["session.timeout.ms"] == 45000


def test_of_a_workers_properties_a_client_gets_those_that_it_knows():
    worker = {
        **SERVERS,
        "group.id": "workers",
        "acks": "1",
        "ssl.truststore.location": "/trust",
        "key.converter": "Any",
        "config.providers": "file",
        "offset.storage.topic": "offsets",
    }
    shared = {**SERVERS, "ssl.truststore.location": "/trust"}
    assert of_worker("producer", worker) == {**shared, "acks": "1"}
    assert of_worker("consumer", worker) == {**shared, "group.id": "workers"}
    assert of_worker("admin", worker) == shared


def test_what_is_read_ahead_is_limited_where_memory_is() -> None:
    free, limited = (
        translate("consumer", {}).native,
        translate("consumer", {"internal.read.ahead.bytes": "2097152"}).native,
    )
    assert (limited["queued.max.messages.kbytes"], limited["queued.min.messages"]) == (2048, 10240)
    assert (free["queued.max.messages.kbytes"], free["queued.min.messages"]) == (16384, 100000)
    much = translate("consumer", {"internal.read.ahead.bytes": str(1 << 30)}).native
    assert much["queued.min.messages"] == 100000


@pytest.mark.parametrize("group", ["", " \t"])
def test_a_consumer_group_without_a_name_is_refused_before_the_library_ends_the_process(group: str) -> None:
    with pytest.raises(ConfigError, match=r"group\.id: a consumer group needs a name"):
        translate("consumer", {**SERVERS, "group.id": group})
