"""When a place that a static member took over is kept, refused and left; the group is played by a stand-in."""

from __future__ import annotations

import pytest

from linkspan.api.errors import RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka import inherited_place
from linkspan.log.kafka.inherited_place import InheritedPlace

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)


class Group:
    """What its members read, one answer for each time that somebody looks; and the time."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.now = 0.0
        self.closed = 0

    def assigned_partitions(self, group: str) -> object:
        assert group == "g"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1


def taken_over(monkeypatch: pytest.MonkeyPatch, group: Group) -> InheritedPlace:
    monkeypatch.setattr(inherited_place, "KafkaAdmin", lambda _: group)
    return InheritedPlace({"group.id": "g", "bootstrap.servers": "127.0.0.1:1"}, lambda: group.now)


def test_nobody_looks_before_there_is_a_place_and_its_round_may_be_over(monkeypatch):
    group = Group()
    place = taken_over(monkeypatch, group)
    assert not place.is_due
    assert not place.refuses([A0], ["a"])
    assert not place.is_due
    group.now = 1.0
    assert place.is_due


def test_more_of_the_same_round_does_not_put_the_look_off(monkeypatch):
    group = Group()
    place = taken_over(monkeypatch, group)
    place.refuses([A0], ["a"])
    group.now = 0.9
    place.refuses([A1], ["a"])
    group.now = 1.0
    assert place.is_due


def test_a_place_with_topics_that_are_not_wanted_is_refused_and_left_at_once(monkeypatch):
    place = taken_over(monkeypatch, Group())
    assert place.refuses([A0, B0], ["b"])
    assert place.is_due
    assert place.fits(set(), {B0}) is False


def test_who_reads_everything_asks_nobody(monkeypatch):
    place = taken_over(monkeypatch, Group())
    place.refuses([A0, A1], ["a"])
    assert place.fits({A0, A1}, {A0, A1}) is True


def test_a_place_beside_others_who_read_the_rest_is_kept(monkeypatch):
    group = Group(frozenset({A0, A1}))
    place = taken_over(monkeypatch, group)
    place.refuses([A0], ["a"])
    assert place.fits({A0}, {A0, A1}) is True
    assert group.closed == 1


def test_a_partition_without_a_reader_is_seen_twice_before_the_place_is_left(monkeypatch):
    group = Group(frozenset({A0}), frozenset({A0}))
    place = taken_over(monkeypatch, group)
    place.refuses([A0], ["a"])
    group.now = 1.0
    assert place.fits({A0}, {A0, A1}) is None
    assert not place.is_due
    group.now = 2.0
    assert place.is_due
    assert place.fits({A0}, {A0, A1}) is False


@pytest.mark.parametrize("answer", [None, RetriableError("no answer")])
def test_a_group_that_cannot_be_judged_now_is_looked_at_again(monkeypatch, answer):
    group = Group(answer, frozenset({A0, A1}))
    place = taken_over(monkeypatch, group)
    place.refuses([A0], ["a"])
    group.now = 1.0
    assert place.fits({A0}, {A0, A1}) is None
    group.now = 2.0
    assert place.is_due
    assert place.fits({A0}, {A0, A1}) is True
