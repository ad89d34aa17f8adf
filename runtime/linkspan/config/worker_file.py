"""The worker files in ``config/``: every key with its default, made from the keys themselves (``make config``)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import javaproperties

from linkspan.api.fields import ConfigKey
from linkspan.config.render import text_of
from linkspan.config.worker import DistributedConfig, StandaloneConfig, WorkerConfig

__all__ = ["MODES", "worker_file"]

MODES: Final[Mapping[str, type[WorkerConfig]]] = MappingProxyType(
    {"standalone": StandaloneConfig, "distributed": DistributedConfig}
)
"""Kinds of workers, and the keys of each."""

_JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
_CHOSEN: Final[Mapping[str, Mapping[str, str]]] = {
    "standalone": {
        "key.converter": _JSON,
        "value.converter": _JSON,
        "offset.storage.file.filename": "connect.offsets",
        "listeners": "http://127.0.0.1:8083",
    },
    "distributed": {
        "bootstrap.servers": "localhost:9092",
        "group.id": "connect-cluster",
        "key.converter": _JSON,
        "value.converter": _JSON,
        "config.storage.topic": "connect-configs",
        "offset.storage.topic": "connect-offsets",
        "status.storage.topic": "connect-status",
        "config.storage.replication.factor": "1",
        "offset.storage.replication.factor": "1",
        "status.storage.replication.factor": "1",
    },
}
"""What a file sets, to be ready for use; every other key is there as a comment."""

_BEFORE: Final = {
    "standalone": (
        "A worker without a group: connect-standalone connect-standalone.properties [connector files]",
        "Without bootstrap.servers, topics and records are kept in the embedded log, in linkspan.data.dir.",
    ),
    "distributed": (
        "A worker of a group: connect-distributed connect-distributed.properties",
        "Workers with the same group.id, storage topics and brokers share connectors and tasks.",
        "The topics have one copy here, to try it on a single broker; a cluster wants the default of 3.",
    ),
}
_HOW: Final = (
    "Every key is here. A line such as #key=value is a comment that shows the default; #key= has none, or nothing.",
)

_SECTIONS: Final = (
    ("Brokers", ("bootstrap.servers", "client.", "security.protocol")),
    ("Group, and where state is kept", ("group.id", "config.storage.", "offset.storage.", "status.storage.")),
    ("Converters, for connectors that name none", ("key.converter", "value.converter", "header.converter")),
    ("Commits of offsets, end of tasks", ("offset.flush.", "task.shutdown.")),
    (
        "Sharing out work",
        ("session.", "rebalance.", "heartbeat.", "connect.protocol", "scheduled.", "worker.", "linkspan.join."),
    ),
    ("REST API", ("listeners", "rest.", "access.", "response.", "ssl.client.auth", "admin.", "linkspan.jaas.")),
    ("Requests between workers", ("inter.worker.",)),
    (
        "Connectors and their plugins",
        ("plugin.", "connector.client.", "topic.", "config.providers", "exactly.once.", "linkspan.task.", "linkspan."),
    ),
    ("Metrics", ("metric",)),
    (
        "Connections to the brokers",
        ("metadata.", "request.", "retry.", "reconnect.", "socket.", "connections.", "send.", "receive."),
    ),
    ("TLS, for brokers and for REST listeners with https", ("ssl.",)),
    ("SASL", ("sasl.",)),
    ("More", ("",)),
)
"""Headings, and how the keys below them begin; the first that fits counts."""

_SHARED_DOC: Final = "Setting of Kafka's admin client."
"""What the keys say that are documented by Kafka: nothing worth a line each."""

_AFTER: Final = (
    "Settings of the clients of connectors: the clients' own keys behind producer., consumer. or admin., for example",
    "#producer.compression.type=lz4",
    "#consumer.max.poll.records=500",
    "Settings of a converter stand behind its key, for example",
    "#key.converter.schemas.enable=true",
    "#value.converter.schemas.enable=true",
)


def worker_file(mode: str) -> str:
    """Text of a complete, commented worker file.

    Args:
        mode: ``standalone`` or ``distributed``.
    """
    keys = MODES[mode].keys
    parts = [_comment(*_BEFORE[mode], *_HOW)]
    for title, _ in _SECTIONS:
        inside = [key for key in keys if _title(key) == title]
        if inside:
            parts.append("\n".join(_section(title, inside, _CHOSEN[mode])))
    parts.append(_comment(*_AFTER))
    return "\n\n".join(parts) + "\n"


def _title(key: ConfigKey) -> str:
    return next(title for title, beginnings in _SECTIONS if key.name.startswith(beginnings))


def _section(title: str, keys: Iterable[ConfigKey], chosen: Mapping[str, str]) -> Iterator[str]:
    yield f"# --- {title} ---"
    for key in keys:
        if key.doc != _SHARED_DOC:
            yield ""
            yield f"# {key.doc}"
        default = "" if key.required else text_of(key.default, key.type) or ""
        if key.name in chosen:
            yield "# No default, has to be set." if key.required else f"# Default: {default}"
            yield _line(key.name, chosen[key.name])
        else:
            yield f"#{_line(key.name, default)}"


def _line(key: str, value: str) -> str:
    """One property; colons and blanks inside a value need no escape, so it is written as people do."""
    if value == value.strip() and "\\" not in value and value.isascii():
        return f"{key}={value}"
    return javaproperties.join_key_value(key, value)


def _comment(*lines: str) -> str:
    return "\n".join(line if line.startswith("#") else f"# {line}" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(worker_file(sys.argv[1]))
