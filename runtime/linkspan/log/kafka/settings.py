"""One table from Java's client settings to those of the libraries that do the work.

Each row of ``TABLE`` says what a Java setting is called in librdkafka (data, offsets, admin) and in kafka-python (group
membership), which clients know it, and Java's default. Defaults are always set, so that a client behaves as Java's does
where the libraries differ. A row without a name in librdkafka says why in ``note``; a setting without a row is
reported by name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from linkspan.api.errors import ConfigError
from linkspan.config.assignors import assignors
from linkspan.config.stores import certificates
from linkspan.log.kafka.sasl import authentication

__all__ = ["TABLE", "ClientKind", "Setting", "Translation", "membership", "of_worker", "translate"]

ClientKind = Literal["producer", "consumer", "admin"]
_Kind = Literal["producer", "consumer", "admin", "member"]

_log = logging.getLogger("linkspan.log.kafka")
_reported: set[str] = set()
_LONGEST: Final = 2147483647
_MOST_IN_FLIGHT: Final = 5
_ACKS: Final = ("all", "-1", "0", "1")
"""Requests in flight that idempotence allows."""
_RECONNECT: Final = 500
"""First pause before a connection is tried again, unless set: librdkafka starts anew with it each time that no broker
answers, so Java's 50 ms would mean dozens of attempts a second for as long as an outage lasts."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One Java setting.

    Args:
        java: its name.
        native: its name in librdkafka; None when that library has no such thing.
        clients: initials of the clients that have it: p, c, a; m for what only a member of the workers' group has.
        default: Java's default, for one client by initial or for all; None when the setting is only passed on.
        member: its name in kafka-python; None when group membership does not need it.
        convert: from Java's text to librdkafka's; may return None to leave it out.
        note: where librdkafka has no counterpart or the default is not set, what happens instead.
    """

    java: str
    native: str | None = None
    clients: str = "pca"
    default: str | Mapping[str, str] | None = None
    member: str | None = None
    convert: Callable[[str], str | None] = str
    note: str = ""

    def default_for(self, kind: _Kind) -> str | None:
        """Java's default for one client."""
        if isinstance(self.default, Mapping):
            return self.default.get(kind[0])
        return self.default


@dataclass(slots=True)
class Translation:
    """Settings of one client.

    Attributes:
        native: for librdkafka.
        java: Java's defaults with the caller's values on top, for what we do ourselves.
        unknown: names without a row, in the order given.
        unused: names with a row that has no counterpart, and the note.
    """

    native: dict[str, str | int]
    java: dict[str, str]
    unknown: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """A setting as a number."""
        return _number(name, self.java[name])


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError.invalid(name, text, "Not a number") from None


def _at_most(limit: int) -> Callable[[str], str]:
    return lambda text: str(min(int(text), limit))


def _between(least: int, most: int) -> Callable[[str], str]:
    return lambda text: str(max(least, min(int(text), most)))


def _endless_is_zero(text: str) -> str:
    # Java's "for ever" is the largest int; librdkafka's is 0
    return "0" if int(text) >= _LONGEST else text


def _system_is_zero(text: str) -> str:
    return "0" if int(text) < 0 else text


_ADDRESS: Final = re.compile(r"([0-9a-zA-Z\-%._]*://)?\[?[0-9a-zA-Z\-%._:]*]?:[0-9]+")


def _addresses(text: str) -> str:
    for address in text.split(","):
        if address.strip() and not _ADDRESS.fullmatch(address.strip()):
            raise ConfigError.invalid(
                "bootstrap.servers", text, f"Invalid url in bootstrap.servers: {address.strip()}; write host:port"
            )
    return text


def _acks(text: str) -> str:
    # librdkafka takes every number, and each request is then refused by the broker
    if text.strip() not in _ACKS:
        raise ConfigError.invalid("acks", text, f"String must be one of: {', '.join(_ACKS)}")
    return text.strip()


