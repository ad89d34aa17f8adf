"""Configuration of both connectors: keys, defaults, order and labels are those of IBM's (spec/mq.md 1.2 and 2.2)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any, Final

from linkspan.api import (
    HIGH,
    LOW,
    MEDIUM,
    Bool,
    Config,
    ConfigError,
    Importance,
    Int,
    Long,
    Password,
    Secret,
    Str,
    Width,
)
from linkspan.api.fields import ConfigField, ConfigType
from linkspan.api.validators import at_least, between, non_null, one_of, optional

__all__ = ["MqSinkConfig", "MqSourceConfig", "state_queue"]

_GROUP: Final = "mq"
_OWN_GROUP: Final = "mq client"
_NAME: Final = 48
_REPLY: Final = re.compile(r"^queue://|/")
_LONGEST_TIME: Final = 99_999_999_900
_URL: Final = re.compile(r"(?:file|https?|ftp|jar):", re.IGNORECASE)
_RECONNECT: Final = ("ASDEF", "asdef", "ANY", "any", "QMGR", "qmgr", "DISABLED", "disabled")
_CONTEXTS: Final = (None, "identity", "IDENTITY", "all", "ALL")
_KEY_HEADERS: Final = (
    None,
    "JMSMessageID",
    "JMSCorrelationID",
    "JMSCorrelationIDAsBytes",
    "JMSDestination",
    "JMSXGroupID",
)


def _text(key: str, value: object) -> None:
    """A text that is not empty and has no control characters."""
    if not isinstance(value, str):
        return
    if not value:
        raise ConfigError.invalid(key, value, "String may not be empty")
    found = [ord(character) for character in value if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0]
    if found:
        numbers = ", ".join(map(str, found))
        reason = f"String may not contain control sequences but had the following ASCII chars: {numbers}"
        raise ConfigError.invalid(key, value, reason)


def _not_empty(key: str, value: object) -> None:
    if value == "":
        raise ConfigError.invalid(key, value, "String must be non-empty")


def _url(key: str, value: object) -> None:
    if isinstance(value, str) and value.strip() and _URL.match(value.strip()) is None:
        raise ConfigError.invalid(key, value, "Value must be a URL: file:, http:, https: or ftp:")


def _file(key: str, value: object) -> None:
    if isinstance(value, str) and value and not os.access(value, os.R_OK):
        raise ConfigError.invalid(key, value, "file is not readable, or is not there")


def _reply(key: str, value: object) -> None:
    if isinstance(value, str) and "?" in value:
        raise ConfigError.invalid(key, value, "Reply-to queue must not contain properties (a question mark)")
    if isinstance(value, str) and any(len(each.encode()) > _NAME for each in _REPLY.split(value)):
        raise ConfigError.invalid(key, value, f"MQ takes {_NAME} bytes at most for a queue and a queue manager")


def _schema(key: str, value: object) -> None:
    if value is None:
        return
    text = str(value).strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ConfigError.invalid(key, value, "should be a JSON object, in braces")
    try:
        _check_schema(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError.invalid(key, value, f"should be a schema of Connect in JSON: {error}") from error


_PLAIN_TYPES: Final = ("boolean", "int8", "int16", "int32", "int64", "float", "double", "bytes", "string")
_INNER: Final = {"array": ("items",), "map": ("keys", "values"), **dict.fromkeys(_PLAIN_TYPES, ())}


def _check_schema(schema: object) -> None:
    """Raises ValueError for what is no schema; what else it may say is left to the converter."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(kind, str):
        raise ValueError("a schema is an object with a type")  # noqa: TRY004 - what the caller takes
    if kind == "struct":
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(isinstance(each, dict) and each.get("field") for each in fields):
            raise ValueError("a struct has fields, each with its name as field")
        inner = fields
    elif kind in _INNER:
        inner = [schema.get(name) for name in _INNER[kind]]
    else:
        raise ValueError(f"there is no type {kind}")
    for each in inner:
        _check_schema(each)


