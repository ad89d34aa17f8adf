"""Whether a submitted connector configuration is right: ConfigInfos, key by key (spec/runtime.md 1.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from linkspan.api import Config, ConfigError, Connector
from linkspan.api.fields import ConfigType
from linkspan.api.regex import java_regex
from linkspan.config.assignors import KEY as ASSIGNORS
from linkspan.config.assignors import assignors
from linkspan.config.clients import definition_of
from linkspan.config.connector import OWN_KEYS, OWN_SOURCE_KEYS
from linkspan.config.definition import ConfigDef, ConfigValue, parse_value
from linkspan.config.ordering import hash_order
from linkspan.config.policy import OverridePolicy, policy_of
from linkspan.config.render import config_infos, key_info, value_info
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.definitions import plugin_keys
from linkspan.plugins.framework import (
    CONVERTER_KINDS,
    VERSION_KEY,
    alias_rules,
    class_names,
    framework_keys,
    keys_without_plugin,
)
from linkspan.plugins.functions import PLUGIN_PATH, look_in
from linkspan.plugins.group_rules import check_in_group
from linkspan.plugins.loading import create, load
from linkspan.plugins.versions import missing_version

__all__ = ["validate_connector"]

Json = dict[str, Any]
Props = Mapping[str, str | None]

_DLQ: Final = "errors.deadletterqueue.topic.name"
_BOTH_TOPICS: Final = "topics and topics.regex are mutually exclusive options, but both are set."
_NO_TOPICS: Final = "Must configure one of topics or topics.regex"


def validate_connector(catalog: Catalog, props: dict[str, str | None], *, worker: Mapping[str, str]) -> Json:
    """Check a configuration; problems are in the result, not raised.

    Args:
        catalog: every plugin of the worker.
        props: the submitted configuration.
        worker: the worker's properties (converters, override policy).

    Returns:
        ConfigInfos as the REST API shows it.

    Raises:
        ConfigError: nothing can be said about the keys: there is no ``connector.class`` or no such class, a version
            cannot be understood, or a client override is malformed.
        PluginError: the connector's code cannot be loaded.
    """
    info = catalog.connector_of(props)
    name = str(props["connector.class"])
    problem = missing_version(info.class_name, VERSION_KEY, props.get(VERSION_KEY), [info.version])
    if problem is not None:
        bare = keys_without_plugin(info, problem)
        return _rendered(name, bare, {value.name: value for value in bare.validate(props)}, bare.groups, props)
    look_in(worker.get(PLUGIN_PATH))
    connector: Connector[Any] = create(info)
    framework = framework_keys(catalog, info, props, worker)
    values = {value.name: value for value in framework.validate(props)}
    class_names(catalog, values)
    alias_rules(catalog, values, props)
    if info.kind == "sink":
        _check_sink(values, props)
    check_in_group(connector, values, props, worker)
    own = ConfigDef(plugin_keys(type(connector)))
    nulls = _null_errors(props, set(own.keys))
    values.update({value.name: value for value in own.validate(props)})
    for key in nulls:
        values.setdefault(key, ConfigValue(key)).errors.append(_NULL)
    values.update({value.name: value for value in _OURS[info.kind].validate(props) if value.errors})
    _connector_rules(connector, own, values, props)
    infos = _rendered(name, framework.merged(own), values, [*framework.groups, *own.groups], props)
    for appended, groups in _appended(catalog, info, values, props, worker):
        infos["configs"] += appended
        infos["error_count"] += sum(bool(item["value"]["errors"]) for item in appended)
        infos["groups"] = list(dict.fromkeys([*infos["groups"], *groups]))
    return infos


_OURS: Final = {"source": ConfigDef([*OWN_KEYS, *OWN_SOURCE_KEYS]), "sink": ConfigDef(OWN_KEYS)}
"""Shown only when they are wrong: clients expect Kafka's keys and no others."""

_NULL: Final = "Null value can not be supplied as the configuration value."


def _rendered(
    name: str, definition: ConfigDef, values: Mapping[str, ConfigValue], groups: Sequence[str], props: Props
) -> Json:
    """ConfigInfos; values that nothing defines come in the order of Java's hash map."""
    ordered = {key: values[key] for key in hash_order([*definition.keys, *(key for key in props if key in values)])}
    ordered.update(values)
    return config_infos(name, definition, ordered, list(dict.fromkeys(groups)))


def _null_errors(props: Props, own: set[str]) -> list[str]:
    """Submitted keys without a value; a connector's own keys are left to the connector."""
    return [key for key, value in props.items() if value is None and key not in own]


