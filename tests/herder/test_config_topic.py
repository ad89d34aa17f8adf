"""Reading and writing of the config topic (spec/runtime.md 2.3, 2.4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from linkspan.api.errors import ConflictError, ConnectError, RetriableError
from linkspan.herder.config_snapshot import ConfigSnapshot, RestartRequest
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.sessions import SessionKey
from tests.herder.config_listener import Told
from tests.log.memory_table import MemoryTable, MemoryTopic

KEY = SessionKey(b"secret", "HmacSHA256", 1_700_000_000_000)


class Group:
    """A topic with one reader."""

    def __init__(self) -> None:
        self.log = MemoryTopic("connect-configs")
        self.table = MemoryTable(self.log, single_partition=True)
        self.configs = ConfigTopic(self.table)
        self.told = Told()

    def wrote(self, key: str, value: Any) -> None:
        """Somebody has written a record."""
        self.log.append(key.encode(), None if value is None else json.dumps(value).encode())

    def wrote_connector(self, name: str = "c", **config: str | None) -> None:
        self.wrote(f"connector-{name}", {"properties": config})

    def wrote_tasks(self, name: str, *numbers: int, count: int, **config: str) -> None:
        for number in numbers:
            self.wrote(f"task-{name}-{number}", {"properties": {"n": str(number), **config}})
        self.wrote(f"commit-{name}", {"tasks": count})

    async def open(self) -> ConfigSnapshot:
        await self.configs.open(self.told)
        return self.configs.snapshot

    def read(self) -> ConfigSnapshot:
        self.table.deliver()
        return self.configs.snapshot

    def keys(self) -> list[str]:
        """Of all records, in their order."""
        return [(record.key or b"").decode() for record in self.log.records[0]]


def play(story: Callable[[Group], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await story(Group())

    asyncio.run(run())


# --- reading ----------------------------------------------------------------------------------------------------------


def test_empty_topic_has_no_offset():
    async def story(group: Group) -> None:
        assert await group.open() == ConfigSnapshot()

    play(story)


def test_offset_stands_behind_the_last_record_that_is_json():
    async def story(group: Group) -> None:
        group.wrote_connector()
        assert (await group.open()).offset == 1
        group.log.append(b"connector-d", b"{no JSON")
        assert group.read().offset == 1
        group.wrote("unknown", {})
        assert group.read().offset == 3
        group.wrote("commit-c", {"tasks": "many"})
        assert group.read().offset == 4
        group.log.append(b"\xff", b"{}")
        assert group.read().offset == 5
        group.log.append(None, b"{}")
        assert group.read().offset == 6
        group.wrote("connector-d", None)
        assert group.read().offset == 7

    play(story)


def test_record_without_meaning_is_named_in_one_line_and_left_out(caplog):
    async def story(group: Group) -> None:
        group.wrote_connector("a")
        group.wrote("connector-b", {"properties": {"password": ["secret"]}})
        group.wrote_connector("c")
        assert set((await group.open()).connectors) == {"a", "c"}

    play(story)
    (line,) = caplog.messages
    place = "partition 0, offset 1, key connector-b"
    assert line == f"Skipped a record of the config topic ({place}): the property password is not a text"


def test_new_connector_is_started_unless_something_else_was_asked_for():
    async def story(group: Group) -> None:
        group.wrote_connector("a")
        group.wrote("target-state-b", {"state": "PAUSED", "state.v2": "STOPPED"})
        group.wrote_connector("b")
        assert (await group.open()).targets == {"a": "STARTED", "b": "STOPPED"}

    play(story)


def test_forgotten_target_state_of_an_existing_connector_is_started():
    async def story(group: Group) -> None:
        group.wrote_connector("a")
        for name in "ab":
            group.wrote(f"target-state-{name}", {"state": "PAUSED"})
            group.wrote(f"target-state-{name}", None)
        assert (await group.open()).targets == {"a": "STARTED"}
        assert group.told.calls == []

    play(story)


def test_tasks_count_from_their_commit_on():
    async def story(group: Group) -> None:
        group.wrote_connector(v="1")
        group.wrote("task-c-0", {"properties": {"n": "0"}})
        assert (await group.open()).task_configs == {}
        group.wrote("commit-c", {"tasks": 1})
        snapshot = group.read()
        assert snapshot.task_configs_of("c") == [{"n": "0"}]
        assert (snapshot.task_counts, snapshot.task_generations) == ({"c": 1}, {"c": 0})
        assert snapshot.applied == {"c": {"v": "1"}}
        assert snapshot.pending_fencing == {"c"}

    play(story)


def test_applied_configuration_is_the_one_at_the_commit():
    async def story(group: Group) -> None:
        group.wrote_connector(v="1")
        group.wrote_tasks("c", 0, count=1)
        group.wrote_connector(v="2")
        snapshot = await group.open()
        assert (snapshot.applied, snapshot.connectors) == ({"c": {"v": "1"}}, {"c": {"v": "2"}})

    play(story)


def test_incomplete_set_of_tasks_hides_all_tasks_until_the_next_complete_one():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1, v="old")
        group.wrote_tasks("c", 1, count=2, v="new")
        snapshot = await group.open()
        assert snapshot.inconsistent == {"c"}
        assert (snapshot.tasks("c"), snapshot.task_counts) == ([], {"c": 2})
        assert snapshot.task_configs == {("c", 0): {"n": "0", "v": "old"}}
        assert snapshot.task_generations == {"c": 0}
        # What was left of the incomplete set does not complete the next one.
        group.wrote_tasks("c", 0, count=2)
        assert group.read().tasks("c") == []
        group.wrote_tasks("c", 0, 1, count=2)
        snapshot = group.read()
        assert (snapshot.tasks("c"), snapshot.inconsistent) == ([0, 1], frozenset())
        assert snapshot.task_generations == {"c": 1}

    play(story)


def test_fewer_tasks_hide_those_with_higher_numbers():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, 1, count=2)
        group.wrote_tasks("c", 0, count=1)
        snapshot = await group.open()
        assert snapshot.tasks("c") == [0]
        assert ("c", 1) in snapshot.task_configs

    play(story)


def test_generation_grows_with_each_commit_after_the_first_even_without_tasks():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote("commit-c", {"tasks": 0})
        assert (await group.open()).task_generations == {}
        for generation in range(2):
            group.wrote_tasks("c", 0, count=1)
            assert group.read().task_generations == {"c": generation}
        group.wrote("commit-c", {"tasks": 0})
        assert group.read().task_generations == {"c": 2}

    play(story)


def test_commit_of_a_connector_that_is_unknown_drops_its_tasks():
    async def story(group: Group) -> None:
        group.wrote_tasks("c", 0, count=1)
        snapshot = await group.open()
        assert (snapshot.task_counts, snapshot.pending_fencing) == ({}, frozenset())
        group.wrote_connector()
        group.wrote("commit-c", {"tasks": 1})
        assert group.read().inconsistent == {"c"}

    play(story)


def test_commit_that_is_repeated_changes_nothing():
    async def story(group: Group) -> None:
        await group.open()
        group.wrote_connector()
        group.wrote_tasks("c", 0, 1, count=2)
        before = group.read()
        group.wrote("commit-c", {"tasks": 2})
        after = group.read()
        assert after == replace(before, offset=before.offset + 1)
        assert group.told.calls == [("config", "c"), ("tasks", "c")]

    play(story)


def test_task_configurations_without_a_commit_are_unfinished():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1)
        group.wrote("task-c-0", {"properties": {}})
        assert (await group.open()).unfinished == {"c"}
        group.wrote("commit-c", {"tasks": 1})
        assert group.read().unfinished == frozenset()

    play(story)


def test_order_of_commit_and_task_count_decides_whether_fencing_is_due():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1)
        group.wrote("tasks-fencing-c", {"task-count": 1})
        snapshot = await group.open()
        assert (snapshot.task_count_records, snapshot.pending_fencing) == ({"c": 1}, frozenset())
        group.wrote_tasks("c", 0, count=1)
        assert group.read().pending_fencing == {"c"}

    play(story)


def test_deleted_connector_keeps_what_is_not_its_configuration():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1)
        group.wrote("tasks-fencing-c", {"task-count": 1})
        group.wrote_tasks("c", 1, count=2)
        group.wrote("task-c-0", {"properties": {}})
        group.wrote("connector-c", None)
        snapshot = await group.open()
        assert (snapshot.connectors, snapshot.task_counts, snapshot.task_configs, snapshot.applied) == ({}, {}, {}, {})
        assert (snapshot.targets, snapshot.task_generations) == ({"c": "STARTED"}, {"c": 0})
        assert (snapshot.task_count_records, snapshot.pending_fencing) == ({"c": 1}, {"c"})
        assert snapshot.inconsistent == {"c"}

    play(story)


def test_compacted_topic_gives_the_same_configuration():
    async def story(group: Group) -> None:
        for version in ("1", "2"):
            group.wrote_connector("a", v=version)
            group.wrote_tasks("a", 0, 1, count=2, v=version)
        group.wrote_connector("b")
        group.wrote_tasks("b", 0, count=1)
        group.wrote("connector-b", None)
        before = await group.open()
        group.log.compact()
        other = ConfigTopic(MemoryTable(group.log))
        await other.open(Told())
        after = other.snapshot
        assert (after.connectors, after.task_configs, after.offset) == (
            before.connectors,
            before.task_configs,
            before.offset - 1,
        )

    play(story)


def test_null_inside_a_configuration_survives():
    async def story(group: Group) -> None:
        await group.open()
        await group.configs.put_connector("c", {"a": None}, None)
        assert group.configs.snapshot.connectors == {"c": {"a": None}}

    play(story)


def test_snapshot_does_not_change():
    async def story(group: Group) -> None:
        before = await group.open()
        group.wrote_connector()
        assert group.read().connectors == {"c": {}}
        assert before == ConfigSnapshot()

    play(story)


# --- the listener -----------------------------------------------------------------------------------------------------


def test_what_was_there_at_the_start_is_not_told():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1)
        group.wrote("target-state-c", {"state": "PAUSED"})
        group.wrote("restart-connector-c", {"include-tasks": True, "only-failed": True})
        group.wrote("logger-cluster-l", {"level": "DEBUG"})
        group.wrote("session-key", {"key": "AA==", "algorithm": "HmacSHA256", "creation-timestamp": 1})
        assert (await group.open()).session_key == SessionKey(b"\0", "HmacSHA256", 1)
        assert group.told.calls == []

    play(story)


def test_each_change_is_told():
    async def story(group: Group) -> None:
        await group.open()
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1)
        group.wrote_tasks("c", count=2)
        group.wrote_tasks("c", count=0)
        group.wrote("target-state-c", {"state": "PAUSED"})
        group.wrote("restart-connector-c", {"include-tasks": "yes"})
        group.wrote("logger-cluster-l", {"level": "debug"})
        group.wrote("tasks-fencing-c", {"task-count": 1})
        group.wrote("connector-c", None)
        group.wrote("target-state-c", None)
        group.read()
        assert group.told.calls == [
            ("config", "c"),
            ("tasks", "c"),
            ("tasks", "c"),
            ("tasks", "c"),
            ("target", "c"),
            ("restart", RestartRequest("c", include_tasks=False, only_failed=False)),
            ("level", "l", "debug"),
            ("removed", "c"),
        ]

    play(story)


def test_target_state_is_told_only_if_it_is_another_one_of_an_existing_connector():
    async def story(group: Group) -> None:
        group.wrote_connector()
        await group.open()
        group.wrote("target-state-c", {"state": "STARTED"})
        group.wrote("target-state-d", {"state": "PAUSED"})
        group.wrote("target-state-c", {"state": "NOWHERE"})
        group.wrote("target-state-c", None)
        group.read()
        assert group.told.calls == []

    play(story)


def test_commit_of_an_unknown_connector_is_not_told():
    async def story(group: Group) -> None:
        await group.open()
        group.wrote_tasks("c", 0, count=1)
        group.read()
        assert group.told.calls == []

    play(story)


# --- writing ----------------------------------------------------------------------------------------------------------


def test_writers_return_when_the_snapshot_has_it():
    async def story(group: Group) -> None:
        await group.open()
        topic = group.configs
        await topic.put_connector("c", {"v": "1"}, "STOPPED")
        assert (topic.snapshot.connectors, topic.snapshot.targets) == ({"c": {"v": "1"}}, {"c": "STOPPED"})
        await topic.put_task_configs("c", [{"n": "0"}, {"n": "1"}])
        assert topic.snapshot.task_configs_of("c") == [{"n": "0"}, {"n": "1"}]
        await topic.put_task_configs("c", [])
        assert topic.snapshot.task_counts == {"c": 0}
        await topic.put_task_count("c", 2, generation=1)
        assert topic.snapshot.task_count_records == {"c": 2}
        await topic.put_session_key(KEY)
        assert topic.snapshot.session_key == KEY
        await topic.put_restart("c", include_tasks=True, only_failed=False)
        assert group.told.calls[-1] == ("restart", RestartRequest("c", include_tasks=True, only_failed=False))
        await topic.remove_connector("c")
        assert (topic.snapshot.connectors, topic.snapshot.targets) == ({}, {})

    play(story)


def test_records_are_written_in_the_order_that_workers_rely_on():
    async def story(group: Group) -> None:
        await group.open()
        await group.configs.put_connector("c", {}, "STOPPED")
        await group.configs.put_task_configs("c", [{}, {}])
        await group.configs.put_task_configs("c", [])
        await group.configs.remove_connector("c")
        assert group.keys() == [
            *("target-state-c", "connector-c"),
            *("task-c-0", "task-c-1", "commit-c"),
            "commit-c",
            *("connector-c", "target-state-c"),
        ]

    play(story)


def test_target_state_and_log_level_do_not_wait_until_they_are_read():
    async def story(group: Group) -> None:
        group.wrote_connector()
        await group.open()
        await group.configs.put_target("c", "PAUSED")
        await group.configs.put_log_level("l", "debug")
        assert group.configs.snapshot.targets == {"c": "STARTED"}
        assert group.told.calls == []
        assert group.read().targets == {"c": "PAUSED"}
        assert group.told.calls == [("target", "c"), ("level", "l", "debug")]

    play(story)


WRITERS: list[tuple[str, Callable[[ConfigTopic], Coroutine[Any, Any, None]]]] = [
    ("Error writing connector configuration to Kafka", lambda topic: topic.put_connector("c", {}, None)),
    ("Error removing connector configuration from Kafka", lambda topic: topic.remove_connector("c")),
    ("Error writing task configurations to Kafka", lambda topic: topic.put_task_configs("c", [{}])),
    ("Error writing root configuration to Kafka", lambda topic: topic.put_task_configs("c", [])),
    ("Error writing target state to Kafka", lambda topic: topic.put_target("c", "PAUSED")),
    ("Error writing task count record to Kafka", lambda topic: topic.put_task_count("c", 1, generation=None)),
    ("Error writing session key to Kafka", lambda topic: topic.put_session_key(KEY)),
    (
        "Error writing restart-connector-c to Kafka",
        lambda topic: topic.put_restart("c", include_tasks=False, only_failed=False),
    ),
    ("Error writing logger level to Kafka", lambda topic: topic.put_log_level("l", "DEBUG")),
]


@pytest.mark.parametrize(("text", "write"), WRITERS)
@pytest.mark.parametrize(
    ("refusal", "kind"),
    [(RetriableError("later"), RetriableError), (ConflictError("never"), ConnectError)],
    ids=["later", "never"],
)
def test_what_could_not_be_written_is_answered_as_in_the_original(text, write, refusal, kind):
    async def story(group: Group) -> None:
        await group.open()
        group.log.refusal = refusal
        with pytest.raises(ConnectError) as caught:
            await write(group.configs)
        assert type(caught.value) is kind
        assert caught.value.message == f"{text}: {refusal.message}"
        assert group.keys() == []

    play(story)


def test_tasks_without_their_commit_change_nothing():
    async def story(group: Group) -> None:
        group.wrote_connector()
        group.wrote_tasks("c", 0, count=1)
        await group.open()
        write = group.table.write

        async def failing(records: Any, seconds: float) -> None:
            if records[0][0] == b"commit-c":
                raise RetriableError("lost")
            await write(records, seconds)

        group.table.write = failing  # type: ignore[method-assign]
        with pytest.raises(RetriableError, match="Error writing root configuration to Kafka"):
            await group.configs.put_task_configs("c", [{"n": "new"}, {"n": "new"}])
        assert group.read().task_configs_of("c") == [{"n": "0"}]

    play(story)
