"""Metadata and rules that come along with schemas and configurations: kept and handed out, not acted on."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["checked_metadata", "checked_rules"]

_GROUPS: Final = ("migrationRules", "domainRules", "encodingRules")


def checked_metadata(value: object) -> dict[str, Any] | None:
    """Metadata of the right form; numbers and booleans become texts. Raises ValueError for anything else."""
    if value is None:
        return None
    body = _object(value, "metadata")
    made: dict[str, Any] = {}
    if body.get("tags") is not None:
        made["tags"] = {name: _texts(tags, f"tags of {name}") for name, tags in _object(body["tags"], "tags").items()}
    if body.get("properties") is not None:
        made["properties"] = _map(body["properties"], "properties")
    if body.get("sensitive") is not None:
        made["sensitive"] = _texts(body["sensitive"], "sensitive")
    return made


def checked_rules(value: object) -> dict[str, Any] | None:
    """A set of rules of the right form. Raises ValueError for anything else."""
    if value is None:
        return None
    body = _object(value, "ruleSet")
    made: dict[str, Any] = {}
    for group in _GROUPS:
        if body.get(group) is not None:
            made[group] = [_rule(item) for item in _list(body[group], group)]
            names = [rule.get("name") for rule in made[group]]
            if len(set(names)) < len(names):
                raise ValueError(f"{group} has two rules of the same name")
    if body.get("enableAt") is not None:
        made["enableAt"] = _text(body["enableAt"], "enableAt")
    return made


def _rule(item: object) -> dict[str, Any]:
    body = _object(item, "each rule")
    made: dict[str, Any] = {}
    for name, value in body.items():
        if value is None:
            continue
        if name == "tags":
            made[name] = _texts(value, "tags of a rule")
        elif name == "params":
            made[name] = _map(value, "params of a rule")
        elif name == "disabled":
            made[name] = value is True or value == "true"
        else:
            made[name] = _text(value, f"{name} of a rule")
    return made


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object")  # noqa: TRY004 - a malformed body
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{what} must be a list")  # noqa: TRY004 - as above
    return value


def _texts(value: object, what: str) -> list[str]:
    return [_text(item, what) for item in _list(value, what)]


def _map(value: object, what: str) -> dict[str, str]:
    return {name: _text(item, what) for name, item in _object(value, what).items() if item is not None}


def _text(value: object, what: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{what} must be a text")
