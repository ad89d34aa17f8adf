"""Avro: schemas as Avro's Java library reads, writes and compares them."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan.convert.rules.avro.compatibility import incompatibilities
from linkspan.convert.rules.avro.parser import parse

__all__ = ["can_read"]


def can_read(reader: str, writer: str, references: Sequence[str] = ()) -> bool:
    """Whether everything that is written by one schema can be read by another.

    Args:
        reader: the text of the one that reads.
        writer: the text of the other one.
        references: texts of the schemas that the reader refers to, each behind those that it uses itself.
    """
    try:
        roots = parse(reader, references, strict=False)[0], parse(writer, strict=False)[0]
        return not incompatibilities(*roots)
    except ValueError:
        return False
