"""Kafka's predicates: they say which records a transform is for."""

from __future__ import annotations

from typing import ClassVar

from linkspan.api import Config, Predicate, SinkRecord, SourceRecord, Str
from linkspan.api.validators import non_empty
from linkspan.config.regex import java_regex
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


class RecordIsTombstone(Predicate[Config]):
    """The record has no value."""

    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"

    def test(self, record: SourceRecord | SinkRecord) -> bool:
        """Whether its value is null."""
        return record.value is None


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
