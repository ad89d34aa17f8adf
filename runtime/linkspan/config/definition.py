"""Kafka's ConfigDef: parses and checks submitted texts against declared keys (spec/runtime.md 5.1, 1.9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from linkspan.api.errors import ConfigError
from linkspan.api.fields import Config, ConfigKey, ConfigType, Recommender, Secret, Validator

__all__ = ["TRIMMED", "ConfigDef", "ConfigValue", "load", "parse_value"]

ConfigT = TypeVar("ConfigT", bound=Config)

_BITS: Final = {ConfigType.SHORT: 16, ConfigType.INT: 32, ConfigType.LONG: 64}
_WHOLE: Final = re.compile(r"[+-]?\d+")
_DECIMAL: Final = re.compile(r"[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?)")
_HEXADECIMAL: Final = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+[fFdD]?")
_COMMA: Final = re.compile(r"\s*,\s*", re.ASCII)
TRIMMED: Final = "".join(map(chr, range(0x21)))
"""What Java's trim() takes away: everything up to the blank, and no other spaces."""


@dataclass(slots=True)
class ConfigValue:
    """What became of one key of a submitted configuration.

    Attributes:
        name: the key.
        value: its parsed value, or None when it is missing or malformed.
        recommended_values: values to offer instead.
        errors: messages, none when all is well.
        visible: whether the key matters, given the other values.
    """

    name: str
    value: object = None
    recommended_values: list[object] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    visible: bool = True


class ConfigDef:
    """An ordered set of keys.

    Args:
        keys: the declared keys; a later one of the same name takes the place of an earlier one.
    """

    def __init__(self, keys: Iterable[ConfigKey]) -> None:
        self.keys: dict[str, ConfigKey] = {key.name: key for key in keys}

    @property
    def groups(self) -> list[str]:
        """Headings in the order in which they first occur."""
        return list(dict.fromkeys(key.group for key in self.keys.values() if key.group is not None))

    def parse(self, props: Mapping[str, str | None]) -> dict[str, object]:
        """Parsed value of every key.

        Raises:
            ConfigError: the first key that is missing, malformed or refused.
        """
        parsed: dict[str, object] = {}
        for key in self.keys.values():
            present, text = _submitted(key, props)
            if present:
                parsed[key.name] = parse_value(key.name, text, key.type)
            elif key.required:
                raise _missing(key)
            else:
                parsed[key.name] = key.default
            if key.validator is not None:
                key.validator(key.name, parsed[key.name])
        return parsed

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """Check every key; like :meth:`parse`, but all errors are collected, none is raised."""
        values = [self._check(key, props) for key in self.keys.values()]
        parsed = {value.name: value.value for value in values}
        for value in values:
            recommender = self.keys[value.name].recommender
            if recommender is not None:
                value.recommended_values = list(recommender.valid_values(value.name, parsed))
                value.visible = recommender.is_visible(value.name, parsed)
        return values

    def _check(self, key: ConfigKey, props: Mapping[str, str | None]) -> ConfigValue:
        result = ConfigValue(key.name)
        present, text = _submitted(key, props)
        try:
            if present:
                result.value = parse_value(key.name, text, key.type)
            elif key.required:
                raise _missing(key)
            else:
                result.value = key.default
        except ConfigError as error:
            result.errors.append(error.message)
        if key.validator is not None:
            # As in Kafka, the check also sees the null of a missing or malformed value.
            try:
                key.validator(key.name, result.value)
            except ConfigError as error:
                result.errors.append(error.message)
        return result

    def merged(self, other: ConfigDef) -> ConfigDef:
        """These keys, then those of ``other``; a key of the same name is replaced in its place."""
        return ConfigDef({**self.keys, **other.keys}.values())

    def embed(self, prefix: str, group: str, order: int, other: ConfigDef) -> ConfigDef:
        """These keys, then those of ``other`` under ``prefix`` and a group of their own.

        Args:
            prefix: put in front of every key of ``other``.
            group: heading of these keys; a key's own group is appended to it.
            order: added to each key's place in its group.
            other: the definition to take in.
        """
        inner = [
            replace(
                key,
                name=prefix + key.name,
                group=group if key.group is None else f"{group}: {key.group}",
                order=key.order + order,
                validator=_without_prefix(prefix, key.validator),
                dependents=tuple(prefix + name for name in key.dependents),
                recommender=None if key.recommender is None else _Embedded(prefix, key.recommender),
            )
            for key in other.keys.values()
        ]
        return ConfigDef([*self.keys.values(), *inner])


