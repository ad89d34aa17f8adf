"""InsertField: adds where a record is from or when it is of, and a fixed text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, NamedTuple, TypeVar

from linkspan.api import MEDIUM, Config, ConfigError, DataError, Schema, SinkRecord, SourceRecord, Str, Type
from linkspan.api.schema import (
    INT32,
    INT64,
    OPTIONAL_INT32,
    OPTIONAL_INT64,
    OPTIONAL_STRING,
    STRING,
    timestamp,
)
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import as_map, copier, derived, null_setting, refused, replaces_nulls

__all__ = ["InsertField", "InsertFieldConfig", "InsertFieldKey", "InsertFieldValue"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

PURPOSE: Final = "field insertion"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
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
        plain: its value in a map; None adds nothing.
        typed: its value in a struct.
    """

    name: str
    schema: Schema
    plain: Callable[[SourceRecord | SinkRecord], object]
    typed: Callable[[SourceRecord | SinkRecord], object]


class InsertField(SideTransform[InsertFieldConfig]):
    """Adds fields to a struct or map."""

    config_class: ClassVar[type[Config]] = InsertFieldConfig
    version = "0.1.0"

    def configure(self) -> None:
        """Take the names of the fields."""
        config = self.config
        static = config.static_value
        candidates = (
            (config.topic_field, STRING, OPTIONAL_STRING, _topic, _topic),
            (config.partition_field, INT32, OPTIONAL_INT32, _partition, _partition),
            (config.offset_field, INT64, OPTIONAL_INT64, _offset, _offset),
            (config.timestamp_field, timestamp(), timestamp(optional=True), _timestamp, _moment),
            (config.static_field, STRING, OPTIONAL_STRING, lambda _: static, lambda _: static),
        )
        self.insertions = [
            _Insertion(spec[:-1] if spec.endswith(("!", "?")) else spec, must if spec.endswith("!") else may, *values)
            for spec, must, may, *values in candidates
            if spec is not None
        ]
        if not self.insertions:
            raise ConfigError("No field insertion configured")
        if config.static_field is not None and static is None:
            raise ConfigError.invalid(
                "static.value", None, f"No value specified for static field: {config.static_field}"
            )

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
            added = insertion.plain(record) if schema is None else insertion.typed(record)
            if added is not None:
                fields[insertion.name] = added
        return self.changed(record, plan.schema, fields)


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


def _moment(record: SourceRecord | SinkRecord) -> object:
    if record.timestamp is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=record.timestamp)
    except OverflowError as error:
        raise DataError(f"The record's timestamp {record.timestamp} lies beyond the year 9999") from error
