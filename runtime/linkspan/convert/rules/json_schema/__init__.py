"""JSON Schema: schemas as Confluent's registry takes them apart and compares them."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan.convert import json_text
from linkspan.convert.registry_schema import Named
from linkspan.convert.rules.json_schema.comparison import differences
from linkspan.convert.rules.json_schema.differences import COMPATIBLE
from linkspan.convert.rules.json_schema.model import load

__all__ = ["can_read"]


def can_read(reader: str, writer: str, references: Sequence[Named] = ()) -> bool:
    """Whether what one schema describes is also described by another.

    Args:
        reader: the text of the one that has to describe it, too.
        writer: the text of the other one.
        references: schemas that the reader refers to.
    """
    try:
        new = load(json_text.parse(reader, exactly=True), references)
        old = load(json_text.parse(writer, exactly=True), ())
        return all(each.kind in COMPATIBLE for each in differences(old, new, COMPATIBLE))
    except ValueError:
        return False