def load(config_class: type[ConfigT], props: Mapping[str, str | None]) -> ConfigT:
    """Build a typed configuration.

    Raises:
        ConfigError: the first key that is wrong, or the first rule between keys that is broken.
    """
    config = config_class(ConfigDef(config_class.keys).parse(props), props)
    for error in config_class.check(config):
        raise error
    return config


def parse_value(name: str, text: str | None, kind: ConfigType) -> object:
    """Value of a submitted text; null stays None.

    Raises:
        ConfigError: the text is not of that type (Kafka's wording).
    """
    if text is None:
        return None
    parse = _PARSERS.get(kind)
    return text.strip(TRIMMED) if parse is None else parse(name, text, kind)


def _boolean(name: str, text: str, _: ConfigType) -> bool:
    folded = text.strip(TRIMMED).lower()
    if folded not in ("true", "false"):
        raise ConfigError.invalid(name, text, "Expected value to be either true or false")
    return folded == "true"


def _whole(name: str, text: str, kind: ConfigType) -> int:
    trimmed = text.strip(TRIMMED)
    bits = _BITS[kind]
    # Fewer than 20 digits, so that a monstrous number costs nothing.
    if _WHOLE.fullmatch(trimmed) and len(trimmed.lstrip("+-0")) < 20:
        number = int(trimmed)
        if -(1 << (bits - 1)) <= number < 1 << (bits - 1):
            return number
    raise ConfigError.invalid(name, text, f"Not a number of type {kind.value}")


def _double(name: str, text: str, kind: ConfigType) -> float:
    trimmed = text.strip(TRIMMED)
    if _HEXADECIMAL.fullmatch(trimmed):
        return float.fromhex(trimmed.rstrip("fFdD"))
    if not _DECIMAL.fullmatch(trimmed):
        raise ConfigError.invalid(name, text, f"Not a number of type {kind.value}")
    return float(trimmed.rstrip("fFdD") if trimmed[-1] in "fFdD" else trimmed)


def _list(_: str, text: str, __: ConfigType) -> list[str]:
    trimmed = text.strip(TRIMMED)
    return _COMMA.split(trimmed) if trimmed else []


def _secret(_: str, text: str, __: ConfigType) -> Secret:
    return Secret(text.strip(TRIMMED))


_PARSERS: Final[Mapping[ConfigType, Callable[[str, str, ConfigType], object]]] = {
    ConfigType.BOOLEAN: _boolean,
    ConfigType.SHORT: _whole,
    ConfigType.INT: _whole,
    ConfigType.LONG: _whole,
    ConfigType.DOUBLE: _double,
    ConfigType.LIST: _list,
    ConfigType.PASSWORD: _secret,
}


def _submitted(key: ConfigKey, props: Mapping[str, str | None]) -> tuple[bool, str | None]:
    for name in (key.name, *key.aliases):
        if name in props:
            return True, props[name]
    return False, None


def _missing(key: ConfigKey) -> ConfigError:
    return ConfigError(f'Missing required configuration "{key.name}" which has no default value.', key.name)


class _Embedded(Recommender):
    """A recommender that sees the keys below a prefix under their own names."""

    def __init__(self, prefix: str, inner: Recommender) -> None:
        self._prefix = prefix
        self._inner = inner

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> Sequence[object]:
        return self._inner.valid_values(name.removeprefix(self._prefix), self._own(parsed))

    def is_visible(self, name: str, parsed: Mapping[str, object]) -> bool:
        return self._inner.is_visible(name.removeprefix(self._prefix), self._own(parsed))

    def _own(self, parsed: Mapping[str, object]) -> dict[str, object]:
        own = {name: value for name, value in parsed.items() if name.startswith(self._prefix)}
        return {name.removeprefix(self._prefix): value for name, value in own.items()}


def _without_prefix(prefix: str, validator: Validator | None) -> Validator | None:
    if validator is None:
        return None
    return lambda name, value: validator(name.removeprefix(prefix), value)
