"""Keys that every connector has, whatever it connects (spec/runtime.md 5.5 to 5.7).

Names, defaults, groups, order and texts are those that the worker of Apache Kafka 4.3.1 answers with: clients show them
to people and compare them.
"""

from __future__ import annotations

from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import (
    HIGH,
    LOW,
    MEDIUM,
    Bool,
    ClassName,
    Config,
    ConfigKey,
    ConfigType,
    Int,
    Long,
    Short,
    Str,
    StrList,
    Validator,
    Width,
)
from linkspan.api.regex import java_regex
from linkspan.api.validators import at_least, distinct_items, non_empty, one_of, one_of_ignoring_case, optional
from linkspan.config.restarts import CONNECTOR_RESTART_KEYS
from linkspan.config.sizes import check_size

__all__ = [
    "LONGEST_NAME",
    "OWN_KEYS",
    "OWN_SOURCE_KEYS",
    "SINK_KEYS",
    "SOURCE_KEYS",
    "ConnectorConfig",
    "SinkConnectorConfig",
    "SourceConnectorConfig",
]

LONGEST_NAME: Final = 32700
"""Bytes of a connector's name that the workers of a group can tell each other, and brokers in the name of a client."""

_COMMON: Final = "Common"
_TRANSFORMS: Final = "Transforms"
_PREDICATES: Final = "Predicates"
_ERROR_HANDLING: Final = "Error Handling"
_TOPIC_CREATION: Final = "Topic Creation"
_EXACTLY_ONCE_SUPPORT: Final = "Exactly Once Support"
_OFFSETS_TOPIC: Final = "offsets.topic"


def connector_name(key: str, value: object) -> None:
    """Accept any text without ISO control characters (Kafka's NonEmptyStringWithoutControlChars)."""
    if value is None:
        return
    text = str(value)
    if not text:
        raise ConfigError.invalid(key, value, "String may not be empty")
    found = [ord(character) for character in text if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0]
    if found:
        numbers = ", ".join(map(str, found))
        reason = f"String may not contain control sequences but had the following ASCII chars: {numbers}"
        raise ConfigError.invalid(key, text, reason)


def unique_aliases(message: str) -> Validator:
    """No alias stands twice in the list."""

    def check(key: str, value: object) -> None:
        if isinstance(value, list) and len(set(value)) < len(value):
            raise ConfigError.invalid(key, value, message)

    return check


def pattern(key: str, value: object) -> None:
    """Accept a regular expression in Java's syntax."""
    if value:
        try:
            java_regex(str(value))
        except ConfigError as error:
            raise ConfigError.invalid(key, value, f"Invalid regex: {error.message}") from error


