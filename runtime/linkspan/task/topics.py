"""Topics that a source connector wants created (KIP-158, spec/runtime.md 4.10)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.api.regex import java_regex
from linkspan.log.port import TopicSpec

__all__ = ["CreationRules", "TopicCreation"]

_log = logging.getLogger(__name__)
_PREFIX: Final = "topic.creation."
_DEFAULT: Final = "default"


@dataclass(frozen=True)
class _Group:
    name: str
    partitions: int
    replication_factor: int
    includes: Callable[[str], bool]
    excludes: Callable[[str], bool]
    configs: Mapping[str, str] = field(default_factory=dict)


class CreationRules:
    """The ``topic.creation.*`` keys of a connector: a pure function from topic name to :class:`TopicSpec`.

    Args:
        config: the connector's configuration.

    Raises:
        ConfigError: a required key is missing or a value cannot be used.
    """

    def __init__(self, config: Mapping[str, str]) -> None:
        self._default = _group(config, _DEFAULT, None)
        names = [name for name in _items(config.get(_PREFIX + "groups", "")) if name != _DEFAULT]
        self._groups = [_group(config, name, self._default) for name in names]

    @staticmethod
    def wanted(config: Mapping[str, str]) -> bool:
        """Whether the connector asks for topics to be created at all."""
        return any(name.startswith(_PREFIX) for name in config)

    def spec_for(self, topic: str) -> TopicSpec:
        """How to create ``topic``: by the first group that fits, else by the default group."""
        fitting = (group for group in self._groups if group.includes(topic) and not group.excludes(topic))
        group = next(fitting, self._default)
        return TopicSpec(topic, group.partitions, group.replication_factor, group.configs)


class TopicCreation:
    """Makes sure that a topic exists before the first record goes there.

    Args:
        create: creates a topic unless it exists, and says whether it did.
        rules: how.
    """

    def __init__(self, create: Callable[[TopicSpec], bool], rules: CreationRules) -> None:
        self._create = create
        self._rules = rules
        self._known: set[str] = set()

    def ensure(self, topic: str) -> None:
        """Create ``topic`` unless it exists; looked up once per task and topic.

        Raises:
            RetriableError: the log did not answer; ask again.
            ConnectError: the topic does not exist and cannot be created.
        """
        if topic in self._known:
            return
        spec = self._rules.spec_for(topic)
        try:
            created = self._create(spec)
        except RetriableError:
            raise
        except ConnectError as error:
            raise ConnectError(
                f"Task failed to create new topic {topic} ({spec.partitions} partitions, replication factor "
                f"{spec.replication_factor}): {error}. Ensure that the task is authorized to create topics or that "
                "the topic exists and restart the task."
            ) from error
        if created:
            _log.info("Created topic %s with %s", topic, spec)
        self._known.add(topic)


def _group(config: Mapping[str, str], name: str, default: _Group | None) -> _Group:
    prefix = f"{_PREFIX}{name}."
    own = {"include", "exclude", "partitions", "replication.factor"}
    settings = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    return _Group(
        name=name,
        partitions=_count(config, prefix + "partitions", None if default is None else default.partitions),
        replication_factor=_count(
            config, prefix + "replication.factor", None if default is None else default.replication_factor
        ),
        # the default group takes what is left, whatever a user wrote there
        includes=_any_of(_items(settings.get("include", "")) if default else [".*"]),
        excludes=_any_of(_items(settings.get("exclude", "")) if default else []),
        configs={key: value for key, value in settings.items() if key not in own},
    )


def _count(config: Mapping[str, str], key: str, default: int | None) -> int:
    text = config.get(key)
    if text is None:
        if default is None:
            raise ConfigError(f'Missing required configuration "{key}" which has no default value.', key)
        return default
    try:
        count = int(text.strip())
    except ValueError:
        raise ConfigError.invalid(key, text, "Not a number of type INT") from None
    if count != -1 and count < 1:
        raise ConfigError.invalid(key, text, "must be at least 1, or -1 for the broker's default")
    return count


def _any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda _: False
    return java_regex("|".join(patterns))


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