def _group(text: str) -> str:
    # the library ends the whole process of a consumer without one
    if not text.strip():
        raise ConfigError.invalid("group.id", text, "a consumer group needs a name")
    return text


def _lower(text: str) -> str:
    return text.lower()


def _upper(text: str) -> str:
    return text.upper()


def _reset(text: str) -> str:
    lowered = text.lower()
    if lowered.startswith("by_duration:"):
        raise ConfigError.invalid("auto.offset.reset", text, "by_duration is not supported, use earliest or latest")
    return "error" if lowered == "none" else lowered


def _hostname_check(text: str) -> str:
    return "https" if text.strip().lower() == "https" else "none"


def _cipher_suites(text: str) -> str | None:
    # the library offers the suites of TLSv1.3 in any case and refuses a list without others
    names = [name.strip() for name in text.strip("[]").split(",")]
    return ":".join(name for name in names if name and ("_WITH_" in name or not name.startswith("TLS_"))) or None


def _partitioner(text: str) -> str:
    simple = text.removeprefix("class ").rsplit(".", 1)[-1]
    if simple in {"null", "", "DefaultPartitioner", "BuiltInPartitioner"}:
        return "murmur2_random"
    if simple in {"RoundRobinPartitioner", "UniformStickyPartitioner"}:
        return "random"
    raise ConfigError.invalid("partitioner.class", text, "a partitioner written in Java cannot be loaded")


_DEFAULT_ID: Final = "rdkafka"
_BY_US: Final = "done by Linkspan itself"
_JAVA_ONLY: Final = "has a meaning inside a Java virtual machine only"
_TLS: Final = "read by linkspan.config.stores"
_LOGIN: Final = "read by sasl.py"
_FIXED: Final = "fixed in this library"
_MEMBERS: Final = "a setting of workers, not of their clients"
_SYSTEM_BUFFER: Final = "passed on when set; else the operating system sizes the buffer, which is faster"

_JAVA_ONLY_NAMES: Final = (
    "auto.include.jmx.reporter",
    "config.providers",
    "interceptor.classes",
    "internal.throw.on.fetch.stable.offset.unsupported",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "sasl.client.callback.handler.class",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "security.providers",
    "ssl.engine.factory.class",
    "ssl.keymanager.algorithm",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
)
_FIXED_NAMES: Final = (
    "bootstrap.controllers",
    "enable.metrics.push",
    "metadata.max.idle.ms",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "sasl.login.retry.backoff.max.ms",
    "sasl.login.retry.backoff.ms",
    "sasl.oauthbearer.assertion.algorithm",
    "sasl.oauthbearer.assertion.claim.aud",
    "sasl.oauthbearer.assertion.claim.exp.seconds",
    "sasl.oauthbearer.assertion.claim.iss",
    "sasl.oauthbearer.assertion.claim.jti.include",
    "sasl.oauthbearer.assertion.claim.nbf.seconds",
    "sasl.oauthbearer.assertion.claim.sub",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.template.file",
    "sasl.oauthbearer.clock.skew.seconds",
    "sasl.oauthbearer.expected.audience",
    "sasl.oauthbearer.expected.issuer",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.jwks.endpoint.refresh.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
    "sasl.oauthbearer.jwks.endpoint.url",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.jwt.validator.class",
    "sasl.oauthbearer.scope.claim.name",
    "sasl.oauthbearer.sub.claim.name",
    "share.acknowledgement.mode",
    "share.acquire.mode",
    "ssl.enabled.protocols",
    "transaction.two.phase.commit.enable",
)
_TLS_NAMES: Final = (
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
)
_LOGIN_NAMES: Final = (
    "sasl.jaas.config",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
)

