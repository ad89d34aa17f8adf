from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from linkspan.api import ConfigError, Header, Headers, SinkRecord, schema
from linkspan.api.records import SinkRecords
from linkspan.api.schema import Schema, Type
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter
from linkspan.convert.string import StringConverter
from linkspan_connectors.ibmmq.config import MqSinkConfig
from linkspan_connectors.ibmmq.message_builders import body_builder
from linkspan_connectors.ibmmq.messages import MessageMaker, reply_queue
from linkspan_connectors.ibmmq.mqi.structures import unpack_descriptor
from linkspan_connectors.ibmmq.received import Received
from linkspan_connectors.ibmmq.rfh2 import header_of
from tests.connectors.ibmmq.test_config import SINK

POINT = Schema(Type.STRUCT, fields={"a": schema.INT32, "b": schema.OPTIONAL_STRING})


class Raw(bytes):
    """Bytes of a library that has its own, such as NumPy's."""


class Context:
    configs: Mapping[str, str] = SINK

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> Any:  # noqa: ARG002 - the contract
        made = {"org.apache.kafka.connect.json.JsonConverter": JsonConverter, "string": StringConverter}[name]()
        made.configure(load(made.config_class, {"converter.type": "value", **settings}), is_key=False)
        return made


def maker(**changes: str) -> MessageMaker:
    config = load(MqSinkConfig, {**SINK, **{key.replace("_", "."): value for key, value in changes.items()}})
    context: Any = Context()
    return MessageMaker(config, body_builder(config, context))


def one(made: MessageMaker, value: object, kind: Schema | None = None, **more: Any) -> Received:
    (packed,), failures = made.messages(SinkRecords([SinkRecord("t", 3, 17, value, kind, **more)]))
    assert failures == {}
    assert packed is not None
    return Received(packed.md, packed.data)


@pytest.mark.parametrize(
    ("value", "kind", "data", "form"),
    [
        ("grüß", None, "grüß".encode(), b"MQSTR   "),
        ("text", schema.STRING, b"text", b"MQSTR   "),
        (b"\x00\xff", None, b"\x00\xff", b"        "),
        (Raw(b"\x00\xff"), None, b"\x00\xff", b"        "),
        (b"\x00\xff", schema.OPTIONAL_BYTES, b"\x00\xff", b"        "),
        (None, None, b"", b"        "),
        (1, None, b"1", b"MQSTR   "),
        (True, None, b"true", b"MQSTR   "),
        (1e10, None, b"1.0E10", b"MQSTR   "),
        ({"a": 1, "b": "x"}, None, b"{a=1, b=x}", b"MQSTR   "),
        ([1, 2], None, b"[1, 2]", b"MQSTR   "),
        ({"a": 1, "b": "x"}, POINT, b"Struct{a=1,b=x}", b"MQSTR   "),
        ({"a": 1, "b": None}, POINT, b"Struct{a=1}", b"MQSTR   "),
    ],
)
def test_the_default_builder_writes_what_java_writes(value, kind, data, form):
    message = one(maker(), value, kind)
    assert (message.data, message.descriptor.format) == (data, form)
    assert (message.descriptor.ccsid, message.descriptor.encoding) == (1208, 273)
    with_header = one(maker(mq_message_body_jms="true"), value, kind)
    assert (with_header.body, with_header.content.format) == (data, form)


def test_the_json_builder_writes_json_without_a_schema():
    message = one(maker(mq_message_builder="JsonMessageBuilder"), {"a": 1, "b": "x"}, POINT)
    assert (message.data, message.descriptor.format) == (b'{"a":1,"b":"x"}', b"MQSTR   ")


def test_the_converter_builder_writes_what_the_converter_makes():
    made = maker(mq_message_builder="ConverterMessageBuilder", mq_message_builder_value_converter="string")
    assert one(made, 5, schema.INT32).data == b"5"
    encoded = maker(
        mq_message_builder="ConverterMessageBuilder",
        mq_message_builder_value_converter="string",
        mq_message_builder_value_converter_converter_encoding="UTF-16",
    )
    _, failures = encoded.messages(SinkRecords([SinkRecord("t", 0, 0, "x")]))
    assert "no text in UTF-8" in str(failures[0])


