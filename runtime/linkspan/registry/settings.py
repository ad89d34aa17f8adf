"""What level and mode hold for a subject: its own, those of its context, or those for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from linkspan.registry.levels import Level, Mode
from linkspan.registry.state import State
from linkspan.registry.subjects import DEFAULT_CONTEXT, GLOBAL_CONTEXT, QualifiedSubject

__all__ = ["Settings", "merged"]

_EVERYWHERE: Final = f":{GLOBAL_CONTEXT}:"


class Settings:
    """Answers what holds for a subject.

    Args:
        state: what is set.
        default: level where none is set.
    """

    def __init__(self, state: State, default: Level) -> None:
        self._state = state
        self._default = default

    def own_config(self, subject: str | None) -> dict[str, Any] | None:
        """What is set for exactly this; None for nothing. There is always a level for all."""
        found = self._state.configs.get(subject)
        if found is not None:
            return {**found, "compatibilityLevel": found.get("compatibilityLevel") or self._default.value}
        return self._nothing if subject in {None, _EVERYWHERE} else None

    def config(self, subject: str | None) -> dict[str, Any]:
        """What holds for a subject: its own, else its context's, else that for all."""
        own = None if subject is None else self.own_config(subject)
        if own is None:
            return self._inherited(subject)
        shared = self._state.configs.get(None) or {}
        return {**{name: value for name, value in shared.items() if name != "alias"}, **own}

    def level(self, subject: str) -> Level:
        """Level that holds for a subject."""
        return Level.of(self.config(subject)["compatibilityLevel"])

    def normalizes(self, subject: str) -> bool:
        """Whether schemas of a subject are always normalized."""
        return self.config(subject).get("normalize") is True

    def own_mode(self, subject: str | None) -> Mode | None:
        """Mode that is set for exactly this; there is always one for all."""
        found = self._state.modes.get(subject)
        if found is not None:
            return Mode.of(found)
        return Mode.READWRITE if subject in {None, _EVERYWHERE} else None

    def mode(self, subject: str | None) -> Mode:
        """Mode that holds for a subject."""
        everywhere = self._state.modes.get(None)
        if everywhere == Mode.READONLY_OVERRIDE:
            return Mode.READONLY_OVERRIDE  # which no subject escapes
        for place in (subject, self._above(subject), _EVERYWHERE):
            if (found := self._state.modes.get(place)) is not None:
                return Mode.of(found)
        return Mode.READWRITE

    def _inherited(self, subject: str | None) -> dict[str, Any]:
        for place in (self._above(subject), _EVERYWHERE):
            if (found := self._state.configs.get(place)) is not None:
                return {**found, "compatibilityLevel": found.get("compatibilityLevel") or self._default.value}
        return self._nothing

    @property
    def _nothing(self) -> dict[str, Any]:
        return {"compatibilityLevel": self._default.value}

    @staticmethod
    def _above(subject: str | None) -> str | None:
        parts = QualifiedSubject.of(subject)
        return None if parts.context == DEFAULT_CONTEXT else parts.prefix


def merged(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with changes; a null takes a setting away."""
    return {name: value for name, value in {**(old or {}), **new}.items() if value is not None}
