"""Builders of the user: Python classes that ``mq.record.builder`` and ``mq.message.builder`` name by import path."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from linkspan.api import ConfigError, DataError, Schema, SchemaAndValue
from linkspan_connectors.ibmmq.outgoing import Body
from linkspan_connectors.ibmmq.received import Received

__all__ = ["OwnBodies", "OwnMessageBuilder", "OwnRecordBuilder", "OwnValues", "check_builder"]

RECORD_BUILDER: Final = "mq.record.builder"
MESSAGE_BUILDER: Final = "mq.message.builder"
_METHODS: Final = {RECORD_BUILDER: "value", MESSAGE_BUILDER: "body"}


class OwnRecordBuilder(Protocol):
    """What ``mq.record.builder`` names: a class without arguments, made once a task.

    A method ``configure(configs)`` is called first if there is one, with the configuration of the task as texts.
    """

    def value(self, message: Received) -> object:
        """Value of the record of a message.

        Args:
            message: ``text()``, ``body`` (bytes behind all headers), ``data`` (all bytes), ``kind`` (text, bytes, none,
                map, stream, object), ``field("Dst")`` and other fields of JMS, ``message_id``, ``correlation_id``,
                ``descriptor``.

        Returns:
            a value without schema, or a :class:`~linkspan.api.SchemaAndValue`.

        Raises:
            DataError: there can be no record; it is as with IBM's builders then. So it is for any other exception.
        """
        ...


class OwnMessageBuilder(Protocol):
    """What ``mq.message.builder`` names: a class without arguments, made once a task; ``configure`` as above."""

    def body(self, topic: str, schema: Schema | None, value: object) -> str | bytes | None:
        """Body of the message of a record.

        Args:
            topic: of the record.
            schema: of its value; None without one.
            value: its value.

        Returns:
            a text, bytes, or None for no body.

        Raises:
            DataError: the record cannot become a message. So it is for any other exception.
        """
        ...


def check_builder(key: str, path: str) -> type[Any]:
    """The class that a path names, ``package.module.Class`` or ``package.module:Class``.

    Raises:
        ConfigError: there is none, or it is no builder; the message names what is missing.
    """
    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    if not all(part.isidentifier() for part in (*module.split("."), name)):
        raise ConfigError.invalid(key, path, "an own builder is written as package.module.Class")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise ConfigError.invalid(key, path, f"importing {module} fails: {error}") from error
        reason = f"there is no Python module {error.name}, and builders in Java cannot be loaded"
        raise ConfigError.invalid(key, path, reason) from error
    except Exception as error:  # what a user's module does when it is imported
        raise ConfigError.invalid(key, path, f"importing {module} fails: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise ConfigError.invalid(key, path, f"there is no class {name} in {module}")
    if not callable(getattr(found, _METHODS[key], None)):
        raise ConfigError.invalid(key, path, f"{name} is no builder: it has no method {_METHODS[key]}")
    return found


def _made(key: str, path: str, configs: Mapping[str, str]) -> Any:  # noqa: ANN401 - of the user's class
    kind = check_builder(key, path)
    try:
        made = kind()
        if hasattr(made, "configure"):
            made.configure(configs)
    except ConfigError:
        raise
    except Exception as error:  # what a user's class does when it is made
        raise ConfigError.invalid(key, path, f"it cannot be made: {type(error).__name__}: {error}") from error
    return made


class OwnValues:
    """Values of messages by a builder of the user; raises ConfigError as :func:`check_builder`."""

    def __init__(self, path: str, configs: Mapping[str, str]) -> None:
        self._path = path
        self._builder: OwnRecordBuilder = _made(RECORD_BUILDER, path, configs)

    def value(self, message: Received) -> SchemaAndValue:
        """Value of a message; raises DataError whatever the builder raises."""
        try:
            built = self._builder.value(message)
        except DataError:
            raise
        except Exception as error:  # plugin code
            raise DataError(f"Builder {self._path} fails with {type(error).__name__}") from error
        return built if isinstance(built, SchemaAndValue) else SchemaAndValue(None, built)


class OwnBodies:
    """Bodies of records by a builder of the user; raises ConfigError as :func:`check_builder`."""

    def __init__(self, path: str, configs: Mapping[str, str]) -> None:
        self._path = path
        self._builder: OwnMessageBuilder = _made(MESSAGE_BUILDER, path, configs)

    def __call__(self, topic: str, schema: Schema | None, value: object) -> Body:
        """Body of a record; raises DataError whatever the builder raises."""
        try:
            built: object = self._builder.body(topic, schema, value)
        except DataError:
            raise
        except Exception as error:  # plugin code
            raise DataError(f"Builder {self._path} fails with {type(error).__name__}") from error
        if built is None:
            return Body("none", b"")
        if isinstance(built, (str, bytes)):
            return Body("text" if isinstance(built, str) else "bytes", built)
        raise DataError(f"Builder {self._path} returns {type(built).__name__}, and not a text, bytes or None")
