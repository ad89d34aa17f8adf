"""Texts of statements, as the original connector sends them (spec/jdbc.md 11 and 12)."""

import pytest

from linkspan.api import Schema, Type, UnsupportedError
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import ColumnField, Dialect
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

T = TableId(None, None, "T")


def dialect(url: str, *, quote: bool = True) -> Dialect:
    return dialect_of(Settings(parse(url), quote=quote))


POSTGRESQL = dialect("jdbc:postgresql://h/d")
MYSQL = dialect("jdbc:mysql://h/d")
SQLITE = dialect("jdbc:sqlite::memory:")

UPSERTS = [
    (POSTGRESQL, 'INSERT INTO "T" ("k","c") VALUES (?,?) ON CONFLICT ("k") DO UPDATE SET "c"=EXCLUDED."c"'),
    (MYSQL, "insert into `T`(`k`,`c`) values(?,?) on duplicate key update `c`=values(`c`)"),
    (SQLITE, "INSERT OR REPLACE INTO `T`(`k`,`c`) VALUES(?,?)"),
]


@pytest.mark.parametrize(("dialect", "text"), UPSERTS, ids=lambda value: getattr(value, "title", ""))
def test_upsert_is_that_of_the_dialect(dialect, text):
    assert dialect.upsert(T, ["k"], ["c"]) == text


def test_upsert_of_nothing_but_keys_changes_nothing():
    assert POSTGRESQL.upsert(T, ["k"], []) == 'INSERT INTO "T" ("k") VALUES (?) ON CONFLICT ("k") DO NOTHING'
    assert MYSQL.upsert(T, ["k"], []) == "insert into `T`(`k`) values(?) on duplicate key update `k`=values(`k`)"


def test_insert_update_and_delete_name_keys_and_columns_in_their_order():
    assert MYSQL.insert(T, ["k"], ["a", "b"]) == "INSERT INTO `T`(`k`,`a`,`b`) VALUES(?,?,?)"
    assert MYSQL.update(T, ["k", "l"], ["a", "b"]) == "UPDATE `T` SET `a`=?,`b`=? WHERE `k`=? AND `l`=?"
    assert MYSQL.delete(T, ["k", "l"]) == "DELETE FROM `T` WHERE `k`=? AND `l`=?"


@pytest.mark.parametrize("make", [lambda: MYSQL.update(T, [], ["a"]), lambda: MYSQL.delete(T, [])])
def test_no_statement_without_keys_changes_every_row(make):
    with pytest.raises(UnsupportedError, match="needs a key column"):
        make()


def test_json_and_uuid_of_postgresql_are_cast():
    types = {"j": "jsonb", "u": "uuid", "t": "text"}
    assert POSTGRESQL.insert(T, ["u"], ["j", "t"], types) == 'INSERT INTO "T" ("u","j","t") VALUES (?::uuid,?::jsonb,?)'
    assert POSTGRESQL.update(T, ["u"], ["j"], types) == 'UPDATE "T" SET "j"=?::jsonb WHERE "u"=?::uuid'


def test_names_stand_bare_where_they_are_never_quoted():
    bare = dialect("jdbc:postgresql://h/d", quote=False)
    assert bare.delete(TableId(None, "s", "T"), ["k"]) == "DELETE FROM s.T WHERE k=?"


def test_a_table_is_made_with_its_key():
    fields = [ColumnField("k", Schema(Type.INT32), is_key=True), ColumnField("c", Schema(Type.STRING, optional=True))]
    text = 'CREATE TABLE "T" (\n"k" INT NOT NULL,\n"c" TEXT NULL,\nPRIMARY KEY("k"))'
    assert POSTGRESQL.create_table(T, fields) == text


def test_columns_are_added_in_one_statement_where_the_database_can():
    fields = [ColumnField("a", Schema(Type.INT32, default=3)), ColumnField("b", Schema(Type.STRING, optional=True))]
    assert POSTGRESQL.add_columns(T, fields) == ['ALTER TABLE "T" ADD "a" INT DEFAULT 3, ADD "b" TEXT NULL']
    assert SQLITE.add_columns(T, fields) == [
        "ALTER TABLE `T` ADD `a` INTEGER DEFAULT 3",
        "ALTER TABLE `T` ADD `b` TEXT NULL",
    ]
