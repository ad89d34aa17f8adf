"""Session keys of a group of workers, and the signatures made with them (spec/runtime.md 1.11, 3.7).

The leader makes a key and writes it to the config topic, where only workers can read it. Whoever signs with it is a
worker of the group. Keys, algorithms and signatures are those of Java's workers.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from linkspan.api.errors import ConnectError, NotReadyError, UnsupportedError
from linkspan.config.macs import MacAlgorithm, mac_algorithm
from linkspan.config.worker import DistributedConfig
from linkspan.herder.port import InternalRequest

__all__ = [
    "ALGORITHM_HEADER",
    "MISSING_SIGNATURE",
    "SIGNATURE_HEADER",
    "BadSignatureError",
    "KeyPolicy",
    "MalformedSignatureError",
    "NoSessionKeyError",
    "SessionKey",
    "check_signature",
    "sign",
    "signature_headers",
]

SIGNATURE_HEADER: Final = "X-Connect-Authorization"
ALGORITHM_HEADER: Final = "X-Connect-Request-Signature-Algorithm"
MISSING_SIGNATURE: Final = "Internal request missing required signature"
"""As the original says it. Signatures are not passed on, so a worker that does not lead any more causes this answer."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)


class MalformedSignatureError(ConnectError):
    """A request carries no signature, or one that cannot be checked here (400)."""

    code: ClassVar[str] = "signature.malformed"


class BadSignatureError(ConnectError):
    """A request was signed with another key, or not by a worker of the group (403)."""

    code: ClassVar[str] = "signature.wrong"


class NoSessionKeyError(NotReadyError):
    """This worker has read no key yet that a signature could be checked with (503)."""

    code: ClassVar[str] = "not_ready.session_key"

    def __init__(self) -> None:
        super().__init__(
            "This worker is still starting up and has not been able to read a session key from the config topic yet"
        )


@dataclass(frozen=True, slots=True)
class SessionKey:
    """The secret that the workers of a group share for a while.

    Attributes:
        key: its bytes; never shown.
        algorithm: that it was made for, by Java's name.
        created: by the leader's clock, in milliseconds since the epoch.
    """

    key: bytes = field(repr=False)
    algorithm: str
    created: int


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How keys are made, and when a new one is due.

    Attributes:
        algorithm: that keys are made for.
        key_bytes: their length.
        ttl_ms: their life; 0 for no end.
    """

    algorithm: str
    key_bytes: int
    ttl_ms: int

    @classmethod
    def of(cls, config: DistributedConfig) -> KeyPolicy:
        """What a worker's configuration, which was checked, asks for."""
        found = _algorithm(config.inter_worker_key_generation_algorithm)
        bits = config.inter_worker_key_size
        return cls(found.name, found.key_bytes if bits is None else (bits + 7) // 8, config.inter_worker_key_ttl_ms)

    def generate(self, now_ms: int) -> SessionKey:
        """A new key."""
        return SessionKey(secrets.token_bytes(self.key_bytes), self.algorithm, now_ms)

    def expires(self, key: SessionKey) -> int | None:
        """When a key that was read is to be replaced, in milliseconds since the epoch; None for never."""
        return key.created + self.ttl_ms if self.ttl_ms > 0 else None

    def due(self, key: SessionKey | None, now_ms: int) -> bool:
        """Whether the leader has to write a new key now."""
        if key is None:
            return True
        expires = self.expires(key)
        if expires is not None and now_ms >= expires:
            return True
        # the leader may have been configured anew, or is another one than the key's
        return (key.algorithm, len(key.key)) != (self.algorithm, self.key_bytes)


def sign(key: SessionKey, algorithm: str, body: bytes) -> bytes:
    """Message authentication code of ``body``; ``algorithm`` is Java's name of a known one."""
    return hmac.digest(key.key, body, _algorithm(algorithm).digest)


def signature_headers(key: SessionKey, algorithm: str, body: bytes) -> dict[str, str]:
    """Headers that prove that a worker of the group sends ``body``."""
    return {SIGNATURE_HEADER: base64.b64encode(sign(key, algorithm, body)).decode(), ALGORITHM_HEADER: algorithm}


def check_signature(request: InternalRequest, key: SessionKey | None, accepted: Sequence[str]) -> None:
    """Let only pass what a worker of the group has sent; to be asked when the group's protocol is the sessioned one.

    Args:
        request: what was received.
        key: read last from the config topic.
        accepted: ``inter.worker.verification.algorithms``.

    Raises:
        MalformedSignatureError: there is no signature, or none that this worker can check.
        NoSessionKeyError: there is no key yet.
        BadSignatureError: the signature is wrong.
    """
    if request.signature is None or request.algorithm is None:
        raise MalformedSignatureError(MISSING_SIGNATURE)
    if mac_algorithm(request.algorithm) is None:
        raise MalformedSignatureError(f"Algorithm {request.algorithm} not available")
    signature = _decoded(request.signature)
    if request.algorithm not in accepted:
        raise MalformedSignatureError(
            f"This worker does not support the '{request.algorithm}' key signing algorithm used by other workers. "
            f"This worker is currently configured to use: [{', '.join(accepted)}]. Check that all workers' "
            "configuration files permit the same set of signature algorithms, and correct any misconfigured worker and "
            "restart it."
        )
    if key is None:
        raise NoSessionKeyError
    if not hmac.compare_digest(sign(key, request.algorithm, request.body), signature):
        raise BadSignatureError("Internal request contained invalid signature.")


def _algorithm(name: str) -> MacAlgorithm:
    found = mac_algorithm(name)
    if found is None:
        raise UnsupportedError(f"This worker does not know the algorithm {name}")
    return found


def _decoded(text: str) -> bytes:
    if _BASE64.fullmatch(text) is None:
        raise MalformedSignatureError(f"{SIGNATURE_HEADER} is not base64")
    try:
        # Java also takes what lacks its padding
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise MalformedSignatureError(f"{SIGNATURE_HEADER} is not base64: {error}") from error
