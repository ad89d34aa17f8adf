"""From the result of a validation to the refusal of a request (spec/runtime.md 1.6, 1.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linkspan.api.errors import ConfigError

__all__ = ["check_class_present", "refuse_if_invalid"]


def check_class_present(config: Mapping[str, str | None]) -> None:
    """A configuration without ``connector.class`` cannot even be validated."""
    if config.get("connector.class") is None:
        shown = ", ".join(f"{key}={'null' if value is None else value}" for key, value in config.items())
        raise ConfigError(f"Connector config {{{shown}}} contains no connector type", "connector.class")


def refuse_if_invalid(infos: Mapping[str, Any]) -> None:
    """Raise one ConfigError with every message of a ConfigInfos body, if there is any."""
    messages = [message for info in infos["configs"] for message in info["value"]["errors"]]
    if messages:
        raise ConfigError(
            f"Connector configuration is invalid and contains the following {len(messages)} error(s):\n"
            + "\n".join(messages)
            + "\nYou can also find the above list of errors at the endpoint "
            "`/connector-plugins/{connectorType}/config/validate`"
        )
