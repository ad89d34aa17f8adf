"""MaskField: replaces the values of fields."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from linkspan.api import HIGH, LOW, Config, DataError, Schema, Str, StrList, Type
from linkspan.api.schema import DATE, TIME, TIMESTAMP
from linkspan.api.validators import non_empty, some_distinct_items
from linkspan.config.ordering import hash_order
from linkspan.transforms.java_numbers import decimal_from, single, wrapped
from linkspan.transforms.moments import EPOCH
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import (
    as_map,
    changes_before_null,
    class_name,
    copier,
    null_setting,
    refused,
    replaces_nulls,
    struct_only,
)

__all__ = ["MaskField", "MaskFieldConfig", "MaskFieldKey", "MaskFieldValue"]

PURPOSE: Final = "mask fields"
_MOST_DIGITS: Final = 400
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_NOTHING: Final[Mapping[str, Callable[[], object]]] = {
    "java.lang.Boolean": lambda: False,
    **dict.fromkeys(("java.lang.Byte", "java.lang.Short", "java.lang.Integer", "java.lang.Long"), lambda: 0),
    **dict.fromkeys(("java.lang.Float", "java.lang.Double"), lambda: 0.0),
    "java.math.BigDecimal": lambda: decimal.Decimal(0),
    "java.lang.String": lambda: "",
    "java.util.ArrayList": list,
    "java.util.HashMap": dict,
}
_OFTEN: Final[Mapping[type, object]] = {str: "", int: 0, float: 0.0, bool: False}


class MaskFieldConfig(Config):
    """Settings of MaskField."""

    fields = StrList(validator=some_distinct_items, importance=HIGH, doc="Names of fields to mask.")
    replacement = Str(
        default=None,
        validator=non_empty,
        importance=LOW,
        doc="Custom value replacement, that will be applied to all 'fields' values (numeric or non-empty string values "
        "only).",
    )
    replace_null_with_default = null_setting()


class MaskField(SideTransform[MaskFieldConfig]):
    """Puts nothing of the same type, or what is configured, in the place of values; null stays null."""

    config_class: ClassVar[type[Config]] = MaskFieldConfig
    version = "0.1.0"
    keeps_null = False

    def configure(self) -> None:
        """Take the names, in the order in which the original goes through them."""
        self.names = hash_order(self.config.fields)

    def plan(self, schema: Schema | None) -> Plan:
        """Choose what is put in."""
        if schema is None:
            return Plan(None, self._map)
        if schema.type is not Type.STRUCT:
            return Plan(schema, refused(PURPOSE, schema))
        replaces = replaces_nulls(self.config)
        copy = copier([(field.name, field) for field in schema.fields], replace_nulls=replaces)
        masked = [(field.name, field.schema) for field in schema.fields if field.name in self.config.fields]
        masks = {name: partial(self._masked, schema=kind) for name, kind in masked}
        before_null = changes_before_null(schema, schema, masks, replace_nulls=replaces)

        def change(value: Mapping[str, Any] | None) -> dict[str, object]:
            if value is None:
                raise struct_only(PURPOSE, schema, None)
            try:
                fields = copy(value)
            except DataError:
                before_null(value)
                raise
            for name, kind in masked:
                item = fields[name]
                if item is not None:
                    fields[name] = self._masked(item, kind)
            return fields

        return Plan(schema, change)

    def _map(self, value: object) -> dict[str, object]:
        changed = dict(as_map(value, PURPOSE))
        for name in self.names:
            item = changed.get(name)
            changed[name] = None if item is None else self._masked(item, None)
        return changed

    def _masked(self, value: object, schema: Schema | None) -> object:
        if self.config.replacement is None and type(value) in _OFTEN:
            return _OFTEN[type(value)]
        if self.config.replacement is not None:
            return _replaced(self.config.replacement, value, schema)
        kind = class_name(value, schema)
        if kind == "java.util.Date":
            return _first_moment(value, schema)
        if kind not in _NOTHING:
            raise DataError(f"Cannot mask value of type: class {kind}")
        return _NOTHING[kind]()


class MaskFieldKey(MaskField):
    """MaskField for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.MaskField$Key"


class MaskFieldValue(MaskField):
    """MaskField for values."""

    java_class = "org.apache.kafka.connect.transforms.MaskField$Value"


def _first_moment(value: object, schema: Schema | None) -> object:
    name = None if schema is None else schema.name
    if name == TIME or isinstance(value, datetime.time):
        return datetime.time()
    is_timestamp = name == TIMESTAMP or (name != DATE and isinstance(value, datetime.datetime))
    return EPOCH if is_timestamp else EPOCH.date()


def _replaced(text: str, value: object, schema: Schema | None) -> object:
    kind = class_name(value, schema)
    if kind == "java.lang.String":
        return text
    is_number = kind == "java.math.BigDecimal" or (kind in _NOTHING and isinstance(_NOTHING[kind](), int | float))
    if not is_number or kind == "java.lang.Boolean":
        raise DataError(f"Cannot mask value of type class {kind} with custom replacement.")
    number = decimal_from(text)
    if number is None:
        article = "" if kind == "java.math.BigDecimal" else "a "
        raise DataError(f"Unable to convert {text} (class java.lang.String) to {article}number")
    if kind == "java.math.BigDecimal":
        return number
    if kind == "java.lang.Float":
        return single(float(number))
    if kind == "java.lang.Double":
        return float(number)
    bits = 64 if schema is None else _BITS[schema.type]
    # of a power of ten that large the lowest 64 bits are empty
    return wrapped(int(number), bits) if number.adjusted() < _MOST_DIGITS else 0
