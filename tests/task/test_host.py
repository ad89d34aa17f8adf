"""A task from its spec to its last status, with real plugins loading and config parsing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from linkspan.api.connector import SinkConnector, SourceConnector
from linkspan.api.errors import ConnectError, DataError, FencedError, RetriableError
from linkspan.api.fields import Config, Int, Str
from linkspan.api.records import SourceBatch, TopicPartition
from linkspan.api.task import SourceTask
from linkspan.api.transform import Predicate, Transform
from tests.task.harness import Port, RecordingSink, Text, committed_content, content, create_topic, fill
from tests.task.memory_log import MemoryLog

pytest.importorskip("linkspan.config.definition")
pytest.importorskip("linkspan.plugins.catalog")
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.embedded.writer import EmbeddedTransactionalWriter
from linkspan.log.port import BatchTooLargeError, DisplacedError, ExpiredError
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.task import settings
from linkspan.task.host import run_task
from linkspan.task.spec import ExactlyOnce, TaskSpec


class CountConfig(Config):
    topic = Str()
    count = Int(default=3)


class Stage:
    """What the plugins of a test look at, since they are made by class."""

    port: ClassVar[Any]
    fail: ClassVar[Exception | None]
    stop_first: ClassVar[bool]
    seen: ClassVar[list[Any]]


class CountTask(SourceTask[CountConfig]):
    def start(self) -> None:
        Stage.seen.append(self.context.offset_reader.offset({"count": "all"}))
        if isinstance(Stage.fail, OSError):
            raise Stage.fail

    def poll(self) -> SourceBatch | None:
        if Stage.stop_first:
            Stage.port.wanted = "STOPPED"
        if Stage.fail is not None:
            raise Stage.fail
        Stage.port.wanted = "STOPPED"
        numbers = list(range(self.config.count))
        offsets = [{"n": number} for number in numbers]
        return SourceBatch({"count": "all"}, offsets, self.config.topic, [str(number) for number in numbers])

    def stop(self) -> None:
        Stage.seen.append("stop")


class CountSource(SourceConnector[CountConfig]):
    config_class = CountConfig
    task_class = CountTask


class OneShotSink(RecordingSink):
    takes_large_batches = True

    def put(self, records: Any) -> None:
        super().put(records)
        Stage.seen.extend(records.values)
        if len(Stage.seen) >= 2:
            Stage.port.wanted = "STOPPED"


class OneShotSinkConnector(SinkConnector[Config]):
    task_class = OneShotSink


class CarefulSink(OneShotSink):
    reads_committed = True


class CarefulSinkConnector(SinkConnector[Config]):
    task_class = CarefulSink


class Suffix(Transform[Any]):
    class config_class(Config):  # noqa: N801 - the attribute has this name
        suffix = Str(default="!")

    def apply(self, record: Any) -> Any:
        suffix = self.alias if self.config.suffix == "alias" else self.config.suffix
        record.value = f"{record.value}{suffix}"
        return record


class IsOne(Predicate[Any]):
    def test(self, record: Any) -> bool:
        return bool(record.value == "1")


class Loud(Text):
    """Says with which settings it was configured."""

    class config_class(Config):  # noqa: N801 - the attribute has this name
        pass

    def configure(self, config: Config, *, is_key: bool) -> None:
        Stage.seen.append((is_key, dict(config.originals)))

    def configure_header(self, config: Config) -> None:
        Stage.seen.append(("header", dict(config.originals)))


def plugin(kind: str, cls: type) -> PluginInfo:
    return PluginInfo(
        kind=kind,
        class_name=f"{__name__}.{cls.__name__}",
        python_path=f"{__name__}:{cls.__name__}",
        version="1",
        aliases=(cls.__name__,),
        error=None,
        location="classpath",
    )


@pytest.fixture(autouse=True)
def stage():
    Stage.port, Stage.fail, Stage.stop_first, Stage.seen = Port(), None, False, []


def spec(log: Any, source: bool = True, connector: dict[str, str] | None = None, **more: Any) -> TaskSpec:
    catalog = Catalog(
        [
            plugin("converter", Text),
            plugin("converter", Loud),
            plugin("header_converter", Text),
            plugin("transformation", Suffix),
            plugin("predicate", IsOne),
        ]
    )
    values: dict[str, Any] = {
        "connector": "c",
        "task": 0,
        "kind": "source" if source else "sink",
        "log": log,
        "plugin": plugin("source" if source else "sink", CountSource if source else OneShotSinkConnector),
        "catalog": catalog,
        "connector_config": connector or {},
        "task_config": connector or {},
        "worker_config": {"key.converter": "Text", "value.converter": "Text", "header.converter": "Text"},
        "client_settings": {"producer": {}, "consumer": {"group.id": "connect-c"}},
    }
    Stage.port.log = log
    return TaskSpec(**(values | more))


def test_a_source_task_runs_from_start_to_a_clean_stop():
    log = MemoryLog()
    topic = create_topic(log)
    run_task(spec(log, connector={"topic": topic, "count": "2"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "UNASSIGNED"]
    assert content(log, topic) == ["0", "1"]
    assert Stage.port.commits == [[({"count": "all"}, {"n": 1})]]
    assert Stage.seen == [None, "stop"]


def test_a_sink_task_runs_from_start_to_a_clean_stop():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run_task(spec(log, source=False, connector={"topics": f"{topic}, ,{topic}"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "UNASSIGNED"]
    assert Stage.seen == ["a", "b"]
    assert log.groups["connect-c"] == {TopicPartition(topic, 0): 2}


def test_transforms_and_predicates_come_from_the_connector_config():
    log = MemoryLog()
    topic = create_topic(log)
    config = {
        "topic": topic,
        "transforms": "mark, all",
        "transforms.mark.type": "Suffix",
        "transforms.mark.predicate": "one",
        "transforms.all.type": "Suffix",
        "transforms.all.suffix": "?",
        "transforms.all.predicate": "one",
        "transforms.all.negate": "true",
        "predicates": "one",
        "predicates.one.type": "IsOne",
    }
    run_task(spec(log, connector=config), Stage.port)
    assert content(log, topic) == ["0?", "1!?", "2?"]


@pytest.mark.parametrize("predicates", [{}, {"predicates": "two"}, {"predicates.one.type": "IsOne"}])
def test_a_predicate_that_is_not_defined_fails_the_task_when_it_starts(predicates):
    chain = {"transforms": "mark", "transforms.mark.type": "Suffix", "transforms.mark.predicate": "one"}
    run_task(spec(MemoryLog(), connector={"topic": "t", **chain, **predicates}), Stage.port)
    assert Stage.port.statuses == ["FAILED"]
    assert "transforms.mark.predicate: there is no one in predicates, add it there" in Stage.port.traces[-1]


def test_a_transform_that_is_not_there_fails_the_task_when_it_starts():
    chain = {"transforms": "mark, more", "transforms.mark.type": "Suffix"}
    run_task(spec(MemoryLog(), connector={"topic": "t", **chain}), Stage.port)
    assert Stage.port.statuses == ["FAILED"]
    assert 'Missing required configuration "transforms.more.type" which has no default value.' in Stage.port.traces[-1]


def test_transforms_know_their_alias():
    chain = {"transforms": "mark", "transforms.mark.type": "Suffix", "transforms.mark.suffix": "alias"}
    log = MemoryLog()
    topic = create_topic(log)
    run_task(spec(log, connector={"topic": topic, **chain}), Stage.port)
    assert content(log, topic) == ["0mark", "1mark", "2mark"]


def test_a_plugin_that_raises_leaves_the_task_failed_with_its_trace():
    Stage.fail = ValueError("broken inside")
    log = MemoryLog()
    run_task(spec(log, connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "FAILED"]
    assert "ValueError: broken inside" in Stage.port.traces[-1]
    assert "in poll" in Stage.port.traces[-1]


@pytest.mark.parametrize(("error", "has_stack"), [(DataError("no number"), False), (ValueError("broken"), True)])
def test_the_log_has_no_stack_of_what_explains_itself_and_the_trace_has_it(error, has_stack, caplog):
    Stage.fail = error
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    (line,) = (each for each in caplog.records if each.getMessage().startswith("Task c-0 failed"))
    assert str(error) in line.getMessage()
    assert (line.exc_info is not None) == has_stack
    assert "in poll" in Stage.port.traces[-1]


def test_a_task_whose_place_somebody_else_has_leaves_its_fate_to_the_worker():
    Stage.fail = DisplacedError("taken")
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "DISPLACED"]


def test_a_task_whose_transaction_was_given_up_leaves_its_fate_to_the_worker():
    Stage.fail = ExpiredError("too slow")
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "DISPLACED"]


def test_a_plugin_that_exits_leaves_the_task_failed():
    Stage.fail = SystemExit(3)  # type: ignore[assignment]
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "FAILED"]


def test_a_task_that_cannot_start_is_stopped_and_failed():
    Stage.fail = OSError("no such server")
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["FAILED"]
    assert Stage.seen == [None, "stop"]


def test_what_is_raised_after_the_stop_was_asked_for_is_a_clean_end(caplog):
    Stage.fail, Stage.stop_first = ValueError("interrupted"), True
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "UNASSIGNED"]
    assert "interrupted" in caplog.text


def test_a_missing_key_fails_the_task_and_is_named():
    run_task(spec(MemoryLog()), Stage.port)
    assert Stage.port.statuses == ["FAILED"]
    assert '"topic"' in Stage.port.traces[-1]


def test_a_task_that_begins_paused_starts_when_it_is_resumed():
    log = MemoryLog()
    topic = create_topic(log)
    Stage.port.wanted = "PAUSED"

    def resume() -> None:
        assert Stage.seen == []
        Stage.port.wanted = "STARTED"

    Stage.port.on_wait = resume
    run_task(spec(log, connector={"topic": topic}), Stage.port)
    assert Stage.port.statuses == ["PAUSED", "RUNNING", "UNASSIGNED"]


def test_a_task_stopped_while_it_begins_paused_is_never_started():
    Stage.port.wanted = "PAUSED"
    Stage.port.on_wait = lambda: setattr(Stage.port, "wanted", "STOPPED")
    run_task(spec(MemoryLog(), connector={"topic": "t"}), Stage.port)
    assert Stage.port.statuses == ["PAUSED", "UNASSIGNED"]
    assert Stage.seen == []


def test_converter_levels_never_mix():
    worker = {"key.converter": "Loud", "key.converter.a": "worker", "value.converter": "Loud", "value.converter.b": "w"}
    config = {"topic": "t", "key.converter.a": "ignored", "value.converter": "Loud", "value.converter.c": "connector"}
    run_task(
        spec(MemoryLog(), connector=config, worker_config=worker | {"header.converter": "Text"}),
        Stage.port,
    )
    assert Stage.seen[:2] == [
        (True, {"a": "worker", "converter.type": "key"}),
        (False, {"c": "connector", "converter.type": "value"}),
    ]


def test_topics_are_created_by_the_rules_unless_the_worker_forbids_it():
    config = {
        "topic": "made",
        "topic.creation.default.partitions": "2",
        "topic.creation.default.replication.factor": "1",
    }
    log = MemoryLog()
    run_task(spec(log, connector=config), Stage.port)
    assert len(log.topics["made"]) == 2
    Stage.port = Port()
    log = MemoryLog()
    forbidding = spec(log, connector=config)
    worker = {**forbidding.worker_config, "topic.creation.enable": "false"}
    run_task(spec(log, connector=config, worker_config=worker), Stage.port)
    assert len(log.topics["made"]) == 1


def test_a_bad_record_goes_to_the_dead_letter_queue_also_when_the_task_fails():
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["bad"])
    config = {"topics": topic, "errors.deadletterqueue.topic.name": " dlq ", "errors.log.enable": "true"}
    run_task(spec(log, source=False, connector=config), Stage.port)
    assert Stage.port.statuses[-1] == "FAILED"
    assert f"{topic}-0 at offset 0" in Stage.port.traces[-1]
    assert [row[3] for row in log.topics["dlq"][0]] == [b"bad"]


@pytest.mark.parametrize("source", [True, False])
@pytest.mark.parametrize("name", ["a\0b", "a/b", "a" * 250, ".."], ids=["nul", "slash", "long", "dots"])
def test_a_dead_letter_queue_that_can_be_no_topic_fails_the_task_with_key_and_value(name, source):
    log = MemoryLog()
    topic = create_topic(log)
    fill(log, topic, ["bad"])
    config = {"topic": topic, "topics": topic, "errors.deadletterqueue.topic.name": name}
    run_task(spec(log, source=source, connector=config), Stage.port)
    assert Stage.port.statuses == ["FAILED"]
    rule = "1 to 249 letters, digits, '.', '_' and '-' make a name, other than '.' and '..'"
    said = f"errors.deadletterqueue.topic.name: {name!r} cannot be the name of a topic: {rule}"
    assert Stage.port.traces == [f"Task c-0 failed (config): {said}"]
    assert list(log.topics) == [topic]


def test_a_dead_letter_queue_without_a_producer_is_refused():
    config = {"topics": "t", "errors.deadletterqueue.topic.name": "dlq"}
    run_task(
        spec(MemoryLog(), source=False, connector=config, client_settings={"consumer": {"group.id": "g"}}), Stage.port
    )
    assert Stage.port.statuses == ["FAILED"]
    assert "dead letter queue" in Stage.port.traces[-1]


def test_large_batches_unless_a_user_limits_them():
    config = {"topics": "t"}
    base = spec(MemoryLog(), source=False, connector=config)
    assert settings.sink_settings(base, takes_large_batches=True).max_poll_records is None
    assert settings.sink_settings(base, takes_large_batches=False).max_poll_records == 500
    limited = spec(MemoryLog(), source=False, connector=config, client_settings={"consumer": {"max.poll.records": "7"}})
    assert settings.sink_settings(limited, takes_large_batches=True).max_poll_records == 7


class WatchedLog(MemoryLog):
    """Keeps the settings of its readers."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: list[dict[str, str]] = []

    def reader(self, settings: Any) -> Any:
        self.settings.append(dict(settings))
        return super().reader(settings)


