"""Whether used topics are remembered and may be forgotten (KIP-558, spec/runtime.md 4.18)."""

from __future__ import annotations

from dataclasses import dataclass

from linkspan.api.errors import ConflictError

__all__ = ["TopicTracking", "TopicsForbiddenError"]


class TopicsForbiddenError(ConflictError):
    """The worker's configuration switches topic tracking, or its reset, off (403)."""

    code = "conflict.forbidden"


@dataclass(frozen=True, slots=True)
class TopicTracking:
    """What a worker file says about it.

    Attributes:
        enabled: ``topic.tracking.enable``.
        resettable: ``topic.tracking.allow.reset``.
    """

    enabled: bool = True
    resettable: bool = True

    def check(self) -> None:
        """Raise TopicsForbiddenError unless topics are remembered."""
        if not self.enabled:
            raise TopicsForbiddenError("Topic tracking is disabled.")

    def check_reset(self) -> None:
        """Raise TopicsForbiddenError unless they may be forgotten, too."""
        self.check()
        if not self.resettable:
            raise TopicsForbiddenError("Topic tracking reset is disabled.")
