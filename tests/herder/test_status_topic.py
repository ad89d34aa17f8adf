"""Reading and writing of the status topic (spec/runtime.md 2.6, 4.18)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.herder.status_topic import Status, StatusTopic
from tests.log.memory_table import MemoryTable, MemoryTopic

SECONDS_TO_HAPPEN = 60


class Worker:
    """A status topic on a log that others may write to, too."""

    def __init__(self) -> None:
        self.log = MemoryTopic("connect-status", partitions=5)
        self.table = MemoryTable(self.log)
        self.statuses = StatusTopic(self.table, now_ms=lambda: 1234, pause=0.001)

    def wrote(
        self, key: str, state: str | None, *, worker: str = "other", generation: int = 1, timestamp: int = 0
    ) -> None:
        """Somebody has written a status."""
        value = {"state": state, "trace": None, "worker_id": worker, "generation": generation, "version": None}
        self.log.append(key.encode(), None if state is None else json.dumps(value).encode(), timestamp)

    async def settle(self) -> None:
        """Wait until all is written, and read it."""
        assert await self.statuses.flush(SECONDS_TO_HAPPEN)
        self.table.deliver()

    def written(self, key: str) -> list[str | None]:
        """States that were written under a key; None for a tombstone."""
        return [
            None if record.value is None else json.loads(record.value)["state"]
            for partition in self.log.records
            for record in partition
            if record.key == key.encode()
        ]

    def fail_writes(self, *errors: Exception, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Have the next writes fail so, after something else has happened and was read."""
        write, left = self.table.write, list(errors)

        async def failing(records: Any, seconds: float) -> None:
            if left:
                meanwhile()
                self.table.deliver()
                raise left.pop(0)
            await write(records, seconds)

        self.table.write = failing  # type: ignore[method-assign]


def mine(state: str, generation: int = 1, trace: str | None = None) -> Status:
    return Status(state, trace, "me", generation, "1.0")


