"""Reading request bodies. What a caller got wrong is said in a ConfigError (400; Kafka answers 500)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn

from linkspan.api.errors import ConfigError
from linkspan.config.definition import TRIMMED
from linkspan.herder.port import Body
from linkspan.herder.submitted import initial_target, named

__all__ = ["NewConnector", "config_map", "new_connector", "offsets", "task_configs", "text_map"]


class _Number(str):
    """A JSON number in the digits in which it was written."""

    __slots__ = ()


class NewConnector:
    """Body of ``POST /connectors``.

    Attributes:
        name: trimmed name, empty when missing.
        config: configuration with the name put in.
        target: target state asked for, if any.
    """

    __slots__ = ("config", "name", "target")

    def __init__(self, name: str, config: dict[str, str | None], target: str | None) -> None:
        self.name = name
        self.config = config
        self.target = target


def new_connector(data: bytes) -> NewConnector:
    """Read the body of ``POST /connectors``."""
    request = _object(_read(data, literal_numbers=True), "The request body")
    _only_members(request, ("name", "config", "initial_state"), "the request body")
    name = (_text(request.get("name"), "name") or "").strip(TRIMMED)
    config = request.get("config")
    if config is None:
        raise ConfigError('The request body must contain "config", an object with the configuration of the connector')
    target = initial_target(_text(request.get("initial_state"), "initial_state"))
    return NewConnector(name, named(name, _flat(config, "config")), target)


def config_map(data: bytes, name: str) -> dict[str, str | None]:
    """Read a configuration that belongs to the connector of that name."""
    return named(name, text_map(data))


def text_map(data: bytes) -> dict[str, str | None]:
    """Read an object with texts; numbers and booleans become texts."""
    return _flat(_read(data, literal_numbers=True), "The request body")


def offsets(data: bytes) -> list[Body]:
    """Read the body of ``PATCH /connectors/{c}/offsets``; an absent list is an empty one."""
    request = _object(_read(data, literal_numbers=False), "The request body")
    _only_members(request, ("offsets",), "the request body")
    items = request.get("offsets")
    if items is None:
        return []
    if not isinstance(items, list):
        raise ConfigError(f'"offsets" must be a list, not {_kind(items)}')
    return [_offset(item) for item in items]


def task_configs(data: bytes) -> list[dict[str, str | None]]:
    """Read the body of ``POST /connectors/{c}/tasks``: the configurations of all tasks, in their order."""
    items = _read(data, literal_numbers=True)
    if not isinstance(items, list):
        raise ConfigError(f"The request body must be a list of task configurations, not {_kind(items)}")
    return [_flat(item, "Each task configuration") for item in items]


def _offset(item: object) -> Body:
    entry = _object(item, "Each item of offsets")
    _only_members(entry, ("partition", "offset"), "an item of offsets")
    for member in ("partition", "offset"):
        if entry.get(member) is not None:
            _object(entry[member], f'"{member}"')
    return {"partition": entry.get("partition"), "offset": entry.get("offset")}


def _read(data: bytes, *, literal_numbers: bool) -> object:
    if not data.strip():
        raise ConfigError("The request has no body, but a JSON object is needed")
    number = _Number if literal_numbers else None
    try:
        text = data.decode("utf-8")
        found: object = json.loads(
            text, parse_int=number, parse_float=number, parse_constant=_refuse_constant, object_pairs_hook=None
        )
        # A lone surrogate is valid JSON but no text; it could never be written back.
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ConfigError(f"The request body is not UTF-8 text: {error}") from error
    except ValueError as error:
        raise ConfigError(f"The request body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise ConfigError("The request body is nested too deeply") from error
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{what} must be a JSON object, not {_kind(value)}")
    return value


def _only_members(value: dict[str, object], known: Sequence[str], what: str) -> None:
    for member in value:
        if member not in known:
            names = ", ".join(f'"{name}"' for name in known)
            raise ConfigError(f'Unrecognized field "{member}" in {what}; known are: {names}')


def _flat(value: object, what: str) -> dict[str, str | None]:
    return {key: _text(item, key) for key, item in _object(value, what).items()}


def _text(value: object, key: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    raise ConfigError(f'The value of "{key}" must be a text, a number or a boolean, not {_kind(value)}', key)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if isinstance(value, int | float | _Number) else "a text"
