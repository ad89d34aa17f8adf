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