_ROWS: Final = (
    # every client
    Setting("bootstrap.servers", "bootstrap.servers", member="bootstrap_servers", convert=_addresses),
    Setting("client.id", "client.id", member="client_id"),
    Setting("client.dns.lookup", "client.dns.lookup", default="use_all_dns_ips", member="client_dns_lookup"),
    Setting("connections.max.idle.ms", "connections.max.idle.ms",
            default={"p": "540000", "c": "540000", "a": "300000", "m": "540000"},
            member="connections_max_idle_ms", convert=_between(0, _LONGEST)),
    Setting("metadata.max.age.ms", "topic.metadata.refresh.interval.ms", default="300000",
            member="metadata_max_age_ms", convert=_between(10, 3600000)),
    Setting("metadata.recovery.strategy", "metadata.recovery.strategy", default="rebootstrap", convert=_lower),
    Setting("metadata.recovery.rebootstrap.trigger.ms", "metadata.recovery.rebootstrap.trigger.ms", default="300000",
            convert=_at_most(_LONGEST)),
    Setting("receive.buffer.bytes", "socket.receive.buffer.bytes", member="receive_buffer_bytes",
            convert=_system_is_zero, note=_SYSTEM_BUFFER),
    Setting("send.buffer.bytes", "socket.send.buffer.bytes", member="send_buffer_bytes",
            convert=_system_is_zero, note=_SYSTEM_BUFFER),
    Setting("reconnect.backoff.ms", "reconnect.backoff.ms", default="50", member="reconnect_backoff_ms",
            convert=_between(0, 3600000)),
    Setting("reconnect.backoff.max.ms", "reconnect.backoff.max.ms", default="1000", member="reconnect_backoff_max_ms",
            convert=_between(0, 3600000)),
    Setting("request.timeout.ms", "socket.timeout.ms", member="request_timeout_ms",
            default={"p": "30000", "c": "30000", "a": "30000", "m": "40000"}, convert=_between(1010, 300000)),
    Setting("retry.backoff.ms", "retry.backoff.ms", default="100", member="retry_backoff_ms",
            convert=_between(1, 300000)),
    Setting("retry.backoff.max.ms", "retry.backoff.max.ms", default="1000", convert=_between(1, 300000)),
    Setting("retries", "retries", "p", default="2147483647", convert=_at_most(_LONGEST)),
    Setting("retries", None, "a", note=_FIXED),
    Setting("security.protocol", "security.protocol", default="PLAINTEXT", member="security_protocol", convert=_lower),
    Setting("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms", default="10000",
            member="socket_connection_setup_timeout_ms", convert=_between(1000, _LONGEST)),
    Setting("socket.connection.setup.timeout.max.ms", default="30000", member="socket_connection_setup_timeout_max_ms",
            note=_FIXED),
    Setting("default.api.timeout.ms", None, "ca", default="60000", note=_BY_US),
    Setting("ssl.cipher.suites", "ssl.cipher.suites", convert=_cipher_suites),
    Setting("ssl.endpoint.identification.algorithm", "ssl.endpoint.identification.algorithm", default="https",
            convert=_hostname_check),
    # producer
    Setting("acks", "acks", "p", default="all", convert=_acks),
    Setting("batch.size", "batch.size", "p", convert=_between(1, _LONGEST),
            note="passed on when set; else 512 KiB, since one request is in flight at a time"),
    Setting("buffer.memory", None, "p", default="33554432", note=_BY_US),
    Setting("compression.type", "compression.type", "p", default="none", convert=_lower),
    Setting("compression.gzip.level", None, "p", note="becomes compression.level when compression.type is gzip"),
    Setting("compression.lz4.level", None, "p", note="becomes compression.level when compression.type is lz4"),
    Setting("compression.zstd.level", None, "p", note="becomes compression.level when compression.type is zstd"),
    Setting("delivery.timeout.ms", "message.timeout.ms", "p", default="120000", convert=_endless_is_zero),
    Setting("enable.idempotence", "enable.idempotence", "p", default="true", convert=_lower),
    Setting("linger.ms", "linger.ms", "p", default="5", convert=_between(0, 900000)),
    Setting("max.block.ms", None, "p", default="60000", note=_BY_US),
    Setting("max.in.flight.requests.per.connection", "max.in.flight.requests.per.connection", "p", default="5",
            convert=_between(1, 1000000)),
    Setting("max.request.size", "message.max.bytes", "p", default="1048576", convert=_between(1000, 1000000000)),
    Setting("partitioner.class", "partitioner", "p", default="null", convert=_partitioner),
    Setting("partitioner.ignore.keys", None, "p", default="false", note=_BY_US),
    Setting("transactional.id", "transactional.id", "p"),
    Setting("transaction.timeout.ms", "transaction.timeout.ms", "p", default="60000", convert=_between(1000, _LONGEST)),
    Setting("key.serializer", None, "p", note="payloads are bytes"),
    Setting("value.serializer", None, "p", note="payloads are bytes"),
    # consumer
    Setting("allow.auto.create.topics", "allow.auto.create.topics", "c", default="true", convert=_lower),
    Setting("auto.commit.interval.ms", "auto.commit.interval.ms", "c", default="5000", convert=_between(0, 86400000)),
    Setting("auto.offset.reset", "auto.offset.reset", "c", default="latest", convert=_reset),
    Setting("check.crcs", "check.crcs", "c", default="true", convert=_lower),
    Setting("client.rack", "client.rack", "c"),
    Setting("enable.auto.commit", "enable.auto.commit", "c", default="true", convert=_lower),
    Setting("exclude.internal.topics", None, "c", default="true", note=_BY_US),
    Setting("fetch.max.bytes", "fetch.max.bytes", "c", default="52428800", convert=_between(0, 2147483135)),
    Setting("fetch.max.wait.ms", "fetch.wait.max.ms", "c", default="500", convert=_between(0, 300000)),
    Setting("fetch.min.bytes", "fetch.min.bytes", "c", default="1", convert=_between(1, 100000000)),
    Setting("group.id", "group.id", "c", convert=_group, member="group_id"),
    Setting("group.instance.id", "group.instance.id", "c"),
    Setting("internal.leave.group.on.close", None, "c", note=_BY_US),
    Setting("internal.read.ahead.bytes", None, "c", note=_BY_US),
    Setting("group.protocol", "group.protocol", "c", default="classic", convert=_lower),
    Setting("group.remote.assignor", "group.remote.assignor", "c"),
    Setting("heartbeat.interval.ms", "heartbeat.interval.ms", "c", default={"c": "3000", "m": "500"},
            member="heartbeat_interval_ms", convert=_between(1, 3600000)),
    Setting("isolation.level", "isolation.level", "c", default="read_uncommitted", convert=_lower),
    Setting("max.partition.fetch.bytes", "max.partition.fetch.bytes", "c", default="1048576",
            convert=_between(1, 1000000000)),
    Setting("max.poll.interval.ms", "max.poll.interval.ms", "c", default="300000",
            convert=_between(1, 86400000)),
    Setting("max.poll.records", None, "c", default="500", note=_BY_US),
    Setting("partition.assignment.strategy", "partition.assignment.strategy", "c",
            default="RangeAssignor,CooperativeStickyAssignor", convert=assignors),
    Setting("session.timeout.ms", "session.timeout.ms", "c", default={"c": "45000", "m": "10000"},
            member="session_timeout_ms", convert=_between(1, 3600000)),
    Setting("key.deserializer", None, "c", note="payloads are bytes"),
    Setting("value.deserializer", None, "c", note="payloads are bytes"),
    # member of the group of workers
    Setting("rebalance.timeout.ms", None, "m", default="60000", member="max_poll_interval_ms", note=_MEMBERS),
)  # fmt: skip

