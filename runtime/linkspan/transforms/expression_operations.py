"""What expressions may do with values, bounded: one evaluation makes and goes through so much and no more."""

from __future__ import annotations

import datetime
import decimal
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

__all__ = ["FUNCTIONS", "METHODS", "MOMENT_PARTS", "MOST_STEPS", "Operations"]

Value: TypeAlias = Any
"""Whatever a record holds."""

MOST_STEPS: Final = 1_000_000
"""Steps of one evaluation: parts of the expression that are evaluated, items that are gone through or copied; 16
characters of a text count as one."""

FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = {
    **dict.fromkeys(("abs", "all", "any", "bool", "float", "int", "len", "sha256", "str", "sum"), (1, 1)),
    "round": (1, 2),
    "max": (1, 20),
    "min": (1, 20),
}
"""Functions, with the least and the largest number of arguments."""

METHODS: Final[Mapping[str, tuple[int, int]]] = {
    **dict.fromkeys(("lower", "upper", "title", "capitalize", "casefold", "splitlines", "encode", "decode"), (0, 0)),
    **dict.fromkeys(("isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "isoformat"), (0, 0)),
    **dict.fromkeys(("keys", "values", "items"), (0, 0)),
    **dict.fromkeys(("strip", "lstrip", "rstrip"), (0, 1)),
    **dict.fromkeys(("removeprefix", "removesuffix", "startswith", "endswith", "find", "count", "join"), (1, 1)),
    **dict.fromkeys(("split", "rsplit"), (0, 2)),
    **dict.fromkeys(("ljust", "rjust", "center"), (1, 2)),
    "get": (1, 2),
    "replace": (2, 2),
    "zfill": (1, 1),
}
"""Methods of texts, maps and moments, with the least and the largest number of arguments."""

MOMENT_PARTS: Final = frozenset({"year", "month", "day", "hour", "minute", "second"})

_MOST_BITS: Final = 4096
_MOST_DIGITS: Final = 1200
_LARGEST_EXPONENT: Final = 1000
_WIDEST: Final = 10_000
_CHARACTERS: Final = 16
_COMPARISONS: Final = 256
"""Characters that are compared with others in one step."""
_SCALARS: Final = (str, bytes, int, float, bool, decimal.Decimal, type(None))
_SMALL: Final = frozenset({int, float, bool, type(None)})
_MOMENTS: Final = (datetime.date, datetime.time)


class Operations:
    """The operations of one expression; they share what one evaluation may use."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def by_name(self) -> dict[str, Callable[..., Value]]:
        """All operations, with _ before their names, which no expression can write."""
        own = {f"_{name}": getattr(self, name) for name in dir(self) if not name.startswith("_") and name != "by_name"}
        texts = {f"_do_{name}": self._text_method(name) for name in _TEXT_METHODS}
        return {**texts, **own}

    def begin(self) -> None:
        """Before each evaluation."""
        self._left = MOST_STEPS

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise ValueError(f"it takes more than {MOST_STEPS:,} steps for this record")

    def _spend_on(self, value: object) -> None:
        if isinstance(value, str | bytes):
            self._spend(len(value) // _CHARACTERS)
        elif isinstance(value, list | tuple | Mapping):
            self._spend(len(value))

    # --- operators ------------------------------------------------------------------------------------------------

    def add(self, left: Value, right: Value) -> Value:
        """Sum of numbers; texts, bytes or lists one after the other."""
        self._spend_on(left)
        self._spend_on(right)
        return left + right

    def multiply(self, left: Value, right: Value) -> Value:
        """Product of numbers; no repetition of texts or lists."""
        for factor in (left, right):
            if isinstance(factor, str | bytes | list | tuple):
                raise TypeError(f"{_kind(factor)} cannot be multiplied")
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _MOST_BITS:
            raise ValueError("the product is too large")
        return left * right

    def modulo(self, left: Value, right: Value) -> Value:
        """Remainder of numbers; no formatting of texts."""
        if isinstance(left, str | bytes):
            raise TypeError("a text has no remainder; for a text with values in it write f'… {value.field} …'")
        return left % right

    def power(self, left: Value, right: Value) -> Value:
        """Power of whole or floating numbers."""
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TypeError(f"{_kind(left)} has no power {_kind(right)}")
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MOST_BITS:
            raise ValueError("the power is too large")
        result = left**right
        if isinstance(result, complex):  # a negative number has no such power
            raise ArithmeticError("the power is no real number")  # noqa: TRY004 - not its type is at fault
        return result

    def equal(self, left: Value, right: Value) -> bool:
        """Whether they are the same."""
        self._compared(left, right)
        return bool(left == right)

    def unequal(self, left: Value, right: Value) -> bool:
        """Whether they are not."""
        self._compared(left, right)
        return bool(left != right)

    def less(self, left: Value, right: Value) -> bool:
        """Whether it is less."""
        self._compared(left, right)
        return bool(left < right)

    def at_most(self, left: Value, right: Value) -> bool:
        """Whether it is not more."""
        self._compared(left, right)
        return bool(left <= right)

    def greater(self, left: Value, right: Value) -> bool:
        """Whether it is more."""
        self._compared(left, right)
        return bool(left > right)

    def at_least(self, left: Value, right: Value) -> bool:
        """Whether it is not less."""
        self._compared(left, right)
        return bool(left >= right)

    def contained(self, item: Value, holder: Value) -> bool:
        """Whether it is there."""
        _scalar(item, "looked for")
        self._spend_on(holder)
        return item in holder

    def not_contained(self, item: Value, holder: Value) -> bool:
        """Whether it is not there."""
        return not self.contained(item, holder)

    def _compared(self, left: object, right: object) -> None:
        for side in (left, right):
            if not isinstance(side, _MOMENTS):
                _scalar(side, "compared")
            self._spend_on(side)

    # --- parts ----------------------------------------------------------------------------------------------------

    def part(self, holder: Value, name: str) -> Value:
        """Year, month … of a moment, or the field of that name."""
        if isinstance(holder, Mapping):
            return holder[name]
        if isinstance(holder, _MOMENTS) and hasattr(holder, name):
            return getattr(holder, name)
        raise TypeError(f"{_kind(holder)} has no {name}")

    def section(self, holder: Value, begin: Value, end: Value) -> Value:
        """Some of its characters or items."""
        if not isinstance(holder, str | bytes | list | tuple):
            raise TypeError(f"{_kind(holder)} has no sections")
        found = holder[begin:end]
        self._spend_on(found)
        return found

    def each(self, holder: Value, steps: int) -> Value:
        """The items to go through, each of which costs so many steps."""
        if not isinstance(holder, list | tuple | Mapping):
            raise TypeError(f"{_kind(holder)} cannot be gone through; lists can")
        self._spend(len(holder) * steps)
        return holder

    def whole(self, result: Value) -> Value:
        """What comes out: whoever converts it goes through all of it, each time it is contained."""
        waiting = [result]
        while waiting:
            item = waiting.pop()
            kind = type(item)
            if kind is str or kind is bytes:
                self._spend(len(item) // _CHARACTERS)
                continue
            if kind is dict or isinstance(item, Mapping):
                item = item.values()
            elif kind is not list and kind is not tuple:
                continue
            self._spend(len(item))
            waiting += [part for part in item if type(part) not in _SMALL]
        return result

    def fields(self, holder: Value) -> Value:
        """The fields to copy."""
        if not isinstance(holder, Mapping):
            raise TypeError(f"{_kind(holder)} has no fields")
        self._spend(len(holder))
        return holder

    # --- texts ----------------------------------------------------------------------------------------------------

    def joined(self, *texts: str) -> str:
        """One text of some."""
        for text in texts:
            self._spend(len(text) // _CHARACTERS)
        return "".join(texts)

    def text_of(self, value: Value, spec: str) -> str:
        """A value as text."""
        return format(_bounded(_number(value, "a format")), spec) if spec else self.call_str(value)

    def _text_method(self, name: str) -> Callable[..., Value]:
        method = getattr(str, name)

        def call(text: Value, *arguments: Value) -> Value:
            if not isinstance(text, str):
                raise TypeError(f"{_kind(text)} has no {name}(…)")
            self._spend(len(text) // _CHARACTERS)
            if name in _PRODUCTS and arguments and isinstance(arguments[0], str):
                self._spend(len(text) * len(arguments[0]) // _COMPARISONS)
            result = method(text, *arguments)
            if isinstance(result, list):
                self._spend(len(result))
            return result

        return call

    def do_replace(self, text: Value, old: Value, new: Value) -> str:
        """The text with others in place of some."""
        if not (isinstance(text, str) and isinstance(old, str) and isinstance(new, str)):
            raise TypeError(f"{_kind(text)} has no replace(…), or what is to be replaced is no text")
        self._spend((len(text) + text.count(old) * len(new)) // _CHARACTERS)
        return text.replace(old, new)

    def do_join(self, text: Value, items: Value) -> str:
        """Texts with this one between them."""
        if not isinstance(text, str) or not isinstance(items, list | tuple):
            raise TypeError("join(…) is for a text, and takes a list of texts")
        self._spend(len(items) * (1 + len(text) // _CHARACTERS))
        for item in items:
            self._spend_on(item)
        return text.join(items)

    def do_zfill(self, text: Value, width: Value) -> str:
        """The text with zeros before it."""
        return self._padded("zfill", text, width)

    def do_ljust(self, text: Value, width: Value, fill: str = " ") -> str:
        """The text with others behind it."""
        return self._padded("ljust", text, width, fill)

    def do_rjust(self, text: Value, width: Value, fill: str = " ") -> str:
        """The text with others before it."""
        return self._padded("rjust", text, width, fill)

    def do_center(self, text: Value, width: Value, fill: str = " ") -> str:
        """The text with others around it."""
        return self._padded("center", text, width, fill)

    def _padded(self, name: str, text: Value, width: Value, *fill: str) -> str:
        if not isinstance(text, str) or not isinstance(width, int):
            raise TypeError(f"{name}(…) is for a text, and takes a whole number")
        if width > _WIDEST:
            raise ValueError(f"{name}(…) makes texts of up to {_WIDEST} characters")
        self._spend((len(text) + max(width, 0)) // _CHARACTERS)
        result: str = getattr(str, name)(text, width, *fill)
        return result

    def do_encode(self, text: Value) -> bytes:
        """The UTF-8 of a text."""
        if not isinstance(text, str):
            raise TypeError(f"{_kind(text)} has no encode()")
        self._spend(len(text) // _CHARACTERS)
        return text.encode()

    def do_decode(self, content: Value) -> str:
        """The text of UTF-8."""
        if not isinstance(content, bytes | bytearray | memoryview):
            raise TypeError(f"{_kind(content)} has no decode()")
        self._spend(len(content) // _CHARACTERS)
        return bytes(content).decode()

    # --- maps and moments -----------------------------------------------------------------------------------------

    def do_get(self, holder: Value, name: Value, otherwise: Value = None) -> Value:
        """A field that may be missing."""
        return _map(holder, "get").get(name, otherwise)

    def do_keys(self, holder: Value) -> list[Value]:
        """The names."""
        self._spend_on(_map(holder, "keys"))
        return list(holder)

    def do_values(self, holder: Value) -> list[Value]:
        """The values."""
        self._spend_on(_map(holder, "values"))
        return list(holder.values())

    def do_items(self, holder: Value) -> list[Value]:
        """Names and values."""
        self._spend_on(_map(holder, "items"))
        return [list(pair) for pair in holder.items()]

    def do_isoformat(self, moment: Value) -> str:
        """A moment as text."""
        if not isinstance(moment, _MOMENTS):
            raise TypeError(f"{_kind(moment)} has no isoformat()")
        return moment.isoformat()

    # --- functions ------------------------------------------------------------------------------------------------

    def call_abs(self, value: Value) -> Value:
        """Without its sign."""
        return abs(_number(value, "abs"))

    def call_bool(self, value: Value) -> bool:
        """Whether it is neither null, 0 nor empty."""
        return bool(value)

    def call_all(self, items: Value) -> bool:
        """Whether all are true."""
        return all(self.each(items, 1))

    def call_any(self, items: Value) -> bool:
        """Whether one is true."""
        return any(self.each(items, 1))

    def call_len(self, value: Value) -> int:
        """How long it is."""
        return len(value)

    def call_float(self, value: Value) -> float:
        """As a floating number."""
        self._spend_on(value)
        return float(value)

    def call_int(self, value: Value) -> int:
        """As a whole number."""
        if isinstance(value, str | bytes) and len(value) > _MOST_DIGITS:
            raise ValueError("the text is too long for a number")
        return int(_bounded(value))

    def call_round(self, value: Value, digits: Value = None) -> Value:
        """Rounded."""
        if digits is None:
            return round(_bounded(_number(value, "round")))
        if not isinstance(digits, int) or not -100 <= digits <= 100:
            raise ValueError("round(…) takes -100 to 100 digits")
        return round(_number(value, "round"), digits)

    def call_str(self, value: Value) -> str:
        """As a text."""
        if isinstance(value, _MOMENTS):
            return value.isoformat()
        _scalar(value, "made a text")
        self._spend_on(value)
        return str(value)

    def call_sum(self, items: Value) -> Value:
        """Sum of a list of numbers."""
        return sum(_number(item, "sum") for item in self.each(items, 1))

    def call_max(self, *items: Value) -> Value:
        """The largest."""
        return max(self._choice(items))

    def call_min(self, *items: Value) -> Value:
        """The smallest."""
        return min(self._choice(items))

    def _choice(self, items: Sequence[Value]) -> Sequence[Value]:
        found: Sequence[Value] = self.each(items[0], 1) if len(items) == 1 else items
        for item in found:
            if not isinstance(item, _MOMENTS):
                _scalar(item, "compared")
            self._spend_on(item)
        return found

    def call_sha256(self, value: Value) -> str:
        """Hash of a text or bytes, in hexadecimal digits."""
        if not isinstance(value, str | bytes):
            raise TypeError(f"sha256 takes a text or bytes, not {_kind(value)}")
        self._spend_on(value)
        return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


_TEXT_METHODS: Final = (
    *("lower", "upper", "title", "capitalize", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix"),
    *("startswith", "endswith", "find", "count", "split", "rsplit", "splitlines"),
    *("isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower"),
)
_PRODUCTS: Final = frozenset({"strip", "lstrip", "rstrip", "rsplit"})
"""Methods that may compare each character of a text with each of another."""


def _scalar(value: object, done: str) -> None:
    if not isinstance(value, _SCALARS):
        raise TypeError(f"{_kind(value)} cannot be {done}")


def _number(value: Value, name: str) -> Value:
    if not isinstance(value, int | float | decimal.Decimal):
        raise TypeError(f"{name} takes numbers, not {_kind(value)}")
    return value


def _bounded(value: Value) -> Value:
    """A value that is not too large to be a whole number."""
    if isinstance(value, decimal.Decimal) and value.is_finite() and abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("the number is too large")
    return value


def _map(holder: Value, name: str) -> Mapping[Value, Value]:
    if not isinstance(holder, Mapping):
        raise TypeError(f"{_kind(holder)} has no {name}(…)")
    return holder


def _kind(value: object) -> str:
    """What users call it."""
    if value is None:
        return "null"
    names = {str: "a text", bytes: "bytes", bool: "a boolean", int: "a number", float: "a number"}
    more = {list: "a list", tuple: "a list", dict: "a map", datetime.datetime: "a moment", datetime.date: "a date"}
    return {**names, **more}.get(type(value), type(value).__name__)
