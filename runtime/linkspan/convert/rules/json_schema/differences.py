"""Kinds of differences between two JSON schemas, those that break no reader, and what is said about the others."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMPATIBLE", "LENIENT", "Difference", "message"]


class Difference(NamedTuple):
    """One difference.

    Attributes:
        kind: as Confluent's registry calls it.
        path: to the place.
    """

    kind: str
    path: tuple[str, ...] = ()

    def below(self, *path: str) -> Difference:
        """The same, seen from further up."""
        return Difference(self.kind, (*path, *self.path))


_LIMITS: Final = ("MAX_LENGTH", "MAXIMUM", "EXCLUSIVE_MAXIMUM", "MAX_PROPERTIES", "MAX_ITEMS", "MAX_CONTAINS")
_FLOORS: Final = ("MIN_LENGTH", "MINIMUM", "EXCLUSIVE_MINIMUM", "MIN_PROPERTIES", "MIN_ITEMS", "MIN_CONTAINS")

COMPATIBLE: Final = frozenset(
    {
        *(f"{name}_{change}" for name in _LIMITS for change in ("INCREASED", "REMOVED")),
        *(f"{name}_{change}" for name in _FLOORS for change in ("DECREASED", "REMOVED")),
        *(f"{name}_CHANGED" for name in ("ID", "DESCRIPTION", "TITLE", "DEFAULT")),
        *("SCHEMA_REMOVED", "TYPE_EXTENDED", "PATTERN_REMOVED", "MULTIPLE_OF_REDUCED", "MULTIPLE_OF_REMOVED"),
        *("REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED", "REQUIRED_ATTRIBUTE_REMOVED"),
        *("DEPENDENCY_ARRAY_NARROWED", "DEPENDENCY_ARRAY_REMOVED", "DEPENDENCY_SCHEMA_REMOVED"),
        *("ADDITIONAL_PROPERTIES_ADDED", "ADDITIONAL_PROPERTIES_EXTENDED"),
        *("UNEVALUATED_PROPERTIES_ADDED", "UNEVALUATED_PROPERTIES_EXTENDED"),
        "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL",
        "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL",
        "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
        "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        "PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL",
        "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        "PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        "UNIQUE_ITEMS_REMOVED",
        *("ADDITIONAL_ITEMS_ADDED", "ADDITIONAL_ITEMS_EXTENDED", "UNEVALUATED_ITEMS_ADDED"),
        "UNEVALUATED_ITEMS_EXTENDED",
        "ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL",
        "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL",
        "ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        "ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL",
        "ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        "ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        *("ENUM_ARRAY_EXTENDED", "COMBINED_TYPE_EXTENDED", "PRODUCT_TYPE_NARROWED", "SUM_TYPE_EXTENDED"),
        "NOT_TYPE_NARROWED",
    }
)
"""What a reader with the newer schema can live with."""

LENIENT: Final = COMPATIBLE | {
    *("ADDITIONAL_PROPERTIES_NARROWED", "ADDITIONAL_PROPERTIES_REMOVED"),
    *("UNEVALUATED_PROPERTIES_NARROWED", "UNEVALUATED_PROPERTIES_REMOVED"),
    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL",
    "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
}
"""The same with ``compatibilityPolicy`` LENIENT."""

_TEXTS: Final = {
    "added": "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
    "more": "The value at path '{path}' in the {reader} schema is more than its value in the {writer} schema",
    "less": "The value at path '{path}' in the {reader} schema is less than its value in the {writer} schema",
    "different": "The value at path '{path}' is different between the {reader} and {writer} schema",
    "fewer": "An array or combined type at path '{path}' has fewer elements in the {reader} schema than the {writer} "
    "schema",
    "longer": "An array or combined type at path '{path}' has more elements in the {reader} schema than the {writer} "
    "schema",
    "type": "A type at path '{path}' is different between the {reader} schema and the {writer} schema",
    "open": "The {reader} schema has an open content model and has a property or item at path '{path}' which is "
    "missing in the {writer} schema",
    "required": "The {reader} schema has an unopen content model and has a required property at path '{path}' which is "
    "missing in the {writer} schema",
    "closed": "The {reader} has a closed content model and is missing a property or item present at path '{path}' in "
    "the {writer} schema",
    "uncovered_missing": "A property or item is missing in the {reader} schema but present at path '{path}' in the "
    "{writer} schema and is not covered by its partially open content model",
    "uncovered_added": "The {reader} schema has a property or item at path '{path}' which is missing in the {writer} "
    "schema and is not covered by its partially open content model",
}
_SPECIAL: Final = {
    "MULTIPLE_OF_EXPANDED": "more",
    "MULTIPLE_OF_CHANGED": "different",
    "PATTERN_CHANGED": "different",
    "DEPENDENCY_ARRAY_CHANGED": "different",
    "SUM_TYPE_NARROWED": "fewer",
    "TYPE_NARROWED": "type",
    "TYPE_CHANGED": "type",
    "COMBINED_TYPE_CHANGED": "type",
    "COMBINED_TYPE_SUBSCHEMAS_CHANGED": "type",
    "ENUM_ARRAY_CHANGED": "type",
    "DEPENDENCY_ARRAY_EXTENDED": "longer",
    "PRODUCT_TYPE_EXTENDED": "longer",
    "SUM_TYPE_EXTENDED": "longer",
    "NOT_TYPE_EXTENDED": "longer",
    "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL": "required",
    "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL": "open",
    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL": "open",
    "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL": "open",
    "ITEM_ADDED_TO_OPEN_CONTENT_MODEL": "open",
    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL": "closed",
    "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL": "closed",
    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": "uncovered_missing",
    "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": "uncovered_missing",
    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": "uncovered_added",
    "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": "uncovered_added",
    "ADDITIONAL_ITEMS_REMOVED": "added",
    "ADDITIONAL_PROPERTIES_REMOVED": "added",
    "UNEVALUATED_PROPERTIES_REMOVED": "added",
    "UNEVALUATED_ITEMS_REMOVED": "added",
}
_BY_ENDING: Final = {"_ADDED": "added", "_INCREASED": "more", "_DECREASED": "less", "_NARROWED": "fewer"}


def message(difference: Difference, reader: str, writer: str) -> str:
    """What is said about a difference that breaks readers."""
    kind = difference.kind
    name = _SPECIAL.get(kind) or next((text for ending, text in _BY_ENDING.items() if kind.endswith(ending)), "")
    path = "#/" + "/".join(difference.path)
    said = _TEXTS[name].format(path=path, reader=reader, writer=writer) if name else ""
    return f'{{errorType:"{kind}", description:"{said}\'}}'
