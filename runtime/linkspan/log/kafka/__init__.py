"""The log port on a Kafka cluster, through librdkafka (design section 5).

Importing this package imports neither the client library nor anything large: :class:`KafkaLog` is a picklable value
that travels to task processes, and each client is imported where it is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from linkspan.log.port import NO_SETTINGS, Admin, ExclusiveWriter, Reader, Table, TopicSpec, TransactionalWriter, Writer

__all__ = ["KafkaLog"]

_CLIENTS: Final = ("producer", "consumer", "admin")


class KafkaLog:
    """Opens clients of a Kafka cluster; settings are written as Java's clients take them (spec/runtime.md 4.8)."""

    __slots__ = ()

    preload: ClassVar[tuple[str, ...]] = (
        "linkspan.log.kafka.reader",
        "linkspan.log.kafka.writer",
        "linkspan.log.kafka.transactions",
        "linkspan.log.kafka.admin",
        "linkspan.log.kafka.library",
    )

    def writer(self, settings: Mapping[str, str]) -> Writer:
        """Open a producer; raises ConfigError for a setting that cannot be honoured."""
        from linkspan.log.kafka.writer import KafkaWriter  # noqa: PLC0415 - opening is what costs the import

        return KafkaWriter(settings)

    def transactional_writer(
        self, settings: Mapping[str, str], transactional_id: str, *, reports_records: bool = False
    ) -> TransactionalWriter:
        """Make a producer of transactions; raises ConfigError for a setting that cannot be honoured."""
        from linkspan.log.kafka.transactions import KafkaTransactionalWriter  # noqa: PLC0415 - as above

        return KafkaTransactionalWriter(settings, transactional_id, reports_records=reports_records)

    def reader(self, settings: Mapping[str, str]) -> Reader:
        """Open a group member; raises ConfigError for a setting that cannot be honoured."""
        from linkspan.log.kafka.reader import KafkaReader  # noqa: PLC0415 - opening is what costs the import

        return KafkaReader(settings)

    def admin(self, settings: Mapping[str, str]) -> Admin:
        """Open an admin client; raises ConfigError for a setting that cannot be honoured."""
        from linkspan.log.kafka.admin import KafkaAdmin  # noqa: PLC0415 - opening is what costs the import

        return KafkaAdmin(settings)

    def table(
        self,
        settings: Mapping[str, str],
        spec: TopicSpec,
        *,
        key: str,
        holds: str,
        client_id: str,
        single_partition: bool = False,
        read_committed: bool = False,
        clients: Mapping[str, Mapping[str, str]] = NO_SETTINGS,
    ) -> Table:
        """Prepare a table; see :meth:`linkspan.log.port.Log.table`."""
        from linkspan.log.kafka.compacted import Purpose  # noqa: PLC0415 - opening is what costs the import
        from linkspan.log.kafka.table import KafkaTable  # noqa: PLC0415 - as above

        purpose = Purpose(key, holds, single_partition=single_partition)
        each = {kind: {**settings, "client.id": client_id, **clients.get(kind, {})} for kind in _CLIENTS}
        return KafkaTable(each, spec, purpose, read_committed=read_committed)

    def exclusive_writer(
        self, settings: Mapping[str, str], topic: str, *, transactional_id: str, client_id: str
    ) -> ExclusiveWriter:
        """Make a writer; see :meth:`linkspan.log.port.Log.exclusive_writer`."""
        from linkspan.log.kafka.exclusive import KafkaExclusiveWriter  # noqa: PLC0415 - as above

        return KafkaExclusiveWriter(settings, topic, transactional_id=transactional_id, client_id=client_id)
