"""Expressions of the Python transform: what they can say, what they cannot, and that they cannot eat the machine."""

from __future__ import annotations

import ast
import datetime
import decimal
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkspan.transforms.expression import LONGEST, NAMES, Expression, ExpressionError

VALUE = {
    "name": " Ann ",
    "age": 41,
    "price": 2.5,
    "tags": ["a", "b"],
    "inner": {"x": 1},
    "none": None,
    "at": datetime.datetime(2024, 2, 3, 4, 5, tzinfo=datetime.UTC),
    "dec": decimal.Decimal("1.50"),
    "raw": b"\xc3\xbc",
    "month": "not a moment",
}
RECORD = {
    "value": VALUE,
    "key": "k",
    "topic": "t",
    "partition": 3,
    "offset": 7,
    "timestamp": 1000,
    "headers": {"trace": "x"},
}


def result(text: str, **more: object) -> object:
    made = Expression(text)
    given_ = {**RECORD, **more}
    return made.evaluate(*[given_[name] for name in made.names])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("value.name.strip().upper()", "ANN"),
        ("value['name']", " Ann "),
        ("value.inner.x + 1", 2),
        ("value.tags[-1]", "b"),
        ("value.tags[:1]", ["a"]),
        ("value.name[1:3]", "An"),
        ("value.month", "not a moment"),
        ("value.at.year * 100 + value.at.month", 202402),
        ("value.at.isoformat()", "2024-02-03T04:05:00+00:00"),
        ("value.get('gone', 'no')", "no"),
        ("value.get('gone')", None),
        ("value.age // 2 - 1 + 7 % 4 - 2 ** 3 / 2", 18.0),
        ("-value.age", -41),
        ("value.dec * 2", decimal.Decimal("3.00")),
        ("value.age * value.price", 102.5),
        ("value.name + value.name", " Ann  Ann "),
        ("value.tags + ['c']", ["a", "b", "c"]),
        ("1 < value.age <= 41 and not value.none", True),
        ("value.none is None or value.none.x", True),
        ("value.name is not None", True),
        ("'a' in value.tags", True),
        ("'z' not in value", True),
        ("topic in ('t', 'u')", True),
        ("value.age == offset", False),
        ("'old' if value.age > 40 else 'young'", "old"),
        ("f'{topic}-{partition:03d}: {value.price:.2f} {value.none}'", "t-003: 2.50 None"),
        ("{**value.inner, 'y': [1, *value.tags]}", {"x": 1, "y": [1, "a", "b"]}),
        ("{name: item for name, item in value.inner.items() if item}", {"x": 1}),
        ("[tag.upper() + other for tag in value.tags for other in value.tags]", ["Aa", "Ab", "Ba", "Bb"]),
        ("sum(len(tag) for tag in value.tags)", 2),
        ("any(tag == 'b' for tag in value.tags) and all([])", True),
        ("max(1, 3, 2) + min([5, 4])", 7),
        ("','.join(sorted_ for sorted_ in value.tags)", "a,b"),
        ("'a-b'.split('-')", ["a", "b"]),
        ("value.name.replace('n', 'm').strip().zfill(5)", "00Amm"),
        ("sha256('x')[:8]", "2d711642"),
        ("value.raw.decode()", "ü"),
        ("round(value.price * 1.111, 1) + abs(-1) + int('2') + float('0.5')", 6.3),
        ("str(value.age) + str(True)", "41True"),
        ("bool(value.tags)", True),
        ("headers.trace + key", "xk"),
        ("[topic, timestamp]", ["t", 1000]),
        ("None", None),
        ("[[x for x in value.tags], [x for x in value.tags]]", [["a", "b"], ["a", "b"]]),
    ],
)
def test_expressions_mean_what_they_mean_in_python(text: str, wanted: object) -> None:
    found = result(text)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 0, "it is empty"),
        ("value.", 7, "invalid syntax"),
        ("value.a(", 8, "was never closed"),
        ("1 + valu.a", 5, "there is no valu; there are value, key, topic"),
        ("'ü' + valu", 7, "there is no valu"),
        ("value.__class__", 1, '_ at the beginning are not allowed; write ["__class__"]'),
        ("value._id", 1, 'write ["_id"]'),
        ("open('x')", 1, "open(…) cannot be called; there are abs"),
        ("value.a.format(1)", 1, ".format(…) cannot be called"),
        ("value.a.encode('utf-16')", 1, "takes 0 arguments, not 1"),
        ("len", 1, "len is a function: call it"),
        ("len(value)(1)", 1, "only functions and methods can be called"),
        ("lambda: 1", 1, "lambda cannot be used here"),
        ("(x := 1)", 2, ":= cannot be used here"),
        ("[x for x in value.a if (yield)]", 25, "yield cannot be used here"),
        ("{1, 2}", 1, "a set cannot be used here"),
        ("(x for x in value.a)", 1, "a generator cannot be used here"),
        ("1 << 2", 1, "there are + - * / // % **"),
        ("~1", 1, "~ cannot be used here"),
        ("1j", 1, "1j cannot be used here"),
        ("...", 1, "Ellipsis cannot be used here"),
        ("value is value", 1, "is compares with None"),
        ("value[::2]", 9, "no step"),
        ("f'{value!r}'", 4, "! cannot be used here"),
        ("f'{value.a:{value.b}}'", 4, "formats are those of numbers"),
        ("f'{value.a:999d}'", 4, "formats are those of numbers"),
        ("[value for value in key]", 12, "value has a meaning already"),
        ("[_x for _x in key]", 9, "a name without _"),
        ("[1 for x.y in key]", 8, "is a name without _"),
        ("max(value.a, default=1)", 22, "arguments have no names"),
        ("max(*value.a)", 5, "* cannot be used here"),
        ("import os", 1, "invalid syntax"),
        ("(value.a\n + valu)", -1, "line 2, column 4: there is no valu"),
        (f"{1 << 2000}", 1, "the number is too large"),
        ("x" * (LONGEST + 1), 0, "4000 are allowed"),
        ("(" * 300 + ")" * 300, 0, "too many"),
        ("-" * 3000 + "1", 0, ""),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_position(text: str, column: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    message = str(caught.value)
    assert reason in message
    if column > 0:
        assert message.startswith(f"column {column}: ")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + value.nam", "column 5 (value.nam): there is no field 'nam'"),
        ("value.none.x", "column 1: null has no fields"),
        ("value.age.x", "column 1: what has no fields is asked for one"),
        ("1 + value.age.upper()", "column 5 (value.age.upper()): a number has no upper(…)"),
        ("'ü' + value.name + int('x')", "column 20 (int('x')): invalid literal for int() with base 10: 'x'"),
        ("[1 / n for n in [1, 0]]", "column 2 (1 / n): division by zero"),
        ("(value.age\n + value.b)", "line 2, column 4 (value.b): there is no field 'b'"),
        ("value.name % 5", "column 1: a text has no remainder"),
        ("value.name * 5", "column 1: a text cannot be multiplied"),
        ("value.tags < key", "column 1: a list cannot be compared"),
        ("str(value)", "column 1: a map cannot be made a text"),
        ("value.year", "column 1: there is no field 'year'"),
    ],
)
def test_failures_name_the_place_in_the_expression(text: str, wanted: str) -> None:
    made = Expression(text)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        made.evaluate(*[RECORD[name] for name in made.names])
    assert made.explain(caught.value).startswith(wanted)


