"""Levels of this process' loggers, as ``/admin/loggers`` shows and changes them (spec/runtime.md 1.10)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["LEVELS", "LEVELS_VARIABLE", "ROOT_VARIABLE", "Levels", "named_levels", "set_levels", "silence"]

ROOT_VARIABLE: Final = "LINKSPAN_LOG_LEVEL"
"""Environment variable with the level of the root logger."""

LEVELS_VARIABLE: Final = "LINKSPAN_LOG_LOGGERS"
"""Environment variable with levels of other loggers, ``name=LEVEL`` separated by commas."""

LEVELS: Final = {
    "ALL": 1,
    "TRACE": 5,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "OFF": logging.CRITICAL + 10,
}
"""Names of levels, in any case, and their numbers."""

_TEXTS: Final = {number: name for name, number in LEVELS.items()}
_LISTED: Final = ("linkspan", "org.apache.kafka.connect")
"""Shown from the start, beside root: our own logger, and the one that users of the original know."""

_STANDS_FOR: Final = {
    "org.apache.kafka.clients": "linkspan.log.kafka",
    "org.apache.kafka.connect": "linkspan",
    "org.apache.kafka.connect.runtime.WorkerSinkTask": "linkspan.task.sink",
    "org.apache.kafka.connect.runtime.AbstractWorkerSourceTask": "linkspan.task.source",
    "org.apache.kafka.connect.runtime.ExactlyOnceWorkerSourceTask": "linkspan.task.source",
    "org.apache.kafka.connect.runtime.WorkerSourceTask": "linkspan.task.source",
    "org.apache.kafka.connect.runtime.rest": "linkspan.rest",
}
"""What users of the original turn up when they look for a fault, and which of our loggers says the same."""

_log: Final = logging.getLogger("linkspan.observe")


def named_levels(text: str) -> dict[str, int]:
    """Loggers and their level numbers out of a text such as ``linkspan.rest=DEBUG,linkspan.task=WARN``.

    Raises:
        ConfigError: an item is no logger with a level.
    """
    levels = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, found, level = (part.strip() for part in item.partition("="))
        if not name or not found or level.upper() not in LEVELS:
            raise ConfigError(f"{item} is no logger with its level; write name=LEVEL with one of {', '.join(LEVELS)}")
        levels[name] = LEVELS[level.upper()]
    return levels


def set_levels(levels: Mapping[str, int]) -> None:
    """Set the levels that loggers begin with, and those of ours that say the same as loggers of the original."""
    for name, level in levels.items():
        for other in (name, *_ours(name)):
            logging.getLogger(other).setLevel(level)
    _set_listed()


def silence(library: str) -> None:
    """Let nothing be heard of a library but by whoever has set a level for it."""
    logger = logging.getLogger(library)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def _set_listed() -> None:
    for name in _LISTED:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logger.getEffectiveLevel())


def _ours(name: str) -> list[str]:
    return [ours for theirs, ours in _STANDS_FOR.items() if theirs.startswith(name)]


class Levels:
    """Reads and changes levels.

    Args:
        tell: called with logger name (empty for root) and level number after every change, to pass it on.
    """

    def __init__(self, tell: Callable[[str, int], None] = lambda _name, _level: None) -> None:
        self._tell = tell
        self._changed: dict[str, int] = {}
        _set_listed()

    def levels(self) -> Mapping[str, tuple[str, int | None]]:
        """Every logger with a level of its own, sorted, root among them."""
        own = {name: logger for name, logger in self._loggers().items() if logger.level != logging.NOTSET}
        return {name: (_text(own[name].level), self._changed.get(name)) for name in sorted(own)}

    def level(self, name: str) -> tuple[str, int | None] | None:
        """Level in force for one logger, or None when there is no such logger."""
        logger = self._loggers().get(name)
        return None if logger is None else (_text(logger.getEffectiveLevel()), self._changed.get(name))

    def set_level(self, name: str, level: str) -> list[str]:
        """Set the level of a logger and of all whose names begin so; the names of those that had another one, sorted.

        A name of the original's loggers counts for ours that say the same, too.
        """
        number = LEVELS[level.upper()]
        # before it may be silenced
        shown = name if name.isprintable() else repr(name)
        _log.info("Setting level of namespace %s and children to %s", shown, level.upper())
        if name != "root":
            logging.getLogger(name)
        names = [name, *_ours(name)]
        loggers = self._loggers()
        matched = (other for other in loggers if name == "root" or other.startswith(tuple(names)))
        changed = sorted(other for other in matched if loggers[other].getEffectiveLevel() != number)
        for other in {*changed, name}:
            loggers[other].setLevel(number)
        self._changed |= dict.fromkeys(changed, int(time.time() * 1000))
        for told in names:
            self._tell("" if told == "root" else told, number)
        return changed

    @staticmethod
    def _loggers() -> dict[str, logging.Logger]:
        known = logging.getLogger().manager.loggerDict
        loggers = {name: item for name, item in list(known.items()) if isinstance(item, logging.Logger)}
        return {"root": logging.getLogger(), **loggers}


def _text(level: int) -> str:
    return _TEXTS.get(level) or next(name for name, number in reversed(LEVELS.items()) if number <= max(level, 1))
