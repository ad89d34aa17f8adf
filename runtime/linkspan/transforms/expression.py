"""Expressions over records: a small part of Python, checked node by node before it is compiled.

Nothing of an expression reaches an object's attributes, a module or a function that is not in
:mod:`linkspan.transforms.expression_operations`: fields are looked up as items, methods and functions are replaced by
ours, which bound what they make. So an expression can neither reach the process nor use it up.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import CodeType, TracebackType
from typing import Final, NoReturn, TypeVar

from linkspan.transforms.expression_operations import FUNCTIONS, METHODS, MOMENT_PARTS, Operations

__all__ = ["LONGEST", "NAMES", "Expression", "ExpressionError"]

NAMES: Final = ("value", "key", "topic", "partition", "offset", "timestamp", "headers")
"""What an expression knows of a record."""

LONGEST: Final = 4000
"""Characters of an expression."""

NodeT = TypeVar("NodeT", bound=ast.expr)

_FILE: Final = "<expression>"
_SPEC: Final = re.compile(r"0?\d{0,2},?(\.\d{1,2})?[defg%]?")
_MOST_BITS: Final = 1024
_NATIVE: Final = (ast.Sub, ast.Div, ast.FloorDiv)
_GUARDED: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Mult: "multiply",
    ast.Mod: "modulo",
    ast.Pow: "power",
}
_COMPARED: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "equal",
    ast.NotEq: "unequal",
    ast.Lt: "less",
    ast.LtE: "at_most",
    ast.Gt: "greater",
    ast.GtE: "at_least",
    ast.In: "contained",
    ast.NotIn: "not_contained",
}


class ExpressionError(ValueError):
    """What is wrong with an expression, and where; the text begins with the position."""


class Expression:
    """One expression.

    Args:
        text: the expression.
        parameters: the names that :attr:`evaluate` takes, in this order; all that it uses by default.

    Attributes:
        text: the expression.
        names: those of :data:`NAMES` that it uses, in their order.
        evaluate: takes the values of these and returns the result. Whatever it raises, :meth:`explain` says it in the
            expression's terms.

    Raises:
        ExpressionError: it is no expression, or none of those that are allowed.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not self.text:
            raise ExpressionError("it is empty")
        if len(self.text) > LONGEST:
            raise ExpressionError(f"it has {len(self.text)} characters; {LONGEST} are allowed")
        try:
            tree = ast.parse(self.text, _FILE, "eval")
        except SyntaxError as error:
            end = len(self.text.rpartition("\n")[2]) + 1  # where Python sees the end it names no place
            raise ExpressionError(f"{_place(error.lineno, error.offset or end)}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError(f"it cannot be read: {str(error) or 'too many brackets'}") from None
        operations = Operations()
        try:
            rewritten = _Rewriter(self.text)
            body = rewritten.visit(tree.body)
            self.names = tuple(name for name in NAMES if name in rewritten.used)
            self.evaluate = _compiled(body, self.names, operations)
        except RecursionError:
            raise ExpressionError("it is nested too deeply") from None

    def explain(self, error: Exception) -> str:
        """What :attr:`evaluate` raised: where in the expression, and why."""
        line, column, end = _position(error.__traceback__)
        where = "" if column is None else f"{_place(line, _column(self.text, line, column) + 1)}"
        part = "" if column is None or end is None else _slice(self.text, line, column, end)
        shown = f" ({part})" if part and part != self.text else ""
        return f"{where}{shown}: {_reason(error)}" if where else _reason(error)


class _Rewriter(ast.NodeVisitor):
    """Takes an expression apart and puts it together anew of what is allowed.

    Attributes:
        used: the names of the record that were met.
    """

    def __init__(self, text: str) -> None:
        self.used: set[str] = set()
        self._text = text
        self._local: list[str] = []

    def generic_visit(self, node: ast.AST) -> NoReturn:
        """Whatever is not allowed below is not allowed."""
        self._refuse(node, f"{_title(node)} cannot be used here")

    def _refuse(self, node: ast.AST, reason: str) -> NoReturn:
        line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        raise ExpressionError(f"{_place(line, _column(self._text, line, offset) + 1)}: {reason}")

    # --- what there is --------------------------------------------------------------------------------------------

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A text, a number, bytes, True, False or None."""
        if node.value is not None and type(node.value) not in (str, bytes, int, float, bool):
            self._refuse(node, f"{node.value!r} cannot be used here")
        if type(node.value) is int and node.value.bit_length() > _MOST_BITS:
            self._refuse(node, "the number is too large")
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A part of the record, or what a comprehension named."""
        if node.id in self._local:
            return node
        if node.id not in NAMES:
            known = f"there is no {node.id}; there are {', '.join((*NAMES, *self._local))}"
            self._refuse(node, f"{node.id} is a function: call it" if node.id in FUNCTIONS else known)
        self.used.add(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A field, or a part of a moment."""
        if node.attr.startswith("_"):
            self._refuse(node, f'names with _ at the beginning are not allowed; write ["{node.attr}"] for the field')
        holder = self._visited(node.value)
        if node.attr in MOMENT_PARTS:
            return self._call(node, "part", holder, _text(node, node.attr))
        return _at(node, ast.Subscript(holder, _text(node, node.attr), ast.Load()))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A field, an item or a section."""
        holder = self._visited(node.value)
        if not isinstance(node.slice, ast.Slice):
            return _at(node, ast.Subscript(holder, self._visited(node.slice), ast.Load()))
        if node.slice.step is not None:
            self._refuse(node.slice.step, "a section has a beginning and an end, no step")
        ends = [_none(node) if end is None else self._visited(end) for end in (node.slice.lower, node.slice.upper)]
        return self._call(node, "section", holder, *ends)

    # --- what is done with it -------------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Arithmetic; whatever may make something large is ours."""
        left, right = self._visited(node.left), self._visited(node.right)
        kind = type(node.op)
        if kind in _NATIVE or (kind is ast.Add and (_is_number(left) or _is_number(right))):
            return _at(node, ast.BinOp(left, node.op, right))
        if kind not in _GUARDED:
            self._refuse(node, "there are + - * / // % ** for numbers and + for texts and lists")
        return self._call(node, _GUARDED[kind], left, right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """Sign, and not."""
        if isinstance(node.op, ast.Invert):
            self._refuse(node, "~ cannot be used here")
        return _at(node, ast.UnaryOp(node.op, self._visited(node.operand)))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """And, or."""
        return _at(node, ast.BoolOp(node.op, [self._visited(value) for value in node.values]))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """One or the other."""
        return _at(node, ast.IfExp(self._visited(node.test), self._visited(node.body), self._visited(node.orelse)))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Comparisons; a chain of them is joined by and."""
        sides = [node.left, *node.comparators]
        parts = [
            self._comparison(node, operator, left, right)
            for operator, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else _at(node, ast.BoolOp(ast.And(), parts))

    def _comparison(self, node: ast.Compare, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> ast.expr:
        first, second = self._visited(left), self._visited(right)
        if isinstance(operator, ast.Is | ast.IsNot):
            if not any(isinstance(side, ast.Constant) and side.value is None for side in (first, second)):
                self._refuse(node, "is compares with None; use == for others")
            return _at(node, ast.Compare(first, [operator], [second]))
        # against a constant there is little to compare, whatever the other side is
        in_other = isinstance(operator, ast.In | ast.NotIn)
        if isinstance(second, ast.Constant) or (isinstance(first, ast.Constant) and not in_other):
            return _at(node, ast.Compare(first, [operator], [second]))
        return self._call(node, _COMPARED[type(operator)], first, second)

    # --- what is made of it ---------------------------------------------------------------------------------------

    def visit_List(self, node: ast.List) -> ast.expr:
        """A list, with others unpacked in it."""
        return _at(node, ast.List([self._item(item) for item in node.elts], ast.Load()))

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        """As a list: there are no others."""
        return _at(node, ast.List([self._item(item) for item in node.elts], ast.Load()))

    def _item(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            inner = self._call(node, "each", self._visited(node.value), ast.Constant(1))
            return _at(node, ast.Starred(inner, ast.Load()))
        return self._visited(node)

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        """Fields by name, with others unpacked in it."""
        keys = [None if name is None else self._visited(name) for name in node.keys]
        values = [
            self._call(value, "fields", self._visited(value)) if name is None else self._visited(value)
            for name, value in zip(node.keys, node.values, strict=True)
        ]
        return _at(node, ast.Dict(keys, values))

    def _visited(self, node: ast.expr) -> ast.expr:
        found: ast.expr = self.visit(node)
        return found

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """A text with values in it."""
        return self._call(node, "joined", *map(self._visited, node.values))

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        """A value in a text, with a format for numbers."""
        if node.conversion != -1:
            self._refuse(node.value, "! cannot be used here")
        spec = ""
        if isinstance(node.format_spec, ast.JoinedStr):
            parts = [part.value for part in node.format_spec.values if isinstance(part, ast.Constant)]
            spec = "".join(map(str, parts))
            if len(parts) != len(node.format_spec.values) or not _SPEC.fullmatch(spec):
                self._refuse(node.value, "formats are those of numbers, as in {value.price:.2f} or {value.id:08d}")
        return self._call(node.value, "text_of", self._visited(node.value), _text(node, spec))

    def visit_ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> ast.expr:
        """A list made of another."""
        with_names = self._generators(node, node.generators)
        made = _at(node, ast.ListComp(self._visited(node.elt), with_names))
        self._forget(node.generators)
        return made

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        """Fields made of a list."""
        with_names = self._generators(node, node.generators)
        made = _at(node, ast.DictComp(self._visited(node.key), self._visited(node.value), with_names))
        self._forget(node.generators)
        return made

    def _generators(self, node: ast.AST, generators: Sequence[ast.comprehension]) -> list[ast.comprehension]:
        steps = sum(1 for _ in ast.walk(node))
        made = []
        for generator in generators:
            source = self._visited(generator.iter)
            names = list(self._targets(generator.target))
            self._local += names
            made.append(
                ast.comprehension(
                    generator.target,
                    self._call(generator.iter, "each", source, ast.Constant(steps)),
                    [self._visited(condition) for condition in generator.ifs],
                    0,
                )
            )
        return made

    def _forget(self, generators: Sequence[ast.comprehension]) -> None:
        for generator in generators:
            for _ in self._targets(generator.target, again=True):
                self._local.pop()

    def _targets(self, node: ast.expr, *, again: bool = False) -> Iterator[str]:
        for target in node.elts if isinstance(node, ast.Tuple) else [node]:
            if not isinstance(target, ast.Name) or target.id.startswith("_"):
                self._refuse(target, "what a list is gone through by is a name without _ at its beginning")
            if not again and target.id in (*NAMES, *FUNCTIONS, *self._local):
                self._refuse(target, f"{target.id} has a meaning already; take another name")
            yield target.id

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A function or method of ours."""
        if node.keywords:
            self._refuse(node.keywords[0].value, "arguments have no names here")
        if isinstance(node.func, ast.Name):
            known, name, holder = FUNCTIONS, node.func.id, []
            shown = name
        elif isinstance(node.func, ast.Attribute):
            known, name, holder = METHODS, node.func.attr, [self._visited(node.func.value)]
            shown = f".{name}"
        else:
            self._refuse(node, "only functions and methods can be called")
        if name not in known:
            self._refuse(node, f"{shown}(…) cannot be called; there are {', '.join(sorted(known))}")
        least, most = known[name]
        if not least <= len(node.args) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            self._refuse(node, f"{shown}(…) takes {wanted} arguments, not {len(node.args)}")
        return self._call(
            node, f"{'call' if known is FUNCTIONS else 'do'}_{name}", *holder, *map(self._argument, node.args)
        )

    def _argument(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Starred):
            self._refuse(node, "* cannot be used here")
        return self.visit_ListComp(node) if isinstance(node, ast.GeneratorExp) else self._visited(node)

    def _call(self, node: ast.AST, operation: str, *arguments: ast.expr) -> ast.expr:
        return _at(node, ast.Call(ast.Name(f"_{operation}", ast.Load()), list(arguments), []))


def _compiled(body: ast.expr, names: Sequence[str], operations: Operations) -> Callable[..., object]:
    known = operations.by_name()
    if any(isinstance(node, ast.ListComp | ast.DictComp) for node in ast.walk(body)):
        # lists made of lists may contain the same one more often than anybody can go through
        body = _at(body, ast.Call(ast.Name("_whole", ast.Load()), [body], []))
    called = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)} & known.keys()
    if called:  # what they may make in all is counted anew for each record
        begin = ast.Call(ast.Name("_begin", ast.Load()), [], [])
        body = ast.Subscript(ast.Tuple([begin, body], ast.Load()), ast.Constant(1), ast.Load())
    parameters = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(parameters, body)))
    code: CodeType = compile(tree, _FILE, "eval")
    made: Callable[..., object] = eval(code, {"__builtins__": {}, **known})  # noqa: S307 - of checked nodes only
    return made


