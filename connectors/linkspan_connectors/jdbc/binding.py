"""Rows of parameters out of records: a column at a time, and record by record where that fails (spec/jdbc.md 13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from linkspan.api import DataError, StructRows
from linkspan_connectors.jdbc.groups import Group
from linkspan_connectors.jdbc.keys import Origin, SinkColumn

__all__ = ["Binding", "BoundColumn", "Convert", "Rows"]

Convert: TypeAlias = "Callable[[Any], Any] | None"
"""What makes of a value, which is not None, what the driver takes; None when it is that already."""

_UNFIT: Final = (ArithmeticError, AttributeError, DataError, LookupError, TypeError, ValueError)
"""What a value of another type than its schema says makes of itself, and what converters raise."""


class BoundColumn(NamedTuple):
    """A column, and how its values are made for the driver.

    Attributes:
        column: which one.
        convert: of the dialect.
        default: what stands for null, or None.
    """

    column: SinkColumn
    convert: Convert
    default: Any = None

    def values(self, group: Group) -> Sequence[Any]:
        """Its value of each record.

        Raises:
            Exception: one of :data:`_UNFIT`, for whichever record.
        """
        taken = _taken(self.column, group)
        if self.default is not None:
            default = self.default
            taken = [default if value is None else value for value in taken]
        convert = self.convert
        if convert is not None:
            return [None if value is None else convert(value) for value in taken]
        return taken

    def value(self, group: Group, position: int) -> Any:  # noqa: ANN401 - of any type
        """Its value of one record; a field that the record lacks is null.

        Raises:
            DataError: it is not what its schema says; names the column.
        """
        name = self.column.name
        try:
            found = _found(self.column, group, position)
            if found is None:
                found = self.default
            if found is None or self.convert is None:
                return found
            return self.convert(found)
        except _UNFIT as error:
            raise DataError(f"column {name}: {str(error) or type(error).__name__}") from error


class Rows(NamedTuple):
    """Parameters of the records of a group.

    Attributes:
        rows: a tuple of values a record.
        keys: of each record what identifies its row: the value of the one key column, or a tuple of them; empty
            without key columns.
        positions: of the records in the group; None for all of them.
        failures: of the other records, by position.
    """

    rows: list[tuple[Any, ...]]
    keys: Sequence[Any]
    positions: list[int] | None
    failures: dict[int, DataError]


class Binding:
    """Makes rows for statements that take key columns first.

    Args:
        keys: key columns.
        others: the other columns.
        keys_last: whether rows have the key columns behind the others, as UPDATE wants them.
    """

    def __init__(self, keys: Sequence[BoundColumn], others: Sequence[BoundColumn], *, keys_last: bool = False) -> None:
        self._columns = [*keys, *others]
        self._count = len(keys)
        self._keys_last = keys_last

    def rows(self, group: Group) -> Rows:
        """Rows of the records of a group."""
        try:
            columns = [column.values(group) for column in self._columns]
            self._check_keys(columns)
        except _UNFIT:
            return self._one_by_one(group)
        return Rows(self._in_order(columns), self._identities(columns), None, {})

    def _check_keys(self, columns: Sequence[Sequence[Any]]) -> None:
        for bound, values in zip(self._columns[: self._count], columns, strict=False):
            if bound.column.origin is Origin.KEY and None in values:
                raise DataError("a record has no key")

    def _one_by_one(self, group: Group) -> Rows:
        made: list[tuple[Any, ...]] = []
        positions: list[int] = []
        failures: dict[int, DataError] = {}
        for position in range(len(group)):
            try:
                made.append(tuple(column.value(group, position) for column in self._columns))
                positions.append(position)
            except DataError as error:
                failures[position] = error
        columns = list(zip(*made, strict=True)) if made else [()] * len(self._columns)
        return Rows(self._in_order(columns), self._identities(columns), positions, failures)

    def _in_order(self, columns: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        if self._keys_last:
            columns = [*columns[self._count :], *columns[: self._count]]
        return list(zip(*columns, strict=True))

    def _identities(self, columns: Sequence[Sequence[Any]]) -> Sequence[Any]:
        keys = columns[: self._count]
        if not keys:
            return ()
        identities = keys[0] if len(keys) == 1 else list(zip(*keys, strict=True))
        try:
            hash(tuple(identities))
        except TypeError:
            # arrays, and bytes that may be changed
            return [repr(identity) for identity in identities]
        return identities


def _taken(column: SinkColumn, group: Group) -> Sequence[Any]:
    name = column.name
    match column.origin:
        case Origin.VALUE_FIELD:
            return _fields(name, group.values)
        case Origin.KEY_FIELD:
            return _fields(name, group.keys)
        case Origin.VALUE:
            return group.values
        case Origin.KEY:
            return group.keys
        case Origin.TOPIC:
            return group.topics
        case Origin.PARTITION:
            return group.partitions
        case Origin.OFFSET:
            return group.offsets


def _fields(name: str, structs: Sequence[Any]) -> Sequence[Any]:
    column = structs.column(name) if type(structs) is StructRows else None
    if column is not None:
        return column
    try:
        return [struct[name] for struct in structs]
    except KeyError:
        return [struct.get(name) for struct in structs]


def _found(column: SinkColumn, group: Group, position: int) -> Any:  # noqa: ANN401 - of any type
    if column.origin in (Origin.KEY, Origin.KEY_FIELD) and group.keys[position] is None:
        raise DataError("it is part of the key, and the record has no key")
    if column.origin in (Origin.KEY_FIELD, Origin.VALUE_FIELD):
        struct = (group.keys if column.origin is Origin.KEY_FIELD else group.values)[position]
        return struct.get(column.name)
    return _taken(column, group)[position]
