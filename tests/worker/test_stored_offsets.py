# ruff: noqa: ARG002 - stand-ins take what the real ones take
"""Offsets that a sink stores with its data, changed by REST: both stores, or none, whatever fails or dies between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from linkspan.api.connector import SinkConnector
from linkspan.api.errors import ConfigError, ConnectError, UnsupportedError
from linkspan.api.records import TopicPartition
from linkspan.config import definition
from linkspan.log.embedded import EmbeddedLog
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.worker.offsets import FileOffsetStore
from linkspan.worker.sink_offset_changes import SinkOffsetChanges, Triples, places
from linkspan.worker.supervisor import Worker
from tests.task.harness import SinkRun, create_topic, fill
from tests.testing.ledger import Ledger, LedgerConfig, LedgerSinkConnector, LedgerSinkTask

GROUP = "connect-s"


class RefusingConnector(LedgerSinkConnector):
    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        raise ConfigError("not these")


class IdleConnector(LedgerSinkConnector):
    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        return False


class GroupAloneConnector(LedgerSinkConnector):
    """With a configuration that stores no offsets."""

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int] | None:
        return None

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        return False


class SilentConnector(SinkConnector[LedgerConfig]):
    config_class, task_class = LedgerConfig, LedgerSinkTask


CONNECTORS = (LedgerSinkConnector, RefusingConnector, IdleConnector, GroupAloneConnector, SilentConnector)


def plugin(cls: type) -> PluginInfo:
    name = f"{cls.__module__}.{cls.__qualname__}"
    return PluginInfo("sink", name, f"{cls.__module__}:{cls.__qualname__}", aliases=(cls.__name__,))


class Place:
    """A log with a topic of four records, two of them in the ledger; the group is one behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = EmbeddedLog(str(folder / "log"))
        self.topic = create_topic(self.log)
        self.partition = TopicPartition(self.topic, 0)
        fill(self.log, self.topic, ["a", "b", "c", "d"])
        self.file = str(folder / "ledger")
        run = self.run(["a", "b"])
        assert self.group() == self.stored() == {self.partition: 2}
        run.log.admin({}).alter_group_offsets(GROUP, {self.partition: 1})

    def run(self, until: list[str]) -> SinkRun:
        """A task that goes on until the ledger holds these lines."""
        task = LedgerSinkTask()
        task.config = definition.load(LedgerConfig, {"file": self.file})
        run = SinkRun(self.log, [self.topic], group=GROUP, task=task, max_poll_records=1)  # type: ignore[arg-type]
        return run.run(lambda: self.lines() == until)

    def lines(self) -> list[str]:
        return self._ledger(Ledger.lines)

    def stored(self) -> dict[TopicPartition, int]:
        return self._ledger(Ledger.positions)

    def group(self) -> dict[TopicPartition, int]:
        return self.log.admin({}).group_offsets(GROUP)

    def _ledger(self, look: Callable[[Ledger], Any]) -> Any:
        ledger = Ledger(self.file)
        try:
            return look(ledger)
        finally:
            ledger.close()

    def entry(self, offset: int | None) -> dict[str, Any]:
        return {
            "partition": {"kafka_topic": self.topic, "kafka_partition": 0},
            "offset": None if offset is None else {"kafka_offset": offset},
        }

    def config(self, cls: type) -> dict[str, str]:
        return {"name": "s", "connector.class": cls.__name__, "topics": self.topic, "file": self.file}

    def with_worker(self, story: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            catalog = Catalog(map(plugin, CONNECTORS))
            store = FileOffsetStore(str(self.folder / "offsets"))
            worker = Worker({}, self.log, store, catalog=catalog)
            await worker.open_offsets()
            await worker.start()
            try:
                await story(worker)
            finally:
                await worker.stop()

        asyncio.run(whole())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_altering_and_resetting_changes_the_target_and_the_group(place):
    async def story(worker: Worker) -> None:
        config = place.config(LedgerSinkConnector)
        assert await worker.alter_offsets("s", config, [place.entry(3)]) is True
        assert place.group() == place.stored() == {place.partition: 3}
        assert await worker.alter_offsets("s", config, [place.entry(None)]) is True
        assert place.group() == place.stored() == {}
        await worker.alter_offsets("s", config, [place.entry(1)])
        assert await worker.reset_offsets("s", config) is True
        assert place.group() == place.stored() == {}

    place.with_worker(story)
    place.run(["a", "b", "a", "b", "c", "d"])


def test_a_reset_also_forgets_what_the_target_alone_knows(place):
    place.log.admin({}).delete_group(GROUP)

    async def story(worker: Worker) -> None:
        await worker.reset_offsets("s", place.config(LedgerSinkConnector))
        assert place.stored() == {}

    place.with_worker(story)


def test_where_the_configuration_stores_no_offsets_the_group_alone_is_changed(place):
    async def story(worker: Worker) -> None:
        config = place.config(GroupAloneConnector)
        assert await worker.alter_offsets("s", config, [place.entry(3)]) is False
        assert place.group() == {place.partition: 3}
        assert await worker.reset_offsets("s", config) is False
        assert place.group() == {}

    place.with_worker(story)
    assert place.stored() == {place.partition: 2}


@pytest.mark.parametrize(
    ("cls", "error", "message"),
    [
        (RefusingConnector, ConfigError, "not these"),
        (IdleConnector, ConnectError, r"did not change them as asked: it was to store .*: 3, and stores .*: 2"),
        (SilentConnector, UnsupportedError, "has no stored_offsets and alter_offsets"),
    ],
)
def test_a_connector_that_does_not_change_its_target_leaves_both_as_they_are(place, cls, error, message):
    async def story(worker: Worker) -> None:
        config = place.config(cls)
        with pytest.raises(error, match=message):
            await worker.alter_offsets("s", config, [place.entry(3)])

    place.with_worker(story)
    assert place.stored() == {place.partition: 2}
    assert place.group()[place.partition] in (1, 2)  # a group that is behind may have been brought up to date


@pytest.mark.parametrize("behind", [True, False])
def test_a_group_in_use_leaves_both_as_they_are(place, behind):
    if not behind:
        place.log.admin({}).alter_group_offsets(GROUP, {place.partition: 2})
    zombie = place.log.reader({"group.id": GROUP, "auto.offset.reset": "earliest"})
    zombie.subscribe([place.topic], _Listener())
    zombie.poll(0.1, 1)

    async def story(worker: Worker) -> None:
        config = place.config(LedgerSinkConnector)
        with pytest.raises(ConnectError, match="its tasks haven't stopped"):
            await worker.alter_offsets("s", config, [place.entry(4)])
        with pytest.raises(ConnectError, match="its tasks haven't stopped"):
            await worker.reset_offsets("s", config)

    place.with_worker(story)
    zombie.close()
    assert place.stored() == {place.partition: 2}
    assert place.group() == {place.partition: 1 if behind else 2}


class _Listener:
    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None: ...

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None: ...

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None: ...


class KilledError(BaseException):
    """The worker is no more."""


class Steps:
    """Both stores without a worker; after so many calls everything ends at once."""

    def __init__(self, place: Place, most: int) -> None:
        self._place = place
        self._left = most

    def changes(self) -> SinkOffsetChanges:
        return SinkOffsetChanges("s", self._plugin, self._group)

    async def _plugin(self, job: str, offsets: Triples) -> Any:
        self._count()
        connector, config = LedgerSinkConnector(), {"file": self._place.file}
        if job == "alter_sink_offsets":
            return connector.alter_offsets(config, places(offsets))
        return [[*key, offset] for key, offset in connector.stored_offsets(config).items()]

    async def _group(self, job: str, offsets: Triples, what: str) -> Triples:
        self._count()
        admin = self._place.log.admin({})
        if job == "group_offsets":
            return [[*key, offset] for key, offset in admin.group_offsets(GROUP).items()]
        if job == "reset_group_offsets":
            admin.delete_group(GROUP)
        for key, offset in places(offsets).items():
            if offset is None:
                admin.delete_group_offsets(GROUP, [key])
            else:
                admin.alter_group_offsets(GROUP, {key: offset})
        return []

    def _count(self) -> None:
        if not self._left:
            raise KilledError
        self._left -= 1


@pytest.mark.parametrize("calls", range(7))
def test_after_a_kill_at_any_step_of_an_alteration_reading_goes_on_at_the_old_or_at_the_new_offset(place, calls):
    try:
        asyncio.run(Steps(place, calls).changes().alter({place.partition: 3}))
    except KilledError:
        assert calls < 6
    altered = place.stored() == {place.partition: 3}
    assert altered == (calls > 3)
    place.run(["a", "b", "d"] if altered else ["a", "b", "c", "d"])
    assert place.group() == place.stored() == {place.partition: 4}


@pytest.mark.parametrize("calls", range(7))
def test_after_a_kill_at_any_step_of_a_reset_nothing_is_skipped_or_written_twice_unless_all_is(place, calls):
    try:
        asyncio.run(Steps(place, calls).changes().reset())
    except KilledError:
        assert calls < 6
    done = place.group() == {}
    assert done == (calls == 6)
    place.run(["a", "b", "a", "b", "c", "d"] if done else ["a", "b", "c", "d"])
    assert place.group() == place.stored() == {place.partition: 4}


def test_a_target_that_cannot_be_put_back_is_named_with_what_to_do(place):
    steps = Steps(place, 100)
    plugin_calls: list[str] = []

    async def plugin_once(job: str, offsets: Triples) -> Any:
        plugin_calls.append(job)
        if plugin_calls.count("alter_sink_offsets") > 1:
            raise ConnectError("the target is gone")
        return await steps._plugin(job, offsets)

    async def group(job: str, offsets: Triples, what: str) -> Triples:
        if job == "alter_group_offsets" and what.startswith("alter"):
            raise ConnectError("still in use")
        return await steps._group(job, offsets, what)

    with pytest.raises(ConnectError, match=r"\(still in use\), and the target could not be put back \(the target is"):
        asyncio.run(SinkOffsetChanges("s", plugin_once, group).alter({place.partition: 4}))
