"""The client of a schema registry: what converters ask it, and what its failures mean to them.

confluent-kafka's client does the talking. Whatever passes by itself (the registry is away, starting, overloaded) is an
outage; a record is at fault only when the registry is well and refuses its schema or does not know its id.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from confluent_kafka.schema_registry import Schema as ClientSchema
from confluent_kafka.schema_registry import SchemaReference, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.common import _httpx_compat

from linkspan.api import (
    ConfigError,
    CredentialsError,
    DataError,
    OutageError,
    Secret,
    ThrottledError,
    UnreachableError,
)
from linkspan.config.jaas import JaasSyntaxError, parse_module
from linkspan.config.tls import client_context, why
from linkspan.convert.registry_schema import Reference, RegisteredSchema, RegistrySchema
from linkspan.convert.registry_settings import RegistryConfig

__all__ = ["Registry"]

log = logging.getLogger(__name__)
_httpx = _httpx_compat.httpx

T = TypeVar("T")
_NAMESPACE: Final = "schema.registry."
_HEADER: Final = "request.header."
_MOCK: Final = "mock://"
_RETRIES: Final = 1
_RETRY_MS: Final = 100
"""One more try, for a connection that the registry had closed; to wait for a registry is the runtime's business."""
_TIMED_OUT, _THROTTLED = 408, 429
_CREDENTIALS: Final = frozenset((401, 403))
_NOWHERE: Final = frozenset((404, 405, 410))
"""What a server says of an address that means nothing to it."""
_URL: Final = "schema.registry.url"
_OAUTH: Final = (
    "bearer.auth.issuer.endpoint.url",
    "bearer.auth.client.id",
    "bearer.auth.client.secret",
    "bearer.auth.scope",
    "bearer.auth.logical.cluster",
    "bearer.auth.identity.pool.id",
)


