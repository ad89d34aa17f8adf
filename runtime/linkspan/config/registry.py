"""Keys of the schema registry: those of Confluent's ``schema-registry.properties``, and ours (``linkspan.``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import HIGH, LOW, MEDIUM, Bool, Config, ConfigType, Duration, Int, Str, StrList
from linkspan.api.validators import at_least, non_empty, one_of, one_of_ignoring_case, optional
from linkspan.config.definition import parse_value
from linkspan.config.listeners import parse_listeners
from linkspan.config.response_headers import header_rules

__all__ = ["PREFIX", "RegistryConfig", "client_properties", "max_request_size"]

PREFIX: Final = "kafkastore."
"""Begins keys about the topic, and those that are handed on to Kafka's clients."""
PREFIXES: Final = (PREFIX, "kafkagroup.", "ssl.", "listeners.https.")
_LEVELS: Final = ("none", "backward", "backward_transitive", "forward", "forward_transitive", "full", "full_transitive")
_MAX_REQUEST_SIZE: Final = 1048576
_OF_THE_STORE: Final = frozenset(
    {
        "bootstrap.servers",
        "checkpoint.dir",
        "checkpoint.version",
        "connection.url",
        "group.id",
        "init.timeout.ms",
        "init.wait.for.reader",
        "timeout.ms",
        "topic",
        "topic.replication.factor",
        "topic.skip.validation",
        "update.handlers",
        "write.max.retries",
        "zk.session.timeout.ms",
    }
)
"""What follows the prefix in keys that Kafka's clients do not know."""
_REQUEST_MS: Final = 10000
"""How long a broker has for an answer, and after what time it undoes what a registry that was killed has begun."""


def _listeners(key: str, value: object) -> None:
    if not isinstance(value, list) or not value:
        raise ConfigError.invalid(key, value, "name at least one URL, such as http://0.0.0.0:8081")
    parse_listeners(value, key)


def _response_headers(_: str, value: object) -> None:
    header_rules(str(value or ""))


class RegistryConfig(Config):
    """Keys of the schema registry."""

    listeners = StrList(
        default=("http://0.0.0.0:8081",), importance=HIGH, validator=_listeners, doc="URLs to listen on, http or https."
    )
    kafkastore_bootstrap_servers = StrList(
        default=None,
        importance=HIGH,
        doc="Brokers of the topic, [PROTOCOL://]host:port, separated by commas. Absent for the embedded log.",
    )
    kafkastore_topic = Str(default="_schemas", importance=HIGH, validator=non_empty, doc="Topic of the schemas.")
    kafkastore_topic_replication_factor = Int(
        default=3,
        importance=HIGH,
        validator=at_least(-1),
        doc="Copies of the topic when it is made; -1: the broker's default.",
    )
    kafkastore_timeout_ms = Duration(
        default=10000, importance=MEDIUM, validator=at_least(1), doc="How long a request waits for the topic."
    )
    schema_registry_group_id = Str(
        default="schema-registry",
        importance=MEDIUM,
        validator=non_empty,
        doc="Name shared by the registries of one topic.",
    )
    schema_compatibility_level = Str(
        default=None,
        importance=HIGH,
        validator=optional(one_of_ignoring_case(*_LEVELS)),
        doc="Level of compatibility where none is set: backward by default.",
    )
    avro_compatibility_level = Str(
        default=None,
        importance=LOW,
        validator=optional(one_of_ignoring_case(*_LEVELS)),
        doc="Older name of schema.compatibility.level, which wins.",
    )
    mode_mutability = Bool(default=True, importance=LOW, doc="Whether modes can be changed.")
    host_name = Str(default=None, importance=LOW, doc="Host under which others reach this registry; only logged.")
    authentication_method = Str(
        default="NONE", importance=LOW, validator=one_of("NONE", "BASIC"), doc="Who may call: everybody, or users."
    )
    authentication_realm = Str(default="", importance=LOW, doc="Context of the JAAS file that names the users.")
    authentication_roles = StrList(default=("*",), importance=LOW, doc="Roles of users who may call; * for any.")
    linkspan_jaas_config_file = Str(
        default=None,
        importance=LOW,
        doc="JAAS file. Default: java.security.auth.login.config out of SCHEMA_REGISTRY_OPTS or KAFKA_OPTS.",
    )
    access_control_allow_origin = Str(default="", importance=LOW, doc="Origins that browsers may call from.")
    access_control_allow_methods = Str(default="", importance=LOW, doc="Methods that browsers may call.")
    response_http_headers_config = Str(
        default="", importance=LOW, validator=_response_headers, doc="Rules for headers of every answer."
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

    @property
    def embedded(self) -> bool:
        """Whether there is no Kafka."""
        return not self.kafkastore_bootstrap_servers

    @property
    def level(self) -> str:
        """Level of compatibility where none is set."""
        return (self.schema_compatibility_level or self.avro_compatibility_level or "backward").upper()


def client_properties(config: RegistryConfig) -> dict[str, str]:
    """Settings of Kafka's clients: what begins with :data:`PREFIX`, without it."""
    given = _texts(config.originals)
    own = {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}
    settings = {name: value for name, value in own.items() if name not in _OF_THE_STORE}
    servers = [server.rpartition("://") for server in config.kafkastore_bootstrap_servers or ()]
    named = {protocol for protocol, _, _ in servers if protocol}
    if len(named) > 1:
        key = "kafkastore.bootstrap.servers"
        raise ConfigError.invalid(key, config.kafkastore_bootstrap_servers, "all brokers need the same protocol")
    settings["bootstrap.servers"] = ",".join(address for _, _, address in servers)
    settings.setdefault("security.protocol", next(iter(named), "PLAINTEXT"))
    settings.setdefault("request.timeout.ms", str(_REQUEST_MS))
    # no shorter than one request, which the library insists on
    settings["transaction.timeout.ms"] = settings["request.timeout.ms"]
    return settings


def max_request_size(clients: Mapping[str, str]) -> int:
    """Bytes of the largest request that the producer sends; raises ConfigError for no number."""
    key = "max.request.size"
    return int(str(parse_value(PREFIX + key, clients.get(key, str(_MAX_REQUEST_SIZE)), ConfigType.INT)))


def _texts(properties: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in properties.items() if value is not None}
