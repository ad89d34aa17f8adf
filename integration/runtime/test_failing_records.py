"""Bad records and systems that are away, on a real broker: the right stage, a message that says where, nothing lost."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.runtime.test_standalone_process import lines, wait_until
from integration.services import topics
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker
from integration.services.schema_registry import SchemaRegistry
from linkspan.api import Schema, Type, schema
from linkspan.api.records import TopicPartition
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.json_schema.converter import JsonSchemaConverter
from linkspan.convert.protobuf.converter import ProtobufConverter
from linkspan.convert.registered import RegistryConverter

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PLUGINS: Final = Path(__file__).parent / "plugin_path"
PREFIX: Final = "__connect.errors."
MEGABYTE: Final = 1_000_000
JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
PLAIN_JSON: Final = {"value.converter": JSON, "value.converter.schemas.enable": "false"}
ALL: Final = {"errors.tolerance": "all"}
NONE: Final = {"errors.tolerance": "none"}
TRANSFORMS: Final = "org.apache.kafka.connect.transforms."
REGISTERED: Final = (AvroConverter, ProtobufConverter, JsonSchemaConverter)
UNKNOWN_ID: Final = 777_777


class Bench:
    """A worker, and topics and connectors with names of their own."""

    def __init__(self, bootstrap: str, worker: LinkspanWorker, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.worker = worker
        self.folder = folder
        self.name = f"bad-{uuid.uuid4().hex[:8]}"
        self.queue = f"{self.name}-dlq"
        self.file = folder / f"{self.name}.txt"

    def topic(self, **config: object) -> str:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        name = f"{self.name}-topic"
        new = NewTopic(name, 1, 1, config={key.replace("_", "."): str(value) for key, value in config.items()})
        admin.create_topics([new])[name].result(30)
        return name

    def fill(self, topic: str, values: Sequence[bytes], headers: Sequence[Any] | None = None) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "message.max.bytes": 5 * MEGABYTE})
        for index, value in enumerate(values):
            producer.produce(topic, value, partition=0, headers=headers[index] if headers else None)
        assert producer.flush(30) == 0

    def create(self, config: Mapping[str, object], *, with_queue: bool = True) -> None:
        queue = {
            "errors.deadletterqueue.topic.name": self.queue,
            "errors.deadletterqueue.topic.replication.factor": 1,
            "errors.deadletterqueue.context.headers.enable": True,
        }
        everything = {"tasks.max": 1, **(queue if with_queue else {}), **config}
        body = {"name": self.name, "config": {key: str(value) for key, value in everything.items()}}
        status, answer = request("POST", f"{self.worker.url}/connectors", body)
        assert status == 201, answer

    def source(self, topic: str, text: Sequence[str], **config: object) -> None:
        self.file.write_text("".join(f"{line}\n" for line in text))
        changes = {key.replace("_", "."): value for key, value in config.items()}
        with_queue = changes.pop("with.queue", True)
        self.create(
            {"connector.class": "FileStreamSource", "file": self.file, "topic": topic, **changes},
            with_queue=bool(with_queue),
        )

    def sink(self, topic: str, config: Mapping[str, object]) -> None:
        self.create({"connector.class": "FileStreamSink", "file": self.file, "topics": topic, **config})

    def task(self) -> tuple[str | None, str]:
        _, body = request("GET", f"{self.worker.url}/connectors/{self.name}/status")
        assert isinstance(body, dict)
        return (body["tasks"][0]["state"], body["tasks"][0].get("trace", "")) if body.get("tasks") else (None, "")

    def failure(self) -> str:
        wait_until(lambda: self.task()[0] == "FAILED", "the task has failed")
        return self.task()[1]

    def letters(self) -> list[topics.Record]:
        return topics.records(self.bootstrap, self.queue)

    def committed(self, topic: str) -> int | None:
        return topics.committed(self.bootstrap, f"connect-{self.name}").get(TopicPartition(topic, 0))

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"{self.worker.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if self._is(line, name)), 0.0)

    def _is(self, line: str, name: str) -> bool:
        return line.startswith(f"{name}{{") and f'connector="{self.name}"' in line


def context(letter: topics.Record) -> dict[str, str | None]:
    """Headers of ours, without the beginning of their names."""
    own = [(name, value) for name, value in letter.headers if name.startswith(PREFIX)]
    return {name.removeprefix(PREFIX): None if value is None else value.decode() for name, value in own}


@pytest.fixture(scope="module")
def worker(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkspanWorker]:
    settings = {"plugin.path": PLUGINS, "offset.flush.interval.ms": 300}
    running = LinkspanWorker(tmp_path_factory.mktemp("bad") / "w", kafka.bootstrap, settings)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def bench(kafka: Any, worker: LinkspanWorker, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka.bootstrap, worker, tmp_path)
    yield made
    request("DELETE", f"{worker.url}/connectors/{made.name}")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    made = SchemaRegistry(tmp_path_factory.mktemp("registry"), None)
    made.start()
    yield made
    made.stop()


def test_a_record_larger_than_the_producer_allows_fails_a_source_naming_size_and_limit(bench: Bench) -> None:
    topic = bench.topic()
    bench.source(topic, ["one", "x" * 2 * MEGABYTE, "three"], with_queue=False)
    trace = bench.failure()
    assert trace.startswith(f"Task {bench.name}-0 failed (data.too_large): ")
    said = trace.partition("\n")[0]
    for part in ("KAFKA_PRODUCE", f"topic {topic}", "2000000 bytes", "max.request.size=1048576", str(bench.file)):
        assert part in said


def test_a_record_larger_than_the_producer_allows_is_set_aside_and_the_rest_arrives(bench: Bench) -> None:
    topic = bench.topic()
    bench.source(topic, ["one", "x" * 2 * MEGABYTE, "three"], errors_tolerance="all")
    wait_until(lambda: len(topics.values(bench.bootstrap, topic)) == 2, "the good ones are there")
    assert topics.values(bench.bootstrap, topic) == ["one", "three"]
    wait_until(lambda: len(bench.letters()) == 1, "there is a letter")
    (letter,) = bench.letters()
    about = context(letter)
    assert letter.value is None, "it is too large for the queue, too"
    assert about["value.omitted.bytes"] == str(2 * MEGABYTE)
    assert (about["stage"], about["topic"], about["connector.name"]) == ("KAFKA_PRODUCE", topic, bench.name)
    assert about["source.partition"] == f'{{"filename":"{bench.file}"}}'
    assert "2000000 bytes" in (about["exception.message"] or "")
    assert bench.task()[0] == "RUNNING"


def test_a_record_larger_than_its_topic_allows_is_set_aside_as_it_was_sent(bench: Bench) -> None:
    topic = bench.topic(max_message_bytes=100_000)
    large = "y" * 200_000
    bench.source(topic, ["one", large, "three"], errors_tolerance="all")
    wait_until(lambda: len(bench.letters()) == 1, "there is a letter")
    (letter,) = bench.letters()
    assert letter.value == large.encode()
    assert context(letter)["stage"] == "KAFKA_PRODUCE"
    wait_until(lambda: set(topics.values(bench.bootstrap, topic)) == {"one", "three"}, "the good ones are there")


def test_a_letter_of_a_sink_that_its_queue_does_not_take_says_where_the_record_lies(bench: Bench) -> None:
    topic = bench.topic(max_message_bytes=3 * MEGABYTE)
    bench.fill(topic, [b'"one"', b"{" + b"x" * 2 * MEGABYTE, b'"three"'])
    bench.sink(topic, {**PLAIN_JSON, **ALL})
    wait_until(lambda: bench.committed(topic) == 3, "all offsets are committed")
    assert lines(bench.file) == ["one", "three"]
    (letter,) = bench.letters()
    about = context(letter)
    assert (letter.value, about["value.omitted.bytes"]) == (None, str(2 * MEGABYTE + 1))
    place = (about["topic"], about["partition"], about["offset"], about["stage"])
    assert place == (topic, "0", "1", "VALUE_CONVERTER")


@pytest.mark.parametrize(
    ("queue", "factor", "said"),
    [("{}-dlq", 3, "replication.factor=3"), ("a topic/{}", 1, "errors.deadletterqueue.topic.name: 'a topic/")],
)
@pytest.mark.parametrize("kind", ["source", "sink"])
def test_a_dead_letter_topic_that_cannot_be_created_fails_the_task_before_it_takes_a_record(
    bench: Bench, kind: str, queue: str, factor: int, said: str
) -> None:
    topic = bench.topic()
    names = {
        "errors.deadletterqueue.topic.name": queue.format(bench.name),
        "errors.deadletterqueue.topic.replication.factor": factor,
    }
    if kind == "sink":
        bench.fill(topic, [b'"one"'])
        bench.sink(topic, {**PLAIN_JSON, **names})
    else:
        bench.file.write_text("one\n")
        bench.create({"connector.class": "FileStreamSource", "file": bench.file, "topic": topic, **names})
    trace = bench.failure()
    assert trace.startswith(f"Task {bench.name}-0 failed (")
    assert said in trace
    if kind == "sink":
        assert bench.committed(topic) is None
        assert lines(bench.file) == []
    else:
        assert topics.values(bench.bootstrap, topic) == []


def test_headers_that_are_no_text_pass_by_default_and_fail_as_headers_where_they_have_to_be_one(bench: Bench) -> None:
    topic = bench.topic()
    bad = [("h", b"\xff\xfe\xfd"), ("none", None)]
    bench.fill(topic, [b'"one"', b'"two"'], [bad, []])
    bench.sink(topic, {**PLAIN_JSON, **ALL})
    wait_until(lambda: lines(bench.file) == ["one", "two"], "both are there")
    assert bench.letters() == []
    request("DELETE", f"{bench.worker.url}/connectors/{bench.name}")
    bench.name = f"{bench.name}-strict"
    bench.sink(topic, {**PLAIN_JSON, "header.converter": JSON, **ALL})
    wait_until(lambda: bench.committed(topic) == 2, "all offsets are committed")
    (letter,) = bench.letters()
    assert letter.headers[:2] == bad
    assert (context(letter)["stage"], context(letter)["offset"]) == ("HEADER_CONVERTER", "0")


def test_an_outage_of_a_converter_sets_nothing_aside_and_heals_by_itself(bench: Bench, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    topic = bench.topic()
    bench.fill(topic, [b"one", b"bad", *(b"%d" % number for number in range(1000))])
    bench.sink(topic, {"value.converter": "UnsteadyConverter", "value.converter.needs": registry, **ALL})
    wait_until(lambda: bench.metric("linkspan_task_outage_seconds_total") > 1, "the outage lasts", 30)
    assert bench.task()[0] == "RUNNING"
    assert (bench.letters(), bench.committed(topic), lines(bench.file)) == ([], None, [])
    groups = topics.places(AdminClient({"bootstrap.servers": bench.bootstrap}), f"connect-{bench.name}")
    assert len(groups) == 1, "the task has kept its place in its group"
    log = bench.worker.log.read_text()
    assert log.count(f"Task {bench.name}-0 is held up, and goes on by itself") == 1
    registry.touch()
    wait_until(lambda: len(lines(bench.file)) == 1001, "all the others are there")
    wait_until(lambda: bench.committed(topic) == 1002, "all offsets are committed")
    (letter,) = bench.letters()
    assert (letter.value, context(letter)["stage"]) == (b"bad", "VALUE_CONVERTER")
    assert bench.metric("linkspan_task_outages_total") == 1


# --- schema registry --------------------------------------------------------------------------------------------------


def with_registry(kind: type[RegistryConverter], registry: SchemaRegistry) -> dict[str, object]:
    return {"value.converter": kind.java_class, "value.converter.schema.registry.url": registry.url}


def rows(kind: type[RegistryConverter], registry: SchemaRegistry, topic: str, count: int) -> list[bytes]:
    """So many rows as a converter writes them."""
    row = Schema(Type.STRUCT, name="shop.Row", fields={"id": schema.INT32})
    made = kind()
    made.configure(load(kind.config_class, {"schema.registry.url": registry.url}), is_key=False)
    try:
        return [made.from_connect(topic, row, {"id": number}) or b"" for number in range(count)]
    finally:
        made.close()


@pytest.mark.parametrize("tolerance", [ALL, NONE], ids=["all", "none"])
@pytest.mark.parametrize("kind", REGISTERED)
def test_a_schema_id_that_the_registry_does_not_know_is_the_fault_of_its_records(
    bench: Bench, registry: SchemaRegistry, kind: type[RegistryConverter], tolerance: Mapping[str, str]
) -> None:
    topic = bench.topic()
    one, two = rows(kind, registry, topic, 2)
    bad = b"\0" + UNKNOWN_ID.to_bytes(4, "big") + one[5:]
    bench.fill(topic, [one, bad, two, bad])
    bench.sink(topic, {**with_registry(kind, registry), **tolerance})
    if tolerance is ALL:
        wait_until(lambda: bench.committed(topic) == 4, "all offsets are committed")
        assert lines(bench.file) == ["Struct{id=0}", "Struct{id=1}"]
        wrong = ["1", "3"]
    else:
        said = bench.failure().partition("\n")[0]
        assert said.startswith(f"Task {bench.name}-0 failed (data): ")
        for part in ("VALUE_CONVERTER", f"{topic}-0 at offset 1", f"id {UNKNOWN_ID}", "40403"):
            assert part in said
        assert (bench.committed(topic), lines(bench.file)) == (None, [])
        wrong = ["1"]
    found = bench.letters()
    assert [letter.value for letter in found] == [bad] * len(wrong)
    assert [context(letter)["offset"] for letter in found] == wrong
    assert {context(letter)["stage"] for letter in found} == {"VALUE_CONVERTER"}
    assert all(str(UNKNOWN_ID) in (context(letter)["exception.message"] or "") for letter in found)


@pytest.mark.parametrize("tolerance", [ALL, NONE], ids=["all", "none"])
@pytest.mark.parametrize("kind", REGISTERED)
def test_a_schema_that_the_registry_refuses_is_the_fault_of_its_records_until_it_takes_it(
    bench: Bench, registry: SchemaRegistry, kind: type[RegistryConverter], tolerance: Mapping[str, str]
) -> None:
    topic = bench.topic()
    (first,) = rows(kind, registry, topic, 1)
    named = {
        "transforms": "hoist,name",
        "transforms.hoist.type": f"{TRANSFORMS}HoistField$Value",
        "transforms.hoist.field": "id",
        "transforms.name.type": f"{TRANSFORMS}SetSchemaMetadata$Value",
        "transforms.name.schema.name": "shop.Row",
    }
    bench.file.write_text("text\n")  # where there was a number
    bench.create(
        {
            "connector.class": "FileStreamSource",
            "file": bench.file,
            "topic": topic,
            **with_registry(kind, registry),
            **named,
            **tolerance,
        }
    )
    if tolerance is NONE:
        said = bench.failure()
        assert said.startswith(f"Task {bench.name}-0 failed (data): ")
        for part in ("VALUE_CONVERTER", f"topic {topic}", str(bench.file), f"{topic}-value", "error code: 409"):
            assert part in said
    wait_until(lambda: len(bench.letters()) == 1, "there is a letter")
    about = context(bench.letters()[0])
    assert (about["stage"], about["topic"]) == ("VALUE_CONVERTER", topic)
    assert about["source.partition"] == f'{{"filename":"{bench.file}"}}'
    assert "incompatible with an earlier schema" in (about["exception.message"] or "")
    assert topics.records(bench.bootstrap, topic) == []
    assert registry.call("GET", f"/subjects/{topic}-value/versions") == (200, [1])
    assert registry.call("PUT", f"/config/{topic}-value", {"compatibility": "NONE"})[0] == 200
    if tolerance is NONE:
        assert request("POST", f"{bench.worker.url}/connectors/{bench.name}/tasks/0/restart")[0] == 204
        wanted = 1
    else:
        wanted = 2

    def taken() -> bool:
        if tolerance is ALL:  # the registry is not asked again at once, and what fails meanwhile is set aside
            with bench.file.open("a") as file:
                file.write("more\n")
        return len(topics.records(bench.bootstrap, topic)) >= wanted

    wait_until(taken, "records of the new schema are there")
    assert {record.value[:5] for record in topics.records(bench.bootstrap, topic) if record.value} != {first[:5]}
    assert registry.call("GET", f"/subjects/{topic}-value/versions") == (200, [1, 2])
