"""Whether a submitted connector configuration is right: ConfigInfos, key by key (spec/runtime.md 1.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from linkspan.api import Config, ConfigError, ConnectError, Connector, NotFoundError
from linkspan.api.fields import HIGH, MEDIUM, ConfigKey, ConfigType, Recommender, Validator, Width
from linkspan.config import policy
from linkspan.config.clients import definition_of
from linkspan.config.definition import ConfigDef, ConfigValue
from linkspan.config.regex import java_regex
from linkspan.config.render import config_infos, key_info, value_info
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.definitions import connector_definition, plugin_keys
from linkspan.plugins.loading import load

__all__ = ["validate_connector"]

Json = dict[str, Any]
Props = Mapping[str, str | None]

_CONVERTERS: Final = {
    "key.converter": ("converter", "Converter"),
    "value.converter": ("converter", "Converter"),
    "header.converter": ("header_converter", "HeaderConverter"),
}
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
        ConfigError: there is no ``connector.class``, or no such class: nothing can be said about the rest.
    """
    name = props.get("connector.class")
    if name is None:
        shown = ", ".join(f"{key}={value}" for key, value in props.items())
        raise ConfigError(f"Connector config {{{shown}}} contains no connector type", "connector.class")
    try:
        info = catalog.find("connector", name.strip())
    except NotFoundError as error:
        raise ConfigError(error.message, "connector.class") from error
    connector = load(info)()
    framework = _framework(catalog, info, props, worker)
    values = {value.name: value for value in framework.validate(props)}
    _null_values(values, props)
    _check_sink(info, values, props)
    own = ConfigDef(plugin_keys(type(connector)))
    values.update({value.name: value for value in own.validate(props)})
    _connector_rules(connector, own, values, props)
    definition = framework.merged(own)
    infos = config_infos(name, definition, values, list(dict.fromkeys([*framework.groups, *own.groups])))
    for appended, groups in _appended(catalog, info, values, props, worker):
        infos["configs"] += appended
        infos["error_count"] += sum(bool(item["value"]["errors"]) for item in appended)
        infos["groups"] = list(dict.fromkeys([*infos["groups"], *groups]))
    return infos


class _Choice(Recommender):
    """Offers a fixed list."""

    def __init__(self, values: list[str]) -> None:
        self._values = values

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> list[str]:  # noqa: ARG002 - always the same
        return self._values


def _framework(catalog: Catalog, info: PluginInfo, props: Props, worker: Mapping[str, str]) -> ConfigDef:
    """The framework's keys, with what depends on this worker and on the aliases of transforms and predicates."""
    definition = ConfigDef(_fitted(key, catalog, info, props, worker) for key in connector_definition(info))
    for role, kind in (("transforms", "transformation"), ("predicates", "predicate")):
        for alias in _aliases(props.get(role)):
            definition = _with_alias(definition, catalog, props, role, kind, alias)
    return definition


def _fitted(key: ConfigKey, catalog: Catalog, info: PluginInfo, props: Props, worker: Mapping[str, str]) -> ConfigKey:
    if key.name in _CONVERTERS:
        kind, interface = _CONVERTERS[key.name]
        default = worker.get(key.name)
        offered = [plugin.class_name for plugin in catalog.of_kind(kind)]
        return replace(
            key,
            default=_full_name(catalog, kind, default) if default else key.default,
            validator=_class_of(catalog, kind, interface),
            recommender=_Choice(offered),
        )
    if key.name == "connector.plugin.version":
        return replace(key, recommender=_Choice([info.version]), validator=_version_of(info))
    role = key.name.removesuffix(".plugin.version")
    if role != key.name and role in _CONVERTERS:
        chosen = props.get(role) or worker.get(role)
        version = _version(catalog, _CONVERTERS[role][0], chosen)
        return replace(key, default=version, recommender=_Choice([version] if version else []))
    return key


def _with_alias(definition: ConfigDef, catalog: Catalog, props: Props, role: str, kind: str, alias: str) -> ConfigDef:
    noun, article = ("transformation", "Transformation") if role == "transforms" else ("predicate", "Predicate")
    prefix, group = f"{role}.{alias}.", f"{article}s: {alias}" if role == "predicates" else f"Transforms: {alias}"
    offered = [plugin.class_name for plugin in catalog.of_kind(kind)]
    type_key = ConfigKey(
        name="type",
        type=ConfigType.CLASS,
        importance=HIGH,
        doc=f"Class for the '{alias}' {noun}.",
        order=0,
        width=Width.LONG,
        display_name=f"{article} type for {alias}",
        recommender=_Choice(offered),
    )
    # The class is judged under its full key, as the original does.
    head = ConfigDef([]).embed(prefix, group, 0, ConfigDef([type_key]))
    full = head.keys[f"{prefix}type"]
    head = ConfigDef([replace(full, validator=_class_of(catalog, kind, article))])
    chosen = (props.get(f"{prefix}type") or "").strip()
    try:
        plugin = load(catalog.find(kind, chosen)) if chosen else None
    except ConnectError:
        plugin = None
    own = list(plugin_keys(plugin)) if plugin is not None else []
    own = [key for key in own if role == "predicates" or key.name not in ("predicate", "negate")]
    if role == "transforms":
        own += _PREDICATE_KEYS
    keys = [replace(key, order=place, group=None) for place, key in enumerate(own, 1)]
    return definition.merged(head).merged(ConfigDef([]).embed(prefix, group, 0, ConfigDef(keys)))


