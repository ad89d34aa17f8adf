"""Reading .proto texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from antlr4.error.ErrorListener import ErrorListener
from proto_schema_parser import ast
from proto_schema_parser.parser import Parser

from linkspan.api import DataError
from linkspan.convert.protobuf.model import ESCAPES, EnumType, File, Member, Message, map_entry_name

__all__ = ["option_text", "parse"]

_FIELD_META: Final = "(confluent.field_meta)"
_LAST: Final = {"default": 1, "json_name": 2}


class _Strict(ErrorListener):  # type: ignore[misc]  # of a library without types
    """Raises where the parser would go on with a guess."""

    def syntaxError(  # noqa: N802 - the parser's name
        self,
        recognizer: Any,  # noqa: ANN401 - of a library without types
        offendingSymbol: Any,  # noqa: ANN401, N803 - as above
        line: int,
        column: int,
        msg: str,
        e: Any,  # noqa: ANN401 - as above
    ) -> None:
        raise DataError(f"This is no Protobuf schema: line {line}, column {column}: {msg}")


def parse(content: str) -> File:
    """What a .proto text says.

    Raises:
        DataError: it is none, or uses what only old versions had: groups.
    """
    listener = _Strict()

    def strictly(recognizer: Any) -> None:  # noqa: ANN401 - lexer or parser
        recognizer.removeErrorListeners()
        recognizer.addErrorListener(listener)

    try:
        parsed = Parser(setup_lexer=strictly, setup_parser=strictly).parse(content)
    except (AttributeError, ValueError, TypeError, LookupError) as error:
        raise DataError(f"This is no Protobuf schema: {error}") from error
    if parsed.edition is not None:
        raise DataError(f"Protobuf edition {parsed.edition} is not supported; use syntax proto2 or proto3")
    file = File(syntax=(parsed.syntax or "proto2").strip("\"'"))
    for element in parsed.file_elements:
        _take(file, element)
    return file


def _take(file: File, element: object) -> None:
    if isinstance(element, ast.Package):
        file.package = element.name
    elif isinstance(element, ast.Import):
        name = element.name.strip("\"'")
        file.imports.append(name)
        if element.public:
            file.public.append(name)
    elif isinstance(element, ast.Option):
        if (written := option_text(element)) is not None:
            file.options.append(f"option {written};")
    elif isinstance(element, ast.Message):
        file.messages.append(_message(element))
    elif isinstance(element, ast.Enum):
        file.enums.append(_enum(element))


def option_text(option: ast.Option) -> str | None:
    """An option as it is written; None for one that is an object."""
    value = option.value
    if isinstance(value, bool):
        return f"{option.name} = {str(value).lower()}"
    if isinstance(value, str):
        return f'{option.name} = "{value.translate(ESCAPES)}"'
    if isinstance(value, ast.Identifier):
        return f"{option.name} = {value.name}"
    return f"{option.name} = {value}" if isinstance(value, int) else None


def _message(parsed: ast.Message) -> Message:
    message = Message(parsed.name)
    for element in parsed.elements:
        if isinstance(element, ast.OneOf):
            message.oneofs.append(element.name)
            message.members += [_member(item, element.name) for item in element.elements if isinstance(item, ast.Field)]
        elif isinstance(element, ast.MapField):
            message.members.append(_map(message, element))
        elif isinstance(element, ast.Field):
            message.members.append(_member(element, None))
        elif isinstance(element, ast.Group):
            raise DataError(f"Group {element.name} of a Protobuf message is not supported")
        elif isinstance(element, ast.Reserved):
            values = [*element.ranges, *(f'"{name}"' for name in element.names)]
            message.reserved.append(f"reserved {', '.join(values)};")
        elif isinstance(element, ast.Message):
            message.messages.append(_message(element))
        elif isinstance(element, ast.Enum):
            message.enums.append(_enum(element))
        elif isinstance(element, ast.Option) and element.name == "map_entry":
            message.is_map_entry = element.value is True
    return message


def _member(parsed: ast.Field, oneof: str | None) -> Member:
    label = None if parsed.cardinality is None else parsed.cardinality.value.lower()
    # what Java's library keeps apart from the other options comes last
    ordered = sorted(parsed.options, key=lambda option: _LAST.get(option.name, 0))
    options = [written for option in ordered if (written := option_text(option)) is not None]
    return Member(parsed.name, parsed.number, parsed.type, label, oneof, _params(parsed.options), options)


def _map(message: Message, parsed: ast.MapField) -> Member:
    entry = Message(map_entry_name(parsed.name), is_map_entry=True)
    entry.members = [Member("key", 1, parsed.key_type), Member("value", 2, parsed.value_type)]
    message.entries.append(entry)
    return Member(parsed.name, parsed.number, entry.name, "repeated", None, _params(parsed.options))


def _enum(parsed: ast.Enum) -> EnumType:
    values = [(item.name, item.number) for item in parsed.elements if isinstance(item, ast.EnumValue)]
    options = [item for item in parsed.elements if isinstance(item, ast.Option)]
    return EnumType(parsed.name, values, any(item.name == "allow_alias" and item.value is True for item in options))


def _params(options: Sequence[ast.Option]) -> dict[str, str]:
    """What Confluent keeps in an option of its own; it may be written in one piece or field by field."""
    found: dict[str, str] = {}
    for option in options:
        if option.name == _FIELD_META and isinstance(option.value, ast.MessageLiteral):
            for name, value in _pairs(option.value):
                if name == "params":
                    found.update(_param(item) for item in (value if isinstance(value, list) else [value]))
        elif option.name == f"{_FIELD_META}.params":
            value = option.value
            found.update(_param(item) for item in (value if isinstance(value, list) else [value]))
    return found


def _param(literal: Any) -> tuple[str, str]:  # noqa: ANN401 - whatever was written
    pairs = dict(_pairs(literal)) if isinstance(literal, ast.MessageLiteral) else {}
    return str(pairs.get("key", "")), str(pairs.get("value", ""))


def _pairs(literal: ast.MessageLiteral) -> Iterator[tuple[str, Any]]:
    for element in literal.elements:
        if isinstance(element, ast.MessageLiteralField):
            yield element.name, element.value
