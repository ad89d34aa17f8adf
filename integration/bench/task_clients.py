"""What an idle task of ours costs with many brokers: threads and descriptors of its process.

The brokers are librdkafka's mock cluster, which lives in this process.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from confluent_kafka import Producer

from integration.bench import scenario
from integration.bench.footprint import tree
from integration.bench.table import say
from integration.services.kafka import Broker, request
from integration.services.linkspan import LinkspanWorker

HEADING: Final = "Threads and descriptors of an idle task"
_BROKERS: Final = 12
_TASKS: Final = 4
_SETTLE_SECONDS: Final = 15.0
_FILE: Final = "org.apache.kafka.connect.file.FileStream"


def measure(broker: Broker, folder: Path) -> str:
    """Look at sink and source tasks, and at a worker without any; the section for the page."""
    cluster = Producer({"test.mock.num.brokers": _BROKERS, "log_level": 0})
    known = cluster.list_topics(timeout=30).brokers.values()
    bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in known)
    say(f"task-clients: {len(known)} brokers")
    lines = ["| Process | Threads | Descriptors | of these, sockets |", "|---|--:|--:|--:|"]
    # the worker asks its cluster what the mock cluster cannot answer, so only the tasks use that one
    settings = {"consumer.bootstrap.servers": bootstrap, "producer.bootstrap.servers": bootstrap}
    worker = LinkspanWorker(folder / "clients", broker.bootstrap, {"topic.creation.enable": "false", **settings})
    try:
        worker.start()
        for kind, title in (("Sink", "idle sink task"), ("Source", "idle source task")):
            threads, descriptors, sockets = _task(worker, folder, cluster, kind)
            lines.append(f"| {title} | {threads} | {descriptors} | {sockets} |")
            say(f"  {title}: {threads} threads, {descriptors} descriptors, {sockets} of them sockets")
    finally:
        worker.stop()
    body = "\n".join(lines)
    return f"""With {_BROKERS} brokers (librdkafka's mock cluster) and {_TASKS} tasks of a file connector that
have had a record and then had nothing to do for {_SETTLE_SECONDS:.0f} s; the largest figures among the tasks.
librdkafka has one thread for each broker it knows, and opens connections to those brokers that it needs. A sink task
has one Kafka client until it writes a dead letter, a source task one producer.

{scenario.measured()}

{body}"""


def _task(worker: LinkspanWorker, folder: Path, cluster: Producer, kind: str) -> tuple[int, int, int]:
    """Threads, descriptors and sockets of the processes that came with the tasks."""
    before = set(tree(worker.pid))
    names = []
    for number in range(_TASKS):
        topic = f"topic-{kind.lower()}-{number}"
        file = folder / f"{topic}.txt"
        file.write_text("a line\n" if kind == "Source" else "")
        cluster.produce(topic, b"a line")
        cluster.flush(30)
        config = {"connector.class": f"{_FILE}{kind}Connector", "file": str(file), "tasks.max": "1"}
        config |= {"topics": topic} if kind == "Sink" else {"topic": topic}
        if kind == "Sink":
            config["consumer.override.auto.offset.reset"] = "earliest"
        names.append(f"bench-{topic}")
        status, body = request("POST", f"{worker.url}/connectors", {"name": names[-1], "config": config})
        if status != 201:
            raise RuntimeError(f"POST /connectors answered {status}: {body}")
        scenario.wait_running(worker, names[-1], 1)
    time.sleep(_SETTLE_SECONDS)
    found = [_costs(pid) for pid in set(tree(worker.pid)) - before]
    for name in names:
        request("DELETE", f"{worker.url}/connectors/{name}")
    if len(found) < _TASKS:
        raise RuntimeError(f"{_TASKS} tasks have {len(found)} processes")
    return max(found)


def _costs(pid: int) -> tuple[int, int, int]:
    process = Path(f"/proc/{pid}")
    threads = len(list((process / "task").iterdir()))
    opened = [entry.readlink() for entry in (process / "fd").iterdir()]
    return threads, len(opened), sum(str(target).startswith("socket:") for target in opened)
