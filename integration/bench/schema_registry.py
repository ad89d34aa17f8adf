"""Converters with a schema registry: Confluent's in the original worker and ours, in turn, on one registry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from integration.bench import scenario
from integration.bench.originals import DefaultWorker
from integration.bench.table import Row, say, table
from integration.services import confluent
from integration.services.kafka import VERSION, Broker, OriginalWorker
from integration.services.linkspan import LinkspanWorker
from integration.services.schema_registry import SchemaRegistry
from linkspan.api import Column, Schema, Type, schema
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.protobuf.converter import ProtobufConverter
from linkspan.convert.registered import RegistryConverter

HEADING: Final = "Converters with a schema registry"
_CONVERTERS: Final[Mapping[str, type[RegistryConverter]]] = {"Avro": AvroConverter, "Protobuf": ProtobufConverter}
_ROW: Final = Schema(
    Type.STRUCT,
    name="bench.Row",
    fields={
        "id": schema.INT64,
        "name": schema.STRING,
        "price": schema.FLOAT64,
        "active": schema.BOOLEAN,
        "note": schema.OPTIONAL_STRING,
    },
)
_NOTES: Final = (None, "x" * 50, "y" * 40)
_HOIST: Final = {
    "transforms": "row",
    "transforms.row.type": "org.apache.kafka.connect.transforms.HoistField$Value",
    "transforms.row.field": "line",
}


def measure(broker: Broker, rounds: int, records: int, folder: Path) -> str:
    """Run all rounds; the section for the page."""
    figures: dict[str, Row] = {}
    for name in _CONVERTERS:
        figures[f"{name} sink"] = Row(f"Kafka → file, {name}Converter, 5 fields", "records/s", "≥ 1", True)
        figures[f"{name} source"] = Row(
            f"file → Kafka, HoistField and {name}Converter, 1 field", "records/s", "≥ 1", True
        )
    topics = scenario.Topics(broker.bootstrap)
    file = folder / "registry-lines.txt"
    file.write_bytes(b"\n".join(scenario.lines(records)) + b"\n")
    registry = SchemaRegistry(folder / "registry", None)
    registry.start()
    try:
        for name in _CONVERTERS:
            _fill(topics, name, registry.url, records)
        for turn in range(rounds):
            for subject, worker in _workers(broker, folder / f"registry-{turn}"):
                say(f"converters with a registry, round {turn + 1} of {rounds}: {subject}")
                worker.start()
                try:
                    for name, kind in _CONVERTERS.items():
                        config = _settings(kind, registry.url)
                        rate = scenario.sink_rate(worker, _topic(name), records, config, folder)
                        figures[f"{name} sink"].add(subject, rate)
                        rate = scenario.source_rate(worker, topics, file, records, {**config, **_HOIST})
                        figures[f"{name} source"].add(subject, rate)
                finally:
                    worker.stop()
    finally:
        registry.stop()
    for name in _CONVERTERS:
        topics.delete(_topic(name))
    return f"""Confluent's converters {confluent.VERSION} in the standalone worker of Apache Kafka {VERSION} against
ours, alternating in one run on one machine with one broker and one registry (`linkspan registry`): {rounds} rounds,
{records:,} records of about 100 bytes, one task. Medians; the ratio says how many times better Linkspan is.

{scenario.measured()}

{table(figures)}"""


def _workers(broker: Broker, folder: Path) -> list[tuple[str, OriginalWorker | LinkspanWorker]]:
    plugins = Path(confluent.class_path()).parents[1]
    return [
        ("original", DefaultWorker(folder / "original", broker.bootstrap, {"plugin.path": plugins})),
        ("linkspan", LinkspanWorker(folder / "linkspan", broker.bootstrap)),
    ]


def _settings(kind: type[RegistryConverter], url: str) -> dict[str, str]:
    return {"value.converter": str(kind.java_class), "value.converter.schema.registry.url": url}


def _topic(name: str) -> str:
    return f"bench-{name.lower()}"


def _fill(topics: scenario.Topics, name: str, url: str, records: int) -> None:
    converter, topic = _CONVERTERS[name](), _topic(name)
    converter.configure(load(type(converter).config_class, {"schema.registry.url": url}), is_key=False)
    values = [
        {"id": at, "name": f"name of {at}", "price": at / 7, "active": at % 2 == 0, "note": _NOTES[at % 3]}
        for at in range(records)
    ]
    payloads = converter.from_connect_batch(topic, Column(values, _ROW))
    converter.close()
    topics.create(topic)
    topics.fill(topic, [payload for payload in payloads if payload is not None])
