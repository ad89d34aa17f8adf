"""The form of an Avro schema that Confluent's registry calls normalized: what has no order is sorted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from linkspan.api.text import float_text
from linkspan.convert.rules.avro.model import AvroField, AvroName, AvroType

__all__ = ["normalized"]

_LOGICAL: Final = ("logicalType", "precision", "scale")
_LOGICAL_TYPES: Final = frozenset(
    {
        "decimal",
        "uuid",
        "date",
        "time-millis",
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "local-timestamp-millis",
        "local-timestamp-micros",
    }
)


def normalized(kind: AvroType) -> AvroType:
    """The same schema: properties and aliases sorted, empty documentation and the mark of errors left out.

    A name without a namespace gets that of the place where it stands.
    """
    return _Normalizer().of(kind, None)


class _Normalizer:
    def __init__(self) -> None:
        self._made: dict[int, AvroType] = {}

    def of(self, kind: AvroType, space: str | None) -> AvroType:
        known = self._made.get(id(kind))
        if known is not None:
            return known
        made = self._made[id(kind)] = replace(
            kind,
            name=None if kind.name is None else AvroName(kind.name.name, kind.name.space or space),
            doc=kind.doc or None,
            is_error=False,
            aliases=sorted(kind.aliases, key=lambda alias: alias.full),
            props=_sorted_props(kind.props),
        )
        below = space if made.name is None else made.name.space
        made.fields = [self._field(each, below) for each in kind.fields]
        made.branches = [self.of(branch, below) for branch in kind.branches]
        made.items = None if kind.items is None else self.of(kind.items, below)
        return made

    def _field(self, each: AvroField, space: str | None) -> AvroField:
        return replace(
            each,
            type=self.of(each.type, space),
            default=_sorted(_typed(each.type, each.default)),
            aliases=sorted(each.aliases),
            props=_sorted_props(each.props),
        )


def _typed(kind: AvroType, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A default value with whole numbers as fractions where the type has them."""
    if kind.kind in {"float", "double"} and isinstance(value, int | float) and not isinstance(value, bool):
        # a float is written with the digits that 32 bits have
        return float(value) if kind.kind == "double" else float(float_text(float(value)))
    if kind.kind == "union" and kind.branches:
        return _typed(kind.branches[0], value)
    if kind.items is not None and isinstance(value, list):
        return [_typed(kind.items, item) for item in value]
    if kind.items is not None and isinstance(value, dict):
        return {name: _typed(kind.items, item) for name, item in value.items()}
    if kind.kind == "record" and isinstance(value, dict):
        types = {each.name: each.type for each in kind.fields}
        return {name: _typed(types[name], item) if name in types else item for name, item in value.items()}
    return value


def _sorted_props(props: dict[str, Any]) -> dict[str, Any]:
    first = _LOGICAL if props.get("logicalType") in _LOGICAL_TYPES else ()
    names = [name for name in first if name in props]
    return {name: _sorted(props[name]) for name in (*names, *sorted(set(props) - set(names)))}


def _sorted(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
