"""Keys of records from the primary key (spec/jdbc.md 18.6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from linkspan.api import ConfigError, DataError, Schema, Type
from linkspan_connectors.jdbc.columns import UnreadableRow
from linkspan_connectors.jdbc.record_keys import RecordKeys
from tests.connectors.jdbc.sourcing import SourceTasks, taken


@pytest.fixture
def tasks(tmp_path) -> Iterator[SourceTasks]:
    database = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    database.execute(
        "CREATE TABLE orders (customer VARCHAR(9), number INT, text VARCHAR(9), PRIMARY KEY (number, customer))"
    )
    database.execute("INSERT INTO orders VALUES ('ann', 1, 'x'), ('bob', 2, 'y')")
    database.execute("CREATE TABLE things (text VARCHAR(9), id INTEGER PRIMARY KEY)")
    database.execute("INSERT INTO things VALUES ('x', 7)")
    database.execute("CREATE TABLE heap (text VARCHAR(9))")
    database.close()
    made = SourceTasks({"connection.url": f"jdbc:sqlite:{tmp_path / 'test.db'}", "mode": "bulk"})
    yield made
    made.stop()


def test_there_are_no_keys_unless_they_are_asked_for(tasks):
    (record,) = taken(tasks.start("things"), 1)
    assert (record.key, record.key_schema) == (None, None)


def test_a_struct_has_the_columns_of_the_primary_key_in_its_order(tasks):
    records = taken(tasks.start("orders", **{"x.key.from.primary.key": "struct"}), 2)
    assert [record.key for record in records] == [
        {"number": 1, "customer": "ann"},
        {"number": 2, "customer": "bob"},
    ]
    fields = {"number": Schema(Type.INT32), "customer": Schema(Type.STRING)}
    assert records[0].key_schema == Schema(Type.STRUCT, name="orders.Key", fields=fields)


def test_the_value_of_the_only_column_may_be_the_key(tasks):
    (record,) = taken(tasks.start("things", **{"x.key.from.primary.key": "value"}), 1)
    assert (record.key, record.key_schema) == (7, Schema(Type.INT32))


def test_the_value_of_a_key_of_several_columns_is_refused(tasks):
    task = tasks.start("orders", **{"x.key.from.primary.key": "value"})
    with pytest.raises(ConfigError, match=r"orders has several columns: number, customer"):
        taken(task, 1)


def test_a_table_without_primary_key_says_so(tasks):
    task = tasks.start("heap", **{"x.key.from.primary.key": "struct"})
    with pytest.raises(ConfigError, match=r"Table heap has no primary key"):
        taken(task, 1)


def test_a_row_of_which_no_record_can_be_made_tells_its_reason_as_its_key_too():
    schema = Schema(Type.STRUCT, fields={"id": Schema(Type.INT32)})
    keys = RecordKeys(schema, ("id",), (0,), bare=False)
    good, bad = keys.of([{"id": 1, "text": "x"}, UnreadableRow("table t, row with id=2")])
    assert good == {"id": 1}
    with pytest.raises(DataError, match="row with id=2"):
        bad["id"]  # type: ignore[index]
