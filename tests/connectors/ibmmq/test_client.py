from __future__ import annotations

from typing import Any

import pytest

from linkspan.api import UnreachableError
from linkspan.config.definition import load
from linkspan_connectors.ibmmq.client import Access, Delays, Session
from linkspan_connectors.ibmmq.config import MqSourceConfig
from linkspan_connectors.ibmmq.stores import Stores
from tests.connectors.ibmmq.test_config import SOURCE


class Calls:
    """The MQI of a queue manager that is there or not."""

    name = "none"

    def __init__(self) -> None:
        self.is_there = False
        self.made: list[str] = []

    def connect(self, *_: object) -> tuple[int, int, int]:
        return (7, 0, 0) if self.is_there else (-1, 2, 2538)

    def backout(self, _: int) -> tuple[int, int]:
        self.made.append("back out")
        return 0, 0

    def close(self, *_: int) -> tuple[int, int]:
        self.made.append("close")
        return 0, 0

    def disconnect(self, _: int) -> tuple[int, int]:
        self.made.append("disconnect")
        return 0, 0

    def open(self, *_: object) -> tuple[int, int, int]:
        return 3, 0, 0


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def session(calls: Calls, time: Time) -> Session:
    mqi: Any = calls
    access = Access.of(load(MqSourceConfig, SOURCE), "app")
    return Session(mqi, access, Stores(None, None), Delays(0.1, 0.4), clock=lambda: time.now, sleep=time.sleep)


def test_pauses_between_attempts_double_to_the_longest_and_begin_anew_after_a_success(
    session: Session, calls: Calls, time: Time
) -> None:
    for _ in range(5):
        with pytest.raises(UnreachableError):
            session.connect()
    calls.is_there = True
    session.connect()
    assert time.slept == [0.1, 0.2, 0.4, 0.4, 0.4]
    session.end()
    calls.is_there = False
    for _ in range(2):
        with pytest.raises(UnreachableError):
            session.connect()
    assert time.slept[5:] == [0.1]


def test_an_end_backs_out_then_closes_then_disconnects(session: Session, calls: Calls) -> None:
    calls.is_there = True
    session.connect()
    session.open("Q1", 1)
    session.end()
    assert calls.made == ["back out", "close", "disconnect"]