def play(story: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        worker = Worker()
        await story(worker)
        await worker.statuses.close()

    asyncio.run(run())


def test_what_is_there_at_the_start_is_known():
    async def story(worker: Worker) -> None:
        worker.wrote("status-connector-c", "RUNNING", generation=3)
        worker.wrote("status-task-c-10", "FAILED")
        worker.wrote("status-task-c-2", "PAUSED")
        await worker.statuses.open()
        assert worker.statuses.connector("c") == Status("RUNNING", None, "other", 3)
        assert list(worker.statuses.tasks("c")) == [2, 10]
        assert worker.statuses.task("c", 10) == Status("FAILED", None, "other", 1)
        assert worker.statuses.task("c", 3) is None
        assert worker.statuses.recorded() == {"c": [2, 10]}

    play(story)


@pytest.mark.parametrize("state", ["FAILED", None])
@pytest.mark.parametrize("key", ["status-connector-c", "status-task-c-0"])
def test_revision_grows_with_whatever_changes_a_status(key: str, state: str | None):
    async def story(worker: Worker) -> None:
        worker.wrote("status-connector-c", "RUNNING")
        worker.wrote("status-task-c-0", "RUNNING")
        await worker.statuses.open()
        before = worker.statuses.revision
        worker.statuses.put_connector("c", mine("PAUSED"))
        assert worker.statuses.revision == before, "which nobody can read yet"
        worker.wrote(key, state, generation=2, timestamp=1)
        worker.table.deliver()
        assert worker.statuses.revision > before

    play(story)


def test_status_is_known_when_it_was_read_back():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.statuses.put_connector("c", mine("FAILED", trace="broken"))
        worker.statuses.put_task("c", 0, mine("RUNNING"))
        assert worker.statuses.recorded() == {}
        await worker.settle()
        assert worker.statuses.connector("c") == mine("FAILED", trace="broken")
        assert worker.statuses.tasks("c") == {0: mine("RUNNING")}
        assert worker.log.values()[b"status-task-c-0"] == (
            b'{"state":"RUNNING","trace":null,"worker_id":"me","generation":1,"version":"1.0"}'
        )

    play(story)


@pytest.mark.parametrize("state", ["UNASSIGNED", "FAILED"])
def test_last_word_of_an_old_owner_does_not_hide_a_newer_one(state):
    async def story(worker: Worker) -> None:
        worker.wrote("status-connector-c", "RUNNING", generation=5)
        worker.wrote("status-task-c-0", "RUNNING", generation=5)
        await worker.statuses.open()
        worker.statuses.put_connector("c", mine(state, 4))
        worker.statuses.put_task("c", 0, mine(state, 4))
        await worker.settle()
        assert worker.written("status-connector-c") == worker.written("status-task-c-0") == ["RUNNING"]

    play(story)


@pytest.mark.parametrize(
    ("known_worker", "known_generation", "state", "generation"),
    [("me", 5, "FAILED", 4), ("other", 4, "FAILED", 4), ("other", 5, "RUNNING", 4), ("other", 5, "PAUSED", 4)],
    ids=["same worker", "same generation", "running", "paused"],
)
def test_other_statuses_are_written(known_worker, known_generation, state, generation):
    async def story(worker: Worker) -> None:
        worker.wrote("status-task-c-0", "RUNNING", worker=known_worker, generation=known_generation)
        await worker.statuses.open()
        worker.statuses.put_task("c", 0, mine(state, generation))
        await worker.settle()
        assert worker.statuses.task("c", 0) == mine(state, generation)

    play(story)


@pytest.mark.parametrize(("generation", "known"), [(5, "RUNNING"), (4, "RUNNING"), (6, "UNASSIGNED")])
def test_task_that_runs_is_not_unassigned_by_an_older_generation(generation, known):
    async def story(worker: Worker) -> None:
        worker.wrote("status-task-c-0", "RUNNING", generation=5)
        worker.wrote("status-task-c-0", "UNASSIGNED", worker="old", generation=generation)
        await worker.statuses.open()
        found = worker.statuses.task("c", 0)
        assert found is not None
        assert found.state == known

    play(story)


def test_connector_that_runs_is_unassigned_by_any_generation():
    async def story(worker: Worker) -> None:
        worker.wrote("status-connector-c", "RUNNING", generation=5)
        worker.wrote("status-connector-c", "UNASSIGNED", generation=4)
        await worker.statuses.open()
        assert worker.statuses.connector("c") == Status("UNASSIGNED", None, "other", 4)

    play(story)


def test_tasks_have_ends_of_their_own_whenever_that_of_their_connector_is_read():
    async def story(worker: Worker) -> None:
        worker.wrote("status-connector-c", "RUNNING")
        worker.wrote("status-task-c-0", "RUNNING")
        worker.wrote("status-task-c-1", "RUNNING")
        await worker.statuses.open()
        worker.wrote("status-task-c-0", None)
        worker.wrote("status-connector-c", None)
        worker.table.deliver()
        assert worker.statuses.connector("c") is None
        assert list(worker.statuses.tasks("c")) == [1]

    play(story)


def test_who_starts_later_knows_the_tasks_of_a_connector_that_was_made_anew_whatever_clocks_said():
    async def story(worker: Worker) -> None:
        names = [f"c{number}" for number in range(20)]  # in every order of partitions
        for name in names:
            worker.wrote(f"status-connector-{name}", "RUNNING")
            worker.wrote(f"status-task-{name}-0", None, timestamp=3_600_000)
            worker.wrote(f"status-connector-{name}", None, timestamp=3_600_000)
            # the state of the connector is not written yet
            worker.wrote(f"status-task-{name}-0", "RUNNING", generation=2, timestamp=11)
        await worker.statuses.open()
        assert [list(worker.statuses.tasks(name)) for name in names] == [[0]] * 20

    play(story)


def test_last_record_that_was_ignored_hides_the_state_from_who_starts_later():
    async def story(worker: Worker) -> None:
        worker.wrote("status-task-c-0", "RUNNING", worker="new", generation=2)
        worker.wrote("status-task-c-0", "UNASSIGNED", worker="old", generation=1)
        await worker.statuses.open()
        assert worker.statuses.task("c", 0) == Status("RUNNING", None, "new", 2)
        assert worker.statuses.hidden("c", 0)
        worker.wrote("status-task-c-0", "RUNNING", worker="new", generation=2)
        worker.table.deliver()
        assert not worker.statuses.hidden("c", 0)

    play(story)


def test_task_that_ends_in_the_generation_in_which_it_began_is_unassigned():
    async def story(worker: Worker) -> None:
        worker.wrote("status-task-c-0", "RUNNING", generation=2)
        worker.wrote("status-task-c-0", "UNASSIGNED", generation=2)
        await worker.statuses.open()
        assert worker.statuses.task("c", 0) == Status("UNASSIGNED", None, "other", 2)

    play(story)


def test_forgotten_connector_leaves_no_status_of_its_tasks_behind():
    async def story(worker: Worker) -> None:
        for key in ("status-connector-c", "status-task-c-0", "status-task-c-1", "status-task-d-0"):
            worker.wrote(key, "RUNNING")
        await worker.statuses.open()
        worker.statuses.remove_connector("c")
        worker.statuses.remove_task("d", 0)
        await worker.settle()
        worker.log.compact()
        assert worker.log.values() == {}
        assert worker.statuses.recorded() == {}

    play(story)


def test_tasks_without_a_connector_are_named_so_that_the_leader_can_forget_them():
    async def story(worker: Worker) -> None:
        worker.wrote("status-task-c-0", "UNASSIGNED")
        await worker.statuses.open()
        assert worker.statuses.recorded() == {"c": [0]}

    play(story)


def test_task_that_outlives_its_connector_is_named_until_it_has_an_end_of_its_own():
    async def story(worker: Worker) -> None:
        worker.wrote("status-task-c-0", "UNASSIGNED")
        await worker.statuses.open()
        worker.wrote("status-connector-c", None)
        worker.table.deliver()
        assert worker.statuses.recorded() == {"c": [0]}
        worker.statuses.remove_task("c", 0)
        await worker.settle()
        assert worker.written("status-task-c-0") == ["UNASSIGNED", None]
        assert worker.statuses.recorded() == {}

    play(story)


def test_record_without_meaning_is_named_in_one_line_and_left_out(caplog):
    async def story(worker: Worker) -> None:
        worker.log.append(b"status-connector-c", b'{"state":"RUNNING"}')
        await worker.statuses.open()
        assert worker.statuses.recorded() == {}

    play(story)
    (line,) = caplog.messages
    assert line.startswith("Skipped a record of the status topic (partition ")
    assert line.endswith(", offset 0, key status-connector-c): worker_id is not a text")


# --- writing again ----------------------------------------------------------------------------------------------------


def test_status_is_written_when_the_topic_can_be_reached_again():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(RetriableError("no leader"), RetriableError("no leader"))
        worker.statuses.put_task("c", 0, mine("FAILED"))
        await worker.settle()
        assert worker.written("status-task-c-0") == ["FAILED"]

    play(story)


def test_only_the_newest_status_is_written_late():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(RetriableError("no leader"))
        for state in ("RUNNING", "FAILED", "RESTARTING"):
            worker.statuses.put_task("c", 0, mine(state))
        await worker.settle()
        assert worker.written("status-task-c-0") == ["RESTARTING"]

    play(story)


def test_status_of_an_older_generation_is_not_written_late():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(RetriableError("no leader"))
        worker.statuses.put_task("c", 0, mine("RUNNING", 1))
        worker.statuses.put_task("c", 1, mine("RUNNING", 2))
        await worker.settle()
        assert (worker.written("status-task-c-0"), worker.written("status-task-c-1")) == ([], ["RUNNING"])

    play(story)


def test_guarded_status_is_not_written_late_when_a_newer_owner_has_spoken_meanwhile():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()

        worker.fail_writes(
            RetriableError("no leader"), meanwhile=lambda: worker.wrote("status-task-c-0", "RUNNING", generation=2)
        )
        worker.statuses.put_task("c", 0, mine("UNASSIGNED", 1))
        await worker.settle()
        assert worker.written("status-task-c-0") == ["RUNNING"]

    play(story)


def test_status_of_what_was_deleted_is_not_written_late():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()

        def delete() -> None:
            worker.wrote("status-task-c-0", None)
            worker.wrote("status-connector-c", None)

        worker.fail_writes(RetriableError("no leader"), meanwhile=delete)
        worker.statuses.put_connector("c", mine("RUNNING"))
        worker.statuses.put_task("c", 0, mine("RUNNING"))
        await worker.settle()
        assert (worker.written("status-connector-c"), worker.written("status-task-c-0")) == ([None], [None])

    play(story)


def test_record_that_can_never_be_written_is_named_and_does_not_hold_up_others(caplog):
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(ConnectError("too large"), ConnectError("too large"))
        worker.statuses.put_task("c", 0, mine("FAILED"))
        worker.statuses.put_task("c", 1, mine("RUNNING"))
        await worker.settle()
        assert (worker.written("status-task-c-0"), worker.written("status-task-c-1")) == ([], ["RUNNING"])

    play(story)
    assert caplog.messages == ["Failed to write status-task-c-0 to the status topic: too large"]


def test_flush_says_that_something_is_not_written():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.log.set_down(down=True)
        worker.statuses.put_connector("c", mine("RUNNING"))
        assert not await worker.statuses.flush(0.01)
        worker.log.set_down(down=False)
        await worker.settle()
        assert worker.written("status-connector-c") == ["RUNNING"]

    play(story)


# --- topics -----------------------------------------------------------------------------------------------------------


def test_used_topic_is_written_once_for_a_connector():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        for task in range(2):
            worker.statuses.put_topic("c", task, "t")
        worker.statuses.put_topic("d", 0, "t")
        await worker.settle()
        worker.statuses.put_topic("c", 2, "t")
        await worker.settle()
        records = {record.key: record for partition in worker.log.records for record in partition}
        assert sum(worker.log.ends()) == 2
        assert records[b"status-topic-t:connector-c"].value == (
            b'{"topic":{"name":"t","connector":"c","task":0,"discoverTimestamp":1234}}'
        )
        assert worker.statuses.topics("c") == worker.statuses.topics("d") == ["t"]

    play(story)


def test_forgotten_topics_are_those_of_one_connector_and_can_be_used_again():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.statuses.put_topic("c", 0, "t")
        worker.statuses.put_topic("d", 0, "t")
        await worker.settle()
        worker.statuses.put_topic("c", 0, "not written yet")
        worker.statuses.remove_topics("c")
        await worker.settle()
        assert (worker.statuses.topics("c"), worker.statuses.topics("d")) == ([], ["t"])
        worker.statuses.put_topic("c", 0, "t")
        await worker.settle()
        assert worker.statuses.topics("c") == ["t"]

    play(story)


def test_used_topics_are_written_late_whatever_the_generation():
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(RetriableError("no leader"))
        worker.statuses.put_topic("c", 0, "t")
        worker.statuses.put_connector("c", mine("RUNNING", 7))
        await worker.settle()
        assert worker.statuses.topics("c") == ["t"]

    play(story)
