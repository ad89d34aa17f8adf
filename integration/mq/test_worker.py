"""Both connectors in a worker: queue → topic → queue, while worker, tasks and queue manager are killed."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.linkspan import LinkspanWorker

pytestmark = pytest.mark.integration

TEXT = Descriptor(format="MQSTR", persistence=1)
SOURCE = {
    "name": "in",
    "connector.class": "MQSource",
    "topic": "orders",
    "mq.record.builder": "com.ibm.eventstreams.connect.mqsource.builders.DefaultRecordBuilder",
    "mq.message.body.jms": "true",
    "mq.queue": "IN",
    "mq.message.receive.timeout": "100",
}
SINK = {
    "name": "out",
    "connector.class": "com.ibm.eventstreams.connect.mqsink.MQSinkConnector",
    "topics": "orders",
    "mq.message.builder": "com.ibm.eventstreams.connect.mqsink.builders.DefaultMessageBuilder",
    "mq.queue": "OUT",
}


def connectors(server: QueueManagerServer, **more: str) -> list[dict[str, str]]:
    where = {
        "mq.queue.manager": "QM1",
        "mq.connection.name.list": server.address,
        "mq.channel.name": "DEV.APP.SVRCONN",
    }
    return [{**SOURCE, **where}, {**SINK, **where, **{key.replace("_", "."): value for key, value in more.items()}}]


def worker_of(server: QueueManagerServer, folder: Path, **more: str) -> LinkspanWorker:
    settings = {"offset.flush.interval.ms": "500"}
    return LinkspanWorker(folder, None, settings, connectors(server, **more), env=server.environment)


def answer(worker: LinkspanWorker, path: str, method: str = "GET", body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        worker.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as got:
        text = got.read()
    return json.loads(text) if text else None


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def put(server: QueueManagerServer, first: int, count: int) -> None:
    for number in range(first, first + count):
        server.put("IN", b"m%05d" % number, TEXT)


def test_messages_pass_from_queue_to_queue(server: QueueManagerServer, tmp_path: Path) -> None:
    put(server, 0, 500)
    worker = worker_of(server, tmp_path / "worker")
    worker.start()
    try:
        eventually(lambda: server.depth("OUT").visible == 500)
        assert server.bodies("OUT") == [b"m%05d" % number for number in range(500)]
        eventually(lambda: server.depth("IN").all == 0)
        assert {each.application for each in server.connections()} == {"in-0", "out-0"}
        plugins = {each["class"] for each in answer(worker, "/connector-plugins")}
        assert SINK["connector.class"] in plugins
    finally:
        worker.stop()
    assert server.connections() == []


def test_a_sink_that_ended_in_good_order_writes_nothing_twice(server: QueueManagerServer, tmp_path: Path) -> None:
    for first in (0, 5):
        put(server, first, 5)
        worker = worker_of(server, tmp_path / "worker")
        worker.start()
        try:
            eventually(lambda: b"m%05d" % (first + 4) in server.bodies("OUT"))  # noqa: B023 - called at once
        finally:
            worker.stop()
    assert server.bodies("OUT") == [b"m%05d" % number for number in range(10)]


def test_messages_whose_records_are_dropped_or_set_aside_leave_the_queue(
    server: QueueManagerServer, tmp_path: Path
) -> None:
    server.put("IN", b"\xff", TEXT)  # no record can be made of it
    put(server, 0, 20)  # a filter drops the records
    source = {
        **connectors(server)[0],
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dead",
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
        "transforms": "drop",
        "transforms.drop.type": "org.apache.kafka.connect.transforms.Filter",
        "transforms.drop.predicate": "orders",
        "predicates": "orders",
        "predicates.orders.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
        "predicates.orders.pattern": "orders",
    }
    sink = {**connectors(server)[1], "topics": "dead"}
    worker = LinkspanWorker(tmp_path / "worker", None, {}, [source, sink], env=server.environment)
    worker.start()
    try:
        eventually(lambda: server.depth("IN").all == 0)
        eventually(lambda: server.depth("OUT").visible == 1)
    finally:
        worker.stop()


def test_a_paused_source_keeps_no_message(server: QueueManagerServer, tmp_path: Path) -> None:
    put(server, 0, 10)
    worker = worker_of(server, tmp_path / "worker")
    worker.start()
    try:
        eventually(lambda: server.depth("OUT").visible == 10)
        answer(worker, "/connectors/in/pause", "PUT")
        eventually(lambda: answer(worker, "/connectors/in/status")["tasks"][0]["state"] == "PAUSED")
        put(server, 10, 10)
        time.sleep(0.5)
        depth = server.depth("IN")
        assert (depth.visible, depth.getting) == (10, 0)
        answer(worker, "/connectors/in/resume", "PUT")
        eventually(lambda: server.depth("OUT").visible == 20)
    finally:
        worker.stop()


def test_offsets_that_are_set_by_rest_are_those_of_the_state_queue(server: QueueManagerServer, tmp_path: Path) -> None:
    put(server, 0, 10)
    worker = worker_of(server, tmp_path / "worker", mq_exactly_once_state_queue="STATE")
    worker.start()
    try:
        eventually(lambda: server.depth("OUT").visible == 10)
        answer(worker, "/connectors/out/stop", "PUT")
        eventually(lambda: answer(worker, "/connectors/out/status")["connector"]["state"] == "STOPPED")
        eventually(lambda: {each.application for each in server.connections()} == {"in-0"})
        place = {"kafka_topic": "orders", "kafka_partition": 0}
        (found,) = answer(worker, "/connectors/out/offsets")["offsets"]
        assert found == {"partition": place, "offset": {"kafka_offset": 10}}
        changed = {"offsets": [{"partition": place, "offset": {"kafka_offset": 7}}]}
        answer(worker, "/connectors/out/offsets", "PATCH", changed)
        assert answer(worker, "/connectors/out/offsets") == changed
        answer(worker, "/connectors/out/resume", "PUT")
        eventually(lambda: server.depth("OUT").visible == 13)
        assert server.bodies("OUT")[10:] == [b"m00007", b"m00008", b"m00009"]
    finally:
        worker.stop()


OWN = """
class Shouting:
    def value(self, message):
        return message.text().upper()


