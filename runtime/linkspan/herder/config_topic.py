"""The config topic: one log of everything that a group of workers is to run (spec/runtime.md 2.2 to 2.4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, Protocol
from weakref import WeakValueDictionary

from linkspan.api.errors import ConflictError, ConnectError, RetriableError
from linkspan.convert.java_json import parse
from linkspan.herder import config_records
from linkspan.herder.config_records import (
    ConfigRecord,
    ConnectorRecord,
    LogLevel,
    MalformedRecordError,
    TargetRecord,
    TaskCount,
    TaskRecord,
    TasksCommit,
)
from linkspan.herder.config_snapshot import ConfigSnapshot, RestartRequest
from linkspan.herder.port import STARTED, SubmittedConfig
from linkspan.herder.sessions import SessionKey
from linkspan.log.port import ExclusiveWriter, Table, TableRecord

__all__ = ["ConfigListener", "ConfigTopic", "LostClaimError"]

_WRITE_SECONDS: Final = 30.0
_log: Final = logging.getLogger(__name__)


class LostClaimError(ConnectError):
    """Another worker leads, or has done so meanwhile, or the log does not answer; nothing is known to be written."""

    code: ClassVar[str] = "lost_claim"

    def __init__(self) -> None:
        super().__init__(
            "Failed to write to config topic; this may be due to a transient error and the request can be safely "
            "retried"
        )


class ConfigListener(Protocol):
    """Told what changes after the topic was opened; the snapshot knows it already. Called on the event loop."""

    def on_connector_config(self, name: str) -> None:
        """A connector has a configuration: it is new, or changed, or the same was written again."""
        ...

    def on_connector_removed(self, name: str) -> None:
        """A connector was deleted; it may have been unknown."""
        ...

    def on_tasks(self, name: str) -> None:
        """A connector's tasks were made anew, or it has none any more, or their set is incomplete."""
        ...

    def on_target(self, name: str) -> None:
        """An existing connector has another target state."""
        ...

    def on_session_key(self, key: SessionKey) -> None:
        """Requests between workers are signed with this from now on."""
        ...

    def on_restart(self, request: RestartRequest) -> None:
        """A connector is to be restarted."""
        ...

    def on_log_level(self, logger: str, level: str) -> None:
        """A logger of every worker gets another level."""
        ...


