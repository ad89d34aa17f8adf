"""Protobuf as a format of the registry: .proto texts, or descriptors in base64, as some clients send them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from proto_schema_parser import ast
from proto_schema_parser.generator import Generator
from proto_schema_parser.parser import Parser

from linkspan.api.errors import DataError
from linkspan.convert.protobuf.compatibility import COMPATIBLE, Difference, differences
from linkspan.convert.protobuf.descriptors import Types, message_types
from linkspan.convert.protobuf.model import File
from linkspan.convert.protobuf.model import text as confluent_text
from linkspan.convert.protobuf.parsing import option_text, parse
from linkspan.convert.registry_schema import Named
from linkspan.registry.formats import ParsedSchema
from linkspan.registry.protobuf.descriptor_text import text_of

__all__ = ["ProtobufSchema"]

_BETWEEN: Final = re.compile(r"[\s,;\[\]]+")
_OF: Final = "at path '{path}' in the {reader} schema"
_ITS: Final = f"{_OF} does not match its"
_DESCRIPTIONS: Final = {
    "PACKAGE_CHANGED": "The package at '{path}' in the {reader} schema does not match the package in the {writer} "
    "schema",
    "MESSAGE_REMOVED": "The {reader} schema is missing a MESSAGE type at path '{path}' in the {writer} schema",
    "FIELD_KIND_CHANGED": f"The type of a field {_OF} does not match the {{writer}} schema",
    "FIELD_SCALAR_KIND_CHANGED": f"The kind of a SCALAR field {_ITS} kind in the {{writer}} schema",
    "FIELD_NAMED_TYPE_CHANGED": f"The type of a MESSAGE field {_ITS} type in the {{writer}} schema",
    "FIELD_NUMERIC_LABEL_CHANGED": f"The label for a NUMERIC field {_ITS} label in the {{writer}} schema",
    "REQUIRED_FIELD_ADDED": f"A required field  {_OF} is missing in the {{writer}} schema",
    "REQUIRED_FIELD_REMOVED": "The {reader} schema is missing a required field at path: '{path}' in the {writer} "
    "schema",
    "ONEOF_FIELD_REMOVED": "The {reader} schema is missing a oneof field at path '{path}' in the {writer} schema",
    "MULTIPLE_FIELDS_MOVED_TO_ONEOF": f"Multiple fields in the oneof {_OF} are outside a oneof in the {{writer}} "
    "schema",
    "FIELD_MOVED_TO_EXISTING_ONEOF": f"A field in the oneof {_OF} is outside an existing oneof in the {{writer}} "
    "schema",
}


class ProtobufSchema(ParsedSchema):
    """A .proto file with what it imports.

    Args:
        text: a .proto text, or a FileDescriptorProto in base64.
        references: what it may import by name; well-known files need not be among them.
        strict: check names, numbers and imports, too.

    Raises:
        ValueError: this is no Protobuf schema, or imports what is not there.
    """

    type = "PROTOBUF"

    def __init__(self, text: str, references: Sequence[Named], *, strict: bool) -> None:
        descriptor = _descriptor(text)
        self._references = references
        self._was_descriptor = descriptor is not None
        try:
            written = text if descriptor is None else text_of(descriptor)
            self._file = parse(written)
            self.text = _canonical(written, self._file)
            if strict:
                self._types()
        except DataError as error:
            raise ValueError(error.message) from error

    def normal_text(self) -> str:
        """The canonical text: the order of a .proto file has a meaning."""
        return self.text

    def formatted(self, form: str) -> str:
        """The text; the descriptor in base64 for ``serialized``."""
        if form != "serialized":
            return self.text
        try:
            found = next(iter(self._types().values()), None)
        except DataError as error:
            raise ValueError(error.message) from error
        if found is None:
            return self.text
        return base64.b64encode(found.descriptor.file.serialized_pb).decode()

    def is_same_as(self, other: ParsedSchema) -> bool:
        """Whether the texts are the same, or the descriptors where this one came as such."""
        if self.text == other.text or not self._was_descriptor:
            return self.text == other.text
        return isinstance(other, ProtobufSchema) and self.formatted("serialized") == other.formatted("serialized")

    def unreadable(self, written: ParsedSchema, reader: str, writer: str, *, lenient: bool = False) -> list[str]:  # noqa: ARG002 - there is one policy
        """Why messages of another schema cannot be read with this one."""
        assert isinstance(written, ProtobufSchema)
        found = differences(written._file, self._file, written._imported(), self._imported())  # noqa: SLF001 - of the same class
        return [_message(each, reader, writer) for each in found if each.kind not in COMPATIBLE]

    def _imported(self) -> dict[str, File]:
        return {each.name: parse(each.text) for each in self._references}

    def _types(self) -> Types:
        return message_types(self._file, self._imported())


def _message(each: Difference, reader: str, writer: str) -> str:
    said = _DESCRIPTIONS[each.kind].format(path="#/" + "/".join(each.path), reader=reader, writer=writer)
    return f'{{errorType:"{each.kind}", description:"{said}"}}'


def _descriptor(text: str) -> FileDescriptorProto | None:
    """The descriptor in a text; None when it is a .proto text."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        return FileDescriptorProto.FromString(data) if data else None
    except (binascii.Error, ValueError, DecodeError):
        return None


def _canonical(written: str, file: File) -> str:
    """The text as Confluent's registry spells it, if it says nothing that is lost by that: options, services."""
    plain, ours = confluent_text(file), _without_comments(written)
    return plain if _words(ours) == _words(_without_comments(plain)) else ours


def _words(text: str) -> list[str]:
    """What a text consists of, in whatever order."""
    return sorted(_BETWEEN.split(text))


def _without_comments(text: str) -> str:
    parsed = Parser().parse(text)
    _strip(parsed)
    # the library would put them in quotes, whatever they are
    options = {id(each): option_text(each) for each in parsed.file_elements if isinstance(each, ast.Option)}
    kept = [each for each in parsed.file_elements if options.get(id(each)) is None]
    head = ast.File(syntax=parsed.syntax, edition=parsed.edition)
    head.file_elements = [each for each in kept if isinstance(each, ast.Package | ast.Import)]
    rest = ast.File(file_elements=[each for each in kept if not isinstance(each, ast.Package | ast.Import)])
    written = [f"option {each};" for each in options.values() if each is not None]
    return "\n".join([Generator().generate(head), *written, Generator().generate(rest)]).strip() + "\n"


def _strip(element: object) -> None:
    for name in ("file_elements", "elements"):
        inner = getattr(element, name, None)
        if isinstance(inner, list):
            kept = [each for each in inner if not isinstance(each, ast.Comment)]
            setattr(element, name, kept)
            for each in kept:
                _strip(each)