def _check_sink(values: dict[str, ConfigValue], props: Props) -> None:
    has_topics = bool((props.get("topics") or "").strip())
    pattern = (props.get("topics.regex") or "").strip()
    if has_topics == bool(pattern):
        for key in ("topics", "topics.regex"):
            values[key].errors.append(_BOTH_TOPICS if has_topics else _NO_TOPICS)
    dead = (props.get(_DLQ) or "").strip()
    topics = values["topics"].value
    if dead and isinstance(topics, list) and dead in topics:
        values["topics"].errors.append(
            f"The DLQ topic '{dead}' may not be included in the list of topics ('topics=[{', '.join(topics)}]') "
            "consumed by the connector"
        )
    if dead and pattern and _matches(pattern, dead):
        values["topics.regex"].errors.append(
            f"The DLQ topic '{dead}' may not be matched by the regex for the topics ('topics.regex={pattern}') "
            "consumed by the connector"
        )


def _matches(pattern: str, topic: str) -> bool:
    try:
        return java_regex(pattern)(topic)
    except ConfigError:
        return False  # reported with the key itself


def _connector_rules(connector: Connector[Any], own: ConfigDef, values: dict[str, ConfigValue], props: Props) -> None:
    """Ask the plugin about what concerns several keys, once every single key of its own is fine."""
    if any(values[key].errors for key in own.keys):
        return
    config_class = type(connector).config_class
    config: Config = config_class({key: values[key].value for key in own.keys}, props)
    try:
        problems = list(config_class.check(config)) or list(connector.validate(config))
    except ConfigError as error:
        problems = [error]
    for problem in problems:
        key = problem.key or "connector.class"
        values.setdefault(key, ConfigValue(key, props.get(key))).errors.append(problem.message)


def _appended(
    catalog: Catalog, info: PluginInfo, values: dict[str, ConfigValue], props: Props, worker: Mapping[str, str]
) -> list[tuple[list[Json], list[str]]]:
    """Entries that follow the connector's own: client overrides, then converters the connector chose itself."""
    dead = bool((props.get(_DLQ) or "").strip())
    creates = any(key.startswith("topic.creation.") for key in props)
    clients = {
        "producer": info.kind == "source" or dead,
        "consumer": info.kind == "sink",
        "admin": dead if info.kind == "sink" else creates,
    }
    policy = policy_of(worker)
    overrides: list[tuple[list[Json], list[str]]] = [
        (_overrides(client, props, policy), []) for client, used in clients.items() if used
    ]
    own = [key for key in ("header.converter", "key.converter", "value.converter") if props.get(key)]
    return overrides + [_converter(catalog, key, props) for key in own if not values[key].errors]


def _overrides(client: str, props: Props, policy: OverridePolicy) -> list[Json]:
    """Overrides of one client, parsed by the client's definition; its limits apply when the client is made.

    What our client lacks is said at once.
    """
    prefix = f"{client}.override."
    definition = definition_of(client)
    entries = []
    for name in hash_order(key.removeprefix(prefix) for key in props if key.startswith(prefix)):
        text = props[prefix + name]
        key = definition.get(name)
        kind = ConfigType.STRING if key is None else key.type
        refusals = (policy.refusal(name), _lacking(client, name, text))
        value = ConfigValue(
            name,
            text if key is None else parse_value(prefix + name, text, kind),
            errors=[refusal for refusal in refusals if refusal is not None],
        )
        entries.append(
            {
                "definition": None if key is None else key_info(key, prefix),
                "value": value_info(value, None if key is None else kind, prefix),
            }
        )
    return entries


def _lacking(client: str, name: str, text: str | None) -> str | None:
    """Why an override cannot be honoured, though it could by the original's client; None when it can."""
    if (client, name) != ("consumer", ASSIGNORS) or text is None:
        return None
    try:
        assignors(text, f"{client}.override.{name}")
    except ConfigError as error:
        return error.message
    return None


def _converter(catalog: Catalog, key: str, props: Props) -> tuple[list[Json], list[str]]:
    plugin = load(catalog.find(CONVERTER_KINDS[key], (props[key] or "").strip()))
    prefix = f"{key}."
    own = {name.removeprefix(prefix): value for name, value in props.items() if name.startswith(prefix)}
    own.setdefault("converter.type", key.removesuffix(".converter"))
    definition = ConfigDef(plugin_keys(plugin))
    values = {value.name: value for value in definition.validate(own)}
    ordered = [definition.keys[name] for name in hash_order(definition.keys)]
    entries = [
        {"definition": key_info(item, prefix), "value": value_info(values[item.name], item.type, prefix)}
        for item in ordered
    ]
    return entries, list(dict.fromkeys(item.group for item in ordered if item.group is not None))
