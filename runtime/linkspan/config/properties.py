"""Java properties files (spec/runtime.md 7.1)."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import javaproperties

from linkspan.api.errors import ConfigError

__all__ = ["byte_order_mark", "load", "parse", "store"]

_MARK: Final = codecs.BOM_UTF8.decode("iso-8859-1")


def load(path: str | Path) -> dict[str, str]:
    r"""Read a file: ISO-8859-1 with ``\uXXXX``, continuation lines, ``#`` and ``!`` comments, last duplicate wins.

    Raises:
        ConfigError: it cannot be read, or is malformed; names the file and the line.
    """
    try:
        text = Path(path).read_bytes().decode("iso-8859-1")
    except OSError as error:
        raise ConfigError(f"Cannot read the properties file {path}: {error.strerror}") from error
    return parse(text, str(path))


def store(path: str | Path, properties: Mapping[str, object]) -> None:
    """Write a file that :func:`load` reads back as it was, whatever characters keys and values have."""
    texts = {key: str(value) for key, value in properties.items()}
    Path(path).write_text(javaproperties.dumps(texts, timestamp=None), encoding="iso-8859-1")


def parse(text: str, source: str = "the properties") -> dict[str, str]:
    r"""Keys and values of a text.

    Raises:
        ConfigError: a ``\u`` escape without four hexadecimal digits; names ``source`` and the line.
    """
    line = 1
    result: dict[str, str] = {}
    try:
        for element in javaproperties.parse(text):
            if isinstance(element, javaproperties.KeyValue):
                result[element.key] = element.value
            line += element.source.count("\n")
    except javaproperties.InvalidUEscapeError as error:
        raise ConfigError(
            f"Malformed \\uxxxx encoding in {source}, line {_line_of(text, error.escape) or line}: {error.escape!r}"
        ) from error
    return result


def byte_order_mark(properties: Iterable[str]) -> str | None:
    """What to say when the first key was spoilt by a byte order mark, as some editors write it; None if not."""
    spoilt = next((key for key in properties if key.startswith(_MARK)), None)
    if spoilt is None:
        return None
    key = spoilt.removeprefix(_MARK)
    return f"the file begins with a byte order mark, which spoils its first key {key}: save it as UTF-8 without one"


def _line_of(text: str, escape: str) -> int | None:
    position = text.find(escape)
    return None if position < 0 else text.count("\n", 0, position) + 1
