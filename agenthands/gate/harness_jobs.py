"""The jobs that checks ask of the harness: each is one run of a tool, or of its tests, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, Literal

from agenthands.gate.neighbours import literals, neighbours
from agenthands.schemas import ToolSpec, hidden_example_indices

_OTHER_DATE = 403 * 86400 + 5 * 3600 + 1234  # seconds: another year, month, weekday and hour
_HOUR, _DAY = 3600, 86400
# seconds from now at which a tool in use is called: every hour, weekday and month, years around this one, one far off
_INSTANTS = (0, *(round_ * 5 * _HOUR + (round_ * 37 - 900) * _DAY for round_ in range(48)), 20000 * _DAY)
_ROUNDS = 200
_NEIGHBOURS, _LITERALS = 40, 12
_USE = 0.2  # CPU seconds of calls
_USED_FOR_AT_MOST = 120.0


class Stage(IntEnum):
    """When a job is done: the jobs of a stage run side by side, and the next stage begins when they have ended."""

    IMPORT = 0
    RUN = 1
    COMPARE = 2
    END = 3

    @property
    def stops(self) -> bool:
        """Whether the stages after this one are left out where a job of it failed."""
        return self in (Stage.IMPORT, Stage.RUN)


@dataclass(frozen=True)
class Job:
    """One run, as `gate/harness/jobs.py` does it. `options` are what that kind of job takes.

    A job that is `repeated` runs in a second interpreter, which has another hash seed, at the same time as the stages.
    """

    id: str
    kind: Literal["conformance", "tests", "calls", "used"]
    stage: Stage = Stage.COMPARE
    options: Mapping[str, Any] = field(default_factory=dict)
    repeated: bool = False

    def request(self, seconds: float) -> dict[str, Any]:
        """Return the job as the harness reads it; `seconds` bounds it."""
        return {"id": self.id, "kind": self.kind, "seconds": seconds, **self.options}


IMPORT = Job("conformance", "conformance", Stage.IMPORT)
TESTS = Job("tests", "tests", Stage.RUN, {"coverage": True})
TESTS_ALONE = Job("alone", "tests", options={"alone": True})
TESTS_REVERSED = Job("reverse", "tests", options={"reverse": True})
TESTS_AGAIN = Job("again", "tests", Stage.END)
TESTS_ANOTHER_DAY = Job("tests", "tests", options={"clock_shift": _OTHER_DATE}, repeated=True)


def calls(tool: ToolSpec) -> Job:
    """Return the job that calls the tool through NAT with the arguments of each example.

    The hidden ones come last: nothing that a visible call gives, which the coder may read, can tell of them.
    """
    hidden = hidden_example_indices(tool)
    order = [index for index in range(len(tool.examples)) if index not in hidden] + hidden
    return Job("calls", "calls", Stage.RUN, {**_arguments(tool), "order": order, "named": _named(tool)})


def calls_another_day(tool: ToolSpec) -> Job:
    """Return the same calls on another date, in the second interpreter, each in a process of its own."""
    options = {**_arguments(tool), "clock_shift": _OTHER_DATE, "alone": True, "named": _named(tool)}
    return Job("calls", "calls", options=options, repeated=True)


def used(tool: ToolSpec, source: str, *, hidden: bool) -> Job:
    """Return the job that uses the tool as an agent does: the calls of its examples among many others.

    Visible and `hidden` examples have a process each, so that what the one gives can tell nothing of the other.
    `source` is the text of the tool's module, whose constants are tried with the visible ones.
    """
    return _used(tool.model_dump_json(), source, hidden)


def used_arguments(tool: ToolSpec, source: str, *, hidden: bool) -> list[dict[str, Any]]:
    """Return the arguments of the calls that `used` makes: first those of the examples, then those close to them."""
    options = used(tool, source, hidden=hidden).options
    return [*options["arguments"], *options["others"]]


@lru_cache(maxsize=64)
def _used(specification: str, source: str, hidden: bool) -> Job:
    """Return the job of a specification in JSON; finding what is close to its examples takes a while."""
    tool = ToolSpec.model_validate_json(specification)
    held = hidden_example_indices(tool)
    indices = [index for index in range(len(tool.examples)) if (index in held) is hidden]
    options = {
        "arguments": [tool.examples[index].arguments for index in indices],
        "others": [
            *neighbours(tool, indices, _NEIGHBOURS),
            *([] if hidden else literals(tool, indices, source, _LITERALS)),
        ],
        "named": _named(tool),
        "instants": _INSTANTS,
        "rounds": _ROUNDS,
        "budget": _USE,
        "seed": 1,
        "seconds": _USED_FOR_AT_MOST,
        "cpu_seconds": _USED_FOR_AT_MOST / 2,
    }
    return Job("used_hidden" if hidden else "used", "used", options=options, repeated=True)


def changed_tool(name: str, source: str, *, first_failure: bool = False) -> Job:
    """Return a run of the tests with `source` in the place of the tool; only the verdict of each test is kept.

    With `first_failure` the run ends at the first test that fails.
    """
    options: dict[str, Any] = {"source": source, "like": TESTS.id, "verdict_only": True}
    return Job(name, "tests", options={**options, "first_failure": True} if first_failure else options)


def _arguments(tool: ToolSpec) -> dict[str, Any]:
    return {"arguments": [example.arguments for example in tool.examples]}


def _named(tool: ToolSpec) -> str:
    """Return the words of a specification: a path that they name may be used."""
    return json.dumps([tool.description, tool.purpose, tool.parameters, tool.returns], ensure_ascii=False)
