"""Mutants of a tool: small changes to its own code that its tests must notice.

The operators are the usual ones of the field (operator, constant, condition, boundary, removed statement, swapped
arguments; see Jia and Harman, "An Analysis and Survey of the Development of Mutation Testing", 2011). Why they are
made here and not by a library: docs/decisions/006.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from agenthands.gate.mutation.operators import Change, changes
from agenthands.gate.source import is_registered, parts_outside_messages


@dataclass(frozen=True)
class Mutant:
    """A changed version of a tool's module. `line` counts from 1; `diff` is unified, without file names."""

    source: str
    line: int
    kind: str
    diff: str


def mutants(source: str, limit: int) -> list[Mutant]:
    """Return at most `limit` mutants of a tool's module, spread over its lines; the same source gives the same ones.

    Left alone are what the gate sees elsewhere or what no test should pin: configuration and input classes (`schema`),
    the registration, docstrings, annotations, decorators, logging, and the wording of error messages.
    """
    tree = ast.parse(source)
    text = _Text(source)
    candidates = [change for node in _own_nodes(tree) for change in changes(node, text.segment)]
    seen = {source}
    chosen: list[Mutant] = []
    for change in _spread(candidates):
        if len(chosen) == limit:
            break
        mutated = text.replace(change)
        if mutated not in seen and _is_python(mutated):
            seen.add(mutated)
            chosen.append(Mutant(mutated, change.first.lineno, change.kind, _diff(source, mutated)))
    return sorted(chosen, key=lambda mutant: mutant.line)


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _own_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Return every node of the tool's own code, from the top."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value and not _is_dunder(statement):
            yield from parts_outside_messages(statement.value)
        else:
            for function in _functions(statement):
                for part in [*function.args.defaults, *filter(None, function.args.kw_defaults), *function.body]:
                    yield from parts_outside_messages(part)


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the outermost functions below `node`; of the registered one, those inside it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_registered(node):
        yield node
    elif isinstance(node, ast.stmt):
        for child in ast.iter_child_nodes(node):
            yield from _functions(child)


def _is_dunder(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(isinstance(target, ast.Name) and target.id.startswith("__") for target in targets)


def _spread(candidates: list[Change]) -> Iterator[Change]:
    """Return all by turns from each line; the order of the lines and within each follows from a hash."""

    def rank(change: Change) -> str:
        place = (change.kind, change.text, change.first.lineno, change.first.col_offset)
        return hashlib.sha256(repr(place).encode()).hexdigest()

    lines: dict[int, list[Change]] = defaultdict(list)
    for change in sorted(candidates, key=rank):
        lines[change.first.lineno].append(change)
    for turn in zip_longest(*lines.values()):
        yield from filter(None, turn)


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return "\n".join(list(lines)[2:])


class _Text:
    """A source with access by the positions of its syntax tree, whose columns count bytes."""

    def __init__(self, source: str) -> None:
        self._bytes = source.encode()
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def segment(self, first: ast.AST, last: ast.AST, *, between: bool = False) -> str:
        """Return the text from the start of `first` to the end of `last`, or what stands between both."""
        start, end = self._span(first, last, between)
        return self._bytes[start:end].decode()

    def replace(self, change: Change) -> str:
        """Return the whole source with one change applied."""
        start, end = self._span(change.first, change.last, change.between)
        return (self._bytes[:start] + change.text.encode() + self._bytes[end:]).decode()

    def _span(self, first: ast.AST, last: ast.AST, between: bool) -> tuple[int, int]:
        if between:
            return self._at(first.end_lineno, first.end_col_offset), self._at(last.lineno, last.col_offset)  # type: ignore[attr-defined]
        return self._at(first.lineno, first.col_offset), self._at(last.end_lineno, last.end_col_offset)  # type: ignore[attr-defined]

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column
