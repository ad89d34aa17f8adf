"""Brokers of their own kind: one that tests break, and one that lets in who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from integration.conftest import missing
from integration.services.kafka import Broker
from integration.services.maven import UnavailableError

SETTINGS: Final = {
    "group.min.session.timeout.ms": 500,
    # a broker that was killed comes back only when its own old session has ended
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
}


@pytest.fixture(scope="session")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that a test may kill, if it starts it again; it believes a silent member of a group dead soon.

    Tests that use it say ``pytest.mark.xdist_group("breakable")``, so that there is one of it.
    """
    try:
        broker = Broker(tmp_path_factory.mktemp("breakable"), SETTINGS)
    except UnavailableError as error:
        missing(str(error))
    broker.start()
    yield broker
    broker.stop()
