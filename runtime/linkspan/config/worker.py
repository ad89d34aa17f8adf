"""Keys of a worker (spec/runtime.md 5.2 to 5.4), with Kafka's names, defaults, checks and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
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
    Duration,
    Int,
    Long,
    Short,
    Str,
    StrList,
    Validator,
)
from linkspan.api.validators import at_least, non_empty, one_of, one_of_ignoring_case, optional
from linkspan.config.clients import definition_of
from linkspan.config.listeners import parse_listeners
from linkspan.config.macs import MIN_KEY_BITS, known_mac, known_macs
from linkspan.config.policy import known as known_policy
from linkspan.config.response_headers import header_rules
from linkspan.config.restarts import RestartKeys
from linkspan.config.sizes import check_size

__all__ = [
    "STANDALONE_KEYS",
    "WORKER_KEYS",
    "DistributedConfig",
    "StandaloneConfig",
    "WorkerConfig",
    "worker_properties",
]

PREFIXES: Final = (
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "config.providers.",
    "producer.",
    "consumer.",
    "admin.",
    "listeners.https.",
    "admin.listeners.https.",
    "metrics.context.",
    "config.storage.",
    "offset.storage.",
    "status.storage.",
    "ssl.",
    "sasl.",
    "security.",
)
"""Keys under these prefixes are handed on to clients, converters and listeners, who judge them."""


def _listeners(key: str, value: object) -> None:
    if not isinstance(value, list) or not value:
        raise ConfigError.invalid(
            key,
            value,
            "Invalid value for listeners, at least one URL is expected, ex: http://localhost:8080,https://localhost:8443.",
        )
    parse_listeners(value, key)


def _more_listeners(key: str, value: object) -> None:
    if isinstance(value, list):
        parse_listeners(value, key)


def _response_headers(_: str, value: object) -> None:
    header_rules(str(value or ""))


def _no_references(key: str, value: object) -> None:
    if value is not None and any("${" in item for item in value if isinstance(item, str)):  # type: ignore[attr-defined]  # a list by its type
        raise ConfigError.invalid(key, value, "Config providers are not supported for this key")


_FEW_COPIES: Final = (
    "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster"
)


def _default_or_positive(what: str) -> Validator:
    def check(key: str, value: object) -> None:
        if isinstance(value, int) and (value < -1 or value == 0):
            raise ConfigError.invalid(key, value, f"{what}, or -1 to use the broker's default")

    return check


def _no_empty_items(key: str, value: object) -> None:
    if isinstance(value, list) and "" in value:
        raise ConfigError(f"Configuration '{key}' values must not be empty.", key)


def _client_keys(*beginnings: str, defaults: Mapping[str, object] = MappingProxyType({})) -> tuple[ConfigKey, ...]:
    """Keys that workers share with Kafka's admin client, with other defaults where they have them."""
    keys = [key for name, key in definition_of("admin").items() if name.startswith(beginnings)]
    return tuple(replace(key, default=defaults.get(key.name, key.default)) for key in keys)


POLL_DEFAULT_MS: Final = 60_000
"""Time between two looks at values of config providers, unless the worker file says otherwise."""


