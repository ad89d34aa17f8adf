"""HeaderFrom: copies or moves fields into headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, ClassVar, TypeVar

from linkspan.api import (
    HIGH,
    Config,
    ConfigError,
    DataError,
    Headers,
    RecordColumns,
    Schema,
    SinkRecord,
    SourceRecord,
    Str,
    StrList,
    Type,
    UnsupportedError,
)
from linkspan.api.headers import Header
from linkspan.api.validators import one_of
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import (
    as_map,
    copier,
    derived,
    null_setting,
    refused,
    replaces_nulls,
    schema_text,
    struct_only,
)

__all__ = ["HeaderFrom", "HeaderFromConfig", "HeaderFromKey", "HeaderFromValue"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)


def _some(key: str, value: object) -> None:
    if not value:
        raise ConfigError.invalid(key, value, "Empty list")


class HeaderFromConfig(Config):
    """Settings of HeaderFrom."""

    fields = StrList(
        validator=_some,
        importance=HIGH,
        doc="Field names in the record whose values are to be copied or moved to headers.",
    )
    headers = StrList(
        validator=_some,
        importance=HIGH,
        doc="Header names, in the same order as the field names listed in the fields configuration property.",
    )
    operation = Str(
        validator=one_of("move", "copy"),
        importance=HIGH,
        doc="Either <code>move</code> if the fields are to be moved to the headers (removed from the key/value), or "
        "<code>copy</code> if the fields are to be copied to the headers (retained in the key/value).",
    )
    replace_null_with_default = null_setting()


class HeaderFrom(SideTransform[HeaderFromConfig]):
    """Adds headers to those that there are."""

    config_class: ClassVar[type[Config]] = HeaderFromConfig
    version = "0.1.0"
    keeps_null = False

    def configure(self) -> None:
        """Take the pairs of fields and headers."""
        if len(self.config.headers) != len(self.config.fields):
            raise ConfigError("'fields' config must have the same number of elements as 'headers' config.")
        self.purpose = f"header {self.config.operation}"
        self.moves = self.config.operation == "move"
        self.pairs = list(zip(self.config.fields, self.config.headers, strict=True))

    def plan(self, schema: Schema | None) -> Plan:
        """What stays."""
        if schema is None:
            return Plan(None, self._rest_of_map)
        if schema.type is not Type.STRUCT:
            return Plan(schema, refused(self.purpose, schema))
        if not self.moves:
            return Plan(schema, lambda value: value)
        rest = [(field.name, field) for field in schema.fields if field.name not in self.config.fields]
        kind = derived(schema, [(name, field.schema) for name, field in rest])
        return Plan(kind, copier(rest, replace_nulls=replaces_nulls(self.config)))

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with more headers."""
        schema, value = (record.key_schema, record.key) if self.is_key else (record.value_schema, record.value)
        if value is None and schema is not None:
            raise struct_only(self.purpose, schema, None)
        plan = self.plans(schema)
        rest = plan.change(value)
        assert isinstance(value, Mapping)
        headers = Headers(record.headers or ())
        headers += self._plain(value) if schema is None else self._typed(value, schema)
        twin = self.changed(record, plan.schema, rest)
        twin.headers = headers
        return twin

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for a whole column."""
        column = columns.keys if self.is_key else columns.values
        schema = column.schema
        if None in column.values:
            raise UnsupportedError("There are records without fields")
        twin = super().apply_all(columns)
        assert twin is not None
        if (twin.keys if self.is_key else twin.values).failures:
            raise UnsupportedError("There are records without fields")
        values: Sequence[Any] = column.values
        added = [self._plain(value) if schema is None else self._typed(value, schema) for value in values]
        before: Iterable[Sequence[Header]] = repeat((), len(added)) if columns.headers is None else columns.headers
        twin.headers = [Headers([*own, *more]) for own, more in zip(before, added, strict=True)]
        return twin

    def _plain(self, value: Mapping[str, Any]) -> Sequence[Header]:
        return [Header(header, value.get(name)) for name, header in self.pairs]

    def _typed(self, value: Mapping[str, Any], schema: Schema) -> Sequence[Header]:
        uses_defaults = replaces_nulls(self.config)
        added: list[Header] = []
        for name, header in self.pairs:
            field = schema.field(name)
            if field is None:
                raise DataError(f"Unknown field: {name}")
            item = value.get(name)
            if item is None and uses_defaults:
                item = field.schema.default
            if item is None and not field.schema.optional:
                raise DataError(f"A null value requires an optional schema but was {schema_text(field.schema)}")
            added.append(Header(header, item, field.schema))
        return added

    def _rest_of_map(self, value: object) -> dict[str, object]:
        rest = dict(as_map(value, self.purpose))
        for name in self.config.fields if self.moves else ():
            rest.pop(name, None)
        return rest


class HeaderFromKey(HeaderFrom):
    """HeaderFrom for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.HeaderFrom$Key"


class HeaderFromValue(HeaderFrom):
    """HeaderFrom for values."""

    java_class = "org.apache.kafka.connect.transforms.HeaderFrom$Value"
