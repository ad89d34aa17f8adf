"""Levels of loggers as /admin/loggers shows and changes them (spec/runtime.md 1.10)."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest

from linkspan.observe.levels import Levels, set_levels, silence


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    loggers = [root, *(item for item in root.manager.loggerDict.values() if isinstance(item, logging.Logger))]
    before = {logger: logger.level for logger in loggers}
    yield
    for item in [root, *root.manager.loggerDict.values()]:
        if isinstance(item, logging.Logger):
            item.setLevel(before.get(item, logging.NOTSET))


@pytest.fixture
def name() -> str:
    return f"test{uuid.uuid4().hex[:8]}"


def test_root_ours_and_kafkas_loggers_are_listed_sorted(name):
    logging.getLogger(name)  # has no level of its own
    listed = Levels().levels()
    assert {"root", "linkspan", "org.apache.kafka.connect"} <= set(listed)
    assert list(listed) == sorted(listed)
    assert name not in listed
    assert all(changed is None for _, changed in listed.values())


def test_a_logger_without_a_level_answers_the_one_in_force(name):
    logging.getLogger(name).setLevel("ERROR")
    logging.getLogger(f"{name}.child")
    levels = Levels()
    assert levels.level(f"{name}.child") == ("ERROR", None)
    assert levels.level(f"{name}.nobody") is None


def test_a_level_counts_for_every_name_that_begins_so_without_a_dot_between(name):
    for other in (f"{name}.a", f"{name}b", f"x{name}"):
        logging.getLogger(other)
    levels = Levels()
    assert levels.set_level(name, "DEBUG") == sorted([name, f"{name}.a", f"{name}b"])
    assert levels.level(f"{name}b")[0] == "DEBUG"
    assert f"x{name}" not in levels.levels()


def test_only_loggers_that_had_another_level_are_named_as_changed(name):
    levels = Levels()
    logging.getLogger(f"{name}.heir")
    logging.getLogger(f"{name}.same").setLevel("DEBUG")
    assert levels.set_level(name, "DEBUG") == [name, f"{name}.heir"]
    changed = levels.levels()[name]
    logging.getLogger(f"{name}.late")
    assert levels.set_level(name, "DEBUG") == []
    assert levels.levels()[name] == changed
    assert levels.level(f"{name}.same") == ("DEBUG", None)


def test_a_new_logger_that_inherits_the_level_asked_for_gets_it_unchanged(name):
    levels = Levels()
    logging.getLogger(name).setLevel("INFO")
    assert levels.set_level(f"{name}.new", "INFO") == []
    assert levels.levels()[f"{name}.new"] == ("INFO", None)


@pytest.mark.parametrize("level", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF", "ALL"])
def test_every_level_of_log4j_is_shown_as_it_was_set(name, level):
    levels = Levels()
    levels.set_level(name, level.lower())
    assert levels.level(name)[0] == level


def test_a_level_that_only_python_knows_is_shown_as_the_next_lower_one(name):
    logging.getLogger(name).setLevel(25)
    assert Levels().level(name) == ("INFO", None)


def test_off_lets_nothing_through_and_all_everything(name):
    levels = Levels()
    levels.set_level(name, "OFF")
    assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)
    levels.set_level(name, "ALL")
    assert logging.getLogger(name).isEnabledFor(5)


def test_root_counts_for_all_and_is_passed_on_without_a_name(name):
    told: list[tuple[str, int]] = []
    logging.getLogger(name)
    levels = Levels(lambda *change: told.append(change))
    assert {"root", name, "linkspan"} <= set(levels.set_level("root", "ERROR"))
    levels.set_level(name, "INFO")
    assert told == [("", logging.ERROR), (name, logging.INFO)]
    assert levels.level(name)[0] == "INFO"


def test_a_logger_of_the_original_counts_for_ours_that_says_the_same():
    told: list[tuple[str, int]] = []
    logging.getLogger("linkspan.task.sink")
    levels = Levels(lambda name, level: told.append((name, level)))
    theirs, ours = "org.apache.kafka.connect.runtime.WorkerSinkTask", "linkspan.task.sink"
    changed = levels.set_level(theirs, "DEBUG")
    assert {theirs, ours} <= set(changed)
    assert all(name.startswith((theirs, ours)) for name in changed)
    assert told == [(theirs, logging.DEBUG), (ours, logging.DEBUG)]
    assert "linkspan" in levels.set_level("org.apache.kafka.connect", "ERROR")
    assert levels.level("linkspan.task.sink")[0] == "ERROR"


@pytest.mark.parametrize(("given", "shown"), [("", ""), ("\nforged", r"\nforged")])
def test_a_change_is_logged_in_one_line_in_the_words_of_the_original(name, given, shown, caplog):
    with caplog.at_level("INFO", "linkspan.observe"):
        Levels().set_level(f"{name}{given}", "off")
    (line,) = caplog.messages
    assert line.startswith("Setting level of namespace ")
    assert f"{name}{shown}" in line
    assert line.endswith(" and children to OFF")
    assert line.isprintable()


def test_a_silenced_library_is_heard_by_whoever_has_set_a_level_for_it(name):
    silence(name)
    assert not logging.getLogger(f"{name}.inside").isEnabledFor(logging.ERROR)
    logging.getLogger(f"{name}.other").setLevel("DEBUG")
    silence(f"{name}.other")
    assert logging.getLogger(f"{name}.other").isEnabledFor(logging.DEBUG)


def test_loggers_that_are_listed_have_a_level_before_there_are_children():
    logging.getLogger("linkspan").setLevel(logging.NOTSET)
    set_levels({})
    assert logging.getLogger("linkspan").level == logging.getLogger().level
