"""The jobs that checks ask of the harness: each is one run of a tool, or of its tests, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from agenthands.schemas import ToolSpec, hidden_example_indices

_OTHER_DATE = 403 * 86400 + 5 * 3600 + 1234  # seconds: another year, month, weekday and hour


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
    kind: Literal["conformance", "tests", "calls", "examples", "used"]
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
    return Job("calls", "examples", Stage.RUN, {**_arguments(tool), "order": order})


def calls_another_day(tool: ToolSpec) -> Job:
    """Return the same calls on another date, in the second interpreter, each in a process of its own."""
    options = {**_arguments(tool), "clock_shift": _OTHER_DATE, "alone": True}
    return Job("calls", "examples", options=options, repeated=True)


def changed_tool(name: str, source: str, *, first_failure: bool = False) -> Job:
    """Return a run of the tests with `source` in the place of the tool; only the verdict of each test is kept.

    With `first_failure` the run ends at the first test that fails.
    """
    options: dict[str, Any] = {"source": source, "like": TESTS.id, "verdict_only": True}
    return Job(name, "tests", options={**options, "first_failure": True} if first_failure else options)


def _arguments(tool: ToolSpec) -> dict[str, Any]:
    return {"arguments": [example.arguments for example in tool.examples], "named": named_in(tool)}


def named_in(tool: ToolSpec) -> str:
    """Return the words of a specification: a path that they name may be used."""
    return json.dumps([tool.description, tool.purpose, tool.parameters, tool.returns], ensure_ascii=False)