BIG = {"n": 10**300, "t": "x" * 100_000, "list": list(range(3000)), "huge": decimal.Decimal("1E+900000000")}
GREEDY = [
    "2 ** 2 ** 2 ** 2 ** 2 ** 2",
    "value.n * value.n * value.n * value.n * value.n",
    "value.n ** 99999999",
    "1.5 ** 99999999999",
    "(-8) ** 0.5",
    "'a' * 1000000000",
    "1000000000 * 'a'",
    "[0] * 1000000000",
    "'%1000000000d' % 1",
    "value.t.replace('x', value.t)",
    "value.t.replace('', value.t)",
    "value.t.join(value.t.split('x'))",
    "'a'.ljust(1000000000)",
    "'a'.zfill(1000000000)",
    "'a'.center(1000000000, 'b')",
    "round(1, -1000000000)",
    "int(value.huge)",
    "round(value.huge)",
    "f'{value.huge:f}'",
    "int(value.t)",
    "[[x, y, z] for x in value.list for y in value.list for z in value.list]",
    "[[y for y in value.list] for x in value.list]",
    "[value.list + value.list for x in value.list]",
    "[[*value.list] for x in value.list]",
    "[{**value} for x in value.list for y in value.list]",
    "[value.list[:] for x in value.list]",
    "[x for x in value.list if -1 in value.list]",
    "[value.t.upper() for x in value.list]",
    "[value.t + value.t for x in value.list]",
    "[f'{value.t}' for x in value.list]",
    "[sum(value.list) for x in value.list]",
    "[max(value.list) for x in value.list]",
    "[sha256(value.t) for x in value.list]",
    "[value.t == topic for x in value.list]",
    "[value.list == value.list for x in value.list]",
    "[x.keys() for x in [value] for y in value.list for z in value.list]",
    "[{'a': x, 'b': x, 'c': x, 'd': x, 'e': x, 'f': [1, 2, 3, 4]} for x in value.list for y in value.list]",
    "value.t.strip(value.t.upper() + 'x')",
    "value.t.rsplit('xy' + value.t[:50000])",
    "[[a, a] for z in [[0, 0]]"
    + "".join(f" for {new} in [[{old}, {old}]]" for old, new in pairwise("zvutsrqponmlkjihgfedcba"))
    + "]",
    "{'list': [value.t for x in value.list]}",
]


@pytest.mark.parametrize("text", GREEDY)
def test_no_expression_eats_the_machine(text: str) -> None:
    made = Expression(text)
    known = {**RECORD, "value": BIG, "topic": "x" * 100_000}
    began = time.process_time()
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        made.evaluate(*[known[name] for name in made.names])
    assert time.process_time() - began < 2


def test_a_result_is_counted_as_often_as_it_contains_a_part() -> None:
    made = Expression("[value.t for x in value.list]")
    assert len(made.evaluate({"t": "x" * 1600, "list": list(range(5000))})) == 5000  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps"):
        made.evaluate({"t": "x" * 16_000, "list": list(range(5000))})


def test_steps_are_counted_anew_for_each_record() -> None:
    made = Expression("[x for x in value]")
    for _ in range(5):
        assert len(made.evaluate(list(range(100_000)))) == 100_000  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="valuekey._()[]{}'\"+-*/%<>=!:, 019abfintorsdgx\n", max_size=40))
def test_whatever_is_written_is_an_expression_or_refused(text: str) -> None:
    try:
        made = Expression(text)
    except ExpressionError:
        return
    assert set(made.names) <= set(NAMES)
    for node in ast.walk(ast.parse(made.text, mode="eval")):
        assert not isinstance(node, ast.Lambda | ast.NamedExpr | ast.Await)
        assert not (isinstance(node, ast.Attribute) and node.attr.startswith("_"))
