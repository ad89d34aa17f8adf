"""Kafka's predicates: they say which records a transform is for."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import Config, Predicate, RecordColumns, SinkRecord, SourceRecord, Str, UnsupportedError
from linkspan.api.regex import java_regex
from linkspan.api.validators import non_empty
from linkspan.transforms.regex_router import regular_expression

__all__ = ["HasHeaderKey", "HasHeaderKeyConfig", "RecordIsTombstone", "TopicNameMatches", "TopicNameMatchesConfig"]


class HasHeaderKeyConfig(Config):
    """Settings of HasHeaderKey."""

    name = Str(validator=non_empty, doc="The header name.")


class HasHeaderKey(Predicate[HasHeaderKeyConfig]):
    """The record has a header of that name."""

    config_class: ClassVar[type[Config]] = HasHeaderKeyConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.predicates.HasHeaderKey"

    def test(self, record: SourceRecord | SinkRecord) -> bool:
        """Whether there is one."""
        name = self.config.name
        return any(header.key == name for header in record.headers or ())

    def test_all(self, columns: RecordColumns) -> bool:
        """Whether all have one, or none has."""
        name = self.config.name
        if columns.headers is None:
            return False
        return _of_all({any(header.key == name for header in headers) for headers in columns.headers})


class RecordIsTombstone(Predicate[Config]):
    """The record has no value."""

    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"

    def test(self, record: SourceRecord | SinkRecord) -> bool:
        """Whether its value is null."""
        return record.value is None

    def test_all(self, columns: RecordColumns) -> bool:
        """Whether all values are null, or none is."""
        nulls = list(columns.values.values).count(None)
        return _of_all({nulls > 0, nulls == len(columns)})


def _topic_pattern(key: str, value: object) -> None:
    non_empty(key, value)
    regular_expression(key, value)


class TopicNameMatchesConfig(Config):
    """Settings of TopicNameMatches."""

    pattern = Str(
        validator=_topic_pattern, doc="A Java regular expression for matching against the name of a record's topic."
    )


class TopicNameMatches(Predicate[TopicNameMatchesConfig]):
    """The expression matches all of the record's topic."""

    config_class: ClassVar[type[Config]] = TopicNameMatchesConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches"

    def configure(self) -> None:
        """Take the expression."""
        self._matches = java_regex(self.config.pattern)

    def test(self, record: SourceRecord | SinkRecord) -> bool:
        """Whether it matches."""
        return self._matches(record.topic)

    def test_all(self, columns: RecordColumns) -> bool:
        """Whether it matches their topic."""
        return self._matches(columns.topic)


def _of_all(answers: set[bool]) -> bool:
    if len(answers) != 1:
        raise UnsupportedError("It is so for some of the records")
    return answers.pop()
