"""Values on their way out of Avro: for each pair of Avro and Connect schema one function, written and compiled once.

This is half of what a sink does with a record. fastavro asks a stream for every byte of a number and looks at the
schema for every value, which takes twice as long as Python code that was written for just this schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from textwrap import indent
from typing import Any, Final

from linkspan.api import Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.convert import logical
from linkspan.convert.avro.model import Node
from linkspan.convert.avro.options import KEY, VALUE, is_union

__all__ = ["Reader", "made_of_scalar", "reader"]

Function = Callable[[Any], Any]
Reader = Callable[[bytes, int], Any]
"""Makes the value of a payload, from the place on where it begins."""

_MOMENTS: Final[Mapping[str, tuple[str, Function]]] = {
    DATE: ("int", logical.date_of),
    TIME: ("int", logical.time_of),
    TIMESTAMP: ("long", logical.timestamp_of),
}
_BITS: Final = {Type.INT8: 8, Type.INT16: 16}


def reader(node: Node, schema: Schema | None) -> Reader:
    """How values of an Avro schema become values of the Connect schema that was made of it.

    What it returns raises EOFError, IndexError or struct.error where the payload ends too early, RecursionError where
    it is nested too deeply, and ValueError for what is no Avro.
    """
    read = _Program().reader(node, schema)
    if schema is None:
        return lambda payload, start: _from_anything(read(payload, start))
    return read


# In the text of a program b is the payload, p the place in it, size its length, n a number as it is written: its
# lowest bit tells that it is negative.
_NUMBER: Final = """\
n = b[p]
p += 1
if n > 127:
    n, p = {more}(b, p, n)
"""
_LONG: Final = _NUMBER.format(more="more_of_long")
_CONTENT: Final = f"""\
{_LONG}end = p + (n >> 1)
if n & 1 or end > size:
    raise EOFError
"""
_SCALARS: Final[Mapping[str, str]] = {
    "null": "{to} = None\n",
    "boolean": "{to} = b[p] != 0\np += 1\n",
    "int": _NUMBER.format(more="more_of_int") + "{to} = (n >> 1) ^ -(n & 1)\n",
    "long": _LONG + "{to} = (n >> 1) ^ -(n & 1)\n",
    "float": "{to}, = float_at(b, p)\np += 4\n",
    "double": "{to}, = double_at(b, p)\np += 8\n",
    "bytes": _CONTENT + "{to} = b[p:end]\np = end\n",
    "string": _CONTENT + "{to} = b[p:end].decode()\np = end\n",
}
_ENUM: Final = (
    _NUMBER.format(more="more_of_int")
    + """\
