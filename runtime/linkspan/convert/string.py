"""StringConverter: the text of a value."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import ClassVar

from linkspan.api import (
    HIGH,
    LOW,
    Column,
    Config,
    ConfigError,
    Converter,
    DataError,
    HeaderConverter,
    Headers,
    Schema,
    SchemaAndValue,
    Str,
    Width,
    schema,
)
from linkspan.api.text import java_text
from linkspan.api.validators import one_of

__all__ = ["StringConverter", "StringConverterConfig"]


_JAVA_UTF_16 = "java_utf_16"


def _utf_16(name: str) -> codecs.CodecInfo | None:
    """Java's UTF-16: written with the high byte first and a mark, read so unless a mark says otherwise."""
    if name != _JAVA_UTF_16:
        return None

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return (codecs.BOM_UTF16_BE if text else b"") + text.encode("utf-16-be", errors), len(text)

    def decode(payload: bytes | bytearray | memoryview, errors: str = "strict") -> tuple[str, int]:
        content = bytes(payload)
        marked = content.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
        return content.decode("utf-16" if marked else "utf-16-be", errors), len(content)

    return codecs.CodecInfo(encode, decode, name=_JAVA_UTF_16)  # type: ignore[arg-type]  # it wants a type of 3.12


codecs.register(_utf_16)


def _encoding(key: str, value: object) -> None:
    try:
        codecs.lookup(str(value))
    except LookupError:
        raise ConfigError.invalid(key, value, "there is no such character encoding") from None


class StringConverterConfig(Config):
    """Settings of the StringConverter."""

    converter_type = Str(
        validator=one_of("key", "value", "header"), importance=LOW, doc="How this converter will be used."
    )
    converter_encoding = Str(
        default="UTF-8",
        importance=HIGH,
        validator=_encoding,
        doc="The name of the Java character set to use for encoding strings as byte arrays.",
        width=Width.MEDIUM,
        display_name="Encoding",
    )


class StringConverter(Converter, HeaderConverter):
    """Writes a value's text as Java prints it, reads text."""

    config_class: ClassVar[type[Config]] = StringConverterConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.storage.StringConverter"

    def __init__(self) -> None:
        self._encoding = "utf-8"

    def configure(self, config: Config, *, is_key: bool) -> None:
        """Take the encoding."""
        name = codecs.lookup(str(config.values["converter.encoding"])).name
        self._encoding = _JAVA_UTF_16 if name == "utf-16" else name

    def configure_header(self, config: Config) -> None:
        """Take the encoding."""
        self.configure(config, is_key=False)

    def from_connect(
        self,
        topic: str,
        schema: Schema | None,
        value: object,
        headers: Headers | None = None,
    ) -> bytes | None:
        """Text of the value; null stays null."""
        if value is None:
            return None
        try:
            return java_text(value, schema).encode(self._encoding)
        except UnicodeEncodeError as error:
            raise DataError(f"The text cannot be written in {self._encoding}: {error.reason}") from error

    def to_connect(self, topic: str, payload: bytes | None, headers: Headers | None = None) -> SchemaAndValue:
        """The text."""
        if payload is None:
            return SchemaAndValue(schema.OPTIONAL_STRING, None)
        try:
            return SchemaAndValue(schema.OPTIONAL_STRING, payload.decode(self._encoding))
        except UnicodeDecodeError as error:
            raise DataError(
                f"The payload is not {self._encoding} text: {error.reason} at byte {error.start}"
            ) from error

    def from_connect_batch(
        self, topic: str, column: Column, headers: Sequence[Headers | None] | None = None
    ) -> Sequence[bytes | None]:
        """Texts of many values; the quick way is open when all are texts."""
        encoding = self._encoding
        try:
            return [value.encode(encoding) for value in column.values]  # type: ignore[attr-defined]  # else the slow way
        except (AttributeError, UnicodeEncodeError):
            return super().from_connect_batch(topic, column, headers)

    def to_connect_batch(
        self, topic: str, payloads: Sequence[bytes | None], headers: Sequence[Headers | None] | None = None
    ) -> Column:
        """Many texts."""
        encoding = self._encoding
        try:
            return Column([payload.decode(encoding) for payload in payloads], schema.OPTIONAL_STRING)  # type: ignore[union-attr]  # else the slow way
        except (AttributeError, UnicodeDecodeError):
            return super().to_connect_batch(topic, payloads, headers)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Text of a header's value."""
        return self.from_connect(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        """Text of a header."""
        return self.to_connect(topic, payload)

    def close(self) -> None:
        """Nothing is held."""
