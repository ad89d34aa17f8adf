"""How a worker command ends early."""

from __future__ import annotations

from linkspan.api.errors import ConnectError

__all__ = ["CannotStartError"]


class CannotStartError(Exception):
    """Ends the command with a status and one message.

    Args:
        status: exit status.
        error: what went wrong.
    """

    def __init__(self, status: int, error: ConnectError) -> None:
        super().__init__(error.message)
        self.status = status
