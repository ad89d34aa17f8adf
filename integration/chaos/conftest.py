"""A broker that tests break, with a way to it that they cut; and one of the oldest release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from integration.conftest import missing
from integration.services.distributions import OLDEST
from integration.services.kafka import Broker
from integration.services.maven import UnavailableError
from integration.services.proxy import Proxy

_SETTINGS: Final = {
    "group.min.session.timeout.ms": 500,
    # a broker that was stopped comes back only when its own old session has ended
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    # the config topic is compacted while a test waits for it
    "log.cleaner.backoff.ms": 200,
}


@dataclass(frozen=True)
class Fragile:
    """A broker, and a proxy that leads to it.

    Attributes:
        broker: a test may kill it, if it starts it again.
        proxy: a test may cut it, if it mends it again.
    """

    broker: Broker
    proxy: Proxy

    @property
    def bootstrap(self) -> str:
        """The broker's own address."""
        return self.broker.bootstrap

    @property
    def through_proxy(self) -> str:
        """The address for clients that shall come through the proxy, always."""
        return self.proxy.address


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    """A broker that may be broken; tests that use it say ``pytest.mark.xdist_group("fragile")``."""
    with Proxy() as proxy:
        try:
            broker = Broker(
                tmp_path_factory.mktemp("fragile"),
                _SETTINGS,
                {"PROXIED": "PLAINTEXT"},
                advertised={"PROXIED": proxy.address},
            )
        except UnavailableError as error:
            missing(str(error))
        proxy.target = broker.addresses["PROXIED"]
        broker.start()
        try:
            yield Fragile(broker, proxy)
        finally:
            broker.stop()


@pytest.fixture(scope="session")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of the oldest release; tests that use it say ``pytest.mark.xdist_group("oldest")``."""
    try:
        broker = Broker(tmp_path_factory.mktemp("oldest"), distribution=OLDEST)
    except UnavailableError as error:
        missing(str(error))
    broker.start()
    yield broker
    broker.stop()
