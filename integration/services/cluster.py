"""A cluster of three brokers, which keeps every topic on all of them and loses none of it with one of them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from integration.services.kafka import Broker
from integration.services.server import free_ports

_NODES: Final = 3
_SETTINGS: Final = {
    "default.replication.factor": _NODES,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": _NODES,
    "transaction.state.log.replication.factor": _NODES,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": _NODES,
    "share.coordinator.state.topic.min.isr": 2,
}
_OPTIONS: Final = ("-Xmx256m",)
_SECONDS: Final = 120.0


class Cluster:
    """Three brokers that are controllers as well.

    Args:
        folder: for their configurations, data and logs.

    Attributes:
        brokers: in the order of their numbers, which begin at 1.
        bootstrap: addresses of all of them.
    """

    def __init__(self, folder: Path) -> None:
        controllers = [f"127.0.0.1:{port}" for port in free_ports(_NODES)]
        self.brokers = [
            Broker(folder / f"broker-{node}", _SETTINGS, options=_OPTIONS, node=node, controllers=controllers)
            for node in range(1, _NODES + 1)
        ]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """Start all; each of them waits for another."""
        self._each(Broker.start)
        self.await_in_sync()

    def kill(self) -> None:
        """End all, for good; in good order, the last ones would wait for the first."""
        self._each(Broker.kill)

    def coordinator(self, group: str) -> Broker:
        """Who looks after a group, of consumers or of workers."""
        with warnings.catch_warnings():
            # what is to be used instead refuses groups of workers
            warnings.simplefilter("ignore", DeprecationWarning)
            (found,) = self._admin().list_groups(group, timeout=30)
        assert found.error is None, found.error
        return self.brokers[found.broker.id - 1]

    def await_in_sync(self) -> None:
        """Wait until every broker is there and has all that is in its partitions."""
        admin = self._admin()
        deadline = time.monotonic() + _SECONDS
        while True:
            found = admin.list_topics(timeout=30)
            behind = [
                f"{topic.topic}-{partition.id}"
                for topic in found.topics.values()
                for partition in topic.partitions.values()
                if len(partition.isrs) < _NODES
            ]
            if len(found.brokers) == _NODES and not behind:
                return
            assert time.monotonic() < deadline, f"brokers {set(found.brokers)} are there, not in sync: {behind}"
            time.sleep(0.1)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def _each(self, what: Callable[[Broker], None]) -> None:
        with ThreadPoolExecutor(_NODES) as pool:
            list(pool.map(what, self.brokers))
