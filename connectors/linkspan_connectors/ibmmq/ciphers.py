"""Names of ciphers: JMS takes Java's CipherSuites, the MQI takes CipherSpecs (spec/mq.md 3.10)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["cipher_spec"]

_ANY: Final = {
    "*TLS12ORHIGHER": "ANY_TLS12_OR_HIGHER",
    "*TLS13ORHIGHER": "ANY_TLS13_OR_HIGHER",
    "*TLS12": "ANY_TLS12",
    "*TLS13": "ANY_TLS13",
}
_RSA: Final = re.compile(r"(?:SSL|TLS)_RSA_WITH_(\w+)")
_ECDHE: Final = re.compile(r"(?:SSL|TLS)_ECDHE_(RSA|ECDSA)_WITH_(\w+)")


def cipher_spec(suite: str) -> str:
    """CipherSpec of a CipherSuite, in IBM's or Oracle's spelling; what is a CipherSpec already stays so."""
    name = suite.strip()
    if name in _ANY:
        return _ANY[name]
    rsa = _RSA.fullmatch(name)
    if rsa is not None:
        return f"TLS_RSA_WITH_{rsa[1]}"
    ecdhe = _ECDHE.fullmatch(name)
    return name if ecdhe is None else f"ECDHE_{ecdhe[1]}_{ecdhe[2]}"
