"""Settings of the clients that a connector's tasks open (spec/runtime.md 4.8). Pure functions.

Later layers win: base, then the worker's keys with the client's prefix, then the connector's overrides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from linkspan.config.clients import definition_of
from linkspan.config.policy import policy_of

__all__ = [
    "admin_settings",
    "check_overrides",
    "consumer_settings",
    "dead_letters_wanted",
    "producer_settings",
    "sink_group",
    "task_clients",
    "task_worker_config",
    "topic_admin_settings",
    "worker_admin_settings",
]

_CLIENTS = ("producer", "consumer", "admin")
_DLQ_KEY = "errors.deadletterqueue.topic.name"
_CONVERTERS = ("key.converter", "value.converter", "header.converter")
_TASK_WORKER_KEYS = ("topic.creation.enable", "task.shutdown.graceful.timeout.ms")
_PRODUCER_BASE = {
    "key.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "value.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "acks": "all",
    "max.in.flight.requests.per.connection": "1",
    "max.block.ms": "9223372036854775807",
    "delivery.timeout.ms": "2147483647",
}
_CONSUMER_BASE = {
    "key.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer",
    "value.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer",
    "enable.auto.commit": "false",
    "auto.offset.reset": "earliest",
}


def with_prefix(config: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Keys that begin with ``prefix``, without it."""
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}


def _bootstrap(worker: Mapping[str, str]) -> dict[str, str]:
    return {"bootstrap.servers": worker["bootstrap.servers"]} if "bootstrap.servers" in worker else {}


def check_overrides(worker: Mapping[str, str], connector: Mapping[str, str]) -> None:
    """Let the worker's policy judge the connector's client overrides.

    Raises:
        ConfigError: one is not allowed.
    """
    for client in _CLIENTS:
        policy_of(worker).check(with_prefix(connector, f"{client}.override."))


def producer_settings(
    worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int | None = None, role: str = "producer"
) -> dict[str, str]:
    """Settings of a producer; ``role`` is ``producer`` or ``dlq-producer``."""
    suffix = "" if task is None else f"-{task}"
    return {
        **_bootstrap(worker),
        **_PRODUCER_BASE,
        "client.id": f"connector-{role}-{name}{suffix}",
        **with_prefix(worker, "producer."),
        **with_prefix(connector, "producer.override."),
    }


def consumer_settings(
    worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int | None = None
) -> dict[str, str]:
    """Settings of a sink task's consumer."""
    suffix = "" if task is None else f"-{task}"
    return {
        **_bootstrap(worker),
        **_CONSUMER_BASE,
        "group.id": f"connect-{name}",
        "client.id": f"connector-consumer-{name}{suffix}",
        **with_prefix(worker, "consumer."),
        **with_prefix(connector, "consumer.override."),
    }


def admin_settings(worker: Mapping[str, str], connector: Mapping[str, str], client_id: str) -> dict[str, str]:
    """Settings of an admin client; as in Java the worker's own client settings apply too, even its ``client.id``."""
    return {
        "client.id": client_id,
        **worker_admin_settings(worker),
        **with_prefix(worker, "admin."),
        **with_prefix(connector, "admin.override."),
    }


def worker_admin_settings(worker: Mapping[str, str]) -> dict[str, str]:
    """What of the worker's properties an admin client understands."""
    known = definition_of("admin")
    return {key: value for key, value in worker.items() if key in known}


def sink_group(worker: Mapping[str, str], connector: Mapping[str, str], name: str) -> str:
    """Consumer group of a sink."""
    return consumer_settings(worker, connector, name)["group.id"]


def dead_letters_wanted(connector: Mapping[str, str]) -> bool:
    """Whether a sink has a dead letter queue."""
    return bool(connector.get(_DLQ_KEY, "").strip())


def task_clients(
    kind: Literal["source", "sink"], worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int
) -> dict[str, dict[str, str]]:
    """Settings of exactly those clients that the task opens: what it does not open it has no credentials for."""
    if kind == "source":
        return {"producer": producer_settings(worker, connector, name, task)}
    clients = {"consumer": consumer_settings(worker, connector, name, task)}
    if dead_letters_wanted(connector):
        clients["producer"] = producer_settings(worker, connector, name, task, "dlq-producer")
    return clients


def topic_admin_settings(
    kind: Literal["source", "sink"], worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int
) -> dict[str, str]:
    """Settings of the admin client that creates a task's topics, in the worker's name unless overridden."""
    suffix = f"adminclient-{name}-{task}" if kind == "source" else "dlq-adminclient-"
    return admin_settings(worker, connector, f"connector-{suffix}")


def task_worker_config(worker: Mapping[str, str], connector: Mapping[str, str]) -> dict[str, str]:
    """Worker keys that a task needs: converters that the connector does not choose itself, flush times, limits."""
    wanted = {
        key: value for key, value in worker.items() if key in _TASK_WORKER_KEYS or key.startswith("offset.flush.")
    }
    for converter in _CONVERTERS:
        if converter not in connector:
            own = {key: value for key, value in worker.items() if key == converter or key.startswith(f"{converter}.")}
            wanted.update(own)
    return wanted
