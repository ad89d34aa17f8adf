"""JSON with JSON Schema in Confluent's format: how JSON is written, read and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import jsonschema
import orjson
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry as References
from referencing import Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT7

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DECIMAL
from linkspan.convert import java_json, lenient_json
from linkspan.convert.format import ID_END, Format, ReadPlan
from linkspan.convert.json_schema import reading, writing
from linkspan.convert.json_schema.from_connect import json_schema_text
from linkspan.convert.json_schema.model import parse
from linkspan.convert.json_schema.options import KIND, Options
from linkspan.convert.json_schema.to_connect import connect_schema
from linkspan.convert.registry_schema import Named, RegistrySchema
from linkspan.convert.rules import json_schema as rules

__all__ = ["JsonSchemaFormat"]

_TOO_DEEP: Final = "the value is nested too deeply"

Validate = Callable[[Any], None]
"""Checks JSON against a schema; raises DataError when it does not fit."""


class JsonSchemaFormat(Format):
    """JSON with JSON Schema.

    Args:
        options: of the mapping.
        validates: whether JSON is checked against its schema.
    """

    def __init__(self, options: Options, *, validates: bool) -> None:
        self._options = options
        self._validates = validates

    def writes_null(self, schema: Schema | None) -> bool:
        """A null that the schema allows is JSON's null, or its default."""
        return schema is not None and (schema.optional or schema.default is not None)

    def plan(self, schema: Schema | None) -> _JsonPlan:
        """The JSON Schema, and what writes values by it."""
        if schema is None:
            raise DataError("A value needs a schema to be written as JSON with JSON Schema")
        return _JsonPlan(schema, self._options, validates=self._validates)

    def understand(
        self,
        head: bytes,
        schema: RegistrySchema,
        references: dict[str, RegistrySchema],
        version: Callable[[str | None], int],
    ) -> ReadPlan:
        """What reads JSON by a JSON Schema."""
        node = parse(schema.text, {name: item.text for name, item in references.items()})
        title = node.own("title")
        number = version(title if isinstance(title, str) else None)
        connect = connect_schema(node, self._options, number, reading.read_default)
        validate = _validator(schema, references) if self._validates else None
        parse_json = _parse_exactly if _holds_decimals(connect) else _parse
        return ReadPlan(connect, partial(_read, parse_json, validate, reading.reader(connect)))


class _JsonPlan:
    def __init__(self, schema: Schema, options: Options, *, validates: bool) -> None:
        self._validates = validates
        self.registered = RegistrySchema(json_schema_text(schema, options), KIND)
        self._make = writing.writer(schema, options)
        title = parse(self.registered.text, {}).own("title")
        self.record_name: str | None = title if isinstance(title, str) else None

    def is_readable_by(self, latest: RegistrySchema, references: dict[str, RegistrySchema]) -> bool:
        others = [Named(name, item.text) for name, item in references.items()]
        return rules.can_read(latest.text, self.registered.text, others)

    def writer(
        self, target: RegistrySchema | None, references: dict[str, RegistrySchema]
    ) -> Callable[[bytes, Any], bytes]:
        validate = _validator(target or self.registered, references) if self._validates else None
        return partial(_write, self._make, validate)


def _write(make: Callable[[Any], Any], validate: Validate | None, head: bytes, value: Any) -> bytes:  # noqa: ANN401 - any value
    try:
        data = make(value)
        if validate is not None:
            validate(data)
        return head + _dumped(data)
    except RecursionError as error:
        raise DataError(_TOO_DEEP) from error


def _dumped(data: Any) -> bytes:  # noqa: ANN401 - any JSON
    try:
        written = orjson.dumps(data)
        # most texts need no closer look, and the call would take as long as the writing
        plain = written.isascii() and b"\\" not in written
        return written if plain else java_json.spelled(written)
    except (TypeError, orjson.JSONEncodeError):
        return java_json.exact_dump(data)


def _read(
    parse_json: Callable[[bytes], Any],
    validate: Validate | None,
    make: Callable[[Any], Any],
    payload: bytes,
) -> Any:  # noqa: ANN401 - any value
    try:
        data = parse_json(payload[ID_END:])
        if validate is not None:
            validate(data)
        return make(data)
    except RecursionError as error:
        raise DataError(_TOO_DEEP) from error


def _parse(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return _parse_exactly(content)


def _parse_exactly(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return lenient_json.parse(content, exactly=True)
    except (ValueError, RecursionError) as error:
        try:
            return json.loads(content)  # takes NaN and infinities, as the original does
        except (ValueError, RecursionError):
            raise DataError(f"Error deserializing JSON message: {error}") from error


def _holds_decimals(schema: Schema) -> bool:
    todo, done = [schema], set()
    while todo:
        item = todo.pop()
        if item.name == DECIMAL or item.type is Type.BYTES:
            return True
        if id(item.fields) not in done:
            todo += [field.schema for field in item.fields]
        done.add(id(item.fields))
        todo += [part for part in (item.keys, item.values) if part is not None]
    return False


def _validator(schema: RegistrySchema, references: dict[str, RegistrySchema]) -> Validate:
    data = orjson.loads(schema.text)
    known = References[Any]().with_resources(
        (name, Resource.from_contents(orjson.loads(item.text), default_specification=DRAFT7))
        for name, item in references.items()
    )
    kind = jsonschema.validators.validator_for(data, default=jsonschema.Draft7Validator)
    try:
        kind.check_schema(data)
    except SchemaError as error:
        raise DataError(f"This is no JSON Schema: {error.message}") from error
    checker = kind(data, registry=known)

    def validate(value: Any) -> None:  # noqa: ANN401 - any JSON
        try:
            error: ValidationError | None = best_match(checker.iter_errors(value))
        except Unresolvable as unresolvable:
            raise DataError(f"JSON Schema: {unresolvable}") from unresolvable
        if error is not None:
            raise DataError(f"Validation error in JSON {error.json_path}: {error.message}")

    return validate
