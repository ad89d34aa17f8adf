"""Stack traces as text, quickly: a trace with its source lines takes longer than everything else about a bad record."""

from __future__ import annotations

import traceback
from types import CodeType, TracebackType
from typing import Final

__all__ = ["Traces", "qualified", "text_of"]

_MOST_PLACES: Final = 1000
_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"
_HEAD: Final = "Traceback (most recent call last):\n"

_Places = tuple[tuple[CodeType, int], ...]


class Traces:
    """Writes what :func:`traceback.format_exception` does; errors from the same places share the text of frames."""

    def __init__(self) -> None:
        self._frames: dict[_Places, str] = {}

    def text(self, error: BaseException) -> str:
        """The trace of an error with those of its causes."""
        parts: list[str] = []
        seen: set[int] = set()
        current: BaseException | None = error
        link = ""
        while current is not None and id(current) not in seen:
            if isinstance(current, BaseExceptionGroup | SyntaxError) or getattr(current, "__notes__", None):
                return "".join(traceback.format_exception(error))
            seen.add(id(current))
            parts.append(self._one(current) + link)
            if current.__cause__ is not None:
                current, link = current.__cause__, _CAUSE
            else:
                current, link = (None if current.__suppress_context__ else current.__context__), _CONTEXT
        return "".join(reversed(parts))

    def _one(self, error: BaseException) -> str:
        text = text_of(error)
        name = qualified(type(error))
        last = f"{name}: {text}\n" if text else f"{name}\n"
        return last if error.__traceback__ is None else _HEAD + self._of(error.__traceback__) + last

    def _of(self, trace: TracebackType) -> str:
        places = []
        at: TracebackType | None = trace
        while at is not None:
            places.append((at.tb_frame.f_code, at.tb_lasti))
            at = at.tb_next
        key = tuple(places)
        text = self._frames.get(key)
        if text is None:
            if len(self._frames) >= _MOST_PLACES:
                self._frames.clear()
            text = self._frames[key] = "".join(traceback.format_tb(trace))
        return text


def qualified(kind: type) -> str:
    """Full name of a class; without its module where that is Python's own."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def text_of(error: BaseException) -> str:
    """What an error says; one of a plugin may be unable to."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - supervision point: an error of a plugin
        return f"{type(error).__qualname__}, whose text cannot be made"