class Quoting:
    def body(self, topic, schema, value):
        return f"{topic}: {value}"
"""


def test_builders_of_the_user_make_records_and_messages(server: QueueManagerServer, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "own_mq_builders.py").write_text(OWN)
    source, sink = connectors(server)
    source["mq.record.builder"], sink["mq.message.builder"] = "own_mq_builders.Shouting", "own_mq_builders:Quoting"
    environment = {**server.environment, "PYTHONPATH": str(tmp_path / "plugins")}
    worker = LinkspanWorker(tmp_path / "worker", None, {}, [source, sink], env=environment)
    put(server, 0, 1)
    worker.start()
    try:
        eventually(lambda: server.bodies("OUT") == [b"orders: M00000"])
        checked = answer(
            worker,
            "/connector-plugins/MQSink/config/validate",
            "PUT",
            {**sink, "mq.message.builder": "own_mq_builders.Shouting"},
        )
        errors = {each["value"]["name"]: each["value"]["errors"] for each in checked["configs"]}
        assert "Shouting is no builder: it has no method body" in errors["mq.message.builder"][0]
    finally:
        worker.stop()


def test_what_is_wrong_is_told_by_validation_and_by_the_status(server: QueueManagerServer, tmp_path: Path) -> None:
    worker = worker_of(server, tmp_path / "worker")
    worker.start()
    try:
        source = {**connectors(server)[0], "mq.queue": "NOTHING", "name": "bad"}
        checked = answer(worker, "/connector-plugins/MQSource/config/validate", "PUT", {**source, "mq.batch.size": "0"})
        wrong = {
            each["value"]["name"]: each["value"]["errors"] for each in checked["configs"] if each["value"]["errors"]
        }
        assert list(wrong) == ["mq.batch.size"]
        answer(worker, "/connectors", "POST", {"name": "bad", "config": source})

        def trace() -> str:
            tasks = answer(worker, "/connectors/bad/status")["tasks"]
            return str(tasks[0].get("trace", "")) if tasks else ""

        eventually(lambda: "2085 MQRC_UNKNOWN_OBJECT_NAME" in trace())
        assert "Task bad-0 failed (config): Opening queue NOTHING on queue manager QM1" in trace()
        assert "see mq.queue" in trace()
    finally:
        worker.stop()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"": "com.example.Nope"},
            "Invalid value com.example.Nope for configuration mq.message.builder.value.converter: Failed to find any",
        ),
        (
            {"": "org.apache.kafka.connect.json.JsonConverter", ".schemas.enable": "nonsense"},
            "Settings of mq.message.builder.value.converter: Invalid value nonsense for configuration schemas.enable",
        ),
    ],
)
def test_a_converter_that_cannot_be_had_is_told_with_its_key(
    server: QueueManagerServer, tmp_path: Path, more: dict[str, str], said: str
) -> None:
    changes = {f"mq.message.builder.value.converter{key}": value for key, value in more.items()}
    sink = {**connectors(server)[1], "mq.message.builder": "ConverterMessageBuilder", **changes}
    worker = LinkspanWorker(tmp_path / "worker", None, {}, [sink], env=server.environment)
    worker.start()
    try:

        def trace() -> str:
            tasks = answer(worker, "/connectors/out/status")["tasks"]
            return str(tasks[0].get("trace", "")) if tasks else ""

        eventually(lambda: trace() != "")
        assert trace().startswith(f"Task out-0 failed (config): {said}")
    finally:
        worker.stop()


@pytest.mark.skipif(Path("/opt/mqm").exists(), reason="IBM's client is installed")
def test_without_ibms_client_the_connectors_are_listed_and_refused_with_what_to_install(tmp_path: Path) -> None:
    nowhere = {"LD_LIBRARY_PATH": "", "MQ_INSTALLATION_PATH": "", "MQ_FILE_PATH": ""}
    worker = LinkspanWorker(tmp_path / "worker", None, {}, [], env=nowhere)
    worker.start()
    try:
        listed = {each["class"]: each for each in answer(worker, "/connector-plugins")}
        where = {"mq.queue.manager": "QM1", "mq.connection.name.list": "localhost(1414)"}
        for name, given in (("MQSource", {**SOURCE, **where}), ("MQSink", {**SINK, **where})):
            assert [kind for kind in listed if kind.endswith(f".{name}Connector")]
            checked = answer(worker, f"/connector-plugins/{name}/config/validate", "PUT", given)
            wrong = {each["value"]["name"]: each["value"]["errors"] for each in checked["configs"]}
            (said,) = wrong.pop("connector.class")
            assert "Install IBM's MQ client" in said
            assert "libmqm_r.so" in said
            assert not any(wrong.values())
    finally:
        worker.stop()


@pytest.mark.parametrize(
    "state", ["", pytest.param("STATE", marks=pytest.mark.long)], ids=["at-least-once", "sink-exactly-once"]
)
def test_nothing_is_lost_whatever_is_killed(server: QueueManagerServer, tmp_path: Path, state: str) -> None:
    total = 2400  # more than a batch between two disturbances
    more = {"mq_exactly_once_state_queue": state} if state else {}
    worker = worker_of(server, tmp_path / "worker", **more)
    worker.start()
    try:
        for step in range(8):
            put(server, step * total // 8, total // 8)
            if step % 2:
                worker.kill()
                worker = worker_of(server, tmp_path / "worker", **more)
                worker.start()
            elif step % 4 == 0:
                server.restart()
            else:
                server.cut()
        eventually(lambda: server.depth("OUT").visible >= total and len(set(server.bodies("OUT"))) == total, 120)
        eventually(lambda: server.depth("IN").all == 0)
    finally:
        worker.stop()
    seen = Counter(server.bodies("OUT"))
    assert set(seen) == {b"m%05d" % number for number in range(total)}
    eventually(lambda: server.connections() == [])
