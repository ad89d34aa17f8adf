"""Connector files on the command line of a standalone worker: three forms, tried in order (spec/runtime.md 7.2)."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from linkspan.api.errors import ConfigError
from linkspan.config import properties
from linkspan.herder.submitted import initial_target, named

__all__ = ["ConnectorFile", "read"]


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
    parsed, problem = _json(data.removeprefix(codecs.BOM_UTF8))
    if isinstance(parsed, dict):
        if not any(isinstance(value, dict | list) for value in parsed.values()):
            return _named(path, _texts(path, parsed), None)
        if isinstance(parsed.get("config"), dict):
            return _request(path, parsed)
    lines = properties.parse(data.decode("iso-8859-1"), path)
    if "name" not in lines and problem is not None:
        raise ConfigError(f"Connector configuration at '{path}' cannot be read: {problem}")
    return _named(path, lines, None)


def _json(data: bytes) -> tuple[object, str | None]:
    """What a text says as JSON, numbers as they are written; and what speaks against it, if it begins like JSON."""
    begins = data.lstrip().startswith((b"{", b"["))
    try:
        parsed = json.loads(data.decode("utf-8"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        return None, f"it is no valid JSON: {error}" if begins else None
    return parsed, "it is JSON, but no object with the keys of a connector" if begins else None


def _request(path: str, parsed: Mapping[str, Any]) -> ConnectorFile:
    name, state = parsed.get("name"), parsed.get("initial_state")
    config = _texts(path, parsed["config"])
    try:
        target = None if state is None else initial_target(str(state))
        if isinstance(name, str):
            config = named(name, config, "request")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", error.key) from error
    return _named(path, config, target)


def _named(path: str, config: Mapping[str, str | None], target: str | None) -> ConnectorFile:
    name = config.get("name")
    if name is None:
        text = f"Connector configuration at '{path}' is missing the mandatory 'name' configuration"
        mark = properties.byte_order_mark(config)
        raise ConfigError(f"{text}; {mark}" if mark else text, "name")
    return ConnectorFile(name.strip(), dict(config), target)


def _texts(path: str, config: Mapping[str, object]) -> dict[str, str | None]:
    wrong = [key for key, value in config.items() if isinstance(value, dict | list)]
    if wrong:
        raise ConfigError(f"{path}: the value of {wrong[0]} must be a text, a number or a boolean", wrong[0])
    return {
        key: str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
        for key, value in config.items()
    }
