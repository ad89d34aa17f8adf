"""Transforms and predicates: small changes to single records between connector and log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from linkspan.api.fields import Config
from linkspan.api.records import SinkRecord, SourceRecord

__all__ = ["Predicate", "Transform"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)
ConfigT = TypeVar("ConfigT", bound=Config)


class Transform(ABC, Generic[ConfigT]):
    """Changes, replaces or drops one record at a time. The runtime sets ``config`` before the first record."""

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None

    config: ConfigT

    def configure(self) -> None:
        """Prepare; called once, after ``config`` was set."""

    @abstractmethod
    def apply(self, record: RecordT) -> RecordT | None:
        """Return the record to go on with, or None to drop it."""

    def close(self) -> None:
        """Release resources."""


class Predicate(ABC, Generic[ConfigT]):
    """Decides whether a transform applies to a record."""

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None

    config: ConfigT

    def configure(self) -> None:
        """Prepare; called once, after ``config`` was set."""

    @abstractmethod
    def test(self, record: SourceRecord | SinkRecord) -> bool:
        """Whether the transform applies."""

    def close(self) -> None:
        """Release resources."""
