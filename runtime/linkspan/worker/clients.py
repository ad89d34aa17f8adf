"""Settings of the clients that a connector's tasks open (spec/runtime.md 4.8). Pure functions.

Later layers win: base, then the worker's keys with the client's prefix, then the connector's overrides.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from typing import Final, Literal

from linkspan.config.clients import definition_of, is_password
from linkspan.config.policy import policy_of

__all__ = [
    "admin_settings",
    "check_overrides",
    "consumer_settings",
    "copies_offsets",
    "dead_letters_wanted",
    "keeps_place",
    "offset_topic",
    "offset_topic_clients",
    "override_passwords",
    "own_offset_topic",
    "producer_settings",
    "sink_group",
    "static_member",
    "task_clients",
    "task_worker_config",
    "topic_admin_settings",
    "transactional_id",
    "transactional_producer",
    "with_quick_ends",
    "worker_admin_settings",
]

_log = logging.getLogger(__name__)

_CLIENTS = ("producer", "consumer", "admin")
_IN_FLIGHT: Final = "max.in.flight.requests.per.connection"
_OWN_OFFSETS: Final = "offsets.storage.topic"
_WORKER_OFFSETS: Final = "offset.storage.topic"
_DLQ_KEY = "errors.deadletterqueue.topic.name"
_CONVERTERS = ("key.converter", "value.converter", "header.converter")
_TASK_WORKER_KEYS = ("topic.creation.enable", "task.shutdown.graceful.timeout.ms", "plugin.path")
_INSTANCE: Final = "group.instance.id"
_LEAVES: Final = "internal.leave.group.on.close"
_READ_AHEAD: Final = "internal.read.ahead.bytes"
_READABLE: Final = 200
"""Characters of a name that are kept for who reads it; Kafka allows 249 in all."""
_PRODUCER_BASE = {
    "key.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "value.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer",
    "acks": "all",
    _IN_FLIGHT: "1",
    "max.block.ms": "9223372036854775807",
    "delivery.timeout.ms": "2147483647",
}
_DLQ_ROLE: Final = "dlq-producer"
_UNHURRIED: Final = {"linger.ms": "100"}
"""Nobody waits for a letter; a commit of offsets does, and has them sent at once."""
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


def override_passwords(connector: Mapping[str, str]) -> set[str]:
    """The connector's client overrides that hold passwords."""
    return {
        key
        for client in _CLIENTS
        for key in connector
        if key.startswith(f"{client}.override.") and is_password(client, key.removeprefix(f"{client}.override."))
    }


def producer_settings(
    worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int | None = None, role: str = "producer"
) -> dict[str, str]:
    """Settings of a producer; ``role`` is ``producer`` or ``dlq-producer``."""
    suffix = "" if task is None else f"-{task}"
    return {
        **_bootstrap(worker),
        **_PRODUCER_BASE,
        **(_UNHURRIED if role == _DLQ_ROLE else {}),
        "client.id": f"connector-{role}-{name}{suffix}",
        **with_prefix(worker, "producer."),
        **with_prefix(connector, "producer.override."),
    }


def transactional_id(group: str, connector: str, task: int) -> str:
    """Id that an exactly-once task writes with, and that fences out whoever writes with it (spec/runtime.md 4.11)."""
    return f"{group}-{connector}-{task}"


def transactional_producer(
    worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int, group: str
) -> dict[str, str]:
    """Settings of the producer of an exactly-once task; what a user has set otherwise gives way, with a warning."""
    settings = producer_settings(worker, connector, name, task)
    if f"producer.{_IN_FLIGHT}" not in worker and f"producer.override.{_IN_FLIGHT}" not in connector:
        settings[_IN_FLIGHT] = "5"  # which idempotence allows without losing the order
    forced = {"enable.idempotence": "true", "transactional.id": transactional_id(group, name, task)}
    for key, value in forced.items():
        given = settings.get(key)
        if given is not None and given.lower() != value.lower():
            _log.warning(
                "The value '%s' for property '%s' will be ignored as it is required to be '%s' for connectors when "
                "exactly-once source support is enabled",
                given,
                key,
                value,
            )
    return {**settings, **forced}


def offset_topic(worker: Mapping[str, str], connector: Mapping[str, str]) -> str:
    """Topic that the offsets of a source go to first: its own, or the workers'."""
    return connector.get(_OWN_OFFSETS) or worker.get(_WORKER_OFFSETS, "")


def own_offset_topic(
    worker: Mapping[str, str], connector: Mapping[str, str], name: str, *, exactly_once: bool
) -> str | None:
    """Topic that keeps the offsets of this source alone; None when the worker's own store does (spec/runtime.md 2.5).

    In a transaction they can only go where the records go, so another cluster means another topic.

    Args:
        worker: the worker's properties.
        connector: the connector's.
        name: of the connector.
        exactly_once: whether its tasks deliver in transactions.
    """
    topic = offset_topic(worker, connector) if exactly_once else connector.get(_OWN_OFFSETS)
    if not topic:
        return None
    theirs = _addresses(producer_settings(worker, connector, name))
    if topic == worker.get(_WORKER_OFFSETS) and theirs == _addresses(worker):
        return None
    return topic


def copies_offsets(worker: Mapping[str, str], connector: Mapping[str, str]) -> bool:
    """Whether the worker's topic gets a copy of what an exactly-once task stores.

    Not of a topic with the same name: it may be the same one under another address, and a copy that comes late would
    take the place of a newer offset.
    """
    return offset_topic(worker, connector) != worker.get(_WORKER_OFFSETS)


