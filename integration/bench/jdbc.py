"""The JDBC connectors with a real PostgreSQL: the sink against Debezium's, the source against a bare loop."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from integration.bench import jdbc_loop, jdbc_sink, jdbc_source, scenario
from integration.bench.jdbc_table import DATABASE
from integration.services import debezium
from integration.services.kafka import VERSION, Broker
from integration.services.postgresql import PostgreSql

HEADING: Final = "JDBC"


def measure(broker: Broker, rounds: int, records: int, large: int, folder: Path) -> str:
    """Run all rounds; the section for the page.

    Args:
        broker: where topics are.
        rounds: how often.
        records: rows, but for the one large table.
        large: rows of a table that the source reads once.
        folder: for workers.
    """
    server = PostgreSql()
    try:
        server.start()
        server.create_database(DATABASE)
        sink = jdbc_sink.measure(broker, server, rounds, records, folder)
        source = jdbc_source.measure(broker, server, rounds, records, large, folder)
        with server.connect(DATABASE) as connection:
            (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
    finally:
        server.remove()
    return f"""PostgreSQL {str(version).split()[0]} without `fsync`, on the machine of
the workers and the broker, which share its processors. Rows have six columns (bigint, which is the primary key, text,
double precision, timestamp, boolean, integer) and 250 bytes each as JSON. {rounds} rounds, {records:,} rows, one task;
medians. Rates run from the first to the last rows that arrive.

{scenario.measured()}

The sink against Debezium's {debezium.VERSION} in the standalone worker of Apache Kafka {VERSION}, alternating in one
run, from the same topic (JsonConverter with schemas) into the same tables, which have the same rows in the end.
Debezium's has `batch.size` and `consumer.override.max.poll.records` 3000, which make it faster; ours has its defaults.
With two schemas in turn, of which one lacks a field, it makes a batch of each record, and was given the first
{records // jdbc_sink.PART_OF_ALTERNATING:,} only. Processor time is that of the worker with its tasks.

{sink}

The source, in mode `incrementing`, against a loop in one thread that reads the same table with psycopg through a cursor
of the server, writes each row with orjson, with the text of a schema in front where the connector has schemas, and
produces it. Both fetch {jdbc_loop.BATCH} rows at a time. Processor time and memory (PSS) are those of the process that
does the work. The last line is a table that is read once, for the memory that it takes.

{source}"""