def _at(node: ast.AST, made: NodeT) -> NodeT:
    return ast.copy_location(made, node)


def _text(node: ast.AST, text: str) -> ast.expr:
    return ast.copy_location(ast.Constant(text), node)


def _none(node: ast.AST) -> ast.expr:
    return ast.copy_location(ast.Constant(None), node)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _title(node: ast.AST) -> str:
    names = {
        ast.Lambda: "lambda",
        ast.NamedExpr: ":=",
        ast.Await: "await",
        ast.Yield: "yield",
        ast.YieldFrom: "yield",
        ast.Starred: "*",
        ast.Set: "a set",
        ast.SetComp: "a set",
        ast.GeneratorExp: "a generator",
    }
    return names.get(type(node), type(node).__name__)


# --- positions --------------------------------------------------------------------------------------------------------


def _place(line: int | None, column: int | None) -> str:
    return f"column {column}" if line in (None, 1) else f"line {line}, column {column}"


def _column(text: str, line: int | None, offset: int) -> int:
    """Characters before a position, which is counted in bytes."""
    return len(_line(text, line)[:offset].decode(errors="replace"))


def _slice(text: str, line: int | None, begin: int, end: int) -> str:
    return _line(text, line)[begin:end].decode(errors="replace")


def _line(text: str, line: int | None) -> bytes:
    lines = text.split("\n")
    number = (line or 1) - 1
    return lines[number].encode() if number < len(lines) else b""


def _position(trace: TracebackType | None) -> tuple[int | None, int | None, int | None]:
    """Line, begin and end (if on that line) of the part of the expression at which it failed."""
    found: tuple[int | None, int | None, int | None] = (None, None, None)
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == _FILE:
            line, last, begin, end = next(islice(code.co_positions(), trace.tb_lasti // 2, None))
            found = (line, begin, end if last == line else None)
        trace = trace.tb_next
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no field {error.args[0]!r}"
    text = str(error)
    if isinstance(error, TypeError) and "'NoneType' object is not subscriptable" in text:
        return "null has no fields"
    if isinstance(error, TypeError) and ("not subscriptable" in text or "indices must be" in text):
        return "what has no fields is asked for one"
    return text or type(error).__name__
