"""JSON texts of schemas as Java's libraries spell them: compact, with Java's fractions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Final

from linkspan.api.text import double_text, float_text

__all__ = ["Single", "spelled"]

_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u00[01][0-9a-f]")


class Single(float):
    """A number of 32 bits, which is spelled with fewer digits."""


def _fraction(number: float) -> str:
    text = float_text(number) if isinstance(number, Single) else double_text(number)
    return text if math.isfinite(number) else f'"{text}"'


def spelled(data: object, fraction: Callable[[float], str] = _fraction) -> str:
    """Text of a value made of maps, lists, texts, numbers, booleans and nulls.

    Args:
        data: the value.
        fraction: text of a fraction.
    """
    if isinstance(data, dict):
        return "{" + ",".join(f"{spelled(key)}:{spelled(item, fraction)}" for key, item in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ",".join(spelled(item, fraction) for item in data) + "]"
    if isinstance(data, float):
        return fraction(data)
    written = json.dumps(data, ensure_ascii=False)
    return _ESCAPE.sub(lambda found: found[0].upper().replace("U", "u"), written) if "\\u00" in written else written
