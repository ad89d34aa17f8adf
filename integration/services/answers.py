"""A stand-in for a broker that gives chosen answers, for what a real one answers only in rare races.

It is librdkafka's own mock cluster: it speaks the protocol on a port of 127.0.0.1 and keeps what is written, but it is
not Apache Kafka. Everything that a real broker can be made to answer is tested on a real one.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Final

import confluent_kafka

__all__ = ["PRODUCE", "START_IDEMPOTENCE", "AnsweringBroker"]

PRODUCE: Final = 0
START_IDEMPOTENCE: Final = 22
"""Numbers of requests in the Kafka protocol: Produce, InitProducerId."""


def _library() -> Any:
    """The very library that confluent_kafka has loaded."""
    (path,) = (Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs").glob("librdkafka-*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class AnsweringBroker:
    """One stand-in broker; ``bootstrap`` is its address."""

    def __init__(self) -> None:
        self._library = _library()
        self._client = ctypes.c_void_p(self._library.rd_kafka_new(0, None, None, 0))
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._client, 1))
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, ctypes.c_int32(0))
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def answer(self, request: int, *codes: int) -> None:
        """Answer the next requests of a kind with errors, in this order."""
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(codes)), (ctypes.c_int * len(codes))(*codes)
        )

    def create_topic(self, name: str) -> None:
        """Make a topic with one partition; others get four on first use."""
        self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), 1, 1)

    def stop(self) -> None:
        """Give up the port."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)
