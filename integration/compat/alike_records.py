"""What two workers must write alike to their topics: every byte but what is normalised here, with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

__all__ = ["comparable"]

_Pairs = list[tuple[str, Any]]
# The number of a round, of which there are as many as the workers need; a time of day.
_NUMBERS: Final = {"generation", "discoverTimestamp", "creation-timestamp"}
# A random key, of the same length.
_SECRET: Final = "key"
# There, what is being stopped has mostly but not always forgotten its version, and what could not be made has none.
_WITHOUT_VERSION: Final = {"UNASSIGNED", "RESTARTING", "FAILED"}


def comparable(records: Mapping[str, Iterable[str | None]]) -> dict[str, list[Any]]:
    """Values by key in the order in which they were written.

    The same value several times in a row counts once: the original removes states up to four times, repeats what it
    knows of a topic, and stores source offsets by the clock.

    Raises:
        AssertionError: a value is not spelled as Java does it.
    """
    found = {key: [value for value, _ in groupby(map(_value, values))] for key, values in records.items()}
    return {key: _without_ends_of_nothing(values) for key, values in found.items()}


def _value(text: str | None) -> Any:
    if text is None:
        return None
    value = json.loads(text, object_pairs_hook=list)
    assert _spelled(value) == text
    return _pairs(value) if isinstance(value, list) else value


def _spelled(value: Any) -> str:
    """JSON as the original writes it: without spaces, and with characters beyond ASCII as they are."""
    if isinstance(value, list):
        return "{" + ",".join(f"{_spelled(key)}:{_spelled(item)}" for key, item in value) + "}"
    return json.dumps(value, ensure_ascii=False)


def _pairs(pairs: _Pairs) -> _Pairs:
    state = dict(pairs).get("state")
    return [(key, _member(key, value)) for key, value in pairs if (key, state) not in _STOPPING]


_STOPPING: Final = {("version", state) for state in _WITHOUT_VERSION}


def _member(key: str, value: Any) -> Any:
    if key in _NUMBERS or (key == "task" and isinstance(value, int)):
        # Which of two tasks got the only partition is up to chance.
        return type(value)
    if key == _SECRET:
        return len(value)
    if key == "trace":
        # A stack trace names the lines of the program.
        return bool(value)
    if key == "properties":
        # The order of a hash table.
        return sorted(_pairs(value))
    return _pairs(value) if isinstance(value, list) else value


def _without_ends_of_nothing(values: list[Any]) -> list[Any]:
    """Without UNASSIGNED after STOPPED: there, a stopped connector is an object, which is stopped before the next.

    And without an end between a removed state and a next beginning: of a task that was moved before it had begun.
    """
    states = [dict(value).get("state") if isinstance(value, list) else None for value in values]
    around = zip(["", *states], states, [*states[1:], None], strict=False)
    kept = [value for value, states_there in zip(values, around, strict=True) if not _ends_nothing(*states_there)]
    return [value for value, _ in groupby(kept)]


def _ends_nothing(before: str | None, state: str | None, after: str | None) -> bool:
    return state == "UNASSIGNED" and (before == "STOPPED" or (before is None and after is not None))
