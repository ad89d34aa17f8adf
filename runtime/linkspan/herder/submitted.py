"""What everybody who creates a connector has to say and may say: its name, and the state to begin in."""

from __future__ import annotations

from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.herder.port import PAUSED, STARTED, STOPPED, SubmittedConfig

__all__ = ["initial_target", "named"]

_INITIAL_STATES: Final = {"RUNNING": STARTED, "PAUSED": PAUSED, "STOPPED": STOPPED}


def initial_target(state: str | None) -> str | None:
    """The target state that ``initial_state`` asks for, in any case; None for none.

    Raises:
        ConfigError: there is no such state.
    """
    if state is None:
        return None
    target = _INITIAL_STATES.get(state.upper())
    if target is None:
        raise ConfigError(f'Unknown "initial_state" {state}; known are: {", ".join(_INITIAL_STATES)}', "initial_state")
    return target


def named(name: str, config: SubmittedConfig, where: str = "URL") -> dict[str, str | None]:
    """Put the connector's name into its configuration, or check that it is the one there.

    Args:
        name: of the connector.
        config: as submitted.
        where: the name was found.

    Raises:
        ConfigError: there is another one.
    """
    present = config.get("name")
    if present is not None and present != name:
        raise ConfigError(
            f"Connector name configuration ({present}) doesn't match connector name in the {where} ({name})", "name"
        )
    return {**config, "name": name}
