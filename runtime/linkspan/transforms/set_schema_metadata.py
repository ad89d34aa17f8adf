"""SetSchemaMetadata: gives the schema another name or version."""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar

from linkspan.api import (
    HIGH,
    Config,
    ConfigError,
    DataError,
    Int,
    RecordColumns,
    Schema,
    SinkRecord,
    SourceRecord,
    Str,
    Type,
    UnsupportedError,
)
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import copier, null_setting, replaces_nulls

__all__ = ["SetSchemaMetadata", "SetSchemaMetadataConfig", "SetSchemaMetadataKey", "SetSchemaMetadataValue"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

PURPOSE: Final = "updating schema metadata"


class SetSchemaMetadataConfig(Config):
    """Settings of SetSchemaMetadata."""

    schema_name = Str(default=None, importance=HIGH, doc="Schema name to set.")
    schema_version = Int(default=None, importance=HIGH, doc="Schema version to set.")
    replace_null_with_default = null_setting()


class SetSchemaMetadata(SideTransform[SetSchemaMetadataConfig]):
    """Changes the schema of a struct."""

    config_class: ClassVar[type[Config]] = SetSchemaMetadataConfig
    version = "0.1.0"
    keeps_null = False

    def configure(self) -> None:
        """Check that there is something to do."""
        if self.config.schema_name is None and self.config.schema_version is None:
            raise ConfigError("Neither schema name nor version configured")

    def plan(self, schema: Schema | None) -> Plan:
        """Make the new schema."""
        if schema is None:
            raise DataError(f"Schema required for [{PURPOSE}]")
        if schema.type is not Type.STRUCT:
            # as in the original
            raise DataError("Cannot list fields on non-struct type")
        name, version = self.config.schema_name, self.config.schema_version
        renamed = schema.replace(
            name=schema.name if name is None else name, version=schema.version if version is None else version
        )
        copy = copier([(field.name, field) for field in schema.fields], replace_nulls=replaces_nulls(self.config))
        return Plan(renamed, lambda value: None if value is None else copy(value))

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with another schema on its side; one with neither schema nor value stays as it is."""
        schema, value = (record.key_schema, record.key) if self.is_key else (record.value_schema, record.value)
        return record if schema is None and value is None else super().apply(record)

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for a whole column."""
        if (columns.keys if self.is_key else columns.values).schema is None:
            raise UnsupportedError("There is no schema")
        return super().apply_all(columns)


class SetSchemaMetadataKey(SetSchemaMetadata):
    """SetSchemaMetadata for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.SetSchemaMetadata$Key"


class SetSchemaMetadataValue(SetSchemaMetadata):
    """SetSchemaMetadata for values."""

    java_class = "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value"
