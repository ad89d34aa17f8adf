"""Messages of records: bodies, correlation, properties and descriptor (spec/mq.md 2.4 to 2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final

from linkspan.api import ConfigError, DataError, Schema, SinkBatch, SinkRecord, schema
from linkspan.api.schema import Type
from linkspan.api.text import java_text
from linkspan_connectors.ibmmq.config import MqSinkConfig
from linkspan_connectors.ibmmq.header_rules import copy_headers
from linkspan_connectors.ibmmq.message_builders import BodyBuilder, default_body
from linkspan_connectors.ibmmq.mqi import constants as mq
from linkspan_connectors.ibmmq.mqi.structures import pack_descriptor
from linkspan_connectors.ibmmq.outgoing import Draft, Packed, Sending, is_property_name
from linkspan_connectors.ibmmq.rfh2 import Property

__all__ = ["Failures", "MessageMaker", "reply_queue"]

Failures = dict[int, Exception]
"""Index of a record in its batch → why no message can be made of it."""

_URI: Final = re.compile(r"queue://([^/]*)/(.+)")


def reply_queue(text: str | None) -> tuple[str, str] | None:
    """Queue and queue manager of ``mq.reply.queue``, a name or a URI; None without one."""
    if not text:
        return None
    uri = _URI.fullmatch(text)
    return (text, "") if uri is None else (uri[2], uri[1])


class MessageMaker:
    """Makes messages of records.

    Args:
        config: of the task.
        build: makes bodies.

    Raises:
        ConfigError: a property cannot have the name that is configured.
    """

    def __init__(self, config: MqSinkConfig, build: BodyBuilder) -> None:
        self._build = build
        self._sending = Sending(
            config.mq_queue,
            has_rfh2=config.mq_message_body_jms,
            persistent=config.mq_persistent,
            time_to_live=config.mq_time_to_live,
            reply=reply_queue(config.mq_reply_queue),
            context=(config.mq_message_mqmd_context or "").lower() if config.mq_message_mqmd_write else None,
        )
        self._descriptor = self._sending.descriptor
        self._templates = {
            "text": pack_descriptor(self._descriptor._replace(format=mq.FORMAT_STRING)),
            "bytes": pack_descriptor(self._descriptor),
            "none": pack_descriptor(self._descriptor),
        }
        self._topic_property = _property_name(config, "mq.message.builder.topic.property")
        self._partition_property = _property_name(config, "mq.message.builder.partition.property")
        self._offset_property = _property_name(config, "mq.message.builder.offset.property")
        self._with_key = config.mq_message_builder_key_header is not None
        self._with_headers = config.mq_kafka_headers_copy_to_jms_properties
        self._writes_descriptor = config.mq_message_mqmd_write
        self._is_plain = not (config.mq_message_body_jms or self._with_key or self._with_headers)

    def messages(self, records: SinkBatch) -> tuple[Sequence[Packed | None], Failures]:
        """Messages of records, one a record, None for those that failed."""
        if self._is_plain:
            return self._plain(records)
        made: list[Packed | None] = []
        failures: Failures = {}
        for index, record in enumerate(records):
            try:
                made.append(self._message(record))
            except DataError as error:
                failures[index] = error
                made.append(None)
        return made, failures

    def _plain(self, records: SinkBatch) -> tuple[Sequence[Packed | None], Failures]:
        """Bodies alone: the descriptor is one of three that are made already."""
        build, templates = self._build, self._templates
        made: list[Packed | None] = []
        failures: Failures = {}
        for index, (topic, kind, value) in enumerate(self._columns(records)):
            try:
                form, content = build(topic, kind, value)
                data = content if isinstance(content, bytes) else content.encode()
            except (DataError, UnicodeEncodeError) as error:
                failures[index] = error
                made.append(None)
            else:
                made.append(Packed(templates[form], data, keeps_id=False))
        return made, failures

    def _columns(self, records: SinkBatch) -> Iterable[tuple[str, Schema | None, object]]:
        """Topic, schema and value of each record; without making records of them for who does not look at the topic."""
        if self._build is not default_body:
            return ((record.topic, record.value_schema, record.value) for record in records)
        schemas = records.value_schemas
        return zip(
            repeat(""), repeat(records.value_schema) if schemas is None else schemas, records.values, strict=False
        )

    def _message(self, record: SinkRecord) -> Packed:
        body = self._build(record.topic, record.value_schema, record.value)
        draft = Draft(self._sending, self._descriptor)
        if self._topic_property:
            draft.add_property(Property(self._topic_property, record.topic, schema.STRING))
        if self._partition_property:
            draft.add_property(Property(self._partition_property, record.partition, schema.INT32))
        if self._offset_property:
            draft.add_property(Property(self._offset_property, record.offset, schema.INT64))
        if self._with_headers:
            copy_headers(record.headers, draft, writes_descriptor=self._writes_descriptor)
        if self._with_key and record.key is not None:
            _correlate(record, draft)
        if self._sending.reply is not None:
            # whatever a header has set
            own = self._descriptor
            draft.set(reply_to_q=own.reply_to_q, reply_to_qmgr=own.reply_to_qmgr, msg_type=own.msg_type)
        return draft.packed(body)


def _correlate(record: SinkRecord, draft: Draft) -> None:
    key, kind = record.key, record.key_schema
    if isinstance(key, bytes):
        draft.correlate(key)
    elif kind is None or kind.type is Type.STRING:
        draft.correlate(java_text(key))


def _property_name(config: MqSinkConfig, key: str) -> str | None:
    name = config.values[key]
    if name is None or name == "":
        return None
    if not is_property_name(str(name)):
        raise ConfigError.invalid(key, name, "a property of a JMS message cannot have this name")
    return str(name)