def _addresses(settings: Mapping[str, str]) -> set[str]:
    return {address.strip() for address in settings.get("bootstrap.servers", "").split(",")}


def offset_topic_clients(
    worker: Mapping[str, str], connector: Mapping[str, str], name: str, *, exactly_once: bool
) -> dict[str, dict[str, str]]:
    """Settings of the clients of a topic that keeps the offsets of one source."""
    committed = {"isolation.level": "read_committed"}
    consumer = with_quick_ends({**committed, **consumer_settings(worker, connector, name)})
    if exactly_once:
        given = consumer["isolation.level"]
        if given.lower() != committed["isolation.level"]:
            _log.warning("isolation.level=%s of source connector %s is ignored: it is read_committed", given, name)
        consumer.update(committed)
    return {
        "producer": producer_settings(worker, connector, name),
        "consumer": consumer,
        "admin": admin_settings(worker, connector, f"connector-adminclient-{name}"),
    }


def with_quick_ends(consumer: Mapping[str, str]) -> dict[str, str]:
    """Settings of a consumer of a topic in which transactions end.

    Behind the last record of a transaction comes its end, which is no record: the library tells that it has got there
    when the broker answers that there is nothing more, after 500 ms by default.
    """
    return {"fetch.max.wait.ms": "100", **consumer}


def consumer_settings(
    worker: Mapping[str, str],
    connector: Mapping[str, str],
    name: str,
    task: int | None = None,
    read_ahead: int | None = None,
) -> dict[str, str]:
    """Settings of a sink task's consumer; ``read_ahead`` limits the bytes of records that it holds in advance."""
    suffix = "" if task is None else f"-{task}"
    return {
        **_bootstrap(worker),
        **_CONSUMER_BASE,
        **({} if read_ahead is None else {_READ_AHEAD: str(read_ahead), "fetch.max.bytes": str(read_ahead)}),
        "group.id": f"connect-{name}",
        "client.id": f"connector-consumer-{name}{suffix}",
        **with_prefix(worker, "consumer."),
        **with_prefix(connector, "consumer.override."),
    }


def static_member(consumer: Mapping[str, str], worker_group: str, name: str, task: int) -> dict[str, str]:
    """Settings of a sink task's consumer that make it keep its place in the group beyond its death.

    Whoever runs the task next takes the place at once, and fences what is left of the one before. As long as a task can
    end in good order it gives its place up, as a consumer without such a name does.

    Args:
        consumer: its settings otherwise; those that the user chose in this matter stay as they are.
        worker_group: ``group.id`` of the workers.
        name: of the connector.
        task: its number.
    """
    if consumer.get(_INSTANCE) or consumer.get("group.protocol", "").lower() == "consumer":
        return dict(consumer)
    exact = hashlib.sha256("\0".join((worker_group, name, str(task))).encode()).hexdigest()[:8]
    readable = re.sub(r"[^a-zA-Z0-9._-]", "_", f"{worker_group}-{name}")[:_READABLE]
    return {**consumer, _INSTANCE: f"{readable}-{task}-{exact}", _LEAVES: "true"}


def keeps_place(settings: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a task's clients include a consumer whose place we look after."""
    consumer = settings.get("consumer", {})
    return _INSTANCE in consumer and consumer.get(_LEAVES) == "true"


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
    kind: Literal["source", "sink"],
    worker: Mapping[str, str],
    connector: Mapping[str, str],
    name: str,
    task: int,
    *,
    worker_group: str | None = None,
    once_group: str | None = None,
    read_ahead: int | None = None,
) -> dict[str, dict[str, str]]:
    """Settings of exactly those clients that the task opens: what it does not open it has no credentials for.

    Args:
        kind: source or sink.
        worker: the worker's properties.
        connector: the connector's.
        name: of the connector.
        task: its number.
        worker_group: group whose workers keep sink tasks in their places; None when they do not.
        once_group: group whose workers have sources deliver exactly once; None when they do not.
        read_ahead: bytes of records that a sink task may hold in advance; None where memory knows no limit.
    """
    if kind == "source":
        if once_group is not None:
            return {"producer": transactional_producer(worker, connector, name, task, once_group)}
        return {"producer": producer_settings(worker, connector, name, task)}
    consumer = consumer_settings(worker, connector, name, task, read_ahead)
    if worker_group is not None:
        consumer = static_member(consumer, worker_group, name, task)
    clients = {"consumer": consumer}
    if dead_letters_wanted(connector):
        clients["producer"] = producer_settings(worker, connector, name, task, _DLQ_ROLE)
    return clients


def topic_admin_settings(
    kind: Literal["source", "sink"], worker: Mapping[str, str], connector: Mapping[str, str], name: str, task: int
) -> dict[str, str]:
    """Settings of the admin client that creates a task's topics, in the worker's name unless overridden."""
    suffix = f"adminclient-{name}-{task}" if kind == "source" else "dlq-adminclient-"
    return admin_settings(worker, connector, f"connector-{suffix}")


def task_worker_config(worker: Mapping[str, str], connector: Mapping[str, str]) -> dict[str, str]:
    """Worker keys that a task needs: converters that the connector does not choose, flush times, limits, plugins."""
    wanted = {
        key: value for key, value in worker.items() if key in _TASK_WORKER_KEYS or key.startswith("offset.flush.")
    }
    for converter in _CONVERTERS:
        if converter not in connector:
            own = {key: value for key, value in worker.items() if key == converter or key.startswith(f"{converter}.")}
            wanted.update(own)
    return wanted