_PREDICATE_KEYS: Final = [
    ConfigKey(
        name="negate",
        type=ConfigType.BOOLEAN,
        default=False,
        importance=MEDIUM,
        doc="Whether the configured predicate should be negated.",
        display_name="negate",
    ),
    ConfigKey(
        name="predicate",
        type=ConfigType.STRING,
        default=None,
        importance=MEDIUM,
        doc="The alias of a predicate used to determine whether to apply this transformation.",
        display_name="predicate",
    ),
]


def _aliases(text: str | None) -> list[str]:
    return list(dict.fromkeys(alias.strip() for alias in (text or "").split(",") if alias.strip()))


def _class_of(catalog: Catalog, kind: str, interface: str) -> Validator:
    def check(key: str, value: object) -> None:
        if value is None:
            return
        name = str(value)
        try:
            info = catalog.find(kind, name)
        except ConfigError as error:
            raise ConfigError.invalid(key, value, error.message) from error
        except NotFoundError:
            try:
                other = catalog.find(None, name)
            except ConnectError:
                raise ConfigError.invalid(key, value, f"Class {name} could not be found.") from None
            raise ConfigError(f"Class {other.class_name} does not implement the {interface} interface", key) from None
        if info.error is not None:
            raise ConfigError.invalid(key, value, f"Class {name} cannot be used: {info.error}")

    return check


def _version_of(info: PluginInfo) -> Validator:
    def check(key: str, value: object) -> None:
        if value not in (None, info.version):
            raise ConfigError(
                f"Plugin {info.class_name} not found that matches the version range [{value},{value}], available "
                f"versions: [{info.version}]",
                key,
            )

    return check


def _full_name(catalog: Catalog, kind: str, name: str) -> str:
    try:
        return catalog.find(kind, name).class_name
    except ConnectError:
        return name


def _version(catalog: Catalog, kind: str, name: str | None) -> str | None:
    try:
        return catalog.find(kind, name).version if name else None
    except ConnectError:
        return None


def _null_values(values: dict[str, ConfigValue], props: Props) -> None:
    for key, value in props.items():
        if value is None:
            entry = values.setdefault(key, ConfigValue(key))
            entry.errors.append("Null value can not be supplied as the configuration value.")


def _check_sink(info: PluginInfo, values: dict[str, ConfigValue], props: Props) -> None:
    if info.kind != "sink":
        return
    topics = _aliases(props.get("topics"))
    pattern = (props.get("topics.regex") or "").strip()
    if bool(topics) == bool(pattern):
        for key in ("topics", "topics.regex"):
            values[key].errors.append(_BOTH_TOPICS if topics else _NO_TOPICS)
    dead = (props.get(_DLQ) or "").strip()
    if dead and dead in topics:
        values["topics"].errors.append(
            f"The DLQ topic '{dead}' may not be included in the list of topics ({','.join(topics)}) consumed by the "
            "connector"
        )
    elif dead and pattern and _matches(pattern, dead):
        values["topics.regex"].errors.append(
            f"The DLQ topic '{dead}' may not be matched by the regular expression ({pattern}) for topics consumed by "
            "the connector"
        )


def _matches(pattern: str, topic: str) -> bool:
    try:
        return java_regex(pattern)(topic)
    except ConfigError:
        return False  # reported with the key itself


def _connector_rules(connector: Connector[Any], own: ConfigDef, values: dict[str, ConfigValue], props: Props) -> None:
    """Ask the plugin about what concerns several keys, once every single key is fine."""
    if any(values[key].errors for key in own.keys):
        return
    config_class = type(connector).config_class
    config: Config = config_class({key: values[key].value for key in own.keys}, props)
    problems = list(config_class.check(config))
    if not problems:
        problems = list(connector.validate(config))
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
    chosen = worker.get("connector.client.config.override.policy", "All")
    overrides: list[tuple[list[Json], list[str]]] = [
        (_overrides(client, props, chosen), []) for client, used in clients.items() if used
    ]
    own = [key for key in ("header.converter", "key.converter", "value.converter") if props.get(key)]
    return overrides + [_converter(catalog, key, props) for key in own if not values[key].errors]


def _overrides(client: str, props: Props, chosen: str) -> list[Json]:
    prefix = f"{client}.override."
    entries = []
    for full, text in props.items():
        if not full.startswith(prefix):
            continue
        name = full.removeprefix(prefix)
        key = definition_of(client).get(name)
        value = ConfigDef([key]).validate({name: text})[0] if key is not None else ConfigValue(name, text)
        refused = policy.refusal(chosen, name)
        if refused is not None:
            value.errors.append(refused)
        entries.append(
            {
                "definition": None if key is None else key_info(key, prefix),
                "value": value_info(value, None if key is None else key.type, prefix),
            }
        )
    return entries


def _converter(catalog: Catalog, key: str, props: Props) -> tuple[list[Json], list[str]]:
    kind, _ = _CONVERTERS[key]
    plugin = load(catalog.find(kind, (props[key] or "").strip()))
    prefix = f"{key}."
    own = {name.removeprefix(prefix): value for name, value in props.items() if name.startswith(prefix)}
    own.setdefault("converter.type", key.removesuffix(".converter"))
    definition = ConfigDef(plugin_keys(plugin))
    entries = [
        {
            "definition": key_info(definition.keys[value.name], prefix),
            "value": value_info(value, definition.keys[value.name].type, prefix),
        }
        for value in definition.validate(own)
    ]
    return entries, definition.groups
