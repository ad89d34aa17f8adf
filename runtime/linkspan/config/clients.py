"""Settings of Java's producer, consumer and admin client: what a connector's overrides are checked against.

The table ``clients.tsv`` holds the names, types, defaults, importance and limits that the clients of Apache Kafka 4.3.1
declare: clients (p, c, a), name, type, default (``!`` required, ``~`` null), importance, rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

from linkspan.api.fields import NO_DEFAULT, ConfigKey, ConfigType, Importance, Validator
from linkspan.api.validators import between, non_empty, one_of, one_of_ignoring_case, optional
from linkspan.config.definition import parse_value

__all__ = ["CLIENTS", "definition_of", "is_password"]

CLIENTS: Final = {"producer": "p", "consumer": "c", "admin": "a"}


def definition_of(client: str) -> Mapping[str, ConfigKey]:
    """Keys of ``producer``, ``consumer`` or ``admin``, by name."""
    return _DEFINITIONS[client]


def is_password(client: str, name: str) -> bool:
    """Whether a client's setting holds a password."""
    key = _DEFINITIONS[client].get(name)
    return key is not None and key.type is ConfigType.PASSWORD


def _key(client: str, row: list[str]) -> ConfigKey:
    _, name, kind, default, importance, rule = row
    return ConfigKey(
        name=name,
        type=ConfigType(kind),
        default=_default(name, default, ConfigType(kind)),
        importance=Importance(importance),
        validator=_validator(rule, ConfigType(kind)),
        doc=f"Setting of Kafka's {client} client.",
        display_name=name,
    )


def _default(name: str, text: str, kind: ConfigType) -> object:
    if text == "!":
        return NO_DEFAULT
    return None if text == "~" else parse_value(name, text, kind)


def _validator(rule: str, kind: ConfigType) -> Validator | None:
    if not rule:
        return None
    if rule == "non-empty":
        return non_empty
    if ".." in rule:
        low, _, high = rule.partition("..")
        number = float if kind is ConfigType.DOUBLE else int
        return optional(between(number(low), number(high) if high else None))
    if rule.startswith("i:"):
        return one_of_ignoring_case(*rule[2:].split("|"))
    return None if kind is ConfigType.LIST else one_of(*rule.split("|"))


def _definitions() -> dict[str, dict[str, ConfigKey]]:
    lines = resources.files("linkspan.config").joinpath("clients.tsv").read_text("ascii").splitlines()
    rows = [line.split("\t") for line in lines[1:]]
    return {client: {row[1]: _key(client, row) for row in rows if own in row[0]} for client, own in CLIENTS.items()}


_DEFINITIONS: Final = _definitions()  # read on import, so that children find it there