@pytest.mark.parametrize(
    ("sink", "given", "level"),
    [
        (CarefulSinkConnector, {}, "read_committed"),
        (CarefulSinkConnector, {"isolation.level": "READ_COMMITTED"}, "READ_COMMITTED"),
        (OneShotSinkConnector, {}, None),
        (OneShotSinkConnector, {"isolation.level": "read_uncommitted"}, "read_uncommitted"),
    ],
)
def test_a_sink_that_must_not_get_what_was_undone_reads_committed_records(sink, given, level):
    log = WatchedLog()
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    consumer = {"consumer": {"group.id": "connect-c", **given}}
    made = plugin("sink", sink)
    run_task(spec(log, source=False, connector={"topics": topic}, client_settings=consumer, plugin=made), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "UNASSIGNED"]
    assert [each.get("isolation.level") for each in log.settings] == [level]


def test_such_a_sink_is_refused_what_a_transaction_may_undo():
    consumer = {"consumer": {"group.id": "connect-c", "isolation.level": "read_uncommitted"}}
    careful = plugin("sink", CarefulSinkConnector)
    run_task(
        spec(MemoryLog(), source=False, connector={"topics": "t"}, client_settings=consumer, plugin=careful), Stage.port
    )
    assert Stage.port.statuses == ["FAILED"]
    assert "Set consumer.override.isolation.level=read_committed" in Stage.port.traces[-1]


