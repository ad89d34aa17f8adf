"""JSON as the original's parser (Jackson) takes it, beyond the standard (spec/runtime.md 5.9).

Text behind the first value is ignored, numbers may begin with zeros, the text may be UTF-16 or UTF-32 and begin with a
byte order mark, and a blank text is null. NaN and infinities are refused, as there.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, Final

from linkspan.convert.json_text import EXACT, PLAIN

__all__ = ["parse", "parse_strictly"]

_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHORTEST_MARKED: Final = 4
_BLANK: Final = " \t\r\n"
_SUSPICIOUS: Final = re.compile(r"(?<![0-9.eE+])-?0[0-9]")
# A text as a whole, or the zeros in front of a number; texts are matched so that zeros in them are left alone.
_ZEROS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+])(-?)0+(?=[0-9])', re.DOTALL)


def parse(payload: bytes, *, exactly: bool = False) -> Any:  # noqa: ANN401 - any JSON
    """First JSON value of a payload; null when it is blank.

    Args:
        payload: the encoded text.
        exactly: whether numbers with a fraction or an exponent become Decimals, with every digit.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    # there, a byte order mark is looked for in at least four bytes
    marked = len(payload) < _SHORTEST_MARKED and payload.startswith(_MARKS)
    text = payload.decode("utf-8" if marked else json.detect_encoding(payload)).lstrip(_BLANK)
    if not text:
        return None
    if _SUSPICIOUS.search(text):
        text = _ZEROS.sub(_without_zeros, text)
    value, end = (EXACT if exactly else PLAIN).raw_decode(text)
    is_word = value is None or isinstance(value, bool)
    if not isinstance(value, dict | list | str) and not (_ends_word if is_word else _ends_number)(text[end : end + 1]):
        raise ValueError(f"unexpected character behind the value: line 1 column {end + 1} (char {end})")
    return value


def parse_strictly(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    """The one JSON value of a payload in UTF-8, fractions as Decimals; nothing beyond the standard is taken.

    Raises:
        ValueError: it is no JSON, blank, or there is more behind the value.
        RecursionError: it is nested too deeply.
    """
    return EXACT.decode(payload.decode())


def _ends_number(following: str) -> bool:
    return following in _BLANK  # so does nothing at all


def _ends_word(following: str) -> bool:
    """Whether ``null``, ``true`` and ``false`` end before this."""
    # beyond ASCII, that parser stumbles over the encoding
    return following < "0" or (following.isascii() and not (following.isalnum() or following in "_\x7f"))


def _without_zeros(match: re.Match[str]) -> str:
    return match.group() if match.group(1) is None else match.group(1)
