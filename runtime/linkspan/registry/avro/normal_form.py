"""The form of an Avro schema that Confluent's registry calls normalized: what has no order is sorted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from linkspan.registry.avro.model import AvroField, AvroType

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
    """The same schema: properties and aliases sorted, empty documentation and the mark of errors left out."""
    return _Normalizer().of(kind)


class _Normalizer:
    def __init__(self) -> None:
        self._made: dict[int, AvroType] = {}

    def of(self, kind: AvroType) -> AvroType:
        known = self._made.get(id(kind))
        if known is not None:
            return known
        made = self._made[id(kind)] = replace(
            kind,
            doc=kind.doc or None,
            is_error=False,
            aliases=sorted(kind.aliases, key=lambda alias: alias.full),
            props=_sorted_props(kind.props),
        )
        made.fields = [self._field(each) for each in kind.fields]
        made.branches = [self.of(branch) for branch in kind.branches]
        made.items = None if kind.items is None else self.of(kind.items)
        return made

    def _field(self, each: AvroField) -> AvroField:
        return replace(
            each,
            type=self.of(each.type),
            default=_sorted(each.default),
            aliases=sorted(each.aliases),
            props=_sorted_props(each.props),
        )


def _sorted_props(props: dict[str, Any]) -> dict[str, Any]:
    first = _LOGICAL if props.get("logicalType") in _LOGICAL_TYPES else ()
    names = [name for name in first if name in props]
    return {name: _sorted(props[name]) for name in (*names, *sorted(set(props) - set(names)))}


def _sorted(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
