"""Connector files on the command line of a standalone worker: three forms, tried in order (spec/runtime.md 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from linkspan.api.errors import ConfigError
from linkspan.config import properties
from linkspan.herder.port import PAUSED, STARTED, STOPPED

__all__ = ["ConnectorFile", "read"]

_TARGETS = {"RUNNING": STARTED, "PAUSED": PAUSED, "STOPPED": STOPPED}


class ConnectorFile(NamedTuple):
    """What a connector file asks for: name, configuration, and the state to start in (None: running)."""

    name: str
    config: dict[str, str | None]
    target: str | None


def read(path: str) -> ConnectorFile:
    """Read one file, whatever its form and extension.

    Raises:
        ConfigError: it cannot be read, has no name, or contradicts itself; names the file.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read the connector configuration {path}: {error.strerror}") from error
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        parsed = None
    if isinstance(parsed, dict):
        if all(isinstance(value, str) for value in parsed.values()):
            return _named(path, parsed, None)
        if isinstance(parsed.get("config"), dict):
            return _request(path, parsed)
    return _named(path, properties.parse(data.decode("iso-8859-1"), path), None)


def _request(path: str, parsed: Mapping[str, Any]) -> ConnectorFile:
    name = parsed.get("name")
    config = {key: _text(path, key, value) for key, value in parsed["config"].items()}
    state = parsed.get("initial_state")
    if state is not None and str(state).upper() not in _TARGETS:
        raise ConfigError(f"{path}: unknown initial_state {state}; there are {', '.join(_TARGETS)}", "initial_state")
    if isinstance(name, str) and config.setdefault("name", name) != name:
        raise ConfigError(
            f"{path}: Connector name configuration ({config['name']}) doesn't match connector name in the request "
            f"({name})",
            "name",
        )
    return _named(path, config, None if state is None else _TARGETS[str(state).upper()])


def _named(path: str, config: Mapping[str, str | None], target: str | None) -> ConnectorFile:
    name = config.get("name")
    if name is None:
        raise ConfigError(f"Connector configuration at '{path}' is missing the mandatory 'name' configuration", "name")
    return ConnectorFile(name.strip(), dict(config), target)


def _text(path: str, key: str, value: object) -> str | None:
    if isinstance(value, dict | list):
        raise ConfigError(f"{path}: the value of {key} must be a text, a number or a boolean", key)
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