class ConnectorConfig(Config):
    """Keys of connectors of both directions."""

    name = Str(
        "name",
        validator=connector_name,
        importance=HIGH,
        doc="Globally unique name to use for this connector.",
        group=_COMMON,
        order=1,
        width=Width.MEDIUM,
        display_name="Connector name",
    )
    connector_class = Str(
        "connector.class",
        importance=HIGH,
        doc=(
            "Name or alias of the class for this connector. Must be a subclass of "
            "org.apache.kafka.connect.connector.Connector. If the connector is "
            "org.apache.kafka.connect.file.FileStreamSinkConnector, you can either specify this full name,  or "
            'use "FileStreamSink" or "FileStreamSinkConnector" to make the configuration a bit shorter'
        ),
        group=_COMMON,
        order=2,
        width=Width.LONG,
        display_name="Connector class",
    )
    connector_plugin_version = Str(
        "connector.plugin.version",
        default=None,
        importance=MEDIUM,
        doc="Version of the connector.",
        group=_COMMON,
        order=3,
        width=Width.MEDIUM,
        display_name="Connector version",
    )
    tasks_max = Int(
        "tasks.max",
        default=1,
        validator=at_least(1),
        importance=HIGH,
        doc="Maximum number of tasks to use for this connector.",
        group=_COMMON,
        order=4,
        width=Width.SHORT,
        display_name="Tasks max",
    )
    tasks_max_enforce = Bool(
        "tasks.max.enforce",
        default=True,
        importance=LOW,
        doc=(
            "(Deprecated) Whether to enforce that the tasks.max property is respected by the connector. By "
            "default, connectors that generate too many tasks will fail, and existing sets of tasks that exceed "
            "the tasks.max property will also be failed. If this property is set to false, then connectors will "
            "be allowed to generate more than the maximum number of tasks, and existing sets of tasks that exceed"
            " the tasks.max property will be allowed to run. This property is deprecated and will be removed in "
            "an upcoming major release."
        ),
        group=_COMMON,
        order=5,
        width=Width.SHORT,
        display_name="Enforce tasks max",
        deprecated="it exists for connectors that break the rule; give tasks.max a higher value",
    )
    key_converter = ClassName(
        "key.converter",
        default=None,
        importance=LOW,
        doc=(
            "Converter class used to convert between Kafka Connect format and the serialized form that is written"
            " to Kafka. This controls the format of the keys in messages written to or read from Kafka, and since"
            " this is independent of connectors it allows any connector to work with any serialization format. "
            "Examples of common formats include JSON and Avro."
        ),
        group=_COMMON,
        order=6,
        width=Width.SHORT,
        display_name="Key converter class",
    )
    key_converter_plugin_version = Str(
        "key.converter.plugin.version",
        default=None,
        importance=LOW,
        doc="Version of the key converter.",
        group=_COMMON,
        order=7,
        width=Width.SHORT,
        display_name="Key converter version",
    )
    value_converter = ClassName(
        "value.converter",
        default=None,
        importance=LOW,
        doc=(
            "Converter class used to convert between Kafka Connect format and the serialized form that is written"
            " to Kafka. This controls the format of the values in messages written to or read from Kafka, and "
            "since this is independent of connectors it allows any connector to work with any serialization "
            "format. Examples of common formats include JSON and Avro."
        ),
        group=_COMMON,
        order=8,
        width=Width.SHORT,
        display_name="Value converter class",
    )
    value_converter_plugin_version = Str(
        "value.converter.plugin.version",
        default=None,
        importance=LOW,
        doc="Version of the value converter.",
        group=_COMMON,
        order=9,
        width=Width.SHORT,
        display_name="Value converter version",
    )
    header_converter = ClassName(
        "header.converter",
        default=None,
        importance=LOW,
        doc=(
            "HeaderConverter class used to convert between Kafka Connect format and the serialized form that is "
            "written to Kafka. This controls the format of the header values in messages written to or read from "
            "Kafka, and since this is independent of connectors it allows any connector to work with any "
            "serialization format. Examples of common formats include JSON and Avro. By default, the "
            "SimpleHeaderConverter is used to serialize header values to strings and deserialize them by "
            "inferring the schemas."
        ),
        group=_COMMON,
        order=10,
        width=Width.SHORT,
        display_name="Header converter class",
    )
    header_converter_plugin_version = Str(
        "header.converter.plugin.version",
        default=None,
        importance=LOW,
        doc="Version of the header converter.",
        group=_COMMON,
        order=11,
        width=Width.SHORT,
        display_name="Header converter version",
    )
    transforms = StrList(
        "transforms",
        default=(),
        validator=unique_aliases("Duplicate alias provided."),
        importance=LOW,
        doc="Aliases for the transformations to be applied to records.",
        group=_TRANSFORMS,
        order=12,
        width=Width.LONG,
        display_name="Transforms",
    )
    predicates = StrList(
        "predicates",
        default=(),
        validator=unique_aliases("Duplicate alias provided."),
        importance=LOW,
        doc="Aliases for the predicates used by transformations.",
        group=_PREDICATES,
        order=13,
        width=Width.LONG,
        display_name="Predicates",
    )
    config_action_reload = Str(
        "config.action.reload",
        default="restart",
        validator=one_of("none", "restart"),
        importance=LOW,
        doc=(
            "The action that Connect should take on the connector when changes in external configuration "
            "providers result in a change in the connector's configuration properties. A value of 'none' "
            "indicates that Connect will do nothing. A value of 'restart' indicates that Connect should "
            "restart/reload the connector with the updated configuration properties.The restart may actually be "
            "scheduled in the future if the external configuration provider indicates that a configuration value "
            "will expire in the future."
        ),
        group=_COMMON,
        order=14,
        width=Width.MEDIUM,
        display_name="Reload Action",
    )
    errors_retry_timeout = Long(
        "errors.retry.timeout",
        default=0,
        importance=MEDIUM,
        doc=(
            "The maximum duration in milliseconds that a failed operation will be reattempted. The default is 0, "
            "which means no retries will be attempted. Use -1 for infinite retries."
        ),
        group=_ERROR_HANDLING,
        order=1,
        width=Width.MEDIUM,
        display_name="Retry Timeout for Errors",
    )
    errors_retry_delay_max_ms = Long(
        "errors.retry.delay.max.ms",
        default=60_000,
        importance=MEDIUM,
        doc=(
            "The maximum duration in milliseconds between consecutive retry attempts. Jitter will be added to the"
            " delay once this limit is reached to prevent thundering herd issues."
        ),
        group=_ERROR_HANDLING,
        order=2,
        width=Width.MEDIUM,
        display_name="Maximum Delay Between Retries for Errors",
    )
    errors_tolerance = Str(
        "errors.tolerance",
        default="none",
        validator=one_of("none", "all"),
        importance=MEDIUM,
        doc=(
            "Behavior for tolerating errors during connector operation. 'none' is the default value and signals "
            "that any error will result in an immediate connector task failure; 'all' changes the behavior to "
            "skip over problematic records."
        ),
        group=_ERROR_HANDLING,
        order=3,
        width=Width.SHORT,
        display_name="Error Tolerance",
    )
    errors_log_enable = Bool(
        "errors.log.enable",
        default=False,
        importance=MEDIUM,
        doc=(
            "If true, write each error and the details of the failed operation and problematic record to the "
            "Connect application log. This is 'false' by default, so that only errors that are not tolerated are "
            "reported."
        ),
        group=_ERROR_HANDLING,
        order=4,
        width=Width.SHORT,
        display_name="Log Errors",
    )
    errors_log_include_messages = Bool(
        "errors.log.include.messages",
        default=False,
        importance=MEDIUM,
        doc=(
            "Whether to include in the log the Connect record that resulted in a failure. For sink records, the "
            "topic, partition, offset, and timestamp will be logged. For source records, the key and value (and "
            "their schemas), all headers, and the timestamp, Kafka topic, Kafka partition, source partition, and "
            "source offset will be logged. This is 'false' by default, which will prevent record keys, values, "
            "and headers from being written to log files."
        ),
        group=_ERROR_HANDLING,
        order=5,
        width=Width.SHORT,
        display_name="Log Error Details",
    )


