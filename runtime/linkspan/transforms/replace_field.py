"""ReplaceField: takes fields away, or gives them other names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from linkspan.api import Config, ConfigError, DataError, Field, Schema, StrList, StructRows, Type
from linkspan.api.validators import distinct_items
from linkspan.config.ordering import hash_order
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import as_map, class_name, copier, derived, null_setting, refused, replaces_nulls

__all__ = ["ReplaceField", "ReplaceFieldConfig", "ReplaceFieldKey", "ReplaceFieldValue"]

PURPOSE: Final = "field replacement"
_MOST_SHAPES: Final = 100


def _renames(key: str, value: object) -> None:
    for mapping in value if isinstance(value, list) else ():
        if len(split(mapping)) != 2:
            raise ConfigError.invalid(key, value, f"Invalid rename mapping: {mapping}")


def split(mapping: str) -> list[str]:
    """The parts between colons as Java splits: empty ones at the end do not count."""
    parts = mapping.split(":")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


class ReplaceFieldConfig(Config):
    """Settings of ReplaceField."""

    exclude = StrList(
        default=(),
        validator=distinct_items,
        doc="Fields to exclude. This takes precedence over the fields to include.",
    )
    include = StrList(
        default=(), validator=distinct_items, doc="Fields to include. If specified, only these fields will be used."
    )
    renames = StrList(default=(), validator=_renames, doc="Field rename mappings.")
    replace_null_with_default = null_setting()


class ReplaceField(SideTransform[ReplaceFieldConfig]):
    """Copies what is wanted."""

    config_class: ClassVar[type[Config]] = ReplaceFieldConfig
    version = "0.1.0"

    def configure(self) -> None:
        """Take the names."""
        self.excluded = frozenset(self.config.exclude)
        self.included = frozenset(self.config.include)
        self.renames: dict[str, str] = {}
        for old, new in map(split, self.config.renames):
            self.renames[old] = new
        self._pairs: dict[tuple[str, ...], Sequence[tuple[str, str]]] = {}
        # of several names that become one the original takes that which comes last in its hash table
        self.origins = {self.renames[old]: old for old in hash_order(self.renames)}

    def plan(self, schema: Schema | None) -> Plan:
        """Work out the names that the fields of a struct get."""
        if schema is None:
            return Plan(None, self._map)
        if schema.type is not Type.STRUCT:
            return Plan(schema, refused(PURPOSE, schema))
        wanted = [
            (self.renames.get(field.name, field.name), field) for field in schema.fields if self._is_wanted(field.name)
        ]
        kind = derived(schema, [(name, field.schema) for name, field in wanted])
        sources: list[tuple[str, Field]] = []
        strange: list[tuple[str, Field, Schema]] = []
        for name, target in wanted:
            # As in the original: a field that is named like the new name of another is looked for under the old one.
            field = schema.field(self.origins.get(name, name))
            if field is None:
                return Plan(kind, partial(_lacking, self._copier(sources, kind), self.origins[name]))
            sources.append((name, field))
            if (field.schema.type, field.schema.name) != (target.schema.type, target.schema.name):
                strange.append((name, field, target.schema))
        copy = self._copier(sources, kind)
        return Plan(kind, partial(_checked, copy, strange) if strange else copy)

    def _copier(self, sources: list[tuple[str, Field]], target: Schema) -> Callable[[Any], dict[str, object]]:
        return copier(sources, replace_nulls=replaces_nulls(self.config), target=target)

    def _is_wanted(self, name: str) -> bool:
        return name not in self.excluded and (not self.included or name in self.included)

    def _map(self, value: object) -> dict[str, object]:
        given = as_map(value, PURPOSE)
        names = tuple(given)
        pairs = self._pairs.get(names)
        if pairs is None:
            pairs = self._pairs_of(names)
        return {name: given[old] for name, old in pairs}

    def change_rows(self, rows: StructRows) -> Sequence[object] | None:
        """Their columns under new names."""
        pairs = self._pairs_of(rows.names)
        columns = dict(zip(rows.names, rows.columns, strict=True))
        found = {name: columns[old] for name, old in pairs}  # of several that get one name the last one stays
        return StructRows(tuple(found), list(found.values()), len(rows))

    def _pairs_of(self, names: tuple[str, ...]) -> Sequence[tuple[str, str]]:
        """New and old names in maps with these keys; most maps have the same ones."""
        pairs = [(self.renames.get(name, name), name) for name in names if self._is_wanted(name)]
        if len(self._pairs) >= _MOST_SHAPES:
            self._pairs.clear()
        self._pairs[names] = pairs
        return pairs


def _lacking(copy: Callable[[object], object], name: str, value: object) -> object:
    copy(value)
    raise DataError(f"{name} is not a valid field name")


def _checked(
    copy: Callable[[object], dict[str, object]], strange: list[tuple[str, Field, Schema]], value: object
) -> object:
    copied = copy(value)
    for name, field, target in strange:
        if copied[name] is not None:
            found = class_name(copied[name], field.schema)
            named = "" if target.name is None else f' "{target.name}"'
            text = f"Invalid Java object for schema{named} with type {target.type.value}: class {found}"
            raise DataError(f'{text} for field: "{name}"')
    return copied


class ReplaceFieldKey(ReplaceField):
    """ReplaceField for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.ReplaceField$Key"


class ReplaceFieldValue(ReplaceField):
    """ReplaceField for values."""

    java_class = "org.apache.kafka.connect.transforms.ReplaceField$Value"