class Registry:
    """One converter's connection to a registry.

    Args:
        config: settings of the converter.

    Raises:
        ConfigError: they contradict each other, or a store cannot be read.
    """

    def __init__(self, config: RegistryConfig) -> None:
        self._normalize = config.normalize_schemas
        self._urls = config.schema_registry_url
        self._client = _connect(config)

    def register(self, subject: str, schema: RegistrySchema) -> int:
        """Id of a schema, which is registered if need be.

        Raises:
            DataError: the registry refuses it.
            OutageError: the registry cannot answer now.
            CredentialsError: it refuses ours.
        """
        wanted = _to_client(schema)
        return int(
            self._ask(
                f"Error registering {_title(schema.type)} schema",
                lambda: self._client.register_schema(subject, wanted, self._normalize),
            )
        )

    def id_of(self, subject: str, schema: RegistrySchema) -> int:
        """Id of a schema that is registered.

        Raises:
            DataError: it is not.
            OutageError: the registry cannot answer now.
            CredentialsError: it refuses ours.
        """
        wanted = _to_client(schema)
        found = self._ask(
            f"Error retrieving {_title(schema.type)} schema",
            lambda: self._client.lookup_schema(subject, wanted, self._normalize),
        )
        return found.schema_id or 0

    def version_of(self, subject: str, schema: RegistrySchema, schema_id: int) -> int:
        """Version of a schema within a subject; one that was deleted there counts.

        Raises:
            DataError: the subject does not have it.
            OutageError: the registry cannot answer now.
            CredentialsError: it refuses ours.
        """
        wanted = _to_client(schema)
        found = self._ask(
            f"Error retrieving {_title(schema.type)} schema version for id {schema_id}",
            lambda: self._client.lookup_schema(subject, wanted, deleted=True),
        )
        return found.version or 0

    def latest(self, subject: str, kind: str) -> RegisteredSchema:
        """The last version of a subject, of the given type of schemas.

        Raises:
            DataError: there is none.
            OutageError: the registry cannot answer now.
            CredentialsError: it refuses ours.
        """
        what = f"Error retrieving latest version of {_title(kind)} schema"
        found = self._ask(what, lambda: self._client.get_latest_version(subject))
        return RegisteredSchema(found.schema_id or 0, _from_client(found.schema))

    def schema_of(self, schema_id: int, subject: str | None, kind: str) -> RegistrySchema:
        """The schema with an id.

        Raises:
            DataError: there is none.
            OutageError: the registry cannot answer now.
            CredentialsError: it refuses ours.
        """
        what = f"Error retrieving {_title(kind)} schema for id {schema_id}"
        return _from_client(self._ask(what, lambda: self._client.get_schema(schema_id, subject_name=subject)))

    def referenced(self, schema: RegistrySchema) -> dict[str, RegistrySchema]:
        """All schemas that a schema uses, by their names, each after those that it uses itself.

        Raises:
            DataError: one is missing.
            OutageError: the registry cannot answer now.
            CredentialsError: it refuses ours.
        """
        found: dict[str, RegistrySchema] = {}
        self._collect(schema.references, found)
        return found

    def _collect(self, references: Sequence[Reference], found: dict[str, RegistrySchema]) -> None:
        for reference in references:
            if reference.name in found:
                continue
            what = f"Error retrieving version {reference.version} of {reference.subject}, which a schema refers to"
            answer = self._ask(what, lambda item=reference: self._client.get_version(item.subject, item.version))  # type: ignore[misc]  # a default of its own
            schema = _from_client(answer.schema)
            self._collect(schema.references, found)
            found[reference.name] = schema

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except SchemaRegistryError as error:
            raise self._failure(what, error) from error
        except _httpx.TransportError as error:
            raise self._no_answer(what, error) from error
        except json.JSONDecodeError as error:
            raise self._nobody(what, "the answer is no JSON") from error

    def _no_answer(self, what: str, error: Exception) -> Exception:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return CredentialsError(
                    f"{what}: the certificate of the schema registry at {self._where()} is not trusted "
                    f"({why(cause)}); check schema.registry.ssl.truststore.location of the converter"
                )
            cause = cause.__cause__ or cause.__context__
        return UnreachableError(f"{what}: the schema registry at {self._where()} does not answer ({error})")

    def _failure(self, what: str, error: SchemaRegistryError) -> Exception:
        status, text = error.http_status_code, f"{error.error_message}; error code: {error.error_code}"
        if status in _CREDENTIALS:
            return CredentialsError(
                f"{what}: the schema registry at {self._where()} refuses us (HTTP {status}: {error.error_message}); "
                "check basic.auth.* or bearer.auth.* of the converter, and what that user may do"
            )
        if status == _THROTTLED:
            return ThrottledError(f"{what}: the schema registry at {self._where()} asks for fewer requests ({text})")
        if status == _TIMED_OUT or status >= 500:
            return OutageError(
                f"{what}: the schema registry at {self._where()} cannot answer now (HTTP {status}: {text})"
            )
        # a registry that does not have what it is asked for has a number for that, such as 40403
        if status < 400 or (status in _NOWHERE and str(error.error_code)[:-2] != str(status)):
            return self._nobody(what, f"HTTP {status}")
        return DataError(f"{what}: {text}")

    def _nobody(self, what: str, why_not: str) -> UnreachableError:
        """Whatever answers there, a proxy before a registry that is away or a wrong address: no record is at fault."""
        return UnreachableError(
            f"{what}: what answers at {self._where()} is no schema registry ({why_not}); if this lasts, check {_URL} "
            "of the converter"
        )

    def _where(self) -> str:
        return ", ".join(_without_credentials(url) for url in self._urls)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _title(kind: str) -> str:
    return {"AVRO": "Avro", "PROTOBUF": "Protobuf"}.get(kind, kind)


def _to_client(schema: RegistrySchema) -> ClientSchema:
    references = [SchemaReference(item.name, item.subject, item.version) for item in schema.references]
    return ClientSchema(schema.text, schema.type, references)


def _from_client(schema: ClientSchema) -> RegistrySchema:
    references = tuple(
        Reference(item.name or "", item.subject or "", item.version or 0) for item in schema.references or ()
    )
    return RegistrySchema(schema.schema_str or "", schema.schema_type or "AVRO", references)


# --- the connection ---------------------------------------------------------------------------------------------------

_mocks: dict[str, SchemaRegistryClient] = {}
"""Registries in memory by their URLs: all converters of a process that name the same one share it, as in Java."""


def _connect(config: RegistryConfig) -> SchemaRegistryClient:
    urls = [url.strip() for url in config.schema_registry_url if url.strip()]
    _check_urls(urls)
    if urls[0].startswith(_MOCK):
        if urls[0] not in _mocks:
            _mocks[urls[0]] = SchemaRegistryClient.new_client({"url": urls[0]})
        return _mocks[urls[0]]
    settings: dict[str, Any] = {
        "url": ",".join(map(_without_credentials, urls)),
        "max.retries": _RETRIES,
        "retries.wait.ms": _RETRY_MS,
        "cache.capacity": max(config.max_schemas_per_subject, 1),
        **_oauth(config),
    }
    client = SchemaRegistryClient(settings)
    _replace_session(client, config, urls)
    return client


def _check_urls(urls: Sequence[str]) -> None:
    if not urls:
        raise ConfigError.invalid(_URL, "", "name the address of a schema registry, such as http://localhost:8081")
    for url in urls:
        if not url.startswith(("http://", "https://", _MOCK)):
            raise ConfigError.invalid(_URL, _without_credentials(url), "it begins with http:// or https://")
    if any(url.startswith(_MOCK) for url in urls) and len(urls) > 1:
        raise ConfigError.invalid(_URL, ",".join(urls), "Only one mock scope is permitted for 'schema.registry.url'")


