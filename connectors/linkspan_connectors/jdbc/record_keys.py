"""Keys of records from the primary key of their table (spec/jdbc.md 18.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linkspan.api import ConfigError, Schema, StructRows, Type
from linkspan_connectors.jdbc.columns import UnreadableRow
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["KEY_FORMS", "KeyColumns", "RecordKeys"]

KEY = "x.key.from.primary.key"
KEY_FORMS = ("none", "struct", "value")


@dataclass(frozen=True)
class RecordKeys:
    """Makes the keys of records.

    Attributes:
        schema: of the keys.
        names: of the fields that they are made of.
        at: places of these fields in a record.
        bare: whether a key is the value of its only field.
    """

    schema: Schema
    names: tuple[str, ...]
    at: tuple[int, ...]
    bare: bool

    def of(self, records: Sequence[Mapping[str, object]]) -> Sequence[object]:
        """A key each; a record that could not be made is its own key, so that its reason is told."""
        if isinstance(records, StructRows):
            columns = [records.columns[at] for at in self.at]
            return columns[0] if self.bare else StructRows(self.names, columns, len(records))
        return [record if isinstance(record, UnreadableRow) else self._one(record) for record in records]

    def _one(self, record: Mapping[str, object]) -> object:
        return record[self.names[0]] if self.bare else {name: record[name] for name in self.names}


@dataclass(frozen=True)
class KeyColumns:
    """The columns that keys are made of.

    Attributes:
        names: of the primary key, in its order.
        schema_name: of the keys, unless they are bare.
        bare: whether a key is the value of its only column.
    """

    names: tuple[str, ...]
    schema_name: str
    bare: bool

    @classmethod
    def of(cls, definition: TableDefinition, form: str) -> KeyColumns:
        """Of a table.

        Args:
            definition: of the table.
            form: ``struct`` or ``value``.

        Raises:
            ConfigError: it has no primary key, or one of several columns where one is asked for.
        """
        table, names = definition.table, definition.keys
        if not names:
            raise ConfigError(f"Table {table} has no primary key to make keys of; leave {KEY} out for it", KEY)
        if form == "value" and len(names) > 1:
            columns = ", ".join(names)
            reason = f"the primary key of table {table} has several columns: {columns}; {KEY}=struct takes them all"
            raise ConfigError.invalid(KEY, form, reason)
        return cls(names, f"{table.name}.Key", form == "value")

    def found_in(self, schema: Schema) -> RecordKeys:
        """What makes keys of records of a schema.

        Raises:
            ConfigError: a column has become no field.
        """
        fields = {field.name: field for field in schema.fields}
        missing = [name for name in self.names if name not in fields]
        if missing:
            raise ConfigError(
                f"the column {', '.join(missing)} of the primary key is no field of its records, so that keys cannot "
                f"be made; leave {KEY} out"
            )
        chosen = [fields[name] for name in self.names]
        schemas = [(field.name, field.schema.replace(optional=False)) for field in chosen]
        made = schemas[0][1] if self.bare else Schema(Type.STRUCT, name=self.schema_name, fields=schemas)
        return RecordKeys(made, self.names, tuple(field.index for field in chosen), self.bare)
