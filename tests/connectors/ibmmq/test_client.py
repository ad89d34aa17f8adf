from __future__ import annotations

import struct
from typing import Any

import pytest

from linkspan.api import UnreachableError
from linkspan.config.definition import load
from linkspan_connectors.ibmmq.client import Access, Delays, Session
from linkspan_connectors.ibmmq.config import MqSourceConfig
from linkspan_connectors.ibmmq.outgoing import Packed
from linkspan_connectors.ibmmq.reader import QueueReader, Waits
from linkspan_connectors.ibmmq.state_queue import BROWSER, TAKER
from linkspan_connectors.ibmmq.stores import Stores
from linkspan_connectors.ibmmq.writer import QueueWriter
from tests.connectors.ibmmq.test_config import SOURCE


class Calls:
    """The MQI of a queue manager that is there or not."""

    name = "none"

    def __init__(self) -> None:
        self.is_there = False
        self.made: list[str] = []
        self.opened: dict[str, int] = {}
        self.got: list[tuple[int, ...]] = []
        self.put_with: list[int] = []

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

    def open(self, _: int, descriptor: bytes, options: int) -> tuple[int, int, int]:
        self.opened[descriptor[12:60].strip().decode()] = options
        return 3, 0, 0

    def get(self, _: int, __: int, md: bytes, gmo: bytes, ___: int) -> tuple[bytes, bytes, bytes, int, int, int]:
        self.got.append(struct.unpack_from("=ii", gmo, 8))
        return b"", md, gmo, 0, 2, 2033

    def put(self, _: int, __: int, md: bytes, pmo: bytes, ___: bytes) -> tuple[bytes, bytes, int, int]:
        self.put_with.append(struct.unpack_from("=i", pmo, 8)[0])
        return md, pmo, 0, 0


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


# options as spec/mq.md 3.6 has them, in the numbers of MQ
FAIL_IF_QUIESCING, SYNCPOINT, WAIT, FORCE_MQRFH2 = 0x2000, 0x2, 0x1, 0x0200_0000


@pytest.mark.parametrize(("first", "wait"), [(700, 700), (60_000, 1000)])
def test_a_source_queue_is_read_as_its_definition_says_in_a_unit_of_work(
    session: Session, calls: Calls, first: int, wait: int
) -> None:
    calls.is_there = True
    reader = QueueReader(session, "Q1", Waits(first), clock=lambda: 0.0)
    assert reader.gather(5) == []
    assert reader.gather(5, waits=False) == []
    assert calls.opened == {"Q1": 0x1 | FAIL_IF_QUIESCING | 0x80}
    always = SYNCPOINT | FAIL_IF_QUIESCING | FORCE_MQRFH2
    assert calls.got == [(always | WAIT, wait), (always, 0)]


@pytest.mark.parametrize(
    ("context", "open_bit", "put_bit"), [("", 0, 0), ("identity", 0x400, 0x400), ("all", 0x800, 0x800)]
)
def test_a_target_queue_may_be_one_of_a_cluster_and_is_written_in_a_unit_of_work(
    session: Session, calls: Calls, context: str, open_bit: int, put_bit: int
) -> None:
    calls.is_there = True
    writer = QueueWriter(session, "Q1", context)
    assert writer.put([Packed(bytes(364), b"", keeps_id=False), None, Packed(bytes(364), b"", keeps_id=True)]) == {}
    assert calls.opened == {"Q1": 0x10 | FAIL_IF_QUIESCING | 0x8000 | open_bit}
    always = SYNCPOINT | FAIL_IF_QUIESCING | put_bit
    assert calls.put_with == [always | 0x40, always]


def test_a_state_is_taken_by_one_at_a_time_and_looked_at_without_taking_it() -> None:
    assert (TAKER, BROWSER) == (0x4 | FAIL_IF_QUIESCING, 0x8 | 0x10 | FAIL_IF_QUIESCING)
