"""The formats that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from linkspan.registry.avro.schema import AvroSchema
from linkspan.registry.formats import Named, ParsedSchema, Parser

__all__ = ["PARSERS"]


def _avro(text: str, references: Sequence[Named], strict: bool) -> ParsedSchema:
    return AvroSchema(text, references, strict=strict)


PARSERS: Final[Mapping[str, Parser]] = MappingProxyType({"AVRO": _avro})
"""Type of schema → its parser."""
