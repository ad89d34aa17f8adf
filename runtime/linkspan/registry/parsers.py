"""The formats that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from linkspan.convert.registry_schema import Named
from linkspan.registry.avro.schema import AvroSchema
from linkspan.registry.formats import ParsedSchema, Parser

__all__ = ["PARSERS"]


def _avro(text: str, references: Sequence[Named], strict: bool) -> ParsedSchema:
    return AvroSchema(text, references, strict=strict)


def _json(text: str, references: Sequence[Named], strict: bool) -> ParsedSchema:
    from linkspan.registry.json_schema.schema import JsonSchema  # noqa: PLC0415 - what it needs may be missing

    return JsonSchema(text, references, strict=strict)


def _protobuf(text: str, references: Sequence[Named], strict: bool) -> ParsedSchema:
    from linkspan.registry.protobuf.schema import ProtobufSchema  # noqa: PLC0415 - as above

    return ProtobufSchema(text, references, strict=strict)


def _installed(parser: Parser, what: str) -> Parser:
    """The same parser, which says what to install when something is missing."""

    def parse(text: str, references: Sequence[Named], strict: bool) -> ParsedSchema:
        try:
            return parser(text, references, strict)
        except ModuleNotFoundError as error:
            raise ValueError(f"{what} needs more packages here ({error}): pip install 'linkspan[avro]'") from error

    return parse


PARSERS: Final[Mapping[str, Parser]] = MappingProxyType(
    {"JSON": _installed(_json, "JSON Schema"), "PROTOBUF": _installed(_protobuf, "Protobuf"), "AVRO": _avro}
)
"""Type of schema → its parser."""
