"""What the config topic says, as of one moment (spec/runtime.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from linkspan.herder.port import SubmittedConfig
from linkspan.herder.sessions import SessionKey

__all__ = ["ConfigSnapshot", "RestartRequest"]


@dataclass(frozen=True, slots=True)
class RestartRequest:
    """Every worker is to restart its share of a connector (KIP-745).

    Attributes:
        connector: its name.
        include_tasks: whether tasks are meant, too.
        only_failed: whether only what has failed is meant.
    """

    connector: str
    include_tasks: bool
    only_failed: bool


@dataclass(frozen=True, slots=True)
class ConfigSnapshot:
    """Connectors and their tasks; never changes.

    Attributes:
        offset: after the last record that was understood; -1 before any.
        session_key: that requests between workers are signed with.
        connectors: configuration of each connector.
        targets: STARTED, PAUSED or STOPPED; may name connectors that do not exist.
        task_counts: how many tasks each connector has.
        task_configs: of each task; those beyond the count, and those of inconsistent connectors, are stale.
        task_generations: how often each connector's tasks were made anew since this worker began to read.
        applied: configuration that a connector had when its tasks were made.
        inconsistent: connectors whose tasks were announced but not all written, or not all kept.
        unfinished: connectors of which task configurations were written that no commit has put into force. Compaction
            drops older ones for their sake, so who starts later may find the connector inconsistent.
        task_count_records: how many tasks of a connector were fenced in last.
        pending_fencing: connectors whose tasks were made anew after that.
    """

    offset: int = -1
    session_key: SessionKey | None = None
    connectors: Mapping[str, SubmittedConfig] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    task_counts: Mapping[str, int] = field(default_factory=dict)
    task_configs: Mapping[tuple[str, int], SubmittedConfig] = field(default_factory=dict)
    task_generations: Mapping[str, int] = field(default_factory=dict)
    applied: Mapping[str, SubmittedConfig] = field(default_factory=dict)
    inconsistent: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    task_count_records: Mapping[str, int] = field(default_factory=dict)
    pending_fencing: frozenset[str] = frozenset()

    def tasks(self, name: str) -> list[int]:
        """Numbers of the tasks that can be run: none while a connector is inconsistent."""
        return [] if name in self.inconsistent else list(range(self.task_counts.get(name, 0)))

    def task_configs_of(self, name: str) -> list[SubmittedConfig]:
        """Configurations of the tasks that can be run, by their numbers."""
        return [self.task_configs[name, number] for number in self.tasks(name)]
