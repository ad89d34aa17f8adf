"""The embedded log: topics, records and consumer groups in one SQLite file, shared by many processes.

It takes Kafka's place in a standalone worker without ``bootstrap.servers``: for demonstrations, pipelines at the edge,
and fast tests. A batch is written in one transaction: it is there as a whole or not at all, and survives the death of
any process once :meth:`~linkspan.log.port.Writer.send` returned. Nothing expires: the file grows with what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from linkspan.log.embedded.admin import EmbeddedAdmin
from linkspan.log.embedded.reader import EmbeddedReader
from linkspan.log.embedded.writer import EmbeddedWriter

__all__ = ["EmbeddedLog"]


@dataclass(frozen=True)
class EmbeddedLog:
    """A log in a folder.

    Attributes:
        path: the folder; made on first use.
    """

    path: str

    preload: ClassVar[tuple[str, ...]] = ("linkspan.log.embedded",)

    def writer(self, settings: Mapping[str, str]) -> EmbeddedWriter:  # noqa: ARG002 - nothing to tune
        """Open a writer."""
        return EmbeddedWriter(self.path)

    def reader(self, settings: Mapping[str, str]) -> EmbeddedReader:
        """Open a reader; ``group.id``, ``auto.offset.reset`` and ``max.poll.interval.ms`` count."""
        return EmbeddedReader(self.path, settings)

    def admin(self, settings: Mapping[str, str]) -> EmbeddedAdmin:  # noqa: ARG002 - nothing to tune
        """Open an admin client."""
        return EmbeddedAdmin(self.path)
