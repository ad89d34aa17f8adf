"""Statements of the modes (spec/jdbc.md 6.1 and 15)."""

from __future__ import annotations

import pytest

from linkspan_connectors.jdbc.queries import Mode, Parameter, Tracking, statement
from linkspan_connectors.jdbc.query_text import conditionable, stripped

T = 'SELECT * FROM "s"."t"'
TRACKING = Tracking(['"s"."t"."ts"'], '"s"."t"."id"')
BEGIN, END, ID = Parameter.BEGIN, Parameter.END, Parameter.ID


@pytest.mark.parametrize(
    ("has_id", "text", "parameters"),
    [(True, "t.id > ? AND t.id <= ?", (ID, Parameter.LAST)), (False, "t.id <= ?", (Parameter.LAST,))],
)
def test_ids_may_be_bounded(has_id, text, parameters):
    made = statement(T, Mode.INCREMENTING, Tracking((), "t.id", is_bounded=True), has_id=has_id)
    assert made.text == f"{T} WHERE {text} ORDER BY t.id ASC"
    assert made.parameters == parameters


@pytest.mark.parametrize(
    ("mode", "text", "parameters"),
    [
        (Mode.BULK, "", ()),
        (Mode.INCREMENTING, ' WHERE "s"."t"."id" > ? ORDER BY "s"."t"."id" ASC', (ID,)),
        (
            Mode.TIMESTAMP,
            ' WHERE "s"."t"."ts" > ? AND "s"."t"."ts" < ? ORDER BY "s"."t"."ts" ASC',
            (BEGIN, END),
        ),
        (
            Mode.BOTH,
            (
                ' WHERE "s"."t"."ts" < ? AND (("s"."t"."ts" = ? AND "s"."t"."id" > ?) OR "s"."t"."ts" > ?)'
                ' ORDER BY "s"."t"."ts","s"."t"."id" ASC'
            ),
            (END, BEGIN, ID, BEGIN),
        ),
    ],
)
def test_a_statement_goes_on_behind_the_last_row(mode, text, parameters):
    made = statement(T, mode, TRACKING)
    assert made.text == T + text
    assert made.parameters == parameters


def test_several_timestamp_columns_count_in_their_order():
    made = statement("SELECT 1", Mode.TIMESTAMP, Tracking(["a", "b"]))
    assert made.text == "SELECT 1 WHERE COALESCE(a,b) > ? AND COALESCE(a,b) < ? ORDER BY COALESCE(a,b) ASC"


@pytest.mark.parametrize(
    ("mode", "text", "parameters"),
    [
        (Mode.INCREMENTING, " WHERE id IS NOT NULL ORDER BY id ASC", ()),
        (Mode.TIMESTAMP, " WHERE ts < ? ORDER BY ts ASC", (END,)),
        (Mode.BOTH, " WHERE ts < ? AND id IS NOT NULL ORDER BY ts,id ASC", (END,)),
    ],
)
def test_a_first_read_has_no_lower_bound(mode, text, parameters):
    made = statement("S", mode, Tracking(["ts"], "id"), has_begin=False, has_id=False)
    assert (made.text, made.parameters) == ("S" + text, parameters)


def test_a_first_read_from_a_time_on_takes_all_ids_of_that_time():
    made = statement("S", Mode.BOTH, Tracking(["ts"], "id"), has_id=False)
    assert made.text == "S WHERE ts < ? AND ts >= ? AND id IS NOT NULL ORDER BY ts,id ASC"
    assert made.parameters == (END, BEGIN)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_suffix_stands_behind_every_statement_after_one_blank(mode):
    assert statement("S", mode, Tracking(["ts"], "id"), suffix="  LIMIT 5 ").text.endswith(" LIMIT 5")
    assert "  " not in statement("S", mode, Tracking(["ts"], "id"), suffix=" LIMIT 5").text


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t",
        "select a.id, b.x from a join b on a.id = b.id",
        "SELECT * FROM (SELECT * FROM t WHERE x = 1 ORDER BY y) z",
        "SELECT max(x) OVER (ORDER BY y) AS m, id FROM t",
    ],
)
def test_a_plain_select_gets_its_conditions_behind_it(query):
    assert conditionable(query, "PostgreSqlDatabaseDialect") == query


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t WHERE x = 1",
        "SELECT * FROM t ORDER BY x",
        "SELECT x, count(*) FROM t GROUP BY x",
        "SELECT x, count(*) FROM t GROUP BY x HAVING count(*) > 1",
        "SELECT * FROM t LIMIT 5",
        "SELECT * FROM t FETCH FIRST 5 ROWS ONLY",
        "SELECT 1 AS id UNION SELECT 2",
        "SELECT 1 AS id UNION ALL SELECT 2",
        "WITH c AS (SELECT * FROM t) SELECT * FROM c",
        "SELECT * FROM t FOR UPDATE",
        "(SELECT * FROM t)",
    ],
)
def test_a_query_with_clauses_of_its_own_gets_its_conditions_around_it(query):
    assert conditionable(query, "PostgreSqlDatabaseDialect") == f"SELECT * FROM ({query}) q"


@pytest.mark.parametrize("query", ["SELECT * FROM t -- all", "SELECT * FROM t WHERE x = 1 -- all"])
def test_a_comment_at_the_end_does_not_swallow_what_follows(query):
    assert stripped(query) == f"{query}\n"


def test_a_query_that_is_not_understood_stays_as_it_is():
    assert conditionable("SELECT FROM WHERE ((", "Db2DatabaseDialect") == "SELECT FROM WHERE (("


def test_a_semicolon_at_the_end_is_none_of_the_query():
    assert stripped("  SELECT 1 ; \n") == "SELECT 1"
