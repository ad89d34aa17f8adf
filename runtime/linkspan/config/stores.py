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
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_KINDS: Final = ("JKS", "JCEKS", "PKCS12", "PEM")


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
    name = f"{prefix}ssl.truststore"
    inline = settings.get("ssl.truststore.certificates")
    location = settings.get("ssl.truststore.location")
    if inline:
        found = _blocks(inline)[1]
        place, where = f"{name}.certificates", "[inline]"
    elif not location:
        return
    elif _kind(settings, "ssl.truststore", prefix) == "PEM":
        found = _blocks(_text(location, f"{name}.location"))[1]
        place, where = f"{name}.location", location
    else:
        _, chain, others = _store(location, settings.get("ssl.truststore.password"), None, name)
        found = "".join(_pem("CERTIFICATE", der) for der in (*chain, *others))
        place, where = f"{name}.location", location
    if not found:
        # without any, the library would trust whom the operating system trusts
        raise ConfigError.invalid(place, where, "it holds no certificate")
    translated["ssl.ca.pem"] = found


def _identity(settings: Mapping[str, str], translated: dict[str, str], prefix: str) -> None:
    name = f"{prefix}ssl.keystore"
    key, chain = settings.get("ssl.keystore.key"), settings.get("ssl.keystore.certificate.chain")
    location = settings.get("ssl.keystore.location")
    password = settings.get("ssl.key.password")
    if key or chain:
        private, certificate = _blocks(key or "")[0], _blocks(chain or "")[1]
        _both(private, certificate, f"{name}.key", f"{name}.certificate.chain", "[inline]")
    elif not location:
        return
    elif _kind(settings, "ssl.keystore", prefix) == "PEM":
        private, certificate = _blocks(_text(location, f"{name}.location"))
        _both(private, certificate, f"{name}.location", f"{name}.location", location)
    else:
        # a key without a password of its own has that of the store
        wanted = password if password is not None else settings.get("ssl.keystore.password", "")
        der, certificates_der, _ = _store(location, settings.get("ssl.keystore.password"), wanted, name)
        if der is None:
            raise ConfigError.invalid(f"{name}.location", location, "the store holds no private key")
        private = _pem("PRIVATE KEY", der)
        certificate = "".join(_pem("CERTIFICATE", der) for der in certificates_der)
        password = None
    translated["ssl.key.pem"], translated["ssl.certificate.pem"] = private, certificate
    if password:
        translated["ssl.key.password"] = password


def _kind(settings: Mapping[str, str], store: str, prefix: str) -> str:
    kind = settings.get(f"{store}.type", "JKS")
    if kind.upper() not in _KINDS:
        raise ConfigError.invalid(f"{prefix}{store}.type", kind, "use JKS, PKCS12 or PEM")
    return kind.upper()


def _both(private: str, certificate: str, key_place: str, chain_place: str, where: str) -> None:
    if not private:
        raise ConfigError.invalid(key_place, where, "it holds no private key in PEM")
    if not certificate:
        raise ConfigError.invalid(chain_place, where, "it holds no certificate in PEM")


def _blocks(text: str) -> tuple[str, str]:
    """Private keys and certificates of a PEM text.

    As in Java, blanks may stand where lines end: a properties file often holds all of it in one line.
    """
    keys, chain = "", ""
    for match in _PEM.finditer(text):
        kind, body = match.groups()
        # a key in OpenSSL's old encrypted form begins with headers, which need their lines
        block = match[0] + "\n" if ":" in body else _armored(kind, "".join(body.split()))
        if "PRIVATE KEY" in kind:
            keys += block
        elif kind == "CERTIFICATE":
            chain += block
    return keys, chain


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
    return _armored(kind, base64.b64encode(der).decode())


def _armored(kind: str, body: str) -> str:
    body = "\n".join(textwrap.wrap(body, 64))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"


def _store(
    location: str, password: str | None, key_password: str | None, prefix: str
) -> tuple[bytes | None, list[bytes], list[bytes]]:
    """Private key (PKCS8; only if a password for it is given), its chain, and other certificates, all DER.

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
            chain = [der for _, der in entry.cert_chain]
            if key_password is None:
                return None, chain, others
            entry.decrypt(key_password)
            return entry.pkey_pkcs8, chain, others
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
    key = "" if prefix.endswith("truststore") else f" (and {prefix.removesuffix('keystore')}key.password)"
    reason = f"the store cannot be opened; check {prefix}.password{key}, its type, and that the file is whole"
    return ConfigError.invalid(f"{prefix}.location", location, reason)