def test_topics_regex_is_java_and_whole():
    matches = settings.sink_settings(
        spec(MemoryLog(), source=False, connector={"topics.regex": r"(?!int\.).*"}), takes_large_batches=False
    ).matches
    assert matches is not None
    assert matches("orders")
    assert not matches("int.orders")


def test_a_sink_without_topics_is_refused():
    with pytest.raises(ConnectError, match="topics"):
        settings.sink_settings(spec(MemoryLog(), source=False), takes_large_batches=False)


def test_plugins_of_the_wrong_direction_are_refused():
    log = MemoryLog()
    run_task(spec(log, connector={"topic": "t"}, kind="sink"), Stage.port)
    assert Stage.port.statuses == ["FAILED"]
    assert "no sink task" in Stage.port.traces[-1]


# --- exactly once -------------------------------------------------------------------------------------------------


@pytest.fixture
def in_transactions(tmp_path):
    """A log with transactions, a topic in it, and the spec of a task that delivers with them."""
    log = EmbeddedLog(str(tmp_path / "log"))
    topic = create_topic(log)
    place = ExactlyOnce("g-c-0", create_topic(log))

    def made(**more: str) -> TaskSpec:
        return spec(log, connector={"topic": topic, "count": "2", **more}, exactly_once=place)

    return log, topic, place, made


