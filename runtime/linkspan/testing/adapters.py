"""What an author writes to have a connector tried: how its outside system is filled or read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from linkspan.api import Guarantee, SinkConnector, SourceConnector

__all__ = ["Adapter", "SinkAdapter", "SourceAdapter"]


class Adapter(ABC):
    """Common to both directions. Every case gets an object and a folder of its own; cases run side by side.

    Attributes:
        connector: the class that is tried.
        guarantee: what it promises, if something else than its class says.
        exempt: names of cases (patterns as of the shell) that do not apply, each with the reason.
        folder: an empty folder for this case; set before anything is called.
        name: a name that no other case has: for a table, a bucket, a queue; set likewise.
    """

    connector: ClassVar[type[SourceConnector[Any] | SinkConnector[Any]]]
    guarantee: ClassVar[Guarantee | None] = None
    exempt: ClassVar[Mapping[str, str]] = {}

    folder: Path
    name: str

    @abstractmethod
    def config(self) -> Mapping[str, str]:
        """Configuration of the connector, without name, class, topics of a sink and ``tasks.max``. Called once."""

    def set_up(self) -> None:  # noqa: B027 - optional
        """Prepare the outside system; called first."""

    def tear_down(self) -> None:  # noqa: B027 - optional
        """Remove what the case has left behind; called last, whatever happened."""

    def outage(self) -> AbstractContextManager[object] | None:
        """While it is entered, the outside system does not answer. None: that cannot be arranged."""
        return None


class SourceAdapter(Adapter):
    """For a source."""

    connector: ClassVar[type[SourceConnector[Any]]]
    endless: ClassVar[bool] = False
    """Whether more records come than :meth:`fill` has told of, as from a generator."""

    @abstractmethod
    def fill(self, texts: Sequence[str]) -> Sequence[str] | None:
        """Put these texts into the outside system, each as one record; called several times, also while it is read.

        Returns:
            what :meth:`text` will make of the records instead, for a source that invents its records itself.
        """

    def text(self, payload: bytes) -> str:
        """The text in the value of a record, as it lies in the log."""
        return payload.decode()

    def topic(self, config: Mapping[str, str]) -> str:
        """The topic that the records go to."""
        return config["topic"]


class SinkAdapter(Adapter):
    """For a sink."""

    connector: ClassVar[type[SinkConnector[Any]]]

    @abstractmethod
    def content(self) -> Iterable[str]:
        """Texts of all records in the outside system now, a text as often as it is there."""

    def payload(self, text: str) -> bytes:
        """Value of the record that carries a text."""
        return text.encode()
