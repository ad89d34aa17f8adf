"""The framework's keys for one submitted configuration (spec/runtime.md 1.9, 5.5).

Defaults, offers and checks depend on what plugins there are; transforms and predicates bring keys of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from linkspan.api import Config, ConfigError, ConnectError, NotFoundError
from linkspan.api.fields import HIGH, MEDIUM, ConfigKey, ConfigType, Importance, Recommender, Validator, Width
from linkspan.config.connector import ConnectorConfig
from linkspan.config.definition import ConfigDef, ConfigValue, parse_value
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.definitions import connector_definition, plugin_keys
from linkspan.plugins.loading import load
from linkspan.plugins.versions import missing_version

__all__ = [
    "CONVERTER_KINDS",
    "VERSION_KEY",
    "alias_rules",
    "check_converters",
    "class_names",
    "framework_keys",
    "keys_without_plugin",
]

Props = Mapping[str, str | None]

VERSION_KEY: Final = "connector.plugin.version"
CONVERTER_KINDS: Final = {
    "key.converter": "converter",
    "value.converter": "converter",
    "header.converter": "header_converter",
}
"""Keys that name a converter, and the kind of plugin each wants."""

_INTERFACES: Final = {
    "converter": "Converter",
    "header_converter": "HeaderConverter",
    "transformation": "Transformation",
    "predicate": "Predicate",
}
_ROLES: Final = {"transforms": "transformation", "predicates": "predicate"}
_DEFAULTS: Final = {"header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter"}
_IMPORTANCES: Final = list(Importance)


def framework_keys(catalog: Catalog, info: PluginInfo, props: Props, worker: Mapping[str, str]) -> ConfigDef:
    """All keys of the framework, with what depends on this worker and on the aliases of transforms and predicates."""
    definition = ConfigDef(_fitted(key, catalog, info, props, worker) for key in connector_definition(info))
    for role, kind in _ROLES.items():
        for alias in dict.fromkeys(_items(role, props.get(role))):
            definition = definition.merged(_alias_keys(catalog, props, role, kind, alias))
    return definition


def keys_without_plugin(info: PluginInfo, problem: str) -> ConfigDef:
    """The keys common to all connectors, for a connector whose wanted version there is not.

    Args:
        info: the version that there is.
        problem: message for the class and for the version.
    """

    def refuse(key: str, _: object) -> None:
        raise ConfigError(problem, key)

    def fit(key: ConfigKey) -> ConfigKey:
        if key.name == VERSION_KEY:
            return replace(key, default=info.version, recommender=_Choice([info.version]), validator=refuse)
        if key.name == "connector.class":
            return replace(key, validator=refuse)
        role = key.name.removesuffix(".plugin.version")
        if role != key.name and role in CONVERTER_KINDS:
            return replace(key, recommender=_Hidden())
        return key

    return ConfigDef(map(fit, ConnectorConfig.keys))


def check_converters(catalog: Catalog, props: Props) -> None:
    """Refuse a configuration that names a converter which is not there, or not in the version asked for.

    Raises:
        ConfigError: names the key.
    """
    for key, kind in CONVERTER_KINDS.items():
        _class_of(catalog, kind, props.get(f"{key}.plugin.version"))(key, props.get(key))


def class_names(catalog: Catalog, values: Mapping[str, ConfigValue]) -> None:
    """Replace short names of converters, transforms and predicates by class names; unknown ones by None."""
    kinds = dict(CONVERTER_KINDS)
    for role, kind in _ROLES.items():
        aliases = values[role].value
        kinds.update({f"{role}.{alias}.type": kind for alias in (aliases if isinstance(aliases, list) else ())})
    for name, kind in kinds.items():
        value = values.get(name)
        if value is not None and value.value is not None:
            named = str(value.value)
            found = _found(catalog, kind, named) or _found(catalog, None, named)
            if found is not None:
                value.value = found.class_name
            elif not _of_both_sides(catalog, kind, named):
                value.value = None


def alias_rules(catalog: Catalog, values: Mapping[str, ConfigValue], props: Props) -> None:
    """Add what is wrong between several keys of a transform or predicate, each of which is fine by itself."""
    for role, kind in _ROLES.items():
        for alias in dict.fromkeys(_items(role, props.get(role))):
            prefix = f"{role}.{alias}."
            chosen = values.get(f"{prefix}type")
            found = None if chosen is None or chosen.errors else _found(catalog, kind, str(chosen.value))
            if found is not None:
                for problem in _broken_rules(load(found).config_class, values, props, prefix):
                    values[f"{prefix}{problem.key or 'type'}"].errors.append(f"{role}.{alias}: {problem.message}")


def _broken_rules(
    config_class: type[Config], values: Mapping[str, ConfigValue], props: Props, prefix: str
) -> Sequence[ConfigError]:
    own = {key.name: values[f"{prefix}{key.name}"] for key in config_class.keys if f"{prefix}{key.name}" in values}
    if any(value.errors for value in own.values()) or len(own) < len(config_class.keys):
        return ()
    submitted = {name.removeprefix(prefix): text for name, text in props.items() if name.startswith(prefix)}
    return config_class.check(config_class({name: value.value for name, value in own.items()}, submitted))


class _Choice(Recommender):
    """Offers a fixed list."""

    def __init__(self, values: Sequence[str]) -> None:
        self._values = values

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> Sequence[str]:  # noqa: ARG002 - always the same
        return self._values


class _Hidden(Recommender):
    """For a key that does not matter."""

    def is_visible(self, name: str, parsed: Mapping[str, object]) -> bool:  # noqa: ARG002 - always the same
        return False


class _Versions(Recommender):
    """Offers the version of the chosen converter; without one the key does not matter."""

    def __init__(self, catalog: Catalog, role: str) -> None:
        self._catalog = catalog
        self._role = role

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> list[str]:  # noqa: ARG002 - one key only
        chosen = parsed[self._role]
        found = None if chosen is None else _found(self._catalog, CONVERTER_KINDS[self._role], str(chosen))
        return [] if found is None else [found.version]

    def is_visible(self, name: str, parsed: Mapping[str, object]) -> bool:  # noqa: ARG002 - one key only
        chosen = parsed[self._role]
        return chosen is not None and _found(self._catalog, None, str(chosen)) is not None


def _fitted(key: ConfigKey, catalog: Catalog, info: PluginInfo, props: Props, worker: Mapping[str, str]) -> ConfigKey:
    if key.name in CONVERTER_KINDS:
        kind = CONVERTER_KINDS[key.name]
        default = worker.get(key.name, _DEFAULTS.get(key.name))
        found = None if default is None else _found(catalog, kind, default)
        return replace(
            key,
            default=default if found is None else found.class_name,
            validator=_class_of(catalog, kind, props.get(f"{key.name}.plugin.version")),
            recommender=_Choice([plugin.class_name for plugin in catalog.of_kind(kind)]),
        )
    if key.name == VERSION_KEY:
        return replace(key, recommender=_Choice([info.version]))
    role = key.name.removesuffix(".plugin.version")
    if role != key.name and role in CONVERTER_KINDS:
        submitted = props.get(role)
        name = worker.get(role, _DEFAULTS.get(role)) if submitted is None else submitted
        found = None if name is None else _found(catalog, CONVERTER_KINDS[role], name)
        return replace(
            key,
            default=None if found is None else found.version,
            recommender=_Versions(catalog, role),
            validator=_version_of(catalog, found),
        )
    return key


def _alias_keys(catalog: Catalog, props: Props, role: str, kind: str, alias: str) -> ConfigDef:
    """``type`` and ``plugin.version`` of one alias, then the keys of its class if it can be had."""
    noun, title = _INTERFACES[kind].lower(), _INTERFACES[kind]
    prefix, group = f"{role}.{alias}.", f"{role.capitalize()}: {alias}"
    wanted = props.get(f"{prefix}plugin.version")
    chosen = props.get(f"{prefix}type")
    found = _found(catalog, kind, chosen) if chosen is not None else None
    head = [
        ConfigKey(
            name=f"{prefix}type",
            type=ConfigType.CLASS,
            importance=HIGH,
            doc=f"Class for the '{alias}' {noun}.",
            group=group,
            order=0,
            width=Width.LONG,
            display_name=f"{title} type for {alias}",
            recommender=_Choice([plugin.class_name for plugin in catalog.of_kind(kind)]),
            validator=_chosen(catalog, kind, wanted, props, prefix),
        ),
        ConfigKey(
            name=f"{prefix}plugin.version",
            type=ConfigType.STRING,
            default=None if found is None else found.version,
            importance=HIGH,
            doc=f"Version of the '{alias}' {noun}.",
            group=group,
            order=1,
            width=Width.LONG,
            display_name=f"{title} version for {alias}",
            recommender=_Choice([] if found is None else [found.version]),
            validator=_version_of(catalog, found),
        ),
    ]
    own = _own_keys(catalog, found, wanted, prefix)
    if own is not None and kind == "transformation":
        own = [*(key for key in own if key.name not in ("predicate", "negate")), *_PREDICATE_KEYS]
    inner = ConfigDef(replace(key, order=place + len(head)) for place, key in enumerate(_sorted(own or [])))
    return ConfigDef(head).embed(prefix, group, 0, inner)


def _own_keys(catalog: Catalog, info: PluginInfo | None, wanted: str | None, prefix: str) -> list[ConfigKey] | None:
    """Keys that the class of an alias declares; None when there is no such class or version, or it is broken."""
    if info is None:
        return None
    try:
        if missing_version(info.class_name, f"{prefix}plugin.version", wanted, _versions(catalog, info)) is not None:
            return None
        return list(plugin_keys(load(info)))
    except ConnectError:
        return None


_PREDICATE_KEYS: Final = (
    ConfigKey(
        name="predicate",
        type=ConfigType.STRING,
        default=None,
        importance=MEDIUM,
        doc="The alias of a predicate used to determine whether to apply this transformation.",
        display_name="predicate",
    ),
    ConfigKey(
        name="negate",
        type=ConfigType.BOOLEAN,
        default=False,
        importance=MEDIUM,
        doc="Whether the configured predicate should be negated.",
        display_name="negate",
    ),
)


def _sorted(keys: Sequence[ConfigKey]) -> list[ConfigKey]:
    """As Kafka sorts a definition that it takes into another: group, place, required, importance, name."""
    groups = list(dict.fromkeys(key.group for key in keys if key.group is not None))

    def rank(key: ConfigKey) -> tuple[Any, ...]:
        group = -1 if key.group is None else groups.index(key.group)
        return group, key.order, not key.required, _IMPORTANCES.index(key.importance), key.name

    return sorted(keys, key=rank)


def _items(name: str, text: str | None) -> list[str]:
    parsed = parse_value(name, text, ConfigType.LIST)
    return [str(item) for item in parsed] if isinstance(parsed, list) else []


def _found(catalog: Catalog, kind: str | None, name: str) -> PluginInfo | None:
    try:
        return catalog.find(kind, name.strip())
    except ConnectError:
        return None


def _versions(catalog: Catalog, info: PluginInfo) -> list[str]:
    return [plugin.version for plugin in catalog.plugins if plugin.class_name == info.class_name]


def _class_of(catalog: Catalog, kind: str, version: str | None) -> Validator:
    """The name of a usable plugin of that kind, which there is in the wanted version."""

    def check(key: str, value: object) -> None:
        if value is None:
            return
        name = str(value)
        try:
            info = catalog.find(kind, name)
        except ConfigError as error:
            raise ConfigError.invalid(key, value, error.message) from error
        except NotFoundError:
            other = _found(catalog, None, name)
            usable = _of_both_sides(catalog, kind, name)
            if usable:
                text = f"This class is abstract and cannot be created. Did you mean {', '.join(usable)}?"
                raise ConfigError(text, key) from None
            if other is None:
                raise ConfigError.invalid(key, value, f"Class {name} could not be found.") from None
            text = f"Class class {other.class_name} does not implement the {_INTERFACES[kind]} interface"
            raise ConfigError(text, key) from None
        if info.error is not None:
            raise ConfigError.invalid(key, value, f"Class {name} cannot be used: {info.error}")
        _require_version(catalog, info, key, version)

    return check


def _chosen(catalog: Catalog, kind: str, version: str | None, props: Props, prefix: str) -> Validator:
    """The class of an alias; a transform has no ``negate`` without a predicate."""
    check_class = _class_of(catalog, kind, version)
    negate, predicate = f"{prefix}negate", f"{prefix}predicate"

    def check(key: str, value: object) -> None:
        if kind == "transformation" and negate in props and predicate not in props:
            text = f"Config '{negate}' was provided but there is no config '{predicate}'"
            raise ConfigError(f"{text} defining a predicate to be negated.", key)
        check_class(key, value)

    return check


def _of_both_sides(catalog: Catalog, kind: str, name: str) -> list[str]:
    """Names of the classes for keys and values of a transform that is named without either."""
    return [info.class_name for info in catalog.of_kind(kind) if info.class_name.startswith(f"{name}$")]


def _version_of(catalog: Catalog, info: PluginInfo | None) -> Validator:
    """A version in which there is that plugin."""

    def check(key: str, value: object) -> None:
        if info is not None and value is not None:
            _require_version(catalog, info, key, str(value))

    return check


def _require_version(catalog: Catalog, info: PluginInfo, key: str, wanted: str | None) -> None:
    problem = missing_version(info.class_name, key, wanted, _versions(catalog, info))
    if problem is not None:
        raise ConfigError(problem, key)
