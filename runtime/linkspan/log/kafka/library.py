"""Has librdkafka prepare itself in the process that imports this.

What the library does once for all of its clients, most of it for OpenSSL, takes a megabyte and two milliseconds of each
process that opens one. The process that tasks are forked from does it for them. It leaves no thread and no descriptor
behind, and no random numbers that tasks would have in common.
"""

from __future__ import annotations

from confluent_kafka import Producer

__all__: list[str] = []


def _prepare() -> None:
    Producer({"log_level": 0})  # nobody keeps it, so that it is closed at once


_prepare()
