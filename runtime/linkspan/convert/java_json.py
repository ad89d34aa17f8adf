"""JSON texts byte for byte as Kafka Connect writes them (spec/runtime.md 2.1).

Compact; characters beyond ASCII as they are, but those beyond U+FFFF as two escapes; escapes with upper-case digits.
"""

from __future__ import annotations

import decimal
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from linkspan.api.errors import DataError
from linkspan.convert import lenient_json

__all__ = ["dump", "exact_dump", "is_spelled", "parse", "spelled"]

_ESCAPE: Final = re.compile(r"\\(?:u00([01][0-9a-f])|.)")
_BEYOND_BASIC: Final = re.compile("[\U00010000-\U0010ffff]")
_LEADS: Final = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
"""First bytes of characters beyond U+FFFF."""


def dump(value: object) -> bytes:
    """Text of a value made of maps, lists, texts, whole numbers, booleans and nulls.

    Raises:
        DataError: it has a text with half a character, or a number beyond 64 bits.
    """
    try:
        return spelled(orjson.dumps(value))
    except orjson.JSONEncodeError as error:
        raise DataError(f"This cannot be written as JSON: {error}") from error


def exact_dump(value: object) -> bytes:
    """Text of a value with whole numbers of any size, and decimals with all their digits."""
    return spelled(_exact(value).encode())


def _exact(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_exact(key)}:{_exact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_exact(item) for item in value) + "]"
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def is_spelled(written: bytes) -> bool:
    """Whether one or more compact texts of another library are certain to be what Kafka Connect would have written."""
    if b"\\u00" in written:
        return False
    return written.isascii() or not any(lead in written for lead in _LEADS)


def spelled(written: bytes) -> bytes:
    """A compact text of another library as Kafka Connect would have written it, but for fractions."""
    if is_spelled(written):
        return written
    text = written.decode()
    if b"\\u00" in written:
        text = _ESCAPE.sub(lambda found: found[0] if found[1] is None else f"\\u00{found[1].upper()}", text)
    return _BEYOND_BASIC.sub(_surrogates, text).encode()


def parse(payload: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Value of a text that Kafka Connect takes for JSON; a blank one is null.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    try:
        return lenient_json.parse(payload)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _surrogates(found: re.Match[str]) -> str:
    pair = found[0].encode("utf-16-be")
    return f"\\u{pair[:2].hex().upper()}\\u{pair[2:].hex().upper()}"
