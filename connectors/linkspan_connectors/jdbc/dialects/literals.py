"""Values as they stand in statements, for DEFAULT (spec/jdbc.md 12)."""

from __future__ import annotations

import datetime
from decimal import Decimal

from linkspan.api import Schema, Type, UnsupportedError
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.zones import to_wall, wall_date, wall_time

__all__ = ["literal", "text_literal"]


def text_literal(text: str) -> str:
    """A text in single quotes; one within it is doubled."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: object, schema: Schema, settings: Settings, *, boolean: tuple[str, str], binary: str) -> str:
    """A value as a literal.

    Args:
        value: that fits the schema, not None.
        schema: what it is.
        settings: the zones.
        boolean: false and true.
        binary: with ``{}`` for hexadecimal digits.

    Raises:
        UnsupportedError: there are no literals of that type.
    """
    if isinstance(value, Decimal) and schema.name == DECIMAL:
        return f"{value:f}"
    if isinstance(value, datetime.datetime) and schema.name == TIMESTAMP:
        local = to_wall(value, settings.zone, proleptic=settings.proleptic)
        return f"'{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}'"
    if isinstance(value, datetime.date) and schema.name == DATE:
        return f"'{wall_date(value, settings.date_zone, proleptic=settings.proleptic).isoformat()}'"
    if isinstance(value, datetime.time) and schema.name == TIME:
        clock = wall_time(value, settings.zone)
        return f"'{clock:%H:%M:%S}.{clock.microsecond // 1000:03}'"
    if schema.type is Type.BOOLEAN:
        return boolean[bool(value)]
    if schema.type is Type.STRING:
        return text_literal(str(value))
    if isinstance(value, bytes | bytearray | memoryview) and schema.type is Type.BYTES:
        return binary.format(bytes(value).hex())
    if isinstance(value, int | float) and schema.type.value.startswith(("INT", "FLOAT")):
        return repr(value)
    raise UnsupportedError(f"A default of type {schema.name or schema.type.value} cannot be written for a database")
