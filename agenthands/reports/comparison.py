"""What differs between two builds: plan, instructions, the tools' code, test cases and their outcomes, cost."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agenthands.schemas import BuildRecord, Plan

_PARTS = (
    ("agents", "name", "Agents"),
    ("custom_tools", "name", "Tools to write"),
    ("builtin_tools", "type", "Tools of NAT"),
    ("mcp_servers", "id", "MCP servers"),
    ("test_cases", "id", "Test cases"),
)
_WHOLE = ("summary", "assumptions", "entry")
_CONTEXT = 2
_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """One part that differs: its name, how, and its lines, those of a difference with a sign before each."""

    name: str
    kind: Kind
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A figure of both builds; None where a build has none."""

    name: str
    before: float | str | None
    after: float | str | None


@dataclass(frozen=True)
class Comparison:
    """What differs between two builds, by sections in the order in which they are read."""

    before: BuildRecord
    after: BuildRecord
    sections: tuple[tuple[str, tuple[Change, ...]], ...]
    cases: tuple[Figure, ...]
    figures: tuple[Figure, ...]

    @property
    def same(self) -> bool:
        """Whether plan and code are the same."""
        return not self.sections


def compared(
    before: BuildRecord, after: BuildRecord, texts_before: Mapping[str, str], texts_after: Mapping[str, str]
) -> Comparison:
    """Return what differs between two builds; `texts` are the files that their reports show, by name."""
    found = [*_plan_sections(before.plan, after.plan), ("Code", tuple(_files(texts_before, texts_after)))]
    return Comparison(
        before,
        after,
        tuple((title, changes) for title, changes in found if changes),
        tuple(_case_figures(before, after)),
        (
            Figure("status", before.status, after.status),
            Figure("cost", before.cost_usd, after.cost_usd),
            Figure("tokens", before.tokens.prompt + before.tokens.completion,
                   after.tokens.prompt + after.tokens.completion),
            Figure("seconds", before.seconds, after.seconds),
        ),
    )  # fmt: skip


def _plan_sections(before: Plan | None, after: Plan | None) -> Iterator[tuple[str, tuple[Change, ...]]]:
    one, other = (plan.model_dump(mode="json") if plan else {} for plan in (before, after))
    whole = [_change(name, one.get(name), other.get(name)) for name in _WHOLE if one.get(name) != other.get(name)]
    yield "Plan", tuple(whole)
    for field, key, title in _PARTS:
        old, new = ({part[key]: part for part in plan.get(field, [])} for plan in (one, other))
        names = [*old, *(name for name in new if name not in old)]
        yield title, tuple(change for name in names for change in _part(name, old.get(name), new.get(name)))


def _part(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Change]:
    if old is None or new is None:
        yield _change(name, old, new)
        return
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            yield _change(f"{name}.{key}", old.get(key), new.get(key))


def _change(name: str, old: Any, new: Any) -> Change:
    kind: Kind = "added" if old is None else "removed" if new is None else "changed"
    return Change(name, kind, _difference(_text(old), _text(new)))


def _files(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Yield the sources and tests of tools that differ."""
    names = sorted({name for name in {*before, *after} if name.startswith("tools/") and name.endswith(".py")})
    for name in names:
        old, new = before.get(name), after.get(name)
        if old != new:
            kind: Kind = "added" if old is None else "removed" if new is None else "changed"
            yield Change(name.removeprefix("tools/"), kind, _difference(old or "", new or ""))


def _difference(old: str, new: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT)
    return tuple(list(lines)[2:])  # without the names of files


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _SENTENCE_END.sub("\n", value)  # a paragraph is compared by its sentences
    return json.dumps(value, indent=1, ensure_ascii=False)


def _case_figures(before: BuildRecord, after: BuildRecord) -> Iterator[Figure]:
    old, new = (
        {case.id: case.outcome for case in record.acceptance.cases} if record.acceptance else {}
        for record in (before, after)
    )
    for name in [*old, *(name for name in new if name not in old)]:
        yield Figure(name, old.get(name), new.get(name))
