"""What a worker of a group says about itself: health, metrics, tasks that die or stall, and a start of many tasks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from integration.runtime.test_standalone_process import wait_until
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.kafka import Broker
from integration.services.linkspan import LinkspanWorker

pytestmark = pytest.mark.integration

PLUGINS: Final = Path(__file__).parent / "plugin_path"
QUICK: Final = {
    "plugin.path": PLUGINS,
    "offset.flush.interval.ms": 300,
    "linkspan.task.stall.report.ms": 400,
    "session.timeout.ms": 6000,
}
JSON: Final = {
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
}
TASKS: Final = 200
ONE_PLACE: Final = pytest.mark.xdist_group("group-status")
"""For tests that share a worker."""
READY: Final = "Worker has completed startup and is ready to handle requests."


class OneProcessorWorker(LinkspanGroupWorker):
    """Our worker, with its children, on a single processor."""

    def command(self) -> list[str]:
        return ["taskset", "-c", "0", *super().command()]


@pytest.fixture(scope="module")
def worker(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkspanGroupWorker]:
    one = LinkspanGroupWorker(tmp_path_factory.mktemp("worker"), Group(kafka.bootstrap), QUICK)
    with running(one):
        yield one


def metrics(worker: LinkspanGroupWorker | LinkspanWorker) -> dict[str, float]:
    """Values by name and labels."""
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = answer.read().decode()
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def create(worker: LinkspanGroupWorker, name: str, **config: object) -> None:
    texts = {key.replace("__", "."): str(value) for key, value in config.items()}
    code, body = worker.ask("POST", "/connectors", {"name": name, "config": texts})
    assert code == 201, body


def task(worker: LinkspanGroupWorker, name: str) -> tuple[str, str]:
    """State and trace of a connector's first task."""
    code, body = worker.ask("GET", f"/connectors/{name}/tasks/0/status")
    assert isinstance(body, dict)
    return (body["state"], body.get("trace", "")) if code == 200 else ("", "")


@ONE_PLACE
def test_a_worker_in_its_group_is_healthy_and_ready(worker):
    assert worker.ask("GET", "/health") == (200, {"status": "healthy", "message": READY})
    assert worker.ask("GET", "/health/ready") == (200, {"status": "ready", "message": READY})


@ONE_PLACE
def test_metrics_tell_of_the_group(worker):
    told = metrics(worker)
    assert (told["linkspan_group_member"], told["linkspan_group_leader"]) == (1, 1)
    assert told["kafka_connect_worker_rebalance_epoch"] >= 1
    assert told["kafka_connect_worker_rebalance_completed_rebalances_total"] >= 1


@ONE_PLACE
def test_metrics_tell_of_records_errors_dead_letters_and_lag(worker):
    topic = f"{worker.group.name}-records"
    datagen = {"connector__class": "DatagenSource", "topic": topic, "format": "json", "rate": 0}
    create(worker, "makes", **datagen, count=200, malformed__percent=20)
    create(
        worker,
        'ta"kes',
        connector__class="FileStreamSink",
        topics=topic,
        file=worker.folder / "out.txt",
        errors__tolerance="all",
        errors__deadletterqueue__topic__name=f"{topic}-dead",
        errors__deadletterqueue__topic__replication__factor=1,
        **{key.replace(".", "__"): value for key, value in JSON.items()},
    )
    made, taken = '{connector="makes",task="0"}', '{connector="ta\\"kes",task="0"}'
    lag = f'linkspan_sink_lag_records{taken[:-1]},topic="{topic}",partition="0"}}'
    source, sink = "kafka_connect_source_task_source_record", "kafka_connect_sink_task_sink_record"
    errors = "kafka_connect_task_error"

    def arrived() -> bool:
        told = metrics(worker)
        counted = (told.get(f"{source}_write_total{made}"), told.get(f"{sink}_read_total{taken}"), told.get(lag))
        return counted == (200, 200, 0)

    wait_until(arrived, "everything is written and read, and no lag is left")
    told = metrics(worker)
    bad = told[f"{errors}_total_record_errors{taken}"]
    assert bad > 0
    assert told[f"{sink}_send_total{taken}"] == 200 - bad
    assert told[f"{errors}_deadletterqueue_produce_requests{taken}"] == bad
    assert told[f"{errors}_deadletterqueue_produce_failures{taken}"] == 0
    assert told[f'kafka_connect_connector_task_status{made[:-1]},status="running"}}'] == 1
    assert told[f"linkspan_task_seconds_since_progress{taken}"] >= 0


@ONE_PLACE
def test_a_task_whose_process_was_killed_is_failed_with_the_reason(worker):
    pid = worker.folder / "pid"
    create(worker, "killed", connector__class="AwkwardSource", topic=f"{worker.group.name}-k", pid__file=pid)
    wait_until(lambda: pid.exists() and pid.read_text() != "", "a process to kill")
    os.kill(int(pid.read_text()), signal.SIGKILL)
    wait_until(lambda: task(worker, "killed")[0] == "FAILED", "the task is FAILED")
    assert "SIGKILL (killed from outside" in task(worker, "killed")[1]
    assert metrics(worker)['kafka_connect_connector_task_status{connector="killed",task="0",status="failed"}'] == 1


