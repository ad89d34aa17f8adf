"""AvroConverter: Avro in Confluent's format."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any, ClassVar, Final

import fastavro

from linkspan.api import LOW, MEDIUM, Bool, Config, DataError, Schema
from linkspan.convert.avro import reading, writing
from linkspan.convert.avro.compatibility import can_read
from linkspan.convert.avro.from_connect import avro_schema
from linkspan.convert.avro.model import Node, parse, text
from linkspan.convert.avro.options import Options
from linkspan.convert.avro.plans import parsed
from linkspan.convert.avro.to_connect import connect_schema
from linkspan.convert.registered import ID_END, ReadPlan, RegistryConverter
from linkspan.convert.registry_schema import RegistrySchema
from linkspan.convert.registry_settings import RegistryConfig

__all__ = ["AvroConverter", "AvroConverterConfig"]

_KIND: Final = "AVRO"
_MISFITS: Final = (TypeError, ValueError, OverflowError, AttributeError, LookupError, RecursionError)
"""What fastavro raises when a value does not fit."""


class AvroConverterConfig(RegistryConfig):
    """Settings of the AvroConverter."""

    enhanced_avro_schema_support = Bool(
        default=False,
        importance=MEDIUM,
        doc=(
            "Toggle for enabling/disabling enhanced avro schema support: Enum symbol preservation and Package Name "
            "awareness"
        ),
    )
    scrub_invalid_names = Bool(
        default=False,
        importance=MEDIUM,
        doc="Whether to scrub invalid names by replacing invalid characters with valid ones",
    )
    connect_meta_data = Bool(
        default=True,
        importance=LOW,
        doc="Toggle for enabling/disabling connect converter to add its meta data to the output schema or not",
    )
    allow_optional_map_keys = Bool(
        default=False,
        importance=LOW,
        doc="Allow optional string map key when converting from Connect Schema to Avro Schema.",
    )
    flatten_singleton_unions = Bool(default=False, importance=LOW, doc="Whether to flatten singleton unions")
    discard_type_doc_default = Bool(
        default=False,
        importance=LOW,
        doc="Only Avro field doc and default will be retained during conversion of Avro and Connect schema.",
    )


class AvroConverter(RegistryConverter):
    """Avro, with its schemas in a registry."""

    config_class: ClassVar[type[Config]] = AvroConverterConfig
    java_class = "io.confluent.connect.avro.AvroConverter"
    kind = _KIND
    write_failure = "Failed to serialize Avro data from topic {topic} : "
    read_failure = "Failed to deserialize data for topic {topic} to Avro: "
    takes_any_null = False

    def __init__(self) -> None:
        super().__init__()
        self._options = Options()

    def take_options(self, config: RegistryConfig) -> None:
        """Take the settings of the mapping."""
        assert isinstance(config, AvroConverterConfig)
        self._options = Options(
            enhanced=config.enhanced_avro_schema_support,
            scrub=config.scrub_invalid_names,
            metadata=config.connect_meta_data,
            optional_keys=config.allow_optional_map_keys,
            flatten=config.flatten_singleton_unions,
            field_doc_only=config.discard_type_doc_default,
            generalized=config.generalized_sum_type_support,
            keep_nulls=config.ignore_default_for_nullables,
        )

    def plan(self, schema: Schema | None) -> _AvroPlan:
        """The Avro schema, and what writes values by it."""
        return _AvroPlan(schema, avro_schema(schema, self._options), self._options)

    def understand(
        self,
        head: bytes,
        schema: RegistrySchema,
        references: dict[str, RegistrySchema],
        version: Callable[[str | None], int],
    ) -> ReadPlan:
        """What reads values of an Avro schema."""
        node = parse(schema.text, [item.text for item in references.values()])
        connect = connect_schema(node, self._options, version(_record_name(node)))
        codec, make = reading.reader(node, connect)
        return ReadPlan(connect, _read_bytes(make) if node.type == "bytes" else _read(parsed(codec), make))


class _AvroPlan:
    def __init__(self, schema: Schema | None, node: Node, options: Options) -> None:
        self._schema, self._node, self._options = schema, node, options
        self.registered = RegistrySchema(text(node), _KIND)
        self.record_name = _record_name(node)

    def is_readable_by(self, latest: RegistrySchema, references: dict[str, RegistrySchema]) -> bool:
        return can_read(parse(latest.text, [item.text for item in references.values()]), self._node)

    def writer(
        self, target: RegistrySchema | None, references: dict[str, RegistrySchema]
    ) -> Callable[[bytes, Any], bytes]:
        node = self._node if target is None else parse(target.text, [item.text for item in references.values()])
        codec, make = writing.writer(self._schema, node, self._options)
        put = _write_bytes(make) if node.type == "bytes" else _write(parsed(codec), make)
        return functools.partial(_explained, put, self._schema)


def _record_name(node: Node) -> str | None:
    return node.full_name if node.type == "record" else None


def _explained(put: Callable[[bytes, Any], bytes], schema: Schema | None, head: bytes, value: Any) -> bytes:  # noqa: ANN401 - any value
    try:
        return put(head, value)
    except _MISFITS as error:
        if schema is not None:
            schema.validate(value)  # says more exactly what does not fit, if it sees it
        raise DataError(f"Error serializing Avro message: {error}") from error


def _write(codec: Any, make: Callable[[Any], Any] | None) -> Callable[[bytes, Any], bytes]:  # noqa: ANN401 - of a library without types
    write, buffer = fastavro.schemaless_writer, io.BytesIO
    if make is None:

        def put(head: bytes, value: Any) -> bytes:  # noqa: ANN401 - any value
            out = buffer()
            out.write(head)
            write(out, codec, value)
            return out.getvalue()

        return put

    def put_made(head: bytes, value: Any) -> bytes:  # noqa: ANN401 - any value
        out = buffer()
        out.write(head)
        write(out, codec, make(value))
        return out.getvalue()

    return put_made


def _write_bytes(make: Callable[[Any], Any] | None) -> Callable[[bytes, Any], bytes]:
    """Bytes alone are written as they are, without their length."""

    def put(head: bytes, value: Any) -> bytes:  # noqa: ANN401 - any value
        content = value if make is None else make(value)
        if not isinstance(content, bytes | bytearray | memoryview):
            raise DataError(f"Unrecognized bytes object of type: {type(content).__name__}")
        return head + bytes(content)

    return put


def _read(codec: Any, make: Callable[[Any], Any] | None) -> Callable[[bytes], Any]:  # noqa: ANN401 - of a library without types
    read, buffer = fastavro.schemaless_reader, io.BytesIO

    def take(payload: bytes) -> Any:  # noqa: ANN401 - any value
        source = buffer(payload)
        source.seek(ID_END)
        try:
            value = read(source, codec, None)
        except (*_MISFITS, EOFError, StopIteration) as error:
            raise DataError(f"Error deserializing Avro message: {error}") from error
        return value if make is None else make(value)

    return take


def _read_bytes(make: Callable[[Any], Any] | None) -> Callable[[bytes], Any]:
    return lambda payload: payload[ID_END:] if make is None else make(payload[ID_END:])
