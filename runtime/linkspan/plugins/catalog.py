"""What plugins there are, as data (spec/runtime.md 1.9, 4.16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from linkspan.api.errors import ConfigError, NotFoundError

__all__ = ["INSTALLED", "KINDS", "Catalog", "PluginInfo"]

SHOWN_KINDS: Final = ("sink", "source", "transformation", "predicate", "converter", "header_converter")
"""Kinds that the REST API shows, in its order."""

KINDS: Final = (*SHOWN_KINDS, "rest_extension", "configprovider")
"""All kinds."""

INSTALLED: Final = "classpath"
"""Location of what is installed beside the worker."""

_SUFFIXES: Final = {
    "sink": "Connector",
    "source": "Connector",
    "transformation": "Transformation",
    "predicate": "Predicate",
    "converter": "Converter",
    "header_converter": "HeaderConverter",
    "rest_extension": "ConnectRestExtension",
    "configprovider": "ConfigProvider",
}
_NOUNS: Final = {
    "transformation": "Transformation",
    "predicate": "Predicate",
    "converter": "Converter",
    "header_converter": "HeaderConverter",
    "rest_extension": "ConnectRestExtension",
    "configprovider": "ConfigProvider",
}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin.

    Attributes:
        kind: one of :data:`KINDS`.
        class_name: name shown by REST: the Java class it replaces, else its Python path with dots.
        python_path: where it is, ``module:Class``.
        version: its version, or ``undefined``.
        aliases: further names under which it is found.
        error: why it cannot be used (a missing extra), or None.
        location: the folder of ``plugin.path`` it comes from, or :data:`INSTALLED`.
        has_short_name: whether it answers to the simple name of ``class_name``.
    """

    kind: str
    class_name: str
    python_path: str
    version: str = "undefined"
    aliases: tuple[str, ...] = ()
    error: str | None = None
    location: str = INSTALLED
    has_short_name: bool = True

    @property
    def names(self) -> frozenset[str]:
        """Every name it answers to: full, simple, and simple without the suffix of its kind."""
        module, _, qualified = self.python_path.partition(":")
        full = {self.class_name, f"{module}.{qualified}", self.python_path, *self.aliases}
        simple = {self.class_name.rpartition(".")[2], qualified} if self.has_short_name else {qualified}
        suffix = _SUFFIXES[self.kind]
        short = {name.removesuffix(suffix) for name in simple if name != suffix}
        return frozenset(full | simple | short)

    def __str__(self) -> str:
        return f"{self.class_name} ({self.kind}, version {self.version})"


class Catalog:
    """All plugins of a worker.

    Args:
        plugins: in any order.
    """

    def __init__(self, plugins: Iterable[PluginInfo]) -> None:
        self.plugins = sorted(plugins, key=lambda info: (KINDS.index(info.kind), info.class_name, info.version))
        self._found: dict[tuple[str | None, str], PluginInfo] = {}

    def of_kind(self, *kinds: str) -> list[PluginInfo]:
        """Plugins of these kinds, in order."""
        return [info for info in self.plugins if info.kind in kinds]

    def find(self, kind: str | None, name: str) -> PluginInfo:
        """The plugin of that name: full, simple, or simple without suffix.

        Args:
            kind: one of :data:`KINDS`, ``connector`` for either direction, or None for any that REST shows.
            name: text from a configuration or a request.

        Raises:
            NotFoundError: there is none; the message lists what there is.
            ConfigError: the short name fits several classes.
        """
        # every status of a connector says what its class is; what nobody has is not kept, or callers could fill it up
        known = self._found.get((kind, name))
        if known is None:
            known = self._found[kind, name] = self._search(kind, name)
        return known

    def _search(self, kind: str | None, name: str) -> PluginInfo:
        kinds = {None: SHOWN_KINDS, "connector": ("sink", "source")}.get(kind, (kind,))
        candidates = self.of_kind(*(item for item in kinds if item is not None))
        exact = [info for info in candidates if name in (info.class_name, info.python_path.replace(":", "."))]
        matches = exact or [info for info in candidates if name in info.names]
        if not matches:
            raise _unknown(kind, name, candidates)
        if len({info.python_path for info in matches}) > 1:
            found = ", ".join(sorted({info.class_name for info in matches}))
            noun = "connector" if kind in ("connector", "sink", "source") else "plugin"
            raise ConfigError(
                f"More than one {noun} matches alias {name}. Please use full package and class name instead. "
                f"Classes found: {found}"
            )
        return matches[0]

    def connector_of(self, config: Mapping[str, str | None]) -> PluginInfo:
        """The connector class that a configuration names.

        Raises:
            ConfigError: it names none, one that is not there, or its short name fits several.
        """
        name = config.get("connector.class")
        if name is None:
            # without the values: there may be secrets among them
            raise ConfigError(f"Connector config {{{', '.join(config)}}} contains no connector type", "connector.class")
        try:
            return self.find("connector", name.strip())
        except NotFoundError as error:
            raise ConfigError(error.message, "connector.class") from error

    def listing(self, connectors_only: bool) -> list[dict[str, Any]]:
        """Body of ``GET /connector-plugins``; a version of ``undefined`` is left out."""
        shown = self.of_kind(*(("sink", "source") if connectors_only else SHOWN_KINDS))
        return [
            {
                "class": info.class_name,
                "type": info.kind,
                **({} if info.version == "undefined" else {"version": info.version}),
            }
            for info in shown
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """As plain data, to travel to another process."""
        return [{**asdict(info), "aliases": list(info.aliases)} for info in self.plugins]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> Catalog:
        """The reverse of :meth:`to_json`."""
        return cls(PluginInfo(**{**item, "aliases": tuple(item["aliases"])}) for item in data)


def _unknown(kind: str | None, name: str, candidates: Sequence[PluginInfo]) -> NotFoundError:
    available = ", ".join(str(info) for info in candidates)
    if kind in ("connector", "sink", "source"):
        return NotFoundError(
            f"Failed to find any class that implements Connector and which name matches {name}, available connectors "
            f"are: {available}"
        )
    noun = _NOUNS.get(kind or "", "plugin")
    return NotFoundError(
        f"Failed to find any class that implements {noun} and which name matches {name}, available are: {available}"
    )