def _mq(order: int, label: str, width: Width, importance: Importance = MEDIUM, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - options of a key
    return {
        "group": _GROUP,
        "order": order,
        "display_name": label,
        "width": width,
        "importance": importance,
        **options,
    }


class _Connection(Config):
    """Keys that are the same in both directions."""

    mq_queue_manager = Str(
        **_mq(1, "Queue manager", Width.MEDIUM, HIGH, validator=_text),
        doc="Name of the queue manager. A star in front of it, or a star alone, takes any of its group.",
    )
    mq_connection_mode = Str(
        **_mq(2, "Connection mode", Width.SHORT, validator=one_of("client", "bindings")),
        default="client",
        doc="client: over the network; bindings: by shared memory, for a queue manager on the same machine.",
    )
    mq_connection_name_list = Str(
        **_mq(3, "List of connection names for queue manager", Width.LONG),
        default=None,
        doc="Where the queue manager listens: host(port), or several with commas that are tried in this order.",
    )
    mq_channel_name = Str(
        **_mq(4, "Channel name", Width.MEDIUM),
        default=None,
        doc="Name of the server-connection channel.",
    )
    mq_ccdt_url = Str(
        **_mq(5, "CCDT URL", Width.MEDIUM, validator=_url),
        default=None,
        doc="URL of a client channel definition table. Connection names, channel, cipher and peer name are its own.",
    )
    mq_user_name = Str(
        **_mq(7, "User name", Width.MEDIUM),
        default=None,
        doc="User that the queue manager is to know the connector as. Without one no credentials are sent.",
    )
    mq_password = Password(
        **_mq(8, "Password", Width.MEDIUM),
        default=None,
        doc="Password of that user.",
    )
    mq_client_data_path = Str(
        default=None,
        doc=(
            "Folder that IBM's client may write to: its error logs, traces and first failure data. By default below "
            "/var/mqm or $HOME/IBM/MQ/data. Needed where neither can be written. Not a key of IBM's connectors."
        ),
        group=_OWN_GROUP,
        order=1,
        display_name="Data path of the client",
        width=Width.LONG,
        importance=LOW,
    )
    mq_ssl_certificate_label = Str(
        default=None,
        doc=(
            "Label of the certificate in the key store to identify the connector with; without one the client takes "
            "its default. Not a key of IBM's connectors."
        ),
        group=_OWN_GROUP,
        order=2,
        display_name="Label of the certificate",
        width=Width.MEDIUM,
        importance=LOW,
    )


def _cipher(order: int) -> dict[str, Any]:
    return {
        **_mq(order, "SSL cipher suite", Width.MEDIUM),
        "default": None,
        "doc": "Cipher of the TLS connection: a CipherSuite as Java calls it, or a CipherSpec of MQ. None for no TLS.",
    }


def _peer(order: int) -> dict[str, Any]:
    return {
        **_mq(order, "SSL peer name", Width.MEDIUM),
        "default": None,
        "doc": "Pattern that the distinguished name of the queue manager's certificate has to match.",
    }


def _store(order: int, label: str, what: str) -> dict[str, Any]:
    return {
        **_mq(order, label, Width.MEDIUM, validator=_file),
        "default": None,
        "doc": f"File with {what}: JKS or PKCS12, or the key database of MQ (.kdb).",
    }


def _store_password(order: int, label: str) -> dict[str, Any]:
    return {**_mq(order, label, Width.MEDIUM), "default": None, "doc": "Password of that file."}


_KEYS: Final = "the connector's own certificate and its key"
_TRUSTED: Final = "the certificates that the queue manager's is trusted by"


def _mqcsp(order: int) -> dict[str, Any]:
    return {
        **_mq(order, "User authentication using MQCSP", Width.SHORT, LOW, validator=non_null),
        "default": True,
        "doc": "Whether user and password go as security parameters (MQCSP); false for queue managers before 8.0.",
    }


def _state_queue(order: int) -> dict[str, Any]:
    return {
        **_mq(order, "Exactly-once state queue", Width.LONG, LOW),
        "default": None,
        "doc": "Queue that the state of exactly-once delivery is kept in. Without one, delivery is at least once.",
    }


class MqSourceConfig(_Connection):
    """From a queue into a topic."""

    mq_connections_per_task = Int(
        default=1,
        validator=between(1, 8),
        doc=(
            "Connections that a task reads with in turn: while the log takes the messages of one, the next one reads. "
            "Messages keep their order as long as nothing fails. Not a key of IBM's connectors."
        ),
        group=_OWN_GROUP,
        order=3,
        display_name="Connections per task",
        width=Width.SHORT,
        importance=LOW,
    )
    topic = Str(
        importance=HIGH,
        doc="Topic to write to.",
        order=0,
        display_name="Target Kafka topic",
        width=Width.MEDIUM,
        validator=_text,
    )
    mq_queue = Str(**_mq(6, "Source queue", Width.LONG, HIGH, validator=_text), doc="Queue to read from.")
    mq_record_builder = Str(
        **_mq(9, "Record builder", Width.LONG, HIGH, validator=_text),
        doc="How records are made of messages: DefaultRecordBuilder or JsonRecordBuilder, with or without its package, "
        "or a class in Python as package.module.Class.",
    )
    mq_message_body_jms = Bool(
        **_mq(10, "Message body as JMS", Width.SHORT, validator=non_null),
        default=False,
        doc="Whether a message is taken as JMS takes it, text as text; otherwise its value is all of its bytes.",
    )
    mq_record_builder_key_header = Str(
        **_mq(11, "Record builder key header", Width.MEDIUM, validator=one_of(*_KEY_HEADERS)),
        default=None,
        doc="Header of the message that becomes the record's key. None for no key.",
    )
    mq_ssl_cipher_suite = Str(**_cipher(12))
    mq_ssl_peer_name = Str(**_peer(13))
    mq_ssl_keystore_location = Str(**_store(14, "SSL keystore location", _KEYS))
    mq_ssl_keystore_password = Password(**_store_password(15, "SSL keystore password"))
    mq_ssl_truststore_location = Str(**_store(16, "SSL truststore location", _TRUSTED))
    mq_ssl_truststore_password = Password(**_store_password(17, "SSL truststore password"))
    mq_batch_size = Int(
        **_mq(18, "Batch size", Width.MEDIUM, LOW, validator=at_least(1)),
        default=250,
        doc="Messages that are read in one unit of work, at most.",
    )
    mq_message_mqmd_read = Bool(
        **_mq(19, "Enable reading of MQMD fields", Width.SHORT, LOW, validator=non_null),
        default=False,
        doc="Whether the fields of the message descriptor are among the properties (JMS_IBM_MQMD_…).",
    )
    mq_user_authentication_mqcsp = Bool(**_mqcsp(20))
    mq_jms_properties_copy_to_kafka_headers = Bool(
        **_mq(21, "Copy JMS message properties to Kafka headers", Width.MEDIUM, LOW, validator=non_null),
        default=False,
        doc="Whether the properties of a message become headers of the record.",
    )
    mq_ssl_use_ibm_cipher_mappings = Bool(
        **_mq(22, "Use IBM cipher mappings", Width.SHORT, LOW, validator=non_null),
        default=True,
        doc="Whether names of ciphers are those of IBM's Java. Without effect here: both are understood.",
    )
    mq_exactly_once_state_queue = Str(**_state_queue(23))
    mq_max_poll_blocked_time_ms = Int(
        default=2000,
        validator=at_least(0),
        importance=MEDIUM,
        doc="How long a poll waits for the last batch to be acknowledged. Without effect here: none is held up by it.",
        order=24,
        display_name="Max poll blocked time ms",
        width=Width.SHORT,
    )
    mq_client_reconnect_options = Str(
        **_mq(25, "MQ client reconnect options", Width.SHORT, validator=one_of(*_RECONNECT)),
        default="ASDEF",
        doc="Whether IBM's client connects again by itself: ANY, to the same queue manager (QMGR), DISABLED, or ASDEF.",
    )
    mq_message_receive_timeout = Long(
        **_mq(26, "Message receive timeout", Width.MEDIUM, validator=at_least(1)),
        default=2000,
        doc="Milliseconds to wait for the first message of a batch.",
    )
    mq_receive_subsequent_timeout_ms = Long(
        **_mq(27, "Receive timeout of subsequent messages (ms)", Width.MEDIUM, LOW, validator=at_least(0)),
        default=0,
        doc="Milliseconds to wait for each further message of a batch; 0 takes only those that are there.",
    )
    mq_reconnect_delay_min_ms = Long(
        **_mq(28, "Minimum reconnect delay (ms)", Width.MEDIUM, validator=at_least(1)),
        default=64,
        doc="Milliseconds between the first two attempts to connect; twice as long before each further one.",
    )
    mq_reconnect_delay_max_ms = Long(
        **_mq(29, "Maximum reconnect delay (ms)", Width.MEDIUM, validator=at_least(10)),
        default=8192,
        doc="Milliseconds between two attempts to connect, at most.",
    )
    errors_deadletterqueue_topic_name = Str(
        **_mq(30, "Dead letter queue topic", Width.MEDIUM),
        default="",
        doc="Topic for messages that no record can be made of, with errors.tolerance=all. Empty for none.",
    )
    errors_deadletterqueue_context_headers_enable = Bool(
        **_mq(31, "Context headers of the dead letter queue", Width.SHORT),
        default=False,
        doc="Whether such a record says in headers what happened.",
    )
    mq_receive_max_poll_time_ms = Long(
        **_mq(32, "Maximum poll time (ms)", Width.MEDIUM, LOW, validator=at_least(0)),
        default=0,
        doc="Milliseconds after which a batch is taken as it is; 0 for no such limit.",
    )
    mq_record_builder_json_schemas_enable = Bool(
        **_mq(33, "JSON schemas", Width.SHORT, LOW, validator=non_null),
        default=False,
        doc="Whether the JSON of a message has a schema (JsonRecordBuilder).",
    )
    mq_record_builder_json_schema_content = Str(
        **_mq(34, "JSON schema of all messages", Width.MEDIUM, LOW, validator=_schema),
        default=None,
        doc="A schema, as Connect writes them in JSON, for messages that come without (JsonRecordBuilder).",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Rules between keys."""
        values = config.values
        problems = [*_too_long(config)]
        low, high = values["mq.reconnect.delay.min.ms"], values["mq.reconnect.delay.max.ms"]
        assert isinstance(low, int)
        assert isinstance(high, int)
        if high < low:
            reason = "The value of mq.reconnect.delay.max.ms must be greater than or equal to mq.reconnect.delay.min.ms"
            problems.append(ConfigError.invalid("mq.reconnect.delay.max.ms", high, reason))
        problems += _one_task(config)
        connections = values["mq.connections.per.task"]
        if state_queue(config) and connections != 1:
            reason = "with mq.exactly.once.state.queue there is one"
            problems.append(ConfigError.invalid("mq.connections.per.task", connections, reason))
        option = str(values["mq.client.reconnect.options"])
        if state_queue(config) and option.upper() != "QMGR":
            reason = "with mq.exactly.once.state.queue it must be QMGR: the state is on one queue manager only"
            problems.append(ConfigError.invalid("mq.client.reconnect.options", option, reason))
        return problems


class MqSinkConfig(_Connection):
    """From topics into a queue."""

    mq_queue = Str(**_mq(6, "Target queue", Width.LONG, HIGH, validator=_not_empty), doc="Queue to write to.")
    mq_message_builder = Str(
        **_mq(9, "Message builder", Width.MEDIUM, HIGH),
        doc=(
            "How messages are made of records: DefaultMessageBuilder, JsonMessageBuilder or ConverterMessageBuilder, "
            "with or without its package, or a class in Python as package.module.Class."
        ),
    )
    mq_message_body_jms = Bool(
        **_mq(10, "Message body as JMS", Width.SHORT, validator=non_null),
        default=False,
        doc="Whether messages are those of JMS, with an MQRFH2 and properties; otherwise the body stands alone.",
    )
    mq_time_to_live = Long(
        **_mq(11, "Message time-to-live (ms)", Width.SHORT, validator=between(0, _LONGEST_TIME)),
        default=0,
        doc="Milliseconds after which the queue manager may drop a message; 0 for never.",
    )
    mq_persistent = Bool(
        **_mq(12, "Send persistent messages", Width.SHORT),
        default=True,
        doc="Whether messages survive a restart of the queue manager.",
    )
    mq_ssl_cipher_suite = Str(**_cipher(13))
    mq_ssl_peer_name = Str(**_peer(14))
    mq_ssl_keystore_location = Str(**_store(15, "SSL keystore location", _KEYS))
    mq_ssl_keystore_password = Password(**_store_password(16, "SSL keystore password"))
    mq_ssl_truststore_location = Str(**_store(17, "SSL truststore location", _TRUSTED))
    mq_ssl_truststore_password = Password(**_store_password(18, "SSL truststore password"))
    mq_message_builder_key_header = Str(
        **_mq(19, "Record builder key header", Width.MEDIUM, validator=one_of(None, "JMSCorrelationID")),
        default=None,
        doc="Header of the message that the record's key goes to. None for none.",
    )
    mq_message_builder_value_converter = Str(
        **_mq(20, "Message builder's value converter", Width.MEDIUM, LOW),
        default=None,
        doc="Converter of the ConverterMessageBuilder; its own settings have this key and a point in front.",
    )
    mq_message_builder_topic_property = Str(
        **_mq(21, "Kafka topic message property", Width.MEDIUM, LOW),
        default=None,
        doc="Property of the message that says which topic the record was in.",
    )
    mq_message_builder_partition_property = Str(
        **_mq(22, "Kafka partition message property", Width.MEDIUM, LOW),
        default=None,
        doc="Property of the message that says which partition the record was in.",
    )
    mq_message_builder_offset_property = Str(
        **_mq(23, "Kafka offset message property", Width.MEDIUM, LOW),
        default=None,
        doc="Property of the message that says which offset the record had.",
    )
    mq_reply_queue = Str(
        **_mq(24, "Reply-to queue", Width.MEDIUM, LOW, validator=optional(_reply)),
        default=None,
        doc="Queue for answers: a name, or queue://queue-manager/name. Messages are requests then.",
    )
    mq_user_authentication_mqcsp = Bool(**_mqcsp(25))
    mq_ssl_use_ibm_cipher_mappings: ConfigField[bool | None] = ConfigField(
        None,
        ConfigType.BOOLEAN,
        {
            **_mq(26, "Use IBM cipher mappings", Width.SHORT, LOW),
            "default": None,
            "doc": "Whether names of ciphers are those of IBM's Java. Without effect here: both are understood.",
        },
    )
    mq_kafka_headers_copy_to_jms_properties = Bool(
        **_mq(27, "Copy Kafka headers to JMS message properties", Width.SHORT, LOW),
        default=False,
        doc="Whether headers of a record become properties of the message.",
    )
    mq_retry_backoff_ms = Long(
        **_mq(28, "Retry backoff (ms)", Width.SHORT, LOW, validator=between(0, _LONGEST_TIME)),
        default=60_000,
        doc=(
            "Milliseconds before records are put again when MQ could not take them. When it is not set, the first "
            "pause is 0.3 s, and they grow to 10 s."
        ),
    )
    mq_exactly_once_state_queue = Str(**_state_queue(29))
    mq_message_mqmd_write = Bool(
        **_mq(30, "Enable a message's MQMD fields to be written", Width.SHORT, LOW),
        default=False,
        doc="Whether headers JMS_IBM_MQMD_… set the fields of the message descriptor.",
    )
    mq_message_mqmd_context = Str(
        **_mq(31, "MQMD context", Width.SHORT, LOW, validator=one_of(*_CONTEXTS)),
        default=None,
        doc="Which context headers may set: identity, or all of it. Needs the right +setid or +setall.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Rules between keys."""
        return [*_too_long(config), *_one_task(config)]


_LONGEST: Final = {
    "mq.queue.manager": 48,
    "mq.queue": 48,
    "mq.exactly.once.state.queue": 48,
    "mq.channel.name": 20,
    "mq.connection.name.list": 264,
    "mq.ssl.cipher.suite": 64,
    "mq.ssl.certificate.label": 64,
}
"""Bytes that the client has for a value; what is longer would be cut off and mean something else."""
_LONGEST_OLD_CREDENTIAL: Final = 12


def _too_long(config: Config) -> Sequence[ConfigError]:
    values, limits = config.values, dict(_LONGEST)
    if not values["mq.user.authentication.mqcsp"]:
        limits["mq.user.name"] = limits["mq.password"] = _LONGEST_OLD_CREDENTIAL
    return [
        ConfigError.invalid(key, str(values[key]), f"MQ takes {limit} bytes at most")
        for key, limit in limits.items()
        if len(_plain(values[key]).strip().encode()) > limit
    ]


def _plain(value: object) -> str:
    return value.value if isinstance(value, Secret) else str(value or "")


def _one_task(config: Config) -> Sequence[ConfigError]:
    """One state is that of one task."""
    tasks = (config.originals.get("tasks.max") or "1").strip()
    if not state_queue(config) or tasks == "1":
        return ()
    reason = "exactly-once delivery is that of one task: set tasks.max=1, or leave this key out"
    return (ConfigError.invalid("mq.exactly.once.state.queue", state_queue(config), reason),)


def state_queue(config: Config) -> str:
    """The state queue of exactly-once delivery; empty without one."""
    return str(config.values["mq.exactly.once.state.queue"] or "").strip()
