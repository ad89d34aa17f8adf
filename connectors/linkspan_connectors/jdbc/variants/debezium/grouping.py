"""Change events by table, key and schemas of their rows (spec/jdbc.md 16.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from linkspan.api import Headers, RecordColumns, Schema, SinkBatch, Type, schema
from linkspan_connectors.jdbc.groups import Group, Kind, kinds_of
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


class _Entry(NamedTuple):
    """One event, as it is written."""

    place: int
    key: Any
    value: Any
    topic: str
    partition: Any
    offset: Any


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
        found: dict[Kind, list[_Entry]] = {}
        first = 0
        for columns in records.columns:
            self._collect(found, columns, first, table_of)
            first += len(columns)
        if self._keys.newest:
            _keep_newest(found, self._keys)
        return [_group(kind, entries, with_coordinates=with_coordinates) for kind, entries in found.items() if entries]

    def _collect(
        self, found: dict[Kind, list[_Entry]], columns: RecordColumns, first: int, table_of: Callable[[str], TableId]
    ) -> None:
        topic, keys, values = columns.topic, columns.keys.values, columns.values.values
        partitions, offsets = columns.partitions, columns.offsets or ()
        by_header = self._keys.mode == "record_header"
        for key_schema, value_schema, has_value, positions in kinds_of(columns):
            form = self._forms.of(topic, value_schema)
            key_form = None if by_header else self._forms.of_key(key_schema)
            entries: dict[tuple[str, Action, Schema | None], list[_Entry]] = {}
            for at in range(len(columns)) if positions is None else positions:
                inner = form.inner(values[at]) if has_value else None
                action = self._action(form, inner)
                name = None if action is Action.NOTHING else self._name(topic, form, inner)
                if name is None:
                    continue
                key, its_schema = self._header_key(columns, at) if by_header else (keys[at], key_schema)
                if key_form is not None:
                    key, its_schema = key_form.values(key), key_form.row
                listed = entries.get((name, action, its_schema))
                if listed is None:
                    writes = action is Action.WRITE
                    kind = (table_of(name), its_schema, form.row if writes else None, writes)
                    listed = entries[name, action, its_schema] = found.setdefault(kind, [])
                value = form.values(inner) if action is Action.WRITE else None
                listed.append(_Entry(first + at, key, value, topic, partitions[at], offsets[at]))

    def _action(self, form: Form, inner: Any) -> Action:  # noqa: ANN401 - of any type
        action = form.action(inner)
        return Action.NOTHING if action is Action.DELETE and not self._deletes else action

    def _name(self, topic: str, form: Form, inner: Any) -> str | None:  # noqa: ANN401 - of any type
        if not self._names.needs_source:
            return self._names.of_topic(topic)
        if inner is None:
            # what follows a delete event, which has said all
            return None
        if not form.is_event:
            self._names.skip(topic)
            return None
        return self._names.of(topic, inner)

    def _header_key(self, columns: RecordColumns, at: int) -> tuple[dict[str, Any] | None, Schema | None]:
        """The headers as a struct; None without any."""
        headers: Headers | Sequence[Any] = columns.headers[at] if columns.headers is not None else ()
        key: dict[str, Any] = {}
        schemas: dict[str, Schema] = {}
        for header in headers:
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


def _group(kind: Kind, entries: list[_Entry], *, with_coordinates: bool) -> Group:
    entries.sort(key=lambda entry: entry.place)
    places, keys, values, topics, partitions, offsets = map(list, zip(*entries, strict=True))
    if not with_coordinates:
        return Group(kind, places, keys, values)
    return Group(kind, places, keys, values, topics, partitions, offsets)


def _keep_newest(found: Mapping[Kind, list[_Entry]], keys: KeyRules) -> None:
    """Leave out the events that a later one of the same key stands behind."""
    newest: dict[tuple[TableId, Any], int] = {}
    identified = [
        (entries, [(kind[0], _identity(entry, keys)) for entry in entries]) for kind, entries in found.items()
    ]
    for entries, identities in identified:
        for entry, identity in zip(entries, identities, strict=True):
            if newest.get(identity, -1) < entry.place:
                newest[identity] = entry.place
    for entries, identities in identified:
        entries[:] = [
            entry
            for entry, identity in zip(entries, identities, strict=True)
            if identity[1] is None or newest[identity] == entry.place
        ]


def _identity(entry: _Entry, keys: KeyRules) -> Any:  # noqa: ANN401 - of any type
    """What tells the rows of a table apart; None for a row of its own."""
    source = entry.value if keys.mode == "record_value" else entry.key
    if source is None:
        return None
    parts: Iterable[Any] = (source,)
    if isinstance(source, Mapping):
        parts = [source.get(name) for name in keys.fields or source]
    identity = tuple(parts)
    if None in identity:
        return None
    try:
        hash(identity)
    except TypeError:
        return repr(identity)
    return identity
