from __future__ import annotations

import random

import pytest

from linkspan_connectors.jdbc.rounds import folded, latest, rounds


def test_records_of_two_kinds_that_take_turns_make_two_rounds_when_no_key_is_in_both():
    assert rounds([[0, 2, 4], [1, 3, 5]], [[1, 2, 3], [4, 5, 6]]) == [(0, [0, 1, 2]), (1, [0, 1, 2])]


def test_records_of_two_kinds_that_follow_each_other_for_every_key_make_two_rounds():
    assert rounds([[0, 2], [1, 3]], [[1, 2], [1, 2]]) == [(0, [0, 1]), (1, [0, 1])]


def test_a_key_that_comes_back_to_the_first_kind_waits_for_the_second():
    assert rounds([[0, 2], [1]], [[1, 1], [1]]) == [(0, [0]), (1, [0]), (0, [1])]


def test_keys_with_null_wait_for_nothing():
    assert rounds([[0, 2], [1]], [[None, None], [None]]) == [(0, [0, 1]), (1, [0])]
    assert rounds([[1, 2], [0]], [[(1, None), (2, 3)], [(1, None)]]) == [(0, [0, 1]), (1, [0])]


def test_records_of_one_key_are_written_in_their_order_whatever_the_kinds():
    chance = random.Random(7)
    for _ in range(300):
        records = [(chance.randrange(3), chance.randrange(5)) for _ in range(chance.randrange(1, 40))]
        places = [[at for at, (kind, _) in enumerate(records) if kind == wanted] for wanted in range(3)]
        keys = [[records[at][1] for at in its] for its in places]
        written = [places[kind][position] for kind, positions in rounds(places, keys) for position in positions]
        assert sorted(written) == list(range(len(records)))
        for key in range(5):
            of_key = [at for at in written if records[at][1] == key]
            assert of_key == sorted(of_key)


def test_the_last_record_of_each_key_is_kept_in_the_place_of_its_first():
    assert latest(["a", "b", "c"]) is None
    assert latest(["a", "b", "a"]) == [2, 1]
    assert latest([(1, "x"), (1, "x")]) == [1]


def test_keys_with_null_are_all_kept():
    assert latest([None, None]) is None
    assert latest([None, "a", None, "a", (1, None), (1, None)]) == [0, 3, 2, 4, 5]


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("e", "é"), ("E\u0301", "e"), ("a", "a  "), ("ß", "SS")])
def test_texts_that_a_collation_may_take_for_one_are_folded_to_one(one, other):
    assert folded(one) == folded(other)
    assert folded((one, 1)) == folded((other, 1)) != folded((other, 2))


def test_keys_that_are_no_texts_stay_what_they_are():
    assert folded(5) == 5
    assert folded(None) is None
    assert folded((b"A", None)) == (b"A", None)
