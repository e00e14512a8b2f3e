"""The jobs that checks ask of the harness: each is one run of a tool, or of its tests, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from agenthands.schemas import ToolSpec

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
    kind: Literal["conformance", "tests", "calls"]
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
    """Return the job that calls the tool through NAT with the arguments of each example."""
    return Job("calls", "calls", Stage.RUN, _arguments(tool))


def calls_another_day(tool: ToolSpec) -> Job:
    """Return the same calls on another date, in the second interpreter."""
    return Job("calls", "calls", options={**_arguments(tool), "clock_shift": _OTHER_DATE}, repeated=True)


def changed_tool(name: str, source: str, *, first_failure: bool = False) -> Job:
    """Return a run of the tests with `source` in the place of the tool; only the verdict of each test is kept.

    With `first_failure` the run ends at the first test that fails.
    """
    options: dict[str, Any] = {"source": source, "like": TESTS.id, "verdict_only": True}
    return Job(name, "tests", options={**options, "first_failure": True} if first_failure else options)


def _arguments(tool: ToolSpec) -> dict[str, Any]:
    return {"arguments": [example.arguments for example in tool.examples]}
