"""The records of one ``put``, sorted by table and schemas: what is written by one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

from linkspan.api import RecordColumns, Schema, SinkBatch, StructRows
from linkspan_connectors.jdbc.identifiers import TableId

__all__ = ["Group", "Grouping", "Kind", "grouped", "kinds_of"]

Kind: TypeAlias = "tuple[TableId, Schema | None, Schema | None, bool]"
"""Table, schema of the key, schema of the value, and whether there is a value."""


@dataclass(slots=True)
class Group:
    """Records of one kind, in their order.

    Attributes:
        kind: what they have in common.
        places: place of each among the records of the ``put``, rising.
        keys: key of each.
        values: value of each, None when they have none.
        topics: topic of each, as transforms left it.
        partitions: partition of each.
        offsets: offset of each.
    """

    kind: Kind
    places: list[int] = field(default_factory=list)
    keys: Sequence[Any] = ()
    values: Sequence[Any] = ()
    topics: list[str] = field(default_factory=list)
    partitions: list[Any] = field(default_factory=list)
    offsets: list[Any] = field(default_factory=list)

    @property
    def table(self) -> TableId:
        """Where they go."""
        return self.kind[0]

    def __len__(self) -> int:
        return len(self.places)

    def add(self, keys: Sequence[Any], values: Sequence[Any]) -> None:
        """Take the keys and values of more records; the first ones stay in columns if they are."""
        self.keys = [*self.keys, *keys] if self.keys else keys
        self.values = [*self.values, *values] if self.values else values

    def keep(self, indexes: Sequence[int]) -> None:
        """Leave these records, in this order."""
        self.keys, self.values = _taken(self.keys, indexes), _taken(self.values, indexes)
        parts: list[list[Any]] = [self.places, self.topics, self.partitions, self.offsets]
        for items in parts:
            if items:
                items[:] = _taken(items, indexes)

    def sort(self) -> None:
        """Put the records in their order, where they came from schemas that are equal and not the same."""
        if any(before > after for before, after in pairwise(self.places)):
            self.keep(sorted(range(len(self)), key=self.places.__getitem__))


class Grouping(Protocol):
    """As :func:`grouped`."""

    def __call__(
        self, records: SinkBatch, table_of: Callable[[str], TableId], *, with_coordinates: bool
    ) -> list[Group]:
        """Sort records by what they have in common."""
        ...


def grouped(records: SinkBatch, table_of: Callable[[str], TableId], *, with_coordinates: bool) -> list[Group]:
    """Sort records by what they have in common.

    Args:
        records: of one ``put``.
        table_of: the table for a topic.
        with_coordinates: whether topics, partitions and offsets are wanted; they are left empty otherwise.

    Returns:
        groups in the order of their first records.

    Raises:
        ConfigError: of ``table_of``.
    """
    groups: dict[Kind, Group] = {}
    joined: dict[int, Group] = {}
    first = 0
    for columns in records.columns:
        table = table_of(columns.topic)
        for key_schema, value_schema, has_value, positions in kinds_of(columns):
            kind = (table, key_schema, value_schema, has_value)
            group = groups.get(kind)
            if group is None:
                group = groups[kind] = Group(kind)
            else:
                joined[id(group)] = group
            _add(group, columns, first, positions, with_coordinates=with_coordinates)
        first += len(columns)
    for group in joined.values():
        group.sort()
    return list(groups.values())


_Positions: TypeAlias = "list[int] | None"
"""Positions within columns; None for all."""


def kinds_of(columns: RecordColumns) -> Iterator[tuple[Schema | None, Schema | None, bool, _Positions]]:
    """Schemas of key and value, and the positions of the records that have them."""
    keys, values = columns.keys, columns.values
    if keys.schemas is None and values.schemas is None and None not in values.values:
        yield keys.schema, values.schema, True, None
        return
    # the same schemas are almost always the same objects; equal ones come together in the groups
    found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    key_ids = _ids(keys.schema, keys.schemas, len(columns))
    value_ids = _ids(values.schema, values.schemas, len(columns))
    for position, (key_id, value_id, value) in enumerate(zip(key_ids, value_ids, values.values, strict=True)):
        found[key_id, 0 if value is None else value_id].append(position)
    for (_, value_id), positions in found.items():
        at = positions[0]
        # of what has no value, its schema says nothing (spec 10.3)
        yield keys.schema_at(at), values.schema_at(at) if value_id else None, bool(value_id), positions


def _ids(shared: Schema | None, schemas: Sequence[Schema | None] | None, count: int) -> Sequence[int]:
    return [id(shared)] * count if schemas is None else list(map(id, schemas))


def _add(group: Group, columns: RecordColumns, first: int, positions: _Positions, *, with_coordinates: bool) -> None:
    def chosen(items: Sequence[Any]) -> Sequence[Any]:
        return items if positions is None else _taken(items, positions)

    group.places += range(first, first + len(columns)) if positions is None else [first + at for at in positions]
    group.add(chosen(columns.keys.values), chosen(columns.values.values))
    if with_coordinates:
        group.topics += [columns.topic] * (len(columns) if positions is None else len(positions))
        group.partitions += chosen(columns.partitions)
        group.offsets += chosen(columns.offsets or ())


def _taken(items: Sequence[Any], positions: Sequence[int]) -> Sequence[Any]:
    return items.chosen(positions) if type(items) is StructRows else [items[position] for position in positions]
