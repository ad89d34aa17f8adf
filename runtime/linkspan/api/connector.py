"""Connectors: what is to be done, cut into tasks."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from linkspan.api.errors import ConfigError
from linkspan.api.fields import Config
from linkspan.api.records import Offset, Partition, TopicPartition
from linkspan.api.task import OffsetReader, SinkTask, SourceTask

__all__ = [
    "Connector",
    "ConnectorContext",
    "ExactlyOnceSupport",
    "Guarantee",
    "SinkConnector",
    "SourceConnector",
    "SourceConnectorContext",
    "TransactionBoundaries",
]

ConfigT = TypeVar("ConfigT", bound=Config)


class ExactlyOnceSupport(Enum):
    """Whether a source delivers exactly once with a given configuration."""

    SUPPORTED = "SUPPORTED"
    UNSUPPORTED = "UNSUPPORTED"


class Guarantee(Enum):
    """What a connector promises of each record, whatever is killed and whenever; checked by ``linkspan.testing``."""

    AT_MOST_ONCE = "AT_MOST_ONCE"
    AT_LEAST_ONCE = "AT_LEAST_ONCE"
    EXACTLY_ONCE = "EXACTLY_ONCE"


class TransactionBoundaries(Enum):
    """Whether a source can say itself where transactions end."""

    SUPPORTED = "SUPPORTED"
    UNSUPPORTED = "UNSUPPORTED"


class ConnectorContext(Protocol):
    """What the runtime offers a connector."""

    connector: str

    def request_task_reconfiguration(self) -> None:
        """Ask for ``task_configs`` to be called again, because the external system changed."""
        ...

    def raise_error(self, error: Exception) -> None:
        """Report that the connector cannot go on; it becomes FAILED."""
        ...


class SourceConnectorContext(ConnectorContext, Protocol):
    """Additionally for sources."""

    @property
    def offset_reader(self) -> OffsetReader:
        """The stored offsets of this connector."""
        ...


class Connector(ABC, Generic[ConfigT]):
    """Common to both directions. The runtime sets ``config`` and ``context`` before :meth:`start`.

    Attributes:
        config_class: declaration of its configuration.
        version: its version, shown by REST.
        java_class: name of the Java connector it replaces; it is then shown under that name and takes the same keys.
        has_short_name: whether the class of that name is meant by its simple name; False where several vendors have one
            of the same simple name, and another one's is meant.
        watches: whether it goes on watching the external system after ``start``; its process is kept then.
        guarantee: what it promises; of a source that says exactly once, where the worker has sources deliver so, and
            at least once elsewhere.
    """

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None
    has_short_name: ClassVar[bool] = True
    watches: ClassVar[bool] = False
    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE

    config: ConfigT

    def start(self) -> None:
        """Begin, for example to watch the external system."""

    def stop(self) -> None:
        """End; may be followed by another ``start`` on the same object."""

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Cut the work into at most ``max_tasks`` configurations, one a task.

        By default one task with the connector's own configuration.
        """
        return [{name: value for name, value in self.config.originals.items() if value is not None}]

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Check what single keys cannot tell, for example that the target is reachable.

        Called on a fresh instance that was not started, with the parsed configuration.

        Returns:
            one error a problem, each with its ``key``.
        """
        return ()


class SourceConnector(Connector[ConfigT]):
    """Brings records from an external system into the log."""

    task_class: ClassVar[type[SourceTask[Any]]]
    context: SourceConnectorContext

    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport | None:
        """Whether this configuration delivers exactly once; None when unknown."""
        return None

    def transaction_boundaries(self, config: Mapping[str, str]) -> TransactionBoundaries:
        """Whether the tasks can define transaction boundaries themselves."""
        return TransactionBoundaries.UNSUPPORTED

    def alter_offsets(self, config: Mapping[str, str], offsets: Sequence[tuple[Partition, Offset | None]]) -> bool:
        """Check, or apply to an external store, offsets that a user sets by hand (None resets a partition).

        Called on a fresh instance that was not started and has no context, with ``config`` set: the argument as it
        was written, the attribute parsed.

        Returns:
            whether the connector looked after it; False when offsets may also be kept elsewhere.

        Raises:
            ConnectError: these offsets make no sense for this connector.
        """
        return False


class SinkConnector(Connector[ConfigT]):
    """Brings records from the log into an external system."""

    task_class: ClassVar[type[SinkTask[Any]]]
    context: ConnectorContext

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int] | None:
        """All offsets that the tasks of this configuration have stored with their data; None when they store none.

        Needed when the task class overrides :meth:`~linkspan.api.task.SinkTask.stored_offsets`. Called like
        :meth:`alter_offsets`, on a fresh instance, while no task runs; a change by REST then goes to both stores.
        """
        return None

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Check, or apply to an external store, offsets that a user sets by hand (None resets a partition).

        Called on a fresh instance that was not started and has no context, with ``config`` set: the argument as it
        was written, the attribute parsed.

        Returns:
            whether the connector looked after it; False when offsets may also be kept elsewhere.

        Raises:
            ConnectError: these offsets make no sense for this connector.
        """
        return False
