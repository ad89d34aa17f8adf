"""ValueToKey: makes the key of fields of the value."""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar

from linkspan.api import (
    HIGH,
    Config,
    DataError,
    RecordColumns,
    Schema,
    SinkRecord,
    SourceRecord,
    StrList,
    Transform,
    Type,
    UnsupportedError,
)
from linkspan.api.validators import some_distinct_items
from linkspan.transforms.sides import Plan, PlanCache, changed_each
from linkspan.transforms.structs import as_map, copier, derived, null_setting, refused, replaces_nulls, struct_only

__all__ = ["ValueToKey", "ValueToKeyConfig"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

PURPOSE: Final = "copying fields from value to key"


class ValueToKeyConfig(Config):
    """Settings of ValueToKey."""

    fields = StrList(
        validator=some_distinct_items,
        importance=HIGH,
        doc="Field names on the record value to extract as the record key.",
    )
    replace_null_with_default = null_setting()


class ValueToKey(Transform[ValueToKeyConfig]):
    """Sets the key."""

    config_class: ClassVar[type[Config]] = ValueToKeyConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.ValueToKey"

    def __init__(self) -> None:
        self.plans = PlanCache(self.plan)

    def plan(self, schema: Schema | None) -> Plan:
        """Schema of the key, and the function that makes it of a value."""
        if schema is None:
            return Plan(None, self._map)
        if schema.type is not Type.STRUCT:
            return Plan(None, refused(PURPOSE, schema))
        fields = []
        for name in self.config.fields:
            field = schema.field(name)
            if field is None:
                raise DataError(f"Field does not exist: {name}")
            fields.append((name, field))
        kind = derived(None, [(name, field.schema) for name, field in fields])
        return Plan(kind, copier(fields, replace_nulls=replaces_nulls(self.config)))

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with another key."""
        schema, value = record.value_schema, record.value
        if value is None and schema is not None:
            raise struct_only(PURPOSE, schema, value)
        plan = self.plans(schema)
        twin = record.copy()
        twin.key_schema, twin.key = plan.schema, plan.change(value)
        return twin

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for a whole column."""
        if columns.values.schemas is not None or None in columns.values.values:
            raise UnsupportedError("The schemas differ, or there are records without fields")
        plan = self.plans(columns.values.schema)
        twin = columns.copy()
        twin.keys = changed_each(plan.change, columns.values.values, plan.schema)
        return twin

    def _map(self, value: object) -> dict[str, object]:
        get = as_map(value, PURPOSE).get
        return {name: get(name) for name in self.config.fields}
