"""How one JSON schema differs from another, by the rules of Confluent's registry.

Schemas may lead back to themselves. A pair that is being compared already counts as equal where it comes up again
below itself; when that turns out to be wrong for a pair, everything is compared once more with what is known of it,
until nothing new comes up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from linkspan.convert.rules.json_schema.differences import Difference
from linkspan.convert.rules.json_schema.model import Part

__all__ = ["differences"]

_EMPTY: Final = frozenset({"true", "empty"})
_ANNOTATIONS: Final = (("$id", "ID"), ("title", "TITLE"), ("description", "DESCRIPTION"), ("default", "DEFAULT"))
_Pair = tuple[int, int]


def differences(old: Part, new: Part, compatible: frozenset[str]) -> list[Difference]:
    """Everything that is different.

    Args:
        old: the schema that data was written with.
        new: the one that it is to be read with.
        compatible: kinds of differences that break nothing.
    """
    known: Mapping[_Pair, list[Difference]] = {}
    while True:
        comparison = _Comparison(compatible, known)
        found = comparison.of(old, new)
        broken = comparison.broken()
        if not comparison.assumed or broken.keys() == known.keys():
            return found
        known = broken


class _Comparison:
    def __init__(self, compatible: frozenset[str], known: Mapping[_Pair, list[Difference]]) -> None:
        self._compatible = compatible
        self._known = known
        self._found: dict[_Pair, list[Difference]] = {}
        self._going_on: set[_Pair] = set()
        self.assumed = False

    def broken(self) -> dict[_Pair, list[Difference]]:
        """Pairs of which the second cannot read the first."""
        return {pair: found for pair, found in self._found.items() if not self.is_compatible(found)}

    def is_compatible(self, found: Sequence[Difference]) -> bool:
        """Whether these break nothing."""
        return all(each.kind in self._compatible for each in found)

    def of(self, old: Part | None, new: Part | None) -> list[Difference]:
        """Differences of a pair; paths begin there."""
        if old is None or new is None:
            return [] if old is new else [Difference("SCHEMA_ADDED" if old is None else "SCHEMA_REMOVED")]
        old, new = old.resolved(), new.resolved()
        pair = (id(old), id(new))
        if pair in self._found:
            return self._found[pair]
        if pair in self._going_on:
            if pair in self._known:
                return self._known[pair]
            self.assumed = True
            return []
        self._going_on.add(pair)
        try:
            found = self._found[pair] = self._compared(old, new)
        finally:
            self._going_on.remove(pair)
        return found

    def _compared(self, old: Part, new: Part) -> list[Difference]:
        found = self._of_combined_and_single(old, new)
        if found is not None:
            return found
        if not _are_of_one_kind(old, new):
            if old.kind == "false" or new.kind in _EMPTY or _both_bytes(old, new):
                return []
            return [Difference("TYPE_CHANGED")]
        return [*_annotations(old, new), *_BY_KIND.get(old.kind, _nothing)(self, old, new)]

    def _of_combined_and_single(self, old: Part, new: Part) -> list[Difference] | None:
        """A combination that has one part, or one among them that fits; None when that does not decide."""
        if (old.kind == "combined") == (new.kind == "combined"):
            return None
        combined = new if new.kind == "combined" else old
        chosen, more = combined.parts, []
        if len(combined.parts) != 1:
            if combined is new and new.criterion in {"anyOf", "oneOf"}:
                more = [Difference("SUM_TYPE_EXTENDED")]
            elif combined is old and old.criterion == "allOf":
                more = [Difference("PRODUCT_TYPE_NARROWED")]
            else:
                chosen = []
        for part in chosen:
            found = self.of(old, part) if combined is new else self.of(part, new)
            if self.is_compatible(found):
                return [*found, *more]
        return None


# --- what all have --------------------------------------------------------------------------------------------------


def _are_of_one_kind(old: Part, new: Part) -> bool:
    return old.kind == new.kind


def _both_bytes(old: Part, new: Part) -> bool:
    return old.body.get("connect.type") == "bytes" == new.body.get("connect.type")


def _annotations(old: Part, new: Part) -> Iterator[Difference]:
    for name, kind in _ANNOTATIONS:
        if _of(old, name) != _of(new, name):
            yield Difference(f"{kind}_CHANGED")


def _of(part: Part, name: str) -> object:
    return part.body.get(name)


def _nothing(_: _Comparison, __: Part, ___: Part) -> Iterator[Difference]:
    return iter(())


def _limits(old: Part, new: Part, names: Mapping[str, str]) -> Iterator[Difference]:
    """Keywords with a number."""
    for name, kind in names.items():
        before, after = _number(old.body.get(name)), _number(new.body.get(name))
        if before == after:
            continue
        if before is None:
            yield Difference(f"{kind}_ADDED", (name,))
        elif after is None:
            yield Difference(f"{kind}_REMOVED", (name,))
        else:
            yield Difference(f"{kind}_INCREASED" if before < after else f"{kind}_DECREASED", (name,))


def _number(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


# --- texts, numbers, enumerations -----------------------------------------------------------------------------------


def _strings(_: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    yield from _limits(old, new, {"maxLength": "MAX_LENGTH", "minLength": "MIN_LENGTH"})
    before, after = old.body.get("pattern"), new.body.get("pattern")
    if before != after:
        change = "ADDED" if before is None else "REMOVED" if after is None else "CHANGED"
        yield Difference(f"PATTERN_{change}", ("pattern",))


def _numbers(_: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    names = {
        "maximum": "MAXIMUM",
        "minimum": "MINIMUM",
        "exclusiveMaximum": "EXCLUSIVE_MAXIMUM",
        "exclusiveMinimum": "EXCLUSIVE_MINIMUM",
    }
    yield from _limits(old, new, names)
    before, after = _number(old.body.get("multipleOf")), _number(new.body.get("multipleOf"))
    if before != after:
        yield Difference(f"MULTIPLE_OF_{_multiple(before, after)}", ("multipleOf",))
    if old.integer != new.integer:
        yield Difference("TYPE_EXTENDED" if old.integer else "TYPE_NARROWED")


def _multiple(before: Decimal | None, after: Decimal | None) -> str:
    if before is None or after is None:
        return "ADDED" if before is None else "REMOVED"
    if before and after % before == 0:
        return "EXPANDED"
    return "REDUCED" if after and before % after == 0 else "CHANGED"


def _enums(_: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    before, after = old.body.get("enum", []), new.body.get("enum", [])
    kept, wanted = all(each in after for each in before), all(each in before for each in after)
    if not (kept and wanted):
        yield Difference(f"ENUM_ARRAY_{'EXTENDED' if kept else 'NARROWED' if wanted else 'CHANGED'}", ("enum",))


def _constants(_: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    if old.body.get("const") != new.body.get("const"):
        yield Difference("ENUM_ARRAY_CHANGED", ("const",))


def _negations(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    # the other way round: what may not be has to become less
    found = comparison.of(new.child("not"), old.child("not"))
    yield Difference("NOT_TYPE_NARROWED" if comparison.is_compatible(found) else "NOT_TYPE_EXTENDED", ("not",))


# --- combinations ---------------------------------------------------------------------------------------------------


def _combinations(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    change = _criterion(old, new)
    if change is not None:
        yield Difference(change)
    if change == "COMBINED_TYPE_CHANGED":
        return
    before = list({part.text: part for part in old.parts}.values())
    after = list({part.text: part for part in new.parts}.values())
    if len(before) < len(after):
        yield Difference("PRODUCT_TYPE_EXTENDED" if new.criterion == "allOf" else "SUM_TYPE_EXTENDED")
    elif len(before) > len(after):
        yield Difference("PRODUCT_TYPE_NARROWED" if old.criterion == "allOf" else "SUM_TYPE_NARROWED")
    readable: list[dict[int, list[Difference]]] = []
    for place, part in enumerate(before):
        found = {index: comparison.of(part, other) for index, other in enumerate(after)}
        path = (old.criterion, str(place))
        readable.append(
            {
                index: [each.below(*path) for each in between]
                for index, between in found.items()
                if comparison.is_compatible(between)
            }
        )
    matched = _matching(readable)
    for index, place in matched.items():
        yield from readable[place][index]
    if len(matched) < min(len(before), len(after)):
        yield Difference("COMBINED_TYPE_SUBSCHEMAS_CHANGED")


def _criterion(old: Part, new: Part) -> str | None:
    if old.criterion == new.criterion:
        return None
    one_old, one_new = len(old.parts) == 1, len(new.parts) == 1
    extended = (
        new.criterion == "anyOf"
        or (one_old and one_new)
        or (one_old and new.criterion == "oneOf")
        or (one_new and old.criterion == "allOf")
    )
    return "COMBINED_TYPE_EXTENDED" if extended else "COMBINED_TYPE_CHANGED"


def _matching(edges: Sequence[Mapping[int, object]]) -> dict[int, int]:
    """As many pairs as there can be, each part in one of them: part of the new one → part of the old one."""
    matched: dict[int, int] = {}

    def place(part: int, seen: set[int]) -> bool:
        for other in edges[part]:
            if other not in seen:
                seen.add(other)
                if other not in matched or place(matched[other], seen):
                    matched[other] = part
                    return True
        return False

    for part in range(len(edges)):
        place(part, set())
    return matched


# --- objects --------------------------------------------------------------------------------------------------------


def _objects(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    yield from _required(old, new)
    yield from _properties(comparison, old, new)
    yield from _dependencies(comparison, old, new)
    yield from _additional(comparison, old, new, "additionalProperties", "ADDITIONAL_PROPERTIES")
    yield from _unevaluated(comparison, old, new, "unevaluatedProperties", "UNEVALUATED_PROPERTIES")
    yield from _limits(old, new, {"maxProperties": "MAX_PROPERTIES", "minProperties": "MIN_PROPERTIES"})


def _requirements(part: Part) -> Sequence[object]:
    found = part.body.get("required")
    return found if isinstance(found, list) else ()


def _has_default(part: Part | None) -> bool:
    return part is not None and "default" in part.body


def _required(old: Part, new: Part) -> Iterator[Difference]:
    before, after = old.below("properties"), new.below("properties")
    for name in before.keys() & after.keys():
        was, is_now = name in _requirements(old), name in _requirements(new)
        if was and not is_now:
            yield Difference("REQUIRED_ATTRIBUTE_REMOVED", ("required", name))
        elif is_now and not was:
            kind = "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED" if _has_default(after[name]) else "REQUIRED_ATTRIBUTE_ADDED"
            yield Difference(kind, ("required", name))


def _properties(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    before, after = old.below("properties"), new.below("properties")
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            found = _property_removed(comparison, new, name, before[name])
        elif name not in before:
            found = _property_added(comparison, old, new, name, after[name])
        else:
            found = comparison.of(before[name], after[name])
        yield from (each.below("properties", name) for each in found)


def _property_removed(comparison: _Comparison, new: Part, name: str, gone: Part) -> list[Difference]:
    if _is_open(new, "additionalProperties", "unevaluatedProperties"):
        return [Difference("PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL")]
    cover = _cover(new, "additionalProperties", "unevaluatedProperties", name)
    if cover is not None:
        return _covered(comparison, gone, cover, "PROPERTY_REMOVED")
    if gone.kind == "false":
        return [Difference("PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL")]
    return [Difference("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL")]


def _property_added(comparison: _Comparison, old: Part, new: Part, name: str, added: Part) -> list[Difference]:
    required, default = name in _requirements(new), _has_default(added)
    if _is_open(old, "additionalProperties", "unevaluatedProperties"):
        if added.kind in _EMPTY:
            return [Difference("PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL")]
        return [Difference(f"{_addition(required=required, default=default)}_ADDED_TO_OPEN_CONTENT_MODEL")]
    found: list[Difference] = []
    cover = _cover(old, "additionalProperties", "unevaluatedProperties", name)
    if cover is not None:
        found += _covered(comparison, cover, added, "PROPERTY_ADDED")
    return [*found, Difference(f"{_addition(required=required, default=default)}_ADDED_TO_UNOPEN_CONTENT_MODEL")]


def _addition(*, required: bool, default: bool) -> str:
    if not required:
        return "OPTIONAL_PROPERTY"
    return "REQUIRED_PROPERTY_WITH_DEFAULT" if default else "REQUIRED_PROPERTY"


def _covered(comparison: _Comparison, old: Part, new: Part, change: str) -> list[Difference]:
    found = comparison.of(old, new)
    covered = "IS_COVERED" if comparison.is_compatible(found) else "NOT_COVERED"
    return [*found, Difference(f"{change}_{covered}_BY_PARTIALLY_OPEN_CONTENT_MODEL")]


def _dependencies(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    before, after = _lists(old), _lists(new)
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Difference(f"DEPENDENCY_ARRAY_{_changed(before.get(name), after.get(name))}", ("dependencies", name))
    schemas, later = ({**part.below("dependencies"), **part.below("dependentSchemas")} for part in (old, new))
    for name in dict.fromkeys((*schemas, *later)):
        if name not in later:
            yield Difference("DEPENDENCY_SCHEMA_REMOVED", ("dependencies", name))
        elif name not in schemas:
            yield Difference("DEPENDENCY_SCHEMA_ADDED", ("dependencies", name))
        else:
            found = comparison.of(schemas[name], later[name])
            yield from (each.below("dependencies", name) for each in found)


def _lists(part: Part) -> dict[str, frozenset[Any]]:
    found: dict[str, frozenset[Any]] = {}
    for keyword in ("dependencies", "dependentRequired"):
        given = part.body.get(keyword)
        if isinstance(given, dict):
            found |= {name: frozenset(value) for name, value in given.items() if isinstance(value, list)}
    return found


def _changed(before: frozenset[Any] | None, after: frozenset[Any] | None) -> str:
    if after is None or before is None:
        return "REMOVED" if after is None else "ADDED"
    return "EXTENDED" if after > before else "NARROWED" if before > after else "CHANGED"


# --- arrays ---------------------------------------------------------------------------------------------------------


def _arrays(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    yield from (each.below("items") for each in comparison.of(old.child("items"), new.child("items")))
    yield from _items(comparison, old, new)
    yield from _additional(comparison, old, new, "additionalItems", "ADDITIONAL_ITEMS")
    yield from _unevaluated(comparison, old, new, "unevaluatedItems", "UNEVALUATED_ITEMS")
    yield from _limits(old, new, {"maxItems": "MAX_ITEMS", "minItems": "MIN_ITEMS"})
    unique = [part.body.get("uniqueItems") is True for part in (old, new)]
    if unique[0] != unique[1]:
        yield Difference("UNIQUE_ITEMS_REMOVED" if unique[0] else "UNIQUE_ITEMS_ADDED", ("uniqueItems",))
    if old.modern and new.modern:
        yield from _limits(old, new, {"maxContains": "MAX_CONTAINS", "minContains": "MIN_CONTAINS"})


def _items(comparison: _Comparison, old: Part, new: Part) -> Iterator[Difference]:
    before, after = list(old.below("prefixItems").values()), list(new.below("prefixItems").values())
    for place in range(max(len(before), len(after))):
        if place >= len(after):
            found = _item_removed(comparison, new, before[place])
        elif place >= len(before):
            found = _item_added(comparison, old, after[place])
        else:
            found = comparison.of(before[place], after[place])
        yield from (each.below(f"items/{place}") for each in found)


def _item_removed(comparison: _Comparison, new: Part, gone: Part) -> list[Difference]:
    if _is_open(new, "additionalItems", "unevaluatedItems"):
        return [Difference("ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL")]
    cover = _cover(new, "additionalItems", "unevaluatedItems")
    if cover is not None:
        return _covered(comparison, gone, cover, "ITEM_REMOVED")
    kind = "ITEM_WITH_FALSE_REMOVED" if gone.kind == "false" else "ITEM_REMOVED"
    return [Difference(f"{kind}_FROM_CLOSED_CONTENT_MODEL")]


def _item_added(comparison: _Comparison, old: Part, added: Part) -> list[Difference]:
    if _is_open(old, "additionalItems", "unevaluatedItems"):
        kind = "ITEM_WITH_EMPTY_SCHEMA_ADDED" if added.kind in _EMPTY else "ITEM_ADDED"
        return [Difference(f"{kind}_TO_OPEN_CONTENT_MODEL")]
    cover = _cover(old, "additionalItems", "unevaluatedItems")
    if cover is not None:
        return _covered(comparison, cover, added, "ITEM_ADDED")
    return [Difference("ITEM_ADDED_TO_CLOSED_CONTENT_MODEL")]


# --- what else there may be -----------------------------------------------------------------------------------------


def _schema_of(part: Part, name: str) -> Part | None:
    """Schema of what else there may be; None when that may be anything, or nothing."""
    found = part.child(name)
    return None if found is None or found.kind in {"true", "false"} else found


def _permits(part: Part, name: str) -> bool:
    found = part.child(name)
    return found is None or found.kind != "false"


def _is_open(part: Part, additional: str, unevaluated: str) -> bool:
    if not _permits(part, additional) or _schema_of(part, additional) is not None or part.below("patternProperties"):
        return False
    rest = part.child(unevaluated)
    return rest is None or rest.kind in _EMPTY


def _cover(part: Part, additional: str, unevaluated: str, name: str | None = None) -> Part | None:
    """Schema of what is not listed; None when there is none."""
    for pattern, each in part.below("patternProperties").items() if name is not None else ():
        if _matches(pattern, str(name)):
            return each
    found = _schema_of(part, additional)
    if found is not None:
        return found
    rest = part.child(unevaluated)
    if _permits(part, additional) and rest is not None and rest.kind not in {*_EMPTY, "false"}:
        return rest
    return None


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _additional(comparison: _Comparison, old: Part, new: Part, name: str, kind: str) -> Iterator[Difference]:
    before, after = _schema_of(old, name), _schema_of(new, name)
    if _permits(old, name) != _permits(new, name):
        yield Difference(f"{kind}_{'ADDED' if _permits(new, name) else 'REMOVED'}", (name,))
    elif before is None and after is not None:
        yield Difference(f"{kind}_NARROWED", (name,))
    elif before is not None and after is None:
        yield Difference(f"{kind}_EXTENDED", (name,))
    else:
        yield from (each.below(name) for each in comparison.of(before, after))


def _unevaluated(comparison: _Comparison, old: Part, new: Part, name: str, kind: str) -> Iterator[Difference]:
    before, after = old.child(name), new.child(name)
    if before is None and after is None:
        return
    forbids = [part is not None and part.kind == "false" for part in (before, after)]
    allows = [part is None or part.kind in _EMPTY for part in (before, after)]
    if forbids[0] != forbids[1]:
        yield Difference(f"{kind}_{'ADDED' if forbids[0] else 'REMOVED'}", (name,))
    elif before is None or after is None or allows[0] != allows[1]:
        yield Difference(
            f"{kind}_{'NARROWED' if before is None or (allows[0] and after is not None) else 'EXTENDED'}", (name,)
        )
    else:
        yield from (each.below(name) for each in comparison.of(before, after))


_BY_KIND: Final[Mapping[str, Callable[[_Comparison, Part, Part], Iterator[Difference]]]] = {
    "string": _strings,
    "number": _numbers,
    "enum": _enums,
    "const": _constants,
    "not": _negations,
    "combined": _combinations,
    "object": _objects,
    "array": _arrays,
}
