from __future__ import annotations

import pytest

from linkspan.api import ConfigError, Secret
from linkspan.api.fields import NO_DEFAULT, ConfigKey
from linkspan.config.definition import load
from linkspan.config.render import key_info
from linkspan_connectors.ibmmq.config import MqSinkConfig, MqSourceConfig, state_queue

SOURCE = {
    "topic": "t",
    "mq.queue.manager": "QM1",
    "mq.queue": "Q1",
    "mq.record.builder": "com.ibm.eventstreams.connect.mqsource.builders.DefaultRecordBuilder",
}
SINK = {
    "mq.queue.manager": "QM1",
    "mq.queue": "Q1",
    "mq.message.builder": "com.ibm.eventstreams.connect.mqsink.builders.DefaultMessageBuilder",
}
REQUIRED = "required"
# name, type, default, importance, order: spec/mq.md 1.2
SOURCE_ROWS = [
    ("topic", "STRING", REQUIRED, "HIGH", 0),
    ("mq.queue.manager", "STRING", REQUIRED, "HIGH", 1),
    ("mq.connection.mode", "STRING", "client", "MEDIUM", 2),
    ("mq.connection.name.list", "STRING", None, "MEDIUM", 3),
    ("mq.channel.name", "STRING", None, "MEDIUM", 4),
    ("mq.ccdt.url", "STRING", None, "MEDIUM", 5),
    ("mq.queue", "STRING", REQUIRED, "HIGH", 6),
    ("mq.user.name", "STRING", None, "MEDIUM", 7),
    ("mq.password", "PASSWORD", None, "MEDIUM", 8),
    ("mq.record.builder", "STRING", REQUIRED, "HIGH", 9),
    ("mq.message.body.jms", "BOOLEAN", False, "MEDIUM", 10),
    ("mq.record.builder.key.header", "STRING", None, "MEDIUM", 11),
    ("mq.ssl.cipher.suite", "STRING", None, "MEDIUM", 12),
    ("mq.ssl.peer.name", "STRING", None, "MEDIUM", 13),
    ("mq.ssl.keystore.location", "STRING", None, "MEDIUM", 14),
    ("mq.ssl.keystore.password", "PASSWORD", None, "MEDIUM", 15),
    ("mq.ssl.truststore.location", "STRING", None, "MEDIUM", 16),
    ("mq.ssl.truststore.password", "PASSWORD", None, "MEDIUM", 17),
    ("mq.batch.size", "INT", 250, "LOW", 18),
    ("mq.message.mqmd.read", "BOOLEAN", False, "LOW", 19),
    ("mq.user.authentication.mqcsp", "BOOLEAN", True, "LOW", 20),
    ("mq.jms.properties.copy.to.kafka.headers", "BOOLEAN", False, "LOW", 21),
    ("mq.ssl.use.ibm.cipher.mappings", "BOOLEAN", True, "LOW", 22),
    ("mq.exactly.once.state.queue", "STRING", None, "LOW", 23),
    ("mq.max.poll.blocked.time.ms", "INT", 2000, "MEDIUM", 24),
    ("mq.client.reconnect.options", "STRING", "ASDEF", "MEDIUM", 25),
    ("mq.message.receive.timeout", "LONG", 2000, "MEDIUM", 26),
    ("mq.receive.subsequent.timeout.ms", "LONG", 0, "LOW", 27),
    ("mq.reconnect.delay.min.ms", "LONG", 64, "MEDIUM", 28),
    ("mq.reconnect.delay.max.ms", "LONG", 8192, "MEDIUM", 29),
    ("errors.deadletterqueue.topic.name", "STRING", "", "MEDIUM", 30),
    ("errors.deadletterqueue.context.headers.enable", "BOOLEAN", False, "MEDIUM", 31),
    ("mq.receive.max.poll.time.ms", "LONG", 0, "LOW", 32),
    ("mq.record.builder.json.schemas.enable", "BOOLEAN", False, "LOW", 33),
    ("mq.record.builder.json.schema.content", "STRING", None, "LOW", 34),
]
# spec/mq.md 2.2
SINK_ROWS = [
    ("mq.queue.manager", "STRING", REQUIRED, "HIGH", 1),
    ("mq.connection.mode", "STRING", "client", "MEDIUM", 2),
    ("mq.connection.name.list", "STRING", None, "MEDIUM", 3),
    ("mq.channel.name", "STRING", None, "MEDIUM", 4),
    ("mq.ccdt.url", "STRING", None, "MEDIUM", 5),
    ("mq.queue", "STRING", REQUIRED, "HIGH", 6),
    ("mq.user.name", "STRING", None, "MEDIUM", 7),
    ("mq.password", "PASSWORD", None, "MEDIUM", 8),
    ("mq.message.builder", "STRING", REQUIRED, "HIGH", 9),
    ("mq.message.body.jms", "BOOLEAN", False, "MEDIUM", 10),
    ("mq.time.to.live", "LONG", 0, "MEDIUM", 11),
    ("mq.persistent", "BOOLEAN", True, "MEDIUM", 12),
    ("mq.ssl.cipher.suite", "STRING", None, "MEDIUM", 13),
    ("mq.ssl.peer.name", "STRING", None, "MEDIUM", 14),
    ("mq.ssl.keystore.location", "STRING", None, "MEDIUM", 15),
    ("mq.ssl.keystore.password", "PASSWORD", None, "MEDIUM", 16),
    ("mq.ssl.truststore.location", "STRING", None, "MEDIUM", 17),
    ("mq.ssl.truststore.password", "PASSWORD", None, "MEDIUM", 18),
    ("mq.message.builder.key.header", "STRING", None, "MEDIUM", 19),
    ("mq.message.builder.value.converter", "STRING", None, "LOW", 20),
    ("mq.message.builder.topic.property", "STRING", None, "LOW", 21),
    ("mq.message.builder.partition.property", "STRING", None, "LOW", 22),
    ("mq.message.builder.offset.property", "STRING", None, "LOW", 23),
    ("mq.reply.queue", "STRING", None, "LOW", 24),
    ("mq.user.authentication.mqcsp", "BOOLEAN", True, "LOW", 25),
    ("mq.ssl.use.ibm.cipher.mappings", "BOOLEAN", None, "LOW", 26),
    ("mq.kafka.headers.copy.to.jms.properties", "BOOLEAN", False, "LOW", 27),
    ("mq.retry.backoff.ms", "LONG", 60000, "LOW", 28),
    ("mq.exactly.once.state.queue", "STRING", None, "LOW", 29),
    ("mq.message.mqmd.write", "BOOLEAN", False, "LOW", 30),
    ("mq.message.mqmd.context", "STRING", None, "LOW", 31),
]
OWN = {"mq.client.data.path", "mq.ssl.certificate.label"}
OWN_OF_SOURCE = {"mq.connections.per.task"}


