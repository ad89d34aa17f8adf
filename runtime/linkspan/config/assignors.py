"""Java's assignors of consumer groups, by the names under which librdkafka has them."""

from __future__ import annotations

from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["KEY", "assignors"]

KEY: Final = "partition.assignment.strategy"
_COOPERATIVE: Final = "cooperative-sticky"
_NAMES: Final = {
    "RangeAssignor": "range",
    "RoundRobinAssignor": "roundrobin",
    "CooperativeStickyAssignor": _COOPERATIVE,
}


def assignors(text: str, key: str = KEY) -> str:
    """Java's class names as names of protocols.

    Java takes the eager protocol while one of several assignors is eager; librdkafka refuses the mixture, so the
    cooperative one is left out of it.

    Args:
        text: class names, with their packages or without, or names of protocols; separated by commas.
        key: under which the user wrote it.

    Raises:
        ConfigError: names one that librdkafka lacks.
    """
    found = []
    for name in text.strip("[]").split(","):
        simple = name.strip().removeprefix("class ").rsplit(".", 1)[-1]
        known = _NAMES.get(simple, simple)
        if known not in _NAMES.values():
            raise ConfigError.invalid(
                key,
                text,
                f"{name.strip() or 'an empty name'} has no counterpart here, use RangeAssignor, RoundRobinAssignor or "
                "CooperativeStickyAssignor",
            )
        found.append(known)
    return ",".join([name for name in found if name != _COOPERATIVE] or found)
