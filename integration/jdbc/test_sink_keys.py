"""Keys of each type find their rows, by statements as in bulk (spec/jdbc.md 11, 13 and 18.2)."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from integration.jdbc.sinks import rows, sinking
from integration.jdbc.targets import Target
from linkspan.api import Schema, SinkRecord, schema
from linkspan.api.schema import Type
from linkspan_connectors.jdbc.sink import JdbcSinkTask
from tests.connectors.jdbc.sinking import put

pytestmark = pytest.mark.integration

UTC = datetime.UTC
KEYS: dict[str, tuple[Schema, list[Any]]] = {
    "int8": (schema.INT8, [-128, 0, 127]),
    "int16": (schema.INT16, [-32768, 0, 32767]),
    "int32": (schema.INT32, [-(2**31), 0, 2**31 - 1]),
    "int64": (schema.INT64, [-(2**63), 0, 2**63 - 1]),
    "float32": (schema.FLOAT32, [0.10000000149011612, -1.5, 3.4028234663852886e38]),
    "float64": (schema.FLOAT64, [0.1, -1e300, 5e-324]),
    "boolean": (schema.BOOLEAN, [True, False]),
    "text": (schema.STRING, ["a", "A", "ä", "a ", "", "'\\\"`%s ? ☃ 😀"]),
    "bytes": (schema.BYTES, [b"", b"\0", b"\xff'\\"]),
    "decimal": (schema.decimal_of(3), [Decimal("0.000"), Decimal("-12.340"), Decimal("12345678901234567890.123")]),
    "date": (schema.date(), [datetime.date(2024, 2, 29), datetime.date(1969, 12, 31), datetime.date(1500, 3, 1)]),
    "time": (schema.time(), [datetime.time(0), datetime.time(23, 59, 59, 999_000)]),
    "timestamp": (
        schema.timestamp(),
        [datetime.datetime(2024, 2, 29, 1, 2, 3, 4000, UTC), datetime.datetime(1500, 3, 1, 0, 0, 0, 1000, UTC)],
    ),
}
VALUE = Schema(Type.STRUCT, fields={"n": schema.INT32})
BULK = 24


def records(name: str, first: int, keys: list[Any], *, deletes: bool = False) -> list[SinkRecord]:
    """Records with these keys in turn, as many as go by the bulk path; their numbers rise from the first."""
    key_schema = Schema(Type.STRUCT, fields={"k": KEYS[name][0]})
    return [
        SinkRecord(
            "t",
            0,
            at,
            None if deletes else {"n": first + at},
            None if deletes else VALUE,
            key={"k": keys[at % len(keys)]},
            key_schema=key_schema,
        )
        for at in range(BULK)
    ]


@pytest.mark.parametrize("size", [BULK // 2, BULK], ids=["statements", "bulk"])
@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_keys_of_each_type_find_their_rows(databases: dict[str, Target], kind: str, name: str, size: int) -> None:
    target = databases[kind]
    keys = KEYS[name][1]
    if target.kind == "mariadb":
        # blanks behind a text do not count there, and a FLOAT is equal to none of the numbers that are rounded to it
        keys = [-1.5, 0.5, 2.0**20] if name == "float32" else [key for key in keys if key != "a "]
    settings = {"pk_mode": "record_key", "delete_enabled": "true", "auto_create": "true"}
    session = target.session()
    session.run("DROP TABLE IF EXISTS t")

    def numbers() -> list[int]:
        found = session.dialect.ask(session.connection, "SELECT n FROM t ORDER BY n")
        session.connection.rollback()
        return [number for (number,) in found]

    def write(task: JdbcSinkTask, given: list[SinkRecord]) -> None:
        for begin in range(0, BULK, size):
            put(task, *given[begin : begin + size])

    last = range(BULK - len(keys), BULK)
    with sinking(target, insert_mode="upsert", **settings) as upserts:
        write(upserts, records(name, 0, keys))
        write(upserts, records(name, 100, keys))
        assert numbers() == [100 + number for number in last]
        with sinking(target, insert_mode="update", **settings) as updates:
            write(updates, records(name, 200, keys))
        assert numbers() == [200 + number for number in last]
        write(upserts, records(name, 0, keys[1:], deletes=True))
    assert numbers() == [200 + max(at for at in range(BULK) if at % len(keys) == 0)]
    session.connection.close()


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_records_of_one_key_keep_their_order_when_many_go_in_bulk_and_few_by_statements(
    databases: dict[str, Target], kind: str, name: str
) -> None:
    databases[kind].session().run("DROP TABLE IF EXISTS t")
    settings = {"insert_mode": "upsert", "pk_mode": "record_key", "delete_enabled": "true", "auto_create": "true"}
    key = KEYS[name][1][-1:]
    with sinking(databases[kind], **settings) as task:
        put(task, *records(name, 0, key), *records(name, 0, key, deletes=True)[:1], *records(name, 100, key)[:1])
    assert rows(databases[kind], "SELECT n FROM t") == [(100,)]


UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
ALIKE = {
    "uuid in capitals": ("postgresql", "uuid", UUID, UUID.upper()),
    "uuid in braces": ("postgresql", "uuid", UUID, f"{{{UUID.replace('-', '')}}}"),
    "char with blanks": ("postgresql", "char(5)", "a", "a  "),
    "text in capitals": ("mariadb", "varchar(20) collate utf8mb4_general_ci", "a", "A"),
    "text with an accent": ("mariadb", "varchar(20) collate utf8mb4_general_ci", "e", "é"),
    "text with blanks": ("mariadb", "varchar(20) collate utf8mb4_general_ci", "a", "a "),
    "text in capitals, case not counted": ("sqlite", "TEXT COLLATE NOCASE", "a", "A"),
}


@pytest.mark.parametrize("count", [1, BULK])
@pytest.mark.parametrize("name", ALIKE)
def test_keys_that_the_column_takes_for_one_keep_their_order(
    databases: dict[str, Target], name: str, count: int
) -> None:
    kind, native, one, other = ALIKE[name]
    databases[kind].session().run("DROP TABLE IF EXISTS t", f"CREATE TABLE t (k {native} PRIMARY KEY, n INT)")
    key_schema = Schema(Type.STRUCT, fields={"k": schema.STRING})

    def record(key: str, number: int | None) -> SinkRecord:
        value = None if number is None else {"n": number}
        return SinkRecord("t", 0, 0, value, VALUE if value else None, key={"k": key}, key_schema=key_schema)

    settings = {"pk_mode": "record_key", "delete_enabled": "true"}
    with sinking(databases[kind], insert_mode="upsert", **settings) as task:
        put(task, *[record(one, number) for number in range(count)], record(one, None), record(other, 99))
    assert rows(databases[kind], "SELECT n FROM t") == [(99,)]
    with sinking(databases[kind], insert_mode="update", **settings) as task:
        put(task, *[record(one, number) for number in range(count)], record(other, 77))
    assert rows(databases[kind], "SELECT n FROM t") == [(77,)]
