"""Consumer group offsets of sinks as REST reads and writes them (spec/runtime.md 4.12). Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from linkspan.api.errors import ConfigError
from linkspan.api.records import TopicPartition
from linkspan.log.topic_names import what_is_wrong_with

__all__ = ["parse", "render", "still_in_use"]

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)


def _number(value: object, what: str, bits: int) -> int:
    text = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if _NUMBER.fullmatch(text) and -(1 << (bits - 1)) <= int(text) < 1 << (bits - 1):
        return int(text)
    message = (
        f"Failed to parse the following Kafka {what} value in the provided offsets: '{text}'. "
        f"{what.capitalize()} values for sink connectors need to be integers."
    )
    raise ConfigError(message)


def _place(partition: Mapping[str, Any]) -> TopicPartition:
    if "kafka_topic" not in partition or "kafka_partition" not in partition:
        message = "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'"
        raise ConfigError(message)
    if partition["kafka_topic"] is None:
        message = "Kafka topic names must be valid strings and may not be null"
        raise ConfigError(message)
    if partition["kafka_partition"] is None:
        message = "Kafka partitions must be valid numbers and may not be null"
        raise ConfigError(message)
    place = TopicPartition(str(partition["kafka_topic"]), _number(partition["kafka_partition"], "partition", 32))
    problem = what_is_wrong_with(place.topic)
    if problem is not None:
        raise ConfigError(problem)
    if place.partition < 0:
        message = f"Kafka partitions may not be negative, but one of {place.topic} is {place.partition}"
        raise ConfigError(message)
    return place


def parse(offsets: Iterable[Mapping[str, Any]]) -> dict[TopicPartition, int | None]:
    """Offsets of a request; of entries with the same partition the last one counts.

    Raises:
        ConfigError: an entry is malformed (Kafka's wording), or names what there cannot be.
    """
    parsed: dict[TopicPartition, int | None] = {}
    for entry in offsets:
        partition, offset = entry.get("partition"), entry.get("offset")
        if partition is None:
            message = "The partition for a sink connector offset cannot be null or missing"
            raise ConfigError(message)
        place = _place(partition)
        if offset is None:
            parsed[place] = None
            continue
        if "kafka_offset" not in offset:
            message = "The offset for a sink connector should either be null or contain the key 'kafka_offset'"
            raise ConfigError(message)
        position = _number(offset["kafka_offset"], "offset", 64)
        if position < 0:
            message = f"Kafka offsets may not be negative, but that of {place.topic}-{place.partition} is {position}"
            raise ConfigError(message)
        parsed[place] = position
    return parsed


def render(offsets: Mapping[TopicPartition, int]) -> list[dict[str, object]]:
    """Offsets as REST shows them."""
    return [
        {
            "partition": {"kafka_partition": place.partition, "kafka_topic": place.topic},
            "offset": {"kafka_offset": offset},
        }
        for place, offset in offsets.items()
    ]


def still_in_use(connector: str, verb: str) -> str:
    """Text of the error when the group still has members; ``verb`` is ``alter`` or ``reset``."""
    return (
        f"Failed to {verb} consumer group offsets for connector {connector} either because its tasks haven't stopped "
        f"completely yet or the connector was resumed before the request to {verb} its offsets could be successfully "
        "completed. If the connector is in a stopped state, this operation can be safely retried. If it doesn't "
        "eventually succeed, the Connect cluster may need to be restarted to get rid of the zombie sink tasks."
    )
