"""Protobuf in Confluent's format: how messages are written and read, by the protobuf library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.message import Message as ProtobufMessage

from linkspan.api import DataError, Schema, Type
from linkspan.convert.format import ID_END, Format, ReadPlan
from linkspan.convert.protobuf import indexes, reading, writing
from linkspan.convert.protobuf import options as words
from linkspan.convert.protobuf.compatibility import can_read
from linkspan.convert.protobuf.descriptors import MessageType, message_types
from linkspan.convert.protobuf.from_connect import ROOT_WRAPPERS, protobuf_schema
from linkspan.convert.protobuf.model import File, text
from linkspan.convert.protobuf.options import KIND, Options, is_union
from linkspan.convert.protobuf.parsing import parse
from linkspan.convert.protobuf.to_connect import connect_schema, params_of
from linkspan.convert.protobuf.wrappers import WRAPPERS_TEXT
from linkspan.convert.registry_schema import RegistrySchema

__all__ = ["ProtobufFormat"]

_TOO_DEEP: Final = "the value is nested too deeply"


class ProtobufFormat(Format):
    """Protobuf.

    Args:
        options: of the mapping.
    """

    def __init__(self, options: Options) -> None:
        self._options = options

    def plan(self, schema: Schema | None) -> _ProtobufPlan:
        """The .proto file, and what writes messages by it."""
        if schema is None:
            raise DataError("A value needs a schema to be written as Protobuf")
        if schema.type is Type.STRUCT and not is_union(schema):
            file, name = protobuf_schema(schema, self._options)
            message = message_types(file, {})[name]
            make = writing.message_writer(schema, message.descriptor, self._options)
            return _ProtobufPlan(file, text(file), message, make)
        wrapper = ROOT_WRAPPERS.get(schema.type)
        if wrapper is None:
            raise DataError(f"Unsupported root schema of type {schema.type.value}")
        check = writing.scalar_writer(schema)
        file = parse(WRAPPERS_TEXT)
        return _ProtobufPlan(
            file, WRAPPERS_TEXT, message_types(file, {})[wrapper], lambda value: {"value": check(value)}
        )

    def head_of(self, payload: bytes) -> bytes:
        """The id of the schema and the place of the message in it."""
        return payload[: indexes.end(payload, ID_END)]

    def understand(
        self,
        head: bytes,
        schema: RegistrySchema,
        references: dict[str, RegistrySchema],
        version: Callable[[str | None], int],
    ) -> ReadPlan:
        """What reads messages of a .proto file."""
        file = parse(schema.text)
        others = {name: parse(item.text) for name, item in references.items()}
        places = indexes.read(head, ID_END)
        try:
            name, _ = file.found(places)
        except LookupError:
            raise DataError(f"Invalid message indexes: {places}") from None
        message = message_types(file, others)[name]
        params = {key: value for item in (*others.values(), file) for key, value in params_of(item).items()}
        connect = connect_schema(message.descriptor, params, self._options, version(name))
        if name in words.WRAPPED and connect.type is not Type.STRUCT:
            make = reading.wrapper_reader(connect.type)
        else:
            make = reading.message_reader(message.descriptor, connect, self._options)
        return ReadPlan(connect, partial(_read, message.made_by.FromString, make, len(head)))


class _ProtobufPlan:
    def __init__(
        self, file: File, content: str, message: MessageType, make: Callable[[Any], Mapping[str, Any]]
    ) -> None:
        self._file, self._message, self._make = file, message.made_by, make
        self.registered = RegistrySchema(content, KIND)
        self.record_name: str = message.descriptor.full_name

    def is_readable_by(self, latest: RegistrySchema, references: dict[str, RegistrySchema]) -> bool:
        others = {name: parse(item.text) for name, item in references.items()}
        return can_read(parse(latest.text), self._file, others)

    def writer(
        self, target: RegistrySchema | None, references: dict[str, RegistrySchema]
    ) -> Callable[[bytes, Any], bytes]:
        # fields are written by their numbers, so another version differs in the place of the message only
        file = self._file if target is None else parse(target.text)
        return partial(_write, self._message, self._make, indexes.written(file.places_of(self.record_name)))


def _write(
    message: type[ProtobufMessage],
    make: Callable[[Any], Mapping[str, Any]],
    place: bytes,
    head: bytes,
    value: Any,  # noqa: ANN401 - any value
) -> bytes:
    try:
        return head + place + message(**make(value)).SerializeToString()
    except RecursionError as error:
        raise DataError(f"Error serializing Protobuf message: {_TOO_DEEP}") from error
    except (TypeError, ValueError, OverflowError, EncodeError) as error:
        raise DataError(f"Error serializing Protobuf message: {error}") from error


def _read(parse_message: Callable[[bytes], Any], make: Callable[[Any], Any], start: int, payload: bytes) -> Any:  # noqa: ANN401 - any value
    try:
        return make(parse_message(payload[start:]))
    except RecursionError as error:
        raise DataError(f"Error deserializing Protobuf message: {_TOO_DEEP}") from error
    except DecodeError as error:
        raise DataError(f"Error deserializing Protobuf message: {error}") from error