class SourceConnectorConfig(ConnectorConfig):
    """Keys of source connectors."""

    topic_creation_groups = StrList(
        "topic.creation.groups",
        default=(),
        validator=unique_aliases("Duplicate alias provided."),
        importance=LOW,
        doc="Groups of configurations for topics created by source connectors",
        group=_TOPIC_CREATION,
        order=1,
        width=Width.LONG,
        display_name="Topic Creation Groups",
    )
    exactly_once_support = Str(
        "exactly.once.support",
        default="requested",
        validator=one_of_ignoring_case("REQUIRED", "REQUESTED"),
        importance=MEDIUM,
        doc=(
            'Permitted values are requested, required. If set to "required", forces a preflight check for the '
            "connector to ensure that it can provide exactly-once semantics with the given configuration. Some "
            "connectors may be capable of providing exactly-once semantics but not signal to Connect that they "
            "support this; in that case, documentation for the connector should be consulted carefully before "
            'creating it, and the value for this property should be set to "requested". Additionally, if the '
            'value is set to "required" but the worker that performs preflight validation does not have exactly-'
            "once support enabled for source connectors, requests to create or validate the connector will fail."
        ),
        group=_EXACTLY_ONCE_SUPPORT,
        order=2,
        width=Width.SHORT,
        display_name="Exactly once support",
    )
    transaction_boundary = Str(
        "transaction.boundary",
        default="poll",
        validator=one_of_ignoring_case("INTERVAL", "POLL", "CONNECTOR"),
        importance=MEDIUM,
        doc=(
            "Permitted values are: poll, interval, connector. If set to 'poll', a new producer transaction will "
            "be started and committed for every batch of records that each task from this connector provides to "
            "Connect. If set to 'connector', relies on connector-defined transaction boundaries; note that not "
            "all connectors are capable of defining their own transaction boundaries, and in that case, attempts "
            "to instantiate a connector with this value will fail. Finally, if set to 'interval', commits "
            "transactions only after a user-defined time interval has passed."
        ),
        group=_EXACTLY_ONCE_SUPPORT,
        order=3,
        width=Width.SHORT,
        display_name="Transaction Boundary",
    )
    transaction_boundary_interval_ms = Long(
        "transaction.boundary.interval.ms",
        default=None,
        validator=optional(at_least(0)),
        importance=LOW,
        doc=(
            "If 'transaction.boundary' is set to 'interval', determines the interval for producer transaction "
            "commits by connector tasks. If unset, defaults to the value of the worker-level "
            "'offset.flush.interval.ms' property. It has no effect if a different transaction.boundary is "
            "specified."
        ),
        group=_EXACTLY_ONCE_SUPPORT,
        order=4,
        width=Width.SHORT,
        display_name="Transaction boundary interval",
    )
    offsets_storage_topic = Str(
        "offsets.storage.topic",
        default=None,
        validator=non_empty,
        importance=LOW,
        doc=(
            "The name of a separate offsets topic to use for this connector. If empty or not specified, the "
            "worker’s global offsets topic name will be used. If specified, the offsets topic will be created if "
            "it does not already exist on the Kafka cluster targeted by this connector (which may be different "
            "from the one used for the worker's global offsets topic if the bootstrap.servers property of the "
            "connector's producer has been overridden from the worker's). Only applicable in distributed mode; in"
            " standalone mode, setting this property will have no effect."
        ),
        group=_OFFSETS_TOPIC,
        order=1,
        width=Width.LONG,
        display_name="Offsets topic",
    )


