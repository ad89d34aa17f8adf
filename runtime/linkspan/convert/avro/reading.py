"""Values on their way out of Avro: for each pair of Avro and Connect schema one function, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.convert import logical
from linkspan.convert.avro.model import Node
from linkspan.convert.avro.options import KEY, VALUE, is_union
from linkspan.convert.avro.plans import Codec, Codecs, plain_codec
from linkspan.convert.deferred import Deferred

__all__ = ["reader"]

Function = Callable[[Any], Any]
Plan = tuple[Codec, Function | None]
"""What fastavro reads by, and what makes Connect's value of its own; None where they are the same."""

_MOMENTS: Final[Mapping[str, tuple[str, Function]]] = {
    DATE: ("int", logical.date_of),
    TIME: ("int", logical.time_of),
    TIMESTAMP: ("long", logical.timestamp_of),
}
_BITS: Final = {Type.INT8: 8, Type.INT16: 16}


def reader(node: Node, schema: Schema | None) -> Plan:
    """How values of an Avro schema become values of the Connect schema that was made of it."""
    if schema is None:
        return plain_codec(node), _from_anything
    return _Readers().plan(node, schema)


class _Readers:
    def __init__(self) -> None:
        self._codecs = Codecs()
        self._open: dict[tuple[int, int], tuple[str, Deferred]] = {}

    def plan(self, node: Node, schema: Schema) -> Plan:
        if node.type == "union":
            return self._union(node, schema)
        if node.type in ("record", "error"):
            return self._record(node, schema)
        if node.type == "map":
            assert node.inner is not None
            assert schema.values is not None
            codec, make = self.plan(node.inner, schema.values)
            return {"type": "map", "values": codec}, _values_of(make)
        if node.type == "array":
            return self._array(node, schema)
        return self._codecs.scalar(node), _scalar(node, schema)

    def _union(self, node: Node, schema: Schema) -> Plan:
        if not is_union(schema):
            (found,) = [branch for branch in node.branches if branch.type != "null"]
            codec, make = self.plan(found, schema)
            branches = [codec if branch is found else "null" for branch in node.branches]
            return branches, None if make is None else _nullable(make)
        fields = iter(schema.fields)
        codecs: list[Codec] = []
        makers: dict[str, Function | None] = {}
        for branch in node.branches:
            if branch.type == "null":
                codecs.append("null")
                continue
            field = next(fields)
            codec, makers[field.name] = self.plan(branch, field.schema)
            codecs.append(self._codecs.branch(codec, field.name)[1])
        return codecs, _branch(tuple(makers), {name: make for name, make in makers.items() if make is not None})

    def _record(self, node: Node, schema: Schema) -> Plan:
        place = (id(node), id(schema.fields))
        if place in self._open:
            return self._open[place]
        name, deferred = self._open[place] = self._codecs.name(), Deferred()
        parts: list[Codec] = []
        special: list[tuple[str, Function]] = []
        for member, field in zip(node.fields, schema.fields, strict=True):
            codec, make = self.plan(member.node, field.schema)
            parts.append({"name": field.name, "type": codec})
            if make is not None:
                special.append((field.name, make))
        del self._open[place]
        deferred.function = _fields_of(special) if special else None
        return self._codecs.named(name, parts), deferred.function

    def _array(self, node: Node, schema: Schema) -> Plan:
        assert node.inner is not None
        assert schema.values is not None
        if schema.type is Type.ARRAY:
            codec, make = self.plan(node.inner, schema.values)
            return {"type": "array", "items": codec}, None if make is None else _items_of(make)
        assert schema.keys is not None
        members = {member.name: member.node for member in node.inner.fields}
        key_codec, make_key = self.plan(members[KEY], schema.keys)
        value_codec, make_value = self.plan(members[VALUE], schema.values)
        codecs = {KEY: key_codec, VALUE: value_codec}
        # the two may stand in either order
        entry = self._codecs.record([{"name": name, "type": codecs[name]} for name in members])
        return {"type": "array", "items": entry}, _entries_of(make_key, make_value)


def _scalar(node: Node, schema: Schema) -> Function | None:
    if schema.name == DECIMAL and schema.type is Type.BYTES:
        scale = logical.scale_of(schema)
        return lambda content: logical.decimal_of(content, scale)
    moment = _MOMENTS.get(schema.name or "")
    if moment is not None and moment[0] == node.type:
        return moment[1]
    return _cut(_BITS[schema.type]) if schema.type in _BITS else None


def _cut(bits: int) -> Function:
    most, all_bits = 1 << (bits - 1), (1 << bits) - 1

    def cut(value: int) -> int:
        if -most <= value < most:
            return value
        wrapped = value & all_bits
        return wrapped - all_bits - 1 if wrapped >= most else wrapped

    return cut


def _nullable(make: Function) -> Function:
    return lambda value: None if value is None else make(value)


def _fields_of(special: list[tuple[str, Function]]) -> Function:
    def convert(record: dict[str, Any]) -> dict[str, Any]:
        for name, make in special:
            record[name] = make(record[name])
        return record

    return convert


def _items_of(make: Function) -> Function:
    return lambda items: [make(item) for item in items]


def _values_of(make: Function | None) -> Function | None:
    if make is None:
        return None
    return lambda found: {key: make(item) for key, item in found.items()}


def _entries_of(make_key: Function | None, make_value: Function | None) -> Function:
    def convert(entries: list[dict[str, Any]]) -> dict[Any, Any]:
        return {
            (entry[KEY] if make_key is None else make_key(entry[KEY])): (
                entry[VALUE] if make_value is None else make_value(entry[VALUE])
            )
            for entry in entries
        }

    return convert


def _branch(names: tuple[str, ...], makers: Mapping[str, Function]) -> Function:
    empty = dict.fromkeys(names)

    def convert(found: dict[str, Any] | None) -> dict[str, Any] | None:
        if found is None:
            return None
        ((name, value),) = found.items()
        make = makers.get(name)
        return {**empty, name: value if make is None else make(value)}

    return convert


def _from_anything(record: dict[str, Any]) -> object:
    """The value without schema in Confluent's record for such values."""
    for name, value in record.items():
        if value is None:
            continue
        if name == "array":
            return [_from_anything(item) for item in value]
        if name == "map":
            return {_from_anything(entry[KEY]): _from_anything(entry[VALUE]) for entry in value}
        return value
    return None
