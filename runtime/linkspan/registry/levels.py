"""Levels of compatibility, and modes."""

from __future__ import annotations

from enum import StrEnum

from linkspan.registry import refusals

__all__ = ["Level", "Mode"]


class Level(StrEnum):
    """What a new version of a subject may change."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @classmethod
    def of(cls, text: object) -> Level:
        """Read a level, in any case; raises a RefusalError."""
        try:
            return cls(str(text).upper())
        except ValueError:
            raise refusals.invalid_level() from None


class Mode(StrEnum):
    """What may be written."""

    READWRITE = "READWRITE"
    READONLY = "READONLY"
    READONLY_OVERRIDE = "READONLY_OVERRIDE"
    IMPORT = "IMPORT"
    FORWARD = "FORWARD"

    @classmethod
    def of(cls, text: object) -> Mode:
        """Read a mode, in any case; raises a RefusalError.

        Registries of other makers may have set FORWARD, which lets nothing be registered here.
        """
        try:
            return cls(str(text).upper())
        except ValueError:
            raise refusals.invalid_mode() from None
