from __future__ import annotations

import pytest

from linkspan.api import DataError, Schema
from linkspan.api.schema import Type
from linkspan_connectors.jdbc.binding import Binding, BoundColumn
from linkspan_connectors.jdbc.groups import Group
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import Origin, SinkColumn

KIND = (TableId(None, None, "t"), None, None, True)


def column(name, origin=Origin.VALUE_FIELD, convert=None, default=None, is_key=False):
    its_schema = Schema(Type.INT32, optional=True, default=default)
    return BoundColumn(SinkColumn(name, its_schema, origin, is_key), convert, default)


def group(*records) -> Group:
    """Records of (key, value)."""
    keys, values = zip(*records, strict=True)
    count = len(records)
    return Group(KIND, list(range(count)), list(keys), list(values), ["t"] * count, [0] * count, list(range(count)))


def test_rows_have_the_key_columns_first_and_for_updates_last():
    records = group((7, {"a": 1, "b": 2}))
    keys, others = [column("k", Origin.KEY)], [column("a"), column("b")]
    assert Binding(keys, others).rows(records).rows == [(7, 1, 2)]
    assert Binding(keys, others, keys_last=True).rows(records).rows == [(1, 2, 7)]


def test_rows_are_identified_by_their_key_columns():
    records = group(({"x": 1, "y": 2}, {"a": 1}), ({"x": 1, "y": 3}, {"a": 1}))
    x, y = column("x", Origin.KEY_FIELD), column("y", Origin.KEY_FIELD)
    assert list(Binding([x], [column("a")]).rows(records).keys) == [1, 1]
    assert list(Binding([x, y], [column("a")]).rows(records).keys) == [(1, 2), (1, 3)]
    assert Binding([], [column("a")]).rows(records).keys == ()


def test_keys_that_cannot_be_hashed_identify_rows_too():
    rows = Binding([column("k")], []).rows(group((None, {"k": [1]}), (None, {"k": [1]}), (None, {"k": [2]})))
    assert rows.keys[0] == rows.keys[1] != rows.keys[2]


def test_what_identifies_a_row_does_not_depend_on_what_the_driver_gets():
    records = group((None, {"k": 1}), (None, {"k": None}), (None, {"k": 2}))
    for convert in (str, None, bytes):
        assert list(Binding([column("k", convert=convert)], []).rows(records).keys) == [1, None, 2]
    bound = column("k", convert=str)._replace(identity=lambda value: -value)
    assert list(Binding([bound], []).rows(records).keys) == [-1, None, -2]


def test_what_identifies_a_row_is_the_same_when_another_record_fails():
    records = group((None, {"k": 1, "a": "1"}), (None, {"k": 2, "a": "x"}), (None, {"k": 3, "a": "3"}))
    rows = Binding([column("k", convert=str)], [column("a", convert=int)]).rows(records)
    assert (rows.rows, list(rows.keys), list(rows.failures)) == ([("1", 1), ("3", 3)], [1, 3], [1])


def test_coordinates_are_taken_from_the_record():
    keys = [column("t", Origin.TOPIC), column("p", Origin.PARTITION), column("o", Origin.OFFSET)]
    assert Binding(keys, [column("v", Origin.VALUE)]).rows(group((None, "x"), (None, "y"))).rows == [
        ("t", 0, 0, "x"),
        ("t", 0, 1, "y"),
    ]


def test_null_and_missing_fields_become_the_default_before_they_are_converted():
    binding = Binding([], [column("a", convert=str, default=5)])
    assert binding.rows(group((None, {"a": None}), (None, {}), (None, {"a": 1}))).rows == [("5",), ("5",), ("1",)]


def test_null_is_never_given_to_a_converter():
    assert Binding([], [column("a", convert=str)]).rows(group((None, {"a": None}))).rows == [(None,)]


def test_a_value_that_cannot_be_converted_fails_its_record_alone():
    rows = Binding([], [column("a", convert=int)]).rows(group((None, {"a": "1"}), (None, {"a": "x"}), (None, {"a": 3})))
    assert (rows.rows, rows.positions) == ([(1,), (3,)], [0, 2])
    (failure,) = rows.failures.items()
    assert failure[0] == 1
    assert "column a" in str(failure[1])


def test_a_record_without_the_struct_that_a_column_is_of_fails_alone():
    rows = Binding([column("k", Origin.KEY_FIELD)], []).rows(group((None, {}), ({"k": 1}, {})))
    assert (rows.rows, list(rows.failures)) == ([(1,)], [0])
    rows = Binding([column("k", Origin.KEY)], []).rows(group((None, {}), (2, {})))
    assert (rows.rows, list(rows.failures)) == ([(2,)], [0])
    assert "no key" in str(rows.failures[0])


def test_all_records_may_fail():
    rows = Binding([], [column("a", convert=int)]).rows(group((None, {"a": "x"})))
    assert (rows.rows, rows.positions, list(rows.failures)) == ([], [], [0])


@pytest.mark.parametrize("error", [OverflowError("too large"), ValueError("no number"), DataError("bad")])
def test_what_converters_raise_is_told_with_the_column(error):
    def convert(_):
        raise error

    assert str(error) in str(Binding([], [column("a", convert=convert)]).rows(group((None, {"a": 1}))).failures[0])