TABLE: Final = (
    *_ROWS,
    *(Setting(name, note=_TLS) for name in _TLS_NAMES),
    *(Setting(name, note=_LOGIN) for name in _LOGIN_NAMES),
    *(Setting(name, note=_FIXED) for name in _FIXED_NAMES),
    *(Setting(name, note=_JAVA_ONLY) for name in _JAVA_ONLY_NAMES),
)
"""Every setting of Java's clients 4.3."""

_SPEED: Final[Mapping[str, Mapping[str, str | int]]] = {
    # the library spins while one request is under way, the next is ready and records for a third wait: fewer and larger
    # requests cost a third of the processor time
    "producer": {"batch.size": 524288},
    # the default of 1000 ms before a full prefetch queue is topped up again costs a factor of four
    "consumer": {"fetch.queue.backoff.ms": 10, "queued.max.messages.kbytes": 16384, "queued.min.messages": 100000},
    "admin": {},
}
_QUIET_NOTES: Final = (_BY_US, _TLS, _LOGIN, _SYSTEM_BUFFER, "payloads are bytes")
_MODERN_GROUP_REFUSES: Final = ("session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy")


def translate(kind: ClientKind, settings: Mapping[str, str]) -> Translation:
    """Settings of one client for librdkafka, Java's defaults included.

    Raises:
        ConfigError: a value that cannot be honoured.
    """
    rows = {row.java: row for row in TABLE if kind[0] in row.clients}
    java = {name: default for name, row in rows.items() if (default := row.default_for(kind)) is not None}
    given = {name: str(value) for name, value in settings.items()}
    java.update({name: value for name, value in given.items() if name in rows})
    native: dict[str, str | int] = {"log.connection.close": "false", **_SPEED[kind]}
    for name, value in java.items():
        row = rows[name]
        if row.native is not None and (converted := _converted(row, value)) is not None:
            native[row.native] = converted
    native.update(_derived(kind, java))
    if "reconnect.backoff.ms" not in given:
        native["reconnect.backoff.ms"] = min(_RECONNECT, int(native["reconnect.backoff.max.ms"]))
    if kind == "producer" and not _idempotent(given, java):
        native["enable.idempotence"] = "false"
    native.update(authentication(given))
    if "SSL" in java["security.protocol"].upper():
        native.update(certificates(given))
    result = Translation(native, java)
    result.unknown = [name for name in given if name not in rows and not name.startswith("metrics.context.")]
    result.unused = {
        name: rows[name].note
        for name in given
        if name in rows and rows[name].native is None and rows[name].note not in _QUIET_NOTES
    }
    return result


