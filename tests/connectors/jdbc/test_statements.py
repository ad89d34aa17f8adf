"""Texts of statements and types of columns, as the original connector has them (spec/jdbc.md 11 and 12)."""

import datetime
from decimal import Decimal

import pytest
import sqlglot

from linkspan.api import Schema, Type, UnsupportedError, schema
from linkspan_connectors.jdbc.dialects import DIALECTS, dialect_of
from linkspan_connectors.jdbc.dialects.dialect import ColumnField, Dialect
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse
from linkspan_connectors.jdbc.zones import zone_of

T = TableId(None, None, "T")
URLS = {
    "PostgreSQL": "jdbc:postgresql://h/d",
    "MySQL": "jdbc:mysql://h/d",
    "SQLite": "jdbc:sqlite::memory:",
    "Oracle": "jdbc:oracle:thin:@h:1521:s",
    "SQL Server": "jdbc:sqlserver://h;databaseName=d",
    "DB2": "jdbc:db2://h:50000/D",
    "Derby": "jdbc:derby://h/d",
    "SAP HANA": "jdbc:sap://h:30015/",
    "Sybase": "jdbc:jtds:sybase://h:5000/d",
    "Vertica": "jdbc:vertica://h/d",
    "Generic": "jdbc:other://h/d",
}


def dialect(title: str, **settings) -> Dialect:
    made = dialect_of(Settings(parse(URLS[title]), **settings))
    assert made.title == title
    return made


def test_there_is_a_url_for_every_dialect():
    assert {each.title for each in DIALECTS} == URLS.keys()


