"""Databases as SQLAlchemy alone knows them, which DB2, SAP HANA, Vertica, Sybase and all others are to us."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from integration.jdbc.targets import Session
from linkspan.api import DataError, UnsupportedError
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.results import JdbcType
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

pytestmark = pytest.mark.integration


@pytest.fixture
def generic(target):
    """The database through the generic dialect; names stand bare, since their quotes are not known to be usual."""
    dialect = dialect_of(Settings(parse(target.url), quote=False), "GenericDatabaseDialect")
    client = Client(dialect, lambda: Credentials(target.user, target.password), "linkspan-test")
    made = Session(dialect, client.connection())
    target.sessions.append(made)
    made.run(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, price NUMERIC(10,2), at TIMESTAMP NULL, "
        "day DATE, small SMALLINT, ratio DOUBLE PRECISION)"
    )
    return made


ROW = (1, "a%?", Decimal("1.50"), "2024-02-29 01:02:03", "2024-02-29", 7, 0.5)


def insert(session, *rows):
    values = [tuple(str(value) if isinstance(value, Decimal) else value for value in row) for row in rows]
    columns = ["name", "price", "at", "day", "small", "ratio"]
    text = session.dialect.insert(session.dialect.table_id("t"), ["id"], columns)
    session.dialect.run_many(session.connection, text, values)
    session.connection.commit()


def test_columns_of_a_query_have_the_types_of_their_tables(generic):
    insert(generic, ROW)
    text = "SELECT t.*, name AS again, id + 1 AS more FROM t WHERE name = ? AND id >= ?"
    selection = generic.dialect.select(generic.connection, text, ["a%?", 1], batch_rows=10)
    columns = {column.label: column for column in selection.columns}
    rows = selection.fetch(10)
    selection.close()
    generic.connection.rollback()
    assert [column.type for column in selection.columns][:2] == [JdbcType.INTEGER, JdbcType.VARCHAR]
    assert columns["price"].type in (JdbcType.NUMERIC, JdbcType.DECIMAL)
    assert (columns["price"].precision, columns["price"].scale) == (10, 2)
    kinds = {"at": JdbcType.TIMESTAMP, "day": JdbcType.DATE, "small": JdbcType.SMALLINT}
    assert {name: columns[name].type for name in kinds} == kinds
    nullable = {"id": False, "name": False, "price": True, "again": False, "more": None}
    assert {name: columns[name].nullable for name in nullable} == nullable
    assert (columns["again"].table, columns["more"].type) == ("t", JdbcType.BIGINT)
    ((*values,),) = rows
    loaded = [column.load(value) for column, value in zip(selection.columns, values, strict=True)]
    clock = datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=datetime.UTC).replace(tzinfo=None)
    assert loaded == [1, "a%?", Decimal("1.5"), clock, clock.date(), 7, 0.5, "a%?", 2]


def test_rows_come_in_batches(generic):
    insert(generic, *[(number, *ROW[1:]) for number in range(25)])
    selection = generic.dialect.select(generic.connection, "SELECT id FROM t ORDER BY id", batch_rows=10)
    sizes = []
    while rows := selection.fetch(10):
        sizes.append(len(rows))
    assert sizes == [10, 10, 5]


def test_tables_are_found_with_their_columns_and_keys(generic):
    generic.run("CREATE VIEW v AS SELECT id FROM t")
    listed, connection = generic.dialect.tables, generic.connection
    assert [table.name for table in listed(connection, None, None, ["TABLE"])] == ["t"]
    assert [table.name for table in listed(connection, None, None, ["TABLE", "VIEW"])] == ["t", "v"]
    found = generic.dialect.definition(connection, generic.dialect.table_id("t"))
    assert (found.kind, found.keys) == ("TABLE", ("id",))
    assert [column.nullable for column in found.columns.values()][:3] == [False, False, True]
    assert generic.dialect.definition(connection, generic.dialect.table_id("v")).kind == "VIEW"
    assert generic.dialect.definition(connection, generic.dialect.table_id("nowhere")) is None


def test_a_duplicate_key_is_the_fault_of_its_record(generic):
    insert(generic, ROW)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        insert(generic, ROW)
    generic.connection.rollback()
    assert isinstance(generic.dialect.failure(caught.value, "It"), DataError)


def test_rows_are_updated_and_deleted_but_not_merged(generic):
    dialect, table = generic.dialect, generic.dialect.table_id("t")
    insert(generic, ROW, (2, *ROW[1:]))
    dialect.run_many(generic.connection, dialect.update(table, ["id"], ["name"]), [("b", 1)])
    dialect.run_many(generic.connection, dialect.delete(table, ["id"]), [(2,)])
    generic.connection.commit()
    assert generic.rows("SELECT id, name FROM t") == [{"id": 1, "name": "b"}]
    with pytest.raises(UnsupportedError, match="UPSERT mode is not supported with the Generic dialect"):
        dialect.upsert(table, ["id"], ["name"])


def test_a_query_is_checked_without_its_rows(generic):
    generic.dialect.check_query(generic.connection, "SELECT id FROM t")
    generic.connection.rollback()
    with pytest.raises(Exception, match="nowhere"):
        generic.dialect.check_query(generic.connection, "SELECT id FROM nowhere")
    generic.connection.rollback()
    assert generic.dialect.is_valid(generic.connection)
    assert generic.dialect.set_isolation(generic.connection, "SERIALIZABLE")
