"""The journal of the stand-in under kills at any moment: no unit of work is lost, doubled or cut in half."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from integration.mq.stand_in.conftest import Client
from integration.services.ibmmq.server import QueueManagerServer

pytestmark = pytest.mark.integration

WORK = """
def work(name):
    units = []
    try:
        number = 0
        while True:
            number += 1
            put, got, committing = [], [], False
            units.append((put, got, lambda: committing))
            for item in range(3):
                a.put(h, b"%s-%d-%d" % (name, number, item), CodedCharSetId=1208)
                put.append(b"%s-%d-%d" % (name, number, item))
            for _ in range(number % 4):
                got.append(a.get(h, wait=1000).body)
            if number % 7 == 0:
                a.back_out()
                units.pop()
                continue
            committing = True
            a.commit()
            units[-1] = (put, got, None)
    except MQError as error:
        if error.reason != 2009:
            raise
    return [(put, got, "sure" if state is None else "open" if state() else "never") for put, got, state in units]
"""


def is_applied(stored: Counter[bytes], taken: Counter[bytes], put: list[bytes]) -> bool:
    """A unit whose commit nobody answered: its puts are there, or have been got by others since."""
    return all(stored[body] or taken[body] for body in put)


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.long)])
def test_every_unit_of_work_is_there_as_a_whole_or_not_at_all(
    server: QueueManagerServer, client: Client, kills: int
) -> None:
    seed = random.randrange(10_000)
    chance = random.Random(seed)
    server.define_queue("Q1", max_depth=1_000_000)
    expected: Counter[bytes] = Counter()
    workers = [client() for _ in range(2)]
    for worker in workers:
        worker.run("from integration.services.ibmmq.application import MQError")
        worker.run(WORK)
    for round_number in range(kills):
        for number, worker in enumerate(workers):
            worker.begin(f"work(b'{round_number}.{number}')")
        time.sleep(chance.uniform(0.02, 0.2))
        server.restart()
        units = [unit for worker in workers for unit in worker.end()]
        stored = Counter(server.bodies("Q1"))
        taken = Counter(body for _, got, state in units if state != "never" for body in got)
        for put, got, state in units:
            if state == "sure" or (state == "open" and is_applied(stored, taken, put)):
                expected.update(put)
                expected.subtract(got)
        assert +expected == stored, f"seed {seed}, kill {round_number}"
        assert max(stored.values(), default=1) == 1
        for worker in workers:
            worker.run(f"a = Application('ibmmq', address={server.address!r}); h = a.open('Q1', 0x11)")
