"""Keys of automatic restarts, for workers and, before them, for connectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from linkspan.api.fields import LOW, Bool, Config, ConfigKey, Duration, Int
from linkspan.api.validators import at_least, optional
from linkspan.config import definition

__all__ = ["CONNECTOR_RESTART_KEYS", "RestartKeys", "restart_keys"]


class RestartKeys(Config):
    """Whether, how often and how soon what has failed begins anew by itself."""

    enable = Bool(
        "linkspan.restart.enable",
        default=False,
        importance=LOW,
        doc="Whether tasks and connectors that have failed are restarted by their worker.",
    )
    attempts = Int(
        "linkspan.restart.attempts",
        default=10,
        importance=LOW,
        validator=at_least(0),
        doc="Most restarts of a task or connector within linkspan.restart.window.ms.",
    )
    window_ms = Duration(
        "linkspan.restart.window.ms",
        default=3_600_000,
        importance=LOW,
        validator=at_least(1),
        doc="How long a restart counts.",
    )
    backoff_ms = Duration(
        "linkspan.restart.backoff.ms",
        default=1_000,
        importance=LOW,
        validator=at_least(0),
        doc="Pause before the first restart in a row; each further one is twice as long, and up to half is chance.",
    )
    backoff_max_ms = Duration(
        "linkspan.restart.backoff.max.ms",
        default=300_000,
        importance=LOW,
        validator=at_least(0),
        doc="Longest such pause.",
    )
    healthy_ms = Duration(
        "linkspan.restart.healthy.ms",
        default=600_000,
        importance=LOW,
        validator=at_least(1),
        doc="Whoever has worked for so long before it failed has all its restarts again, and the first pause.",
    )


CONNECTOR_RESTART_KEYS: Final[tuple[ConfigKey, ...]] = tuple(
    replace(key, default=None, validator=optional(key.validator) if key.validator else None) for key in RestartKeys.keys
)
"""The same keys in a connector, where what the worker says is the default."""

_NAMES: Final = frozenset(key.name for key in RestartKeys.keys)


def restart_keys(worker: Mapping[str, str], connector: Mapping[str, str]) -> RestartKeys:
    """What a connector says, or else its worker.

    Raises:
        ConfigError: one of them says what cannot be.
    """
    given = {name: text for config in (worker, connector) for name, text in config.items() if name in _NAMES}
    return definition.load(RestartKeys, given)
