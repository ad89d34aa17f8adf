"""The text that Prometheus reads, and the page that explains it."""

from __future__ import annotations

import asyncio
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from linkspan.herder.group_metrics import group_metrics
from linkspan.observe.metrics import Family, labels, render
from linkspan.plugins.catalog import PluginInfo
from linkspan.worker.deadlines import Deadlines
from linkspan.worker.deaths import Deaths
from linkspan.worker.metrics import worker_metrics
from linkspan.worker.running_task import RunningTask, TaskHooks

PAGE = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text("utf-8")


def family(*values: tuple[float, str], kind: Any = "gauge", description: str = "What it is.") -> Family:
    made = Family("some_name", kind, description)
    for value, label_text in values:
        made.add(value, label_text)
    return made


def test_a_family_has_help_type_and_a_line_for_each_value():
    text = render([family((1, labels(connector="c", task=0)), (2.5, ""), kind="counter")])
    assert text == (
        '# HELP some_name What it is.\n# TYPE some_name counter\nsome_name{connector="c",task="0"} 1\nsome_name 2.5\n'
    )


def test_a_family_without_values_is_left_out():
    assert render([family()]) == ""


def test_label_values_may_be_any_text():
    assert labels(connector='a"b\\c\nd}{,=é') == 'connector="a\\"b\\\\c\\nd}{,=é"'


def test_a_description_is_one_line():
    assert "# HELP some_name a\\nb \\\\\n" in render([family((1, ""), description="a\nb \\")])


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "1"), (3, "3"), (0.25, "0.25"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")],
)
def test_numbers_are_written_as_prometheus_reads_them(value, text):
    assert render([family((value, ""))]).endswith(f"some_name {text}\n")


# --- what workers tell ----------------------------------------------------------------------------------------------


def task(connector: str, number: int, state: str, **reported: Any) -> RunningTask:
    hooks = TaskHooks(*[lambda *_: None] * 5, Deaths())
    made = RunningTask(connector, number, "STARTED", {}, hooks, Deadlines())
    made.state = state
    for name, value in reported.items():
        setattr(made, name, value)
    return made


def told(*tasks: RunningTask, now: float = 0.0) -> str:
    plugin = PluginInfo("sink", "org.example.Sink", "example:Sink", "1.2")
    connector: Any = SimpleNamespace(name="c", state="RUNNING", plugin=plugin, restarts=SimpleNamespace(total=3))
    return render(worker_metrics([connector], tasks, "0.1.0", now))


def in_loop(work: Any) -> Any:
    async def run() -> Any:
        return work()

    return asyncio.run(run())


def test_a_worker_tells_state_counters_and_lag_of_each_task():
    reported = {"sink-record-send-total": 7, "failed TASK_PUT a.B": 2}

    def tell() -> str:
        moves = task("c", 0, "RUNNING", metrics=reported, lag=[("t", 3, 12)], moved_at=40.0)
        return told(moves, task("c", 1, "FAILED"), now=42.5)

    lines = in_loop(tell).splitlines()
    assert 'kafka_connect_connector_task_status{connector="c",task="0",status="running"} 1' in lines
    assert 'kafka_connect_connector_task_status{connector="c",task="1",status="failed"} 1' in lines
    assert 'kafka_connect_sink_task_sink_record_send_total{connector="c",task="0"} 7' in lines
    assert 'linkspan_task_failed_records_total{connector="c",task="0",stage="TASK_PUT",error="a.B"} 2' in lines
    assert 'linkspan_sink_lag_records{connector="c",task="0",topic="t",partition="3"} 12' in lines
    assert 'linkspan_task_seconds_since_progress{connector="c",task="0"} 2.5' in lines
    assert "kafka_connect_worker_task_count 2" in lines
    assert 'linkspan_task_restarts_total{connector="c",task="0"} 0' in lines
    assert 'linkspan_connector_restarts_total{connector="c"} 3' in lines
    assert not any('seconds_since_progress{connector="c",task="1"}' in line for line in lines)


def test_only_records_that_move_are_progress():
    def tell() -> list[float]:
        moving = task("c", 0, "RUNNING", moved_at=-1.0)
        times = []
        for values in ({"sink-record-read-total": 0, "total-retries": 9}, {"sink-record-read-total": 1}):
            moving._take(None, {"type": "metrics", "values": values, "lag": []})  # type: ignore[arg-type]
            times.append(moving.moved_at)
        return times

    idle, moved = in_loop(tell)
    assert idle == -1.0
    assert moved > 0


def test_the_page_has_every_metric_with_its_type():
    group: Any = SimpleNamespace(
        items=frozenset(), outside=None, leads=True, generation=1, settled=True, rounds=1, leader_url="http://w/"
    )
    families = [*in_loop(lambda: worker_metrics([], [], "0.1.0", 0.0)), *group_metrics(group, "sessioned")]
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (gauge|counter) \|", PAGE, re.MULTILINE))
    assert rows == {family.name: family.kind for family in families}
