"""The topic on a real broker: one that other registries have written is taken over, and gone on with byte for byte."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.services.kafka import Broker
from integration.services.schema_registry import SchemaRegistry

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("registry")]

OLD_KEY: Final = '{"subject":"old","version":1,"magic":1,"keytype":"SCHEMA"}'
WRITTEN: Final = (
    ('{"keytype":"NOOP","magic":0}', None),
    ('{"keytype":"CONFIG","subject":null,"magic":0}', '{"compatibilityLevel":"FULL"}'),
    (
        '{"keytype":"SCHEMA","subject":"a-value","version":1,"magic":1}',
        '{"subject":"a-value","version":1,"id":5,"schema":"\\"int\\"","deleted":false}',
    ),
    (
        '{"keytype":"SCHEMA","subject":"a-value","version":2,"magic":1}',
        '{"subject":"a-value","version":2,"id":6,"md5":"AAAA","schema":"\\"long\\"","deleted":false}',
    ),
    (OLD_KEY, '{"subject":"old","version":1,"id":7,"schema":"\\"string\\"","deleted":false}'),
    ('{"keytype":"DELETE_SUBJECT","subject":"a-value","magic":0}', '{"subject":"a-value","version":1}'),
    ('{"keytype":"MODE","subject":"old","magic":0}', '{"subject":"old","mode":"IMPORT"}'),
    ('{"keytype":"FUTURE","magic":0}', "{}"),
)


def produced(bootstrap: str) -> str:
    topic = f"_schemas-{uuid.uuid4().hex[:8]}"
    new = NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([new])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap})
    for key, value in WRITTEN:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0
    return topic


def records(bootstrap: str, topic: str) -> list[tuple[str, str | None]]:
    """All of them, those of transactions that were undone left out."""
    settings = {"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "enable.partition.eof": True, "isolation.level": "read_committed"})
    consumer.subscribe([topic])
    found: list[tuple[str, str | None]] = []
    try:
        while True:
            message = consumer.poll(30)
            assert message is not None
            if message.error() is not None:
                return found
            key, value = message.key(), message.value()
            assert key is not None
            found.append((key.decode(), None if value is None else value.decode()))
    finally:
        consumer.close()


def test_a_topic_of_other_registries_is_taken_over(kafka: Broker, tmp_path: Path) -> None:
    topic = produced(kafka.bootstrap)
    registry = SchemaRegistry(tmp_path, kafka.bootstrap, {"kafkastore.topic": topic})
    registry.start()
    try:
        assert registry.call("GET", "/subjects")[1] == ["a-value", "old"]
        assert registry.call("GET", "/subjects/a-value/versions")[1] == [2]
        assert registry.call("GET", "/schemas/ids/5")[1]["schema"] == '"int"'
        assert registry.call("GET", "/config")[1] == {"compatibilityLevel": "FULL"}
        assert registry.call("GET", "/mode/old")[1] == {"mode": "IMPORT"}
        assert registry.call("POST", "/subjects/new/versions", {"schema": '"bytes"'})[1]["id"] == 8
        assert registry.call("POST", "/subjects/new/versions", {"schema": '{"type": "int"}'})[0] == 409
        large = json.dumps({"type": "record", "name": "R", "doc": "x" * 1_100_000, "fields": []})
        assert registry.call("POST", "/subjects/large/versions", {"schema": large})[1]["error_code"] == 42209
        assert registry.call("PUT", "/config/new", {"compatibility": "none"})[1] == {"compatibility": "NONE"}
        assert registry.call("DELETE", "/subjects/new")[1] == [1]
        assert registry.call("DELETE", "/subjects/old")[1] == [1]
        assert registry.call("DELETE", "/subjects/old?permanent=true")[1] == [1]
    finally:
        assert registry.stop() == 0
    assert records(kafka.bootstrap, topic)[len(WRITTEN) :] == [
        (
            '{"keytype":"SCHEMA","subject":"new","version":1,"magic":1}',
            '{"subject":"new","version":1,"id":8,"schema":"\\"bytes\\"","deleted":false}',
        ),
        ('{"keytype":"CONFIG","subject":"new","magic":0}', '{"subject":"new","compatibilityLevel":"NONE"}'),
        ('{"keytype":"DELETE_SUBJECT","subject":"new","magic":0}', '{"subject":"new","version":1}'),
        ('{"keytype":"DELETE_SUBJECT","subject":"old","magic":0}', '{"subject":"old","version":1}'),
        # compaction compares bytes: the tombstone has the key of the record that it is for
        (OLD_KEY, None),
        ('{"keytype":"MODE","subject":"old","magic":0}', None),
    ]


def test_a_schema_beyond_the_topics_limit_is_the_callers_mistake(kafka: Broker, tmp_path: Path) -> None:
    topic = f"_schemas-{uuid.uuid4().hex[:8]}"
    new = NewTopic(topic, 1, 1, config={"cleanup.policy": "compact", "max.message.bytes": "20000"})
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([new])[topic].result(30)
    registry = SchemaRegistry(tmp_path, kafka.bootstrap, {"kafkastore.topic": topic})
    registry.start()
    try:
        large = json.dumps({"type": "record", "name": "R", "doc": "x" * 50_000, "fields": []})
        status, answer = registry.call("POST", "/subjects/large/versions", {"schema": large})
        assert (status, answer["error_code"]) == (422, 42209), answer
        assert registry.call("POST", "/subjects/small/versions", {"schema": '"int"'})[1]["id"] == 1
    finally:
        registry.stop()


def test_a_topic_that_is_not_compacted_is_refused(kafka: Broker, tmp_path: Path) -> None:
    topic = f"_schemas-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    registry = SchemaRegistry(tmp_path, kafka.bootstrap, {"kafkastore.topic": topic})
    registry.launch()
    assert registry.wait(60) == 2
    said = registry.log.read_text()
    assert f"Topic '{topic}' supplied via the 'kafkastore.topic' property is required to have" in said
    assert "problems restarting this schema registry in the future" in said


def test_bad_requests_are_answered_as_clients_know_it(tmp_path: Path) -> None:
    registry = SchemaRegistry(tmp_path, None)
    registry.start()
    try:
        codes = {
            ("POST", "/subjects/s/versions", '"int"'): 400,
            ("POST", "/subjects/s/versions", json.dumps({"schema": 7})): 400,
            ("POST", "/subjects/s/versions", json.dumps({"schema": "{"})): 42201,
            ("POST", "/subjects/s/versions", json.dumps({"schema": '"int"', "schemaType": "XML"})): 42201,
            ("POST", "/subjects/__GLOBAL/versions", json.dumps({"schema": '"int"'})): 42208,
            ("GET", "/subjects/s/versions/0", None): 42202,
            ("GET", "/subjects/s/versions/first", None): 42202,
            ("PUT", "/config", json.dumps({"compatibility": "SOME"})): 42203,
            ("PUT", "/mode", json.dumps({"mode": "SOME"})): 42204,
            ("PUT", "/mode", json.dumps({"mode": "FORWARD"})): 42204,
            ("PUT", "/config", json.dumps({"defaultMetadata": 7})): 400,
            ("PUT", "/config", json.dumps({"normalize": "x"})): 400,
            ("POST", "/subjects/s/versions", json.dumps({"schema": '"int"', "metadata": {"tags": [1]}})): 400,
            ("POST", "/subjects/s/versions", json.dumps({"schema": '"int"', "ruleSet": {"domainRules": [7]}})): 42210,
            ("POST", "/subjects/s/versions", json.dumps({"schemaType": "JSON", "schema": '{"not":' * 3000})): 42201,
            ("DELETE", "/subjects/s", None): 40401,
            ("GET", "/schemas/ids/x", None): 404,
        }
        for (method, path, text), code in codes.items():
            body = None if text is None else json.loads(text)
            status, answer = registry.call(method, path, body)
            assert (status, answer["error_code"]) == (int(str(code)[:3]), code), (method, path, answer)
    finally:
        registry.stop()
