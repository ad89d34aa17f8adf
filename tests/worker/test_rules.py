"""Rules without processes: client settings, task configurations, deadlines, pace, lines."""

from __future__ import annotations

import re

import pytest

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.worker import clients
from linkspan.worker.channel import LineBuffer, decode_error, encode_error
from linkspan.worker.deadlines import CallWatch, Deadlines
from linkspan.worker.pace import Pace
from linkspan.worker.task_configs import as_texts, finish_task_configs

WORKER = {
    "bootstrap.servers": "b:9092",
    "sasl.jaas.config": "worker secret",
    "producer.linger.ms": "5",
    "producer.acks": "1",
    "consumer.max.poll.records": "7",
    "admin.retries": "2",
    "key.converter": "K",
    "key.converter.schemas.enable": "false",
    "value.converter": "V",
}


def test_later_layers_of_client_settings_win():
    connector = {"producer.override.acks": "all", "consumer.override.group.id": "mine"}
    producer = clients.task_clients("source", WORKER, connector, "c", 0)["producer"]
    assert (producer["acks"], producer["linger.ms"], producer["client.id"]) == ("all", "5", "connector-producer-c-0")
    assert producer["bootstrap.servers"] == "b:9092"
    consumer = clients.task_clients("sink", WORKER, connector, "c", 3)["consumer"]
    assert (consumer["group.id"], consumer["max.poll.records"]) == ("mine", "7")
    assert consumer["client.id"] == "connector-consumer-c-3"
    assert clients.sink_group(WORKER, {}, "c") == "connect-c"


def test_a_task_gets_settings_of_those_clients_only_that_it_opens():
    assert set(clients.task_clients("source", WORKER, {}, "c", 0)) == {"producer"}
    assert set(clients.task_clients("sink", WORKER, {}, "c", 0)) == {"consumer"}
    queue = {"errors.deadletterqueue.topic.name": "dlq"}
    letters = clients.task_clients("sink", WORKER, queue, "c", 0)
    assert set(letters) == {"consumer", "producer"}
    assert letters["producer"]["client.id"] == "connector-dlq-producer-c-0"
    assert letters["producer"]["linger.ms"] == "5", "the worker says so"
    assert clients.task_clients("sink", {}, queue, "c", 0)["producer"]["linger.ms"] == "100"
    rules = {"topic.creation.default.partitions": "1"}
    assert set(clients.task_clients("source", WORKER, rules, "c", 0)) == {"producer"}


def test_a_sink_reads_ahead_what_it_may_unless_the_user_has_chosen():
    def fetches(read_ahead: int | None, worker: dict[str, str], connector: dict[str, str]) -> str | None:
        return clients.task_clients("sink", worker, connector, "c", 0, read_ahead=read_ahead)["consumer"].get(limit)

    limit = "fetch.max.bytes"
    assert fetches(None, {}, {}) is None
    assert fetches(2 << 20, {}, {}) == "2097152"
    assert fetches(2 << 20, {f"consumer.{limit}": "7"}, {}) == "7"
    assert fetches(2 << 20, {f"consumer.{limit}": "7"}, {f"consumer.override.{limit}": "9"}) == "9"


def sink_consumer(connector: dict[str, str], name: str = "c", task: int = 0, group: str | None = "workers"):
    return clients.task_clients("sink", WORKER, connector, name, task, worker_group=group)


def test_a_sink_task_has_the_same_place_in_its_group_whoever_runs_it():
    first, again = sink_consumer({}), clients.task_clients("sink", {}, {}, "c", 0, worker_group="workers")
    assert first["consumer"]["group.instance.id"] == again["consumer"]["group.instance.id"]
    assert first["consumer"]["group.instance.id"].startswith("workers-c-0-")
    assert clients.keeps_place(first)


def test_no_two_sink_tasks_have_the_same_place():
    tasks = [("a", "b-c", 0), ("a-b", "c", 0), ("a", "b-c", 1), ("a", "b/c", 0), ("a", "b c", 0), ("a", "x" * 300, 0)]
    places = [sink_consumer({}, name, task, group)["consumer"]["group.instance.id"] for group, name, task in tasks]
    assert len(set(places)) == len(places)
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", place) for place in places)


@pytest.mark.parametrize(
    "chosen",
    [{"consumer.override.group.instance.id": "mine"}, {"consumer.override.group.protocol": "CONSUMER"}],
)
def test_a_user_who_decides_about_the_place_is_left_alone(chosen):
    consumer = sink_consumer(chosen)
    assert consumer == sink_consumer(chosen, group=None)
    assert not clients.keeps_place(consumer)
    of_worker = {key.replace("override.", ""): value for key, value in chosen.items()}
    assert not clients.keeps_place(clients.task_clients("sink", WORKER | of_worker, {}, "c", 0, worker_group="workers"))


