"""What the MQ connectors themselves cost: ``python -m integration.bench.mq_connectors``.

The stand-in for the queue manager is in the same process, behind the unmodified binding, and its work is counted too.
No runtime, no log: what these add is in :mod:`integration.bench.mq_bridge`, which shows this table beside its own.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping
from typing import Final

from integration.mq.tasks import sink, source
from integration.services.ibmmq.memory import MemoryQueueManager
from linkspan.api import Header, Headers, SinkRecord, schema
from linkspan.api.records import SinkRecords

BODY: Final = "x" * 1024
BATCH: Final = 250
JMS: Final = {"mq_message_body_jms": "true"}
HEADERS: Final = {"mq_jms_properties_copy_to_kafka_headers": "true"}
COPIED: Final = {"mq_kafka_headers_copy_to_jms_properties": "true"}
OWN: Final = Headers(
    [
        Header("origin", "warehouse-7", schema.STRING),
        Header("attempt", 2, schema.INT32),
        Header("urgent", True, schema.BOOLEAN),
    ]
)
KINDS: Final[Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]]] = {
    "body alone, as bytes": ({}, {}),
    "body alone, as text": ({}, JMS),
    "with MQRFH2": (JMS, JMS),
    "with MQRFH2, properties of JMS as headers": (JMS, {**JMS, **HEADERS}),
    "with MQRFH2, 3 properties of the user and those of JMS as headers": ({**JMS, **COPIED}, {**JMS, **HEADERS}),
}


def processor_time() -> float:
    """Seconds of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory() -> float:
    """MiB that this process has in memory now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - of the kernel
        return int(file.read().split()[1]) * resource.getpagesize() / (1 << 20)


def rate(count: int, work: Callable[[], None]) -> float:
    """Messages for each second of processor time."""
    began = processor_time()
    work()
    return count / (processor_time() - began)


def batch(count: int) -> SinkRecords:
    """Records as a sink gets them."""
    return SinkRecords([SinkRecord("t", 0, at, BODY, headers=OWN) for at in range(count)])


def write(count: int, settings: Mapping[str, str]) -> float:
    """Messages a second through the sink."""
    given = batch(BATCH)
    with sink(**settings) as task:

        def work() -> None:
            for _ in range(count // BATCH):
                task.put(given)

        return rate(count, work)


def read(count: int, settings: Mapping[str, str]) -> float:
    """Messages a second through the source, acknowledgements included."""
    with source(mq_batch_size=str(BATCH), **settings) as task:

        def work() -> None:
            left = count
            while left:
                polled = task.poll() or ()
                left -= len(polled)
                task.commit_batch(polled)

        return rate(count, work)


def main() -> None:
    """Print a table, then how memory grows over a million messages."""
    count = 100_000
    with MemoryQueueManager("QM1") as manager:
        manager.define_queue("Q1", max_depth=10_000_000)
        print("| Messages | Sink | Source |\n|---|--:|--:|")
        for name, (writing, reading) in KINDS.items():
            found = [(write(count, writing), read(count, reading)) for _ in range(3)]
            sinks, sources = sorted(each[0] for each in found), sorted(each[1] for each in found)
            print(f"| {name} | {sinks[1]:,.0f} | {sources[1]:,.0f} |", flush=True)
        before = memory()
        for _ in range(100):  # few at a time: the queue is in this process, too
            write(count // 10, {})
            read(count // 10, JMS)
        print(
            f"\nThe memory of that process was {before:.1f} MiB before and {memory():.1f} MiB after a million messages "
            "each way."
        )


if __name__ == "__main__":
    sys.exit(main())
