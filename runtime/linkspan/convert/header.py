"""SimpleHeaderConverter: header values as text that says what it is (spec/runtime.md 5.11)."""

from __future__ import annotations

import logging

from linkspan.api import HeaderConverter, Schema, SchemaAndValue, schema
from linkspan.convert import values

__all__ = ["SimpleHeaderConverter"]

log = logging.getLogger(__name__)


class SimpleHeaderConverter(HeaderConverter):
    """Writes text, reads whatever the text looks like."""

    version = "0.1.0"
    java_class = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Text of a value in UTF-8."""
        if type(value) is str:
            return value.encode()
        content = values.text(value, schema)
        return None if content is None else content.encode()

    def to_connect_header(self, topic: str, key: str, payload: bytes | None) -> SchemaAndValue:
        """What the text says; bytes that are no text stay bytes."""
        if payload is None:
            return SchemaAndValue(None, None)
        try:
            return values.parse(payload.decode())
        except UnicodeDecodeError as error:
            log.warning("Header %s of topic %s is not UTF-8 (%s) and is kept as bytes", key, topic, error.reason)
            return SchemaAndValue(schema.BYTES, payload)
