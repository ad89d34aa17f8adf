"""What a child hears when it asks its worker."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from linkspan.api.errors import ConflictError, PluginError
from linkspan.worker.answers import Answers
from linkspan.worker.channel import decode_error


class Asking:
    """A child that keeps what it is told."""

    context = "c|task-0"

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def write(self, line: bytes) -> None:
        self.told.append(orjson.loads(line))


def told(create_topic: Any, ask: str = "ensure_topic") -> dict[str, Any]:
    child = Asking()
    answers = Answers(None, create_topic)  # type: ignore[arg-type]
    asyncio.run(answers.give(child, "c", {"id": 7, "ask": ask, "args": []}))  # type: ignore[arg-type]
    (answer,) = child.told
    assert (answer["type"], answer["id"]) == ("answer", 7)
    return answer


def test_a_child_gets_what_it_asked_for():
    async def create(*_: object) -> bool:
        return True

    assert told(create)["value"] is True


def test_an_error_of_the_tree_comes_as_it_is():
    async def create(*_: object) -> bool:
        raise ConflictError("somebody has it")

    error = decode_error(told(create)["error"])
    assert (type(error), error.message) == (ConflictError, "somebody has it")


@pytest.mark.parametrize(
    ("outcome", "message"),
    [(KeyError("x"), "KeyError: 'x'"), (2**64, "TypeError: Integer exceeds 64-bit range")],
    ids=["something is wrong in the worker", "an answer that cannot be sent"],
)
def test_a_child_is_answered_whatever_goes_wrong(outcome, message, caplog):
    async def create(*_: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    error = decode_error(told(create)["error"])
    assert (type(error), error.message) == (PluginError, message)
    assert "The question ensure_topic could not be answered" in caplog.text


def test_a_question_that_nobody_knows_is_answered():
    assert "KeyError" in decode_error(told(None, "nonsense")["error"]).message
