"""Opening a client of the library: its log and its errors go to our logger."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from linkspan.api.errors import ConfigError
from linkspan.log.kafka.errors import kafka_error
from linkspan.log.kafka.settings import ClientKind, Translation, report, without_modern_refusals

__all__ = ["log_error", "opened"]

_log = logging.getLogger("linkspan.log.kafka")
_KERBEROS: Final = (
    "Invalid value GSSAPI for configuration sasl.mechanism: this build of librdkafka has no Kerberos. "
    "Install libsasl2 and librdkafka with their headers, then: pip install --no-binary confluent-kafka confluent-kafka"
)
_Client = TypeVar("_Client")


def log_error(error: KafkaError) -> None:
    """Log an error that the client as a whole reports."""
    _log.warning("Kafka client: %s (%s)", error.str(), error.name())


def opened(
    kind: ClientKind, make: Callable[..., _Client], translation: Translation, more: Mapping[str, Any]
) -> _Client:
    """Make a client; settings without effect are reported.

    Raises:
        ConfigError: the library refuses a setting.
    """
    report(kind, translation)
    native = without_modern_refusals({**translation.native})
    try:
        return make({**native, "error_cb": log_error, "logger": _log, **more})
    except KafkaException as error:
        text = kafka_error(error).str()
        if "GSSAPI" in text:
            raise ConfigError(_KERBEROS, "sasl.mechanism") from error
        raise ConfigError(f"The Kafka {kind} refuses its settings: {text}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"The Kafka {kind} refuses its settings: {error}") from error
