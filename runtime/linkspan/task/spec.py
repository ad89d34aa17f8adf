"""Everything a task process is told at its birth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from linkspan.log.port import Log
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.task.suspects import NOBODY, Suspects

__all__ = ["ExactlyOnce", "TaskSpec"]


@dataclass(frozen=True)
class ExactlyOnce:
    """What a source task needs to deliver in transactions (spec/runtime.md 4.11).

    Attributes:
        transactional_id: of its writer.
        offset_topic: where its offsets go, in the transaction of the records before them.
        copies_offsets: whether the worker keeps a copy of them in its own topic.
    """

    transactional_id: str
    offset_topic: str
    copies_offsets: bool = False


@dataclass(frozen=True)
class TaskSpec:
    """A task to run. Picklable.

    Attributes:
        connector: name of the connector.
        task: number of the task, from 0.
        kind: direction.
        log: where the records go to or come from.
        plugin: the connector's plugin; its ``task_class`` is run.
        catalog: every plugin of the worker, to find converters, transforms and predicates.
        connector_config: configuration of the connector, references resolved.
        task_config: configuration of this task, as the connector made it, references resolved.
        worker_config: worker keys that a task needs: classes of converters that the connector does not choose and their
            prefixed keys, which may hold secrets, ``offset.flush.*``, ``topic.creation.enable``,
            ``task.shutdown.graceful.timeout.ms``, ``plugin.path``.
        client_settings: settings of the clients ``producer`` and ``consumer``, already layered (spec/runtime.md 4.8).
            A sink has a producer for its dead letter queue only. An admin client a task has not: that one has the
            worker's own credentials.
        exactly_once: how a source task delivers exactly once; None for at least once, and for sinks.
        unresolved: by key of either configuration, the references in it that nobody knows.
        secrets: what the others were replaced by, and those of the worker file that are in the settings here; no text
            that leaves the task may have them in it.
        suspects: records that may have killed the processes of this connector's tasks.
        memory_max: bytes of memory that its process may hold, with all that it starts; None for any number. The
            worker sees to it.
        job: function that runs it in its process, ``module:function``.
    """

    connector: str
    task: int
    kind: Literal["source", "sink"]
    log: Log
    plugin: PluginInfo
    catalog: Catalog
    connector_config: Mapping[str, str]
    task_config: Mapping[str, str]
    worker_config: Mapping[str, str] = field(default_factory=dict)
    client_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    exactly_once: ExactlyOnce | None = None
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    memory_max: int | None = None
    job: str = "linkspan.worker.requests:task"
    suspects: Suspects = NOBODY

    @property
    def id(self) -> str:
        """``connector-task`` as messages and logs name the task."""
        return f"{self.connector}-{self.task}"
