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
        identity: of a key column, what makes of its value what tells rows apart; None when the value does that itself.
    """

    column: SinkColumn
    convert: Convert
    default: Any = None
    identity: Convert = None

    def taken(self, group: Group) -> Sequence[Any]:
        """Its value of each record, as records have it.

        Raises:
            Exception: one of :data:`_UNFIT`, for whichever record.
        """
        taken = _taken(self.column, group)
        if self.default is None:
            return taken
        default = self.default
        return [default if value is None else value for value in taken]

    def values(self, taken: Sequence[Any]) -> Sequence[Any]:
        """What the driver takes for these values.

        Raises:
            Exception: as :meth:`taken`.
        """
        return _each(self.convert, taken)

    def value(self, group: Group, position: int) -> tuple[Any, Any]:
        """Its value of one record, and what the driver takes for it; a field that the record lacks is null.

        Raises:
            DataError: it is not what its schema says; names the column.
        """
        name = self.column.name
        try:
            found = _found(self.column, group, position)
            if found is None:
                found = self.default
            return found, found if found is None or self.convert is None else self.convert(found)
        except _UNFIT as error:
            raise DataError(f"column {name}: {str(error) or type(error).__name__}") from error


class Rows(NamedTuple):
    """Parameters of the records of a group.

    Attributes:
        rows: a tuple of values a record.
        keys: of each record what identifies its row: the value of the one key column, or a tuple of them. It is made
            of the record's value and not of what the driver gets, which differs by the way that is taken. Empty without
            key columns.
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
            taken = [column.taken(group) for column in self._columns]
            columns = [column.values(its) for column, its in zip(self._columns, taken, strict=True)]
            self._check_keys(columns)
        except _UNFIT:
            return self._one_by_one(group)
        return Rows(self._in_order(columns), self._identities(taken), None, {})

    def _check_keys(self, columns: Sequence[Sequence[Any]]) -> None:
        for bound, values in zip(self._columns[: self._count], columns, strict=False):
            if bound.column.origin is Origin.KEY and None in values:
                raise DataError("a record has no key")

    def _one_by_one(self, group: Group) -> Rows:
        found: list[list[tuple[Any, Any]]] = []
        positions: list[int] = []
        failures: dict[int, DataError] = {}
        for position in range(len(group)):
            try:
                found.append([column.value(group, position) for column in self._columns])
                positions.append(position)
            except DataError as error:
                failures[position] = error
        pairs = list(zip(*found, strict=True)) if found else [()] * len(self._columns)
        taken, columns = ([[pair[at] for pair in column] for column in pairs] for at in (0, 1))
        return Rows(self._in_order(columns), self._identities(taken), positions, failures)

    def _in_order(self, columns: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        if self._keys_last:
            columns = [*columns[self._count :], *columns[: self._count]]
        return list(zip(*columns, strict=True))

    def _identities(self, taken: Sequence[Sequence[Any]]) -> Sequence[Any]:
        keys = [_each(bound.identity, its) for bound, its in zip(self._columns[: self._count], taken, strict=False)]
        if not keys:
            return ()
        identities = keys[0] if len(keys) == 1 else list(zip(*keys, strict=True))
        try:
            hash(tuple(identities))
        except TypeError:
            return list(map(_hashable, identities))
        return identities


def _each(make: Convert, values: Sequence[Any]) -> Sequence[Any]:
    return values if make is None else [None if value is None else make(value) for value in values]


def _hashable(identity: Any) -> Any:  # noqa: ANN401 - of any type
    """The same, or a text for what has none: arrays."""
    try:
        hash(identity)
    except TypeError:
        return repr(identity)
    return identity


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
