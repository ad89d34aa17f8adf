"""HoistField: makes the whole key or value a field."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import Config, Schema, Str
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import derived

__all__ = ["HoistField", "HoistFieldConfig", "HoistFieldKey", "HoistFieldValue"]


class HoistFieldConfig(Config):
    """Settings of HoistField."""

    field = Str(doc="Field name for the single field that will be created in the resulting Struct or Map.")


class HoistField(SideTransform[HoistFieldConfig]):
    """Wraps the side in a struct with one field, or a map when it has no schema."""

    config_class: ClassVar[type[Config]] = HoistFieldConfig
    version = "0.1.0"
    keeps_null = False

    def plan(self, schema: Schema | None) -> Plan:
        """Wrap."""
        name = self.config.field
        kind = None if schema is None else derived(None, [(name, schema)])
        return Plan(kind, lambda value: {name: value})


class HoistFieldKey(HoistField):
    """HoistField for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.HoistField$Key"


class HoistFieldValue(HoistField):
    """HoistField for values."""

    java_class = "org.apache.kafka.connect.transforms.HoistField$Value"
