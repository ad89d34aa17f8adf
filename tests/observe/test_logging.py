"""Log lines: Kafka's pattern, JSON, and never an error for whoever writes one."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest

from linkspan.observe.logging import setup

Lines = Callable[[str], io.StringIO]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Sets up logging into a text; everything is as before in the end."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def begin(style: str) -> io.StringIO:
        stream = io.StringIO()
        setup(style, logging.INFO, stream)
        return stream

    yield begin
    root.handlers[:] = handlers
    root.setLevel(level)


def context(name: str) -> dict[str, object]:
    return {"connector_context": name}


def test_text_is_kafkas_pattern_with_the_context_before_the_message(lines):
    stream = lines("text")
    logging.getLogger("a.b").info("moved %d", 3, extra=context("orders|task-0"))
    logging.getLogger("a.b").warning("alone")
    first, second = stream.getvalue().splitlines()
    moment = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]"
    assert re.fullmatch(moment + r" INFO \[orders\|task-0\] moved 3 \(a\.b\)", first)
    assert re.fullmatch(moment + r" WARN alone \(a\.b\)", second)


def test_json_is_one_object_a_line(lines):
    stream = lines("json")
    try:
        int("no good")
    except ValueError:
        logging.getLogger("a").exception("it\nfailed", extra=context("c|worker"))
    logging.getLogger("a").critical("bare")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert list(first) == ["timestamp", "level", "logger", "context", "message", "trace"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["timestamp"])
    assert (first["level"], first["logger"], first["context"]) == ("ERROR", "a", "c|worker")
    assert first["message"] == "it\nfailed"
    assert first["trace"].endswith("ValueError: invalid literal for int() with base 10: 'no good'")
    assert list(second) == ["timestamp", "level", "logger", "message"]
    assert second["level"] == "FATAL"


def test_a_trace_follows_its_line(lines):
    stream = lines("text")
    try:
        int("no good")
    except ValueError:
        logging.getLogger("a").exception("failed")
    first, *_, last = stream.getvalue().splitlines()
    assert first.endswith("ERROR failed (a)")
    assert last == "ValueError: invalid literal for int() with base 10: 'no good'"


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [("%d items", ("many",), "many"), ("%s and %s", ("one",), "one"), ("name %s", ("\udcff",), "udcff")],
)
def test_whoever_logs_nonsense_gets_a_line_and_no_error(lines, style, message, arguments, shown):
    stream = lines(style)
    logging.getLogger("a").info(message, *arguments)
    (line,) = stream.getvalue().splitlines()
    assert shown in line


def test_a_line_is_one_write_and_a_reader_that_left_is_no_error(lines):
    class Pipe(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            Pipe.writes += 1
            if self.writes > 1:
                raise BrokenPipeError
            return super().write(text)

    lines("text")
    pipe = Pipe()
    setup("text", "INFO", pipe)
    logging.getLogger("a").info("several\nlines")
    logging.getLogger("a").info("nobody listens")
    assert Pipe.writes == 2
    assert pipe.getvalue().endswith("several\nlines (a)\n")
