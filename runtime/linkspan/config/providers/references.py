"""References ``${provider:path:key}`` in the values of a configuration, and what they are replaced by.

The grammar is that of Kafka's ConfigTransformer: ``${provider:key}`` or ``${provider:path:key}``; of more colons the
second ends the path. Blanks count. There may be several in a value. What replaces one is never looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

__all__ = ["Found", "Reference", "Resolution", "Wanted", "has_references", "references", "resolution", "wanted"]

Config = Mapping[str, str | None]

Wanted = dict[str, dict[str, list[str]]]
"""Keys that are asked for, by provider and path."""

Found = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Values by provider, path and key."""

_BEGIN: Final = "${"
_END: Final = "}"


class Reference(NamedTuple):
    """One reference.

    Attributes:
        provider: name of the provider, as it is written.
        path: empty when there is none.
        key: as it is written.
        text: the whole of it, as it is written.
    """

    provider: str
    path: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """A configuration with its references replaced.

    Attributes:
        written: the configuration as it was.
        config: every key; null values stay.
        values: what references were replaced by, by their text. These are the secrets.
        unresolved: by key, the references that stayed: no such provider, or it does not know them.
    """

    written: Config
    config: dict[str, str | None]
    values: Mapping[str, str] = field(default_factory=dict)
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def texts(self) -> dict[str, str]:
        """The configuration without its null values."""
        return {key: value for key, value in self.config.items() if value is not None}


def references(text: str) -> Iterator[Reference]:
    """The references in a value, from left to right; takes time in proportion to the text, whatever is in it."""
    for begin, end in _places(text):
        inside = text[begin + len(_BEGIN) : end - len(_END)]
        provider, _, rest = inside.partition(":")
        path, colon, key = rest.partition(":")
        if not colon:
            path, key = "", rest
        yield Reference(provider, path, key, text[begin:end])


def has_references(config: Config) -> bool:
    """Whether a configuration refers to anything."""
    return any(value is not None and any(references(value)) for value in config.values())


def wanted(configs: Iterable[Config]) -> Wanted:
    """What has to be asked to resolve these configurations."""
    asked: dict[str, dict[str, dict[str, None]]] = {}
    for config in configs:
        for value in config.values():
            for found in references(value or ""):
                asked.setdefault(found.provider, {}).setdefault(found.path, {})[found.key] = None
    return {provider: {path: list(keys) for path, keys in paths.items()} for provider, paths in asked.items()}


def resolution(config: Config, found: Found) -> Resolution:
    """Replace what is known."""
    whole: dict[str, str | None] = {}
    values: dict[str, str] = {}
    unresolved: dict[str, tuple[str, ...]] = {}
    for key, value in config.items():
        whole[key] = value if value is None else _replaced(value, found, values)
        left = tuple(ref.text for ref in references(value or "") if ref.text not in values)
        if left:
            unresolved[key] = left
    return Resolution(dict(config), whole, values, unresolved)


def _replaced(text: str, found: Found, values: dict[str, str]) -> str:
    parts, at = [], 0
    for reference, (begin, end) in zip(references(text), _places(text), strict=True):
        value = found.get(reference.provider, {}).get(reference.path, {}).get(reference.key)
        if value is not None:
            values[reference.text] = value
            parts += [text[at:begin], value]
            at = end
    return "".join([*parts, text[at:]])


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of each reference."""
    at = 0
    while (begin := text.find(_BEGIN, at)) >= 0:
        end = text.find(_END, begin)
        if end < 0:
            return
        if text.find(":", begin, end) >= 0:
            yield begin, end + len(_END)
        at = end + len(_END)
