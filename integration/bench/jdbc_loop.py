"""The loop that the JDBC source is measured against: ``jdbc_loop BROKER TOPIC TABLE [HEAD]``.

One thread fetches rows through a cursor of the server with psycopg, writes each with orjson, and produces it. The
database is that of libpq's variables (``PGHOST``…). It stays when it is through, so that one can look what it has used.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import Final

import orjson
import psycopg
from confluent_kafka import Producer

__all__ = ["BATCH", "PRODUCER"]

BATCH: Final = 1000
"""Rows that are fetched together."""
PRODUCER: Final[Mapping[str, str | int | float | bool]] = {"batch.size": 1_000_000, "linger.ms": 10}
_COLUMNS: Final = ("id", "name", "price", "made", "paid", "number")


def main(bootstrap: str, topic: str, table: str, head: str = "") -> None:
    """Copy the table; with a head, each row is put between that and the end of an object."""
    begin, end = head.encode(), b"}" if head else b""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **PRODUCER})
    with psycopg.connect() as connection:
        cursor = connection.cursor(name="loop")
        cursor.execute(f"SELECT * FROM {table} ORDER BY id".encode())
        while rows := cursor.fetchmany(BATCH):
            texts = [orjson.dumps(dict(zip(_COLUMNS, row, strict=True))) for row in rows]
            if begin:
                texts = [b"%b%b%b" % (begin, text, end) for text in texts]
            producer.produce_batch(topic, [{"value": text} for text in texts])
            while len(producer) > 50 * BATCH:
                producer.poll(0.01)
    producer.flush()
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
