"""Hides secrets in texts that leave a process: log lines, traces, messages, headers of dead letters.

Each process knows the secrets that were resolved in it or for it. Wherever a text leaves it, every one of them is
replaced by ``[hidden]``, in the forms in which code commonly quotes them: in string literals, JSON, SQL, URLs and HTML,
and as a part of what is encoded in base64, as user and password are for basic authentication. Values of fewer than four
characters, numbers of fewer than eight digits, and words such as ``true`` are not looked for: they would be found
everywhere. For the same reason a value of fewer than six bytes is not looked for in base64.
"""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

__all__ = ["HIDDEN", "hidden", "know", "known_in"]

HIDDEN: Final = "[hidden]"

_SHORTEST: Final = 4
_SHORTEST_LINE: Final = 8
_SHORTEST_NUMBER: Final = 8
_SHORTEST_ENCODED: Final = 6
_WORDS: Final = frozenset({"true", "false", "none", "null"})
_MOST_VALUES: Final = 2000
_MOST_LINES: Final = 200
_LONGEST_QUOTED: Final = 64 << 10


class _Secrets:
    """What this process knows."""

    def __init__(self) -> None:
        self.forms: tuple[str, ...] = ()
        self._known: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    @property
    def known(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(value for value in self._known if value)

    def add(self, values: Iterable[str]) -> None:
        with self._lock:
            for value in values:
                self._known[value] = self._known.pop(value) if value in self._known else _forms_of(value)
            for value in list(self._known)[:-_MOST_VALUES]:
                del self._known[value]
            every = {form for forms in self._known.values() for form in forms}
            # longest first: one may be a part of another
            self.forms = tuple(sorted(every, key=len, reverse=True))


_secrets: Final = _Secrets()


def know(values: Iterable[str]) -> None:
    """Hide these from now on, besides those that are known already; of very many the oldest are forgotten."""
    new = list(values)
    if new:
        _secrets.add(new)


def hidden(text: str) -> str:
    """The text without secrets."""
    for form in _secrets.forms:
        if form in text:
            text = text.replace(form, HIDDEN)
    return text


def known_in(*configs: Mapping[str, str | None]) -> list[str]:
    """Secrets known here that are in values of these configurations: who is given these has to hide them, too."""
    texts = [text for config in configs for text in config.values() if text]
    return [value for value in _secrets.known if any(value in text for text in texts)]


def _forms_of(value: str) -> tuple[str, ...]:
    """How a value may be written, without those that say too little to be looked for."""
    forms = [value, value.strip()]
    if len(value) <= _LONGEST_QUOTED:
        once = _quoted(value)
        forms += once
        for form in once:  # an error of a dictionary, for example, quotes a text that may have quoted the value
            forms += _quoted(form)
        forms += [quote(value, safe=""), quote(value), quote_plus(value)]
        forms += [value.replace("'", "''"), html.escape(value), html.escape(value, quote=False)]
        forms += _encoded(value.encode("utf-8", "surrogatepass"))
    lines = value.splitlines()[:_MOST_LINES]
    if len(lines) > 1:
        forms += [line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE]
    return tuple({form for form in forms if _is_telling(form)})


def _quoted(text: str) -> tuple[str, ...]:
    """What a text may be inside of quotes."""
    among_quotes = repr(f"\"'{text}")[4:-1]  # with both kinds around, one of them is escaped
    return repr(text)[1:-1], among_quotes, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _encoded(value: bytes) -> Iterator[str]:
    """What base64 makes of a value wherever it begins in what is encoded, without characters that others share in."""
    if len(value) < _SHORTEST_ENCODED:
        return
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value).decode()
        first, end = -(-before * 8 // 6), (before + len(value)) * 8 // 6
        yield whole[first:end]
        yield whole[first:end].translate(_URL_SAFE)


_URL_SAFE: Final = str.maketrans("+/", "-_")


def _is_telling(form: str) -> bool:
    shortest = _SHORTEST_NUMBER if form.isdecimal() else _SHORTEST
    return len(form) >= shortest and form.lower() not in _WORDS and form not in HIDDEN
