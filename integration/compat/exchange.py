"""Sending the steps of a script to a worker, and what comes back."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from integration.compat.written import Reader

__all__ = ["Answer", "Difference", "Step", "named", "play"]

LIMIT_SECONDS: Final = 90.0
# What says that a worker of a group could not take a request just then; the original does not wait.
TURNED_AWAY: Final = ("because a rebalance is expected", "Cannot complete request momentarily due to")
COMPARED_HEADERS: Final = ("location", "content-type", "allow", "vary", "access-control-", "x-")


@dataclass(frozen=True)
class Difference:
    """A difference on purpose.

    Attributes:
        original: status of the original.
        linkspan: status of ours.
        row: first cell of the row of docs/reference/deviations.md that gives the reason.
    """

    original: int
    linkspan: int
    row: str


@dataclass(frozen=True)
class Step:
    """One request.

    Attributes:
        name: unique in the script.
        request: method and path, as they are sent.
        body: text, or what is sent as JSON; None for no body.
        headers: in addition; a Content-Type of None leaves that header out.
        until: the request is repeated until all these texts appear in the answer.
        differs: where the two workers answer differently on purpose.
        leads_to: what the status topic of a group then says newly, such as ``connector-x RUNNING``, or ``task-x-0 -``
            for a state that was removed. A worker of a group answers before things have happened: without this, a
            state that looks like the one before cannot be waited for.
    """

    name: str
    request: str
    body: Any = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    until: tuple[str, ...] = ()
    differs: Difference | None = None
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Status, headers that matter and body of an answer, as sent but for what the script calls by placeholders.

    Attributes:
        status: of HTTP.
        headers: that are compared.
        text: the body.
        missed: what the step was to lead to, and did not.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    missed: tuple[str, ...] = ()

    @property
    def body(self) -> Any:
        """The parsed body, or its text when it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text


def play(
    url: str, steps: Sequence[Step], values: Mapping[str, str], statuses: Reader | None = None
) -> dict[str, Answer]:
    """Send every step in order; the answers by the names of the steps.

    Args:
        url: of the worker.
        steps: the script.
        values: what its placeholders ``${NAME}`` stand for at this worker; put back into the answers.
        statuses: status topic of a worker in a group.
    """
    names = {"WORKER": urlsplit(url).netloc, **values}
    if statuses is None:
        return {step.name: _answer(step, names) for step in steps}
    return {step.name: _answer_of_group(step, names, statuses) for step in steps}


def _answer(step: Step, values: Mapping[str, str]) -> Answer:
    deadline = time.monotonic() + LIMIT_SECONDS
    answer = _ask(step, values)
    while not all(text in answer.text for text in step.until) and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = _ask(step, values)
    return answer


def _answer_of_group(step: Step, values: Mapping[str, str], statuses: Reader) -> Answer:
    deadline = time.monotonic() + LIMIT_SECONDS
    awaited = [_filled(text, values).rpartition(" ") for text in step.leads_to]
    before = {key: len(statuses.states(key)) for key, _, _ in awaited}
    answer = _answer(step, values)
    while any(text in answer.text for text in TURNED_AWAY):
        assert time.monotonic() < deadline, f"{step.name} is turned away: {answer.text}"
        time.sleep(0.05)
        answer = _answer(step, values)
    missed = {key: state for key, _, state in awaited}
    while missed and time.monotonic() < deadline:
        time.sleep(0.02)
        missed = {key: state for key, state in missed.items() if statuses.states(key)[before[key] :][-1:] != [state]}
    return replace(answer, missed=tuple(f"{key} {state}, but {statuses.states(key)}" for key, state in missed.items()))


def _ask(step: Step, values: Mapping[str, str]) -> Answer:
    method, path = _filled(step.request, values).split(" ", 1)
    body = step.body if step.body is None or isinstance(step.body, str) else json.dumps(step.body)
    data = None if body is None else _filled(body, values).encode()
    headers = {"Content-Type": "application/json" if data is not None else None, **step.headers}
    if data is not None or method in {"POST", "PUT", "PATCH"}:
        headers["Content-Length"] = str(len(data or b""))
    connection = http.client.HTTPConnection(values["WORKER"], timeout=100)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, _filled(value, values))
        connection.endheaders(data)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        kept = {name.lower(): value for name, value in answer.getheaders() if name.lower().startswith(COMPARED_HEADERS)}
        return Answer(answer.status, {name: named(value, values) for name, value in kept.items()}, named(text, values))
    finally:
        connection.close()


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def named(text: str, values: Mapping[str, str]) -> str:
    """A text with the placeholders of a script in place of what they stand for."""
    for name, value in values.items():
        text = text.replace(value, f"${{{name}}}")
    return text
