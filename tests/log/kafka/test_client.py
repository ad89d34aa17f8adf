"""What a client of the library reports reaches our log once, not dozens of times a second."""

from __future__ import annotations

import logging

from linkspan.log.kafka.client import Repeats


def test_error_that_goes_on_is_let_through_every_half_minute_with_a_count() -> None:
    now = [100.0]
    repeats = Repeats(lambda: now[0])
    assert repeats.admit("refused") == 0
    assert [repeats.admit("refused") for _ in range(3)] == [None] * 3
    assert repeats.admit("something else") == 0
    now[0] += 31
    assert repeats.admit("refused") == 3
    assert repeats.admit("refused") is None


def test_error_that_was_over_begins_anew() -> None:
    now = [100.0]
    repeats = Repeats(lambda: now[0])
    repeats.admit("refused")
    repeats.admit("refused")
    now[0] += 100
    repeats.admit("something else")
    assert repeats.admit("refused") == 0


def test_failed_connections_that_the_library_logs_are_left_to_its_error_reports(caplog) -> None:
    library = logging.getLogger("linkspan.log.kafka.library")
    with caplog.at_level(logging.INFO):
        library.error("%s [%s] %s", "FAIL", "consumer-1", "[thrd:x]: Connect to x failed")
        library.warning("%s [%s] %s", "MAXPOLL", "consumer-1", "[thrd:main]: Application maximum poll interval")
    assert [record.args[0] for record in caplog.records] == ["MAXPOLL"]
