"""Confluent's Python client against our registry, unchanged, on Kafka and on the embedded log."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, ServerConfig
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.common.schema_registry_client import ConfigCompatibilityLevel
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from integration.services.schema_registry import SchemaRegistry

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("registry")]


def record(*fields: tuple[str, object], **defaults: object) -> Schema:
    body = [
        {"name": name, "type": kind, **({"default": defaults[name]} if name in defaults else {})}
        for name, kind in fields
    ]
    return Schema(json.dumps({"type": "record", "name": "Order", "fields": body}), "AVRO")


@pytest.fixture
def client(registry: SchemaRegistry) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as made:
        yield made


@pytest.fixture
def subject() -> str:
    return f"orders-{uuid.uuid4().hex[:8]}-value"


def refusal(call: object, *arguments: object, **named: object) -> tuple[int, int]:
    with pytest.raises(SchemaRegistryError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.http_status_code, caught.value.error_code


def test_the_same_schema_has_one_id_in_all_subjects(client: SchemaRegistryClient, subject: str) -> None:
    number = client.register_schema(subject, record(("id", "long")))
    spaced = Schema(json.dumps(json.loads(record(("id", "long")).schema_str), indent=2), "AVRO")
    assert client.register_schema(subject, spaced) == number
    assert client.register_schema(f"{subject}-2", record(("id", "long"))) == number
    client.clear_caches()
    assert (
        client.get_schema(number).schema_str
        == '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}'
    )
    versions = {(each.subject, each.version) for each in client.get_schema_versions(number)}
    assert {(subject, 1), (f"{subject}-2", 1)} <= versions
    assert {subject, f"{subject}-2"} <= set(client.get_subjects_by_schema_id(number))


def test_versions_are_found_listed_and_looked_up(client: SchemaRegistryClient, subject: str) -> None:
    first, second = record(("id", "long")), record(("id", "long"), ("note", "string"), note="")
    numbers = [client.register_schema(subject, first), client.register_schema(subject, second)]
    assert numbers[0] != numbers[1]
    assert client.get_versions(subject) == [1, 2]
    assert client.get_latest_version(subject).version == 2
    assert client.get_version(subject, 1).schema_id == numbers[0]
    assert client.lookup_schema(subject, second).version == 2
    assert subject in client.get_subjects()
    assert client.get_subjects(subject_prefix=subject) == [subject]
    assert refusal(client.get_version, subject, 9) == (404, 40402)
    assert refusal(client.get_version, f"no-{subject}", 1) == (404, 40401)
    assert refusal(client.lookup_schema, subject, record(("other", "long"))) == (404, 40403)
    assert refusal(client.get_schema, 999_999) == (404, 40403)


def test_incompatible_schemas_are_refused_by_the_level(client: SchemaRegistryClient, subject: str) -> None:
    client.register_schema(subject, record(("id", "long")))
    wider = record(("id", "long"), ("note", "string"))
    assert not client.test_compatibility(subject, wider)
    assert refusal(client.register_schema, subject, wider) == (409, 409)
    assert client.set_compatibility(subject, "FORWARD")["compatibility"] == "FORWARD"
    assert client.get_compatibility(subject) == "FORWARD"
    assert client.test_compatibility(subject, wider)
    client.register_schema(subject, wider)
    assert client.get_versions(subject) == [1, 2]


def test_deletion_is_soft_first_and_then_for_good(client: SchemaRegistryClient, subject: str) -> None:
    number = client.register_schema(subject, record(("id", "long")))
    assert refusal(client.delete_version, subject, 1, permanent=True) == (404, 40407)
    assert client.delete_version(subject, 1) == 1
    assert refusal(client.get_versions, subject) == (404, 40401)
    assert client.get_versions(subject, deleted=True) == [1]
    client.clear_caches()
    assert client.get_schema(number).schema_str is not None
    assert client.delete_subject(subject, permanent=True) == [1]
    assert refusal(client.get_versions, subject, deleted=True) == (404, 40401)


def test_configuration_is_kept_for_a_subject_and_for_all(client: SchemaRegistryClient, subject: str) -> None:
    assert refusal(client.get_compatibility, subject) == (404, 40408)
    client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE, compatibility_group="app"))
    found = client.get_config(subject)
    assert (found.compatibility_level, found.compatibility_group) == ("NONE", "app")
    client.delete_config(subject)
    assert refusal(client.get_config, subject) == (404, 40408)
    assert client.get_compatibility() == "BACKWARD"


def test_references_are_resolved_and_protect_what_they_lead_to(client: SchemaRegistryClient, subject: str) -> None:
    client.register_schema(f"{subject}-part", Schema('{"type":"record","name":"Part","fields":[]}', "AVRO"))
    whole = json.dumps({"type": "record", "name": "Whole", "fields": [{"name": "part", "type": "Part"}]})
    reference = SchemaReference("Part", f"{subject}-part", 1)
    number = client.register_schema(subject, Schema(whole, "AVRO", [reference]))
    client.clear_caches()
    assert client.get_schema(number).references == [reference]
    assert client.get_referenced_by(f"{subject}-part", 1) == [number]
    assert refusal(client.delete_subject, f"{subject}-part") == (422, 42206)
    assert refusal(client.register_schema, f"{subject}-2", Schema(whole, "AVRO")) == (422, 42201)
    dangling = Schema(whole, "AVRO", [SchemaReference("Part", f"{subject}-part", 7)])
    assert refusal(client.register_schema, f"{subject}-2", dangling) == (422, 42201)


def test_import_keeps_ids_and_versions(client: SchemaRegistryClient, registry: SchemaRegistry, subject: str) -> None:
    schema = record(("imported", "long")).schema_str
    body = {"schema": schema, "id": 70_000, "version": 5}
    assert registry.call("POST", f"/subjects/{subject}/versions", body)[1]["error_code"] == 42205
    assert registry.call("PUT", f"/mode/{subject}", {"mode": "IMPORT"}) == (200, {"mode": "IMPORT"})
    assert client.get_mode(subject) == "IMPORT"
    assert registry.call("POST", f"/subjects/{subject}/versions", body)[1]["id"] == 70_000
    assert client.get_version(subject, 5).schema_id == 70_000
    assert registry.call("PUT", f"/mode/{subject}", {"mode": "READONLY"})[0] == 200
    assert refusal(client.register_schema, subject, record(("x", "long"))) == (422, 42205)
    assert refusal(client.delete_subject, subject) == (422, 42205)


def test_serializers_of_the_client_write_and_read(client: SchemaRegistryClient, subject: str) -> None:
    topic = subject.removesuffix("-value")
    context = SerializationContext(topic, MessageField.VALUE)
    schema = record(("id", "long"), ("note", ["null", "string"]), note=None)
    data = AvroSerializer(client, schema)({"id": 7, "note": "x"}, context)
    assert data is not None
    assert data[0] == 0
    assert int.from_bytes(data[1:5], "big") == client.lookup_schema(subject, schema).schema_id
    assert AvroDeserializer(client)(data, context) == {"id": 7, "note": "x"}


def test_json_schemas_are_checked_and_serialized(client: SchemaRegistryClient, subject: str) -> None:
    context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
    properties = {"id": {"type": "integer"}}
    closed = {"title": "Order", "type": "object", "properties": properties, "additionalProperties": False}
    schema = json.dumps(closed)
    data = JSONSerializer(schema, client)({"id": 7}, context)
    assert data is not None
    assert JSONDeserializer(schema, schema_registry_client=client)(data, context) == {"id": 7}
    wider = {**closed, "properties": {**properties, "note": {"type": "string"}}}
    assert client.test_compatibility(subject, Schema(json.dumps(wider), "JSON"))
    stricter = {**closed, "required": ["id"]}
    assert refusal(client.register_schema, subject, Schema(json.dumps(stricter), "JSON")) == (409, 409)
    assert refusal(client.register_schema, subject, Schema('{"type": "nothing"}', "JSON")) == (422, 42201)
    client.register_schema(subject, Schema(json.dumps(wider), "JSON"))
    assert client.get_versions(subject) == [1, 2]


def order_message() -> Any:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    message = file.message_type.add(name="Order")
    message.field.add(name="paths", number=1, type=9, label=3)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


def test_protobuf_schemas_come_as_descriptors_and_as_texts(client: SchemaRegistryClient, subject: str) -> None:
    context = SerializationContext(subject.removesuffix("-value"), MessageField.VALUE)
    kind = order_message()
    data = ProtobufSerializer(kind, client, {"use.deprecated.format": False})(kind(paths=["a", "b"]), context)
    assert data is not None
    client.clear_caches()
    read = ProtobufDeserializer(kind, {"use.deprecated.format": False}, client)(data, context)
    assert list(read.paths) == ["a", "b"]
    text = client.get_latest_version(subject).schema.schema_str
    assert text == 'syntax = "proto3";\npackage shop;\n\nmessage Order {\n  repeated string paths = 1;\n}\n'
    assert client.register_schema(subject, Schema(text, "PROTOBUF")) == int.from_bytes(data[1:5], "big")
    other = text.replace("repeated string paths = 1", "repeated int64 paths = 1")
    assert refusal(client.register_schema, subject, Schema(other, "PROTOBUF")) == (409, 409)
    assert refusal(client.register_schema, subject, Schema("message {", "PROTOBUF")) == (422, 42201)


def test_the_client_logs_in_where_the_registry_wants_it(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("alice: secret,admin\n")
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    (tmp_path / "jaas").write_text(f'Props {{ {module} required file="{tmp_path}/users"; }};')
    login = {"authentication.method": "BASIC", "authentication.realm": "Props"}
    server = SchemaRegistry(tmp_path / "registry", None, {**login, "linkspan.jaas.config.file": tmp_path / "jaas"})
    server.start()
    try:
        with SchemaRegistryClient({"url": server.url, "basic.auth.user.info": "alice:secret"}) as client:
            assert client.register_schema("s", record(("id", "long"))) == 1
        with SchemaRegistryClient({"url": server.url, "basic.auth.user.info": "alice:wrong"}) as client:
            assert refusal(client.get_subjects) == (401, 401)
    finally:
        server.stop()
