"""Ready-made checks for configuration values, with Kafka's messages (spec/runtime.md 5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan.api.errors import ConfigError
from linkspan.api.fields import Validator
from linkspan.api.text import double_text

__all__ = [
    "at_least",
    "between",
    "distinct_items",
    "non_empty",
    "non_null",
    "one_of",
    "one_of_ignoring_case",
    "optional",
    "some_distinct_items",
]


def at_least(minimum: float) -> Validator:
    """The number is ``minimum`` or more."""
    return between(minimum, None)


def between(minimum: float | None, maximum: float | None) -> Validator:
    """The number lies between the two, both included; None leaves a side open."""

    def check(key: str, value: object) -> None:
        if value is None:
            raise ConfigError.invalid(key, None, "Value must be non-null")
        if not isinstance(value, int | float):
            raise ConfigError.invalid(key, value, "Value must be a number")
        shown = double_text(value) if isinstance(value, float) else value
        if minimum is not None and value < minimum:
            raise ConfigError.invalid(key, shown, f"Value must be at least {minimum}")
        if maximum is not None and value > maximum:
            raise ConfigError.invalid(key, shown, f"Value must be no more than {maximum}")

    return check


def one_of(*choices: str | None) -> Validator:
    """The text is exactly one of these."""

    def check(key: str, value: object) -> None:
        if value not in choices:
            raise ConfigError.invalid(key, value, f"String must be one of: {_joined(choices)}")

    return check


def one_of_ignoring_case(*choices: str) -> Validator:
    """The text is one of these in any case."""
    folded = {choice.casefold() for choice in choices}
    capitals = [choice.upper() for choice in choices]

    def check(key: str, value: object) -> None:
        if not isinstance(value, str) or value.casefold() not in folded:
            raise ConfigError.invalid(key, value, f"String must be one of (case insensitive): {_joined(capitals)}")

    return check


def non_empty(key: str, value: object) -> None:
    """The text, if there is one, is not empty (Kafka's NonEmptyString)."""
    if value == "":
        raise ConfigError.invalid(key, value, "String must be non-empty")


def distinct_items(key: str, value: object) -> None:
    """The list, even an empty one, has distinct texts that are not empty (Kafka's ValidList)."""
    if value is None:
        raise ConfigError(f"Configuration '{key}' values must not be null.", key)
    if isinstance(value, list) and len(set(value)) < len(value):
        raise ConfigError(f"Configuration '{key}' values must not be duplicated.", key)
    if isinstance(value, list) and "" in value:
        raise ConfigError(f"Configuration '{key}' values must not be empty.", key)


def some_distinct_items(key: str, value: object) -> None:
    """As :func:`distinct_items`, and the list is not empty."""
    if value == []:
        raise ConfigError(f"Configuration '{key}' must not be empty. Valid values include: any non-empty value", key)
    distinct_items(key, value)


def non_null(key: str, value: object) -> None:
    """There is a value (Kafka's NonNullValidator)."""
    if value is None:
        raise ConfigError.invalid(key, None, "entry must be non null")


def optional(validator: Validator) -> Validator:
    """Null is fine, anything else is checked."""

    def check(key: str, value: object) -> None:
        if value is not None:
            validator(key, value)

    return check


def _joined(choices: Sequence[str | None]) -> str:
    return ", ".join("null" if choice is None else choice for choice in choices)
