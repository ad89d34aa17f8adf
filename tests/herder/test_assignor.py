"""What the leader decides; integration/compat/test_worker_group.py compares it with what the original decides."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.herder import eager_assignor
from linkspan.herder.protocol import WorkItem
from tests.herder.pretended_group import PretendedGroup, pretended

FIVE_MINUTES = 300_000

seeds = st.integers(0, 2**32)
delays = st.sampled_from((0, 1, 50, 3000, FIVE_MINUTES))


def held(group: PretendedGroup) -> Counter[WorkItem]:
    return Counter(item for items in group.members.values() for item in items)


def assert_balanced(group: PretendedGroup) -> None:
    for wants_connectors in (True, False):
        sizes = [sum((n == -1) == wants_connectors for _, n in items) for items in group.members.values()]
        assert max(sizes) - min(sizes) <= 1


def running(members: int, max_delay_ms: int = FIVE_MINUTES, connectors: int = 2, tasks: int = 4) -> PretendedGroup:
    """A settled group."""
    group = PretendedGroup(max_delay_ms)
    for _ in range(members):
        group.join()
    group.connectors = {f"c{n}": tasks for n in range(connectors)}
    group.settle(5)
    return group


# --- whatever happens ------------------------------------------------------------------------------------------------


@given(seeds, delays)
def test_nothing_has_two_owners_after_a_round(seed: int, max_delay_ms: int) -> None:
    for made in pretended(seed, max_delay_ms).decided:
        if made is not None:
            owners = Counter(item for items in made.owned.values() for item in items)
            assert not owners or max(owners.values()) == 1


@given(seeds, delays)
def test_nothing_is_assigned_that_a_member_still_runs(seed: int, max_delay_ms: int) -> None:
    group = pretended(seed, max_delay_ms, steps=20)
    before = held(group)
    made = group.round()
    assert not before.keys() & {item for items in made.assigned.values() for item in items}


@given(seeds, delays)
def test_nothing_is_revoked_from_a_member_that_another_one_has(seed: int, max_delay_ms: int) -> None:
    group = pretended(seed, max_delay_ms, steps=20)
    before = dict(group.members)
    held = {item for items in before.values() for item in items}
    made = group.round()
    for member, items in made.revoked.items():
        # what was lost may be dealt to a returning worker and taken from it in the same round, as in the original
        assert set(items) & held <= set(before[member])
        assert not set(items) & set(made.assigned[member])
        assert len(set(items)) == len(items)


@given(seeds, delays)
def test_in_the_end_all_work_is_done_once_and_evenly(seed: int, max_delay_ms: int) -> None:
    group = pretended(seed, max_delay_ms)
    group.settle(12)
    assert held(group) == Counter(group.wanted)
    assert_balanced(group)


@given(seeds)
def test_without_delays_all_work_is_done_after_four_rounds(seed: int) -> None:
    group = pretended(seed, 0)
    for _ in range(4):
        assert group.round().delay_ms == 0
    assert held(group) == Counter(group.wanted)
    assert_balanced(group)


@given(seeds, delays)
def test_no_delay_is_longer_than_the_longest(seed: int, max_delay_ms: int) -> None:
    assert all(0 <= made.delay_ms <= max_delay_ms for made in pretended(seed, max_delay_ms).decided if made)


# --- joining and leaving ---------------------------------------------------------------------------------------------


def test_first_work_is_dealt_out_at_once() -> None:
    group = PretendedGroup(FIVE_MINUTES, connectors={"a": 2, "b": 1})
    group.join()
    made = group.round()
    assert {item for items in made.assigned.values() for item in items} == group.wanted
    assert not any(made.revoked.values())


def test_a_new_member_gets_its_part_in_the_second_round() -> None:
    group = running(1)
    new = group.join()
    first = group.round()
    assert not first.assigned[new]
    assert sum(map(len, first.revoked.values())) == 5
    second = group.round()
    assert len(second.assigned[new]) == 5
    assert not any(second.revoked.values())


def test_work_of_a_lost_member_waits_for_its_return() -> None:
    group = running(2)
    gone = list(group.members)[1]
    items = group.members.pop(gone)
    assert group.round().delay_ms == FIVE_MINUTES
    group.now_ms += 60_000
    back = group.join()
    made = group.round()
    assert made.delay_ms == FIVE_MINUTES - 60_000
    assert not any(made.assigned.values())
    group.now_ms += made.delay_ms
    made = group.round()
    assert set(made.assigned[back]) == set(items)
    assert not any(made.revoked.values())


def test_work_of_a_member_that_stays_away_goes_to_the_others_after_the_delay() -> None:
    group = running(3)
    items = group.members.pop(list(group.members)[2])
    group.now_ms += group.round().delay_ms
    made = group.round()
    assert {item for new in made.assigned.values() for item in new} == set(items)
    assert made.delay_ms == 0


@pytest.mark.parametrize("jump_ms", [-86_400_000, -1000, 1000, 86_400_000])
def test_a_clock_that_jumps_ends_a_wait_or_begins_it_anew_at_worst(jump_ms: int) -> None:
    group = running(3)
    items = group.members.pop(list(group.members)[2])
    assert group.round().delay_ms == FIVE_MINUTES
    group.now_ms += jump_ms
    left = group.round().delay_ms
    assert 0 <= left <= FIVE_MINUTES
    assert (left == 0) == (jump_ms > FIVE_MINUTES)
    group.now_ms += left
    group.round()
    assert set(items) <= held(group).keys()


def test_lost_work_goes_only_to_members_that_came_without_work() -> None:
    group = running(3, tasks=12)
    items = group.members.pop(list(group.members)[2])
    group.round()
    one, other = group.join(), group.join()
    group.round()
    group.now_ms += FIVE_MINUTES
    made = group.round()
    assert set(made.assigned[one]) | set(made.assigned[other]) == set(items)
    assert not any(new for member, new in made.assigned.items() if member not in {one, other})


def test_without_a_delay_lost_work_is_dealt_out_at_once() -> None:
    group = running(2, max_delay_ms=0)
    items = group.members.pop(list(group.members)[1])
    made = group.round()
    assert {item for new in made.assigned.values() for item in new} == set(items)


def test_what_never_arrived_is_assigned_again_at_once() -> None:
    group = running(2)
    group.connectors["new"] = 2
    missed_by = list(group.members)[1]
    sent = group.round(missed_by=[missed_by]).assigned[missed_by]
    again = group.round()
    assert sent
    assert {item for new in again.assigned.values() for item in new} == set(sent)
    assert again.delay_ms == 0


@pytest.mark.parametrize(("number", "delay_ms"), [(1, 40), (2, 1600), (3, 64_000), (4, 300_000), (5, 300_000)])
def test_waits_between_revocations_grow_fortyfold(number: int, delay_ms: int) -> None:
    group = running(1, tasks=100)
    for _ in range(number):
        group.join()
        assert any(group.round().revoked.values())
        group.join()
        made = group.round()
        # What is due is revoked when the wait is over.
        group.now_ms += made.delay_ms
    assert made.delay_ms == delay_ms


# --- changes of configuration ----------------------------------------------------------------------------------------


def test_deleted_work_is_revoked_even_during_a_wait() -> None:
    group = running(3)
    group.members.pop(list(group.members)[2])
    assert group.round().delay_ms > 0
    kept = {item for items in group.members.values() for item in items if item[0] == "c1"}
    del group.connectors["c1"]
    assert {item for items in group.round().revoked.values() for item in items} == kept


def test_what_several_run_is_revoked_from_all_and_assigned_in_the_next_round() -> None:
    group = running(2)
    first = next(iter(group.members))
    twin = group.join(group.members[first])
    doubled = set(group.members[first])
    made = group.round()
    assert set(made.revoked[first]) == set(made.revoked[twin]) == doubled
    assert {item for items in group.round().assigned.values() for item in items} >= doubled


def test_a_leader_whose_last_round_did_not_arrive_does_not_wait_for_lost_work() -> None:
    group = running(2)
    leader, gone = group.members
    group.connectors["new"] = 1
    group.round(missed_by=[leader, gone])
    del group.members[gone]
    made = group.round()
    assert made.delay_ms == 0
    assert held(group) == Counter(group.wanted)


# --- the eager way ---------------------------------------------------------------------------------------------------


def test_eager_work_is_dealt_out_in_one_circle() -> None:
    shares = eager_assignor.assign(["m2", "m1", "m3"], {"b": [1, 0], "a": [0]})
    assert shares == {"m1": (("a", -1), ("b", 0)), "m2": (("b", -1), ("b", 1)), "m3": (("a", 0),)}


def test_members_without_eager_work_are_named_too() -> None:
    assert eager_assignor.assign(["m2", "m1"], {}) == {"m1": (), "m2": ()}