def test_without_a_group_of_workers_nothing_is_said_about_the_place():
    assert "group.instance.id" not in sink_consumer({}, group=None)["consumer"]
    assert not clients.keeps_place(clients.task_clients("source", WORKER, {}, "c", 0, worker_group="workers"))


def test_a_task_does_not_see_the_workers_secrets():
    told = (clients.task_worker_config(WORKER, {}), clients.task_clients("source", WORKER, {}, "c", 0))
    assert "worker secret" not in str(told)


def test_converter_settings_of_worker_and_connector_never_mix():
    assert clients.task_worker_config(WORKER, {"key.converter": "Mine"}) == {"value.converter": "V"}
    assert clients.task_worker_config(WORKER, {})["key.converter.schemas.enable"] == "false"


def test_task_configs_are_texts_and_what_is_none_is_not_set():
    assert as_texts({"a": None, "b": True, "c": False, "d": 5, "e": "True"}) == {
        "b": "true",
        "c": "false",
        "d": "5",
        "e": "True",
    }


def test_task_configs_get_their_class_and_topics():
    made = finish_task_configs("c", [{"a": "1"}], {"topics": "t", "tasks.max": "1"}, "m.Task")
    assert made == [{"a": "1", "task.class": "m.Task", "topics": "t"}]


def test_too_many_tasks_are_only_a_warning_when_not_enforced(caplog):
    config = {"tasks.max": "1", "tasks.max.enforce": "false"}
    assert len(finish_task_configs("c", [{}, {}], config, "T")) == 2
    assert "has generated 2 tasks, which is greater than 1" in caplog.text
    with pytest.raises(ConnectError, match=r"'tasks\.max\.enforce' set to false"):
        finish_task_configs("c", [{}, {}], {"tasks.max": "1"}, "T")


def test_a_number_of_tasks_that_is_none_any_more_is_a_fault_of_the_configuration():
    with pytest.raises(ConfigError, match=re.escape("Invalid value many for configuration tasks.max")):
        finish_task_configs("c", [{}], {"tasks.max": "many"}, "T")


def test_a_stalled_call_is_reported_once_each_time_its_age_doubles():
    watch = CallWatch(Deadlines(stall_report=10.0), 0.0, 0.0)
    reports = []
    for second in range(1, 50):
        watch.beat("put", float(second), float(second))
        finding = watch.look(float(second))
        if finding:
            reports.append((second, finding.kind))
    assert reports == [(10, "stalled"), (20, "stalled"), (40, "stalled")]
    moving = watch.beat("put", 0.5, 50.0)
    assert moving is not None
    assert moving.kind == "moving"
    assert watch.look(50.0) is None


def test_a_call_is_overdue_only_when_the_connector_wants_that():
    watch = CallWatch(Deadlines(stall_report=100.0), 5.0, 0.0)
    watch.beat("poll", 4.0, 4.0)
    assert watch.look(4.0) is None
    finding = watch.look(5.0)
    assert finding is not None
    assert finding.kind == "overdue"


def test_silence_counts_as_a_call_in_native_code():
    watch = CallWatch(Deadlines(stall_report=10.0), 0.0, 0.0)
    watch.beat(None, 0.0, 1.0)
    finding = watch.look(60.0)
    assert finding is not None
    assert finding.call == "native code"


def test_deadlines_are_checked():
    with pytest.raises(ConfigError, match=r"Invalid value x for configuration task\.shutdown\.graceful\.timeout\.ms"):
        Deadlines.of({"task.shutdown.graceful.timeout.ms": "x"})


def test_pace_lets_bursts_pass_and_counts_what_it_refuses():
    now = [0.0]
    pace = Pace(2, 1.0, lambda: now[0])
    assert [pace.admit()[0] for _ in range(4)] == [True, True, False, False]
    now[0] = 1.0
    assert pace.admit() == (True, 2)


def test_lines_are_cut_wherever_the_stream_is_broken():
    lines = LineBuffer()
    assert lines.feed(b"a\nb") == [b"a"]
    assert lines.feed(b"c\n\nd") == [b"bc", b""]
    assert lines.take_rest() == b"d"
    assert LineBuffer(3).feed(b"abcdefg\nx\n") == [b"abc", b"def", b"g", b"x"]


def test_an_error_keeps_its_class_on_the_way():
    body = encode_error(ConfigError("Bad", "tasks.max"))
    error = decode_error(body)
    assert isinstance(error, ConfigError)
    assert (error.message, error.key) == ("Bad", "tasks.max")
