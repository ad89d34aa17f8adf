"""RegexRouter: gives records another topic, by a regular expression."""

from __future__ import annotations

import re
from typing import ClassVar, Final, TypeVar

from linkspan.api import HIGH, Config, ConfigError, DataError, RecordColumns, SinkRecord, SourceRecord, Str, Transform
from linkspan.api.regex import java_pattern

__all__ = ["RegexRouter", "RegexRouterConfig", "regular_expression"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

_MOST_TOPICS: Final = 1000
_NAME: Final = re.compile(r"[a-zA-Z0-9]*")


def regular_expression(key: str, value: object) -> None:
    """Accept a regular expression in Java's syntax."""
    try:
        java_pattern(str(value))
    except ConfigError as error:
        raise ConfigError.invalid(key, value, f"Invalid regex: {error.message}") from error


class RegexRouterConfig(Config):
    """Settings of RegexRouter."""

    regex = Str(validator=regular_expression, importance=HIGH, doc="Regular expression to use for matching.")
    replacement = Str(importance=HIGH, doc="Replacement string.")


class RegexRouter(Transform[RegexRouterConfig]):
    """Changes the topic where the expression matches all of it."""

    config_class: ClassVar[type[Config]] = RegexRouterConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.RegexRouter"

    def configure(self) -> None:
        """Take the expression."""
        self._pattern = java_pattern(self.config.regex)
        self._routes: dict[str, str] = {}

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with its new topic."""
        topic = self._routes.get(record.topic) or self._route(record.topic)
        if topic == record.topic:
            return record
        twin = record.copy()
        twin.topic = topic
        return twin

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for many records."""
        twin = columns.copy()
        twin.topic = self._routes.get(columns.topic) or self._route(columns.topic)
        return twin

    def _route(self, topic: str) -> str:
        if self._pattern.fullmatch(topic) is None:
            routed = topic
        else:
            # As in the original, the search begins anew: it may find less than the whole.
            found = self._pattern.search(topic)
            assert found is not None
            routed = topic[: found.start()] + expanded(self.config.replacement, found) + topic[found.end() :]
        if len(self._routes) >= _MOST_TOPICS:
            self._routes.clear()
        self._routes[topic] = routed
        return routed


def expanded(replacement: str, found: re.Match[str]) -> str:
    r"""Java's replacement text with its groups filled in: ``$1``, ``${name}``, ``\`` before what is meant literally.

    Raises:
        DataError: it is malformed, or names a group that there is not.
    """
    out: list[str] = []
    at = 0
    while at < len(replacement):
        character = replacement[at]
        if character == "\\":
            if at + 1 == len(replacement):
                raise DataError("character to be escaped is missing")
            out.append(replacement[at + 1])
            at += 2
        elif character == "$":
            group, at = _reference(replacement, at + 1, found.re)
            out.append(found.group(group) or "")
        else:
            out.append(character)
            at += 1
    return "".join(out)


def _reference(replacement: str, at: int, pattern: re.Pattern[str]) -> tuple[int | str, int]:
    """The group that is meant, and where the text goes on."""
    following = replacement[at : at + 1]
    if not following:
        raise DataError("Illegal group reference: group index is missing")
    if following == "{":
        return _named(replacement, at + 1, pattern)
    if not ("0" <= following <= "9"):
        raise DataError("Illegal group reference")
    number = int(following)
    if number > pattern.groups:
        raise DataError(f"No group {number}")
    at += 1
    while "0" <= replacement[at : at + 1] <= "9" and number * 10 + int(replacement[at]) <= pattern.groups:
        number = number * 10 + int(replacement[at])
        at += 1
    return number, at


def _named(replacement: str, at: int, pattern: re.Pattern[str]) -> tuple[str, int]:
    match = _NAME.match(replacement, at)
    assert match is not None
    name = match.group()
    if not name:
        raise DataError("named capturing group has 0 length name")
    if replacement[match.end() : match.end() + 1] != "}":
        raise DataError("named capturing group is missing trailing '}'")
    if name[0].isdigit():
        raise DataError(f"capturing group name {{{name}}} starts with digit character")
    if name not in pattern.groupindex:
        raise DataError(f"No group with name {{{name}}}")
    return name, match.end() + 1
