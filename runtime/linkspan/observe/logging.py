"""Log lines as Kafka writes them, or as JSON; always whole lines, with the connector they concern."""

from __future__ import annotations

import logging
import sys
import time
from typing import Final, TextIO

import orjson

__all__ = ["setup"]

_NAMES: Final = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
_TRACE: Final = 5


def setup(style: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send everything that is logged to one stream.

    Args:
        style: ``text`` for Kafka's pattern, ``json`` for one JSON object a line.
        level: the root logger's level.
        stream: standard output by default, as for the original.
    """
    logging.addLevelName(_TRACE, "TRACE")
    handler = _WholeLines(stream or sys.stdout)
    handler.setFormatter(_JsonLines() if style == "json" else _KafkaLines())
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level)


class _WholeLines(logging.StreamHandler[TextIO]):
    """Writes each record with a single call, so that lines of several processes do not mix."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(f"{self.format(record)}\n")
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
        line = f"[{moment}] {_level(record)} {place}{record.getMessage()} ({record.name})"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


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
        line["message"] = record.getMessage()
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def _level(record: logging.LogRecord) -> str:
    return _NAMES.get(record.levelno, record.levelname)
