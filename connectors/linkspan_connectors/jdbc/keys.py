"""Which columns a record becomes, and which part of it each column holds (spec/jdbc.md 11)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from linkspan.api import ConfigError, DataError, Schema, schema
from linkspan.api.schema import Type

__all__ = ["COORDINATES", "ColumnRules", "Origin", "RecordShape", "SinkColumn"]

COORDINATES: Final = ("__connect_topic", "__connect_partition", "__connect_offset")
"""Names of the key columns that hold a record's place in the log, unless the user names others."""


class Origin(Enum):
    """The part of a record that a column holds."""

    KEY = "key"
    KEY_FIELD = "field of the key"
    VALUE = "value"
    VALUE_FIELD = "field of the value"
    TOPIC = "topic"
    PARTITION = "partition"
    OFFSET = "offset"


class SinkColumn(NamedTuple):
    """One column of a table, as a record fills it.

    Attributes:
        name: of the column, which is that of the field where there is one.
        schema: what is written.
        origin: where it stands in the record.
        is_key: whether it is one of the key columns.
        timestamp_digits: for numbers that are written as timestamps the digits of a second's fraction that they
            count, 6 or 9; else 0.
    """

    name: str
    schema: Schema
    origin: Origin
    is_key: bool
    timestamp_digits: int = 0


class RecordShape(NamedTuple):
    """The columns that records of one pair of schemas fill.

    Attributes:
        keys: key columns, in the order of the statements.
        others: the other columns, in the order of the value's schema.
        in_table: all of them, in the order of CREATE and ALTER (spec 12).
        deletes: whether the records have no value and delete rows.
    """

    keys: tuple[SinkColumn, ...]
    others: tuple[SinkColumn, ...]
    in_table: tuple[SinkColumn, ...]
    deletes: bool = False

    @property
    def columns(self) -> tuple[SinkColumn, ...]:
        """Key columns, then the others: the order of parameters of INSERT."""
        return self.keys + self.others