class SinkConnectorConfig(ConnectorConfig):
    """Keys of sink connectors."""

    topics = StrList(
        "topics",
        default=(),
        validator=distinct_items,
        importance=HIGH,
        doc="List of topics to consume, separated by commas",
        group=_COMMON,
        order=4,
        width=Width.LONG,
        display_name="Topics",
    )
    topics_regex = Str(
        "topics.regex",
        default="",
        validator=pattern,
        importance=HIGH,
        doc=(
            "Regular expression giving topics to consume. Under the hood, the regex is compiled to a "
            "<code>java.util.regex.Pattern</code>. Only one of topics or topics.regex should be specified."
        ),
        group=_COMMON,
        order=4,
        width=Width.LONG,
        display_name="Topics regex",
    )
    errors_deadletterqueue_topic_name = Str(
        "errors.deadletterqueue.topic.name",
        default="",
        importance=MEDIUM,
        doc=(
            "The name of the topic to be used as the dead letter queue (DLQ) for messages that result in an error"
            " when processed by this sink connector, or its transformations or converters. The topic name is "
            "blank by default, which means that no messages are to be recorded in the DLQ."
        ),
        group=_ERROR_HANDLING,
        order=6,
        width=Width.MEDIUM,
        display_name="Dead Letter Queue Topic Name",
    )
    errors_deadletterqueue_topic_replication_factor = Short(
        "errors.deadletterqueue.topic.replication.factor",
        default=3,
        importance=MEDIUM,
        doc="Replication factor used to create the dead letter queue topic when it doesn't already exist.",
        group=_ERROR_HANDLING,
        order=7,
        width=Width.MEDIUM,
        display_name="Dead Letter Queue Topic Replication Factor",
    )
    errors_deadletterqueue_context_headers_enable = Bool(
        "errors.deadletterqueue.context.headers.enable",
        default=False,
        importance=MEDIUM,
        doc=(
            "If true, add headers containing error context to the messages written to the dead letter queue. To "
            "avoid clashing with headers from the original record, all error context header keys, all error "
            "context header keys will start with <code>__connect.errors.</code>"
        ),
        group=_ERROR_HANDLING,
        order=8,
        width=Width.MEDIUM,
        display_name="Enable Error Context Headers",
    )


OWN_KEYS: Final = (
    ConfigKey(
        name="linkspan.task.call.timeout.ms",
        type=ConfigType.LONG,
        default=0,
        validator=optional(at_least(0)),
        importance=LOW,
        doc="Kill a task whose call of a plugin has not returned after this time; 0 for never.",
    ),
    ConfigKey(
        name="linkspan.task.memory.max",
        type=ConfigType.STRING,
        default=None,
        validator=check_size,
        importance=LOW,
        doc="Memory that a task may hold before it is ended, such as 512m; absent: what the worker says.",
    ),
    *CONNECTOR_RESTART_KEYS,
)
"""Keys of ours, for connectors of both directions; what lists Kafka's keys does not list them."""

OWN_SOURCE_KEYS: Final = tuple(
    key for key in SinkConnectorConfig.keys if key.name.startswith("errors.deadletterqueue.")
)
"""Keys that Kafka has for sinks only, and we for sources too; listed as those above."""

SOURCE_KEYS: Final[tuple[ConfigKey, ...]] = SourceConnectorConfig.keys
"""Framework keys of a source connector, in the order of the REST API."""

SINK_KEYS: Final[tuple[ConfigKey, ...]] = SinkConnectorConfig.keys
"""Framework keys of a sink connector, in the order of the REST API."""
