"""Converters of numbers: big-endian, as Kafka's own serializers write them."""

from __future__ import annotations

import struct
from typing import ClassVar

from linkspan.api import DataError, Headers, Schema, schema
from linkspan.convert.fixed import FixedConverter

__all__ = ["DoubleConverter", "FloatConverter", "IntegerConverter", "LongConverter", "ShortConverter"]


class _NumberConverter(FixedConverter):
    """A number in the layout ``layout`` of :mod:`struct`, of the Python type ``kind``."""

    layout: ClassVar[struct.Struct]
    kind: ClassVar[type[int | float]]

    def from_connect(
        self, topic: str, schema: Schema | None, value: object, headers: Headers | None = None
    ) -> bytes | None:
        """Bytes of the number; null has no type, so its schema does not matter."""
        return None if value is None else super().from_connect(topic, schema, value, headers)

    def encode(self, value: object) -> bytes:
        """Bytes of a number of exactly this kind."""
        if isinstance(value, bool) or not isinstance(value, self.kind):
            raise DataError(f"{type(self).__name__} cannot write a value of type {type(value).__name__}")
        try:
            return self.layout.pack(value)
        except (struct.error, OverflowError) as error:
            raise DataError(f"{value} is out of the range of {self.schema.type.value}") from error

    def decode(self, payload: bytes) -> object:
        """The number."""
        return self.layout.unpack(payload)[0]


class ShortConverter(_NumberConverter):
    """INT16 in 2 bytes."""

    java_class = "org.apache.kafka.connect.converters.ShortConverter"
    schema: ClassVar[Schema] = schema.OPTIONAL_INT16
    title = "short"
    size, layout, kind = 2, struct.Struct(">h"), int


class IntegerConverter(_NumberConverter):
    """INT32 in 4 bytes."""

    java_class = "org.apache.kafka.connect.converters.IntegerConverter"
    schema: ClassVar[Schema] = schema.OPTIONAL_INT32
    title = "integer"
    size, layout, kind = 4, struct.Struct(">i"), int


class LongConverter(_NumberConverter):
    """INT64 in 8 bytes."""

    java_class = "org.apache.kafka.connect.converters.LongConverter"
    schema: ClassVar[Schema] = schema.OPTIONAL_INT64
    title = "long"
    size, layout, kind = 8, struct.Struct(">q"), int


class FloatConverter(_NumberConverter):
    """FLOAT32 in 4 bytes."""

    java_class = "org.apache.kafka.connect.converters.FloatConverter"
    schema: ClassVar[Schema] = schema.OPTIONAL_FLOAT32
    title = "float"
    size, layout, kind = 4, struct.Struct(">f"), float


class DoubleConverter(_NumberConverter):
    """FLOAT64 in 8 bytes."""

    java_class = "org.apache.kafka.connect.converters.DoubleConverter"
    schema: ClassVar[Schema] = schema.OPTIONAL_FLOAT64
    title = "double"
    size, layout, kind = 8, struct.Struct(">d"), float
