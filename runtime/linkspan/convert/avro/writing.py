"""Values on their way into Avro: for each pair of Connect and Avro schema one function, made once.

The functions hand values to fastavro, which writes them. What fastavro would write without a word although it does not
fit is refused here: fractions and too large numbers as whole numbers, other things as booleans. In Avro a record is
written like its fields one after the other, so a record of one field stands for a branch of a union: it has a name, by
which the branch is chosen without trying them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.convert import logical
from linkspan.convert.avro.from_connect import ANYTHING
from linkspan.convert.avro.model import ABSENT, AvroField, Node
from linkspan.convert.avro.options import KEY, VALUE, Options, is_union
from linkspan.convert.avro.plans import BRANCH, Codec, Codecs, plain_codec
from linkspan.convert.avro.to_connect import branch_name
from linkspan.convert.checks import INT_BITS, boolean, whole
from linkspan.convert.deferred import Deferred

__all__ = ["writer"]

Function = Callable[[Any], Any]
Plan = tuple[Codec, Function | None]
"""What fastavro writes by, and what makes its value; None where Connect's value is fastavro's."""

_INT64: Final = whole(Type.INT64)
_MOMENTS: Final[Mapping[str, Function]] = {
    DATE: logical.days,
    TIME: logical.milliseconds_of_day,
    TIMESTAMP: logical.milliseconds,
}
_SIMPLE: Final = frozenset(("null", "boolean", "int", "long", "float", "double", "string"))


def writer(schema: Schema | None, node: Node, options: Options) -> Plan:
    """How values of a Connect schema are written by an Avro schema.

    Raises:
        DataError: values of the one can never be written by the other.
    """
    if schema is None:
        if node is not ANYTHING:
            raise DataError("A value without schema can be written by no Avro schema but Confluent's own for such")
        return plain_codec(node), _anything
    return _Writers(options).plan(schema, node)


class _Writers:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._codecs = Codecs()
        self._open: dict[tuple[int, int], tuple[str, Deferred]] = {}

    def plan(self, schema: Schema, node: Node) -> Plan:
        if is_union(schema) and schema.type is Type.STRUCT:
            return self._union(schema, node)
        if node.type == "union":
            return self._optional(schema, node)
        kind = schema.type
        if kind is Type.STRUCT and node.type in ("record", "error"):
            return self._record(schema, node)
        if kind is Type.ARRAY and node.type == "array":
            return self._array(schema, node)
        if kind is Type.MAP and node.type in ("array", "map"):
            return self._map(schema, node)
        return self._scalar(schema, node)

    def _scalar(self, schema: Schema, node: Node) -> Plan:
        kind, codec = schema.type, self._codecs.scalar(node)
        if node.type not in _TARGETS.get(kind, ()):
            raise DataError(f"Values of {kind.value} cannot be written as Avro's {node.type}")
        moment = _MOMENTS.get(schema.name or "")
        if moment is not None and kind in (Type.INT32, Type.INT64):
            return codec, moment
        if schema.name == DECIMAL and kind is Type.BYTES:
            return codec, _decimal(schema, node)
        if kind in INT_BITS:
            return codec, whole(kind)
        if kind is Type.BOOLEAN:
            return codec, boolean
        return codec, None if node.type != "fixed" else _fixed(node.size)

    def _optional(self, schema: Schema, node: Node) -> Plan:
        found = [branch for branch in node.branches if branch.type != "null"]
        if len(found) > 1:
            # a later version may have more branches: the one of our own type is taken
            found = [branch for branch in found if _fits(schema, branch, self._options)]
        if not found:
            raise DataError(f"Values of {schema.type.value} fit no branch of the Avro union")
        chosen = found[0]
        codec, make = self.plan(schema, chosen)
        if len(node.branches) <= 2 and chosen.type in _SIMPLE:
            branches = [codec if branch is chosen else "null" for branch in node.branches]
            return branches, None if make is None else _nullable(make)
        label, wrapped = self._codecs.branch(codec)
        others = [wrapped if branch is chosen else self._codecs.unused(branch) for branch in node.branches]
        return others, _chosen(label, make)

    def _record(self, schema: Schema, node: Node) -> Plan:
        place = (id(schema.fields), id(node))
        if place in self._open:
            return self._open[place]
        name, deferred = self._open[place] = self._codecs.name(), Deferred()
        options = self._options
        parts: list[Codec] = []
        special: list[tuple[str, Function | None, object]] = []
        wanted = {options.scrubbed(field.name): field for field in schema.fields}
        for member in node.fields:
            field = wanted.get(member.name)
            if field is None:
                parts.append(_defaulted(member))
                continue
            codec, make = self.plan(field.schema, member.node)
            parts.append({"name": field.name, "type": codec})
            default = None if options.keep_nulls and field.schema.optional else field.schema.default
            if make is not None or default is not None:
                special.append((field.name, make, default))
        del self._open[place]
        deferred.function = _struct(schema, special)
        return self._codecs.named(name, parts), deferred.function

    def _array(self, schema: Schema, node: Node) -> Plan:
        assert node.inner is not None
        assert schema.values is not None
        codec, make = self.plan(schema.values, node.inner)
        return {"type": "array", "items": codec}, _list(make)

    def _map(self, schema: Schema, node: Node) -> Plan:
        assert node.inner is not None
        assert schema.keys is not None
        assert schema.values is not None
        if node.type == "map":
            codec, make = self.plan(schema.values, node.inner)
            return {"type": "map", "values": codec}, _text_map(make)
        key, value = node.inner.member(KEY), node.inner.member(VALUE)
        if key is None or value is None:
            raise DataError("Values of MAP cannot be written as this array of Avro")
        key_codec, make_key = self.plan(schema.keys, key.node)
        value_codec, make_value = self.plan(schema.values, value.node)
        entry = self._codecs.record([{"name": KEY, "type": key_codec}, {"name": VALUE, "type": value_codec}])
        return {"type": "array", "items": entry}, _entries(make_key, make_value)

    def _union(self, schema: Schema, node: Node) -> Plan:
        nodes = node.branches if node.type == "union" else (node,)
        codecs: list[Codec] = []
        labels: list[tuple[str, str, Function | None]] = []
        left = list(schema.fields)
        for index, branch in enumerate(nodes):
            if branch.type == "null":
                codecs.append("null")
                continue
            name = branch_name(branch, index, self._options)
            field = next((item for item in left if item.name == name), None)
            if field is None:
                field = next((item for item in left if _fits(item.schema, branch, self._options)), None)
            if field is None:
                codecs.append(self._codecs.unused(branch))
                continue
            left.remove(field)
            codec, make = self.plan(field.schema, branch)
            label, wrapped = self._codecs.branch(codec)
            codecs.append(wrapped)
            labels.append((field.name, label, make))
        if left:
            raise DataError(f"Field {left[0].name} of a union fits no branch of the Avro union")
        order = {field.name: field.index for field in schema.fields}
        labels.sort(key=lambda item: order[item[0]])
        return codecs, _one_of(schema, labels)


_TARGETS: Final[Mapping[Type, tuple[str, ...]]] = {
    Type.INT8: ("int", "long", "float", "double"),
    Type.INT16: ("int", "long", "float", "double"),
    Type.INT32: ("int", "long", "float", "double"),
    Type.INT64: ("long", "float", "double"),
    Type.FLOAT32: ("float", "double"),
    Type.FLOAT64: ("double",),
    Type.BOOLEAN: ("boolean",),
    Type.STRING: ("string", "enum"),
    Type.BYTES: ("bytes", "fixed"),
}


def _fits(schema: Schema, node: Node, options: Options) -> bool:
    if schema.type is Type.STRUCT:
        return node.type == "record" and (schema.name is None or node.full_name == options.full_name(schema.name))
    if schema.type is Type.ARRAY:
        return node.type == "array"
    if schema.type is Type.MAP:
        return node.type in ("array", "map")
    return node.type in _TARGETS[schema.type]


def _defaulted(member: AvroField) -> Codec:
    """A field that only a later version of the schema has: its default is written."""
    if member.default is ABSENT:
        raise DataError(f"Field {member.name} of the Avro schema has no default, and the record does not have it")
    return {"name": member.name, "type": plain_codec(member.node), "default": member.default}


# --- functions over values --------------------------------------------------------------------------------------------


def _fixed(size: int) -> Function:
    def check(value: Any) -> Any:  # noqa: ANN401 - checked here
        content = bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None
        if content is None or len(content) != size:
            raise DataError(f"Fixed size {size} is not that of the value")
        return content

    return check


def _decimal(schema: Schema, node: Node) -> Function:
    scale, size, unscaled = logical.scale_of(schema), node.size, logical.unscaled
    if node.type != "fixed":
        return lambda value: unscaled(value, scale)

    def padded(value: Any) -> bytes:  # noqa: ANN401 - checked by what it is given to
        content = unscaled(value, scale)
        if len(content) > size:
            raise DataError(f"Unscaled value byte array length {len(content)} is greater than fixed size {size}")
        return content.rjust(size, b"\xff" if content[0] & 0x80 else b"\0")

    return padded


def _nullable(make: Function) -> Function:
    return lambda value: None if value is None else make(value)


def _chosen(label: str, make: Function | None) -> Function:
    if make is None:
        return lambda value: None if value is None else (label, {BRANCH: value})
    return lambda value: None if value is None else (label, {BRANCH: make(value)})


def _struct(schema: Schema, special: list[tuple[str, Function | None, object]]) -> Function:
    names = frozenset(field.name for field in schema.fields)
    most = len(names)
    plain = [(name, make) for name, make, default in special if default is None and make is not None]
    defaulted = [(name, make, default) for name, make, default in special if default is not None]

    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        made = dict(value)
        if len(made) > most or not (names.issuperset(made)):
            raise DataError(f"{min(map(str, made.keys() - names))} is not a field of the schema {schema.name}")
        get = made.get
        try:
            for name, make in plain:
                made[name] = make(get(name))
            for name, other, default in defaulted:
                item = get(name)
                item = default if item is None else item
                made[name] = item if other is None else other(item)
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        return made

    return convert


def _list(make: Function | None) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, list | tuple):
            raise DataError(f"expected ARRAY, found {type(value).__name__}")
        return list(value) if make is None else [make(item) for item in value]

    return convert


def _text_map(make: Function | None) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected MAP, found {type(value).__name__}")
        return dict(value) if make is None else {key: make(item) for key, item in value.items()}

    return convert


def _entries(make_key: Function | None, make_value: Function | None) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected MAP, found {type(value).__name__}")
        return [
            {
                KEY: key if make_key is None else make_key(key),
                VALUE: item if make_value is None else make_value(item),
            }
            for key, item in value.items()
        ]

    return convert


def _one_of(schema: Schema, labels: list[tuple[str, str, Function | None]]) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise DataError(f"expected STRUCT, found {type(value).__name__}")
        for name, label, make in labels:
            item = value.get(name)
            if item is not None:
                return label, {BRANCH: item if make is None else make(item)}
        if schema.optional:
            return None
        raise DataError("Found null value for non-optional schema")

    return convert


def _anything(value: Any) -> Any:  # noqa: ANN401 - any value
    """A value without schema, in the one field of Confluent's record that fits its type."""
    if value is None:
        return {}
    kind = _ANYTHING_FIELDS.get(type(value))
    if kind == "long":
        return {"long": _INT64(value)}
    if kind is not None:
        return {kind: value}
    if isinstance(value, Mapping):
        return {"map": [{KEY: _anything(key), VALUE: _anything(item)} for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"array": [_anything(item) for item in value]}
    if isinstance(value, bytearray | memoryview):
        return {"bytes": bytes(value)}
    raise DataError(f"Unknown type for schemaless data: {type(value).__name__}")


_ANYTHING_FIELDS: Final[Mapping[type, str]] = {
    bool: "boolean",
    bytes: "bytes",
    float: "double",
    int: "long",
    str: "string",
}