class WorkerConfig(Config):
    """Keys of workers in both modes; the ``linkspan.`` ones are ours."""

    bootstrap_servers = StrList(
        default=("localhost:9092",),
        importance=HIGH,
        validator=_no_empty_items,
        doc="Brokers to ask first, host:port, separated by commas.",
    )
    client_dns_lookup = Str(
        default="use_all_dns_ips",
        importance=MEDIUM,
        validator=one_of("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"),
        doc="How host names of brokers are resolved.",
    )
    key_converter = ClassName(importance=HIGH, doc="Converter of keys, unless a connector names its own.")
    value_converter = ClassName(importance=HIGH, doc="Converter of values, unless a connector names its own.")
    header_converter = ClassName(
        default="org.apache.kafka.connect.storage.SimpleHeaderConverter",
        importance=LOW,
        doc="Converter of headers, unless a connector names its own.",
    )
    key_converter_plugin_version = Str(default=None, importance=LOW, doc="Version of the converter of keys.")
    value_converter_plugin_version = Str(default=None, importance=LOW, doc="Version of the converter of values.")
    header_converter_plugin_version = Str(default=None, importance=LOW, doc="Version of the converter of headers.")
    task_shutdown_graceful_timeout_ms = Duration(
        default=5000, importance=LOW, doc="How long all the tasks together may take to stop before they are killed."
    )
    offset_flush_interval_ms = Duration(default=60000, importance=LOW, doc="Time between two commits of a task.")
    offset_flush_timeout_ms = Duration(
        default=5000,
        importance=LOW,
        doc="How long a commit may wait for records to be acknowledged and offsets stored.",
    )
    plugin_path = StrList(
        default=None, importance=LOW, validator=_no_references, doc="Folders whose sub-folders are plugins."
    )
    plugin_discovery = Str(
        default="hybrid_warn",
        importance=LOW,
        validator=one_of_ignoring_case("only_scan", "service_load", "hybrid_warn", "hybrid_fail"),
        doc="Accepted for compatibility; plugins are found by their entry points.",
    )
    metrics_sample_window_ms = Long(default=30000, importance=LOW, validator=at_least(0), doc="Window of rates.")
    metrics_num_samples = Int(default=2, importance=LOW, validator=at_least(1), doc="Number of windows of rates.")
    metrics_recording_level = Str(
        default="INFO", importance=LOW, validator=one_of("INFO", "DEBUG"), doc="Which metrics are kept."
    )
    metric_reporters = StrList(
        default=("org.apache.kafka.common.metrics.JmxReporter",),
        importance=LOW,
        validator=_no_empty_items,
        doc="Accepted for compatibility; there is no JMX here.",
    )
    config_providers = StrList(
        default=(), importance=LOW, validator=_no_empty_items, doc="Names of providers of referenced values."
    )
    connector_client_config_override_policy = Str(
        default="All",
        validator=known_policy,
        importance=MEDIUM,
        doc="Which client settings a connector may override: All, Allowlist, None, Principal.",
    )
    connector_client_config_override_allowlist = StrList(
        default=(),
        importance=MEDIUM,
        doc="Client settings that connectors may override under the policy Allowlist; none when empty.",
    )
    topic_creation_enable = Bool(
        default=True, importance=LOW, doc="Whether source connectors with topic.creation. keys create their topics."
    )
    topic_tracking_enable = Bool(default=True, importance=LOW, doc="Whether the topics of connectors are recorded.")
    topic_tracking_allow_reset = Bool(default=True, importance=LOW, doc="Whether these records may be reset by REST.")
    listeners = StrList(
        default=("http://:8083",), importance=LOW, validator=_listeners, doc="URLs of the REST API, http or https."
    )
    rest_advertised_host_name = Str(
        "rest.advertised.host.name", default=None, importance=LOW, doc="Host under which other workers reach this one."
    )
    rest_advertised_port = Int(default=None, importance=LOW, doc="Port under which other workers reach this one.")
    rest_advertised_listener = Str(default=None, importance=LOW, doc="Which listener other workers use, http or https.")
    access_control_allow_origin = Str(default="", importance=LOW, doc="Origins that browsers may call from.")
    access_control_allow_methods = Str(default="", importance=LOW, doc="Methods that browsers may call.")
    response_http_headers_config = Str(
        default="", importance=LOW, validator=_response_headers, doc="Rules for headers of every answer."
    )
    ssl_client_auth = Str(
        default="none",
        importance=LOW,
        validator=one_of("required", "requested", "none"),
        doc="Whether REST clients show a certificate.",
    )
    rest_extension_classes = StrList(
        default=(), importance=LOW, validator=_no_empty_items, doc="Extensions of the REST API."
    )
    admin_listeners = StrList(
        default=None,
        importance=LOW,
        validator=_more_listeners,
        doc="URLs of /admin: absent for the same as listeners, empty for none.",
    )
    linkspan_log_format = Str(
        default="text",
        importance=LOW,
        validator=one_of("text", "json"),
        doc="Lines of the log: Kafka's pattern, or JSON.",
    )
    linkspan_data_dir = Str(
        default="linkspan-data", importance=MEDIUM, validator=non_empty, doc="Folder of the embedded log."
    )

    linkspan_task_stall_report_ms = Long(
        default=30000,
        importance=LOW,
        validator=at_least(0),
        doc="When a call of a plugin that has not returned is reported, with its stack; 0 for never.",
    )
    linkspan_task_start_concurrency = Int(
        default=None,
        importance=LOW,
        validator=optional(at_least(1)),
        doc="How many tasks come up at the same time; absent: twice the processors that the worker may use.",
    )
    linkspan_task_memory_max = Str(
        default=None,
        importance=MEDIUM,
        validator=check_size,
        doc="Memory that a task may hold before it is ended, such as 512m; absent: as much as the container has.",
    )
    linkspan_config_providers_poll_interval_ms = Long(
        default=POLL_DEFAULT_MS,
        importance=LOW,
        validator=at_least(0),
        doc="Time between two looks at values of config providers; what uses changed ones is restarted. 0 for none.",
    )
    linkspan_metrics_enable = Bool(
        default=True, importance=LOW, doc="Whether GET /metrics of the REST API answers, for Prometheus."
    )
    linkspan_metrics_listeners = StrList(
        default=(),
        importance=LOW,
        validator=_more_listeners,
        doc="URLs where GET /metrics answers besides listeners, and nothing else does; without any login.",
    )
    linkspan_plugin_request_timeout_ms = Long(
        default=90000,
        importance=LOW,
        validator=at_least(1),
        doc="Limit of validation, of task_configs, and of whatever else of a plugin somebody waits for.",
    )
    linkspan_jaas_config_file = Str(
        default=None,
        importance=LOW,
        doc="JAAS file with the users of the REST API; absent: java.security.auth.login.config out of KAFKA_OPTS.",
    )

    @property
    def embedded(self) -> bool:
        """Whether the embedded log takes the place of Kafka."""
        return not (self.originals.get("bootstrap.servers") or "").strip()


