from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from linkspan.api import ConfigError, Headers, SourceBatch, schema
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter
from linkspan_connectors.ibmmq.config import MqSourceConfig
from linkspan_connectors.ibmmq.mqi.structures import Descriptor, pack_descriptor
from linkspan_connectors.ibmmq.record_builders import Got, key_builder, value_builder
from linkspan_connectors.ibmmq.records import Failed, Policy, RecordMaker
from linkspan_connectors.ibmmq.rfh2 import rfh2_bytes
from tests.connectors.ibmmq.test_config import SOURCE

JSON = "com.ibm.eventstreams.connect.mqsource.builders.JsonRecordBuilder"
PLAIN = Descriptor(encoding=273, format=b"MQSTR   ", msg_id=b"m" * 24, put_date=b"20231114", put_time=b"22132045")
PARTITION = {"source": "QM1/Q1"}
TIME = 1700000000450


class Context:
    def __init__(self, configs: Mapping[str, str]) -> None:
        self.configs = configs

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> JsonConverter:  # noqa: ARG002 - the contract
        assert name == "org.apache.kafka.connect.json.JsonConverter"
        made = JsonConverter()
        made.configure(load(made.config_class, {"converter.type": "value", **settings}), is_key=False)
        return made


def maker(**changes: str) -> RecordMaker:
    given = {**SOURCE, **{key.replace("_", "."): value for key, value in changes.items()}}
    config = load(MqSourceConfig, given)
    context: Any = Context(given)
    return RecordMaker(config, value_builder(config, context), key_builder(config), Policy.of(config, given))


NO_BODY = "<mcd><Msd>jms_text</Msd><msgbody xsi:nil='true'></msgbody></mcd>"


def text(data: bytes = b"hello", **fields: Any) -> Got:
    return pack_descriptor(PLAIN._replace(**fields)), data


def jms(kind: str, body: bytes = b"", *folders: str, form: bytes = b"        ", **fields: Any) -> Got:
    header = rfh2_bytes([f"<mcd><Msd>jms_{kind}</Msd></mcd>", *folders], form)
    return pack_descriptor(PLAIN._replace(format=b"MQHRF2  ", **fields)), header + body


def one(made: RecordMaker, got: Got) -> Any:
    (record,) = made.records([got], PARTITION, None)
    return record


def test_a_raw_value_is_every_byte_after_the_descriptor():
    got = jms("text", b"hello", form=b"MQSTR   ")
    record = one(maker(), got)
    assert (record.value, record.value_schema) == (got[1], schema.OPTIONAL_BYTES)
    assert (record.key, record.timestamp, record.headers, record.topic) == (None, None, None, "t")
    assert one(maker(), text(b"")).value == b""


def test_plain_messages_are_a_batch_in_columns_of_this_very_partition():
    made = maker().records([text(b"a"), text(b"b")], PARTITION, None)
    assert isinstance(made, SourceBatch)
    assert made.values == [b"a", b"b"]
    assert made[0].source_partition is PARTITION
    texts = maker(mq_message_body_jms="true").records([text(b"a"), text(b"b")], PARTITION, None)
    assert isinstance(texts, SourceBatch)
    assert (texts.values, texts.value_schema, texts.timestamps) == (["a", "b"], None, [TIME, TIME])


@pytest.mark.parametrize(
    ("got", "value"),
    [
        (text(b"hello"), "hello"),
        (text(bytes.fromhex("c885939396"), ccsid=500), "Hello"),
        (text(b"\x00\xff", format=b"        "), b"\x00\xff"),
        (text(b"", format=b"        "), None),
        (jms("text", b"hi", form=b"MQSTR   "), "hi"),
        (jms("text", b"", form=b"MQSTR   "), ""),
        (jms("bytes", b"\x01"), b"\x01"),
        (jms("bytes", b""), None),
        (jms("none"), None),
        (jms("text", b"", NO_BODY, form=b"MQSTR   "), None),
    ],
)
def test_a_jms_value_is_what_jms_sees(got, value):
    record = one(maker(mq_message_body_jms="true"), got)
    assert (record.value, record.value_schema, record.timestamp) == (value, None, TIME)


def test_mixed_messages_keep_their_order():
    messages = [text(b"a"), jms("bytes", b"b"), text(b"c")]
    made = maker(mq_message_body_jms="true").records(messages, PARTITION, None)
    assert [record.value for record in made] == ["a", b"b", "c"]


@pytest.mark.parametrize("kind", ["map", "stream", "object"])
def test_other_messages_of_jms_become_no_records(kind):
    with pytest.raises(Failed, match=f"The body is a {kind} of JMS") as failed:
        maker(mq_message_body_jms="true").records([text(), jms(kind, b"<map/>")], PARTITION, None)
    assert failed.value.index == 1


