"""Settings from environment variables, as the images of Kafka Connect that people know take them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

__all__ = ["REQUIRED", "missing_variables", "registry_settings", "worker_settings"]

PREFIX: Final = "CONNECT_"
REGISTRY_PREFIX: Final = "SCHEMA_REGISTRY_"
REQUIRED: Final = {
    "distributed": (
        "bootstrap.servers",
        "group.id",
        "config.storage.topic",
        "offset.storage.topic",
        "status.storage.topic",
        "key.converter",
        "value.converter",
    ),
    "standalone": ("key.converter", "value.converter"),
}
"""Keys without which a worker of either kind cannot run."""

_FOR_THE_IMAGE: Final = ("CONNECT_LOG4J_", "CONNECT_CUB_", "CONNECT_PROPERTIES_DIR", "CONNECT_REST_PORT")
_FOR_THE_REGISTRY_IMAGE: Final = (
    "SCHEMA_REGISTRY_LOG4J_",
    "SCHEMA_REGISTRY_CUB_",
    "SCHEMA_REGISTRY_OPTS",
    "SCHEMA_REGISTRY_HEAP_OPTS",
    "SCHEMA_REGISTRY_JMX_",
)
"""Variables for what surrounds the worker; they are no settings of it."""

_UNDERSCORES: Final = re.compile(r"_+")
_MEANING: Final = {"_": ".", "__": "-", "___": "_"}


def worker_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Worker properties: ``CONNECT_FOO_BAR`` is ``foo.bar``; two underscores are a dash, three are one underscore."""
    return dict(sorted(_settings(environment, PREFIX, _FOR_THE_IMAGE)))


def registry_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Properties of the schema registry, likewise: ``SCHEMA_REGISTRY_FOO_BAR`` is ``foo.bar``.

    Some keys of Confluent's registry begin with the prefix themselves; their variables have it twice.
    """
    return dict(sorted(_settings(environment, REGISTRY_PREFIX, _FOR_THE_REGISTRY_IMAGE)))


def missing_variables(mode: str, settings: Mapping[str, str]) -> list[str]:
    """Names of the variables that have to be set and are not.

    Args:
        mode: ``standalone`` or ``distributed``.
        settings: all there is, from variables and from a file.
    """
    return [variable_of(key) for key in REQUIRED[mode] if not settings.get(key)]


def variable_of(key: str) -> str:
    """The variable that sets a key."""
    escaped = {text: underscores for underscores, text in _MEANING.items()}
    return PREFIX + "".join(escaped.get(letter, letter) for letter in key).upper()


def _settings(environment: Mapping[str, str], prefix: str, for_the_image: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        rest = name.removeprefix(prefix)
        if rest not in {name, ""} and not name.startswith(for_the_image):
            yield _UNDERSCORES.sub(lambda run: _MEANING.get(run[0], run[0]), rest.lower()), value
