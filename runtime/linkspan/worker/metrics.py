"""What a worker measures of its connectors and tasks; names are those of the original's metrics (spec/runtime.md 8).

Tasks report their counters about once in five seconds, and only when something has changed: nothing is counted or sent
for a single record. What is asked for by ``GET /metrics`` is put together from the last reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from linkspan.observe.metrics import Family, labels
from linkspan.task.tolerance import FAILED
from linkspan.worker.running_connector import RunningConnector
from linkspan.worker.running_task import RunningTask

__all__ = ["worker_metrics"]

_Named = tuple[str, Literal["counter", "gauge"], str]

_REPORTED: Final[Mapping[str, _Named]] = {
    "source-record-poll-total": ("source_task", "counter", "Records that the task has polled."),
    "source-record-write-total": ("source_task", "counter", "Records that were written and acknowledged."),
    "source-record-active-count": ("source_task", "gauge", "Records that are polled but not acknowledged."),
    "sink-record-read-total": ("sink_task", "counter", "Records that were read from the log."),
    "sink-record-send-total": ("sink_task", "counter", "Records that the task has put."),
    "partition-count": ("sink_task", "gauge", "Partitions assigned to the task."),
    "put-batch-avg-time-ms": ("sink_task", "gauge", "Average time of a put."),
    "put-batch-max-time-ms": ("sink_task", "gauge", "Longest time of a put."),
    "offset-commit-seq-no": ("sink_task", "gauge", "Number of the last commit."),
    "offset-commit-completion-total": ("sink_task", "counter", "Commits that succeeded."),
    "offset-commit-skip-total": ("sink_task", "counter", "Commits with nothing new, or overtaken by a newer one."),
    "transaction-size-min": ("source_task", "gauge", "Records of the smallest transaction."),
    "transaction-size-max": ("source_task", "gauge", "Records of the largest transaction."),
    "transaction-size-avg": ("source_task", "gauge", "Records of a transaction on average."),
    "offset-commit-total": ("source_task", "counter", "Commits of source offsets that succeeded."),
    "offset-commit-failure-total": ("connector_task", "counter", "Commits that failed."),
    "total-record-failures": ("task_error", "counter", "Failed attempts to process a record, retried ones included."),
    "total-record-errors": ("task_error", "counter", "Records that failed for good."),
    "total-records-skipped": ("task_error", "counter", "Records that were passed over."),
    "total-retries": ("task_error", "counter", "Attempts repeated after a failure."),
    "total-errors-logged": ("task_error", "counter", "Records whose failure was logged."),
    "deadletterqueue-produce-requests": ("task_error", "counter", "Records sent to the dead letter queue."),
    "deadletterqueue-produce-failures": ("task_error", "counter", "Records that the dead letter queue did not take."),
    "last-error-timestamp": ("task_error", "gauge", "When a record failed last, in milliseconds of Unix time; or 0."),
}
"""Group, kind and description of each value that tasks report."""

_OUTAGES: Final[Mapping[str, str]] = {
    "outages": "How often the task had to wait for another system.",
    "outage-seconds": "Seconds that the task has waited for other systems.",
}
"""Description of each counter that tasks report and the original does not know."""


def worker_metrics(
    connectors: Iterable[RunningConnector], tasks: Iterable[RunningTask], version: str, now: float
) -> list[Family]:
    """The values now.

    Args:
        connectors: that run here.
        tasks: that run here, or have failed here.
        version: of this program.
        now: seconds, monotonic.
    """
    known = list(tasks)
    return [*_worker(connectors, known, version), *_states(known, now), *_reports(known), _lag(known)]


def _worker(connectors: Iterable[RunningConnector], tasks: list[RunningTask], version: str) -> list[Family]:
    program = Family("linkspan_info", "gauge", "Version of this program.")
    program.add(1, labels(version=version))
    info = Family("kafka_connect_connector_info", "gauge", "Kind, class and version of a connector.")
    status = Family("kafka_connect_connector_status", "gauge", "State of a connector instance.")
    restarts = Family("linkspan_connector_restarts_total", "counter", "Restarts by the worker after failures.")
    count = 0
    for connector in connectors:
        count += 1
        plugin = connector.plugin
        info.add(
            1,
            labels(
                connector=connector.name,
                connector_type=plugin.kind,
                connector_class=plugin.class_name,
                connector_version=plugin.version,
            ),
        )
        status.add(1, labels(connector=connector.name, status=connector.state.lower()))
        restarts.add(connector.restarts.total, labels(connector=connector.name))
    connector_count = Family("kafka_connect_worker_connector_count", "gauge", "Connector instances on this worker.")
    connector_count.add(count)
    task_count = Family("kafka_connect_worker_task_count", "gauge", "Tasks on this worker, failed ones included.")
    task_count.add(len(tasks))
    return [program, connector_count, task_count, info, status, restarts]


def _states(tasks: list[RunningTask], now: float) -> list[Family]:
    status = Family("kafka_connect_connector_task_status", "gauge", "State of a task.")
    idle = Family(
        "linkspan_task_seconds_since_progress",
        "gauge",
        "Seconds since a running task has moved a record, or has come up.",
    )
    stalled = Family("linkspan_task_stalled", "gauge", "Whether a call of the task's plugin takes suspiciously long.")
    memory = Family("linkspan_task_memory_bytes", "gauge", "Memory that the task's processes hold.")
    restarts = Family("linkspan_task_restarts_total", "counter", "Restarts by the worker after failures.")
    for task in tasks:
        named = labels(connector=task.connector, task=task.task)
        status.add(1, f'{named},status="{task.state.lower()}"')
        restarts.add(task.restarts.total + task.returns.total, named)
        if task.state == "RUNNING":
            idle.add(round(now - task.moved_at, 3), named)
            stalled.add(task.stalled, named)
        if task.memory:
            memory.add(task.memory, named)
    return [status, restarts, idle, stalled, memory]


def _reports(tasks: list[RunningTask]) -> list[Family]:
    families = {
        name: Family(f"kafka_connect_{group}_{name.replace('-', '_')}", kind, description)
        for name, (group, kind, description) in _REPORTED.items()
    } | {
        name: Family(f"linkspan_task_{name.replace('-', '_')}_total", "counter", description)
        for name, description in _OUTAGES.items()
    }
    failed = Family(
        "linkspan_task_failed_records_total", "counter", "Records that failed for good, by what failed them."
    )
    for task in tasks:
        named = labels(connector=task.connector, task=task.task)
        for name, value in task.metrics.items():
            family = families.get(name)
            if family is not None:
                family.samples.append((named, value))
            elif name.startswith(FAILED):
                stage, _, error = name.removeprefix(FAILED).partition(" ")
                failed.add(value, f"{named},{labels(stage=stage, error=error)}")
    return [*families.values(), failed]


def _lag(tasks: list[RunningTask]) -> Family:
    family = Family("linkspan_sink_lag_records", "gauge", "Records of a partition that the task has not put yet.")
    for task in tasks:
        named = labels(connector=task.connector, task=task.task)
        for topic, partition, lag in task.lag:
            family.add(lag, f"{named},{labels(topic=topic, partition=partition)}")
    return family
