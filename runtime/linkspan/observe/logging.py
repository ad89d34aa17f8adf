"""Log lines as Kafka writes them, or as JSON; always whole lines, with the connector they concern."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Final, TextIO

import orjson

from linkspan.observe.hiding import hidden

__all__ = ["log_deaths", "setup"]

_NAMES: Final = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
_TRACE: Final = 5
_log: Final = logging.getLogger(__name__)


def setup(style: str, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send everything that is logged to one stream.

    Args:
        style: ``text`` for Kafka's pattern, ``json`` for one JSON object a line.
        level: the root logger's level.
        stream: standard output by default, as for the original.
    """
    logging.addLevelName(_TRACE, "TRACE")
    handler = _WholeRecords(stream or sys.stdout)
    handler.setFormatter(_JsonLines() if style == "json" else _KafkaLines())
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level)


def log_deaths() -> None:
    """Have what ends a thread, and what is raised where nobody can be told, in the log instead of on the terminal."""
    threading.excepthook = _log_death
    sys.unraisablehook = _log_unraisable


def _log_death(death: threading.ExceptHookArgs) -> None:
    name = death.thread.name if death.thread is not None else "(unknown)"
    _log.error("Thread %s has died", name, exc_info=death.exc_value)


def _log_unraisable(failure: sys.UnraisableHookArgs) -> None:
    _log.error("%s: %r", failure.err_msg or "Exception ignored in", failure.object, exc_info=failure.exc_value)


class _WholeRecords(logging.StreamHandler[TextIO]):
    """Writes each record with a single call, so that lines of several processes do not mix."""

    def emit(self, record: logging.LogRecord) -> None:
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        line = f"{self.format(record)}\n".encode(encoding, "backslashreplace").decode(encoding)
        try:
            self.stream.write(line)
            self.stream.flush()
        except (OSError, ValueError):
            # Whoever read our output is gone; there is nobody left to tell.
            return


class _KafkaLines(logging.Formatter):
    """``[2026-01-01 12:00:00,000] INFO [c|task-0] message (logger)``."""

    def format(self, record: logging.LogRecord) -> str:
        context = getattr(record, "connector_context", None)
        moment = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(record.created))},{int(record.msecs):03d}"
        place = f"[{context}] " if context else ""
        line = f"[{moment}] {_level(record)} {place}{_message(record)} ({record.name})"
        return hidden(f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line)


class _JsonLines(logging.Formatter):
    """One object a line: timestamp, level, logger, context, message, trace."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, str] = {
            "timestamp": f"{moment}.{int(record.msecs):03d}Z",
            "level": _level(record),
            "logger": record.name,
        }
        context = getattr(record, "connector_context", None)
        if context:
            line["context"] = str(context)
        line["message"] = _message(record)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        line = {key: hidden(text) for key, text in line.items()}  # before they are quoted once more
        try:
            return orjson.dumps(line).decode()
        except TypeError:
            # A lone surrogate, as in the name of a file that is not UTF-8, has no place in JSON.
            clean = {key: text.encode("utf-8", "backslashreplace").decode() for key, text in line.items()}
            return orjson.dumps(clean).decode()


def _message(record: logging.LogRecord) -> str:
    """The text, also when a plugin's arguments do not fit it: a log line must never fail whoever writes it."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError, IndexError):
        return f"{record.msg} {record.args!r}"


def _level(record: logging.LogRecord) -> str:
    return _NAMES.get(record.levelno, record.levelname)
