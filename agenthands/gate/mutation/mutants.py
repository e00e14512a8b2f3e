"""Mutants of a tool: small changes to its own code that its tests must notice.

The operators are the usual ones of the field (operator, constant, condition, boundary, removed statement, swapped
arguments; see Jia and Harman, "An Analysis and Survey of the Development of Mutation Testing", 2011). Why they are
made here and not by a library: docs/decisions/006.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from types import CodeType
from typing import Any, NamedTuple

from agenthands.gate.mutation.executed import Part, executed_parts
from agenthands.gate.mutation.operators import Change, changes
from agenthands.gate.mutation.outside import outside_changes

Code = tuple[Any, ...]
_OF_A_TABLE = 6


@dataclass(frozen=True)
class Mutant:
    """A changed version of a tool's module. `line` counts from 1; `diff` is unified, without file names.

    `statement` is the line where the statement begins that is changed, 0 where a line does not say whether it runs.
    """

    source: str
    line: int
    kind: str
    diff: str
    statement: int = 0


def mutants(source: str, limit: int, *, outside: bool = False) -> list[Mutant]:
    """Return at most `limit` mutants of a tool's module, spread over its lines; the same source gives the same ones.

    Changed is what `executed_parts` names, with `outside` also what is asked and how failures are dealt with. Of a
    table of many values a few are changed; a mutant that compiles to the bytecode of the tool or of another is none.
    """
    tree = ast.parse(source)
    text = _Text(source)
    kinds = (changes, outside_changes) if outside else (changes,)
    candidates = [
        _Candidate(change, part)
        for part in executed_parts(tree)
        for kind in kinds
        for change in kind(part.node, text.segment)
    ]
    seen = {compiled(source)}
    chosen: list[Mutant] = []
    for change, part in _spread(candidates):
        if len(chosen) == limit:
            break
        mutated = text.replace(change)
        code = compiled(mutated)
        if code and code not in seen:
            seen.add(code)
            diff = _diff(source, mutated)
            chosen.append(Mutant(mutated, change.first.lineno, change.kind, diff, part.statement))
    return sorted(chosen, key=lambda mutant: mutant.line)


class _Candidate(NamedTuple):
    """A change, and the part of the module that it is made in."""

    change: Change
    part: Part


def compiled(source: str) -> Code | None:
    """Return what a module compiles to, without line numbers; None where it is no Python."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return _comparable(compile(source, "", "exec", dont_inherit=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _comparable(code: CodeType) -> Code:
    constants = tuple(
        _comparable(each) if isinstance(each, CodeType) else (type(each).__name__, repr(each))
        for each in code.co_consts
    )
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_code, code.co_exceptiontable, constants, names, code.co_flags, code.co_argcount)


def _spread(candidates: list[_Candidate]) -> Iterator[_Candidate]:
    """Return all by turns from each line, and of each table few; the order of lines and within follows from a hash."""

    def rank(candidate: _Candidate) -> str:
        change = candidate.change
        place = (change.kind, change.text, change.first.lineno, change.first.col_offset)
        return hashlib.sha256(repr(place).encode()).hexdigest()

    places: dict[int | ast.AST, list[_Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=rank):
        table = candidate.part.table
        if table is None or len(places[table]) < _OF_A_TABLE:
            places[table or candidate.change.first.lineno].append(candidate)
    for turn in zip_longest(*places.values()):
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
