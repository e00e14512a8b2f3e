"""What may change in one node of a syntax tree to make a mutant."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

_OPERATORS = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "%": "*", "**": "*", "&": "|", "|": "&", "^": "&",
              "<<": ">>", ">>": "<<", "@": "*"}  # fmt: skip
_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.MatMult: "@",
}  # fmt: skip
_COMPARISONS: dict[type[ast.AST], tuple[str, tuple[tuple[str, str], ...]]] = {
    ast.Lt: ("<", (("<=", "boundary"), (">", "comparison"))),
    ast.LtE: ("<=", (("<", "boundary"), (">", "comparison"))),
    ast.Gt: (">", ((">=", "boundary"), ("<", "comparison"))),
    ast.GtE: (">=", ((">", "boundary"), ("<", "comparison"))),
    ast.Eq: ("==", (("!=", "comparison"),)),
    ast.NotEq: ("!=", (("==", "comparison"),)),
    ast.In: ("in", (("not in", "comparison"),)),
    ast.NotIn: ("not in", (("in", "comparison"),)),
    ast.Is: ("is", (("is not", "comparison"),)),
    ast.IsNot: ("is not", (("is", "comparison"),)),
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor", "lower": "upper",
          "upper": "lower", "startswith": "endswith", "endswith": "startswith", "lstrip": "rstrip",
          "rstrip": "lstrip", "find": "rfind"}  # fmt: skip
_SYMMETRIC = {"min", "max", "isclose", "gcd", "lcm", "hypot", "zip", "isinstance", "issubclass"}
_SMALL, _HUGE = 100, 10**300  # more digits than that no source is made of
_REMOVABLE = ast.AugAssign | ast.Raise | ast.Delete


@dataclass(frozen=True)
class Change:
    """New text for the source from `first` to `last`, or for what stands between both."""

    kind: str
    text: str
    first: ast.expr | ast.stmt
    last: ast.expr | ast.stmt
    between: bool = False


class Segment(Protocol):
    """How the text of a module is read by the nodes of its tree."""

    def __call__(self, first: ast.AST, last: ast.AST, *, between: bool = False) -> str:
        """Return the source from the start of `first` to the end of `last`, or between both."""


def changes(node: ast.AST, segment: Segment) -> Iterator[Change]:
    """Return all changes of one node, not of what is below it."""
    maker = _MAKERS.get(type(node))
    if maker:
        yield from maker(node, segment)
    if isinstance(node, _REMOVABLE) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await)):
        yield Change("removed statement", "pass", node, node)


def _binary(node: ast.BinOp, segment: Segment) -> Iterator[Change]:
    sign = _SIGNS[type(node.op)]
    yield _operator("operator", sign, _OPERATORS[sign], node.left, node.right, segment)


def _augmented(node: ast.AugAssign, segment: Segment) -> Iterator[Change]:
    sign = _SIGNS[type(node.op)]
    yield _operator("operator", sign, _OPERATORS[sign], node.target, node.value, segment)


def _comparison(node: ast.Compare, segment: Segment) -> Iterator[Change]:
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
        sign, others = _COMPARISONS[type(operator)]
        for other, kind in others:
            yield _operator(kind, sign, other, left, right, segment)


def _boolean(node: ast.BoolOp, segment: Segment) -> Iterator[Change]:
    sign, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    for left, right in zip(node.values, node.values[1:], strict=False):
        yield _operator("condition", sign, other, left, right, segment)


def _operator(kind: str, sign: str, other: str, left: ast.expr, right: ast.expr, segment: Segment) -> Change:
    """Change the operator between two operands, and leave brackets and line breaks around it as they are."""
    before = segment(left, right, between=True)
    return Change(kind, before.replace(sign, other, 1), left, right, between=True)


def _unary(node: ast.UnaryOp, segment: Segment) -> Iterator[Change]:
    kind = "condition" if isinstance(node.op, ast.Not) else "operator"
    yield Change(kind, f"({segment(node.operand, node.operand)})", node, node)


def _condition(node: ast.If | ast.While | ast.IfExp | ast.Assert, segment: Segment) -> Iterator[Change]:
    yield Change("condition", f"not ({segment(node.test, node.test)})", node.test, node.test)


def _comprehension(node: ast.comprehension, segment: Segment) -> Iterator[Change]:
    for test in node.ifs:
        yield Change("condition", f"(not ({segment(test, test)}))", test, test)


def _constant(node: ast.Constant, _segment: Segment) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield Change("constant", str(not value), node, node)
    elif isinstance(value, int | float):
        yield from _number(node, value)
    elif isinstance(value, str):
        yield Change("constant", repr(f"x{value}"), node, node)


def _number(node: ast.Constant, value: float) -> Iterator[Change]:
    """Change a number so that it makes a difference: a large one by its scale, because one more is hardly noticed."""
    other = value + 1 if abs(value) <= _SMALL else value * 2
    if other not in (value, math.inf) and abs(other) < _HUGE:
        yield Change("constant", repr(other), node, node)


def _text(node: ast.JoinedStr, segment: Segment) -> Iterator[Change]:
    yield Change("constant", f"('x' + {segment(node, node)})", node, node)


def _case(node: ast.match_case, segment: Segment) -> Iterator[Change]:
    if node.guard:
        yield Change("condition", f"not ({segment(node.guard, node.guard)})", node.guard, node.guard)


def _call(node: ast.Call, segment: Segment) -> Iterator[Change]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name in _NAMES:
        owner = f"{segment(called.value, called.value)}." if isinstance(called, ast.Attribute) else ""
        yield Change("name", owner + _NAMES[name], called, called)
    for left, right in zip(node.args, node.args[1:], strict=False):
        if name not in _SYMMETRIC and not isinstance(left, ast.Starred) and not isinstance(right, ast.Starred):
            middle = segment(left, right, between=True)
            yield Change("swapped arguments", segment(right, right) + middle + segment(left, left), left, right)


def _return(node: ast.Return, _segment: Segment) -> Iterator[Change]:
    if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield Change("result", "return None", node, node)


def _break(node: ast.Break, _segment: Segment) -> Iterator[Change]:
    yield Change("removed statement", "continue", node, node)


def _continue(node: ast.Continue, _segment: Segment) -> Iterator[Change]:
    yield Change("removed statement", "break", node, node)


_MAKERS: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.BinOp: _binary,
    ast.AugAssign: _augmented,
    ast.Compare: _comparison,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.If: _condition,
    ast.While: _condition,
    ast.IfExp: _condition,
    ast.comprehension: _comprehension,
    ast.Constant: _constant,
    ast.JoinedStr: _text,
    ast.match_case: _case,
    ast.Call: _call,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
}
