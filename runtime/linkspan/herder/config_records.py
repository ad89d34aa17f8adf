"""Records of the config topic: what they mean, and their bytes (spec/runtime.md 2.2)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from linkspan.config.connector import LONGEST_NAME
from linkspan.convert.java_json import dump
from linkspan.herder.config_snapshot import RestartRequest
from linkspan.herder.port import PAUSED, STARTED, STOPPED, SubmittedConfig
from linkspan.herder.sessions import SessionKey
from linkspan.observe.levels import LEVELS

__all__ = [
    "ConfigRecord",
    "ConnectorRecord",
    "LogLevel",
    "MalformedRecordError",
    "TargetRecord",
    "TaskCount",
    "TaskRecord",
    "TasksCommit",
    "decode",
    "encode",
]

_TASK: Final = re.compile(r"(.+)-([0-9]{1,10})", re.DOTALL)
_TARGETS: Final = frozenset({STARTED, PAUSED, STOPPED})
_MOST: Final = 2**31 - 1


class MalformedRecordError(Exception):
    """Nothing can be made of a record; the text says why, and never shows a value: it may be secret."""


class ConnectorRecord(NamedTuple):
    """A connector's configuration; None when it was deleted."""

    connector: str
    config: SubmittedConfig | None


class TargetRecord(NamedTuple):
    """What a connector is to be; None when nobody asked for anything."""

    connector: str
    target: str | None


class TaskRecord(NamedTuple):
    """A task's configuration; counts from the next commit on."""

    connector: str
    task: int
    config: SubmittedConfig


class TasksCommit(NamedTuple):
    """The tasks written before belong together, and are this many."""

    connector: str
    tasks: int


class TaskCount(NamedTuple):
    """So many tasks may hold producers that have to be fenced out before the next ones start."""

    connector: str
    tasks: int


class LogLevel(NamedTuple):
    """A level for a logger of every worker, as it was submitted."""

    logger: str
    level: str


ConfigRecord = (
    ConnectorRecord | TargetRecord | TaskRecord | TasksCommit | TaskCount | SessionKey | RestartRequest | LogLevel
)


def encode(record: ConfigRecord) -> tuple[bytes, bytes | None]:
    """Key and value.

    Raises:
        DataError: a text in it cannot be written.
    """
    key, value = _parts(record)
    return key.encode(), None if value is None else dump(value)


def _parts(record: ConfigRecord) -> tuple[str, dict[str, object] | None]:
    match record:
        case ConnectorRecord(name, config):
            return f"connector-{name}", None if config is None else {"properties": dict(config)}
        case TargetRecord(name, target):
            # Workers that do not know STOPPED read the first member.
            old = PAUSED if target == STOPPED else target
            return f"target-state-{name}", None if target is None else {"state": old, "state.v2": target}
        case TaskRecord(name, task, config):
            return f"task-{name}-{task}", {"properties": dict(config)}
        case TasksCommit(name, tasks):
            return f"commit-{name}", {"tasks": tasks}
        case TaskCount(name, tasks):
            return f"tasks-fencing-{name}", {"task-count": tasks}
        case SessionKey(key, algorithm, created):
            text = base64.b64encode(key).decode()
            return "session-key", {"key": text, "algorithm": algorithm, "creation-timestamp": created}
        case RestartRequest(name, include_tasks, only_failed):
            return f"restart-connector-{name}", {"include-tasks": include_tasks, "only-failed": only_failed}
        case LogLevel(logger, level):
            return f"logger-cluster-{logger}", {"level": level}


def decode(key: str, value: object) -> ConfigRecord:
    """What a record means.

    Args:
        key: of the record.
        value: of the record, out of its JSON; None for a record without one.

    Raises:
        MalformedRecordError: it means nothing.
    """
    for prefix, read in _KINDS.items():
        if key.startswith(prefix):
            return read(key.removeprefix(prefix), value)
    raise MalformedRecordError("there is no such kind of record")


def _connector(name: str, value: object) -> ConfigRecord:
    if len(name.encode()) > LONGEST_NAME:
        # a round of the group would fail for it, and the next leader's, and so on
        raise MalformedRecordError(f"the connector's name has more than {LONGEST_NAME} bytes")
    return ConnectorRecord(name, None if value is None else _properties(value))


def _target(name: str, value: object) -> ConfigRecord:
    if value is None:
        return TargetRecord(name, None)
    members = _members(value)
    target = members.get("state.v2")
    if not isinstance(target, str):
        target = members.get("state")
    if not isinstance(target, str) or target not in _TARGETS:
        raise MalformedRecordError("neither state.v2 nor state is STARTED, PAUSED or STOPPED")
    return TargetRecord(name, target)


def _task(name: str, value: object) -> ConfigRecord:
    found = _TASK.fullmatch(name)
    if found is None or int(found[2]) > _MOST:
        raise MalformedRecordError("the key does not end with the number of a task")
    return TaskRecord(found[1], int(found[2]), _properties(value))


def _commit(name: str, value: object) -> ConfigRecord:
    return TasksCommit(name, _count(_members(value), "tasks"))


def _task_count(name: str, value: object) -> ConfigRecord:
    return TaskCount(name, _count(_members(value), "task-count"))


def _session_key(rest: str, value: object) -> ConfigRecord:
    if rest:
        raise MalformedRecordError("there is no such kind of record")
    members = _members(value)
    created = members.get("creation-timestamp")
    if type(created) is not int:
        raise MalformedRecordError("creation-timestamp is not a whole number")
    try:
        key = base64.b64decode(_text(members, "key"), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRecordError("key is not base64") from None
    return SessionKey(key, _text(members, "algorithm"), created)


def _restart(name: str, value: object) -> ConfigRecord:
    members = _members(value)
    return RestartRequest(name, members.get("include-tasks") is True, members.get("only-failed") is True)


def _log_level(logger: str, value: object) -> ConfigRecord:
    level = _text(_members(value), "level")
    if not logger:
        raise MalformedRecordError("its key names no logger")
    if level.upper() not in LEVELS:
        raise MalformedRecordError("there is no such level")
    return LogLevel(logger, level)


_KINDS: Final[Mapping[str, Callable[[str, object], ConfigRecord]]] = {
    "target-state-": _target,
    "connector-": _connector,
    "task-": _task,
    "commit-": _commit,
    "restart-connector-": _restart,
    "tasks-fencing-": _task_count,
    "session-key": _session_key,
    "logger-cluster-": _log_level,
}


def _members(value: object) -> Mapping[str, object]:
    if value is None:
        raise MalformedRecordError("it has no value")
    if not isinstance(value, dict):
        raise MalformedRecordError("its value is not a JSON object")
    return value


def _properties(value: object) -> SubmittedConfig:
    properties = _members(value).get("properties")
    if not isinstance(properties, dict):
        raise MalformedRecordError("properties is not a JSON object")
    for name, item in properties.items():
        if item is not None and not isinstance(item, str):
            raise MalformedRecordError(f"the property {name} is not a text")
    return properties


def _count(members: Mapping[str, object], name: str) -> int:
    count = members.get(name)
    if type(count) is not int or not 0 <= count <= _MOST:
        raise MalformedRecordError(f"{name} is not a number of tasks")
    return count


def _text(members: Mapping[str, object], name: str) -> str:
    text = members.get(name)
    if not isinstance(text, str):
        raise MalformedRecordError(f"{name} is not a text")
    return text
