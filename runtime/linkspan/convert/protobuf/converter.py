"""ProtobufConverter: Protobuf in Confluent's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.message import Message as ProtobufMessage

from linkspan.api import MEDIUM, Bool, Config, DataError, Schema, Type
from linkspan.convert.protobuf import indexes, reading, writing
from linkspan.convert.protobuf import options as words
from linkspan.convert.protobuf.compatibility import can_read
from linkspan.convert.protobuf.descriptors import MessageType, message_types
from linkspan.convert.protobuf.from_connect import ROOT_WRAPPERS, protobuf_schema
from linkspan.convert.protobuf.model import File, text
from linkspan.convert.protobuf.options import Options, is_union
from linkspan.convert.protobuf.parsing import parse
from linkspan.convert.protobuf.to_connect import connect_schema, params_of
from linkspan.convert.protobuf.wrappers import WRAPPERS_TEXT
from linkspan.convert.registered import ID_END, ReadPlan, RegistryConverter
from linkspan.convert.registry_schema import RegistrySchema
from linkspan.convert.registry_settings import RegistryConfig

__all__ = ["ProtobufConverter", "ProtobufConverterConfig"]

_KIND: Final = "PROTOBUF"


class ProtobufConverterConfig(RegistryConfig):
    """Settings of the ProtobufConverter."""

    enhanced_protobuf_schema_support = Bool(
        default=False,
        importance=MEDIUM,
        doc="Toggle for enabling/disabling enhanced protobuf schema support: package name preservation",
    )
    scrub_invalid_names = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to scrub invalid names by replacing invalid characters with valid ones",
    )
    int_for_enums = Bool(default=False, importance=MEDIUM, doc="Whether to represent enums as integers")
    optional_for_nullables = Bool(
        default=False, importance=MEDIUM, doc="Whether nullable fields should be specified with an optional label"
    )
    optional_for_proto2 = Bool(default=True, importance=MEDIUM, doc="Whether proto2 optionals are supported")
    wrapper_for_nullables = Bool(
        default=False, importance=MEDIUM, doc="Whether nullable fields should use primitive wrapper messages"
    )
    wrapper_for_raw_primitives = Bool(
        default=True,
        importance=MEDIUM,
        doc="Whether a wrapper message should be interpreted as a raw primitive at the root level",
    )
    generate_struct_for_nulls = Bool(
        default=False, importance=MEDIUM, doc="Whether to generate a default struct for null messages"
    )
    generate_index_for_unions = Bool(
        default=True, importance=MEDIUM, doc="Whether to suffix union names with an underscore followed by an index"
    )
    flatten_unions = Bool(default=False, importance=MEDIUM, doc="Whether to flatten unions (oneofs)")


class ProtobufConverter(RegistryConverter):
    """Protobuf, with its schemas in a registry."""

    config_class: ClassVar[type[Config]] = ProtobufConverterConfig
    java_class = "io.confluent.connect.protobuf.ProtobufConverter"
    kind = _KIND
    write_failure = "Failed to serialize Protobuf data from topic {topic} : "
    read_failure = "Failed to deserialize data for topic {topic} to Protobuf: "

    def __init__(self) -> None:
        super().__init__()
        self._options = Options()

    def take_options(self, config: RegistryConfig) -> None:
        """Take the settings of the mapping."""
        assert isinstance(config, ProtobufConverterConfig)
        self._options = Options(
            enhanced=config.enhanced_protobuf_schema_support,
            scrub=config.scrub_invalid_names,
            int_enums=config.int_for_enums,
            optional_nullables=config.optional_for_nullables,
            optional_proto2=config.optional_for_proto2,
            wrapped_nullables=config.wrapper_for_nullables,
            wrapped_primitives=config.wrapper_for_raw_primitives,
            structs_for_nulls=config.generate_struct_for_nulls,
            numbered_unions=config.generate_index_for_unions,
            flatten=config.flatten_unions,
            generalized=config.generalized_sum_type_support,
            keep_nulls=config.ignore_default_for_nullables,
        )

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
        self.registered = RegistrySchema(content, _KIND)
        self.record_name: str = message.descriptor.full_name

    def is_readable_by(self, latest: RegistrySchema, references: dict[str, RegistrySchema]) -> bool:
        return can_read(parse(latest.text), self._file)

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
    except (TypeError, ValueError, OverflowError, EncodeError) as error:
        raise DataError(f"Error serializing Protobuf message: {error}") from error


def _read(parse_message: Callable[[bytes], Any], make: Callable[[Any], Any], start: int, payload: bytes) -> Any:  # noqa: ANN401 - any value
    try:
        return make(parse_message(payload[start:]))
    except DecodeError as error:
        raise DataError(f"Error deserializing Protobuf message: {error}") from error
