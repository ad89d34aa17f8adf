from __future__ import annotations

import itertools
import types

import pytest

from linkspan.api import ConfigError, DataError
from linkspan.config.definition import load
from linkspan_connectors.datagen import source as datagen_source
from linkspan_connectors.datagen.config import DatagenConfig
from linkspan_connectors.datagen.connector import DatagenSourceConnector
from linkspan_connectors.datagen.source import DatagenSourceTask
from linkspan_connectors.datagen.templates import TEMPLATES, access_log_line, records


def task(stored=None, **settings) -> DatagenSourceTask:
    made = DatagenSourceTask()
    made.config = load(DatagenConfig, {"topic": "t", "rate": "0", **settings})
    reader = types.SimpleNamespace(offset=lambda _: stored)
    made.context = types.SimpleNamespace(connector="c", task=0, configs={}, offset_reader=reader)
    made.start()
    return made


@pytest.mark.parametrize("name", TEMPLATES)
def test_records_fit_the_schema_of_their_template(name):
    template = TEMPLATES[name]
    for row in itertools.islice(records(template, 1, 0), 50):
        template.schema.validate(row)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("begin", [1, 999, 1000, 2500])
def test_records_from_any_position_are_those_of_the_whole_sequence(name, begin):
    whole = list(itertools.islice(records(TEMPLATES[name], 7, 0), begin + 5))
    assert list(itertools.islice(records(TEMPLATES[name], 7, begin), 5)) == whole[begin:]


def test_restart_goes_on_where_the_offset_says():
    first = task(**{"batch.size": "10"})
    ten, twenty = first.poll(), first.poll()
    again = task(stored=ten[-1].source_offset, **{"batch.size": "10"}).poll()
    assert [record.value for record in again] == [record.value for record in twenty]


def test_count_ends_the_sequence():
    made = task(count="15", **{"batch.size": "10"})
    assert [len(made.poll() or ()) for _ in range(3)] == [10, 5, 0]


def test_a_pause_is_made_up_for_by_a_second_of_records_and_then_the_rate_holds(monkeypatch):
    now = 1000.0
    clock = types.SimpleNamespace(monotonic=lambda: now, sleep=lambda _: None, time=lambda: now)
    monkeypatch.setattr(datagen_source, "time", clock)
    made = task(rate="10")

    def due() -> int:
        return sum(len(batch) for batch in iter(made.poll, None))

    assert due() == 1
    now += 3600
    assert due() == 11
    now += 0.95
    assert due() == 9


def test_a_rate_below_one_a_second_is_kept_after_a_pause(monkeypatch):
    now = 1000.0
    clock = types.SimpleNamespace(monotonic=lambda: now, sleep=lambda _: None, time=lambda: now)
    monkeypatch.setattr(datagen_source, "time", clock)
    made = task(rate="0.1")
    assert len(made.poll()) == 1
    now += 3600
    assert len(made.poll()) == 1
    now += 8.5
    assert made.poll() is None
    now += 1
    assert len(made.poll()) == 1


def test_malformed_records_do_not_fit_and_the_others_stay_the_same():
    template = TEMPLATES["orders"]
    broken, whole = task(**{"malformed.percent": "30"}).poll(), task().poll()
    bad = [index for index, record in enumerate(broken) if not fits(template, record.value)]
    assert 150 < len(bad) < 450
    assert all(broken[index].value == whole[index].value for index in range(1000) if index not in bad)


def fits(template, value) -> bool:
    try:
        template.schema.validate(value)
    except DataError:
        return False
    return True


@pytest.mark.parametrize(("style", "begin"), [("json", "{"), ("csv", "0,")])
def test_text_formats_are_lines(style, begin):
    record = task(format=style).poll()[0]
    assert record.value.startswith(begin)
    assert "\n" not in record.value
    assert record.key == "0"


def test_tasks_have_sequences_of_their_own():
    connector = DatagenSourceConnector()
    connector.config = load(DatagenConfig, {"topic": "t"})
    assert [config["task.number"] for config in connector.task_configs(3)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template": "x"}, "String must be one of"),
        ({"key": "nope"}, "orders has the fields"),
        ({"rate": "-1"}, "at least"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        load(DatagenConfig, {"topic": "t", **settings})


def test_access_log_line_is_in_the_combined_format():
    line = access_log_line(next(records(TEMPLATES["clickstream"], 1, 0)))
    assert line.count('"') == 6
    assert "[01/Jan/2026:00:00:00 +0000]" in line
