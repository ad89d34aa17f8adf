"""Bodies of messages, as the builders of IBM's connector make them of values (spec/mq.md 2.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from linkspan.api import ConfigError, Converter, DataError, Schema, SinkTaskContext
from linkspan.api.schema import Type
from linkspan.api.text import java_text
from linkspan_connectors.ibmmq.config import MqSinkConfig
from linkspan_connectors.ibmmq.outgoing import Body
from linkspan_connectors.ibmmq.own_builders import OwnBodies, check_builder

__all__ = ["BodyBuilder", "body_builder", "check_message_builder", "default_body"]

BodyBuilder = Callable[[str, Schema | None, object], Body]
"""Topic, schema and value of a record → the body; raises DataError when the value cannot become one."""

_PACKAGE: Final = "com.ibm.eventstreams.connect.mqsink.builders."
_JSON_CONVERTER: Final = "org.apache.kafka.connect.json.JsonConverter"
_CONVERTER_KEY: Final = "mq.message.builder.value.converter"
_NOTHING: Final = Body("none", b"")


def default_body(_: str, schema: Schema | None, value: object) -> Body:
    """No body for null, bytes as they are, everything else as the text that Java makes of it."""
    if type(value) is str:
        return Body("text", value)
    if value is None:
        return _NOTHING
    if isinstance(value, bytes) and (schema is None or schema.type is Type.BYTES):
        return Body("bytes", value)
    return Body("text", java_text(value, schema))


def _converted(converter: Converter) -> BodyBuilder:
    def build(topic: str, schema: Schema | None, value: object) -> Body:
        data = converter.from_connect(topic, schema, value)
        if data is None:
            raise DataError("The value is null, which the converter makes no message of")
        try:
            return Body("text", data.decode())
        except UnicodeDecodeError as error:
            raise DataError(f"The converter made bytes that are no text in UTF-8: {error}") from error

    return build


def body_builder(config: MqSinkConfig, context: SinkTaskContext) -> BodyBuilder:
    """The builder that ``mq.message.builder`` names.

    Raises:
        ConfigError: there is none of that name, or its converter is missing.
    """
    name = config.mq_message_builder.removeprefix(_PACKAGE)
    if name == "DefaultMessageBuilder":
        return default_body
    if name == "JsonMessageBuilder":
        return _converted(context.converter(_JSON_CONVERTER, {"schemas.enable": "false"}, "mq.message.builder"))
    if name == "ConverterMessageBuilder":
        check_message_builder(name, config.mq_message_builder_value_converter)
        converter = str(config.mq_message_builder_value_converter)
        given = config.with_prefix(f"{_CONVERTER_KEY}.").items()
        own = {key: value for key, value in given if value is not None}
        return _converted(context.converter(converter, own, _CONVERTER_KEY))
    return OwnBodies(config.mq_message_builder, context.configs)


def check_message_builder(name: str, converter: object) -> None:
    """Raises ConfigError when there is no builder of this name, or it needs a converter and has none."""
    short = name.removeprefix(_PACKAGE)
    if short == "ConverterMessageBuilder" and not converter:
        raise ConfigError(f"ConverterMessageBuilder needs a converter: set {_CONVERTER_KEY}", _CONVERTER_KEY)
    if short not in ("DefaultMessageBuilder", "JsonMessageBuilder", "ConverterMessageBuilder"):
        check_builder("mq.message.builder", name)
