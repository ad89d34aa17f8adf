"""Change events by table, key and schemas of their rows (spec/jdbc.md 16.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from linkspan.api import RecordColumns, Schema, SinkBatch, Type, schema
from linkspan_connectors.jdbc.groups import Group, kinds_of
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.variants.debezium.events import Action, Form, Forms
from linkspan_connectors.jdbc.variants.debezium.naming import CollectionNames

__all__ = ["EventGrouping", "KeyRules"]

_INFERRED: Final = {
    bool: schema.BOOLEAN,
    int: schema.INT64,
    float: schema.FLOAT64,
    str: schema.STRING,
    bytes: schema.BYTES,
}


class KeyRules(NamedTuple):
    """What identifies a row.

    Attributes:
        mode: ``primary.key.mode``, in lower case.
        fields: ``primary.key.fields``; none for all.
        newest: whether of the events of one key that come together the newest alone is written; for statements that
            replace rows the engine sees to that.
    """

    mode: str
    fields: Sequence[str] = ()
    newest: bool = False


class _Part(NamedTuple):
    """Events of one kind that are treated alike.

    Attributes:
        positions: within the columns, rising.
        key_schema: of all of them.
        keys: of each.
        row_schema: of all of them; None when they delete.
        rows: what is written of each; None when they delete.
    """

    positions: Sequence[int]
    key_schema: Schema | None
    keys: Sequence[Any]
    row_schema: Schema | None
    rows: Sequence[Any] | None


_Chosen: TypeAlias = "tuple[Sequence[int], Sequence[Any]]"
"""Positions of events, and the events without what they are wrapped in."""


class EventGrouping:
    """Sorts events as the engine sorts records.

    Args:
        forms: what is written of them.
        names: of their tables.
        keys: what identifies rows.
        deletes: whether rows are deleted.
    """

    def __init__(self, forms: Forms, names: CollectionNames, keys: KeyRules, *, deletes: bool) -> None:
        self._forms = forms
        self._names = names
        self._keys = keys
        self._deletes = deletes
        self._header_schemas: dict[tuple[tuple[str, Schema], ...], Schema] = {}

    def __call__(
        self, records: SinkBatch, table_of: Callable[[str], TableId], *, with_coordinates: bool
    ) -> list[Group]:
        """Groups of what is written; what asks for nothing is left out.

        Raises:
            ConfigError: an event has no table.
        """
        groups: dict[Any, Group] = {}
        first = 0
        for columns in records.columns:
            for name, part in self._parts(columns):
                kind = (table_of(name), part.key_schema, part.row_schema, part.rows is not None)
                group = groups.get(kind)
                if group is None:
                    group = groups[kind] = Group(kind)
                _add(group, columns, first, part, with_coordinates=with_coordinates)
            first += len(columns)
        made = list(groups.values())
        for group in made:
            group.sort()
        if self._keys.newest:
            _keep_newest(made, self._keys)
        return [group for group in made if len(group)]

    # -- parts -------------------------------------------------------------------------------------------------------

    def _parts(self, columns: RecordColumns) -> Iterator[tuple[str, _Part]]:
        """Names of tables, with what goes there."""
        topic, keys, values = columns.topic, columns.keys.values, columns.values.values
        for key_schema, value_schema, has_value, chosen in kinds_of(columns):
            positions: Sequence[int] = range(len(columns)) if chosen is None else chosen
            form = self._forms.of(topic, value_schema)
            events = form.inner([values[at] for at in positions]) if has_value else [None] * len(positions)
            for action, of_action in self._by_action(form, positions, events):
                for name, (places, inner) in self._by_name(topic, form, of_action):
                    writes = action is Action.WRITE
                    rows = form.rows(inner) if writes else None
                    row_schema = form.row if writes else None
                    if self._keys.mode == "record_header":
                        yield from ((name, part) for part in self._by_header(columns, places, row_schema, rows))
                        continue
                    of_key = self._forms.of_key(key_schema)
                    its_keys = [keys[at] for at in places]
                    if of_key is None:
                        yield name, _Part(places, key_schema, its_keys, row_schema, rows)
                    else:
                        yield name, _Part(places, of_key.row, of_key.rows(its_keys), row_schema, rows)

    def _by_action(
        self, form: Form, positions: Sequence[int], events: Sequence[Any]
    ) -> Iterator[tuple[Action, _Chosen]]:
        for action, chosen in form.by_action(events):
            if action is Action.WRITE or self._deletes:
                yield action, (positions, events) if chosen is None else _at(chosen, positions, events)

    def _by_name(self, topic: str, form: Form, chosen: _Chosen) -> Iterable[tuple[str, _Chosen]]:
        if not self._names.needs_source:
            return [(self._names.of_topic(topic), chosen)]
        positions, events = chosen
        found: defaultdict[str, list[int]] = defaultdict(list)
        for index, event in enumerate(events):
            if event is None:
                # what follows a delete event, which has said all
                continue
            if form.is_event:
                found[self._names.of(topic, event)].append(index)
            else:
                self._names.skip(topic)
        return [(name, _at(indexes, positions, events)) for name, indexes in found.items()]

    def _by_header(
        self, columns: RecordColumns, positions: Sequence[int], row_schema: Schema | None, rows: Sequence[Any] | None
    ) -> list[_Part]:
        """Parts whose keys are structs of headers; a record without any has no key."""
        found: defaultdict[Schema | None, list[tuple[int, Any]]] = defaultdict(list)
        for index, position in enumerate(positions):
            key, its_schema = self._header_key(columns, position)
            found[its_schema].append((index, key))
        return [
            _Part(
                [positions[index] for index, _ in of_schema],
                its_schema,
                [key for _, key in of_schema],
                row_schema,
                None if rows is None else [rows[index] for index, _ in of_schema],
            )
            for its_schema, of_schema in found.items()
        ]

    def _header_key(self, columns: RecordColumns, at: int) -> tuple[dict[str, Any] | None, Schema | None]:
        key: dict[str, Any] = {}
        schemas: dict[str, Schema] = {}
        for header in columns.headers[at] if columns.headers is not None else ():
            its_schema = header.schema or _INFERRED.get(type(header.value))
            if its_schema is not None:
                key[header.key], schemas[header.key] = header.value, its_schema
        if not key:
            return None, None
        described = tuple(schemas.items())
        made = self._header_schemas.get(described)
        if made is None:
            made = self._header_schemas[described] = Schema(Type.STRUCT, fields=schemas)
        return key, made


def _at(indexes: Sequence[int], positions: Sequence[int], events: Sequence[Any]) -> _Chosen:
    return [positions[index] for index in indexes], [events[index] for index in indexes]


def _add(group: Group, columns: RecordColumns, first: int, part: _Part, *, with_coordinates: bool) -> None:
    positions = part.positions
    group.places += [first + at for at in positions]
    group.add(part.keys, [None] * len(positions) if part.rows is None else part.rows)
    if with_coordinates:
        partitions, offsets = columns.partitions, columns.offsets or ()
        group.topics += [columns.topic] * len(positions)
        group.partitions += [partitions[at] for at in positions]
        group.offsets += [offsets[at] for at in positions]


def _keep_newest(groups: Sequence[Group], keys: KeyRules) -> None:
    """Leave out the events that a later one of the same key stands behind."""
    newest: dict[Any, int] = {}
    identified = [_identities(group, keys) for group in groups]
    for group, identities in zip(groups, identified, strict=True):
        for place, identity in zip(group.places, identities, strict=True):
            if newest.get(identity, -1) < place:
                newest[identity] = place
    for group, identities in zip(groups, identified, strict=True):
        group.keep(
            [
                index
                for index, (place, identity) in enumerate(zip(group.places, identities, strict=True))
                if identity[1] is None or newest[identity] == place
            ],
        )


def _identities(group: Group, keys: KeyRules) -> list[tuple[TableId, Any]]:
    """What tells the rows of the tables apart; with None the row is one of its own."""
    sources = group.values if keys.mode == "record_value" else group.keys
    return [(group.table, _identity(source, keys.fields)) for source in sources]


def _identity(source: Any, fields: Sequence[str]) -> Any:  # noqa: ANN401 - of any type
    if source is None:
        return None
    parts: Iterable[Any] = (source,)
    if isinstance(source, Mapping):
        parts = [source.get(name) for name in fields or source]
    identity = tuple(parts)
    if None in identity:
        return None
    try:
        hash(identity)
    except TypeError:
        return repr(identity)
    return identity