@ONE_PLACE
def test_a_task_that_has_failed_waits_for_its_restart_and_its_user_goes_first(worker):
    slowly = {"linkspan__restart__enable": "true", "linkspan__restart__backoff__ms": 120_000}
    create(worker, "fails", connector__class="AwkwardSource", topic=f"{worker.group.name}-f", start="exit", **slowly)

    def waits_for(number: int) -> None:
        said = f"{number} of at most 10 restarts within 3600 s"
        wait_until(lambda: task(worker, "fails")[0] == "RESTARTING" and said in task(worker, "fails")[1], said)

    waits_for(1)
    assert "ended with status 7" in task(worker, "fails")[1]
    assert metrics(worker)['linkspan_task_restarts_total{connector="fails",task="0"}'] == 1
    assert worker.ask("PUT", "/connectors/fails/pause")[0] == 202
    wait_until(lambda: task(worker, "fails") == ("PAUSED", ""), "the task is paused, without its plugin")
    assert worker.ask("PUT", "/connectors/fails/resume")[0] == 202
    waits_for(2)
    assert worker.ask("POST", "/connectors/fails/restart?includeTasks=true&onlyFailed=true")[0] == 202
    waits_for(1)
    assert worker.ask("DELETE", "/connectors/fails")[0] == 204


@ONE_PLACE
def test_a_call_that_takes_long_is_told_in_the_trace_until_it_returns_and_the_state_stays(worker):
    topic = f"{worker.group.name}-stall"
    create(worker, "feeds", connector__class="DatagenSource", topic=topic, format="json", rate=0, count=5)
    file = worker.folder / "slow"
    create(worker, "stalls", connector__class="AwkwardSink", topics=topic, file=file, put=4, once="true")
    stalled = 'linkspan_task_stalled{connector="stalls",task="0"}'
    seen: list[tuple[str, str]] = []

    def stalls() -> bool:
        seen.append(task(worker, "stalls"))
        return re.match(r"put has not returned for .*awkward\.py", seen[-1][1], re.DOTALL) is not None

    wait_until(stalls, "the trace says so")
    assert metrics(worker)[stalled] == 1
    wait_until(lambda: task(worker, "stalls") == ("RUNNING", ""), "the trace is gone")
    assert {state for state, trace in seen if trace} == {"RUNNING"}
    assert metrics(worker)[stalled] == 0


def test_metrics_can_be_switched_off(tmp_path: Path):
    worker = LinkspanWorker(tmp_path / "w", None, {"linkspan.metrics.enable": "false"}, [])
    worker.start()
    try:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            metrics(worker)
        with urllib.request.urlopen(f"{worker.url}/health/ready", timeout=30) as answer:
            assert json.load(answer) == {"status": "ready", "message": READY}
    finally:
        assert worker.stop() == 0


@pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset is not installed")
def test_many_tasks_that_come_up_on_one_processor_leave_the_worker_in_its_group(kafka, tmp_path: Path):
    worker = OneProcessorWorker(tmp_path / "w", Group(kafka.bootstrap), QUICK)
    topic = f"{worker.group.name}-many"

    def told(name: str) -> float:
        return metrics(worker).get(name, -1)

    def up() -> int:
        return sum(name.endswith('status="running"}') and "task=" in name for name in metrics(worker))

    with running(worker):
        create(worker, "many", connector__class="DatagenSource", topic=topic, format="json", rate=0.1, tasks__max=TASKS)
        wait_until(lambda: told("kafka_connect_coordinator_assigned_tasks") == TASKS, "the tasks are assigned", 120)
        generation = told("kafka_connect_worker_rebalance_epoch")
        wait_until(lambda: up() == TASKS, "all tasks are RUNNING", 120)
        assert told("kafka_connect_worker_rebalance_epoch") == generation
        assert "is in no group any more" not in worker.log.read_text()
        assert worker.ask("GET", "/health/ready")[0] == 200


@pytest.mark.xdist_group("breakable")
def test_a_worker_that_lost_its_broker_is_healthy_but_not_ready_until_it_is_back(breakable: Broker, tmp_path: Path):
    worker = LinkspanGroupWorker(tmp_path / "w", Group(breakable.bootstrap), {**QUICK, "session.timeout.ms": 3000})
    with running(worker):
        breakable.kill()
        try:
            wait_until(lambda: worker.ask("GET", "/health/ready")[0] == 503, "it is not ready", 60)
            code, body = worker.ask("GET", "/health")
            assert isinstance(body, dict)
            assert (code, body["status"]) == (200, "healthy")
            assert (
                f"it is in no group of workers now: The coordinator of group {worker.group.name} was not found at"
                in (body["message"])
            )
            assert metrics(worker)["linkspan_group_member"] == 0
        finally:
            breakable.start()
        wait_until(lambda: worker.ask("GET", "/health/ready")[0] == 200, "it is ready again", 90)
