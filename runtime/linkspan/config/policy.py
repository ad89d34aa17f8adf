"""Which client settings a connector may override (spec/runtime.md 4.8; Allowlist as in Apache Kafka 4.3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["ALLOWLIST_KEY", "POLICY_KEY", "OverridePolicy", "known", "policy_of"]

POLICY_KEY: Final = "connector.client.config.override.policy"
ALLOWLIST_KEY: Final = "connector.client.config.override.allowlist"

_NAMES: Final = ("All", "Allowlist", "None", "Principal")
_PRINCIPAL: Final = frozenset({"sasl.jaas.config", "sasl.mechanism", "security.protocol"})
_PACKAGE: Final = "org.apache.kafka.connect.connector.policy."
_SUFFIX: Final = "ConnectorClientConfigOverridePolicy"


@dataclass(frozen=True)
class OverridePolicy:
    """Judges the overrides of one client.

    Attributes:
        name: All, Allowlist, None or Principal.
        allowed: keys that may be overridden, None for all of them.
    """

    name: str
    allowed: frozenset[str] | None

    def refusal(self, key: str) -> str | None:
        """Why a connector may not override ``key`` (without its prefix), or None when it may."""
        if self.allowed is None or key in self.allowed:
            return None
        return f"The '{self.name}' policy does not allow '{key}' to be overridden in the connector configuration."

    def check(self, keys: Iterable[str]) -> None:
        """Judge all overrides of one client.

        Raises:
            ConfigError: one of them is not allowed.
        """
        refused = [text for text in map(self.refusal, keys) if text is not None]
        if refused:
            raise ConfigError(f"Client Config Overrides not allowed [{'; '.join(refused)}]")


def policy_of(worker: Mapping[str, str]) -> OverridePolicy:
    """The policy that a worker's properties choose; All when they say nothing.

    Raises:
        ConfigError: there is no such policy here.
    """
    name = _name(worker.get(POLICY_KEY, "All"))
    if name == "All":
        return OverridePolicy(name, None)
    if name == "Allowlist":
        items = (item.strip() for item in worker.get(ALLOWLIST_KEY, "").split(","))
        return OverridePolicy(name, frozenset(item for item in items if item))
    return OverridePolicy(name, _PRINCIPAL if name == "Principal" else frozenset())


def known(key: str, value: object) -> None:
    """Accept the alias or the Java class name of a policy that there is (a validator)."""
    try:
        _name(str(value))
    except ConfigError as error:
        raise ConfigError(error.message, key) from error


def _name(text: str) -> str:
    name = text.strip().removeprefix(_PACKAGE).removesuffix(_SUFFIX)
    if name not in _NAMES:
        raise ConfigError.invalid(POLICY_KEY, text, f"there are the policies {', '.join(_NAMES)}")
    return name
