"""TLS of the https listeners, and between workers, from Java's ``ssl.*`` settings (spec/runtime.md 1.1 and 5.2)."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.config.stores import certificates
from linkspan.config.tls import in_memory, openssl_name, why

__all__ = ["ADMIN_PREFIX", "PREFIX", "client_context", "server_context"]

PREFIX: Final = "listeners.https."
ADMIN_PREFIX: Final = "admin.listeners.https."

_CLIENT_AUTH: Final = {
    "none": ssl.CERT_NONE,
    "requested": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
# Java's own security settings switch these off, too, even where they are configured.
_SWITCHED_OFF: Final = ("SSLv2Hello", "SSLv3", "TLSv1", "TLSv1.1")
_TLS13_SUITES: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_log: Final = logging.getLogger(__name__)


def server_context(properties: Mapping[str, str | None], prefix: str) -> ssl.SSLContext:
    """Identity, trust, protocols and ciphers of the https listeners.

    Args:
        properties: of the worker. If any key begins with ``prefix``, only those count, else the ``ssl.*`` ones.
        prefix: :data:`PREFIX` or :data:`ADMIN_PREFIX`.

    Raises:
        ConfigError: a key is missing or wrong, a store cannot be read; names key and file, never a password.
    """
    settings, shown = _settings(properties, prefix)
    texts = certificates(settings, shown)
    if "ssl.key.pem" not in texts:
        raise _no_identity(shown, prefix)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_protocols(context, settings, shown)
    _set_identity(context, texts, settings, shown)
    _set_client_auth(context, texts, settings, shown)
    return context


def client_context(properties: Mapping[str, str | None], prefix: str = PREFIX) -> ssl.SSLContext:
    """What a worker needs to call the https listener of another one: the settings of its own listener.

    Without a trust store it trusts the certificates of its key store, and without either the authorities that the
    system trusts. It shows its own certificate to whoever asks, and checks the name of the other unless
    ``ssl.endpoint.identification.algorithm`` is empty.

    Raises:
        ConfigError: as for :func:`server_context`, but no key is needed.
    """
    settings, shown = _settings(properties, prefix)
    texts = certificates(settings, shown)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_protocols(context, settings, shown)
    context.check_hostname = bool(settings.get("ssl.endpoint.identification.algorithm", "https"))
    if "ssl.key.pem" in texts:
        _set_identity(context, texts, settings, shown)
    if "ssl.ca.pem" in texts or "ssl.certificate.pem" in texts:
        _set_trust(context, texts, settings, shown)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def _settings(properties: Mapping[str, str | None], prefix: str) -> tuple[dict[str, str], str]:
    """Settings without prefix, and the prefix that the user wrote."""
    given = {key: value.strip() for key, value in properties.items() if value is not None}
    own = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
    return (own, prefix) if own else ({key: value for key, value in given.items() if key.startswith("ssl.")}, "")


def _no_identity(shown: str, prefix: str) -> ConfigError:
    key = f"{shown}ssl.keystore.location"
    hint = f" ({prefix}ssl.* is set, so unprefixed ssl.* keys do not count)" if shown else ""
    return ConfigError(f"An https listener needs a key and its certificate, but {key} is not set{hint}", key)


# --- protocols and ciphers ------------------------------------------------------------------------------------------


def _set_protocols(context: ssl.SSLContext, settings: Mapping[str, str], shown: str) -> None:
    key = f"{shown}ssl.enabled.protocols"
    wanted = _items(settings.get("ssl.enabled.protocols", "TLSv1.2,TLSv1.3"))
    for name in wanted:
        if name in _SWITCHED_OFF:
            _log.warning("%s: %s is not offered, it is insecure", key, name)
        elif name not in _VERSIONS:
            raise ConfigError.invalid(key, name, f"use {' or '.join(_VERSIONS)}")
    usable = {_VERSIONS[name] for name in wanted if name in _VERSIONS}
    suites = _items(settings.get("ssl.cipher.suites", ""))
    if suites:
        usable &= _set_suites(context, suites, f"{shown}ssl.cipher.suites")
    if not usable:
        values = ",".join((*wanted, *suites))
        raise ConfigError.invalid(key, values, "no protocol is left with which a client could connect")
    context.minimum_version, context.maximum_version = min(usable), max(usable)


def _set_suites(context: ssl.SSLContext, suites: list[str], key: str) -> set[ssl.TLSVersion]:
    """Allow only these suites; the protocols that they leave."""
    modern = [name for name in suites if name in _TLS13_SUITES]
    older = [name for name in suites if name not in _TLS13_SUITES]
    for name in older:
        try:
            context.set_ciphers(openssl_name(name))
        except ssl.SSLError:
            raise ConfigError.invalid(key, name, "the TLS library does not know this cipher suite") from None
    if older:
        context.set_ciphers(":".join(openssl_name(name) for name in older))
    if modern and len(modern) < len(_TLS13_SUITES):
        # Python's ssl has no call for the suites of TLSv1.3.
        _log.warning("%s: TLSv1.3 is offered with all of its suites, they cannot be chosen one by one", key)
    return ({ssl.TLSVersion.TLSv1_3} if modern else set()) | ({ssl.TLSVersion.TLSv1_2} if older else set())


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


# --- identity and trust ---------------------------------------------------------------------------------------------


def _set_identity(context: ssl.SSLContext, texts: Mapping[str, str], settings: Mapping[str, str], shown: str) -> None:
    # An empty password keeps OpenSSL from asking for one on the terminal when the key is encrypted.
    password = texts.get("ssl.key.password", "")
    key = f"{shown}ssl.keystore.location"
    try:
        with in_memory(texts["ssl.key.pem"] + "\n" + texts["ssl.certificate.pem"]) as path:
            context.load_cert_chain(path, password=password)
    except (ssl.SSLError, OSError, ValueError) as error:
        location = settings.get("ssl.keystore.location", "[inline PEM]")
        reason = f"key and certificate cannot be used ({why(error)}); check also {shown}ssl.key.password"
        raise ConfigError.invalid(key, location, reason) from error


def _set_client_auth(
    context: ssl.SSLContext, texts: Mapping[str, str], settings: Mapping[str, str], shown: str
) -> None:
    wanted = settings.get("ssl.client.auth", "none") or "none"
    if wanted not in _CLIENT_AUTH:
        raise ConfigError.invalid(f"{shown}ssl.client.auth", wanted, f"use one of {', '.join(_CLIENT_AUTH)}")
    context.verify_mode = _CLIENT_AUTH[wanted]
    if wanted != "none":
        _set_trust(context, texts, settings, shown)


def _set_trust(context: ssl.SSLContext, texts: Mapping[str, str], settings: Mapping[str, str], shown: str) -> None:
    # Without a trust store the original trusts what is in its key store.
    trusted = texts.get("ssl.ca.pem") or texts["ssl.certificate.pem"]
    try:
        context.load_verify_locations(cadata=trusted)
    except (ssl.SSLError, ValueError) as error:
        location = settings.get("ssl.truststore.location", "[inline PEM]")
        reason = f"no certificate can be read ({why(error)})"
        raise ConfigError.invalid(f"{shown}ssl.truststore.location", location, reason) from error
    # To Java every certificate of a trust store is an anchor, not only self-signed ones.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
