"""What belongs on this worker: the assignment of its group, applied to the newest configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.local_work import WantedConnector, WantedTask
from linkspan.herder.participant import Participant
from linkspan.herder.port import STARTED, STOPPED, SubmittedConfig

__all__ = ["AssignedWork"]


class AssignedWork:
    """A :class:`linkspan.herder.local_work.Wanted`.

    Args:
        configs: the config topic.
        participant: this worker's part in the group.
    """

    def __init__(self, configs: ConfigTopic, participant: Participant) -> None:
        self._configs = configs
        self._participant = participant
        self._submissions: Counter[str] = Counter()

    def renew(self, name: str) -> None:
        """The configuration of a connector was submitted again, be it the same: its instance begins anew."""
        self._submissions[name] += 1

    def connector(self, name: str) -> WantedConnector | None:
        """The connector instance, if it was assigned to this worker and still exists."""
        snapshot = self._configs.snapshot
        config = snapshot.connectors.get(name)
        if config is None or (name, -1) not in self._participant.items:
            return None
        return WantedConnector(_set_keys(config), snapshot.targets.get(name, STARTED), self._submissions[name])

    def tasks(self, name: str) -> Mapping[int, WantedTask]:
        """The tasks that were assigned to this worker, still exist and are not STOPPED."""
        snapshot = self._configs.snapshot
        config = snapshot.connectors.get(name)
        target = snapshot.targets.get(name, STARTED)
        if config is None or target == STOPPED:
            return {}
        numbers = snapshot.tasks(name)
        return {
            number: WantedTask(
                _set_keys(snapshot.task_configs[name, number]),
                _set_keys(config),
                len(numbers),
                snapshot.task_generations[name],
                target,
            )
            for number in numbers
            if (name, number) in self._participant.items
        }

    def has_task(self, name: str, number: int) -> bool:
        """Whether :meth:`tasks` has this one, without making all of them."""
        snapshot = self._configs.snapshot
        return (
            (name, number) in self._participant.items
            and name in snapshot.connectors
            and snapshot.targets.get(name) != STOPPED
            and number in snapshot.tasks(name)
        )

    def may_start(self) -> bool:
        """Whether no round is under way or due."""
        return self._participant.settled

    def names(self) -> set[str]:
        """Connectors of which something was assigned to this worker."""
        return {name for name, _ in self._participant.items}


def _set_keys(config: SubmittedConfig) -> dict[str, str]:
    """A configuration without its null values, which only a task of the original can have (they mean: not set)."""
    return {key: value for key, value in config.items() if value is not None}
