from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from linkspan.config.ordering import hash_order


def test_a_short_list_comes_as_java_walks_over_it():
    # seen in answers of the original worker
    assert hash_order(["max.poll.records", "auto.offset.reset", "isolation.level"]) == [
        "max.poll.records",
        "isolation.level",
        "auto.offset.reset",
    ]


def test_names_of_one_bucket_keep_their_order():
    assert hash_order(["BB", "Aa"]) == ["BB", "Aa"]
    assert hash_order(["Aa", "BB"]) == ["Aa", "BB"]


@given(st.lists(st.text()))
def test_no_name_is_lost_or_doubled(names):
    assert sorted(hash_order(names)) == sorted(set(names))
