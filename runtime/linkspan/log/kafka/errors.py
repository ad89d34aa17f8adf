"""What an error of the client library means to the runtime: try again, give up, or ask somebody."""

# ruff: noqa: SLF001 - the library's own codes start with an underscore; they are public and documented

from __future__ import annotations

import re
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from linkspan.api.errors import (
    ConnectError,
    CredentialsError,
    OutageError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan.log.port import DisplacedError, TooLargeError

__all__ = [
    "END_OF_PARTITION",
    "FORBIDDEN",
    "NOT_IDEMPOTENT",
    "NOT_YET_KNOWN",
    "POLL_EXCEEDED",
    "PURGED",
    "STUCK",
    "UNREACHABLE",
    "connect_error",
    "fenced",
    "kafka_error",
    "producer_fenced",
    "refusal",
    "unreachable",
]

UNREACHABLE: Final = frozenset(
    {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT}
)
"""Nobody answers."""

_NO_RIGHT: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
FORBIDDEN: Final = _NO_RIGHT | {
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError._AUTHENTICATION,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
}
"""A person has to grant a right or correct a credential."""

STUCK: Final = FORBIDDEN | {
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError._FATAL,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.INVALID_GROUP_ID,
    KafkaError.UNSUPPORTED_ASSIGNOR,
}
"""Errors that reading on does not cure."""

NOT_YET_KNOWN: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE})
"""A topic that is being made; metadata will tell of it soon, or never."""

PURGED: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
"""The record was taken back before it was sent, or before it was answered."""

NOT_IDEMPOTENT: Final = frozenset(
    {
        KafkaError._FATAL,
        KafkaError._FENCED,
        KafkaError._INCONSISTENT,
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError.UNKNOWN_PRODUCER_ID,
    }
)
"""The broker does not take what an idempotent producer sends, and would take it without the sequence numbers."""

_ASKING_FOR_ONE: Final = "Failed to acquire SASL OAUTHBEARER token"
_DENIED: Final = ("invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client", "access_denied")
"""What a token server answers (RFC 6749, 5.2) that asking again does not change."""
_WHERE: Final = re.compile(r"^\S+/\w+: | \(after \d+ms in state \w+\)$|: broker certificate could not be verified.*")
"""Parts of the library's texts that name what the user does not know: its name of the broker, its states and keys."""
_OUR_SIDE: Final = "Local: "
"""Begins the library's names of errors that no broker has answered."""

END_OF_PARTITION: Final = KafkaError._PARTITION_EOF
POLL_EXCEEDED: Final = KafkaError._MAX_POLL_EXCEEDED

_RETRIABLE: Final = UNREACHABLE | {
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._WAIT_COORD,
    KafkaError._WAIT_CACHE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._QUEUE_FULL,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._STATE,
    KafkaError._NO_OFFSET,
    KafkaError._ASSIGNMENT_LOST,
    KafkaError._PURGE_QUEUE,
    KafkaError._PURGE_INFLIGHT,
    KafkaError._IN_PROGRESS,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.NOT_CONTROLLER,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError.THROTTLING_QUOTA_EXCEEDED,
}

_DOWN: Final = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
"""Brokers are missing, or do not get along."""


def kafka_error(error: BaseException) -> KafkaError:
    """The library's error inside one of its exceptions."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, KafkaError) else KafkaError(KafkaError._FAIL, str(error))


def fenced(error: KafkaError) -> bool:
    """Whether a newer member with the same ``group.instance.id`` has taken the place of this one."""
    # what the client as a whole reports has a code of its own, and this one's text in its text
    return error.code() == KafkaError.FENCED_INSTANCE_ID or (
        error.code() == KafkaError._FATAL and KafkaError(KafkaError.FENCED_INSTANCE_ID).str() in error.str()
    )


_FENCED_PRODUCER: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)


def producer_fenced(error: KafkaError) -> bool:
    """Whether a newer producer with the same ``transactional.id`` has opened, or the broker has ended a transaction."""
    return error.code() in _FENCED_PRODUCER or (
        error.code() == KafkaError._FATAL and any(KafkaError(code).str() in error.str() for code in _FENCED_PRODUCER)
    )


def connect_error(error: KafkaError | KafkaException, doing: str, right: str = "") -> ConnectError:
    """Translate an error.

    Args:
        error: the library's error or exception.
        doing: what was tried, as the start of a sentence: ``Writing to topic t``.
        right: what the client's principal needs for it: ``Write on topic t``.

    Returns:
        RetriableError for what passes (UnreachableError when nobody answers, ThrottledError for a quota, OutageError
        while brokers are missing), CredentialsError for a refusal, TooLargeError for a record of such a size,
        DisplacedError when somebody else has the place in the group, else ConnectError.
    """
    inner = kafka_error(error) if isinstance(error, KafkaException) else error
    code = inner.code()
    text = f"{doing} failed: {inner.str()} ({inner.name()})"
    if code in _NO_RIGHT and right:
        return CredentialsError(f"{text}. Allow the principal of this client {right}, and start again.")
    if code in FORBIDDEN:
        return CredentialsError(f"{text}. Grant the right, or correct the credentials, and start again.")
    if fenced(inner):
        return DisplacedError(
            f"{doing} failed: a newer consumer with the same group.instance.id has taken this one's place. It reads "
            "again what was not committed here. If this goes on, look for two consumers that run with this id."
        )
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return TooLargeError(text)
    if inner.fatal():
        return ConnectError(f"{text}. The client cannot go on and has to be opened again.")
    return _passing(inner)(text) if code in _RETRIABLE or inner.retriable() else ConnectError(text)


def _passing(error: KafkaError) -> type[RetriableError]:
    code = error.code()
    if code in UNREACHABLE:
        return UnreachableError
    if code == KafkaError.THROTTLING_QUOTA_EXCEEDED:
        return ThrottledError
    return OutageError if code in _DOWN else RetriableError


def refusal(error: KafkaError, addresses: str) -> ConnectError | None:
    """The error for a connection that one of the two sides has refused; None for what an outage may cause too.

    Args:
        error: reported by the client as a whole.
        addresses: where the client was told to look.
    """
    code, text = error.code(), error.str() or ""
    if code == KafkaError._AUTHENTICATION:
        refused = any(answer in text for answer in _DENIED) if _ASKING_FOR_ONE in text else _OUR_SIDE not in text
        hint = "Check sasl.mechanism and what sasl.jaas.config says"
    else:
        refused = code == KafkaError._SSL or "SSL alert number" in text
        hint = "Check ssl.truststore.*, ssl.keystore.* and ssl.endpoint.identification.algorithm"
    if not refused:
        return None
    return CredentialsError(f"The connection to Kafka at {addresses} was refused: {_WHERE.sub('', text)}. {hint}.")


def unreachable(error: KafkaError | KafkaException, addresses: str, timeout: float, last: str = "") -> ConnectError:
    """The error for a first contact: names the addresses when nobody answered, and the last thing that went wrong."""
    inner = kafka_error(error) if isinstance(error, KafkaException) else error
    if inner.code() in UNREACHABLE:
        return UnreachableError(
            f"No Kafka broker answers at {addresses} within {timeout:g} s ({_WHERE.sub('', last) or inner.str()}). "
            "Check bootstrap.servers, the network and the security settings."
        )
    return connect_error(inner, f"Connecting to Kafka at {addresses}")
