"""Definitions and values as the REST API shows them, field by field in Kafka's order (spec/runtime.md 1.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkspan.api.fields import ConfigKey, ConfigType
from linkspan.api.text import java_text
from linkspan.config.definition import ConfigDef, ConfigValue

__all__ = ["config_infos", "key_info", "text_of", "value_info"]

Json = dict[str, Any]


def text_of(value: object, kind: ConfigType | None) -> str | None:
    """A parsed value as text: lists joined by commas, passwords hidden, null as None."""
    if value is None:
        return None
    if kind is ConfigType.LIST and isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(str(item) for item in value)
    return java_text(value)


def key_info(key: ConfigKey, prefix: str = "") -> Json:
    """ConfigKeyInfo of one key."""
    return {
        "name": prefix + key.name,
        "type": key.type.value,
        "required": key.required,
        "default_value": None if key.required else text_of(key.default, key.type),
        "importance": key.importance.value,
        "documentation": key.doc,
        "group": key.group,
        "order_in_group": key.order,
        "width": key.width.value,
        "display_name": key.display_name or key.name,
        "dependents": list(key.dependents),
    }


def value_info(value: ConfigValue, kind: ConfigType | None, prefix: str = "") -> Json:
    """ConfigValueInfo of one value."""
    return {
        "name": prefix + value.name,
        "value": text_of(value.value, kind),
        "recommended_values": [text_of(item, kind) for item in value.recommended_values],
        "errors": list(value.errors),
        "visible": value.visible,
    }


def config_infos(name: str, definition: ConfigDef, values: Mapping[str, ConfigValue], groups: Sequence[str]) -> Json:
    """ConfigInfos: values without definition first, then one entry a key of the definition, in order.

    Args:
        name: text of ``connector.class`` as it was submitted.
        definition: all keys.
        values: result of the check, by key.
        groups: headings in order.
    """
    unknown = [value for key, value in values.items() if key not in definition.keys]
    configs: list[Json] = [{"definition": None, "value": value_info(value, None)} for value in unknown]
    for key in definition.keys.values():
        value = values.get(key.name, ConfigValue(key.name))
        configs.append({"definition": key_info(key), "value": value_info(value, key.type)})
    return {
        "name": name,
        "error_count": sum(len(value.errors) for value in values.values()),
        "groups": list(groups),
        "configs": configs,
    }