def test_an_exactly_once_task_starts_when_older_ones_are_fenced_and_it_is_confirmed(in_transactions):
    log, topic, place, made = in_transactions
    Stage.port.confirm = lambda: Stage.seen.append((list(Stage.port.calls), Stage.port.statuses[:]))
    older = log.transactional_writer({}, place.transactional_id)
    older.open(1)
    run_task(made(), Stage.port)
    assert Stage.seen == [(["fence_older"], []), None, "stop"], "confirmed with its writer open, before its start"
    assert Stage.port.statuses == ["RUNNING", "UNASSIGNED"]
    assert committed_content(log, topic) == ["0", "1"]
    assert committed_content(log, place.offset_topic) == ['{"n":1}']
    with pytest.raises(FencedError):
        older.begin()


def test_a_task_knows_whether_it_delivers_exactly_once(in_transactions, monkeypatch):
    _, _, _, made = in_transactions
    monkeypatch.setattr(CountTask, "start", lambda task: Stage.seen.append(task.context.exactly_once))
    for exactly_once in (True, False):
        Stage.seen, Stage.port.wanted = [], "STARTED"
        run_task(made() if exactly_once else replace(made(), exactly_once=None), Stage.port)
        assert Stage.seen == [exactly_once, "stop"]


def test_an_exactly_once_task_that_is_not_wanted_any_more_never_starts(in_transactions):
    log, topic, _, made = in_transactions

    def refuse() -> None:
        raise FencedError("a newer one is there")

    Stage.port.confirm = refuse
    run_task(made(), Stage.port)
    assert (Stage.seen, Stage.port.statuses) == ([], ["DISPLACED"])
    assert committed_content(log, topic) == []


