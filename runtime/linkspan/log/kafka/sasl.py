"""Authentication: Java's ``sasl.jaas.config`` and ``sasl.oauthbearer.*`` as librdkafka takes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.config.jaas import JaasSyntaxError, file_of_java, parse_contexts, parse_module
from linkspan.config.stores import certificates

__all__ = ["authentication", "parse_jaas"]

_PASSWORD_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def parse_jaas(text: str) -> tuple[str, dict[str, str]]:
    """Class of the login module and its options.

    Raises:
        ConfigError: not in JAAS syntax; the message does not repeat the text, which holds secrets.
    """
    try:
        return parse_module(text)
    except JaasSyntaxError as error:
        message = f"Invalid value [hidden] for configuration sasl.jaas.config: {error}"
        raise ConfigError(message, "sasl.jaas.config") from error


def authentication(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings of librdkafka for the SASL mechanism that Java settings name; empty without SASL.

    Raises:
        ConfigError: an option is missing or malformed, or the mechanism is one this build cannot offer.
    """
    if "SASL" not in settings.get("security.protocol", "PLAINTEXT").upper():
        return {}
    mechanism = settings.get("sasl.mechanism", "GSSAPI").upper()
    jaas = settings.get("sasl.jaas.config")
    options = parse_jaas(jaas)[1] if jaas else _options_of_file()
    if mechanism in _PASSWORD_MECHANISMS:
        return {
            "sasl.mechanism": mechanism,
            "sasl.username": _required(options, "username", mechanism),
            "sasl.password": _required(options, "password", mechanism),
        }
    if mechanism == "OAUTHBEARER":
        return _oauth(settings, options)
    if mechanism == "GSSAPI":
        return _kerberos(settings, options)
    raise ConfigError.invalid(
        "sasl.mechanism", mechanism, "use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI"
    )


def _options_of_file() -> dict[str, str]:
    """Options in the login configuration file of a Java worker, which counts when there is no ``sasl.jaas.config``."""
    path = file_of_java(os.environ.get("KAFKA_OPTS", ""))
    if path is None:
        return {}
    try:
        modules = parse_contexts(Path(path).read_text(encoding="utf-8")).get("KafkaClient")
    except OSError as error:
        raise ConfigError(f"The JAAS file {path} cannot be read: {error.strerror}") from error
    except (JaasSyntaxError, UnicodeDecodeError) as error:
        raise ConfigError(f"The JAAS file {path} is malformed: {error}") from error
    if not modules:
        raise ConfigError(
            f"Set sasl.jaas.config, or add a context KafkaClient to the JAAS file {path}", "sasl.jaas.config"
        )
    return modules[0][1]


def _required(options: Mapping[str, str], name: str, mechanism: str) -> str:
    if name not in options:
        raise ConfigError(
            f'Option "{name}" is missing in sasl.jaas.config, which mechanism {mechanism} needs', "sasl.jaas.config"
        )
    return options[name]


def _oauth(settings: Mapping[str, str], options: Mapping[str, str]) -> dict[str, str]:
    if "unsecuredLoginStringClaim_sub" in options:
        return {
            "sasl.mechanism": "OAUTHBEARER",
            "enable.sasl.oauthbearer.unsecure.jwt": "true",
            "sasl.oauthbearer.config": f"principal={options['unsecuredLoginStringClaim_sub']}",
        }
    endpoint = settings.get("sasl.oauthbearer.token.endpoint.url")
    if not endpoint:
        raise ConfigError(
            "sasl.oauthbearer.token.endpoint.url is missing, which mechanism OAUTHBEARER needs",
            "sasl.oauthbearer.token.endpoint.url",
        )
    client = settings.get("sasl.oauthbearer.client.credentials.client.id")
    secret = settings.get("sasl.oauthbearer.client.credentials.client.secret")
    translated = {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": endpoint,
        "sasl.oauthbearer.client.id": client if client is not None else _required(options, "clientId", "OAUTHBEARER"),
        "sasl.oauthbearer.client.secret": (
            secret if secret is not None else _required(options, "clientSecret", "OAUTHBEARER")
        ),
    }
    scope = settings.get("sasl.oauthbearer.scope") or options.get("scope")
    if scope:
        translated["sasl.oauthbearer.scope"] = scope
    trusted = certificates({name: value for name, value in options.items() if name.startswith("ssl.truststore.")})
    if trusted:
        translated["https.ca.pem"] = trusted["ssl.ca.pem"]
    extensions = {name[10:]: value for name, value in options.items() if name.startswith("extension_")}
    if extensions:
        translated["sasl.oauthbearer.extensions"] = ",".join(f"{name}={value}" for name, value in extensions.items())
    return translated


def _kerberos(settings: Mapping[str, str], options: Mapping[str, str]) -> dict[str, str]:
    named = {
        "sasl.mechanism": "GSSAPI",
        "sasl.kerberos.service.name": settings.get("sasl.kerberos.service.name") or options.get("serviceName"),
        "sasl.kerberos.keytab": options.get("keyTab"),
        "sasl.kerberos.principal": options.get("principal"),
    }
    return {name: value for name, value in named.items() if value}
