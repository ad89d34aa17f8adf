"""Converters: bytes of the log ↔ values with schemas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from linkspan.api.fields import Config
from linkspan.api.headers import Headers
from linkspan.api.records import Column
from linkspan.api.schema import Schema

__all__ = ["Converter", "HeaderConverter", "SchemaAndValue"]


class SchemaAndValue(NamedTuple):
    """A value with its schema, or None."""

    schema: Schema | None
    value: object


class Converter(ABC):
    """Converts keys or values.

    The runtime converts whole batches. The batch methods call the single ones by default; override them where a batch
    can be done faster. When a batch raises, the runtime repeats it one by one to find the record at fault, so they
    must not have side effects.

    A converter that needs another system, such as a schema registry, raises UnreachableError or ThrottledError while
    that is down, and CredentialsError when it refuses: no record is at fault then.
    """

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None

    def configure(self, config: Config, *, is_key: bool) -> None:
        """Take the settings; called once, before anything else."""

    @abstractmethod
    def from_connect(
        self, topic: str, schema: Schema | None, value: object, headers: Headers | None = None
    ) -> bytes | None:
        """Bytes of one value.

        Raises:
            DataError: the value cannot be expressed.
        """

    @abstractmethod
    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:
        """Value of some bytes.

        Raises:
            DataError: the bytes cannot be understood.
        """

    def from_connect_batch(
        self, topic: str, column: Column, headers: Sequence[Headers | None] | None = None
    ) -> Sequence[bytes | None]:
        """Bytes of many values of one topic, in order."""
        return [
            self.from_connect(topic, column.schema_at(index), value, None if headers is None else headers[index])
            for index, value in enumerate(column.values)
        ]

    def to_connect_batch(
        self, topic: str, payloads: Sequence[bytes | None], headers: Sequence[Headers | None] | None = None
    ) -> Column:
        """Values of many payloads of one topic, in order.

        May leave out what cannot be understood, and say so in :attr:`Column.failures`: the others need not be done
        again then.
        """
        pairs = [
            self.to_connect(topic, payload, None if headers is None else headers[index])
            for index, payload in enumerate(payloads)
        ]
        schemas = [schema for schema, _ in pairs]
        first = schemas[0] if schemas else None
        if all(schema is first for schema in schemas):
            return Column([value for _, value in pairs], first)
        return Column([value for _, value in pairs], schemas=schemas)

    def close(self) -> None:
        """Release resources."""


class HeaderConverter(ABC):
    """Converts the values of headers."""

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None

    def configure_header(self, config: Config) -> None:
        """Take the settings; called once, before anything else."""

    @abstractmethod
    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Bytes of a header's value.

        Raises:
            DataError: the value cannot be expressed.
        """

    @abstractmethod
    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        """Value of a header's bytes.

        Raises:
            DataError: the bytes cannot be understood.
        """

    def close(self) -> None:
        """Release resources."""