def _converted(row: Setting, value: str) -> str | None:
    try:
        return row.convert(value)
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError.invalid(row.java, value, "Not a number") from None


def _derived(kind: ClientKind, java: Mapping[str, str]) -> dict[str, str | int]:
    """Settings that librdkafka has and Java derives, or the other way round."""
    derived: dict[str, str | int] = {
        "metadata.max.age.ms": max(1, min(3 * _number("metadata.max.age.ms", java["metadata.max.age.ms"]), 86400000))
    }
    if kind == "producer":
        derived |= _derived_of_producer(java)
    elif kind == "consumer":
        fetch = min(_number("fetch.max.bytes", java["fetch.max.bytes"]), 2147483135)
        derived["receive.message.max.bytes"] = max(100000000, fetch + 512)
        # librdkafka wants message.max.bytes <= fetch.max.bytes; it limits nothing that is read
        derived["message.max.bytes"] = max(1000, min(1000000, fetch))
        # librdkafka refuses a session that lasts longer than the interval between two polls; Java does not
        session, poll = _number("session.timeout.ms", java["session.timeout.ms"]), "max.poll.interval.ms"
        derived["session.timeout.ms"] = max(1, min(session, _number(poll, java[poll]), 3600000))
        derived |= _read_ahead(java)
    return derived


