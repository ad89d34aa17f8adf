"""One broker with every kind of secured listener that denies what is not allowed, and the clients' side of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from integration.services.certificates import Authority
from integration.services.kafka import Broker
from integration.services.tokens import TokenServer

__all__ = ["KEY_PASSWORD", "PASSWORDS", "STORE_PASSWORD", "Right", "SecuredBroker", "jaas", "prefixed"]

PASSWORDS: Final = {
    "worker": "pass-of-the-worker",
    "bare": "pass-of-the-bare-worker",
    "source": "pass-of-the-source",
    "sink": "pass-of-the-sink",
    "maker": "pass-of-the-maker",
    "registry": "pass-of-the-registry",
}
"""Users of PLAIN, SCRAM and OIDC. ``worker`` may do everything with topics ``open-*`` and groups ``connect-*``.

The others have no rights until they are given some.
"""

STORE_PASSWORD: Final = "pass-of-the-stores"
KEY_PASSWORD: Final = "pass-of-the-key"
_AUDIENCE: Final = "kafka"
_SECURITY: Final = "org.apache.kafka.common.security"
_MODULES: Final = {
    "PLAIN": f"{_SECURITY}.plain.PlainLoginModule",
    "SCRAM-SHA-256": f"{_SECURITY}.scram.ScramLoginModule",
    "SCRAM-SHA-512": f"{_SECURITY}.scram.ScramLoginModule",
    "OAUTHBEARER": f"{_SECURITY}.oauthbearer.OAuthBearerLoginModule",
}
_LISTENERS: Final = {
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "MISNAMED": "SSL",
    "SASL_TLS": "SASL_SSL",
    "SASL_OPEN": "SASL_PLAINTEXT",
    "OIDC": "SASL_PLAINTEXT",
}

_NOT_THERE: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE, KafkaError._NOENT)
_EVERYTHING: Final = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)

Right = tuple[str, str, str]
"""Resource type, name and operation, as in ``("topic", "lines", "write")``; a name that ends in ``*`` is a prefix."""


def jaas(mechanism: str, **options: str) -> str:
    """Login module of a mechanism as ``sasl.jaas.config`` takes it."""
    return " ".join((_MODULES[mechanism], "required", *(f'{name}="{text}"' for name, text in options.items()))) + ";"


class SecuredBroker:
    """A broker with listeners for TLS, mutual TLS, SASL over TLS, SASL in the open, and OIDC.

    Who comes without a name, through PLAINTEXT or TLS, may do everything: that is the test itself.

    Args:
        folder: for stores, configuration, data and log.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.authority = Authority()
        self._write_stores()
        self.tokens = TokenServer(PASSWORDS, _AUDIENCE, folder / "broker.pem")
        self.broker = Broker(
            folder / "broker",
            self._settings(),
            _LISTENERS,
            [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.tokens.keys_url}"],
        )

    def start(self) -> None:
        """Start it, with its users and the rights of ``worker``."""
        self.broker.start()
        self._admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        self._producer = Producer({"bootstrap.servers": self.broker.bootstrap, "linger.ms": 0})
        self._add_users()
        everything = [("topic", "open-*", "all"), ("group", "connect-*", "all")]
        self.allow("worker", everything)

    def stop(self) -> None:
        """Stop it."""
        self.broker.stop()
        self.tokens.stop()

    # --- the broker's side --------------------------------------------------------------------------------------

    def _write_stores(self) -> None:
        folder = self._folder
        client = self.authority.issue("worker")
        self.client = client
        self.stores = {
            "trust.jks": self.authority.write_trust(folder / "trust.jks", "JKS", STORE_PASSWORD),
            "trust.p12": self.authority.write_trust(folder / "trust.p12", "PKCS12", STORE_PASSWORD),
            "key.jks": client.write_jks(folder / "key.jks", STORE_PASSWORD, KEY_PASSWORD),
            "key.p12": client.write_pkcs12(folder / "key.p12", STORE_PASSWORD),
            "key.pem": client.write_pem(folder / "key.pem", KEY_PASSWORD),
        }
        (folder / "trust.pem").write_text(self.authority.pem)
        self.stores["trust.pem"] = folder / "trust.pem"
        self.authority.issue("broker", "127.0.0.1").write_pem(folder / "broker.pem")
        self.authority.issue("elsewhere.invalid").write_pem(folder / "elsewhere.pem")

    def _settings(self) -> dict[str, object]:
        users = {f"user_{name}": password for name, password in PASSWORDS.items()}
        sasl_tls, sasl_open, oidc = ("listener.name." + name for name in ("sasl_tls", "sasl_open", "oidc"))
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:ANONYMOUS",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self._folder / "trust.pem",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._folder / "broker.pem",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.misnamed.ssl.keystore.type": "PEM",
            "listener.name.misnamed.ssl.keystore.location": self._folder / "elsewhere.pem",
            f"{sasl_tls}.sasl.enabled.mechanisms": ",".join(_MODULES),
            f"{sasl_tls}.plain.sasl.jaas.config": jaas("PLAIN", **users),
            f"{sasl_tls}.scram-sha-256.sasl.jaas.config": jaas("SCRAM-SHA-256"),
            f"{sasl_tls}.scram-sha-512.sasl.jaas.config": jaas("SCRAM-SHA-512"),
            f"{sasl_tls}.oauthbearer.sasl.jaas.config": jaas("OAUTHBEARER", unsecuredLoginStringClaim_sub="broker"),
            f"{sasl_open}.sasl.enabled.mechanisms": "PLAIN",
            f"{sasl_open}.plain.sasl.jaas.config": jaas("PLAIN", **users),
            f"{oidc}.sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{oidc}.oauthbearer.sasl.jaas.config": jaas(
                "OAUTHBEARER", unsecuredLoginStringClaim_sub="broker", **self.trust()
            ),
            f"{oidc}.oauthbearer.sasl.server.callback.handler.class": (
                f"{_SECURITY}.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            f"{oidc}.sasl.oauthbearer.jwks.endpoint.url": self.tokens.keys_url,
            f"{oidc}.sasl.oauthbearer.expected.audience": _AUDIENCE,
        }

    def _add_users(self) -> None:
        # a user can be changed only once in a request
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            changes = [
                UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096), password.encode())
                for name, password in PASSWORDS.items()
            ]
            for future in self._admin.alter_user_scram_credentials(changes).values():
                future.result()

    # --- rights and topics --------------------------------------------------------------------------------------

    def allow(self, principal: str, rights: Iterable[Right]) -> None:
        """Give a principal rights; returns when the broker knows of them."""
        bindings = [AclBinding(*_pattern(principal, right), AclPermissionType.ALLOW) for right in rights]
        if not bindings:
            return
        for future in self._admin.create_acls(bindings).values():
            future.result()
        deadline = time.monotonic() + 60
        while not set(bindings) <= set(self._admin.describe_acls(_EVERYTHING).result()):
            assert time.monotonic() < deadline, "the broker never heard of the rights"
            time.sleep(0.02)

    def create_topics(self, names: Iterable[str]) -> None:
        """Create topics with one partition."""
        for future in self._admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
            future.result()

    def write(self, topic: str, value: bytes) -> None:
        """Write a record."""
        self._producer.produce(topic, value)
        assert self._producer.flush(60) == 0

    def records(self, topic: str) -> int:
        """How many records the first partition of a topic holds; 0 when there is no such topic."""
        place = TopicPartition(topic, 0)
        (future,) = self._admin.list_offsets({place: OffsetSpec.latest()}).values()
        try:
            return int(future.result().offset)
        except KafkaException as error:
            if error.args[0].code() in _NOT_THERE:
                return 0
            raise

    # --- the clients' side --------------------------------------------------------------------------------------

    def address(self, listener: str) -> str:
        """Address of a listener."""
        return self.broker.addresses[listener]

    def trust(self, kind: str = "JKS") -> dict[str, str]:
        """Settings that trust the broker, by a store of kind JKS, PKCS12 or PEM."""
        suffix = {"JKS": "jks", "PKCS12": "p12", "PEM": "pem"}[kind]
        settings = {"ssl.truststore.location": str(self.stores[f"trust.{suffix}"]), "ssl.truststore.type": kind}
        return settings if kind == "PEM" else {**settings, "ssl.truststore.password": STORE_PASSWORD}

    def token_login(self, user: str, password: str | None = None) -> dict[str, str]:
        """Settings of a user of the listener OIDC."""
        secret = PASSWORDS[user] if password is None else password
        return {
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.token.endpoint.url": self.tokens.token_url,
            "sasl.jaas.config": jaas("OAUTHBEARER", clientId=user, clientSecret=secret, **self.trust()),
        }

    def login(self, mechanism: str, user: str, password: str | None = None) -> dict[str, str]:
        """Settings of a user of the listeners SASL_TLS (with a mechanism that has passwords)."""
        options = {"username": user, "password": PASSWORDS[user] if password is None else password}
        return {"sasl.mechanism": mechanism, "sasl.jaas.config": jaas(mechanism, **options)}


def _pattern(principal: str, right: Right) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation]:
    kind, name, operation = right
    whole = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
    return (
        ResourceType[kind.upper() if kind != "cluster" else "BROKER"],
        name.removesuffix("*"),
        whole,
        f"User:{principal}",
        "*",
        AclOperation[operation.upper()],
    )


def prefixed(settings: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    """Settings, and a copy of them under each prefix, as a worker file of the original wants them."""
    return {f"{prefix}{name}": value for prefix in ("", *prefixes) for name, value in settings.items()}
