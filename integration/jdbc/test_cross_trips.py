"""Rows of one database in another, and rows on their way through a worker and its topics (spec/jdbc.md 8.3 and 12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.chaos.pipes import wait_for
from integration.jdbc.kinds import POSTGRESQL
from integration.jdbc.sinks import rows
from integration.jdbc.targets import Target
from integration.jdbc.trips import CONVERTERS, ROWS, Kind, declared, filled, read, shown, through, write
from integration.services.linkspan import LinkspanWorker
from integration.services.plain_registry import plain_registry
from linkspan.api import BatchError

pytestmark = pytest.mark.integration

TEXT = "grün ☃ 😀 ' \" ` %s"
SQL_TEXT = f"'{TEXT.replace(chr(39), chr(39) * 2)}'"
DAY, MOMENT = 86_400_000, 1_709_209_815_123

# declaration and value in the one, text in the other, value in SQLite
FROM_POSTGRESQL: list[tuple[str, str, str, Any]] = [
    ("smallint", "-32768", "-32768", -32768),
    ("bigint", "9223372036854775807", "9223372036854775807", 2**63 - 1),
    ("numeric(10,2)", "-12.5", "-12.50", -12.5),
    ("real", "0.5", "0.5", 0.5),
    ("double precision", "0.1", "0.1", 0.1),
    ("money", "1234.5", "1234.5", 1234.5),
    ("boolean", "true", "1", 1),
    ("bit(4)", "B'1010'", "10", 10),
    ("text", SQL_TEXT, TEXT, TEXT),
    ("char(3)", "'ab'", "ab ", "ab "),
    ("jsonb", "'{\"a\":1}'", '{"a": 1}', '{"a": 1}'),
    ("uuid", "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'", *["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] * 2),
    ("bytea", r"'\x00ff27'", "00FF27", b"\0\xff'"),
    ("date", "'1500-03-01'", "1500-03-01", -171_595 * DAY),
    ("time", "'23:59:59.999999'", "23:59:59.999", DAY - 1),
    ("timestamp", "'1969-12-31 23:59:59.999'", "1969-12-31 23:59:59.999", -1),
    ("timestamptz", "'2024-02-29 18:00:15.123456+05:30'", "2024-02-29 12:30:15.123", MOMENT),
]
FROM_MARIADB: list[tuple[str, str, str, Any]] = [
    ("tinyint(1)", "1", "1", 1),
    ("tinyint unsigned", "255", "255", 255),
    ("mediumint", "-8388608", "-8388608", -8388608),
    ("bigint unsigned", "9223372036854775807", "9223372036854775807", 2**63 - 1),
    ("decimal(65,30)", "-1.5", f"-1.5{'0' * 29}", -1.5),
    ("float", "0.5", "0.5", 0.5),
    ("double", "0.1", "0.1", 0.1),
    ("bit(7)", "b'1000001'", "65", 65),
    ("varchar(40)", SQL_TEXT, TEXT, TEXT),
    ("enum('a','ü')", "'ü'", "ü", "ü"),
    ("set('a','b')", "'a,b'", "a,b", "a,b"),
    ("json", "'{\"a\": 1}'", '{"a": 1}', '{"a": 1}'),
    ("binary(3)", "x'00ff'", r"\x00ff00", b"\0\xff\0"),
    ("date", "'1969-12-31'", "1969-12-31", -DAY),
    ("year", "2024", "2024-01-01", 1_704_067_200_000),
    ("time(6)", "'23:59:59.999999'", "23:59:59.999", DAY - 1),
    ("datetime(6)", "'2024-02-29 12:30:15.123456'", "2024-02-29 12:30:15.123", MOMENT),
    ("timestamp", "'2024-02-29 12:30:15'", "2024-02-29 12:30:15", MOMENT - 123),
]


def crossed(source: Target, sink: Target, table: list[tuple[str, str, str, Any]], look: str) -> list[set[Any]]:
    """Values of each column in the other database, where JSON brings them to statements, and Avro in bulk."""
    kinds = [Kind(declaration, (literal,)) for declaration, literal, *_ in table]
    filled(source, "s", kinds)
    records = read(source, "s")
    columns = [f"c{at}" for at in range(len(kinds))]
    looks = {name: look.format(name) for name in columns}
    if sink.kind == "mariadb":
        looks |= {
            name: f"HEX({name})" for name, kind in zip(columns, kinds, strict=True) if kind.declaration == "bytea"
        }
    found: list[set[Any]] = [set() for _ in columns]
    for converter, way in zip(CONVERTERS, ("statements", "bulk"), strict=True):
        arrived = through(converter, records, at_once=way == "bulk")
        write(sink, {converter: arrived}, way, auto_create="true")
        for at, values in enumerate(shown(sink, converter, looks).values()):
            assert values.count(None) == ROWS // 2
            found[at] |= set(values)
    return found


def expected(table: list[tuple[str, str, str, Any]], at: int) -> list[set[Any]]:
    return [{row[at], None} for row in table]


def test_rows_of_postgresql_in_mariadb(postgresql_target: Target, mariadb_target: Target) -> None:
    found = crossed(postgresql_target, mariadb_target, FROM_POSTGRESQL, "CAST({} AS CHAR)")
    assert found == expected(FROM_POSTGRESQL, 2)


def test_rows_of_postgresql_in_sqlite(postgresql_target: Target, sqlite_target: Target) -> None:
    assert crossed(postgresql_target, sqlite_target, FROM_POSTGRESQL, "{}") == expected(FROM_POSTGRESQL, 3)


def test_rows_of_mariadb_in_postgresql(mariadb_target: Target, postgresql_target: Target) -> None:
    assert crossed(mariadb_target, postgresql_target, FROM_MARIADB, "{}") == expected(FROM_MARIADB, 2)


def test_rows_of_mariadb_in_sqlite(mariadb_target: Target, sqlite_target: Target) -> None:
    assert crossed(mariadb_target, sqlite_target, FROM_MARIADB, "{}") == expected(FROM_MARIADB, 3)


def test_a_decimal_of_127_digits_has_no_column_in_mariadb_and_that_is_said(
    postgresql_target: Target, mariadb_target: Target
) -> None:
    filled(postgresql_target, "s", [Kind("numeric", ("1.5",))])
    records = through("json", read(postgresql_target, "s"), at_once=True)
    with pytest.raises(BatchError, match=r"Creating table .*\.t failed: Too big scale .*c0"):
        write(mariadb_target, {"t": records}, "bulk", auto_create="true")


@pytest.mark.timeout(300)
def test_rows_get_through_a_worker_and_its_topics(tmp_path: Path, postgresql_target: Target) -> None:
    session = postgresql_target.session()
    session.run("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    filled(postgresql_target, "s", POSTGRESQL)
    kept = {f"c{at}": kind.kept for at, kind in enumerate(POSTGRESQL) if kind.kept is not None}
    with plain_registry() as registry:
        values: dict[str, dict[str, str]] = {
            "json": {"value.converter": "org.apache.kafka.connect.json.JsonConverter"},
            "avro": {
                "value.converter": "io.confluent.connect.avro.AvroConverter",
                "value.converter.schema.registry.url": registry.url,
            },
        }
        connectors: list[dict[str, str]] = []
        for converter, settings in values.items():
            session.run(f"CREATE TABLE copy_{converter} ({declared(POSTGRESQL)})")
            both = {**postgresql_target.settings, **settings}
            connectors.append(
                {
                    "name": f"in-{converter}",
                    "connector.class": "JdbcSource",
                    "mode": "incrementing",
                    "incrementing.column.name": "id",
                    "table.whitelist": "s",
                    "topic.prefix": f"{converter}-",
                    **both,
                }
            )
            connectors.append(
                {
                    "name": f"out-{converter}",
                    "connector.class": "JdbcSink",
                    "topics": f"{converter}-s",
                    "table.name.format": f"copy_{converter}",
                    "fields.whitelist": ",".join(["id", *kept]),
                    "consumer.override.auto.offset.reset": "earliest",
                    **both,
                }
            )
        worker = LinkspanWorker(tmp_path / "worker", None, {"offset.flush.interval.ms": "500"}, connectors)
        worker.start()
        try:
            for converter in values:
                text = f"SELECT count(*) FROM copy_{converter}"
                wait_for(lambda text=text: rows(postgresql_target, text) == [(ROWS,)], lambda: str(worker.url), 120)
        finally:
            worker.stop()
    wanted = shown(postgresql_target, "s", kept)
    for converter in values:
        assert shown(postgresql_target, f"copy_{converter}", dict.fromkeys(kept, "{}")) == wanted