def _replace_session(client: SchemaRegistryClient, config: RegistryConfig, urls: Sequence[str]) -> None:
    """Give the client a session of its own library with what its settings cannot say.

    It takes keys and certificates from files only, one timeout for everything, and no headers.
    """
    rest = client._rest_client  # noqa: SLF001 - there is no other way to hand it a session
    proxy = f"http://{config.proxy_host}:{config.proxy_port}" if config.proxy_host else None
    session = _httpx.Client(
        verify=client_context(_tls(config)) if any(url.startswith("https:") for url in urls) else True,
        auth=_basic(config, urls),
        headers=_headers(config),
        proxy=proxy,
        timeout=_httpx.Timeout(config.http_read_timeout_ms / 1000, connect=config.http_connect_timeout_ms / 1000),
    )
    rest.session.close()
    rest.session = session


def _tls(config: RegistryConfig) -> dict[str, str]:
    names = config.with_prefix(_NAMESPACE)
    return {name: value for name, value in names.items() if name.startswith("ssl.") and value is not None}


def _setting(config: RegistryConfig, name: str) -> str:
    """A setting, which may be written with or without ``schema.registry.`` before it."""
    written = config.originals.get(_NAMESPACE + name)
    parsed = config.values.get(name, config.originals.get(name)) if written is None else written
    return parsed.value if isinstance(parsed, Secret) else str(parsed or "")


def _basic(config: RegistryConfig, urls: Sequence[str]) -> tuple[str, str] | None:
    source = _setting(config, "basic.auth.credentials.source")
    if source == "USER_INFO":
        info = _setting(config, "basic.auth.user.info")
        if not info:
            raise ConfigError(
                "basic.auth.user.info must be provided when basic.auth.credentials.source is set to USER_INFO",
                "basic.auth.user.info",
            )
        name, _, password = info.partition(":")
        return name, password
    if source == "SASL_INHERIT":
        return _of_jaas(_setting(config, "sasl.jaas.config"))
    for url in urls:
        parts = urlsplit(url)
        if parts.username is not None:
            return unquote(parts.username), unquote(parts.password or "")
    return None


def _of_jaas(text: str) -> tuple[str, str]:
    key = "sasl.jaas.config"
    if not text:
        raise ConfigError(f"{key} must be provided when basic.auth.credentials.source is set to SASL_INHERIT", key)
    try:
        options = parse_module(text)[1]
    except JaasSyntaxError as error:
        raise ConfigError.invalid(key, "[hidden]", str(error)) from error
    if "username" not in options or "password" not in options:
        raise ConfigError.invalid(key, "[hidden]", "SASL_INHERIT needs its options username and password")
    return options["username"], options["password"]


def _headers(config: RegistryConfig) -> dict[str, str]:
    headers = {name: value or "" for name, value in config.with_prefix(_HEADER).items()}
    source = _bearer_source(config)
    if source == "STATIC_TOKEN":
        token = _setting(config, "bearer.auth.token")
        if not token:
            raise ConfigError(
                "bearer.auth.token must be provided when bearer.auth.credentials.source is set to STATIC_TOKEN",
                "bearer.auth.token",
            )
        headers["Authorization"] = f"Bearer {token}"
        for name, header in (
            ("bearer.auth.logical.cluster", "target-sr-cluster"),
            ("bearer.auth.identity.pool.id", "Confluent-Identity-Pool-Id"),
        ):
            if value := _setting(config, name):
                headers[header] = value
    return headers


def _bearer_source(config: RegistryConfig) -> str:
    source = _setting(config, "bearer.auth.credentials.source")
    if source not in ("", "STATIC_TOKEN", "OAUTHBEARER"):
        raise ConfigError.invalid(
            "bearer.auth.credentials.source", source, "the supported values are STATIC_TOKEN and OAUTHBEARER"
        )
    return source


def _oauth(config: RegistryConfig) -> dict[str, str]:
    if _bearer_source(config) != "OAUTHBEARER":
        return {}
    found = {name: value for name in _OAUTH if (value := _setting(config, name))}
    for name in _OAUTH[:3]:
        if name not in found:
            raise ConfigError(
                f"{name} must be provided when bearer.auth.credentials.source is set to OAUTHBEARER", name
            )
    # the library insists on these, where Java's does not
    optional = dict.fromkeys(_OAUTH[3:5], "")
    return {"bearer.auth.credentials.source": "OAUTHBEARER", **optional, **found}


def _without_credentials(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
