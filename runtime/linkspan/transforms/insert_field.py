"""InsertField: adds where a record is from or when it is of, and a fixed text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from linkspan.api import (
    MEDIUM,
    Config,
    ConfigError,
    DataError,
    RecordColumns,
    Schema,
    SinkRecord,
    SourceRecord,
    Str,
    StructRows,
    Type,
    UnsupportedError,
)
from linkspan.api.schema import (
    INT32,
    INT64,
    OPTIONAL_INT32,
    OPTIONAL_INT64,
    OPTIONAL_STRING,
    STRING,
    timestamp,
)
from linkspan.transforms.moments import from_ms
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import as_map, copier, derived, null_setting, refused, replaces_nulls

__all__ = ["InsertField", "InsertFieldConfig", "InsertFieldKey", "InsertFieldValue"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

PURPOSE: Final = "field insertion"
_OPTIONAL: Final = (
    "Suffix with <code>!</code> to make this a required field, or <code>?</code> to keep it optional (the default)."
)


class InsertFieldConfig(Config):
    """Settings of InsertField."""

    topic_field = Str(default=None, importance=MEDIUM, doc=f"Field name for Kafka topic. {_OPTIONAL}")
    partition_field = Str(default=None, importance=MEDIUM, doc=f"Field name for Kafka partition. {_OPTIONAL}")
    offset_field = Str(
        default=None,
        importance=MEDIUM,
        doc=f"Field name for Kafka offset - only applicable to sink connectors.<br/>{_OPTIONAL}",
    )
    timestamp_field = Str(default=None, importance=MEDIUM, doc=f"Field name for record timestamp. {_OPTIONAL}")
    static_field = Str(default=None, importance=MEDIUM, doc=f"Field name for static data field. {_OPTIONAL}")
    static_value = Str(default=None, importance=MEDIUM, doc="Static field value, if field name configured.")
    replace_null_with_default = null_setting()


class _Insertion(NamedTuple):
    """One field to add.

    Attributes:
        name: its name.
        schema: what it is.
        value: what is added to a record; null adds nothing.
        column: the same for many records; None where there is no such thing.
        convert: makes what a struct holds of what a map holds.
    """

    name: str
    schema: Schema
    value: Callable[[SourceRecord | SinkRecord], object]
    column: Callable[[RecordColumns, int], Iterable[object] | None]
    convert: Callable[[object], object] | None = None


class InsertField(SideTransform[InsertFieldConfig]):
    """Adds fields to a struct or map."""

    config_class: ClassVar[type[Config]] = InsertFieldConfig
    version = "0.1.0"

    def configure(self) -> None:
        """Take the names of the fields."""
        config = self.config
        static = config.static_value
        self.insertions: list[_Insertion] = []
        self._insert(config.topic_field, (STRING, OPTIONAL_STRING), _topic, lambda c, n: repeat(c.topic, n))
        self._insert(config.partition_field, (INT32, OPTIONAL_INT32), _partition, lambda c, _: c.partitions)
        self._insert(config.offset_field, (INT64, OPTIONAL_INT64), _offset, lambda c, _: c.offsets)
        moments = (timestamp(), timestamp(optional=True))
        self._insert(config.timestamp_field, moments, _timestamp, lambda c, _: c.timestamps, _moment)
        self._insert(config.static_field, (STRING, OPTIONAL_STRING), lambda _: static, lambda _, n: repeat(static, n))
        if not self.insertions:
            raise ConfigError("No field insertion configured")
        if config.static_field is not None and static is None:
            raise ConfigError.invalid(
                "static.value", None, f"No value specified for static field: {config.static_field}"
            )

    def _insert(
        self,
        spec: str | None,
        schemas: tuple[Schema, Schema],
        value: Callable[[SourceRecord | SinkRecord], object],
        column: Callable[[RecordColumns, int], Iterable[object] | None],
        convert: Callable[[object], object] | None = None,
    ) -> None:
        """Add what is configured: a name, ``!`` behind it for a required field, ``?`` for an optional one."""
        if spec is not None:
            required, optional = schemas
            schema = required if spec.endswith("!") else optional
            name = spec[:-1] if spec.endswith(("!", "?")) else spec
            self.insertions.append(_Insertion(name, schema, value, column, convert))

    def plan(self, schema: Schema | None) -> Plan:
        """Add to a copy."""
        if schema is None:
            return Plan(None, _copy_of_map)
        if schema.type is not Type.STRUCT:
            return Plan(schema, refused(PURPOSE, schema))
        fields = [(field.name, field.schema) for field in schema.fields]
        kind = derived(schema, [*fields, *((insertion.name, insertion.schema) for insertion in self.insertions)])
        copy = copier([(field.name, field) for field in schema.fields], replace_nulls=replaces_nulls(self.config))
        return Plan(kind, copy)

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with more fields on its side."""
        schema, value = (record.key_schema, record.key) if self.is_key else (record.value_schema, record.value)
        if value is None:
            return record
        plan = self.plans(schema)
        fields = plan.change(value)
        assert isinstance(fields, dict)
        for insertion in self.insertions:
            added = insertion.value(record)
            if added is not None:
                convert = None if schema is None else insertion.convert
                fields[insertion.name] = added if convert is None else convert(added)
        return self.changed(record, plan.schema, fields)

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for a whole column."""
        column = columns.keys if self.is_key else columns.values
        twin = super().apply_all(columns)
        assert twin is not None
        made = (twin.keys if self.is_key else twin.values).values
        for insertion in self.insertions:
            added = insertion.column(columns, len(made))
            if added is None:
                raise UnsupportedError("Only records that were read have offsets")
            if insertion.convert is not None and column.schema is not None:
                added = map(insertion.convert, added)
            made = _with(insertion.name, made, list(added))
        (twin.keys if self.is_key else twin.values).values = made
        return twin

    def change_rows(self, rows: StructRows) -> Sequence[object] | None:
        """The maps as they are: nothing is added to them, but to their columns."""
        return rows


class InsertFieldKey(InsertField):
    """InsertField for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.InsertField$Key"


class InsertFieldValue(InsertField):
    """InsertField for values."""

    java_class = "org.apache.kafka.connect.transforms.InsertField$Value"


def _copy_of_map(value: object) -> dict[str, object]:
    copied: Mapping[str, object] = as_map(value, PURPOSE)
    return dict(copied)


def _topic(record: SourceRecord | SinkRecord) -> object:
    return record.topic


def _partition(record: SourceRecord | SinkRecord) -> object:
    return record.partition


def _offset(record: SourceRecord | SinkRecord) -> object:
    if isinstance(record, SinkRecord):
        return record.offset
    found = "org.apache.kafka.connect.source.SourceRecord"
    raise DataError(f"Only SinkRecord supported for [{PURPOSE}], found: {found}")


def _timestamp(record: SourceRecord | SinkRecord) -> object:
    return record.timestamp


def _moment(ms: object) -> object:
    assert isinstance(ms, int | None)
    return None if ms is None else from_ms(ms)


def _with(name: str, structs: Sequence[Any], values: Sequence[object]) -> Sequence[Any]:
    """Structs or maps with one more field, or another value of it; nulls among them stay null."""
    if type(structs) is StructRows:
        if None not in values:
            return structs.replaced(name, values)
        structs = list(structs)
    for fields, value in zip(structs, values, strict=True):
        if value is not None and fields is not None:
            fields[name] = value
    return structs
