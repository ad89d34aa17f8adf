"""The table that sinks write and sources read: six columns, and its rows as JsonConverter has them, about 250 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from integration.services.postgresql import PostgreSqlAddress

__all__ = ["DATABASE", "HEAD", "Table", "documents"]

DATABASE: Final = "bench"
STALE: Final = -1
"""The number of rows that were there before."""

_CREATE: Final = (
    "CREATE TABLE {} (id bigint PRIMARY KEY, name text NOT NULL, price double precision NOT NULL, "
    "made timestamp NOT NULL, paid boolean NOT NULL, number integer)"
)
_FILL: Final = (
    "INSERT INTO {} SELECT i, repeat('abcde', 32) || i, i % 1000 / 100.0, "
    "timestamp '2024-01-01' + i * interval '1 ms', i % 2 = 0, {} FROM generate_series(0, {} - 1, {}) i"
)
_SCHEMA: Final = (
    '{"type":"int64","optional":false,"field":"id"},{"type":"string","optional":false,"field":"name"},'
    '{"type":"double","optional":false,"field":"price"},'
    '{"type":"int64","optional":false,"name":"org.apache.kafka.connect.data.Timestamp","version":1,"field":"made"},'
    '{"type":"boolean","optional":false,"field":"paid"}'
)
_NUMBER: Final = ',{"type":"int32","optional":true,"field":"number"}'
_ENVELOPE: Final = '{{"schema":{{"type":"struct","fields":[{}],"optional":false,"name":"bench.Order"}},"payload":{{'
_HEAD: Final = _ENVELOPE.format(_SCHEMA + _NUMBER)
_HEAD_WITHOUT_NUMBER: Final = _ENVELOPE.format(_SCHEMA)
HEAD: Final = _HEAD[:-1]
"""What stands in front of a row."""
_BEGIN: Final = 1_704_067_200_000
"""2024-01-01 in milliseconds."""


def documents(begin: int, end: int, *, alternating: bool) -> list[bytes]:
    """Rows from one number to another, with schemas.

    Args:
        begin: first number.
        end: behind the last.
        alternating: whether every other record has a schema without the field ``number``.
    """
    name = "abcde" * 32
    made = []
    for at in range(begin, end):
        paid = "true" if at % 2 == 0 else "false"
        text = f'"id":{at},"name":"{name}{at}","price":{at % 1000 / 100},"made":{_BEGIN + at},"paid":{paid}'
        head, tail = (_HEAD_WITHOUT_NUMBER, "}}") if alternating and at % 2 else (_HEAD, f',"number":{at}}}}}')
        made.append(f"{head}{text}{tail}".encode())
    return made


class Table:
    """A table of its own in a server.

    Args:
        server: where :data:`DATABASE` is.
        name: of the table.
        count: rows that it has in the end.
    """

    def __init__(self, server: PostgreSqlAddress, name: str, count: int) -> None:
        self.name = name
        self.count = count
        self._connection = server.connect(DATABASE)
        self._first = 0
        self._run(_CREATE.format(name))

    def fill(self) -> None:
        """Write all its rows."""
        self._run(_FILL.format(self.name, "i", self.count, 1), f"ANALYZE {self.name}", "CHECKPOINT")

    def fill_stale(self) -> None:
        """Write every other row, with another number."""
        self._run(_FILL.format(self.name, STALE, self.count, 2), f"ANALYZE {self.name}", "CHECKPOINT")

    def written(self, wanted: int) -> int:
        """How many rows a sink has written that takes them in order: some when some are, all when the last one is.

        Args:
            wanted: how many it is to write.
        """
        if not self._first and self._is_written(0):
            fresh = f"SELECT count(*) FROM {self.name} WHERE number IS DISTINCT FROM {STALE}"
            self._first = int(self._row(fresh)[0])
        return wanted if self._first and self._is_written(wanted - 1) else self._first

    def _is_written(self, at: int) -> bool:
        query = f"SELECT count(*) FROM {self.name} WHERE id = {at} AND number IS DISTINCT FROM {STALE}"
        return bool(self._row(query)[0])

    @property
    def content(self) -> Sequence[Any]:
        """How many rows there are, and a sum over them that tells tables with other rows apart."""
        return self._row(f"SELECT count(*), sum(hashtextextended(row::text, 0)) FROM {self.name} row")

    @property
    def megabytes(self) -> float:
        """What it takes, without its index (10^6 bytes)."""
        return float(self._row(f"SELECT pg_table_size('{self.name}')")[0]) / 1e6

    def drop(self) -> None:
        """Remove it."""
        self._run(f"DROP TABLE {self.name}")
        self._connection.close()

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement.encode())

    def _row(self, query: str) -> Sequence[Any]:
        found = self._connection.execute(query.encode()).fetchone()
        assert found is not None
        return found
