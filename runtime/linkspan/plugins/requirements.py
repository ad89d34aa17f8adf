"""Which plugins a connector's configuration names, and which of them are not to be had here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConnectError
from linkspan.config.providers.references import has_references
from linkspan.plugins.catalog import Catalog, PluginInfo

__all__ = ["NamedPlugin", "found", "missing", "named_plugins"]

_CONVERTERS: Final = {
    "key.converter": "converter",
    "value.converter": "converter",
    "header.converter": "header_converter",
}
_CHAINS: Final = {"transforms": "transformation", "predicates": "predicate"}


@dataclass(frozen=True, slots=True)
class NamedPlugin:
    """A class that a configuration names.

    Attributes:
        kind: one of the catalog's, or ``connector``.
        key: that names it.
        name: as it was written.
    """

    kind: str
    key: str
    name: str


def named_plugins(config: Mapping[str, str | None]) -> Iterator[NamedPlugin]:
    """Connector, converters, transforms and predicates of a connector's configuration.

    A class that a config provider tells is not among them: it is known when the connector starts.
    """
    for key, kind in _kinds(config):
        name = (config.get(key) or "").strip()
        if name and not has_references({key: name}):
            yield NamedPlugin(kind, key, name)


def _kinds(config: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Keys that may name a plugin, each with the kind of it."""
    yield "connector.class", "connector"
    yield from _CONVERTERS.items()
    for chain, kind in _CHAINS.items():
        for alias in filter(None, map(str.strip, (config.get(chain) or "").split(","))):
            yield f"{chain}.{alias}.type", kind


def found(catalog: Catalog, named: NamedPlugin) -> PluginInfo | None:
    """The plugin, if it is here and can be used."""
    try:
        info = catalog.find(named.kind, named.name)
    except ConnectError:
        return None
    return info if info.error is None else None


def missing(catalog: Catalog, config: Mapping[str, str | None]) -> list[str]:
    """One text for each plugin that is not here: the key, the class, and why if it is known."""
    texts = []
    for named in named_plugins(config):
        try:
            error = catalog.find(named.kind, named.name).error
        except ConnectError:
            texts.append(f"{named.key}={named.name}")
            continue
        if error is not None:
            texts.append(f"{named.key}={named.name} ({error})")
    return texts
