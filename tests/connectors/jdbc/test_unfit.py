from __future__ import annotations

from decimal import Decimal

import pytest

from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition
from linkspan_connectors.jdbc.unfit import is_of_constraint, names_column, unfit_column


def told(type_name, value, *, nullable=True, auto_increment=False):
    column = TableColumn("c", type_name, nullable, auto_increment)
    return unfit_column(TableDefinition(TableId(None, None, "t"), "TABLE", {"c": column}), ["c"], (value,))


@pytest.mark.parametrize(
    ("type_name", "fits", "does_not"),
    [
        ("character varying(3)", "abc", "abcd"),
        ("varchar(3)", "abc", "abcd"),
        ("nvarchar2(3 char)", "abc", "abcd"),
        ("text", "abc", "a\0"),
        ("text", "abc", "\ud800"),
        ("smallint", -32768, 32768),
        ("int(11)", 2**31 - 1, 2**31),
        ("int(10) unsigned", 2**31, -1),
        ("bigint", -(2**63), 2**63),
        ("tinyint(4)", 127, 128),
        ("numeric(5,2)", Decimal("999.99"), Decimal(1000)),
        ("decimal(5)", 99999, 100000),
        ("double", 1.5, float("nan")),
        ("float", -1.5, float("-inf")),
        ("int4", "12", "twelve"),
        ("json", '{"a": 1}', "{"),
        ("jsonb", "null", ""),
        ("uuid", "{A0EEBC999c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc99"),
        ("decimal(65,30)", Decimal("9" * 35 + "." + "9" * 30), Decimal("1" + "0" * 35)),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_column_and_type(type_name, fits, does_not):
    assert told(type_name, fits) is None
    assert told(type_name, does_not) == f"c ({type_name})"


def test_null_fits_where_it_is_allowed_or_a_number_is_made():
    assert told("integer", None) is None
    assert told("integer", None, nullable=False, auto_increment=True) is None
    assert told("integer", None, nullable=False) == "c (NOT NULL)"


def test_what_is_not_known_fits():
    assert told("geometry", object()) is None
    assert told("float8", float("nan")) is None
    assert unfit_column(TableDefinition(TableId(None, None, "t"), "TABLE", {}), ["c"], (1,)) is None


@pytest.mark.parametrize(
    "message",
    [
        'null value in column "small" of relation "bad" violates not-null constraint',
        "Out of range value for column 'small' at row 1",
        "Incorrect value for column `shop`.`bad`.`small` at row 1",
        "Column 'small' cannot be null",
        "failed, column small",
    ],
)
def test_a_message_that_speaks_of_a_column_needs_no_more(message):
    assert names_column(message, "small")


@pytest.mark.parametrize(
    "message", ["smallint out of range", "a value is too small", 'null value in column "smaller"', "column too small"]
)
def test_a_word_that_is_a_columns_name_too_says_nothing_of_the_column(message):
    assert not names_column(message, "small")


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("UNIQUE constraint failed: t.id (code SQLITE_CONSTRAINT_PRIMARYKEY)", True),
        ("FOREIGN KEY constraint failed (code SQLITE_CONSTRAINT_FOREIGNKEY)", True),
        ("CHECK constraint failed: n > 0 (code SQLITE_CONSTRAINT_CHECK)", True),
        ("Duplicate entry '7' for key 'PRIMARY' (code 1062)", True),
        ("Cannot add or update a child row: a foreign key constraint fails (code 1452)", True),
        ("NOT NULL constraint failed: t.must (code SQLITE_CONSTRAINT_NOTNULL)", False),
        ("Data too long for column 'name' at row 1 (code 1406)", False),
    ],
)
def test_a_broken_key_is_no_fault_of_a_column(message, is_one):
    assert is_of_constraint(message) == is_one
