"""From the result of a validation to the refusal of a request (spec/runtime.md 1.6, 1.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linkspan.api.errors import ConfigError

__all__ = ["refuse_if_invalid"]


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
