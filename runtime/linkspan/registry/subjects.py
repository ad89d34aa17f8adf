"""Names of subjects. A name may begin with a context, ``:.context:name``; each context has ids of its own."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "DEFAULT_CONTEXT",
    "GLOBAL_CONTEXT",
    "WILDCARD",
    "QualifiedSubject",
    "is_valid",
    "normalized",
    "normalized_context",
    "within",
]

DEFAULT_CONTEXT: Final = "."
"""The context of names that name none."""
GLOBAL_CONTEXT: Final = ".__GLOBAL"
"""Its configuration and mode hold for all contexts that have none of their own."""
WILDCARD: Final = ":*:"
"""Begins a prefix that is meant in all contexts."""
_PREFIX: Final = ":."
_RESERVED: Final = frozenset({"__GLOBAL", "__EMPTY"})


class QualifiedSubject(NamedTuple):
    """A name in its parts.

    Attributes:
        context: with its leading dot.
        name: what is left.
    """

    context: str
    name: str

    @classmethod
    def of(cls, text: str | None) -> QualifiedSubject:
        """Take a name apart."""
        if text is None or not text.startswith(_PREFIX):
            return cls(DEFAULT_CONTEXT, text or "")
        context, _, name = text[1:].partition(":")
        return cls(context, name)

    @property
    def prefix(self) -> str:
        """What names of the context begin with."""
        return "" if self.context == DEFAULT_CONTEXT else f":{self.context}:"

    def __str__(self) -> str:
        return self.prefix + self.name


def normalized(subject: str) -> str:
    """The one spelling of a name."""
    return str(QualifiedSubject.of(subject))


def normalized_context(context: str) -> str:
    """What names of a context begin with, however it is written: ``:.c:``, ``.c`` or ``c``."""
    name = context.removeprefix(":").removesuffix(":")
    return QualifiedSubject(name if name.startswith(".") else f".{name}", "").prefix


def within(parent: str, subject: str) -> str:
    """The name that a schema of ``parent`` means by ``subject``: one in its own context unless it says another."""
    if subject.startswith(_PREFIX):
        return normalized(subject)
    return QualifiedSubject.of(parent).prefix + subject


def is_valid(subject: str, *, for_settings: bool = False) -> bool:
    """Whether a subject may have this name; ``for_settings`` when only its configuration or mode is meant."""
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in subject):
        return False
    parts = QualifiedSubject.of(subject)
    return parts.name not in _RESERVED and (for_settings or parts.context != GLOBAL_CONTEXT)
