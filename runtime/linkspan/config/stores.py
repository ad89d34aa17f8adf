"""Keys and certificates: JKS, PKCS12 and PEM stores named by Java's ``ssl.*`` settings, as PEM texts in memory.

A private key is read, decrypted and handed on in memory; nothing here writes a file.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["certificates"]

_INSTALL: Final = "pip install 'linkspan[tls]'"
_JKS_MAGIC: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


def certificates(settings: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """``ssl.key.pem``, ``ssl.certificate.pem`` and ``ssl.ca.pem`` (those configured) from Java's ``ssl.*`` settings.

    Args:
        settings: with names that begin with ``ssl.``; others are ignored.
        prefix: stands before these names where the user wrote them; messages show it.

    Raises:
        ConfigError: a store cannot be read; names the key and the file, never a password.
    """
    translated: dict[str, str] = {}
    _trust(settings, translated, prefix)
    _identity(settings, translated, prefix)
    return translated


def _trust(settings: Mapping[str, str], translated: dict[str, str], prefix: str) -> None:
    inline = settings.get("ssl.truststore.certificates")
    location = settings.get("ssl.truststore.location")
    if inline:
        translated["ssl.ca.pem"] = inline
    elif location and settings.get("ssl.truststore.type", "JKS").upper() == "PEM":
        translated["ssl.ca.pem"] = _text(location, f"{prefix}ssl.truststore.location")
    elif location:
        trust_password = settings.get("ssl.truststore.password")
        _, chain, others = _store(location, trust_password, None, f"{prefix}ssl.truststore")
        translated["ssl.ca.pem"] = "".join(_pem("CERTIFICATE", der) for der in (*chain, *others))


def _identity(settings: Mapping[str, str], translated: dict[str, str], prefix: str) -> None:
    key, chain = settings.get("ssl.keystore.key"), settings.get("ssl.keystore.certificate.chain")
    location = settings.get("ssl.keystore.location")
    password = settings.get("ssl.key.password")
    if key and chain:
        translated["ssl.key.pem"], translated["ssl.certificate.pem"] = key, chain
    elif location and settings.get("ssl.keystore.type", "JKS").upper() == "PEM":
        text = _text(location, f"{prefix}ssl.keystore.location")
        parts = [(match.group(1), match.group(0) + "\n") for match in _PEM.finditer(text)]
        translated["ssl.key.pem"] = "".join(part for kind, part in parts if "PRIVATE KEY" in kind)
        translated["ssl.certificate.pem"] = "".join(part for kind, part in parts if kind == "CERTIFICATE")
    elif location:
        store = f"{prefix}ssl.keystore"
        private, certificate, _ = _store(location, settings.get("ssl.keystore.password"), password, store)
        if private is None:
            raise ConfigError.invalid(f"{store}.location", location, "the store holds no private key")
        translated["ssl.key.pem"] = _pem("PRIVATE KEY", private)
        translated["ssl.certificate.pem"] = "".join(_pem("CERTIFICATE", der) for der in certificate)
        return
    if password and "ssl.key.pem" in translated:
        translated["ssl.key.password"] = password


def _read(location: str, key: str) -> bytes:
    try:
        return Path(location).read_bytes()
    except OSError as error:
        raise ConfigError.invalid(key, location, f"the file cannot be read: {error.strerror}") from error


def _text(location: str, key: str) -> str:
    try:
        return _read(location, key).decode()
    except UnicodeDecodeError as error:
        raise ConfigError.invalid(key, location, "the file is not PEM text; check the type of the store") from error


def _pem(kind: str, der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"


def _store(
    location: str, password: str | None, key_password: str | None, prefix: str
) -> tuple[bytes | None, list[bytes], list[bytes]]:
    """Private key (PKCS8), its chain, and other certificates, all DER.

    The content decides between JKS and PKCS12, as in Java, whose loader takes either under either name.
    """
    data = _read(location, f"{prefix}.location")
    if data[:4] in _JKS_MAGIC:
        return _jks(data, location, password, key_password, prefix)
    return _pkcs12(data, location, password, prefix)


def _jks(
    data: bytes, location: str, password: str | None, key_password: str | None, prefix: str
) -> tuple[bytes | None, list[bytes], list[bytes]]:
    try:
        import jks  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise _missing("JKS", location, prefix) from error
    try:
        store = jks.KeyStore.loads(data, password, try_decrypt_keys=False)
        others = [certificate.cert for certificate in store.certs.values()]
        for entry in store.private_keys.values():
            entry.decrypt(key_password if key_password is not None else password)
            return entry.pkey_pkcs8, [der for _, der in entry.cert_chain], others
    except (jks.util.KeystoreException, ValueError, TypeError) as error:
        raise _unreadable(location, prefix) from error
    return None, [], others


def _pkcs12(
    data: bytes, location: str, password: str | None, prefix: str
) -> tuple[bytes | None, list[bytes], list[bytes]]:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an optional extra
        from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise _missing("PKCS12", location, prefix) from error
    try:
        store = pkcs12.load_pkcs12(data, password.encode() if password is not None else None)
    except ValueError as error:
        raise _unreadable(location, prefix) from error
    encoding = serialization.Encoding.DER
    others = [item.certificate.public_bytes(encoding) for item in store.additional_certs]
    if store.key is None:
        return None, [], others
    private = store.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own = [] if store.cert is None else [store.cert.certificate.public_bytes(encoding)]
    # the other certificates of an identity are the rest of its chain
    return private, own + others, []


def _missing(kind: str, location: str, prefix: str) -> ConfigError:
    reason = f"reading {kind} stores needs an extra; install it with: {_INSTALL}"
    return ConfigError.invalid(f"{prefix}.location", location, reason)


def _unreadable(location: str, prefix: str) -> ConfigError:
    key = prefix.removesuffix("keystore").removesuffix("truststore") + "key.password"
    reason = f"the store cannot be opened; check {prefix}.password (and {key}), and that the file is whole"
    return ConfigError.invalid(f"{prefix}.location", location, reason)