if n & 1 or n >= {limit}:
    raise ValueError("no symbol has the number that is written")
{to} = {symbols}[n >> 1]
"""
)
_FIXED: Final = """\
end = p + {size}
if end > size:
    raise EOFError
{to} = b[p:end]
p = end
"""
# Arrays and maps come in blocks; a negative count is followed by the length of its block in bytes.
_BLOCKS: Final = f"""\
found = {{empty}}
while True:
{indent(_LONG, "    ")}\
    if not n:
        return found, p
    count = (n + 1) >> 1
    if n & 1:
{indent(_LONG, "        ")}\
    for _ in range(count):
{{item}}"""


def _more(bits: int) -> Callable[[bytes, int, int], tuple[int, int]]:
    """Reads the rest of a number that has more than one byte."""
    mask = (1 << bits) - 1

    def more(payload: bytes, place: int, number: int) -> tuple[int, int]:
        number &= 127
        shift = 7
        while True:
            byte = payload[place]
            place += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number & mask, place
            shift += 7
            if shift >= bits:
                raise ValueError(f"a number has more than {bits} bits")

    return more


class _Program:
    """Writes functions: one that reads the whole value, and one for each record, array and map in it."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {
            "more_of_int": _more(32),
            "more_of_long": _more(64),
            "float_at": Struct("<f").unpack_from,
            "double_at": Struct("<d").unpack_from,
        }
        self._known: dict[tuple[int, int], tuple[str, object]] = {}
        self._texts: list[str] = []

    def reader(self, node: Node, schema: Schema | None) -> Reader:
        text = self._value(node, schema, "value")
        self._define("read(b, p)", f"size = len(b)\n{text}return value\n")
        # Names of fields and branches stand in the text as literals, everything else is from here.
        exec(compile("".join(self._texts), f"<reads {node.full_name}>", "exec"), self._names)  # noqa: S102
        read: Reader = self._names["read"]
        return read

    def _define(self, head: str, body: str) -> None:
        self._texts.append(f"def {head}:\n{indent(body, '    ')}")

    def _name(self, kind: str, thing: object) -> str:
        name = f"{kind}_{len(self._names)}"
        self._names[name] = thing
        return name

    def _value(self, node: Node, schema: Schema | None, to: str) -> str:
        """What reads one value into a variable."""
        if node.type == "union":
            return self._union(node, schema, to)
        if node.type in ("record", "error", "array", "map"):
            return f"{to}, p = {self._function(node, schema)}(b, p, size)\n"
        if node.type == "enum":
            symbols = self._name("symbols", node.symbols)
            return _ENUM.format(to=to, symbols=symbols, limit=2 * len(node.symbols))
        text = _FIXED if node.type == "fixed" else _SCALARS[node.type]
        make = made_of_scalar(node, schema)
        made = "" if make is None else f"{to} = {self._name('make', make)}({to})\n"
        return text.format(to=to, size=node.size) + made

    def _union(self, node: Node, schema: Schema | None, to: str) -> str:
        parts = [_LONG]
        fields = iter(schema.fields) if schema is not None and is_union(schema) else None
        for number, branch in enumerate(node.branches):
            if branch.type == "null":
                text = f"{to} = None\n"
            elif fields is None:
                text = self._value(branch, schema, to)
            else:
                assert schema is not None
                field = next(fields)
                others = "".join(f"{other.name!r}: None, " for other in schema.fields if other is not field)
                text = f"{self._value(branch, field.schema, to)}{to} = {{{others}{field.name!r}: {to}}}\n"
            parts.append(f"{'elif' if number else 'if'} n == {2 * number}:\n{indent(text, '    ')}")
        parts.append('else:\n    raise ValueError("no branch of the union has the number that is written")\n')
        return "".join(parts)

    def _function(self, node: Node, schema: Schema | None) -> str:
        """Name of the function that reads a record, an array or a map; those within itself call it, too."""
        # within itself a record has a schema of its own, with the same fields
        kind = None if schema is None else schema.fields or schema
        place = (id(node), id(kind))
        if place in self._known:
            return self._known[place][0]
        name = self._name("read", None)
        self._known[place] = name, kind  # kept, or another might get its id
        write = {"array": self._array, "map": self._map}.get(node.type, self._record)
        self._define(f"{name}(b, p, size)", write(node, schema))
        return name

    def _record(self, node: Node, schema: Schema | None) -> str:
        if schema is None:
            members: list[tuple[str, Node, Schema | None]] = [(each.name, each.node, None) for each in node.fields]
        else:
            pairs = zip(node.fields, schema.fields, strict=True)
            members = [(field.name, member.node, field.schema) for member, field in pairs]
        text = "".join(self._value(inner, kind, f"v{at}") for at, (_, inner, kind) in enumerate(members))
        made = ", ".join(f"{name!r}: v{at}" for at, (name, _, _) in enumerate(members))
        return f"{text}return {{{made}}}, p\n"

    def _map(self, node: Node, schema: Schema | None) -> str:
        assert node.inner is not None
        inner = self._value(node.inner, None if schema is None else schema.values, "item")
        return _blocks("{}", _SCALARS["string"].format(to="key") + inner + "found[key] = item\n")

    def _array(self, node: Node, schema: Schema | None) -> str:
        assert node.inner is not None
        if schema is None or schema.type is Type.ARRAY:
            inner = self._value(node.inner, None if schema is None else schema.values, "item")
            return _blocks("[]", inner + "found.append(item)\n")
        kinds = {KEY: schema.keys, VALUE: schema.values}
        # the two may stand in either order
        entry = "".join(self._value(member.node, kinds[member.name], member.name) for member in node.inner.fields)
        return _blocks("{}", f"{entry}found[{KEY}] = {VALUE}\n")


def _blocks(empty: str, item: str) -> str:
    return _BLOCKS.format(empty=empty, item=indent(item, "        "))


def made_of_scalar(node: Node, schema: Schema | None) -> Function | None:
    """What makes Connect's value of Avro's number or bytes; None where they are the same."""
    if schema is None:
        return None
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