class ConfigTopic:
    """Reads the topic into snapshots, and writes to it.

    Args:
        table: on the topic; not open yet.
        leader_writer: writes what only the leader may write; None where nobody keeps others from it.
    """

    def __init__(self, table: Table, leader_writer: ExclusiveWriter | None = None) -> None:
        self._table = table
        self._leader_writer = leader_writer
        self._claiming: asyncio.Task[None] | None = None
        self._claims = 0
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._state = _State()
        self._listener: ConfigListener | None = None
        self._snapshot: ConfigSnapshot | None = None

    # --- reading ------------------------------------------------------------------------------------------------

    async def open(self, listener: ConfigListener) -> None:
        """Read what is there, then go on reading and tell the listener.

        Raises:
            ConfigError: the topic is not fit for this.
            UnreachableError, ConnectError: it can be neither made nor read.
        """
        await self._table.open(self._take)
        self._listener = listener

    @property
    def snapshot(self) -> ConfigSnapshot:
        """Everything that was read."""
        if self._snapshot is None:
            self._snapshot = self._state.snapshot()
        return self._snapshot

    async def read_to_end(self, seconds: float) -> None:
        """Return when the snapshot has everything that is in the topic now.

        Raises:
            RetriableError: that was not so within ``seconds``.
        """
        await self._table.read_to_end(seconds)

    async def close(self) -> None:
        """Stop reading."""
        await self.give_up_claim()
        await self._table.close()

    def _take(self, records: Sequence[TableRecord]) -> None:
        for record in records:
            try:
                self._take_one(record)
            except Exception as error:  # noqa: BLE001 - supervision point: no record keeps others from being read
                _log.error(
                    "Skipped a record of the config topic (partition %d, offset %d, key %s): %s",
                    record.partition,
                    record.offset,
                    "null" if record.key is None else record.key.decode(errors="backslashreplace"),
                    error,
                    exc_info=None if isinstance(error, MalformedRecordError) else error,
                )

    def _take_one(self, record: TableRecord) -> None:
        try:
            value = None if record.value is None else parse(record.value)
        except ValueError:
            raise MalformedRecordError("its value is not JSON") from None
        # What is no JSON does not move the offset, whatever else is wrong does: all workers have to count alike.
        self._state.offset = record.offset + 1
        self._snapshot = None
        if record.key is None:
            raise MalformedRecordError("it has no key")
        try:
            key = record.key.decode()
        except UnicodeDecodeError:
            raise MalformedRecordError("its key is not a text") from None
        decoded = config_records.decode(key, value)
        changed = self._state.apply(decoded)
        if changed and self._listener is not None:
            _tell(self._listener, decoded)

    # --- leading ------------------------------------------------------------------------------------------------

    def begin_claim(self, seconds: float) -> None:
        """This worker leads: who led before can write nothing more of what only the leader may write.

        Goes on in the background; writes wait for it. To be called again from time to time: a claim may fail or get
        lost.

        Args:
            seconds: that it may take.
        """
        writer = self._leader_writer
        if writer is not None and not writer.claimed and self._claiming is None:
            self._claims += 1
            self._claiming = asyncio.create_task(writer.claim(seconds), name="claim the config topic")
            self._claiming.add_done_callback(self._claimed)

    def _claimed(self, claiming: asyncio.Task[None]) -> None:
        self._claiming = None
        error = None if claiming.cancelled() else claiming.exception()
        if isinstance(error, ConnectError):
            _log.warning("This worker leads, but cannot write to the config topic yet: %s", error.message)
        elif error is not None:
            _log.error("Claiming the config topic failed", exc_info=error)

    async def give_up_claim(self) -> None:
        """This worker does not lead."""
        if self._claiming is not None:
            await asyncio.wait([self._claiming])
        if self._leader_writer is not None and self._leader_writer.claimed:
            await self._leader_writer.release()

    # --- writing ------------------------------------------------------------------------------------------------

    async def put_connector(self, name: str, config: SubmittedConfig, target: str | None) -> None:
        """Create or replace a connector, with a target state if one is asked for; returns when it was read back.

        Raises:
            RetriableError, ConnectError: as every writer here: it may not have been written.
        """
        records: list[ConfigRecord] = [ConnectorRecord(name, config)]
        if target is not None:
            # First, so that no worker starts what is to be created stopped.
            records.insert(0, TargetRecord(name, target))
        await self._write_and_read("Error writing connector configuration to Kafka", records)

    async def remove_connector(self, name: str) -> None:
        """Delete a connector; returns when that was read back."""
        records: list[ConfigRecord] = [ConnectorRecord(name, None), TargetRecord(name, None)]
        await self._write_and_read("Error removing connector configuration from Kafka", records)

    async def put_task_configs(self, name: str, configs: Sequence[SubmittedConfig]) -> None:
        """Replace the tasks of a connector, all at once; returns when they were read back."""
        async with self._turn_of(name):
            await self._put_task_configs(name, configs)

    async def _put_task_configs(self, name: str, configs: Sequence[SubmittedConfig]) -> None:
        deadline = _Deadline(_WRITE_SECONDS)
        tasks = [TaskRecord(name, number, config) for number, config in enumerate(configs)]
        with _failing_with("Error writing root configuration to Kafka"):
            claim = await self._claim(deadline)
            await self._table.read_to_end(deadline.left())
        with _failing_with("Error writing task configurations to Kafka"):
            if tasks:
                await self._lead(tasks, deadline, claim)
        with _failing_with("Error writing root configuration to Kafka"):
            if tasks:
                await self._table.read_to_end(deadline.left())
            await self._lead([TasksCommit(name, len(tasks))], deadline, claim)
            await self._table.read_to_end(deadline.left())

    async def put_target(self, name: str, target: str) -> None:
        """Start, pause or stop a connector; returns when it was written, which is before it is read."""
        with _failing_with("Error writing target state to Kafka"):
            await self._write([TargetRecord(name, target)], _Deadline(_WRITE_SECONDS))

    async def put_task_count(self, name: str, tasks: int, *, generation: int | None) -> None:
        """Note that older tasks were fenced out and so many may start; returns when it was read back.

        Args:
            name: of the connector.
            tasks: how many.
            generation: of these tasks; nothing is written once there are newer ones, of a former leader's either.

        Raises:
            ConflictError: there are.
        """
        deadline = _Deadline(_WRITE_SECONDS)
        async with self._turn_of(name):
            with _failing_with("Error writing task count record to Kafka"):
                claim = await self._claim(deadline)
                await self._table.read_to_end(deadline.left())
            if self.snapshot.task_generations.get(name) != generation:
                raise ConflictError(f"The tasks of connector {name} were cut anew before they could be counted")
            with _failing_with("Error writing task count record to Kafka"):
                await self._lead([TaskCount(name, tasks)], deadline, claim)
                await self._table.read_to_end(deadline.left())

    def _turn_of(self, name: str) -> asyncio.Lock:
        """Held while a connector's tasks are cut or counted: what is counted must be what was cut last."""
        return self._turns.setdefault(name, asyncio.Lock())

    async def put_session_key(self, key: SessionKey) -> None:
        """Change the key that requests between workers are signed with; returns when it was read back."""
        await self._write_and_read("Error writing session key to Kafka", [key])

    async def put_restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> None:
        """Have every worker restart its share of a connector; returns when it was read back."""
        request = RestartRequest(name, include_tasks, only_failed)
        await self._write_and_read(f"Error writing restart-connector-{name} to Kafka", [request])

    async def put_log_level(self, logger: str, level: str) -> None:
        """Change a log level of every worker; returns when it was written, which is before it is read."""
        with _failing_with("Error writing logger level to Kafka"):
            await self._write([LogLevel(logger, level)], _Deadline(_WRITE_SECONDS))

    async def _write_and_read(self, failure: str, records: Sequence[ConfigRecord]) -> None:
        deadline = _Deadline(_WRITE_SECONDS)
        with _failing_with(failure):
            await self._lead(records, deadline)
            await self._table.read_to_end(deadline.left())

    async def _claim(self, deadline: _Deadline) -> int:
        """Return when no claim is under way: former leaders add nothing to what is read from then on.

        Returns:
            which claim it is, for what must not be written with a later one.

        Raises:
            LostClaimError: it takes longer.
        """
        if self._claiming is not None:
            await asyncio.wait([self._claiming], timeout=deadline.left())
        if self._claiming is not None:
            raise LostClaimError
        return self._claims

    async def _lead(self, records: Sequence[ConfigRecord], deadline: _Deadline, claim: int | None = None) -> None:
        """Write what only the leader may write; of what was decided under a claim, nothing with a later one."""
        if self._leader_writer is None:
            await self._write(records, deadline)
            return
        newest = await self._claim(deadline)
        if claim is not None and claim != newest:
            raise LostClaimError
        try:
            await self._leader_writer.write([config_records.encode(record) for record in records], deadline.left())
        except ConnectError as error:
            _log.warning("A write as the leader failed: %s", error.message)
            raise LostClaimError from error

    async def _write(self, records: Sequence[ConfigRecord], deadline: _Deadline) -> None:
        await self._table.write([config_records.encode(record) for record in records], deadline.left())


