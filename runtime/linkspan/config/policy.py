"""Which client settings a connector may override (spec/runtime.md 4.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["check", "name_of", "refusal"]

_PRINCIPAL: Final = frozenset({"sasl.jaas.config", "sasl.mechanism", "security.protocol"})
_PACKAGE: Final = "org.apache.kafka.connect.connector.policy."
_SUFFIX: Final = "ConnectorClientConfigOverridePolicy"


def name_of(text: str) -> str:
    """``All``, ``None`` or ``Principal`` from an alias or a Java class name.

    Raises:
        ConfigError: there is no such policy here.
    """
    name = text.strip().removeprefix(_PACKAGE).removesuffix(_SUFFIX)
    if name not in ("All", "None", "Principal"):
        key = "connector.client.config.override.policy"
        raise ConfigError.invalid(key, text, "there are the policies All, None and Principal")
    return name


def refusal(policy: str, key: str) -> str | None:
    """Why a connector may not override ``key`` (without its prefix), or None when it may."""
    name = name_of(policy)
    if name == "All" or (name == "Principal" and key in _PRINCIPAL):
        return None
    return f"The '{name}' policy does not allow '{key}' to be overridden in the connector configuration."


def check(policy: str, keys: Iterable[str]) -> None:
    """Judge all overrides of one client.

    Raises:
        ConfigError: one of them is not allowed.
    """
    refused = [text for text in (refusal(policy, key) for key in keys) if text is not None]
    if refused:
        raise ConfigError(f"Client Config Overrides not allowed [{'; '.join(refused)}]")
