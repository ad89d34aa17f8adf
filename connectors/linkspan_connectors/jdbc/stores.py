"""Key and trust stores of Java, JKS and PKCS12, as Python's TLS takes them (spec/jdbc.md 2.2)."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from linkspan.api import ConfigError

__all__ = ["StoreFile", "tls_context"]

_KEY: Final = "connection.url"
_JKS: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


class StoreFile(NamedTuple):
    """A store, or a PEM file in its place.

    Attributes:
        path: where it is, also as a ``file:`` URL.
        password: its password, or None.
    """

    path: str
    password: str | None = None

    @property
    def file(self) -> Path:
        """The path without what a URL puts around it."""
        return Path(unquote(urlsplit(self.path).path)) if self.path.startswith("file:") else Path(self.path)

    def __repr__(self) -> str:
        return f"StoreFile({self.path!r})"


class _Content(NamedTuple):
    """In PEM: a private key with its chain of certificates, or neither; and certificates that are trusted."""

    key: bytes
    chain: bytes
    trusted: bytes


def tls_context(trusted: StoreFile | None, own: StoreFile | None = None, *, check_hostname: bool) -> ssl.SSLContext:
    """Who is trusted, and who we are.

    Args:
        trusted: authorities; None for those of the system.
        own: our key and certificates; None for none.
        check_hostname: whether the server's certificate has to be for its name.

    Raises:
        ConfigError: a store cannot be read; names it, and what to do.
    """
    context = ssl.create_default_context()
    if trusted is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        content = _read(trusted)
        authorities = content.trusted or content.chain
        if not authorities:
            raise ConfigError.invalid(_KEY, trusted.path, "there is no certificate in this store")
        context.load_verify_locations(cadata=authorities.decode())
    context.check_hostname = check_hostname
    if own is not None:
        content = _read(own)
        if not content.key:
            raise ConfigError.invalid(_KEY, own.path, "there is no private key in this store")
        _load_chain(context, content)
    return context


def _load_chain(context: ssl.SSLContext, content: _Content) -> None:
    """Through a file that nobody else may read, and that is gone at once: there is no other way in."""
    with tempfile.NamedTemporaryFile(prefix="linkspan-jdbc-", suffix=".pem") as file:
        file.write(content.key + content.chain)
        file.flush()
        context.load_cert_chain(file.name)


def _read(store: StoreFile) -> _Content:
    try:
        data = store.file.read_bytes()
    except OSError as error:
        raise ConfigError.invalid(_KEY, store.path, str(error.strerror)) from error
    if b"-----BEGIN " in data:
        is_key = b"PRIVATE KEY-----" in data
        return _Content(data if is_key else b"", b"", data)
    try:
        return _read_jks(store, data) if data.startswith(_JKS) else _read_pkcs12(store, data)
    except ImportError as error:
        raise ConfigError(
            f"connection.url: reading {store.path} needs more packages ({error}): pip install 'linkspan[tls]'", _KEY
        ) from error


def _read_jks(store: StoreFile, data: bytes) -> _Content:
    import jks  # noqa: PLC0415 - of the extra "tls"
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415 - as above

    try:
        content = jks.KeyStore.loads(data, store.password or "")
        trusted = b"".join(_pem_of(entry.cert) for entry in content.certs.values())
        if not content.private_keys:
            return _Content(b"", b"", trusted)
        entry = next(iter(content.private_keys.values()))
        if not entry.is_decrypted():
            entry.decrypt(store.password or "")
        key = _key_pem(load_der_private_key(entry.pkey_pkcs8, None))
        return _Content(key, b"".join(_pem_of(each) for _, each in entry.cert_chain), trusted)
    except (jks.util.KeystoreException, ValueError, TypeError) as error:
        raise _unreadable(store, error) from error


def _read_pkcs12(store: StoreFile, data: bytes) -> _Content:
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12  # noqa: PLC0415 - of the extra "tls"

    try:
        content = pkcs12.load_pkcs12(data, (store.password or "").encode())
    except ValueError as error:
        raise _unreadable(store, error) from error
    others = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in content.additional_certs)
    if content.key is None or content.cert is None:
        return _Content(b"", b"", others)
    return _Content(_key_pem(content.key), content.cert.certificate.public_bytes(Encoding.PEM) + others, others)


def _key_pem(key: Any) -> bytes:  # noqa: ANN401 - of any kind
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - of the extra "tls"
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return found


def _pem_of(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()


def _unreadable(store: StoreFile, error: Exception) -> ConfigError:
    return ConfigError.invalid(_KEY, store.path, f"the store cannot be opened, check its password: {error}")
