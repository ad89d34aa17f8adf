"""Flatten: brings nested fields to the top, under joined names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple

from linkspan.api import Config, DataError, Field, Schema, Str, Type
from linkspan.transforms.sides import Plan, SideTransform
from linkspan.transforms.structs import as_map, derived, null_required, plain_type, refused

__all__ = ["Flatten", "FlattenConfig", "FlattenKey", "FlattenValue"]

PURPOSE: Final = "flattening"


class FlattenConfig(Config):
    """Settings of Flatten."""

    delimiter = Str(
        default=".",
        doc="Delimiter to insert between field names from the input record when generating field names for the output "
        "record",
    )


class _Leaf(NamedTuple):
    """A field that is none of a struct's.

    Attributes:
        name: the joined name.
        schema: what it becomes.
        way: names and defaults from the outermost in.
    """

    name: str
    schema: Schema
    way: tuple[tuple[str, object], ...]


class Flatten(SideTransform[FlattenConfig]):
    """Flattens structs, and maps without schema; lists stay as they are."""

    config_class: ClassVar[type[Config]] = FlattenConfig
    version = "0.1.0"

    def plan(self, schema: Schema | None) -> Plan:
        """Find the way to every field."""
        if schema is None:
            return Plan(None, self._map)
        if schema.type is not Type.STRUCT:
            return Plan(schema, refused(PURPOSE, schema))
        try:
            leaves = list(self._leaves(schema, "", (), schema.optional, schema.default))
        except RecursionError:
            raise DataError(
                f"Flatten: the schema {schema.name or 'of the struct'} contains itself, so it has no end"
            ) from None
        kind = derived(schema, [(leaf.name, leaf.schema) for leaf in leaves])
        ways = [(leaf.name, leaf.way) for leaf in leaves]
        required = [leaf for leaf in leaves if not leaf.schema.optional]

        def change(value: Mapping[str, object]) -> dict[str, object]:
            flat = {name: _at_end(value, way) for name, way in ways}
            for leaf in required:
                if flat[leaf.name] is None and _at_end(value, leaf.way[:-1]) is not None:
                    raise null_required(leaf.name, leaf.schema)
            return flat

        return Plan(kind, change)

    def _leaves(
        self,
        schema: Schema,
        prefix: str,
        way: tuple[tuple[str, object], ...],
        optional: bool,
        default: Any,  # noqa: ANN401 - a struct or nothing
    ) -> Iterator[_Leaf]:
        for field in schema.fields:
            name = self._name(prefix, field.name)
            further = (*way, (field.name, field.schema.default))
            may_lack = optional or field.schema.optional
            own = field.schema.default
            if own is None and default is not None:
                own = _default_of(field, default)
            if field.schema.type is Type.STRUCT:
                yield from self._leaves(field.schema, name, further, may_lack, own)
            elif field.schema.type is Type.MAP:
                raise DataError(
                    f"Flatten transformation does not support MAP for record with schemas (for field {name})."
                )
            else:
                yield _Leaf(name, _flat_schema(field.schema, may_lack, own), further)

    def _name(self, prefix: str, name: str) -> str:
        return f"{prefix}{self.config.delimiter}{name}" if prefix else name

    def _map(self, value: object) -> dict[str, object]:
        flat: dict[str, object] = {}
        self._spread(as_map(value, PURPOSE), "", flat)
        return flat

    def _spread(self, value: Mapping[str, Any], prefix: str, flat: dict[str, object]) -> None:
        for key, item in value.items():
            name = self._name(prefix, key)
            if type(item) is dict or isinstance(item, Mapping):
                self._spread(item, name, flat)
            else:
                if item is not None:
                    plain_type(item, "Flatten")
                flat[name] = item


class FlattenKey(Flatten):
    """Flatten for keys."""

    is_key = True
    java_class = "org.apache.kafka.connect.transforms.Flatten$Key"


class FlattenValue(Flatten):
    """Flatten for values."""

    java_class = "org.apache.kafka.connect.transforms.Flatten$Value"


def _default_of(field: Field, parent: Mapping[str, object]) -> object:
    found = parent.get(field.name)
    return field.schema.default if found is None else found


def _flat_schema(schema: Schema, optional: bool, default: object) -> Schema:
    return Schema(
        schema.type,
        optional=optional,
        default=default,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=schema.parameters,
        values=schema.values,
    )


def _at_end(value: Mapping[str, Any], way: tuple[tuple[str, object], ...]) -> object:
    current: Any = value
    for name, default in way:
        if current is None:
            return None
        current = current.get(name)
        if current is None:
            current = default
    return current
