"""The topics that a group of workers keeps its own things in, as its properties describe them (spec/runtime.md 2.1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

__all__ = ["extra_settings"]

_log: Final = logging.getLogger(__name__)
_OWN: Final = frozenset({"topic", "partitions", "replication.factor"})


def extra_settings(kind: str, properties: Mapping[str, str], topic: str) -> dict[str, str]:
    """Settings that a topic gets when it is created, besides being compacted.

    Args:
        kind: ``config``, ``offset`` or ``status``.
        properties: of the worker.
        topic: name, for a message.
    """
    prefix = f"{kind}.storage."
    given = {key.removeprefix(prefix): value for key, value in properties.items() if key.startswith(prefix)}
    extra = {key: value for key, value in given.items() if key not in _OWN}
    if extra.pop("cleanup.policy", None) is not None:
        _log.warning("%scleanup.policy is ignored: the topic %s is always compacted", prefix, topic)
    return extra
