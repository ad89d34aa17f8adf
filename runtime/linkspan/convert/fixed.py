"""What the converters of numbers and booleans have in common: one value in a fixed number of bytes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from linkspan.api import (
    LOW,
    Config,
    Converter,
    DataError,
    HeaderConverter,
    Headers,
    Schema,
    SchemaAndValue,
    Str,
)
from linkspan.api.validators import one_of

__all__ = ["FixedConfig", "FixedConverter"]


class FixedConfig(Config):
    """Settings: none that a user gives; the runtime says ``key``, ``value`` or ``header``."""

    converter_type = Str(
        validator=one_of("key", "value", "header"), importance=LOW, doc="How this converter will be used."
    )


class FixedConverter(Converter, HeaderConverter):
    """Null stays null; everything else is ``size`` bytes.

    Attributes:
        schema: schema of what is read.
        title: the kind of value in messages.
        size: number of bytes.
    """

    config_class: ClassVar[type[Config]] = FixedConfig
    version = "0.1.0"
    schema: ClassVar[Schema]
    title: ClassVar[str]
    size: ClassVar[int]

    @abstractmethod
    def encode(self, value: object) -> bytes:
        """Bytes of a value that is not null.

        Raises:
            DataError: it is of another type.
        """

    @abstractmethod
    def decode(self, payload: bytes) -> object:
        """Value of ``size`` bytes."""

    def configure(self, config: Config, *, is_key: bool) -> None:
        """There is nothing to set."""

    def from_connect(
        self,
        topic: str,
        schema: Schema | None,
        value: object,
        headers: Headers | None = None,
    ) -> bytes | None:
        """Bytes of the value."""
        if schema is not None and schema.type is not self.schema.type:
            raise DataError(
                f"Invalid schema type for {type(self).__name__}: {schema.type.value}, it writes "
                f"{self.schema.type.value}"
            )
        return None if value is None else self.encode(value)

    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:
        """Value of the bytes."""
        if payload is None:
            return SchemaAndValue(self.schema, None)
        if len(payload) != self.size:
            raise DataError(f"Failed to deserialize {self.title}: it has {self.size} bytes, the payload {len(payload)}")
        return SchemaAndValue(self.schema, self.decode(payload))

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Bytes of a header's value."""
        return self.from_connect(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        """Value of a header."""
        return self.to_connect(topic, payload)

    def close(self) -> None:
        """Nothing is held."""
