"""Records of the status topic: what they mean, and their bytes (spec/runtime.md 2.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from linkspan.api.errors import DataError
from linkspan.convert.java_json import dump, parse

__all__ = [
    "ConnectorKey",
    "MalformedStatusError",
    "Status",
    "StatusKey",
    "TaskKey",
    "TopicKey",
    "UsedTopic",
    "decode_key",
    "decode_status",
    "decode_topic",
    "encode_key",
    "encode_status",
    "encode_topic",
]

_STATES: Final = frozenset({"UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "RESTARTING", "STOPPED"})
_CONNECTOR: Final = "status-connector-"
_TASK: Final = re.compile(r"status-task-(.+)-([0-9]{1,10})", re.DOTALL)
_TOPIC: Final = re.compile(r"status-topic-([^:]+):connector-(.+)", re.DOTALL)


class MalformedStatusError(Exception):
    """Nothing can be made of a record; the text says why."""


@dataclass(frozen=True, slots=True)
class Status:
    """State of a connector instance or a task, as a worker has written it.

    Attributes:
        state: UNASSIGNED, RUNNING, PAUSED, FAILED, RESTARTING or STOPPED.
        trace: what went wrong, when it is FAILED.
        worker_id: ``host:port`` of the worker.
        generation: of the group when the worker wrote it.
        version: of the plugin, if it is known; workers before 4.1 do not write it.
    """

    state: str
    trace: str | None
    worker_id: str
    generation: int
    version: str | None = None


@dataclass(frozen=True, slots=True)
class UsedTopic:
    """A connector uses a topic.

    Attributes:
        topic: its name.
        connector: that uses it.
        task: the first one that did.
        discovered: when, in milliseconds since the epoch.
    """

    topic: str
    connector: str
    task: int
    discovered: int


class ConnectorKey(NamedTuple):
    """Key of a connector's status."""

    connector: str


class TaskKey(NamedTuple):
    """Key of a task's status."""

    connector: str
    task: int


class TopicKey(NamedTuple):
    """Key of a used topic."""

    topic: str
    connector: str


StatusKey = ConnectorKey | TaskKey | TopicKey


def encode_key(key: StatusKey) -> bytes:
    """Bytes of a key."""
    match key:
        case ConnectorKey(connector):
            return f"{_CONNECTOR}{connector}".encode()
        case TaskKey(connector, task):
            return f"status-task-{connector}-{task}".encode()
        case TopicKey(topic, connector):
            return f"status-topic-{topic}:connector-{connector}".encode()


def decode_key(key: bytes | None) -> StatusKey:
    """Meaning of a key.

    Raises:
        MalformedStatusError: it has none.
    """
    if key is None:
        raise MalformedStatusError("it has no key")
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise MalformedStatusError("its key is not a text") from None
    if text.startswith(_CONNECTOR) and text != _CONNECTOR:
        return ConnectorKey(text.removeprefix(_CONNECTOR))
    if found := _TASK.fullmatch(text):
        return TaskKey(found[1], int(found[2]))
    if found := _TOPIC.fullmatch(text):
        return TopicKey(found[1], found[2])
    raise MalformedStatusError("its key names no connector, task or topic")


def encode_status(status: Status) -> bytes:
    """Bytes of a status."""
    members = {
        "state": status.state,
        "trace": status.trace,
        "worker_id": status.worker_id,
        "generation": status.generation,
        "version": status.version,
    }
    try:
        return dump(members)
    except DataError:
        # A trace may quote what is no text, as the name of a file that is not UTF-8.
        trace = None if status.trace is None else status.trace.encode(errors="backslashreplace").decode()
        return dump({**members, "trace": trace})


def decode_status(value: bytes) -> Status:
    """Meaning of a status.

    Raises:
        MalformedStatusError: it has none.
    """
    members = _members(value)
    state = members.get("state")
    if state not in _STATES:
        raise MalformedStatusError("its state is unknown")
    return Status(
        _text(members, "state"),
        _optional_text(members, "trace"),
        _text(members, "worker_id"),
        _whole(members, "generation"),
        _optional_text(members, "version"),
    )


def encode_topic(used: UsedTopic) -> bytes:
    """Bytes of a used topic."""
    members = {
        "name": used.topic,
        "connector": used.connector,
        "task": used.task,
        "discoverTimestamp": used.discovered,
    }
    return dump({"topic": members})


def decode_topic(value: bytes) -> UsedTopic:
    """Meaning of a used topic.

    Raises:
        MalformedStatusError: it has none.
    """
    members = _members(value).get("topic")
    if not isinstance(members, dict):
        raise MalformedStatusError("topic is not a JSON object")
    return UsedTopic(
        _text(members, "name"),
        _text(members, "connector"),
        _whole(members, "task"),
        _whole(members, "discoverTimestamp"),
    )


def _members(value: bytes) -> Mapping[str, object]:
    try:
        members = parse(value)
    except ValueError:
        raise MalformedStatusError("its value is not JSON") from None
    if not isinstance(members, dict):
        raise MalformedStatusError("its value is not a JSON object")
    return members


def _text(members: Mapping[str, object], name: str) -> str:
    text = members.get(name)
    if not isinstance(text, str):
        raise MalformedStatusError(f"{name} is not a text")
    return text


def _optional_text(members: Mapping[str, object], name: str) -> str | None:
    return None if members.get(name) is None else _text(members, name)


def _whole(members: Mapping[str, object], name: str) -> int:
    number = members.get(name)
    if type(number) is not int:
        raise MalformedStatusError(f"{name} is not a whole number")
    return number
