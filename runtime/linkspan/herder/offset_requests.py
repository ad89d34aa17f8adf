"""What every herder checks and answers when offsets are changed (spec/runtime.md 1.8, 4.12)."""

from __future__ import annotations

from linkspan.api.errors import ConfigError
from linkspan.herder.port import STOPPED, Body

__all__ = ["altered", "check_offsets", "check_stopped", "reset"]


def check_offsets(offsets: list[Body]) -> None:
    """Raise ConfigError when there are none."""
    if not offsets:
        raise ConfigError("Partitions / offsets need to be provided for an alter offsets request")


def check_stopped(name: str, target: str, tasks: int) -> None:
    """Raise ConfigError unless a connector is stopped and has no tasks."""
    if target != STOPPED or tasks:
        raise ConfigError(
            "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for "
            f"the specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
        )


def altered(connector_did_it: bool) -> Body:
    """Answer to a change; whether the connector itself looked after it."""
    return _message("altered", connector_did_it)


def reset(connector_did_it: bool) -> Body:
    """Answer to a reset."""
    return _message("reset", connector_did_it)


def _message(done: str, connector_did_it: bool) -> Body:
    if connector_did_it:
        return {"message": f"The offsets for this connector have been {done} successfully"}
    return {
        "message": f"The Connect framework-managed offsets for this connector have been {done} successfully. However, "
        f"if this connector manages offsets externally, they will need to be manually {done} in the system that the "
        "connector uses."
    }
