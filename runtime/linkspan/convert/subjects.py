"""Subject name strategies, by their Java names: under which name of the registry a schema is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from linkspan.api import ConfigError, DataError

__all__ = ["DEFAULT_STRATEGY", "Strategy", "strategy"]

_PACKAGES: Final = (
    "io.confluent.kafka.serializers.subject.",
    "io.confluent.kafka.serializers.subject.strategy.",
)
DEFAULT_STRATEGY: Final = f"{_PACKAGES[0]}TopicNameStrategy"

Naming = Callable[[str, bool, str | None], str]
"""Topic, whether it is the key, and the full name of the record; the subject."""


class Strategy:
    """How subjects are named.

    Attributes:
        subject: name of the subject of a topic, side and record.
        needs_record: whether the name of the record matters.
    """

    def __init__(self, subject: Naming, *, needs_record: bool) -> None:
        self.subject = subject
        self.needs_record = needs_record


def strategy(key: str, name: str) -> Strategy:
    """The strategy of a Java class name.

    Raises:
        ConfigError: there is none of that name; names those that there are.
    """
    package, _, short = name.rpartition(".")
    found = _STRATEGIES.get(short) if f"{package}." in _PACKAGES or not package else None
    if found is None:
        known = ", ".join(f"{_PACKAGES[0]}{short}" for short in _STRATEGIES)
        raise ConfigError.invalid(key, name, f"there is no such strategy; use one of {known}")
    return found


def _of_topic(topic: str, is_key: bool, _: str | None) -> str:
    return f"{topic}-key" if is_key else f"{topic}-value"


def _of_record(_: str, is_key: bool, record: str | None) -> str:
    if record is None:
        side = "key" if is_key else "value"
        raise DataError(
            f"In configuration {side}.subject.name.strategy = RecordNameStrategy or TopicRecordNameStrategy, the "
            f"message {side} must only be a record schema"
        )
    return record


def _of_topic_and_record(topic: str, is_key: bool, record: str | None) -> str:
    return f"{topic}-{_of_record(topic, is_key, record)}"


_STRATEGIES: Final = {
    "TopicNameStrategy": Strategy(_of_topic, needs_record=False),
    "RecordNameStrategy": Strategy(_of_record, needs_record=True),
    "TopicRecordNameStrategy": Strategy(_of_topic_and_record, needs_record=True),
}
