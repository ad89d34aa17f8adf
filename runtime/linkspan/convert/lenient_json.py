"""JSON as the original's parser (Jackson) takes it, beyond the standard (spec/runtime.md 5.9).

Text behind the first value is ignored, numbers may begin with zeros, the text may be UTF-16 or UTF-32 and begin with a
byte order mark, and a blank text is null. NaN and infinities are refused, as there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

__all__ = ["parse"]

_BLANK: Final = " \t\r\n"
# A text as a whole, or the zeros in front of a number; texts are matched so that zeros in them are left alone.
_ZEROS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+])(-?)0+(?=[0-9])', re.DOTALL)


def parse(payload: bytes, fraction: Callable[[str], Any] = float) -> Any:  # noqa: ANN401 - any JSON
    """First JSON value of a payload; null when it is blank.

    Args:
        payload: the encoded text.
        fraction: makes a number of the text of one with a fraction or an exponent.

    Raises:
        ValueError: it is no JSON, or too deeply nested.
    """
    text = payload.decode(json.detect_encoding(payload)).lstrip(_BLANK)
    if not text:
        return None
    decoder = json.JSONDecoder(parse_float=fraction, parse_constant=_refuse)
    try:
        text = _ZEROS.sub(_without_zeros, text)
        value, end = decoder.raw_decode(text)
    except RecursionError:
        raise ValueError("the JSON text is too deeply nested") from None
    if not isinstance(value, dict | list | str) and not _ends_at(text, end):
        raise ValueError(f"unexpected character behind the value: line 1 column {end + 1} (char {end})")
    return value


def _ends_at(text: str, end: int) -> bool:
    return end >= len(text) or text[end] in _BLANK


def _without_zeros(match: re.Match[str]) -> str:
    return match.group() if match.group(1) is None else match.group(1)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