@pytest.mark.parametrize("is_jms", ["true", "false"])
def test_json_is_parsed(is_jms):
    made = maker(mq_record_builder=JSON, mq_message_body_jms=is_jms)
    messages = [text(b'{"a": 1}'), text(b'{"a": 2}')]
    assert [record.value for record in made.records(messages, PARTITION, None)] == [{"a": 1}, {"a": 2}]
    with pytest.raises(Failed) as failed:
        made.records([*messages, text(b"{")], PARTITION, None)
    assert failed.value.index == 2


def test_json_of_jms_may_be_bytes_or_another_character_set():
    made = maker(mq_record_builder="JsonRecordBuilder", mq_message_body_jms="true")
    messages = [jms("bytes", b"[1]"), text("[2]".encode("cp500"), ccsid=500)]
    assert [record.value for record in made.records(messages, PARTITION, None)] == [[1], [2]]
    with pytest.raises(Failed, match="The body is a none of JMS"):
        made.records([jms("none")], PARTITION, None)


def test_json_may_have_one_schema_for_all_messages():
    content = '{"type": "struct", "fields": [{"field": "a", "type": "int32"}]}'
    record = one(
        maker(
            mq_record_builder=JSON,
            mq_record_builder_json_schemas_enable="true",
            mq_record_builder_json_schema_content=content,
        ),
        text(b'{"a": 7}'),
    )
    assert record.value == {"a": 7}
    assert record.value_schema.field("a").schema.type is schema.Type.INT32


@pytest.mark.parametrize(
    ("header", "key", "kind"),
    [
        ("JMSMessageID", "6d" * 24, schema.OPTIONAL_STRING),
        ("JMSCorrelationID", "63" * 24, schema.OPTIONAL_STRING),
        ("JMSCorrelationIDAsBytes", b"c" * 24, schema.OPTIONAL_BYTES),
        ("JMSDestination", "queue:///Q1", schema.OPTIONAL_STRING),
        ("JMSXGroupID", "ID:" + b"orders".ljust(24, b"\0").hex(), schema.OPTIONAL_STRING),
    ],
)
def test_keys(header, key, kind):
    got = text(correl_id=b"c" * 24, group_id=b"orders".ljust(24, b"\0"), msg_flags=8)
    record = one(maker(mq_record_builder_key_header=header), got)
    assert (record.key, record.key_schema) == (key, kind)


def test_keys_of_the_application():
    got = jms("text", b"x", "<jms><Dst>queue:///OTHER</Dst><Cid>verycorrelationid</Cid></jms>", form=b"MQSTR   ")
    assert one(maker(mq_record_builder_key_header="JMSCorrelationID"), got).key == "verycorrelationid"
    assert one(maker(mq_record_builder_key_header="JMSCorrelationIDAsBytes"), got).key == b"verycorrelationid"
    assert one(maker(mq_record_builder_key_header="JMSDestination"), got).key == "queue:///OTHER"
    assert one(maker(mq_record_builder_key_header="JMSCorrelationID"), text()).key is None
    assert one(maker(mq_record_builder_key_header="JMSXGroupID"), text()).key is None


def test_properties_become_headers_when_asked_for():
    got = jms("text", b"x", "<usr><color>blue</color></usr>", form=b"MQSTR   ")
    headers = one(maker(mq_jms_properties_copy_to_kafka_headers="true"), got).headers
    assert headers.last("color").value == "blue"
    assert headers.last("JMS_IBM_MQMD_Priority") is None
    both = maker(mq_jms_properties_copy_to_kafka_headers="true", mq_message_mqmd_read="true")
    assert one(both, got).headers.last("JMS_IBM_MQMD_MsgId").value == "ID:" + "6d" * 24


def test_a_property_that_cannot_be_converted_is_skipped_and_its_record_delivered(caplog):
    got = jms("text", b"x", "<usr><n dt='i4'>secret</n><color>blue</color></usr>", form=b"MQSTR   ")
    record = one(maker(mq_message_body_jms="true", mq_jms_properties_copy_to_kafka_headers="true"), got)
    assert record.value == "x"
    assert (record.headers.last("color").value, record.headers.last("n")) == ("blue", None)
    assert f"A property of message ID:{'6d' * 24} is left out: The value of the property n is no i4" in caplog.text
    assert "secret" not in caplog.text


# --- what fails ----------------------------------------------------------------------------------------------------

BROKEN = jms("map", b"<map/>")


def tolerant(**changes: str) -> RecordMaker:
    return maker(mq_message_body_jms="true", errors_tolerance="all", **changes)


def test_a_tolerated_message_without_a_dead_letter_queue_is_skipped(caplog):
    made = tolerant().records([text(b"a"), BROKEN, text(b"c")], PARTITION, None)
    assert [record.value for record in made] == ["a", "c"]
    assert "No record can be made of message ID:6d" in caplog.text


