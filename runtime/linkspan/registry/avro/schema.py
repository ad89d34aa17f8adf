"""Avro as a format of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from linkspan.convert.registry_schema import Named
from linkspan.convert.rules.avro.compatibility import Incompatibility, incompatibilities
from linkspan.convert.rules.avro.parser import parse
from linkspan.convert.rules.avro.writer import text_of
from linkspan.registry.avro.normal_form import normalized
from linkspan.registry.formats import ParsedSchema

__all__ = ["AvroSchema"]

_DESCRIPTIONS: Final = {
    "FIXED_SIZE_MISMATCH": "The size of FIXED type field at path '{path}' in the {reader} schema does not match with "
    "the {writer} schema",
    "TYPE_MISMATCH": "The type (path '{path}') of a field in the {reader} schema does not match with the {writer} "
    "schema",
    "NAME_MISMATCH": "The name of the schema has changed (path '{path}')",
    "MISSING_ENUM_SYMBOLS": "The {reader} schema is missing enum symbols '{detail}' at path '{path}' in the {writer} "
    "schema",
    "MISSING_UNION_BRANCH": "The {reader} schema is missing a type inside a union field at path '{path}' in the "
    "{writer} schema",
    "READER_FIELD_MISSING_DEFAULT_VALUE": "The field '{detail}' at path '{path}' in the {reader} schema has no default "
    "value and is missing in the {writer} schema",
}


class AvroSchema(ParsedSchema):
    """A schema with what it refers to.

    Args:
        text: JSON.
        references: what it refers to, each behind those that it refers to itself.
        strict: check default values, too.

    Raises:
        ValueError: this is no Avro schema.
    """

    type = "AVRO"

    def __init__(self, text: str, references: Sequence[Named], *, strict: bool) -> None:
        self._root, self._references = parse(text, [each.text for each in references], strict=strict)
        self.text = text_of(self._root, self._references)

    def normal_text(self) -> str:
        """Canonical text in which nothing depends on the writer's order."""
        return text_of(normalized(self._root), self._references)

    def formatted(self, form: str) -> str:
        """The text, with all references written out for ``resolved``."""
        return text_of(self._root) if form == "resolved" else self.text

    def is_same_as(self, other: ParsedSchema) -> bool:
        """Whether the two are the same once all references are written out."""
        return isinstance(other, AvroSchema) and self.formatted("resolved") == other.formatted("resolved")

    def unreadable(self, written: ParsedSchema, reader: str, writer: str, *, lenient: bool = False) -> list[str]:  # noqa: ARG002 - there is one policy
        """Why data of another schema cannot be read with this one."""
        assert isinstance(written, AvroSchema)
        try:
            found = incompatibilities(self._root, written._root)  # noqa: SLF001 - of the same class
        except ValueError as error:
            return [f"Unexpected exception during compatibility check: {error}"]
        return [_message(each, reader, writer) for each in found]


def _message(each: Incompatibility, reader: str, writer: str) -> str:
    description = _DESCRIPTIONS[each.kind].format(path=each.path, detail=each.detail, reader=reader, writer=writer)
    return f"{{errorType:'{each.kind}', description:'{description}', additionalInfo:'{each.detail}'}}"
