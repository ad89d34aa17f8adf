"""Transforms and predicates: small changes to single records between connector and log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from linkspan.api.errors import UnsupportedError
from linkspan.api.fields import Config
from linkspan.api.records import RecordColumns, SinkRecord, SourceRecord

__all__ = ["Predicate", "Transform"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)
ConfigT = TypeVar("ConfigT", bound=Config)


class Transform(ABC, Generic[ConfigT]):
    """Changes, replaces or drops one record at a time. The runtime sets ``config`` and ``alias`` before ``configure``.

    Attributes:
        alias: its name in the connector's configuration (``transforms=alias``), for messages.
    """

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None

    config: ConfigT
    alias: str = ""

    def configure(self) -> None:
        """Prepare; called once, after ``config`` was set."""

    @abstractmethod
    def apply(self, record: RecordT) -> RecordT | None:
        """Return the record to go on with, or None to drop it."""

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """Do the same to many records at once, in columns; optional, for speed.

        What it gets it leaves as it is (:meth:`RecordColumns.copy`). Whatever it raises, the records are then sent
        through :meth:`apply` one by one, so it must not have side effects. Where it fails for some of them only, it may
        say so in :attr:`Column.failures` of a column that it makes: the others need not be sent again then.

        Returns:
            the records to go on with, as many as there were, the failed ones in their places; None to drop all.

        Raises:
            UnsupportedError: these cannot be done at once.
        """
        raise UnsupportedError("It takes one record at a time")

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

    def test_all(self, columns: RecordColumns) -> bool:
        """Whether the transform applies to all of these records, or to none; optional, for speed.

        Raises:
            UnsupportedError: to some of them; they are then tested one by one.
        """
        raise UnsupportedError("It tests one record at a time")

    def close(self) -> None:
        """Release resources."""