def test_a_record_that_becomes_no_message_is_named_and_the_others_are_made():
    records = [SinkRecord("t", 0, 0, {"a": 1}), SinkRecord("t", 0, 1, None), SinkRecord("t", 0, 2, {"a": 2})]
    made, failures = maker(mq_message_builder="JsonMessageBuilder").messages(SinkRecords(records))
    assert [None if each is None else each.data for each in made] == [b'{"a":1}', None, b'{"a":2}']
    assert list(failures) == [1]


@pytest.mark.parametrize("is_jms", ["true", "false"])
@pytest.mark.parametrize(
    ("key", "kind", "binary"),
    [
        (b"key", None, b"key"),
        ("key", schema.STRING, b"key"),
        (17, None, b"17"),
        (17, schema.INT32, b""),
        (None, None, b""),
        ("ID:" + "0a" * 24, schema.STRING, b"\x0a" * 24),
    ],
)
def test_the_key_is_the_correlation(key, kind, binary, is_jms):
    made = maker(mq_message_builder_key_header="JMSCorrelationID", mq_message_body_jms=is_jms)
    message = one(made, "x", key=key, key_schema=kind)
    assert message.descriptor.correl_id == binary.ljust(24, b"\0")


def test_place_and_headers_are_properties():
    made = maker(
        mq_message_body_jms="true",
        mq_message_builder_topic_property="topic",
        mq_message_builder_partition_property="partition",
        mq_message_builder_offset_property="offset",
        mq_kafka_headers_copy_to_jms_properties="true",
    )
    message = one(made, "x", headers=Headers([Header("color", "blue", schema.STRING)]))
    header = message.content.rfh2
    assert header is not None
    assert [tuple(header_of(each)) for each in header.properties] == [
        ("topic", "t", schema.STRING),
        ("partition", 3, schema.INT32),
        ("offset", 17, schema.INT64),
        ("color", "blue", schema.STRING),
    ]


def test_a_property_that_jms_does_not_take_fails_the_task():
    with pytest.raises(ConfigError, match="cannot have this name") as refused:
        maker(mq_message_body_jms="true", mq_message_builder_topic_property="my-topic")
    assert refused.value.key == "mq.message.builder.topic.property"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("R1", ("R1", "")), ("queue://QM2/R1", ("R1", "QM2")), ("queue:///R1", ("R1", "")), ("", None), (None, None)],
)
def test_reply_queues(text, expected):
    assert reply_queue(text) == expected


def test_the_configured_reply_queue_wins_over_a_header():
    made = maker(mq_reply_queue="R1", mq_kafka_headers_copy_to_jms_properties="true", mq_message_mqmd_write="true")
    message = one(made, "x", headers=Headers([Header("JMS_IBM_MQMD_ReplyToQ", "R2"), Header("JMS_IBM_MsgType", 8)]))
    assert message.descriptor.reply_to_q.rstrip(b"\0 ") == b"R1"
    assert message.descriptor.msg_type == 1


def test_persistence_and_time_to_live():
    descriptor = one(maker(mq_persistent="false", mq_time_to_live="1500"), "x").descriptor
    assert (descriptor.persistence, descriptor.expiry) == (0, 15)
    (packed,), _ = maker().messages(SinkRecords([SinkRecord("t", 0, 0, "x")]))
    assert packed is not None
    assert unpack_descriptor(packed.md).persistence == 1


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"mq_message_builder": "com.example.Mine"}, "mq.message.builder"),
        ({"mq_message_builder": "ConverterMessageBuilder"}, "mq.message.builder.value.converter"),
    ],
)
def test_a_builder_that_cannot_be_had_is_refused_by_its_key(changes, key):
    with pytest.raises(ConfigError) as refused:
        maker(**changes)
    assert refused.value.key == key
