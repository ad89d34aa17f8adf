"""JSON texts of schemas, written compactly as Java's libraries write them."""

from __future__ import annotations

import decimal
import json
from typing import Any, Final, NoReturn

from linkspan.api.text import double_text

__all__ = ["EXACT", "PLAIN", "parse", "quoted", "write"]


def parse(text: str, *, exactly: bool = False) -> Any:  # noqa: ANN401 - any JSON
    """Value of a text.

    Args:
        text: JSON.
        exactly: whether fractions become Decimals, with every digit.

    Raises:
        ValueError: it is no JSON, or has half a character.
    """
    try:
        value = (EXACT if exactly else PLAIN).decode(text)
        text.encode()
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def write(value: object) -> str:
    """Text of a value: no blanks, characters beyond ASCII as they are, fractions as Java writes them."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{quoted(name)}:{write(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(write, value))}]"
    if isinstance(value, decimal.Decimal):
        return str(value)  # which follows the same rules as BigDecimal
    if isinstance(value, float):
        return double_text(value)
    return json.dumps(value, ensure_ascii=False)


def quoted(text: str) -> str:
    """A text in quotes."""
    return json.dumps(text, ensure_ascii=False)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _exact(text: str) -> decimal.Decimal:
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise ValueError(f"the exponent of {text} is too large") from None


PLAIN: Final = json.JSONDecoder(parse_constant=_refuse)
"""Reads JSON and nothing else: no NaN, no infinities."""
EXACT: Final = json.JSONDecoder(parse_float=_exact, parse_constant=_refuse)
"""The same with fractions as Decimals, with every digit."""