class _State:
    """What the records mean together; the rules of spec 2.3, one record at a time."""

    def __init__(self) -> None:
        self.offset = -1
        self._session_key: SessionKey | None = None
        self._connectors: dict[str, SubmittedConfig] = {}
        self._targets: dict[str, str] = {}
        self._task_counts: dict[str, int] = {}
        self._task_configs: dict[tuple[str, int], SubmittedConfig] = {}
        self._deferred: dict[str, dict[int, SubmittedConfig]] = {}
        self._generations: dict[str, int] = {}
        self._applied: dict[str, SubmittedConfig] = {}
        self._inconsistent: set[str] = set()
        self._task_count_records: dict[str, int] = {}
        self._pending_fencing: set[str] = set()

    def snapshot(self) -> ConfigSnapshot:
        return ConfigSnapshot(
            offset=self.offset,
            session_key=self._session_key,
            connectors=dict(self._connectors),
            targets=dict(self._targets),
            task_counts=dict(self._task_counts),
            task_configs=dict(self._task_configs),
            task_generations=dict(self._generations),
            applied=dict(self._applied),
            inconsistent=frozenset(self._inconsistent),
            unfinished=frozenset(name for name, tasks in self._deferred.items() if tasks),
            task_count_records=dict(self._task_count_records),
            pending_fencing=frozenset(self._pending_fencing),
        )

    def apply(self, record: ConfigRecord) -> bool:
        """Take in one record; whether a listener wants to know."""
        match record:
            case ConnectorRecord(name, config):
                self._connector(name, config)
                return True
            case TargetRecord(name, target):
                return self._target(name, target)
            case TaskRecord(name, task, config):
                self._deferred.setdefault(name, {})[task] = config
                return False
            case TasksCommit(name, tasks):
                return self._commit(name, tasks)
            case TaskCount(name, tasks):
                self._task_count_records[name] = tasks
                self._pending_fencing.discard(name)
                return False
            case SessionKey():
                self._session_key = record
                return True
            case RestartRequest() | LogLevel():
                return True

    def _connector(self, name: str, config: SubmittedConfig | None) -> None:
        if config is None:
            self._remove(name)
        else:
            self._connectors[name] = config
            self._targets.setdefault(name, STARTED)

    def _remove(self, name: str) -> None:
        self._connectors.pop(name, None)
        self._task_counts.pop(name, None)
        self._deferred.pop(name, None)
        self._applied.pop(name, None)
        for item in [item for item in self._task_configs if item[0] == name]:
            del self._task_configs[item]

    def _target(self, name: str, target: str | None) -> bool:
        exists = name in self._connectors
        if target is not None:
            changed = self._targets.get(name) != target
            self._targets[name] = target
            return changed and exists
        if exists:
            self._targets[name] = STARTED
        else:
            self._targets.pop(name, None)
        return False

    def _commit(self, name: str, tasks: int) -> bool:
        config = self._connectors.get(name)
        if config is None:
            # Deleted before, and all that said so was compacted away.
            self._remove(name)
            return False
        deferred = self._deferred.get(name)
        if not deferred and tasks and self._is_committed(name, tasks):
            return False
        if all(number in (deferred or ()) for number in range(tasks)):
            if deferred is not None:
                self._task_configs.update({(name, number): content for number, content in deferred.items()})
                self._generations[name] = self._generations.get(name, -1) + 1
            self._inconsistent.discard(name)
            self._applied[name] = config
        else:
            _log.warning(
                "The config topic lacks some of the %d task configurations of connector %s, which runs no tasks until "
                "they are written anew; its connector instance does that when it starts",
                tasks,
                name,
            )
            self._inconsistent.add(name)
        if deferred is not None:
            deferred.clear()
        self._task_counts[name] = tasks
        self._pending_fencing.add(name)
        return True

    def _is_committed(self, name: str, tasks: int) -> bool:
        """Whether this is in force already: writers without idempotence may repeat a record."""
        complete = all((name, number) in self._task_configs for number in range(tasks))
        return complete and name not in self._inconsistent and self._task_counts.get(name) == tasks


def _tell(listener: ConfigListener, record: ConfigRecord) -> None:
    match record:
        case ConnectorRecord(name, None):
            listener.on_connector_removed(name)
        case ConnectorRecord(name, _):
            listener.on_connector_config(name)
        case TargetRecord(name, _):
            listener.on_target(name)
        case TasksCommit(name, _):
            listener.on_tasks(name)
        case SessionKey():
            listener.on_session_key(record)
        case RestartRequest():
            listener.on_restart(record)
        case LogLevel(logger, level):
            listener.on_log_level(logger, level)


class _Deadline:
    """The time that all steps of one operation share."""

    def __init__(self, seconds: float) -> None:
        self._end = asyncio.get_running_loop().time() + seconds

    def left(self) -> float:
        return max(self._end - asyncio.get_running_loop().time(), 0.0)


@contextlib.contextmanager
def _failing_with(text: str) -> Iterator[None]:
    """Put the operation in front of what went wrong; what it was must not decide the answer of REST."""
    try:
        yield
    except LostClaimError:
        raise
    except RetriableError as error:
        raise RetriableError(f"{text}: {error.message}") from error
    except ConnectError as error:
        raise ConnectError(f"{text}: {error.message}") from error