class ColumnRules(NamedTuple):
    """What the configuration says about columns (spec 9).

    Attributes:
        key_mode: ``none``, ``kafka``, ``record_key`` or ``record_value``.
        key_fields: of ``pk.fields``.
        whitelist: value fields to write; none for all.
        text_column: column of a value that is a bare text.
        timestamp_fields: value fields whose numbers are written as timestamps.
        timestamp_digits: 6 when these numbers are microseconds, 9 when nanoseconds.
        deletes: whether a record without value deletes.
    """

    key_mode: str
    key_fields: tuple[str, ...] = ()
    whitelist: frozenset[str] = frozenset()
    text_column: str = "record_value"
    timestamp_fields: frozenset[str] = frozenset()
    timestamp_digits: int = 6
    deletes: bool = False

    def shape(self, table: str, key: Schema | None, value: Schema | None) -> RecordShape:
        """Columns of a record that has a value.

        Args:
            table: for messages.
            key: schema of the record's key.
            value: schema of its value.

        Raises:
            DataError: records of these schemas cannot be written as the configuration says.
        """
        fields = self._value_columns(table, value)
        keys = self._keys(table, key, fields)
        names = {column.name for column in keys}
        others = tuple(
            column
            for column in fields
            if column.name not in names
            and (not self.whitelist or column.origin is Origin.VALUE or column.name in self.whitelist)
        )
        if not keys and not others:
            raise DataError(
                f"Table {table}: no column is left to write, since pk.mode={self.key_mode} and the value "
                + ("has no field of fields.whitelist" if self.whitelist else "has no fields")
            )
        return RecordShape(keys, others, _in_table(keys, others, fields))

    def delete_shape(self, table: str, key: Schema | None) -> RecordShape:
        """Columns of a record that has no value.

        Raises:
            DataError: it may not delete, or has no key to delete by.
        """
        if not self.deletes:
            raise DataError(
                f"Table {table}: the record has no value. Set delete.enabled=true (with pk.mode=record_key) to delete "
                f"the row, or filter such records"
            )
        keys = self._keys(table, key, ())
        return RecordShape(keys, (), _in_table(keys, (), ()), deletes=True)

    # -- the value ---------------------------------------------------------------------------------------------------

    def _value_columns(self, table: str, value: Schema | None) -> Sequence[SinkColumn]:
        """All the columns that the value could fill."""
        if value is not None and value.type is Type.STRUCT:
            return [self._value_column(table, field.name, field.schema) for field in value.fields]
        if value is None or value.type is not Type.STRING:
            found = "none" if value is None else value.type.value
            raise DataError(
                f"Table {table}: the sink requires records with a non-null Struct or String value and its schema, and "
                f"this one has the value schema {found}. Use a converter with schemas (Avro, or JSON with "
                "schemas.enable=true)"
            )
        for key, refused in (
            ("pk.mode=record_value", self.key_mode == "record_value"),
            ("fields.whitelist", bool(self.whitelist)),
            ("timestamp.fields.list", bool(self.timestamp_fields)),
        ):
            if refused:
                raise DataError(f"Table {table}: the value is a String, which has no fields for {key}")
        return [SinkColumn(self.text_column, schema.OPTIONAL_STRING, Origin.VALUE, is_key=False)]

    def _value_column(self, table: str, name: str, field: Schema) -> SinkColumn:
        if name not in self.timestamp_fields:
            return SinkColumn(name, field, Origin.VALUE_FIELD, is_key=False)
        if field.type not in (Type.INT64, Type.STRING):
            raise DataError(
                f"Table {table}: field {name} of timestamp.fields.list has to be INT64 or STRING, and is "
                f"{field.type.value}"
            )
        return SinkColumn(name, field, Origin.VALUE_FIELD, is_key=False, timestamp_digits=self.timestamp_digits)

    # -- the key -----------------------------------------------------------------------------------------------------

    def _keys(self, table: str, key: Schema | None, fields: Sequence[SinkColumn]) -> tuple[SinkColumn, ...]:
        if self.key_mode == "none":
            return ()
        if self.key_mode == "kafka":
            return self._coordinates()
        if self.key_mode == "record_key":
            return self._record_key(table, key)
        by_name = {column.name: column for column in fields}
        self._check_fields(table, "value", by_name)
        return tuple(by_name[name]._replace(is_key=True) for name in self.key_fields or by_name)

    def _coordinates(self) -> tuple[SinkColumn, ...]:
        names = self.key_fields or COORDINATES
        if len(names) != len(COORDINATES):
            raise ConfigError.invalid("pk.fields", list(names), "pk.mode=kafka takes three names, or none")
        parts = ((Origin.TOPIC, schema.STRING), (Origin.PARTITION, schema.INT32), (Origin.OFFSET, schema.INT64))
        return tuple(
            SinkColumn(name, its_schema, origin, is_key=True)
            for name, (origin, its_schema) in zip(names, parts, strict=True)
        )

    def _record_key(self, table: str, key: Schema | None) -> tuple[SinkColumn, ...]:
        if key is None:
            raise DataError(
                f"Table {table}: pk.mode=record_key needs records whose key has a schema. Use a key converter with "
                "schemas, or another pk.mode"
            )
        if key.type is Type.STRUCT:
            by_name = {field.name: field.schema for field in key.fields}
            self._check_fields(table, "key", by_name)
            return tuple(
                SinkColumn(name, by_name[name], Origin.KEY_FIELD, is_key=True) for name in self.key_fields or by_name
            )
        if not key.type.is_primitive:
            raise DataError(
                f"Table {table}: pk.mode=record_key needs a key that is primitive or a Struct, and not {key.type.value}"
            )
        if len(self.key_fields) != 1:
            raise DataError(
                f"Table {table}: a primitive key ({key.type.value}) needs exactly one column name in pk.fields, which "
                f"has {len(self.key_fields)}"
            )
        return (SinkColumn(self.key_fields[0], key, Origin.KEY, is_key=True),)

    def _check_fields(self, table: str, what: str, fields: dict[str, SinkColumn] | dict[str, Schema]) -> None:
        missing = [name for name in self.key_fields if name not in fields]
        if missing:
            raise DataError(
                f"Table {table}: pk.fields names {', '.join(missing)}, and the record's {what} has only the fields "
                f"{', '.join(fields) or '(none)'}"
            )
        if not fields:
            raise DataError(f"Table {table}: the record's {what} has no fields to be key columns")


def _in_table(
    keys: Sequence[SinkColumn], others: Sequence[SinkColumn], fields: Sequence[SinkColumn]
) -> tuple[SinkColumn, ...]:
    """The order of columns in DDL: coordinates, fields in the order of the value, and what is left by name."""
    wanted = {column.name: column for column in (*keys, *others)}
    order: list[str] = [name for name in COORDINATES if name in wanted]
    order += [column.name for column in fields if column.name in wanted and column.name not in COORDINATES]
    order += sorted(wanted.keys() - set(order))
    return tuple(wanted[name] for name in order)
