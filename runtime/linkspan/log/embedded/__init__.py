"""The embedded log: topics, records and consumer groups in one SQLite file, shared by many processes.

It takes Kafka's place in a standalone worker without ``bootstrap.servers``: for demonstrations, pipelines at the edge,
and fast tests. A batch is written in one transaction: it is there as a whole or not at all, and survives the death of
any process once :meth:`~linkspan.log.port.Writer.send` returned. Nothing expires: the file grows with what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from linkspan.api.errors import UnsupportedError
from linkspan.log.embedded.admin import EmbeddedAdmin
from linkspan.log.embedded.reader import EmbeddedReader
from linkspan.log.embedded.writer import EmbeddedTransactionalWriter, EmbeddedWriter
from linkspan.log.port import NO_SETTINGS, ExclusiveWriter, Table, TopicSpec

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

    def transactional_writer(
        self,
        settings: Mapping[str, str],  # noqa: ARG002 - nothing to tune
        transactional_id: str,
        *,
        reports_records: bool = False,  # noqa: ARG002 - it can in any case
    ) -> EmbeddedTransactionalWriter:
        """Make a writer of transactions."""
        return EmbeddedTransactionalWriter(self.path, transactional_id)

    def reader(self, settings: Mapping[str, str]) -> EmbeddedReader:
        """Open a reader; ``group.id``, ``auto.offset.reset`` and ``max.poll.interval.ms`` count."""
        return EmbeddedReader(self.path, settings)

    def admin(self, settings: Mapping[str, str]) -> EmbeddedAdmin:  # noqa: ARG002 - nothing to tune
        """Open an admin client."""
        return EmbeddedAdmin(self.path)

    def table(
        self,
        settings: Mapping[str, str],  # noqa: ARG002 - there are no tables here
        spec: TopicSpec,
        *,
        key: str,
        holds: str,
        client_id: str,  # noqa: ARG002
        single_partition: bool = False,  # noqa: ARG002
        read_committed: bool = False,  # noqa: ARG002
        clients: Mapping[str, Mapping[str, str]] = NO_SETTINGS,  # noqa: ARG002
    ) -> Table:
        """Refused: workers share tables, and this log is for one worker alone."""
        raise UnsupportedError(
            f"The embedded log cannot keep {holds} in a topic that workers share ({key}={spec.name}): that needs "
            "Kafka. Set bootstrap.servers, or leave the key out and run a standalone worker"
        )

    def exclusive_writer(
        self,
        settings: Mapping[str, str],  # noqa: ARG002 - there are no tables here
        topic: str,
        *,
        transactional_id: str,  # noqa: ARG002
        client_id: str,  # noqa: ARG002
    ) -> ExclusiveWriter:
        """Refused, as above."""
        raise UnsupportedError(f"Only a group of workers writes to {topic} by turns, and that needs Kafka")