WorkerConfig.keys += (*RestartKeys.keys, *_client_keys("ssl."))


class StandaloneConfig(WorkerConfig):
    """A worker without a group."""

    offset_storage_file_filename = Str(
        importance=HIGH, validator=non_empty, doc="File that keeps the offsets of source connectors."
    )


class DistributedConfig(WorkerConfig):
    """A worker of a group."""

    group_id = Str(
        importance=HIGH, validator=non_empty, doc="Group of workers; must differ from every sink's consumer group."
    )
    session_timeout_ms = Int(default=10000, importance=HIGH, doc="When a silent worker counts as gone.")
    rebalance_timeout_ms = Int(default=60000, importance=HIGH, doc="How long workers may take to join a rebalance.")
    heartbeat_interval_ms = Int(
        default=500,
        importance=HIGH,
        doc="Time between two heartbeats; a rebalance that somebody else has begun is noticed at the next one.",
    )
    exactly_once_source_support = Str(
        default="disabled",
        importance=HIGH,
        validator=one_of_ignoring_case("disabled", "enabled", "preparing"),
        doc="Whether sources of the group deliver exactly once. Set `preparing` on all workers before `enabled`.",
    )
    config_storage_topic = Str(importance=HIGH, validator=non_empty, doc="Topic of connector configurations.")
    config_storage_replication_factor = Short(
        default=3, importance=LOW, validator=_default_or_positive(_FEW_COPIES), doc="Of that topic."
    )
    offset_storage_topic = Str(importance=HIGH, validator=non_empty, doc="Topic of source offsets.")
    offset_storage_partitions = Int(
        default=25,
        importance=LOW,
        validator=_default_or_positive("Number of partitions must be positive"),
        doc="Of that topic.",
    )
    offset_storage_replication_factor = Short(
        default=3, importance=LOW, validator=_default_or_positive(_FEW_COPIES), doc="Of that topic."
    )
    status_storage_topic = Str(importance=HIGH, validator=non_empty, doc="Topic of connector and task states.")
    status_storage_partitions = Int(
        default=5,
        importance=LOW,
        validator=_default_or_positive("Number of partitions must be positive"),
        doc="Of that topic.",
    )
    status_storage_replication_factor = Short(
        default=3, importance=LOW, validator=_default_or_positive(_FEW_COPIES), doc="Of that topic."
    )
    connect_protocol = Str(
        default="sessioned",
        importance=LOW,
        validator=one_of_ignoring_case("eager", "compatible", "sessioned"),
        doc="How work is shared out.",
    )
    scheduled_rebalance_max_delay_ms = Int(
        default=300000, importance=LOW, validator=at_least(0), doc="How long the work of a lost worker waits for it."
    )
    worker_sync_timeout_ms = Int(default=3000, importance=MEDIUM, doc="Limit for catching up with the config topic.")
    worker_unsync_backoff_ms = Int(default=300000, importance=MEDIUM, doc="How long a worker stays away after that.")
    inter_worker_key_generation_algorithm = Str(
        default="HmacSHA256", importance=LOW, validator=known_mac, doc="Makes request keys."
    )
    inter_worker_key_size = Int(default=None, importance=LOW, doc="Size of request keys in bits.")
    inter_worker_key_ttl_ms = Int(default=3600000, importance=LOW, validator=at_least(0), doc="Life of a request key.")
    inter_worker_signature_algorithm = Str(
        default="HmacSHA256", importance=LOW, validator=known_mac, doc="Signs requests between workers."
    )
    inter_worker_verification_algorithms = StrList(
        default=("HmacSHA256",), importance=LOW, validator=known_macs, doc="Accepted signatures of other workers."
    )
    client_id = Str(default="", importance=LOW, doc="Name of this worker in the brokers' logs.")
    linkspan_join_unsupported = Str(
        default="refuse",
        importance=MEDIUM,
        validator=one_of("refuse", "allow"),
        doc="What a worker does that lacks a plugin which connectors of its group need: refuse to join, or join.",
    )
    linkspan_sink_static_membership = Bool(
        default=True,
        importance=MEDIUM,
        doc="Whether the next worker takes the place of a dead sink task in its consumer group at once.",
    )
    metadata_max_age_ms = Long(default=300000, importance=LOW, validator=at_least(0), doc="Age of metadata.")
    request_timeout_ms = Int(default=40000, importance=MEDIUM, validator=at_least(0), doc="Limit of a request.")
    retry_backoff_ms = Long(default=100, importance=LOW, validator=at_least(0), doc="Pause before a retry.")
    retry_backoff_max_ms = Long(default=1000, importance=LOW, validator=at_least(0), doc="Longest such pause.")
    reconnect_backoff_ms = Long(default=50, importance=LOW, validator=at_least(0), doc="Pause before a reconnect.")
    reconnect_backoff_max_ms = Long(default=1000, importance=LOW, validator=at_least(0), doc="Longest such pause.")
    socket_connection_setup_timeout_ms = Long(
        default=10000, importance=LOW, validator=at_least(0), doc="Limit of a connection's first steps."
    )
    socket_connection_setup_timeout_max_ms = Long(
        default=30000, importance=LOW, validator=at_least(0), doc="Longest such limit."
    )
    connections_max_idle_ms = Long(default=540000, importance=MEDIUM, doc="When idle connections are closed.")
    security_protocol = Str(
        default="PLAINTEXT",
        importance=MEDIUM,
        validator=one_of_ignoring_case("SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"),
        doc="How brokers are spoken to.",
    )

    @classmethod
    def check(cls, config: Config) -> Sequence[ConfigError]:
        """Keys of requests between workers must be possible, and workers must accept what they sign themselves."""
        assert isinstance(config, DistributedConfig)
        errors = []
        bits = config.inter_worker_key_size
        if bits is not None and bits < MIN_KEY_BITS:
            errors.append(
                ConfigError(
                    "Unable to create key generator with algorithm "
                    f"{config.inter_worker_key_generation_algorithm} and key size {bits}: "
                    f"Key length must be at least {MIN_KEY_BITS} bits",
                    "inter.worker.key.size",
                )
            )
        signing = config.inter_worker_signature_algorithm
        if signing not in config.inter_worker_verification_algorithms:
            reason = "Signature algorithm must be present in inter.worker.verification.algorithms list"
            errors.append(ConfigError.invalid("inter.worker.signature.algorithm", signing, reason))
        return errors


DistributedConfig.keys += _client_keys(
    *("sasl.", "metadata.recovery.", "send.buffer.", "receive.buffer."),
    defaults={"receive.buffer.bytes": 32768},
)


def worker_properties(config: WorkerConfig) -> dict[str, str]:
    """A worker's properties as texts; what the worker reads is there even when the file leaves it out."""
    given = {key: value for key, value in config.originals.items() if value is not None}
    given.setdefault("header.converter", config.header_converter)
    return given


WORKER_KEYS: Final[tuple[ConfigKey, ...]] = WorkerConfig.keys
"""Keys of both modes."""

STANDALONE_KEYS: Final[tuple[ConfigKey, ...]] = StandaloneConfig.keys
"""Keys of the standalone worker."""
