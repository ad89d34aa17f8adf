"""What can be the name of a topic: Kafka's rule (``org.apache.kafka.common.internals.Topic``)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["what_is_wrong_with"]

_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}\Z")


def what_is_wrong_with(name: object) -> str | None:
    """Why something cannot be the name of a topic, for a message; None when it can."""
    if isinstance(name, str) and _NAME.match(name):
        return None
    rule = "1 to 249 letters, digits, '.', '_' and '-' make a name, other than '.' and '..'"
    return f"{name!r:.300} cannot be the name of a topic: {rule}"