def _row(key: ConfigKey) -> tuple[str, str, object, str, int]:
    default = REQUIRED if key.default is NO_DEFAULT else key.default
    return key.name, key.type.value, default, key.importance.value, key.order


@pytest.mark.parametrize(("config_class", "rows"), [(MqSourceConfig, SOURCE_ROWS), (MqSinkConfig, SINK_ROWS)])
def test_keys_are_those_of_ibm_and_a_few_more(config_class, rows):
    keys = {key.name: key for key in config_class.keys}
    assert [_row(keys[name]) for name, *_ in rows] == rows
    own = OWN | (OWN_OF_SOURCE if config_class is MqSourceConfig else set())
    assert set(keys) - {name for name, *_ in rows} == own
    ungrouped = {"topic", "mq.max.poll.blocked.time.ms"}
    assert {name for name, key in keys.items() if key.group != "mq"} - own == ungrouped & set(keys)
    for key in keys.values():
        assert key.doc.endswith(".")
        assert key_info(key)["display_name"] == key.display_name


def test_smallest_configurations_are_accepted():
    source, sink = load(MqSourceConfig, SOURCE), load(MqSinkConfig, SINK)
    assert (source.mq_batch_size, source.mq_message_receive_timeout, source.mq_user_authentication_mqcsp) == (
        250,
        2000,
        True,
    )
    assert (sink.mq_persistent, sink.mq_time_to_live, sink.mq_ssl_use_ibm_cipher_mappings) == (True, 0, None)
    assert state_queue(source) == state_queue(sink) == ""
    assert load(MqSinkConfig, {**SINK, "mq.password": "x"}).mq_password == Secret("x")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topic", ""),
        ("topic", "a\tb"),
        ("mq.queue.manager", ""),
        ("mq.connection.mode", "remote"),
        ("mq.ccdt.url", "/etc/ccdt.json"),
        ("mq.queue", ""),
        ("mq.record.builder.key.header", "JMSType"),
        ("mq.ssl.keystore.location", "/nothing/here.jks"),
        ("mq.ssl.truststore.location", "/nothing/here.jks"),
        ("mq.batch.size", "0"),
        ("mq.max.poll.blocked.time.ms", "-1"),
        ("mq.client.reconnect.options", "AsDef"),
        ("mq.message.receive.timeout", "0"),
        ("mq.receive.subsequent.timeout.ms", "-1"),
        ("mq.reconnect.delay.min.ms", "0"),
        ("mq.reconnect.delay.max.ms", "9"),
        ("mq.receive.max.poll.time.ms", "-1"),
        ("mq.connections.per.task", "0"),
        ("mq.connections.per.task", "9"),
        ("mq.record.builder.json.schema.content", "[]"),
        ("mq.record.builder.json.schema.content", "{nonsense}"),
        ("mq.record.builder.json.schema.content", "{}"),
        ("mq.record.builder.json.schema.content", '{"type": "int33"}'),
        ("mq.record.builder.json.schema.content", '{"type": "struct"}'),
        ("mq.record.builder.json.schema.content", '{"type": "struct", "fields": [{"type": "int32"}]}'),
        ("mq.record.builder.json.schema.content", '{"type": "struct", "fields": [{"field": "a", "type": "x"}]}'),
        ("mq.record.builder.json.schema.content", '{"type": "array"}'),
        ("mq.record.builder.json.schema.content", '{"type": "map", "keys": {"type": "string"}}'),
        ("mq.record.builder.json.schema.content", '{"type": ["string"]}'),
    ],
)
def test_a_bad_value_of_a_source_is_refused_with_its_key(key, value):
    with pytest.raises(ConfigError) as refused:
        load(MqSourceConfig, {**SOURCE, key: value})
    assert refused.value.key == key


