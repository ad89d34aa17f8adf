"""TLS of Python's ``ssl`` from Java's ``ssl.*`` settings: what servers and clients share, and a client's context."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from linkspan.api.errors import ConfigError
from linkspan.config.stores import certificates

__all__ = ["client_context", "in_memory", "openssl_name", "why"]


def client_context(settings: Mapping[str, str]) -> ssl.SSLContext:
    """TLS of a client that speaks for this worker.

    Args:
        settings: with Java's ``ssl.*`` names; others are ignored.

    Raises:
        ConfigError: a store cannot be read, or what it holds cannot be used.
    """
    texts = certificates(settings)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # to Java every certificate of a trust store is an anchor, not only self-signed ones
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = settings.get("ssl.endpoint.identification.algorithm", "https").strip().lower() == "https"
    try:
        if "ssl.ca.pem" in texts:
            context.load_verify_locations(cadata=texts["ssl.ca.pem"])
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError) as error:
        location = settings.get("ssl.truststore.location", "[inline PEM]")
        raise ConfigError.invalid(
            "ssl.truststore.location", location, f"no certificate can be read ({why(error)})"
        ) from error
    if "ssl.key.pem" in texts:
        _identify(context, texts, settings)
    _choose_suites(context, settings.get("ssl.cipher.suites", ""))
    return context


def _identify(context: ssl.SSLContext, texts: Mapping[str, str], settings: Mapping[str, str]) -> None:
    try:
        with in_memory(texts["ssl.key.pem"] + "\n" + texts["ssl.certificate.pem"]) as path:
            # an empty password keeps OpenSSL from asking for one on the terminal when the key is encrypted
            context.load_cert_chain(path, password=texts.get("ssl.key.password", ""))
    except (ssl.SSLError, OSError, ValueError) as error:
        location = settings.get("ssl.keystore.location", "[inline PEM]")
        reason = f"key and certificate cannot be used ({why(error)}); check also ssl.key.password"
        raise ConfigError.invalid("ssl.keystore.location", location, reason) from error


def _choose_suites(context: ssl.SSLContext, text: str) -> None:
    # the suites of TLSv1.3 are offered in any case; Python's ssl has no call for them
    names = [name.strip() for name in text.strip("[]").split(",")]
    older = [openssl_name(name) for name in names if name and ("_WITH_" in name or not name.startswith("TLS_"))]
    if not older:
        return
    try:
        context.set_ciphers(":".join(older))
    except ssl.SSLError as error:
        raise ConfigError.invalid("ssl.cipher.suites", text, "the TLS library knows none of them") from error


def openssl_name(suite: str) -> str:
    """TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 → ECDHE-RSA-AES128-GCM-SHA256; OpenSSL's own names stay."""
    exchange, with_, cipher = suite.partition("_WITH_")
    if not with_:
        return suite
    exchange = exchange.removeprefix("TLS_").removeprefix("SSL_")
    cipher = cipher.replace("AES_128", "AES128").replace("AES_256", "AES256").replace("_CBC_", "_")
    parts = [] if exchange == "RSA" else [exchange]
    name = "_".join((*parts, cipher)).replace("_", "-")
    return name.removesuffix("-SHA256") if "POLY1305" in name else name


@contextmanager
def in_memory(text: str) -> Iterator[str]:
    """Path of a file that exists in memory only.

    Python's ssl loads a private key from nothing but a file, and a key taken out of a protected store must not be
    written to a disk. The file has no name for other users, is closed on exec, and is gone when the block ends.
    """
    number = os.memfd_create("linkspan-key", os.MFD_CLOEXEC)
    try:
        with os.fdopen(number, "w", closefd=False) as file:
            file.write(text)
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


def why(error: Exception) -> str:
    """Reason of an error of the TLS library, in words."""
    name = getattr(error, "reason", None)
    # without a name the text ends with a place in CPython's own source
    return name.replace("_", " ").lower() if name else str(error).partition(" (_ssl.c")[0].removeprefix("[SSL] ")
