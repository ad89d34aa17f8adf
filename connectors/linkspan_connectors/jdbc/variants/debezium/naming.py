"""Names of tables, made from topics and from where events come from (spec/jdbc.md 16.2)."""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.variants.debezium.events import source_text

__all__ = ["CollectionNames"]

log = logging.getLogger(__name__)

_SOURCE: Final = re.compile(r"\$\{source\.(.*?)\}")
_BY_TOPIC: Final = "${table}"
_KEY: Final = "collection.name.format"
_OTHER_KEY: Final = "collection.table.format"


class CollectionNames:
    """The default strategy.

    Args:
        by_topic: ``collection.name.format``.
        by_table: ``collection.table.format``, which counts when it is not ``${table}``.
    """

    def __init__(self, by_topic: str, by_table: str) -> None:
        self._template, self._key = by_topic.strip(), _KEY
        if by_table.strip() != _BY_TOPIC:
            self._key = _OTHER_KEY
            self._template = (
                by_table.strip().replace("${table}", "${source.table}").replace("${schema}", "${source.schema}")
            )
        self._needs_source = _SOURCE.search(self._template) is not None
        self._of_topics: dict[str, str] = {}
        self._skipped: set[str] = set()

    @property
    def needs_source(self) -> bool:
        """Whether a record has to be an event to have a table."""
        return self._needs_source

    def of_topic(self, topic: str) -> str:
        """The table's name for a topic, with what is to be filled in from events as it stands."""
        name = self._of_topics.get(topic)
        if name is None:
            name = self._of_topics[topic] = self._template.replace("${topic}", topic.replace(".", "_"))
        return name

    def of(self, topic: str, event: Any) -> str:  # noqa: ANN401 - of any type
        """The table's name for an event.

        Raises:
            ConfigError: the event does not say what is to be filled in.
        """
        name = self.of_topic(topic)
        if not self._needs_source:
            return name

        def filled(found: re.Match[str]) -> str:
            text = source_text(event, found[1])
            if text is None and self._key == _OTHER_KEY and found[1] == "schema":
                text = source_text(event, "db")
            if text is None:
                raise ConfigError(
                    f"{self._key}: an event of topic {topic} has no {found[1]} in its source; use fields that all of "
                    "them have",
                    self._key,
                )
            return text

        return _SOURCE.sub(filled, name)

    def skip(self, topic: str) -> None:
        """Say once that records of a topic have no table."""
        if topic not in self._skipped:
            self._skipped.add(topic)
            log.warning(
                "Records of topic %s that are no change events are left out: %s needs an event's source",
                topic,
                self._key,
            )