def test_a_tolerated_message_goes_to_the_dead_letter_queue():
    made = tolerant(errors_deadletterqueue_topic_name="dead").records([text(b"a"), BROKEN], PARTITION, None)
    letter = made[1]
    assert (letter.topic, letter.value, letter.value_schema) == ("dead", b"<map/>", schema.OPTIONAL_BYTES)
    assert (letter.key, letter.timestamp, letter.headers) == (None, TIME, Headers())
    assert letter.source_partition is PARTITION


def test_a_letter_has_the_text_in_utf_8_the_key_and_the_properties_that_a_record_has():
    made = maker(
        mq_record_builder=JSON,
        mq_message_body_jms="true",
        mq_record_builder_key_header="JMSMessageID",
        mq_jms_properties_copy_to_kafka_headers="true",
        errors_tolerance="all",
        errors_deadletterqueue_topic_name="dead",
    )
    header = rfh2_bytes(["<mcd><Msd>jms_text</Msd></mcd>", "<usr><color>blue</color></usr>"], b"MQSTR   ", ccsid=500)
    md, _ = text(format=b"MQHRF2  ")
    letter = one(made, (md, header + "<grün>".encode("cp500")))
    assert (letter.topic, letter.value) == ("dead", "<grün>".encode())
    assert letter.headers.last("color").value == "blue"
    assert letter.key is None, "the value is made before the key"


def test_context_headers_say_what_happened():
    made = tolerant(
        errors_deadletterqueue_topic_name="dead", errors_deadletterqueue_context_headers_enable="true"
    ).records([text(b"\xff")], PARTITION, None)
    found = {header.key.removeprefix("__connect.errors."): header for header in made[0].headers}
    assert made[0].value == b"\xff"
    assert {name: found[name].value for name in ("topic", "mq.queue", "jms.message.id", "jms.timestamp")} == {
        "topic": "t",
        "mq.queue": "Q1",
        "jms.message.id": "ID:" + "6d" * 24,
        "jms.timestamp": TIME,
    }
    assert found["exception.class.name"].value == "linkspan.api.errors.DataError"
    assert "not in CCSID 1208" in found["exception.message"].value
    assert found["exception.stacktrace"].value.endswith("... [truncated]")
    assert len(found["exception.stacktrace"].value) == 500 + len("... [truncated]")
    assert found["cause.class"].value == "builtins.UnicodeDecodeError"
    assert found["timestamp"].schema == schema.INT64
    assert set(found) == {
        "topic",
        "exception.class.name",
        "exception.message",
        "jms.message.id",
        "mq.queue",
        "exception.stacktrace",
        "jms.timestamp",
        "timestamp",
        "cause.class",
        "cause.message",
    }


@pytest.mark.parametrize("is_jms", ["true", "false"])
def test_a_message_with_a_broken_header_goes_to_the_dead_letter_queue_as_a_whole(is_jms):
    broken = (BROKEN[0], b"RFH 1")
    made = maker(
        mq_message_body_jms=is_jms,
        mq_jms_properties_copy_to_kafka_headers="true",
        errors_tolerance="all",
        errors_deadletterqueue_topic_name="dead",
        errors_deadletterqueue_context_headers_enable="true",
    )
    (letter,) = made.records([broken], PARTITION, None)
    assert (letter.topic, letter.value, letter.timestamp) == ("dead", b"RFH 1", TIME)
    (said,) = [header.value for header in letter.headers if header.key == "__connect.errors.exception.message"]
    assert "The MQRFH2 at byte 0 needs 36 bytes" in said


@pytest.mark.parametrize("shows", [True, False])
def test_the_log_shows_the_content_only_when_it_may(shows, caplog):
    tolerant(errors_log_enable="true", errors_log_include_messages="true" if shows else "false").records(
        [jms("map", b"secret")], PARTITION, None
    )
    assert ("secret" in caplog.text) is shows
    assert "Traceback" in caplog.text


def test_a_builder_in_java_is_refused_by_its_key():
    with pytest.raises(ConfigError, match="builders in Java cannot be loaded") as refused:
        maker(mq_record_builder="com.example.Mine")
    assert refused.value.key == "mq.record.builder"


@pytest.mark.parametrize(
    "data",
    [
        b"s3cret",
        jms("text", b"", "<usr><pin>s3cret</usr>")[1],
        jms("text", b"", "<usr><pin>&s3cret;</pin></usr>")[1],
    ],
    ids=["no header", "no folder", "no character"],
)
@pytest.mark.parametrize("traces", ["true", "false"])
def test_what_is_said_about_a_broken_header_has_no_content_in_it(data, traces, caplog):
    tolerant = {"errors_tolerance": "all", "errors_log_enable": traces}
    got = pack_descriptor(PLAIN._replace(format=b"MQHRF2  ")), data
    assert maker(mq_message_body_jms="true", **tolerant).records([got], PARTITION, None) == []
    assert "No record can be made of message" in caplog.text
    assert "s3cret" not in caplog.text
    with pytest.raises(Failed) as failed:
        maker(mq_message_body_jms="true").records([got], PARTITION, None)
    assert "s3cret" not in str(failed.value.error)
