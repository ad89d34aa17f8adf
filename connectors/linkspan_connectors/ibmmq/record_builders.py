"""Values and keys of records, as the builders of IBM's connector make them of messages (spec/mq.md 1.5 and 1.6)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from linkspan.api import (
    Column,
    Converter,
    DataError,
    Schema,
    SchemaAndValue,
    SourceTaskContext,
    schema,
)
from linkspan_connectors.ibmmq.config import MqSourceConfig
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.own_builders import OwnValues, check_builder
from linkspan_connectors.ibmmq.received import Received

__all__ = ["Got", "KeyBuilder", "ValueBuilder", "check_record_builder", "key_builder", "value_builder"]

Got = tuple[bytes, bytes]
"""Packed descriptor of a message, and what follows it."""

_PACKAGE: Final = "com.ibm.eventstreams.connect.mqsource.builders."
_JSON_CONVERTER: Final = "org.apache.kafka.connect.json.JsonConverter"
_PLAIN_TEXT: Final = mq.FORMAT_STRING


class KeyBuilder(NamedTuple):
    """How keys are made.

    Attributes:
        schema: of keys.
        key: of a message.
    """

    schema: Schema
    key: Callable[[Received], object]


class ValueBuilder(ABC):
    """Makes values of messages."""

    @abstractmethod
    def value(self, message: Received) -> SchemaAndValue:
        """Value of one message; raises DataError when it has none."""

    @abstractmethod
    def values(self, messages: Sequence[Got]) -> Column | None:
        """Values of many messages at once; None when they have to be taken one by one. May raise anything."""


class _RawBuilder(ValueBuilder):
    """Everything after the descriptor, headers included."""

    def value(self, message: Received) -> SchemaAndValue:
        return SchemaAndValue(schema.OPTIONAL_BYTES, message.data)

    def values(self, messages: Sequence[Got]) -> Column | None:
        return Column([data for _, data in messages], schema.OPTIONAL_BYTES)


class _JmsBuilder(ValueBuilder):
    """Text as text, bytes as bytes, no body as null."""

    def value(self, message: Received) -> SchemaAndValue:
        kind = message.kind
        if kind == "text":
            return SchemaAndValue(None, message.text())
        if kind == "bytes":
            return SchemaAndValue(None, message.body or None)
        if kind == "none":
            return SchemaAndValue(None, None)
        raise DataError(f"The body is a {kind} of JMS, and only text and bytes become records")

    def values(self, messages: Sequence[Got]) -> Column | None:
        if any(md[28:40] != _UTF8_TEXT for md, _ in messages):
            return None
        return Column([data.decode() or None for _, data in messages])


_UTF8_TEXT: Final = mq.CCSID_UTF8.to_bytes(4, "little" if mq.ENCODING_NATIVE == mq.ENCODING_LITTLE else "big") + (
    _PLAIN_TEXT
)
"""CCSID and format of a descriptor before a text in UTF-8."""


class _JsonBuilder(ValueBuilder):
    """JSON, whether it is text or bytes."""

    def __init__(self, converter: Converter, topic: str, *, is_jms: bool) -> None:
        self._converter = converter
        self._topic = topic
        self._is_jms = is_jms

    def value(self, message: Received) -> SchemaAndValue:
        return self._converter.to_connect(self._topic, self._payload(message))

    def _payload(self, message: Received) -> bytes:
        if not self._is_jms:
            return message.data
        kind = message.kind
        if kind == "text":
            return message.text().encode()
        if kind == "bytes":
            return message.body
        raise DataError(f"The body is a {kind} of JMS, and only text and bytes can be JSON")

    def values(self, messages: Sequence[Got]) -> Column | None:
        if self._is_jms and any(md[28:40] != _UTF8_TEXT or not data for md, data in messages):
            return None
        column = self._converter.to_connect_batch(self._topic, [data for _, data in messages])
        return None if column.failures or column.schemas is not None else column


class _OwnBuilder(ValueBuilder):
    """What a builder of the user makes."""

    def __init__(self, own: OwnValues) -> None:
        self._own = own

    def value(self, message: Received) -> SchemaAndValue:
        return self._own.value(message)

    def values(self, messages: Sequence[Got]) -> Column | None:  # noqa: ARG002 - each by itself
        return None


def value_builder(config: MqSourceConfig, context: SourceTaskContext) -> ValueBuilder:
    """The builder that ``mq.record.builder`` names.

    Raises:
        ConfigError: there is none of that name, or it cannot be made.
    """
    name = config.mq_record_builder.removeprefix(_PACKAGE)
    is_jms = config.mq_message_body_jms
    if name == "DefaultRecordBuilder":
        return _JmsBuilder() if is_jms else _RawBuilder()
    if name == "JsonRecordBuilder":
        settings = {"schemas.enable": "true" if config.mq_record_builder_json_schemas_enable else "false"}
        if config.mq_record_builder_json_schema_content is not None:
            settings["schema.content"] = config.mq_record_builder_json_schema_content
        converter = context.converter(_JSON_CONVERTER, settings, "mq.record.builder")
        return _JsonBuilder(converter, config.topic, is_jms=is_jms)
    return _OwnBuilder(OwnValues(config.mq_record_builder, context.configs))


def check_record_builder(name: str) -> None:
    """Raises ConfigError when there is no builder of this name."""
    if name.removeprefix(_PACKAGE) not in ("DefaultRecordBuilder", "JsonRecordBuilder"):
        check_builder("mq.record.builder", name)


def key_builder(config: MqSourceConfig) -> KeyBuilder | None:
    """How keys are made as ``mq.record.builder.key.header`` says; None for no keys."""
    name = config.mq_record_builder_key_header
    if name is None:
        return None
    if name == "JMSDestination":
        fallback = f"queue:///{config.mq_queue}"
        return KeyBuilder(schema.OPTIONAL_STRING, lambda message: message.destination or fallback)
    return _KEYS[name]


def _correlation(message: Received) -> str | None:
    text = message.correlation_id
    return None if text is None else text.removeprefix("ID:")


_KEYS: Final[Mapping[str, KeyBuilder]] = {
    "JMSMessageID": KeyBuilder(schema.OPTIONAL_STRING, lambda message: message.message_id.removeprefix("ID:")),
    "JMSCorrelationID": KeyBuilder(schema.OPTIONAL_STRING, _correlation),
    "JMSCorrelationIDAsBytes": KeyBuilder(schema.OPTIONAL_BYTES, lambda message: message.correlation_bytes),
    "JMSXGroupID": KeyBuilder(schema.OPTIONAL_STRING, lambda message: message.group_id),
}
