"""How deaths are counted until a record is found that kills processes; and real processes that die of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Watched, running, source, until

from linkspan.api.records import TopicPartition
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import TopicSpec
from linkspan.task.suspects import NOBODY, Culprit, Span, Suspects
from linkspan.worker.deaths import Deaths, described
from tests.task.harness import content, fill

# --- the book -------------------------------------------------------------------------------------------------------


def work(*spans: tuple[int, int, int], call: str = "put", alone: bool = False) -> dict[str, Any]:
    """What was noted: partitions of topic t with begin and end."""
    return {"call": call, "spans": [["log", "t", *span] for span in spans], "alone": alone}


def spans(*places: tuple[int, int, int]) -> tuple[Span, ...]:
    return tuple(Span("t", *place) for place in places)


def task(connector: str = "c", number: int = 0, kind: str = "sink", **config: str) -> Any:
    return SimpleNamespace(connector=connector, task=number, kind=kind, connector_config=config)


C = task()


def book(*works: dict[str, Any], of: Any = C) -> Deaths:
    made = Deaths()
    for each in works:
        made.died(of, each, "SIGSEGV")
    return made


def test_after_three_deaths_on_one_range_its_records_are_suspected():
    same = work((0, 5, 9))
    assert book(same, same).suspects(C) == NOBODY
    assert book(same, same, same).suspects(C) == Suspects(spans((0, 5, 9)))
    assert book(same, same, same).suspects(task("other")) == NOBODY


def test_what_deaths_have_in_common_is_suspected():
    found = book(work((0, 0, 10), (1, 0, 5)), work((0, 4, 20)), work((0, 2, 8), (1, 5, 9)))
    assert found.suspects(C) == Suspects(spans((0, 4, 8)))


def test_deaths_that_have_nothing_in_common_are_counted_apart():
    a, b = work((0, 0, 5)), work((0, 5, 9))
    assert book(a, b, a, b).suspects(C) == NOBODY
    assert book(a, b, a, b, a).suspects(C) == Suspects(spans((0, 0, 5)))


def test_a_record_that_was_alone_is_the_culprit():
    same = work((0, 5, 9))
    found = book(same, same, same, work((0, 7, 8), alone=True))
    assert found.suspects(C) == Suspects(spans((0, 8, 9)), (Culprit(Span("t", 0, 7, 8), "put", "SIGSEGV"),))


def test_records_that_a_task_held_back_together_are_all_suspected_and_none_is_blamed():
    same = work((0, 5, 9))
    found = book(same, same, same, work((0, 3, 8), alone=True))
    assert found.suspects(C) == Suspects(spans((0, 3, 8)))


def test_the_only_record_of_a_batch_is_no_culprit_before_it_was_suspected():
    assert book(work((0, 5, 6))).suspects(C) == NOBODY


def test_suspects_and_culprits_are_forgotten_once_they_are_passed():
    same = work((0, 5, 9))
    found = book(same, same, same, work((1, 7, 8), alone=True))
    found.passed(C, [["log", "t", 0, 5, 9]])
    assert found.suspects(C).spans == ()
    assert found.suspects(C).culprits
    found.passed(C, [["log", "t", 1, 7, 8]])
    assert found.suspects(C) == NOBODY


def test_a_new_configuration_lets_a_culprit_be_tried_again_unless_it_is_about_errors():
    found = book(work((0, 7, 8), alone=True), of=task(transforms="a"))
    found.begins(task(transforms="a", **{"errors.tolerance": "all"}))
    assert found.suspects(C).culprits
    found.begins(task(transforms="b"))
    assert found.suspects(C) == Suspects(spans((0, 7, 8)))


def test_altered_offsets_forget_everything():
    found = book(work((0, 7, 8), alone=True))
    found.forget("c")
    assert found.suspects(C) == NOBODY


def test_the_trace_names_what_was_in_flight():
    assert described(work((0, 5, 9), (1, 7, 8))) == "In flight (put): t-0 offsets 5 to 8, t-1 offset 7"
    assert described({}) == ""
    many = described(work(*[(n, 0, 1) for n in range(30)]))
    assert many.endswith("t-19 offset 0, and 10 more")


# --- processes ------------------------------------------------------------------------------------------------------

ON = {"linkspan.restart.enable": "true", "linkspan.restart.backoff.ms": "10"}
ALL = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "dead",
    "errors.deadletterqueue.topic.replication.factor": "1",
    "errors.deadletterqueue.context.headers.enable": "true",
}
Story = Callable[[Watched, EmbeddedLog, Path], Coroutine[Any, Any, None]]


@pytest.fixture
def on_a_log(tmp_path: Path) -> Callable[[Story], None]:
    """A worker on the embedded log, whose topic t has two partitions with ten records each; the deadly ones are 0-6
    and 1-2."""
    log = EmbeddedLog(str(tmp_path / "log"))
    log.admin({}).create_topic(TopicSpec("t", 2, 1))
    fill(log, "t", ["deadly" if n == 6 else n for n in range(10)], 0)
    fill(log, "t", ["deadly" if n == 2 else n for n in range(10)], 1)

    def play(story: Story) -> None:
        async def whole() -> None:
            async with running(tmp_path, log) as watched:
                await story(watched, log, tmp_path / "seen")

        asyncio.run(whole())

    return play


def deadly(seen: Path, **config: str) -> dict[str, str]:
    return source("c", "DeadlySink", topics="t", seen=str(seen), **{"where": "put", "kills": "os._exit", **config})


def survivors(seen: Path) -> set[tuple[int, int]]:
    text = seen.read_text() if seen.exists() else ""
    return {(int(line.split()[0]), int(line.split()[1])) for line in text.splitlines()}


HARMLESS = {(p, n) for p in range(2) for n in range(10)} - {(0, 6), (1, 2)}


async def start(watched: Watched, config: dict[str, str]) -> None:
    await watched.worker.stop_tasks([("c", 0)])
    watched.events.clear()
    await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)


async def failed(watched: Watched, config: dict[str, str]) -> str:
    """Start the task as a user does who restarts it; the trace of its end."""
    await start(watched, config)
    return str((await watched.state("c", 0, "FAILED")).trace)


@pytest.mark.parametrize("where", ["put", "pre_commit"])
@pytest.mark.parametrize("kills", ["os._exit", "segfault", "kill"])
def test_records_that_kill_their_process_are_found_and_go_to_the_dead_letter_queue(on_a_log, where, kills):
    async def story(watched: Watched, log: EmbeddedLog, seen: Path) -> None:
        config = deadly(seen, where=where, kills=kills, **ALL, **ON)
        config["linkspan.restart.attempts"] = "20"
        if where == "pre_commit":  # which is called when the task is paused, too
            watched.worker._properties["offset.flush.interval.ms"] = "300"
        await start(watched, config)
        await until(lambda: survivors(seen) == HARMLESS)
        await until(lambda: watched.states("c", 0)[-1] == "RUNNING")
        await watched.worker.stop_tasks([("c", 0)])
        assert sorted(content(log, "dead")) == ["deadly", "deadly"]
        ends = {TopicPartition("t", 0): 10, TopicPartition("t", 1): 10}
        assert log.admin({}).group_offsets("connect-c") == ends
        assert watched.worker._deaths.suspects(C) == NOBODY

    on_a_log(story)


def test_an_end_for_too_much_memory_counts_as_a_death(on_a_log):
    async def story(watched: Watched, _: EmbeddedLog, seen: Path) -> None:
        await start(watched, deadly(seen, kills="sleep"))
        await until(lambda: survivors(seen) >= {(0, n) for n in range(6)})
        (child,) = watched.worker._nurseries.children()
        child.fault = "It held too much memory"  # as the memory watch does
        child.kill()
        trace = (await watched.state("c", 0, "FAILED")).trace
        assert "It held too much memory" in trace
        assert "In flight (put): t-0 offsets 0 to 9" in trace
        assert "Processes have died once there" in trace

    on_a_log(story)


def test_without_restarts_each_death_is_a_failure_that_names_the_records_in_flight(on_a_log):
    async def story(watched: Watched, log: EmbeddedLog, seen: Path) -> None:
        config = deadly(seen)
        for times in ("once", "2 times"):
            trace = await failed(watched, config)
            assert "status 7" in trace
            assert "In flight (put): t-0 offsets 0 to 9" in trace
            assert f"Processes have died {times} there; after 3 times" in trace
            assert watched.states("c", 0) == ["RUNNING", "FAILED"]
        assert "the next one takes the records one by one" in await failed(watched, config)
        assert "It was alone: this record is at fault" in await failed(watched, config)
        trace = await failed(watched, config)
        assert "ProcessDied" in trace
        (culprit,) = watched.worker._deaths.suspects(C).culprits
        assert f"the record t-{culprit.span.partition} at offset {culprit.span.begin}" in trace
        committed = log.admin({}).group_offsets("connect-c")
        assert committed[culprit.span.place] == culprit.span.begin

    on_a_log(story)


def test_a_user_who_tolerates_errors_from_then_on_gets_past_the_culprit_at_once(on_a_log):
    async def story(watched: Watched, log: EmbeddedLog, seen: Path) -> None:
        for _ in range(5):
            trace = await failed(watched, deadly(seen))
        assert "ProcessDied" in trace
        assert "It was alone" in await failed(watched, deadly(seen, **ALL))
        await start(watched, deadly(seen, **ALL))
        await until(lambda: survivors(seen) == HARMLESS)
        await watched.worker.stop_tasks([("c", 0)])
        assert sorted(content(log, "dead")) == ["deadly", "deadly"]

    on_a_log(story)


def test_a_culprit_that_is_not_tolerated_ends_the_restarts(on_a_log):
    async def story(watched: Watched, _: EmbeddedLog, seen: Path) -> None:
        await start(watched, deadly(seen, **ON))
        trace = (await watched.state("c", 0, "FAILED")).trace
        assert "ProcessDied" in trace
        assert watched.states("c", 0).count("RESTARTING") == 4

    on_a_log(story)


def test_a_task_that_its_user_stops_has_not_died(on_a_log):
    async def story(watched: Watched, _: EmbeddedLog, seen: Path) -> None:
        config = deadly(seen, where="never")
        for _ in range(3):
            await start(watched, config)
            await watched.state("c", 0, "RUNNING")
            await watched.worker.stop_tasks([("c", 0)])
        assert watched.worker._deaths.suspects(C) == NOBODY

    on_a_log(story)


def test_records_of_a_source_that_kill_their_process_in_a_converter_are_found(tmp_path):
    async def story() -> None:
        log = EmbeddedLog(str(tmp_path / "log"))
        log.admin({}).create_topic(TopicSpec("t", 1, 1))
        async with running(tmp_path, log) as watched:
            config = source("c", "CountingSource", deadly="7,12", **{"errors.tolerance": "all"}, **ON)
            config["linkspan.restart.attempts"] = "20"
            config["value.converter"] = "rogue_plugins.DeadlyConverter"
            await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
            trace = (await watched.state("c", 0, "RESTARTING")).trace
            assert "SIGSEGV" in trace
            assert 'In flight (conversion): 5 records from {"s":1} {"n":5} to {"s":1} {"n":9}' in trace
            await until(lambda: "29" in content(log, "t"))
            await watched.worker.stop_tasks([("c", 0)])
            assert set(content(log, "t")) >= {str(n) for n in range(30)} - {"7", "12"}
            assert "deadly" not in content(log, "t")

    asyncio.run(story())
