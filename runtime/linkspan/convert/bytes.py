"""ByteArrayConverter: bytes as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from linkspan.api import (
    Column,
    Config,
    Converter,
    DataError,
    HeaderConverter,
    Headers,
    Schema,
    SchemaAndValue,
    Type,
    schema,
)
from linkspan.convert.fixed import FixedConfig

__all__ = ["ByteArrayConverter"]


class ByteArrayConverter(Converter, HeaderConverter):
    """Passes bytes through."""

    config_class: ClassVar[type[Config]] = FixedConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.converters.ByteArrayConverter"

    def configure(self, config: Config, *, is_key: bool) -> None:
        """There is nothing to set."""

    def from_connect(
        self,
        topic: str,
        schema: Schema | None,
        value: object,
        headers: Headers | None = None,
    ) -> bytes | None:
        """The bytes; anything else is refused."""
        if schema is not None and schema.type is not Type.BYTES:
            raise DataError(f"Invalid schema type for ByteArrayConverter: {schema.type.value}")
        if value is not None and not isinstance(value, bytes | bytearray | memoryview):
            raise DataError(f"ByteArrayConverter is not compatible with objects of type {type(value).__name__}")
        return None if value is None else bytes(value)

    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:
        """The bytes."""
        return SchemaAndValue(schema.OPTIONAL_BYTES, payload)

    def to_connect_batch(
        self,
        topic: str,
        payloads: Sequence[bytes | None],
        headers: Sequence[Headers | None] | None = None,
    ) -> Column:
        """The bytes of many payloads."""
        return Column(payloads, schema.OPTIONAL_BYTES)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """The bytes of a header."""
        return self.from_connect(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        """The bytes of a header."""
        return self.to_connect(topic, payload)

    def close(self) -> None:
        """Nothing is held."""
