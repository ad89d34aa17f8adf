"""Makes topics-4.3.1.jsonl: what the original distributed worker writes into its three topics, record by record.

Run with the project's interpreter from its top folder: ``.venv/bin/python -m tests.herder.golden.record``. Takes about
a minute; needs what the integration suite needs for Kafka.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, TopicPartition

from integration.services.kafka import Broker, java, request, write_properties
from integration.services.server import Server, free_ports

TOPICS = ("configs", "offsets", "statuses")
GOLDEN = Path(__file__).with_name("topics-4.3.1.jsonl")


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a condition did not come true")
        time.sleep(0.2)


class Worker:
    def __init__(self, folder: Path, bootstrap: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "plugins").mkdir()
        properties = write_properties(
            folder / "worker.properties",
            {
                "bootstrap.servers": bootstrap,
                "group.id": "workers",
                "listeners": self.url,
                "exactly.once.source.support": "enabled",
                "key.converter": "org.apache.kafka.connect.storage.StringConverter",
                "value.converter": "org.apache.kafka.connect.storage.StringConverter",
                "offset.flush.interval.ms": 500,
                "plugin.path": folder / "plugins",
                "plugin.discovery": "hybrid_warn",
                "config.storage.topic": "configs",
                "offset.storage.topic": "offsets",
                "status.storage.topic": "statuses",
                "config.storage.replication.factor": 1,
                "offset.storage.replication.factor": 1,
                "status.storage.replication.factor": 1,
            },
        )
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        command = java(folder, main, str(properties), options=("-Xmx512m",))
        self.server = Server(command, folder / "worker.log")

    def ask(self, method: str, path: str, body: object = None, wanted: int = 200) -> object:
        deadline = time.monotonic() + 60
        while True:
            status, answer = request(method, self.url + path, body)
            if status == wanted:
                return answer
            # Busy with a rebalance.
            if status != 409 or time.monotonic() > deadline:
                raise RuntimeError(f"{method} {path}: {status} {answer}")
            time.sleep(0.5)

    def reached(self, name: str, state: str, tasks: list[str]) -> None:
        def holds() -> bool:
            status, body = request("GET", f"{self.url}/connectors/{name}/status")
            return (
                status == 200
                and isinstance(body, dict)
                and body["connector"]["state"] == state
                and [task["state"] for task in body["tasks"]] == tasks
            )

        until(holds)


def story(worker: Worker, folder: Path) -> None:
    lines = folder / "lines.txt"
    lines.write_text("one\ntwo\n")
    source = {"connector.class": "FileStreamSource", "tasks.max": "1", "file": str(lines), "topic": "lines"}
    odd = {"note": 'Grüße / "日本" \\ \x1f\x7f\t\n\x0b 😀', "empty": ""}
    worker.ask("POST", "/connectors", {"name": "source", "config": source}, 201)
    worker.reached("source", "RUNNING", ["RUNNING"])
    sink = {"connector.class": "FileStreamSink", "tasks.max": "2", "file": str(folder / "copy"), "topics": "lines"}
    worker.ask("POST", "/connectors", {"name": "a-sink-1", "config": {**sink, **odd}, "initial_state": "STOPPED"}, 201)
    worker.reached("a-sink-1", "STOPPED", [])
    worker.ask("PUT", "/connectors/a-sink-1/resume", wanted=202)
    worker.reached("a-sink-1", "RUNNING", ["RUNNING", "RUNNING"])
    until(lambda: (folder / "copy").exists() and (folder / "copy").read_text() == "one\ntwo\n")
    worker.ask("PUT", "/connectors/source/pause", wanted=202)
    worker.reached("source", "PAUSED", ["PAUSED"])
    worker.ask("PUT", "/connectors/source/resume", wanted=202)
    worker.reached("source", "RUNNING", ["RUNNING"])
    worker.ask("POST", "/connectors/a-sink-1/restart?includeTasks=true", wanted=202)
    worker.reached("a-sink-1", "RUNNING", ["RUNNING", "RUNNING"])
    worker.ask("PUT", "/admin/loggers/org.apache.kafka.connect.file?scope=cluster", {"level": "debug"}, 204)
    worker.ask("PUT", "/connectors/broken%20%C3%BC/config", {**source, "topic": "x", "file": "/nowhere"}, 201)
    worker.reached("broken%20%C3%BC", "RUNNING", ["RUNNING"])
    json_lines = {"value.converter": "org.apache.kafka.connect.json.JsonConverter"}
    worker.ask("PUT", "/connectors/bad/config", {**sink, **json_lines}, 201)
    until(lambda: "FAILED" in json.dumps(request("GET", f"{worker.url}/connectors/bad/status")[1]))
    worker.ask("PUT", "/connectors/source/stop", wanted=204)
    worker.reached("source", "STOPPED", [])
    worker.ask("DELETE", "/connectors/source/offsets")
    worker.ask("PUT", "/connectors/a-sink-1/topics/reset", wanted=202)
    worker.ask("DELETE", "/connectors/a-sink-1", wanted=204)
    until(lambda: request("GET", f"{worker.url}/connectors/a-sink-1/status")[0] == 404)


def records(bootstrap: str) -> Iterator[dict[str, object]]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "onlooker",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        for topic in TOPICS:
            for partition in sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions):
                consumer.assign([TopicPartition(topic, partition, 0)])
                while True:
                    message = consumer.poll(30)
                    if message is None:
                        raise TimeoutError(f"{topic} {partition} gives no answer")
                    if message.error() is not None and message.error().code() == KafkaError._PARTITION_EOF:
                        break
                    if message.error() is not None:
                        raise RuntimeError(str(message.error()))
                    key, value = message.key(), message.value()
                    yield {
                        "topic": topic,
                        "partition": partition,
                        "offset": message.offset(),
                        "timestamp": message.timestamp()[1],
                        "key": None if key is None else key.decode(),
                        "value": None if value is None else value.decode(),
                    }
    finally:
        consumer.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="original") as name:
        folder = Path(name)
        broker = Broker(folder / "broker")
        broker.start()
        (folder / "worker").mkdir()
        worker = Worker(folder / "worker", broker.bootstrap)
        try:
            worker.server.start("Finished starting connectors and tasks", timeout=120)
            story(worker, folder)
            worker.server.stop()
            text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records(broker.bootstrap))
        finally:
            worker.server.stop()
            broker.stop()
    GOLDEN.write_text(text)


if __name__ == "__main__":
    main()
