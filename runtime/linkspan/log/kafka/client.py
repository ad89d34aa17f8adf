"""Opening a client of the library: its log and its errors go to our logger."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.log.kafka.errors import kafka_error, refusal
from linkspan.log.kafka.settings import ClientKind, Translation, report, without_modern_refusals

__all__ = ["Contact", "Repeats", "log_error", "opened"]

_log = logging.getLogger("linkspan.log.kafka")
_KERBEROS: Final = (
    "Invalid value GSSAPI for configuration sasl.mechanism: this build of librdkafka has no Kerberos. "
    "Install libsasl2 and librdkafka with their headers, then: pip install --no-binary confluent-kafka confluent-kafka"
)
_UNUSABLE: Final = {
    "ssl.key.pem": "ssl.keystore.* holds a private key that cannot be used; check ssl.key.password, and that the key "
    "is the certificate's",
    "ssl.certificate.pem": "ssl.keystore.* holds a certificate that cannot be used",
    "ssl.ca.pem": "ssl.truststore.* holds a certificate that cannot be used",
}
"""What the library calls a store's contents, and what to say when it refuses them."""
_REPEAT_SECONDS: Final = 30.0
_Client = TypeVar("_Client")


class Repeats:
    """Lets an error through once in a while only: during an outage clients report the same one many times a second.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}

    def admit(self, text: str) -> int | None:
        """How often an error was held back since it was let through last; None when it is to be held back now."""
        now = self._clock()
        begin, held = self._seen.get(text, (None, 0))
        if begin is not None and now - begin < _REPEAT_SECONDS:
            self._seen[text] = begin, held + 1
            return None
        # what has not been heard of for long will begin anew
        self._seen = {other: entry for other, entry in self._seen.items() if now - entry[0] < 2 * _REPEAT_SECONDS}
        self._seen[text] = now, 0
        return held


_repeats = Repeats()


def log_error(error: KafkaError) -> None:
    """Log an error that the client as a whole reports; one that goes on and on only now and then."""
    text = error.str() or ""
    # what follows is the duration, which differs each time
    held = _repeats.admit(f"{error.name()} {text.partition(' (after ')[0]}")
    if held is not None:
        more = f"; it came {held} times more since it was logged last" if held else ""
        _log.warning("Kafka client: %s (%s)%s", text, error.name(), more)


class Contact:
    """What one client reports about its connections.

    The library tries for ever. As in Java, a refused connection (a wrong password, a certificate that one side does not
    trust) is an error for who uses the client; an outage is not.

    Args:
        addresses: where the client was told to look.

    Attributes:
        last: the latest report, in the library's words.
    """

    def __init__(self, addresses: str) -> None:
        self._addresses = addresses
        self._refusal: ConnectError | None = None
        self.last = ""

    def __call__(self, error: KafkaError) -> None:
        """Called by the library."""
        refused = refusal(error, self._addresses)
        if refused is not None:
            self._refusal = refused
            return
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - public, documented
            self.last = error.str() or ""
        log_error(error)

    @property
    def refused(self) -> bool:
        """Whether a connection was refused."""
        return self._refusal is not None

    def check(self) -> None:
        """Raise the ConnectError of a refused connection."""
        if self._refusal is not None:
            raise self._refusal


class _LibraryLines(logging.Filter):
    """Leaves out what :func:`log_error` says too."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (isinstance(record.args, tuple) and record.args[:1] == ("FAIL",))


_library = logging.getLogger("linkspan.log.kafka.library")
_library.addFilter(_LibraryLines())


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
        return make({**native, "error_cb": log_error, "logger": _library, **more})
    except KafkaException as error:
        text = kafka_error(error).str()
        if "GSSAPI" in text:
            raise ConfigError(_KERBEROS, "sasl.mechanism") from error
        for native_name, said in _UNUSABLE.items():
            if native_name in text:
                raise ConfigError(f"{said} ({text.rpartition(':')[2].strip()})", said.split()[0]) from error
        raise ConfigError(f"The Kafka {kind} refuses its settings: {text}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"The Kafka {kind} refuses its settings: {error}") from error