def test_an_exactly_once_task_that_is_stopped_meanwhile_takes_no_id_over(in_transactions):
    log, _, place, made = in_transactions
    older = log.transactional_writer({}, place.transactional_id)
    older.open(1)

    def stop() -> None:
        Stage.port.wanted = "STOPPED"

    Stage.port.fence_older = stop
    run_task(made(), Stage.port)
    assert (Stage.seen, Stage.port.statuses) == ([], ["UNASSIGNED"])
    older.begin()
    older.commit()


def test_a_log_that_lets_nobody_take_an_id_over_yet_is_asked_again_after_a_moment(in_transactions, monkeypatch):
    log, topic, _, made = in_transactions
    refusals = [RetriableError("the disk is full")] * 3
    take_over = EmbeddedTransactionalWriter.open

    def refuse(writer: EmbeddedTransactionalWriter, timeout: float) -> None:
        if refusals:
            raise refusals.pop()
        assert Stage.port.waits == [0.5] * 3
        take_over(writer, timeout)

    monkeypatch.setattr(EmbeddedTransactionalWriter, "open", refuse)
    run_task(made(), Stage.port)
    assert Stage.port.statuses == ["RUNNING", "UNASSIGNED"]
    assert committed_content(log, topic) == ["0", "1"]


def test_the_task_says_where_transactions_end_only_if_its_connector_may(in_transactions):
    *_, made = in_transactions
    contexts = []
    inner = CountTask.start

    def start(self: CountTask) -> None:
        contexts.append(self.context.transaction)
        inner(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CountTask, "start", start)
        for kind in ("connector", "interval", "poll"):
            Stage.port.wanted = "STARTED"
            run_task(made(**{"transaction.boundary": kind}), Stage.port)
    assert [context is not None for context in contexts] == [True, False, False]


class Choosy(EmbeddedTransactionalWriter):
    """Takes requests of up to 5000 bytes, as a topic with such a limit."""

    size = 0

    def commit(self, timeout: float | None = None) -> None:
        if self.size > 5000:
            raise BatchTooLargeError("too large", self.size)
        super().commit(timeout)


def test_a_task_whose_requests_are_too_large_begins_anew_with_smaller_ones_and_every_record_is_there_once(
    in_transactions, monkeypatch, tmp_path
):
    log, topic, place, made = in_transactions
    sizes = []
    poll = CountTask.poll

    def writer(_self: object, settings: Any, transactional_id: str, **_more: object) -> Choosy:
        choosy = Choosy(str(tmp_path / "log"), transactional_id)
        choosy.size = int(settings.get("batch.size", 524288))
        sizes.append(choosy.size)
        return choosy

    def poll_twice(task: Any) -> Any:
        found = poll(task)
        if not hasattr(task, "polled"):
            Stage.port.wanted, task.polled = "STARTED", True
            return found
        return None

    monkeypatch.setattr(EmbeddedLog, "transactional_writer", writer)
    monkeypatch.setattr(CountTask, "poll", poll_twice)
    run_task(made(), Stage.port)
    assert sizes == [524288, 65536, 8192, 1024]
    assert Stage.seen == [None, "stop"] * 4, "what had failed is polled again by a new task, from the stored offset"
    assert Stage.port.statuses == ["RUNNING"] * 4 + ["UNASSIGNED"]
    assert committed_content(log, topic) == ["0", "1"]
    assert committed_content(log, place.offset_topic) == ['{"n":1}']


def test_a_task_whose_requests_cannot_be_smaller_fails():
    assert settings.with_smaller_requests(spec(MemoryLog()), 1) is None
