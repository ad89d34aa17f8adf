"""Shows the result of a validation to others: without what references were replaced by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkspan.api.fields import ConfigType
from linkspan.config.providers.passwords import unresolved_text
from linkspan.config.providers.references import references
from linkspan.observe.hiding import hidden

__all__ = ["concealed"]

Json = dict[str, Any]


def concealed(infos: Json, written: Mapping[str, str | None], unresolved: Mapping[str, Sequence[str]]) -> Json:
    """ConfigInfos as the REST API answers it.

    A key with a reference is shown as it is written, and no message has a secret in it. A password that still is a
    reference is an error.

    Args:
        infos: of the configuration with its references replaced.
        written: the configuration as it was submitted.
        unresolved: by key, the references that nobody knows.
    """
    configs = [_entry(entry, written, unresolved) for entry in infos["configs"]]
    more = sum(
        len(new["value"]["errors"]) - len(old["value"]["errors"])
        for new, old in zip(configs, infos["configs"], strict=True)
    )
    return {**infos, "error_count": infos["error_count"] + more, "configs": configs}


def _entry(entry: Json, written: Mapping[str, str | None], unresolved: Mapping[str, Sequence[str]]) -> Json:
    definition, value = entry["definition"], entry["value"]
    name = value["name"]
    errors = [hidden(message) for message in value["errors"]]
    is_password = definition is not None and definition["type"] == ConfigType.PASSWORD.value
    if is_password and name in unresolved:
        errors.append(unresolved_text(name, unresolved[name]))
    shown = value["value"] if is_password else _shown(value["value"], written.get(name))
    offers = [None if offer is None else hidden(offer) for offer in value["recommended_values"]]
    return {**entry, "value": {**value, "value": shown, "recommended_values": offers, "errors": errors}}


def _shown(value: str | None, written: str | None) -> str | None:
    if value is None:
        return None
    return written if written is not None and any(references(written)) else hidden(value)
