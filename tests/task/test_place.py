# ruff: noqa: ARG002 - the stand-in takes what the real one takes
"""The place of a dead sink task is taken over and given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from linkspan.api.errors import RetriableError
from linkspan.task.place import give_up_place


class Group:
    """A log with one group, which lets a member in after some polls."""

    def __init__(self, polls: int) -> None:
        self.calls: list[object] = []
        self.polls = polls

    def reader(self, settings: dict[str, str]) -> Group:
        self.calls.append(settings)
        return self

    def subscribe(self, topics: list[str], listener: Any, *, matches: Any) -> None:
        self.calls.append(topics)
        self.listener = listener

    def poll(self, timeout: float, most: int) -> list[object]:
        self.polls -= 1
        if self.polls == 0:
            self.listener.on_assigned([])
        return []

    def close(self, timeout: float) -> None:
        self.calls.append("close")


def spec(log: Group) -> Any:
    return SimpleNamespace(
        id="c-0",
        log=log,
        client_settings={"consumer": {"group.instance.id": "i"}},
        connector_config={"topics": "b,a,b"},
        task_config={},
        worker_config={},
    )


def test_who_takes_the_place_is_let_in_and_leaves():
    log = Group(polls=3)
    give_up_place(spec(log), 60.0)
    assert log.polls == 0
    assert log.calls == [{"group.instance.id": "i"}, ["b", "a"], "close"]


def test_a_group_that_lets_nobody_in_is_left_alone():
    log = Group(polls=-1)
    with pytest.raises(RetriableError, match="c-0"):
        give_up_place(spec(log), 0.0)
    assert log.calls[-1] == "close"
