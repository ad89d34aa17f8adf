"""What this worker may do now of what is asked: by its part in the group, or else who may (spec/runtime.md 1.3)."""

from __future__ import annotations

from linkspan.herder.lanes import REQUEST_TIMEOUT_SECONDS
from linkspan.herder.participant import Participant
from linkspan.herder.port import NotLeaderError, RebalanceNeededError, WrongWorkerError
from linkspan.herder.protocol import WorkItem

__all__ = ["Admission"]


class Admission:
    """Lets requests pass, or says who takes them.

    Args:
        group: this worker's part in it.
    """

    def __init__(self, group: Participant) -> None:
        self._group = group

    async def leading(self) -> None:
        """Wait for a part in the group; go on as its leader only.

        Raises:
            NotLeaderError: another worker leads.
            RebalanceNeededError: there is no leader for too long.
        """
        if not self._group.in_group and not await self._group.wait_settled(REQUEST_TIMEOUT_SECONDS):
            raise RebalanceNeededError
        self.check_leading()

    async def undisturbed(self) -> None:
        """Wait until no round is under way or to follow, and so nothing is between two owners.

        Raises:
            RebalanceNeededError: that takes too long.
        """
        if not await self._group.wait_at_rest(REQUEST_TIMEOUT_SECONDS):
            raise RebalanceNeededError

    def check_leading(self) -> None:
        """Go on as the leader only; NotLeaderError names it."""
        if not self._group.leads:
            raise NotLeaderError("Only the leader can do this", self._group.leader_url)

    def check_has(self, item: WorkItem) -> None:
        """Go on only where a connector instance or task is; the leader knows where that is.

        Raises:
            WrongWorkerError: it runs elsewhere.
            NotLeaderError: only the leader knows where.
        """
        if item in self._group.items:
            return
        what = f"{item[0]}-{item[1]}" if item[1] >= 0 else item[0]
        if self._group.leads:
            raise WrongWorkerError(f"{what} runs on another worker", self._group.owner_url(item))
        raise NotLeaderError(f"Only the leader knows where {what} runs", self._group.leader_url)
