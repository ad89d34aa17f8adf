r"""JSON text as Jackson writes it: compact, UTF-8 unescaped, control characters as ``\u00XX`` in upper case."""

from __future__ import annotations

import json
import re
from typing import Final

import orjson

__all__ = ["render"]

_ESCAPE: Final = re.compile(rb"\\(?:u00[0-9a-f]{2}|.)")


def render(body: object) -> bytes:
    """JSON text of ``body``; bytes are such a text."""
    if isinstance(body, bytes):
        return body
    try:
        text = orjson.dumps(body)
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits, as an offset may hold: orjson refuses them.
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return _ESCAPE.sub(_upper, text) if b"\\u00" in text else text


def _upper(match: re.Match[bytes]) -> bytes:
    found = match.group()
    return b"\\u" + found[2:].upper() if found.startswith(b"\\u") else found
