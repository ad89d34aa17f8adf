"""BooleanConverter: one byte, 1 or 0."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import DataError, Schema, schema
from linkspan.convert.fixed import FixedConverter

__all__ = ["BooleanConverter"]


class BooleanConverter(FixedConverter):
    """BOOLEAN in 1 byte."""

    java_class = "org.apache.kafka.connect.converters.BooleanConverter"
    schema: ClassVar[Schema] = schema.OPTIONAL_BOOLEAN
    title, size = "boolean", 1

    def encode(self, value: object) -> bytes:
        """``01`` or ``00``."""
        if not isinstance(value, bool):
            raise DataError(f"BooleanConverter cannot write a value of type {type(value).__name__}")
        return b"\x01" if value else b"\x00"

    def decode(self, payload: bytes) -> object:
        """True or false; any other byte is refused."""
        if payload not in (b"\x00", b"\x01"):
            raise DataError(f"Failed to deserialize boolean: it is the byte 00 or 01, not {payload.hex()}")
        return payload == b"\x01"
