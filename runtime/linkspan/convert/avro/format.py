"""Avro in Confluent's format: how values are written, by fastavro, and read."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from typing import Any, Final

import fastavro

from linkspan.api import DataError, Schema
from linkspan.convert.avro import reading, writing
from linkspan.convert.avro.from_connect import avro_schema
from linkspan.convert.avro.model import Node, parse, text
from linkspan.convert.avro.options import KIND, Options
from linkspan.convert.avro.plans import parsed
from linkspan.convert.avro.to_connect import connect_schema
from linkspan.convert.format import ID_END, Format, ReadPlan
from linkspan.convert.registry_schema import RegistrySchema
from linkspan.convert.rules import avro as rules

__all__ = ["AvroFormat"]

_MISFITS: Final = (TypeError, ValueError, OverflowError, AttributeError, LookupError)
"""What fastavro raises when a value does not fit."""
_TOO_DEEP: Final = "the value is nested too deeply"


class AvroFormat(Format):
    """Avro.

    Args:
        options: of the mapping.
    """

    def __init__(self, options: Options) -> None:
        self._options = options

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
        if node.type == "bytes":
            return ReadPlan(connect, _read_bytes(reading.made_of_scalar(node, connect)))
        return ReadPlan(connect, _read(reading.reader(node, connect)))


class _AvroPlan:
    def __init__(self, schema: Schema | None, node: Node, options: Options) -> None:
        self._schema, self._node, self._options = schema, node, options
        self.registered = RegistrySchema(text(node), KIND)
        self.record_name = _record_name(node)

    def is_readable_by(self, latest: RegistrySchema, references: dict[str, RegistrySchema]) -> bool:
        return rules.can_read(latest.text, self.registered.text, [item.text for item in references.values()])

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
    except RecursionError as error:
        raise DataError(f"Error serializing Avro message: {_TOO_DEEP}") from error
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


def _read(read: reading.Reader) -> Callable[[bytes], Any]:
    def take(payload: bytes) -> Any:  # noqa: ANN401 - any value
        try:
            return read(payload, ID_END)
        except RecursionError as error:
            raise DataError(f"Error deserializing Avro message: {_TOO_DEEP}") from error
        except (EOFError, IndexError, struct.error) as error:
            raise DataError("Error deserializing Avro message: the payload ends too early") from error
        except _MISFITS as error:
            raise DataError(f"Error deserializing Avro message: {error}") from error

    return take


def _read_bytes(make: Callable[[Any], Any] | None) -> Callable[[bytes], Any]:
    return lambda payload: payload[ID_END:] if make is None else make(payload[ID_END:])
