"""Key and trust stores for IBM's client, which takes one file, and no JKS (spec/mq.md 3.10).

What it can read itself goes to it as it is: PKCS12 and the key database of MQ. A JKS, and key and trust store that are
two files, are written anew as one PKCS12 into a private folder, which lives as long as the task. Its password is random
and nowhere but in the memory of the task.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from linkspan.api import ConfigError
from linkspan_connectors.ibmmq.private_folder import PrivateFolder

__all__ = ["Repository", "Store", "Stores"]

_JKS_MAGIC: Final = b"\xfe\xed\xfe\xed"
_JCEKS_MAGIC: Final = b"\xce\xce\xce\xce"
_PKCS12_BEGIN: Final = b"\x30"
_LABEL: Final = "linkspan"
_KEY_STORE: Final = "mq.ssl.keystore.location"
_LABEL_KEY: Final = "mq.ssl.certificate.label"


class Store(NamedTuple):
    """A file of the configuration.

    Attributes:
        key: that names it.
        path: where it is.
        password: its password, or None.
    """

    key: str
    path: str
    password: str | None


class Repository(NamedTuple):
    """What IBM's client is given.

    Attributes:
        path: of the repository.
        password: of the repository; None when a stash file beside it has it.
        label: of the certificate; empty for the default one.
    """

    path: str
    password: str | None
    label: str


class _Content(NamedTuple):
    """What a store holds: a key with its chain of certificates, and certificates that are trusted."""

    key: Any
    chain: tuple[Any, ...]
    trusted: tuple[Any, ...]


class Stores:
    """Makes one repository of what is configured, once.

    Args:
        keys: the key store, or None.
        trusted: the trust store, or None.
        label: of the certificate to use; empty for the default one.
    """

    def __init__(self, keys: Store | None, trusted: Store | None, label: str = "") -> None:
        self._given = [store for store in (keys, trusted) if store is not None]
        self._label = label
        self._folder: PrivateFolder | None = None
        self._made: Repository | None = None

    def repository(self) -> Repository | None:
        """The repository; None when no store is configured.

        Raises:
            ConfigError: a store cannot be read or converted; the message names its key and what to do.
        """
        if self._given and self._made is None:
            self._made = self._ready_made() or self._written()
        return self._made

    def close(self) -> None:
        """Remove what was written."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None
        self._made = None

    def _ready_made(self) -> Repository | None:
        """The configured file itself, when it is one that the client reads."""
        files = {store.path for store in self._given}
        first = self._given[0]
        if first.path.endswith(".kdb") or any(path.endswith(".kdb") for path in files):
            if len(files) > 1:
                raise ConfigError(
                    f"{first.key}: a key database (.kdb) cannot be joined with another file. Put keys and trusted "
                    "certificates into one, and let both keys name it",
                    first.key,
                )
            return Repository(first.path.removesuffix(".kdb"), first.password, self._label)
        if len(files) == 1 and _kind(first) == "PKCS12":
            return Repository(first.path, first.password or "", self._label)
        return None

    def _written(self) -> Repository:
        contents = [_read(store, self._label if store.key == _KEY_STORE else "") for store in self._given]
        password = secrets.token_urlsafe(24)
        with_key = next((content for content in contents if content.key is not None), None)
        name = self._label or _LABEL
        data = _packed(with_key, [each for content in contents for each in content.trusted], password, name)
        try:
            self._folder = PrivateFolder()
            path = self._folder.path / "stores.p12"
            path.write_bytes(data)
        except OSError as error:
            first = self._given[0]
            reason = f"has to be written anew for IBM's client, and there is no place for that: {error}. Set TMPDIR"
            raise ConfigError.invalid(first.key, first.path, reason) from error
        return Repository(str(path), password, name if with_key is not None else "")


def _kind(store: Store) -> str:
    try:
        with Path(store.path).open("rb") as file:
            begin = file.read(4)
    except OSError as error:
        raise ConfigError.invalid(store.key, store.path, str(error.strerror)) from error
    if begin in (_JKS_MAGIC, _JCEKS_MAGIC):
        return "JKS"
    if begin.startswith(_PKCS12_BEGIN):
        return "PKCS12"
    raise ConfigError.invalid(store.key, store.path, "the file is neither a JKS nor a PKCS12 store")


def _read(store: Store, label: str) -> _Content:
    kind = _kind(store)
    try:
        return _read_jks(store, label) if kind == "JKS" else _read_pkcs12(store)
    except ImportError as error:
        raise ConfigError(
            f"{store.key}: IBM's client reads no {kind} stores. Have them converted: pip install 'linkspan[tls]', or "
            f"do it yourself: keytool -importkeystore -srckeystore {store.path} -destkeystore stores.p12 "
            f"-deststoretype PKCS12, and name stores.p12 here ({error})",
            store.key,
        ) from error


def _read_jks(store: Store, label: str) -> _Content:
    # of the extra "tls"
    import jks  # noqa: PLC0415 - see above
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415 - see above

    try:
        content = jks.KeyStore.load(store.path, store.password or "")
        trusted = tuple(x509.load_der_x509_certificate(entry.cert) for entry in content.certs.values())
        if not content.private_keys:
            return _Content(None, (), trusted)
        entry = _chosen(store, content.private_keys, label)
        if not entry.is_decrypted():
            entry.decrypt(store.password or "")
        key = load_der_private_key(entry.pkey_pkcs8, None)
        chain = tuple(x509.load_der_x509_certificate(data) for _, data in entry.cert_chain)
    except (jks.util.KeystoreException, ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = f"cannot be opened, check its password: {error}"
        raise ConfigError.invalid(store.key, store.path, reason) from error
    return _Content(key, chain, trusted)


def _chosen(store: Store, keys: Mapping[str, Any], label: str) -> Any:  # noqa: ANN401 - of a library without types
    """The key of this label, which a JKS calls an alias and does not tell upper from lower case in; else the first."""
    if not label:
        return next(iter(keys.values()))
    for alias, entry in keys.items():
        if alias.casefold() == label.casefold():
            return entry
    reason = f"{store.path} has no key of this name, but {', '.join(sorted(keys))}"
    raise ConfigError.invalid(_LABEL_KEY, label, reason)


def _read_pkcs12(store: Store) -> _Content:
    # of the extra "tls"
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415 - see above

    try:
        content = pkcs12.load_pkcs12(Path(store.path).read_bytes(), (store.password or "").encode())
    except ValueError as error:
        reason = f"cannot be opened, check its password: {error}"
        raise ConfigError.invalid(store.key, store.path, reason) from error
    others = tuple(each.certificate for each in content.additional_certs)
    if content.key is None or content.cert is None:
        return _Content(None, (), others)
    return _Content(content.key, (content.cert.certificate, *others), ())


def _packed(with_key: _Content | None, trusted: Iterable[Any], password: str, name: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - of the extra "tls"
        BestAvailableEncryption,
        pkcs12,
    )

    chain = () if with_key is None else with_key.chain
    own = chain[0] if chain else None
    others = list(dict.fromkeys([*chain[1:], *trusted]))
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        None if with_key is None else with_key.key,
        own,
        [each for each in others if each != own],
        BestAvailableEncryption(password.encode()),
    )
