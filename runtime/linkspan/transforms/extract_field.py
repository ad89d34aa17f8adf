"""ExtractField: puts one field in the place of the struct or map that it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from linkspan.api import HIGH, MEDIUM, Config, DataError, Field, Schema, Str, Type
from linkspan.api.validators import one_of_ignoring_case
from linkspan.transforms.field_paths import FieldPath, steps_of
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import as_map, null_setting, replaces_nulls, struct_only

__all__ = ["ExtractField", "ExtractFieldConfig", "ExtractFieldKey", "ExtractFieldValue"]

PURPOSE: Final = "field extraction"


class ExtractFieldConfig(Config):
    """Settings of ExtractField."""

    field = Str(importance=MEDIUM, doc="Field name to extract.")
    replace_null_with_default = null_setting()
    field_syntax_version = Str(
        default="V1",
        validator=one_of_ignoring_case("V1", "V2"),
        importance=HIGH,
        doc="Defines the version of the syntax to access fields. If set to <code>V1</code>, then the field paths are "
        "limited to access the elements at the root level of the struct or map. If set to <code>V2</code>, the syntax "
        "will support accessing nested elements. To access nested elements, dotted notation is used. If dots are "
        "already included in the field name, then backtick pairs can be used to wrap field names containing dots. E.g. "
        'to access the subfield <code>baz</code> from a field named "foo.bar" in a struct/map the following format can '
        'be used to access its elements: "<code>foo.bar</code>.baz".',
    )


class ExtractField(SideTransform[ExtractFieldConfig]):
    """Replaces the side by one of its fields."""

    config_class: ClassVar[type[Config]] = ExtractFieldConfig
    version = "0.1.0"
    keeps_null = False

    def configure(self) -> None:
        """Understand the path."""
        name, is_path = self.config.field, self.config.field_syntax_version.upper() == "V2"
        self.path = FieldPath(name, steps_of(name) if is_path else [name])

    def plan(self, schema: Schema | None) -> Plan:
        """Find the field."""
        if schema is None:
            return Plan(None, self._from_map)
        if schema.type is not Type.STRUCT:
            return Plan(schema, _refused(schema))
        fields = self.path.fields(schema)
        return Plan(fields[-1].schema, _reader(fields, replace_nulls=replaces_nulls(self.config)))

    def _from_map(self, value: object) -> object:
        return None if value is None else self.path.in_map(as_map(value, PURPOSE))


class ExtractFieldKey(ExtractField):
    """ExtractField for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.ExtractField$Key"


class ExtractFieldValue(ExtractField):
    """ExtractField for values."""

    java_class = "org.apache.kafka.connect.transforms.ExtractField$Value"


def _refused(schema: Schema) -> Callable[[object], object]:
    def refuse(value: object) -> object:
        if value is None:
            raise DataError("Cannot look up fields on non-struct type")
        raise struct_only(PURPOSE, schema, value)

    return refuse


def _reader(fields: list[Field], *, replace_nulls: bool) -> Callable[[Any], object]:
    steps = [(field.name, field.schema.default if replace_nulls else None) for field in fields]

    def read(value: Mapping[str, Any] | None) -> object:
        current: Any = value
        for name, default in steps:
            if current is None:
                return None
            current = current.get(name)
            if current is None:
                current = default
        return current

    return read
