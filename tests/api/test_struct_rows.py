"""Structs in columns are a sequence of dictionaries."""

from __future__ import annotations

import pytest

from linkspan.api import StructRows

ROWS = StructRows(("a", "b"), [(1, 2, 3), ["x", "y", None]], 3)
ALL = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": None}]


def test_rows_are_dictionaries_in_order():
    assert list(ROWS) == ALL
    assert [ROWS[at] for at in range(3)] == ALL
    assert ROWS[-1] == ALL[-1]
    assert len(ROWS) == 3


@pytest.mark.parametrize("piece", [slice(1, 3), slice(None), slice(None, None, -1), slice(5, 9), slice(-1, None)])
def test_a_piece_has_its_rows_in_columns(piece):
    cut = ROWS[piece]
    assert isinstance(cut, StructRows)
    assert list(cut) == ALL[piece]
    assert len(cut) == len(ALL[piece])


def test_an_index_beyond_the_end_is_refused():
    with pytest.raises(IndexError):
        ROWS[3]


def test_rows_may_have_no_columns():
    assert list(StructRows((), [], 2)) == [{}, {}]


@pytest.mark.parametrize(
    "values",
    [[], [{}], [{"a": 1}, {"b": 1}], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [{1: "a"}], [{"a": 1}, None], ["a"]],
    ids=repr,
)
def test_only_maps_with_the_same_texts_as_keys_become_columns(values):
    assert StructRows.of(values) is None


def test_a_column_is_replaced_where_it_is_or_added_at_the_end():
    rows = StructRows.of([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    assert rows.column("b") == ("x", "y")
    assert rows.column("c") is None
    assert list(rows.replaced("a", [3, 4])) == [{"a": 3, "b": "x"}, {"a": 4, "b": "y"}]
    assert list(rows.replaced("c", [5, 6])) == [{"a": 1, "b": "x", "c": 5}, {"a": 2, "b": "y", "c": 6}]
    assert list(rows) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_some_rows_are_chosen_in_columns():
    chosen = ROWS.chosen([2, 0])
    assert list(chosen) == [ALL[2], ALL[0]]
    assert chosen.column("a") == [3, 1]


def test_a_row_is_among_them_and_null_is_not():
    assert {"a": 2, "b": "y"} in ROWS
    assert None not in ROWS


def test_dictionaries_are_made_once_and_as_whoever_made_the_columns_knows():
    made = [{"a": 1}, {"a": 2}]
    rows = StructRows(("a",), [(1, 2)], 2, lambda: made)
    assert rows[0] is made[0]
    assert list(rows) == made
    assert ROWS[1] is ROWS[1]
