"""What the worker does to the task configurations that a connector made (spec/runtime.md 4.5)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.config.providers.references import Resolution, references

__all__ = ["as_texts", "check_task_count", "finish_task_configs", "with_references"]

_SHORTEST: Final = 8
"""Characters of a value that is looked for inside of others; shorter ones may be there by chance."""

log = logging.getLogger(__name__)


def as_texts(config: Mapping[str, object]) -> dict[str, str]:
    """A task's configuration as a connector made it, written as everywhere else; what is None is left out."""
    return {
        str(key): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in config.items()
        if value is not None
    }


def check_task_count(connector: str, count: int, config: Mapping[str, str]) -> None:
    """Refuse more tasks than ``tasks.max``, or only warn when ``tasks.max.enforce`` is false.

    Raises:
        ConnectError: too many tasks.
    """
    limit = max_tasks(config)
    if count <= limit:
        return
    if config.get("tasks.max.enforce", "true").strip().lower() == "false":
        log.warning(
            "The connector %s has generated %d tasks, which is greater than %d, the maximum number of tasks it is "
            "configured to create. This behavior should be considered a bug and will be disallowed in future releases "
            "of Kafka Connect. Please report this to the maintainers of the connector and request that they adjust "
            "their connector's taskConfigs() method to respect the maxTasks parameter.",
            connector,
            count,
            limit,
        )
        return
    message = (
        f"The connector {connector} has generated {count} tasks, which is greater than {limit}, the maximum number of "
        "tasks it is configured to create. This behaviour should be considered a bug and is disallowed. If necessary, "
        "it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false; however, this "
        "option will be removed in a future release of Kafka Connect."
    )
    raise ConnectError(message)


def max_tasks(config: Mapping[str, str]) -> int:
    """The connector's ``tasks.max``.

    Raises:
        ConfigError: it is no number; it was one when it was validated, but may stand for something else by now.
    """
    text = config.get("tasks.max", "1")
    try:
        return int(text.strip())
    except ValueError:
        raise ConfigError.invalid("tasks.max", text, "Not a number of type INT") from None


def finish_task_configs(
    connector: str, made: Sequence[Mapping[str, str]], config: Mapping[str, str], task_class: str
) -> list[dict[str, str]]:
    """Add what every task configuration carries: its class, and the topics of a sink.

    Raises:
        ConnectError: more tasks than allowed.
    """
    check_task_count(connector, len(made), config)
    finished = []
    for task in made:
        whole = dict(task)
        whole["task.class"] = task_class
        for key in ("topics", "topics.regex"):
            if key in config:
                whole[key] = config[key]
        finished.append(whole)
    return finished


def with_references(made: Sequence[Mapping[str, str]], connector: Resolution) -> list[dict[str, str]]:
    """Task configurations as they are stored and shown: with references instead of what these stand for (spec 4.5).

    A key that has a reference in the connector's configuration gets that text back, as with Kafka. Beyond that, a value
    that is found under another key, or inside of another value, becomes its reference.

    Args:
        made: complete, as the connector made them.
        connector: its configuration.
    """
    back = {key: value for key, value in connector.written.items() if value is not None and any(references(value))}
    known = sorted(
        ((value, text) for text, value in connector.values.items() if len(value) >= _SHORTEST),
        key=lambda pair: len(pair[0]),
        reverse=True,
    )
    return [
        {key: back[key] if key in back else _hidden(key, value, known) for key, value in task.items()} for task in made
    ]


def _hidden(key: str, value: str, known: Sequence[tuple[str, str]]) -> str:
    if key == "task.class":
        return value
    for secret, reference in known:
        if secret in value:
            value = value.replace(secret, reference)
    return value