UPSERTS = [
    ("PostgreSQL", ('INSERT INTO "T" ("k","l","c","d") VALUES (?,?,?,?) ON CONFLICT ("k","l") DO UPDATE SET '
                   '"c"=EXCLUDED."c","d"=EXCLUDED."d"')),
    ("MySQL", ("insert into `T`(`k`,`l`,`c`,`d`) values(?,?,?,?) "
              "on duplicate key update `c`=values(`c`),`d`=values(`d`)")),
    ("SQLite", "INSERT OR REPLACE INTO `T`(`k`,`l`,`c`,`d`) VALUES(?,?,?,?)"),
    ("Oracle", ('merge into "T" using (select ? "k", ? "l", ? "c", ? "d" FROM dual) incoming '
               'on("T"."k"=incoming."k" and "T"."l"=incoming."l") '
               'when matched then update set "T"."c"=incoming."c","T"."d"=incoming."d" '
               'when not matched then insert("T"."c","T"."d","T"."k","T"."l") '
               'values(incoming."c",incoming."d",incoming."k",incoming."l")')),
    ("SQL Server", ("merge into [T] with (HOLDLOCK) AS target using (select ? AS [k], ? AS [l], ? AS [c], ? AS [d]) "
                   "AS incoming on (target.[k]=incoming.[k] and target.[l]=incoming.[l]) "
                   "when matched then update set [c]=incoming.[c],[d]=incoming.[d] "
                   "when not matched then insert ([c], [d], [k], [l]) "
                   "values (incoming.[c],incoming.[d],incoming.[k],incoming.[l]);")),
    ("DB2", ('merge into "T" using (values(?,?,?,?)) as DAT("k","l","c","d") on "T"."k"=DAT."k" and "T"."l"=DAT."l" '
            'when matched then update set "T"."c"=DAT."c","T"."d"=DAT."d" '
            'when not matched then insert("T"."c","T"."d","T"."k","T"."l") values(DAT."c",DAT."d",DAT."k",DAT."l")')),
    ("SAP HANA", 'UPSERT "T"("k","l","c","d") VALUES(?,?,?,?) WITH PRIMARY KEY'),
    ("Sybase", ('merge into "T" as target using (select ? AS "k", ? AS "l", ? AS "c", ? AS "d") AS incoming '
               'on (target."k"=incoming."k" and target."l"=incoming."l") '
               'when matched then update set "c"=incoming."c","d"=incoming."d" '
               'when not matched then insert ("c", "d", "k", "l") '
               'values (incoming."c",incoming."d",incoming."k",incoming."l")')),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text"), UPSERTS)
def test_upsert_is_that_of_the_dialect(title, text):
    assert dialect(title).upsert(T, ["k", "l"], ["c", "d"]) == text


def test_derby_merges_as_db2_does():
    assert dialect("Derby").upsert(T, ["k"], ["c"]) == dialect("DB2").upsert(T, ["k"], ["c"])


UPSERTS_OF_KEYS = [
    ("PostgreSQL", 'INSERT INTO "T" ("k") VALUES (?) ON CONFLICT ("k") DO NOTHING'),
    ("MySQL", "insert into `T`(`k`) values(?) on duplicate key update `k`=values(`k`)"),
    ("Oracle", ('merge into "T" using (select ? "k" FROM dual) incoming on("T"."k"=incoming."k") '
               'when not matched then insert("T"."k") values(incoming."k")')),
    ("SQL Server", ("merge into [T] with (HOLDLOCK) AS target using (select ? AS [k]) AS incoming "
                   "on (target.[k]=incoming.[k]) when not matched then insert ([k]) values (incoming.[k]);")),
    ("DB2", ('merge into "T" using (values(?)) as DAT("k") on "T"."k"=DAT."k" '
            'when not matched then insert("T"."k") values(DAT."k")')),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text"), UPSERTS_OF_KEYS)
def test_upsert_of_nothing_but_keys_changes_nothing(title, text):
    assert dialect(title).upsert(T, ["k"], []) == text


@pytest.mark.parametrize("title", ["Vertica", "Generic"])
def test_upsert_is_refused_where_there_is_none(title):
    made = dialect(title)
    assert not made.has_upsert
    with pytest.raises(UnsupportedError, match=f"Write to table 'T' in UPSERT mode is not supported with the {title}"):
        made.upsert(T, ["k"], ["c"])


@pytest.mark.parametrize("title", [title for title in URLS if title not in ("Vertica", "Generic")])
def test_upsert_needs_a_key(title):
    assert dialect(title).has_upsert
    with pytest.raises(UnsupportedError, match=r"pk\.mode"):
        dialect(title).upsert(T, [], ["c"])


def test_sql_server_merges_without_holding_locks_on_demand():
    text = dialect("SQL Server", holdlock=False).upsert(T, ["k"], ["c"])
    assert text.startswith("merge into [T] AS target using")


def test_insert_update_and_delete_name_keys_and_columns_in_their_order():
    mysql = dialect("MySQL")
    assert mysql.insert(T, ["k"], ["a", "b"]) == "INSERT INTO `T`(`k`,`a`,`b`) VALUES(?,?,?)"
    assert mysql.update(T, ["k", "l"], ["a", "b"]) == "UPDATE `T` SET `a`=?,`b`=? WHERE `k`=? AND `l`=?"
    assert mysql.delete(T, ["k", "l"]) == "DELETE FROM `T` WHERE `k`=? AND `l`=?"


@pytest.mark.parametrize("title", URLS)
def test_no_statement_without_keys_changes_every_row(title):
    with pytest.raises(UnsupportedError, match="needs a key column"):
        dialect(title).update(T, [], ["a"])
    with pytest.raises(UnsupportedError, match="needs a key column"):
        dialect(title).delete(T, [])


def test_json_and_uuid_of_postgresql_are_cast():
    postgresql = dialect("PostgreSQL")
    types = {"j": "jsonb", "u": "uuid", "t": "text"}
    assert postgresql.insert(T, ["u"], ["j", "t"], types) == 'INSERT INTO "T" ("u","j","t") VALUES (?::uuid,?::jsonb,?)'
    assert postgresql.update(T, ["u"], ["j"], types) == 'UPDATE "T" SET "j"=?::jsonb WHERE "u"=?::uuid'
    assert postgresql.upsert(T, ["u"], ["j"], types).startswith(
        'INSERT INTO "T" ("u","j") VALUES (?::uuid,?::jsonb) ON'
    )


def test_names_stand_bare_where_they_are_never_quoted():
    bare = dialect("PostgreSQL", quote=False)
    assert bare.delete(TableId(None, "s", "T"), ["k"]) == "DELETE FROM s.T WHERE k=?"


def test_a_quote_within_a_name_is_doubled():
    assert dialect("PostgreSQL").delete(TableId(None, None, 'a"b'), ["k"]) == 'DELETE FROM "a""b" WHERE "k"=?'
    assert dialect("SQL Server").delete(TableId(None, None, "a]b"), ["k"]) == "DELETE FROM [a]]b] WHERE [k]=?"


def text(*, key=False):
    return ColumnField("c", Schema(Type.STRING, optional=not key), is_key=key)


def test_a_table_is_made_with_its_key():
    fields = [ColumnField("k", Schema(Type.INT32), is_key=True), text()]
    made = 'CREATE TABLE "T" (\n"k" INT NOT NULL,\n"c" TEXT NULL,\nPRIMARY KEY("k"))'
    assert dialect("PostgreSQL").create_table(T, fields) == made
    assert dialect("SAP HANA").create_table(T, [text()]) == 'CREATE COLUMN TABLE "T" (\n"c" VARCHAR(1000) NULL)'
    assert dialect("DB2").create_table(T, [text()]) == 'CREATE TABLE "T" (\n"c" VARCHAR(32672))'
    required = ColumnField("c", Schema(Type.STRING))
    assert dialect("Derby").create_table(T, [required]) == 'CREATE TABLE "T" (\n"c" VARCHAR(32672) NOT NULL)'


ADDED = [
    ("PostgreSQL", ['ALTER TABLE "T" ADD "a" INT DEFAULT 3, ADD "b" TEXT NULL']),
    ("MySQL", ["ALTER TABLE `T` ADD `a` INT DEFAULT 3, ADD `b` TEXT NULL"]),
    ("SQLite", ["ALTER TABLE `T` ADD `a` INTEGER DEFAULT 3", "ALTER TABLE `T` ADD `b` TEXT NULL"]),
    ("Oracle", ['ALTER TABLE "T" ADD("a" NUMBER(10,0) DEFAULT 3, "b" VARCHAR2(4000) NULL)']),
    ("SQL Server", ["ALTER TABLE [T] ADD [a] int DEFAULT 3, [b] varchar(max) NULL"]),
    ("DB2", ['ALTER TABLE "T" ADD "a" INTEGER DEFAULT 3', 'ALTER TABLE "T" ADD "b" VARCHAR(32672)']),
    ("SAP HANA", ['ALTER TABLE "T" ADD("a" INTEGER DEFAULT 3, "b" VARCHAR(1000) NULL)']),
    ("Sybase", ['ALTER TABLE "T" ADD "a" int DEFAULT 3, "b" text NULL']),
    ("Vertica", ['ALTER TABLE "T" ADD "a" INT DEFAULT 3', 'ALTER TABLE "T" ADD "b" VARCHAR(1024) NULL']),
]


@pytest.mark.parametrize(("title", "texts"), ADDED)
def test_columns_are_added_as_the_database_takes_them(title, texts):
    fields = [ColumnField("a", Schema(Type.INT32, default=3)), ColumnField("b", Schema(Type.STRING, optional=True))]
    assert dialect(title).add_columns(T, fields) == texts


KINDS = [
    Schema(Type.INT8), Schema(Type.INT16), Schema(Type.INT32), Schema(Type.INT64), Schema(Type.FLOAT32),
    Schema(Type.FLOAT64), Schema(Type.BOOLEAN), Schema(Type.STRING), Schema(Type.BYTES), schema.decimal_of(4),
    schema.date(), schema.time(), schema.timestamp(),
]  # fmt: skip
COLUMNS = {
    "PostgreSQL": "SMALLINT SMALLINT INT BIGINT REAL DOUBLE_PRECISION BOOLEAN TEXT BYTEA DECIMAL DATE TIME TIMESTAMP "
    "TIMESTAMP TIMESTAMP",
    "MySQL": "TINYINT SMALLINT INT BIGINT FLOAT DOUBLE TINYINT TEXT VARBINARY(1024) DECIMAL(65,4) DATE TIME(3) "
    "DATETIME(3) DATETIME(6) DATETIME(6)",
    "SQLite": "INTEGER INTEGER INTEGER INTEGER REAL REAL INTEGER TEXT BLOB NUMERIC NUMERIC NUMERIC NUMERIC NUMERIC "
    "NUMERIC",
    "Oracle": "NUMBER(3,0) NUMBER(5,0) NUMBER(10,0) NUMBER(19,0) BINARY_FLOAT BINARY_DOUBLE NUMBER(1,0) VARCHAR2(4000) "
    "BLOB NUMBER(*,4) DATE DATE TIMESTAMP TIMESTAMP(6) TIMESTAMP(9)",
    "SQL Server": "smallint smallint int bigint real float bit varchar(max) varbinary(max) decimal(38,4) date time "
    "datetime2 datetime2 datetime2",
    "DB2": "SMALLINT SMALLINT INTEGER BIGINT FLOAT DOUBLE SMALLINT VARCHAR(32672) BLOB(64000) DECIMAL(31,4) DATE TIME "
    "TIMESTAMP TIMESTAMP TIMESTAMP(9)",
    "Derby": "SMALLINT SMALLINT INTEGER BIGINT FLOAT DOUBLE SMALLINT VARCHAR(32672) BLOB(64000) DECIMAL(31,4) DATE "
    "TIME TIMESTAMP TIMESTAMP TIMESTAMP",
    "SAP HANA": "TINYINT SMALLINT INTEGER BIGINT REAL DOUBLE BOOLEAN VARCHAR(1000) BLOB DECIMAL DATE DATE TIMESTAMP "
    "TIMESTAMP TIMESTAMP",
    "Sybase": "smallint smallint int bigint real float tinyint text image decimal(38,4) date time datetime datetime "
    "datetime",
    "Vertica": "INT INT INT INT FLOAT FLOAT BOOLEAN VARCHAR(1024) VARBINARY(1024) DECIMAL(18,4) DATE TIME TIMESTAMP "
    "TIMESTAMP TIMESTAMP",
}


@pytest.mark.parametrize("title", COLUMNS)
def test_columns_have_the_types_of_the_table(title):
    made = dialect(title)
    fields = [ColumnField("c", kind) for kind in KINDS]
    fields += [ColumnField("c", Schema(Type.INT64), timestamp_digits=digits) for digits in (6, 9)]
    assert [made.column_type(field).replace(" ", "_") for field in fields] == COLUMNS[title].split()


@pytest.mark.parametrize("title", ["PostgreSQL", "MySQL", "SQLite", "Oracle", "SQL Server", "DB2", "SAP HANA"])
@pytest.mark.parametrize(
    "kind",
    [
        Schema(Type.STRUCT, fields={"a": Schema(Type.INT32)}),
        Schema(Type.MAP, keys=Schema(Type.STRING), values=Schema(Type.STRING)),
        Schema(Type.ARRAY, values=Schema(Type.BYTES)),
        Schema(Type.ARRAY, values=schema.date()),
    ],
)
def test_what_has_no_column_is_refused_with_its_name(title, kind):
    with pytest.raises(UnsupportedError, match="Field c of type"):
        dialect(title).column_type(ColumnField("c", kind))


def test_arrays_have_columns_in_postgresql_only():
    items = Schema(Type.ARRAY, values=Schema(Type.FLOAT64))
    assert dialect("PostgreSQL").column_type(ColumnField("c", items)) == "DOUBLE PRECISION[]"
    with pytest.raises(UnsupportedError, match="ARRAY"):
        dialect("MySQL").column_type(ColumnField("c", items))
    with pytest.raises(UnsupportedError, match="ARRAY"):
        dialect("MySQL").bind(items)
    assert dialect("PostgreSQL").bind(items) is None


def test_texts_of_keys_are_short_where_keys_have_to_be():
    assert dialect("SQL Server").column_type(text(key=True)) == "varchar(900)"
    assert dialect("Sybase").column_type(text(key=True)) == "varchar(512)"
    assert dialect("MySQL").column_type(text(key=True)) == "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    assert dialect("PostgreSQL").column_type(text(key=True)) == "TEXT"


def test_nothing_is_known_of_types_of_other_databases():
    with pytest.raises(UnsupportedError, match="Field c of type STRING has no type of column in Generic"):
        dialect("Generic").column_type(text())


MOMENT = datetime.datetime(2001, 3, 15, 23, 30, 1, 234567, tzinfo=datetime.UTC)
LITERALS = [
    (-3, Schema(Type.INT64), "-3"),
    (1.5, Schema(Type.FLOAT64), "1.5"),
    (True, Schema(Type.BOOLEAN), "1"),
    ("it's", Schema(Type.STRING), "'it''s'"),
    (b"\x00\xff", Schema(Type.BYTES), "x'00ff'"),
    (Decimal("1E+3"), schema.decimal_of(-3), "1000"),
    (MOMENT.date(), schema.date(), "'2001-03-15'"),
    (MOMENT.time(), schema.time(), "'23:30:01.234'"),
    (MOMENT, schema.timestamp(), "'2001-03-15 23:30:01.234'"),
]


@pytest.mark.parametrize(("value", "kind", "made"), LITERALS)
def test_default_is_written_as_a_literal(value, kind, made):
    assert dialect("MySQL").literal(value, kind) == made


def test_literals_differ_between_databases():
    assert dialect("PostgreSQL").literal(False, Schema(Type.BOOLEAN)) == "FALSE"
    assert dialect("PostgreSQL").literal(b"\x01", Schema(Type.BYTES)) == r"'\x01'"
    assert dialect("SQL Server").literal(b"\x01", Schema(Type.BYTES)) == "0x01"
    assert dialect("Oracle").literal(MOMENT.date(), schema.date()) == "DATE '2001-03-15'"
    assert dialect("Oracle").literal(MOMENT, schema.timestamp()) == "TIMESTAMP '2001-03-15 23:30:01.234'"


def test_literals_of_dates_and_times_are_those_of_the_zones():
    made = dialect("MySQL", zone=zone_of("Asia/Tokyo"), date_zone=zone_of("America/New_York"))
    assert made.literal(MOMENT, schema.timestamp()) == "'2001-03-16 08:30:01.234'"
    assert made.literal(MOMENT.time(), schema.time()) == "'08:30:01.234'"
    assert made.literal(MOMENT.date(), schema.date()) == "'2001-03-14'"


def every_statement(title):
    made = dialect(title)
    keys, columns = ["k", "l"], ["c", "d"]
    fields = [ColumnField(f"f{index}", kind) for index, kind in enumerate(KINDS)]
    fields += [ColumnField("d", Schema(Type.STRING, default="it's")), ColumnField("k", Schema(Type.INT32), is_key=True)]
    yield made.insert(T, keys, columns)
    yield made.update(T, keys, columns)
    yield made.delete(T, keys)
    yield made.upsert(T, keys, columns)
    yield made.upsert(T, keys, [])
    yield made.create_table(T, fields)
    yield from made.add_columns(T, fields[:2])
    yield made.current_time_query
    yield made.validity_query


@pytest.mark.parametrize(
    ("title", "grammar"),
    [
        ("PostgreSQL", "postgres"),
        ("MySQL", "mysql"),
        ("SQLite", "sqlite"),
        ("SQL Server", "tsql"),
        ("Oracle", "oracle"),
    ],
)
def test_statements_are_of_the_grammar_of_the_database(title, grammar):
    for text in every_statement(title):
        (parsed,) = sqlglot.parse(text, read=grammar, error_level=sqlglot.ErrorLevel.RAISE)
        assert not isinstance(parsed, sqlglot.expressions.Command), text