def _read_ahead(java: Mapping[str, str]) -> dict[str, str | int]:
    """How much a consumer holds in advance, where memory is limited: a record costs 350 bytes besides its own."""
    name = "internal.read.ahead.bytes"
    if name not in java:
        return {}
    kilobytes = max(1, _number(name, java[name]) >> 10)
    return {"queued.max.messages.kbytes": kilobytes, "queued.min.messages": min(100000, 5 * kilobytes)}


def _derived_of_producer(java: Mapping[str, str]) -> dict[str, str | int]:
    derived: dict[str, str | int] = {
        # back-pressure is ours: whole batches are admitted, or none of it (writer.py)
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": _LONGEST,
        "request.timeout.ms": max(1, min(_number("request.timeout.ms", java["request.timeout.ms"]), 900000)),
        # Java waits max.block.ms for a topic to appear; more than this overflows inside librdkafka
        "topic.metadata.propagation.max.ms": max(0, min(_number("max.block.ms", java["max.block.ms"]), 2147000)),
    }
    if java["partitioner.ignore.keys"].lower() == "true":
        derived["partitioner"] = "random"
    level = java.get(f"compression.{java['compression.type'].lower()}.level")
    if level is not None:
        derived["compression.level"] = max(-1, min(_number("compression level", level), 12))
    return derived


def _idempotent(given: Mapping[str, str], java: Mapping[str, str]) -> bool:
    """Java's rule: on, unless switched off or, not being asked for, in conflict with another setting (KIP-679)."""
    if "enable.idempotence" in given:
        return java["enable.idempotence"].lower() == "true"
    in_flight = _number("max.in.flight.requests.per.connection", java["max.in.flight.requests.per.connection"])
    return java["acks"] in {"all", "-1"} and _number("retries", java["retries"]) != 0 and in_flight <= _MOST_IN_FLIGHT


def without_modern_refusals(native: dict[str, str | int]) -> dict[str, str | int]:
    """Settings without those that belong to the broker when ``group.protocol`` is ``consumer``."""
    if native.get("group.protocol") != "consumer":
        native.pop("group.remote.assignor", None)
        return native
    return {name: value for name, value in native.items() if name not in _MODERN_GROUP_REFUSES}


def report(kind: ClientKind, translation: Translation) -> None:
    """Log each setting that has no effect, once in this process, by name only."""
    unknown = [name for name in translation.unknown if name not in _reported]
    unused = {name: note for name, note in translation.unused.items() if name not in _reported}
    _reported.update(unknown, unused)
    if unknown:
        _log.warning("Settings given to the %s that it does not know: %s", kind, ", ".join(unknown))
    for name, note in unused.items():
        _log.info("Setting %s of the %s has no effect: %s", name, kind, note)


def of_worker(kind: ClientKind, settings: Mapping[str, str]) -> dict[str, str]:
    """Those of a worker's top-level properties that mean something to one client."""
    names = {row.java for row in TABLE if kind[0] in row.clients and row.note != _JAVA_ONLY}
    return {name: value for name, value in settings.items() if name in names}


def membership(settings: Mapping[str, str]) -> dict[str, str | int]:
    """The same settings for kafka-python, which looks after group membership of the workers themselves.

    Defaults are a distributed worker's. Security beyond ``security_protocol`` is an SSL context and SASL arguments,
    made by the caller from :func:`~linkspan.config.stores.certificates` and
    :func:`~linkspan.log.kafka.sasl.authentication`.

    Raises:
        ConfigError: a number is none, or an address is malformed.
    """
    rows = {row.java: row for row in TABLE if row.member is not None}
    java = {name: default for name, row in rows.items() if (default := row.default_for("member")) is not None}
    java.update({name: str(value) for name, value in settings.items() if name in rows})
    translated: dict[str, str | int] = {}
    for name, text in java.items():
        member = rows[name].member
        assert member is not None
        translated[member] = _number(name, text) if member.endswith(("_ms", "_bytes")) else text
    _addresses(str(translated.get("bootstrap_servers", "")))
    return translated
