"""Offsets as the reference writes and reads them (spec/jdbc.md 6.4)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from linkspan.api import ConfigError, ConnectError, Offset, Partition
from linkspan_connectors.jdbc.offsets import (
    QUERY_PARTITION,
    Position,
    Positions,
    bare_partition,
    check_offsets,
    stored_positions,
    table_partition,
)


class Stored:
    """Offsets that a worker has."""

    def __init__(self, *known: tuple[Partition, Offset]) -> None:
        self._known = known
        self.asked = 0

    def offset(self, partition: Partition) -> Offset | None:
        return next((offset for known, offset in self._known if known == partition), None)

    def offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        self.asked += 1
        return [self.offset(partition) for partition in partitions]


def test_keys_of_an_offset_stand_in_the_order_of_the_reference():
    assert list(Position(1_672_835_217_000_000_000, 5001).offset().items()) == [
        ("timestamp_nanos", 0),
        ("incrementing", 5001),
        ("timestamp", 1_672_835_217_000),
    ]


def test_keys_that_do_not_apply_are_left_out():
    assert Position(None, 7).offset() == {"incrementing": 7}
    assert Position(1_500_000_123).offset() == {"timestamp_nanos": 500_000_123, "timestamp": 1500}


def test_protocol_stands_first_in_the_partition_of_a_table():
    assert list(table_partition("shop.orders").items()) == [("protocol", "1"), ("table", "shop.orders")]


def test_partition_of_the_query():
    assert QUERY_PARTITION == {"query": "query"}


@pytest.mark.parametrize("nanos", [0, 1, 999_999_999, 1_000_000_000, 1_672_835_217_123_456_789, -1, -1_500_000_001])
def test_a_timestamp_comes_back_to_the_nanosecond(nanos):
    assert Position.of(Position(nanos).offset(), "table t") == Position(nanos)


def test_nanoseconds_replace_the_milliseconds_of_the_second():
    assert Position.of({"timestamp": 1999, "timestamp_nanos": 5}, "table t") == Position(1_000_000_005)


def test_a_timestamp_of_an_old_version_has_no_nanoseconds():
    assert Position.of({"timestamp": 1999}, "table t") == Position(1_999_000_000)


def test_the_offset_seen_in_the_wild_is_read():
    found = Position.of({"timestamp_nanos": 0, "incrementing": 5001, "timestamp": 1672835217000}, "the query")
    assert found == Position(1_672_835_217_000_000_000, 5001)


@pytest.mark.parametrize(
    "offset", [{"incrementing": "5"}, {"timestamp": 1.5}, {"timestamp": True}, {"timestamp": 1, "timestamp_nanos": -1}]
)
def test_an_offset_of_another_form_is_refused_with_its_table(offset):
    with pytest.raises(ConnectError, match=r"table shop\.orders"):
        Position.of(offset, "table shop.orders")


def test_newer_offsets_go_before_older_ones_and_all_are_asked_for_at_once():
    stored = Stored(
        (table_partition("a.both"), {"incrementing": 2}),
        (bare_partition("both"), {"incrementing": 1}),
        (bare_partition("old"), {"incrementing": 3}),
    )
    tables = [("a.both", "both"), ("a.old", "old"), ("a.none", "none")]
    assert stored_positions(stored, tables) == [Position(None, 2), Position(None, 3), None]
    assert stored.asked == 1


def test_offsets_of_a_batch_are_made_when_they_are_asked_for():
    made: list[int] = []

    def position(at: int) -> Position:
        made.append(at)
        return Position(None, at)

    positions = Positions(1000, position)
    assert positions[-1] == {"incrementing": 999}
    assert made == [999]
    assert positions[1:3] == [{"incrementing": 1}, {"incrementing": 2}]


def test_nothing_is_stored_while_nothing_is_known():
    assert Positions(1, lambda _: Position())[0] is None


@pytest.mark.parametrize(
    ("partition", "offset"),
    [
        ({"file": "x"}, {"incrementing": 1}),
        ({"table": "t"}, {}),
        ({"table": "t"}, {"position": 1}),
        ({"table": "t"}, {"incrementing": "1"}),
    ],
)
def test_offsets_set_by_hand_are_checked(partition, offset):
    with pytest.raises(ConfigError):
        check_offsets([(partition, offset)])


@pytest.mark.parametrize(
    "partition",
    [{"protocol": 1, "table": "s.t"}, {"protocol": "2", "table": "s.t"}, {"table": 7}, {"query": "SELECT 1"},
     {"table": "t", "schema": "s"}],
)  # fmt: skip
def test_an_offset_that_nothing_would_look_for_is_refused(partition):
    with pytest.raises(ConfigError, match="No offset is ever looked for under the partition"):
        check_offsets([(partition, {"incrementing": 1})])
    check_offsets([(partition, None)])


def test_offsets_set_by_hand_may_be_those_of_tables_and_of_the_query():
    check_offsets([({"table": "t"}, {"incrementing": 1}), (QUERY_PARTITION, {"timestamp": 1}), ({"table": "t"}, None)])