@pytest.mark.parametrize(
    "schema",
    [
        '{"type": "string", "optional": true}',
        ' {"type": "array", "items": {"type": "map", "keys": {"type": "string"}, "values": {"type": "float"}}} ',
        '{"type": "struct", "name": "x", "fields": [{"field": "a", "type": "int64"}, {"field": "b", "type": "bytes"}]}',
        '{"type": "struct", "fields": []}',
    ],
)
def test_a_schema_of_connect_is_taken(schema):
    assert load(MqSourceConfig, {**SOURCE, "mq.record.builder.json.schema.content": schema})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mq.queue", ""),
        ("mq.time.to.live", "-1"),
        ("mq.time.to.live", "99999999901"),
        ("mq.message.builder.key.header", "JMSMessageID"),
        ("mq.reply.queue", "queue:///Q?persistence=1"),
        ("mq.retry.backoff.ms", "99999999901"),
        ("mq.message.mqmd.context", "some"),
    ],
)
def test_a_bad_value_of_a_sink_is_refused_with_its_key(key, value):
    with pytest.raises(ConfigError) as refused:
        load(MqSinkConfig, {**SINK, key: value})
    assert refused.value.key == key


@pytest.mark.parametrize("option", ["ASDEF", "asdef", "ANY", "any", "QMGR", "qmgr", "DISABLED", "disabled"])
def test_reconnect_options_are_all_upper_or_all_lower(option):
    assert load(MqSourceConfig, {**SOURCE, "mq.client.reconnect.options": option})


def test_a_longest_delay_below_the_first_is_refused():
    with pytest.raises(ConfigError, match=r"must be greater than or equal to mq\.reconnect\.delay\.min\.ms") as refused:
        load(MqSourceConfig, {**SOURCE, "mq.reconnect.delay.min.ms": "100", "mq.reconnect.delay.max.ms": "99"})
    assert refused.value.key == "mq.reconnect.delay.max.ms"


@pytest.mark.parametrize(("option", "fine"), [("QMGR", True), ("qmgr", True), ("ASDEF", False), ("ANY", False)])
def test_a_state_queue_is_on_one_queue_manager(option, fine):
    given = {**SOURCE, "mq.exactly.once.state.queue": "S", "mq.client.reconnect.options": option}
    if fine:
        assert state_queue(load(MqSourceConfig, given)) == "S"
    else:
        with pytest.raises(ConfigError) as refused:
            load(MqSourceConfig, given)
        assert refused.value.key == "mq.client.reconnect.options"


def test_a_state_queue_is_for_one_connection_and_one_task():
    given = {**SOURCE, "mq.exactly.once.state.queue": "S", "mq.client.reconnect.options": "QMGR"}
    for key, refused_key in (
        ("mq.connections.per.task", "mq.connections.per.task"),
        ("tasks.max", "mq.exactly.once.state.queue"),
    ):
        with pytest.raises(ConfigError) as refused:
            load(MqSourceConfig, {**given, key: "2"})
        assert refused.value.key == refused_key
        assert load(MqSourceConfig, {**SOURCE, key: "2"})


@pytest.mark.parametrize(
    ("key", "longest"),
    [
        ("mq.queue.manager", 48),
        ("mq.queue", 48),
        ("mq.channel.name", 20),
        ("mq.connection.name.list", 264),
        ("mq.user.name", 12),
        ("mq.password", 12),
    ],
)
@pytest.mark.parametrize(("config_class", "given"), [(MqSourceConfig, SOURCE), (MqSinkConfig, SINK)])
def test_what_mq_would_cut_off_is_refused(config_class, given, key, longest):
    given = {**given, "mq.user.authentication.mqcsp": "false"}
    assert load(config_class, {**given, key: "x" * longest})
    with pytest.raises(ConfigError, match=f"MQ takes {longest} bytes at most") as refused:
        load(config_class, {**given, key: "x" * (longest + 1)})
    assert refused.value.key == key
    assert key != "mq.password" or "xxx" not in str(refused.value)


@pytest.mark.parametrize("reply", ["{}", "queue:///{}", "queue://QM2/{}", "queue://{}/Q"])
def test_a_queue_for_answers_that_mq_would_cut_off_is_refused(reply):
    assert load(MqSinkConfig, {**SINK, "mq.reply.queue": reply.format("x" * 48)})
    with pytest.raises(ConfigError, match="MQ takes 48 bytes at most"):
        load(MqSinkConfig, {**SINK, "mq.reply.queue": reply.format("x" * 49)})
