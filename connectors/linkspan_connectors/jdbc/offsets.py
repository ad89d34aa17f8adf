"""Source partitions and offsets, as the reference writes and reads them (spec/jdbc.md 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, overload

from linkspan.api import ConfigError, ConnectError, Offset, OffsetReader, Partition

__all__ = [
    "QUERY_PARTITION",
    "Position",
    "Positions",
    "bare_partition",
    "check_offsets",
    "chunk_partition",
    "stored_positions",
    "table_partition",
]

INCREMENTING: Final = "incrementing"
TIMESTAMP: Final = "timestamp"
NANOS: Final = "timestamp_nanos"
TABLE: Final = "table"
QUERY: Final = "query"
CHUNK: Final = "chunk"
PROTOCOL: Final = "protocol"
VERSION: Final = "1"
SNAPSHOT_ID: Final = "snapshot_id"
SNAPSHOT_TIME: Final = "snapshot_time"

QUERY_PARTITION: Final[Partition] = {QUERY: QUERY}
"""Of everything that a query returns."""

_MS: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 63) - 1


def table_partition(qualified: str) -> Partition:
    """Partition of a table that is read by a mode with offsets.

    The protocol stands first, as the reference writes it: the bytes of an offset's key are what compaction compares.

    Args:
        qualified: the table's full name without quotes.
    """
    return {PROTOCOL: VERSION, TABLE: qualified}


def bare_partition(name: str) -> Partition:
    """Partition of a table read in bulk, and of offsets that old versions wrote."""
    return {TABLE: name}


def chunk_partition(qualified: str, first: int, last: int) -> Partition:
    """Partition of a chunk of a table, which the original does not have.

    Args:
        qualified: the table's full name without quotes.
        first: id with which the chunk begins.
        last: id with which it ends.
    """
    return {**table_partition(qualified), CHUNK: f"{first}..{last}"}


@dataclass(frozen=True, slots=True)
class Position:
    """How far reading got.

    Attributes:
        timestamp: nanoseconds since the epoch; None when there is none.
        incrementing: the last id; None when there is none.
        snapshot_id: of a table that is cut into chunks by its ids, the id behind them; else None.
        snapshot_time: of one that is followed by time as well, the last time of rows of chunks, in nanoseconds since
            the epoch; else None.
    """

    timestamp: int | None = None
    incrementing: int | None = None
    snapshot_id: int | None = None
    snapshot_time: int | None = None

    def of_the_same_snapshot(self, other: Position) -> Position:
        """The other one, said to be of this one's snapshot."""
        return replace(other, snapshot_id=self.snapshot_id, snapshot_time=self.snapshot_time)

    def offset(self) -> Offset:
        """As it is stored: keys that do not apply are left out, the others stand in the reference's order."""
        found: dict[str, object] = {}
        if self.timestamp is not None:
            found[NANOS] = self.timestamp % _SECOND
        if self.incrementing is not None:
            found[INCREMENTING] = self.incrementing
        if self.timestamp is not None:
            found[TIMESTAMP] = self.timestamp // _MS
        if self.snapshot_id is not None:
            found[SNAPSHOT_ID] = self.snapshot_id
        if self.snapshot_time is not None:
            found[SNAPSHOT_TIME] = self.snapshot_time
        return found

    @classmethod
    def of(cls, offset: Offset, where: str) -> Position:
        """Read a stored offset; a timestamp without nanoseconds is one of an old version.

        Args:
            offset: what is stored.
            where: the partition, for messages.

        Raises:
            ConnectError: it is none of ours.
        """
        milliseconds = _number(offset, TIMESTAMP, where)
        nanos = _number(offset, NANOS, where)
        if nanos is not None and not 0 <= nanos < _SECOND:
            raise ConnectError(f"The stored offset of {where} has {NANOS} {nanos}, which is no part of a second")
        timestamp = None
        if milliseconds is not None:
            timestamp = milliseconds * _MS if nanos is None else milliseconds // 1000 * _SECOND + nanos
        snapshot = _number(offset, SNAPSHOT_ID, where), _number(offset, SNAPSHOT_TIME, where)
        return cls(timestamp, _number(offset, INCREMENTING, where), *snapshot)


class Positions(Sequence[Offset | None]):
    """Offset after each record of a batch, made only for those that are asked for.

    Args:
        count: how many records there are.
        position: the position after one of them, by its index.
    """

    __slots__ = ("_count", "_position")

    def __init__(self, count: int, position: Callable[[int], Position]) -> None:
        self._count = count
        self._position = position

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Offset | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Offset | None]: ...
    def __getitem__(self, index: int | slice) -> Offset | Sequence[Offset | None] | None:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        return self._position(range(self._count)[index]).offset() or None


def stored_positions(reader: OffsetReader, tables: Sequence[tuple[str, str]]) -> list[Position | None]:
    """Where reading of each table goes on, None where nothing is stored; all of them asked for at once.

    Args:
        reader: the stored offsets.
        tables: full name without quotes, and bare name, of each; offsets under the full name go first.

    Raises:
        ConnectError: a stored offset is none of ours.
    """
    asked = [table_partition(qualified) for qualified, _ in tables] + [bare_partition(name) for _, name in tables]
    found = reader.offsets(asked)
    positions: list[Position | None] = []
    for at, (qualified, _) in enumerate(tables):
        offset = found[at] or found[at + len(tables)]
        positions.append(Position.of(offset, f"table {qualified}") if offset else None)
    return positions


def check_offsets(offsets: Sequence[tuple[Partition, Offset | None]]) -> None:
    """Check what a user sets by hand.

    Raises:
        ConfigError: a partition or an offset is none of ours.
    """
    for partition, offset in offsets:
        if TABLE not in partition and QUERY not in partition:
            raise ConfigError(f"Partition objects should contain the key '{TABLE}' or '{QUERY}'")
        if offset is None:
            continue
        _check_partition(partition)
        unknown = offset.keys() - {INCREMENTING, TIMESTAMP, NANOS, SNAPSHOT_ID, SNAPSHOT_TIME}
        if unknown or not offset:
            raise ConfigError(
                f"Offset objects should either be null or contain some of the keys '{INCREMENTING}', '{TIMESTAMP}' "
                f"and '{NANOS}'"
            )
        try:
            Position.of(offset, str(partition.get(TABLE, "the query")))
        except ConnectError as error:
            raise ConfigError(error.message) from error


def _check_partition(partition: Partition) -> None:
    """Raises ConfigError for one that nothing would ever look for."""
    names = partition.keys() - {CHUNK}
    is_table = names in ({TABLE}, {PROTOCOL, TABLE}) and partition.get(PROTOCOL, VERSION) == VERSION
    if not (is_table and isinstance(partition[TABLE], str)) and partition != QUERY_PARTITION:
        raise ConfigError(
            f"No offset is ever looked for under the partition {dict(partition)}. It has the form "
            f'{{"{PROTOCOL}": "{VERSION}", "{TABLE}": "schema.table"}}, {{"{TABLE}": "table"}} or '
            f'{{"{QUERY}": "{QUERY}"}}'
        )


def _number(offset: Mapping[str, object], key: str, where: str) -> int | None:
    value = offset.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not _LEAST <= value <= _MOST:
        raise ConnectError(f"The stored offset of {where} has {value!r} as its {key}, which is no whole number")
    return value
