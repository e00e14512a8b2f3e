"""The jobs that checks ask of the harness: each is one run of a tool, or of its tests, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from agenthands.schemas import Response, ResultExample, ToolSpec, hidden_example_indices

_OTHER_DATE = 403 * 86400 + 5 * 3600 + 1234  # seconds: another year, month, weekday and hour


_OUTAGES = 3  # examples that are called while every host fails
_SERVER_FAULT = 500
_MOST_CPU = 600.0  # seconds, where there are very many tests
_PROBES_CPU, _ONE_PROBE_CPU = 1.0, 0.2  # seconds for all calls that tell a mutant from the tool, and for one of them


class Stage(IntEnum):
    """When a job is done: the jobs of a stage run side by side, and the next stage begins when they have ended."""

    IMPORT = 0
    RUN = 1
    COMPARE = 2
    PROBE = 3
    SURVIVORS = 4
    END = 5

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

    def request(self, cpu_seconds: float, seconds: float) -> dict[str, Any]:
        """Return the job as the harness reads it: bounded by its CPU time, and far off by the clock if it sleeps."""
        return {"id": self.id, "kind": self.kind, "cpu_seconds": cpu_seconds, "seconds": seconds, **self.options}

    @property
    def refers_to(self) -> str:
        """The id of the job whose time bounds this one; empty where there is none."""
        return str(self.options.get("like", ""))


_AS_TESTS = {"like": "tests"}
IMPORT = Job("conformance", "conformance", Stage.IMPORT)
TESTS = Job("tests", "tests", Stage.RUN, {"coverage": True, "cpu_most": _MOST_CPU})
TESTS_ALONE = Job("alone", "tests", options={"alone": True, **_AS_TESTS})
TESTS_REVERSED = Job("reverse", "tests", options={"reverse": True, **_AS_TESTS})
TESTS_AGAIN = Job("again", "tests", Stage.END, _AS_TESTS)
TESTS_ANOTHER_DAY = Job("tests", "tests", options={"clock_shift": _OTHER_DATE, "cpu_most": _MOST_CPU}, repeated=True)


def calls(tool: ToolSpec) -> Job:
    """Return the job that calls the tool through NAT with the arguments of each example.

    The hidden ones come last: nothing that a visible call gives, which the coder may read, can tell of them.
    """
    hidden = hidden_example_indices(tool)
    order = [index for index in range(len(tool.examples)) if index not in hidden] + hidden
    return Job("calls", "examples", Stage.RUN, {**_arguments(tool), "order": order})


def calls_in_an_outage(tool: ToolSpec) -> Job | None:
    """Return the job that calls the tool while every host answers with status 500; None where that says nothing.

    It says nothing of a tool of which an example says that it has a result where a service fails.
    """
    failing = {name for name, world in tool.worlds.items() for each in world.http if _fails(each.response)}
    chosen = [
        index
        for index, example in enumerate(tool.examples)
        if isinstance(example, ResultExample) and example.world and tool.worlds[example.world].http
    ]
    if any(tool.examples[index].world in failing for index in chosen if not _is_repeated(tool, index)):
        return None
    order = [index for index in chosen if index not in hidden_example_indices(tool)][:_OUTAGES]
    return Job("outage", "examples", options={**_arguments(tool), "order": order, "outage": True}) if order else None


def _fails(response: Response) -> bool:
    return response.status >= _SERVER_FAULT or bool(response.fault)


def _is_repeated(tool: ToolSpec, index: int) -> bool:
    """Return whether the world of an example says what is answered after a failure: then the tool asks again."""
    return any(each.turn > 1 and not _fails(each.response) for each in tool.worlds[tool.examples[index].world].http)


def calls_another_day(tool: ToolSpec) -> Job:
    """Return the same calls on another date, in the second interpreter, each in a process of its own."""
    options = {**_arguments(tool), "clock_shift": _OTHER_DATE, "alone": True}
    return Job("calls", "examples", options=options, repeated=True)


def changed_tool(name: str, source: str, *, first_failure: bool = False, compared: bool = False) -> Job:
    """Return a run of the tests with `source` in the place of the tool; only the verdict of each test is kept.

    With `first_failure` the run ends at the first test that fails. One that is `compared` is called with the arguments
    of `probes` where it passes the tests.
    """
    options: dict[str, Any] = {"source": source, "verdict_only": True, **_AS_TESTS}
    if first_failure:
        options["first_failure"] = True
    if compared:
        options["compared"] = True
    return Job(name, "tests", options=options)


def probes(arguments: Sequence[Mapping[str, Any]], least: int, most: int) -> Sequence[Job]:
    """Return the jobs that call tool and changed tools with `arguments`.

    Called are those that are `compared` and pass the tests, if they are at `least` and at `most` so many. The tool is
    called twice: one that answers differently each time cannot be told from any other. The answer for a changed tool
    has the id `survivor_of` its own.
    """
    if_survived = {"least": least, "most": most, "call_seconds": _ONE_PROBE_CPU}
    given = {"arguments": list(arguments), "budget": _PROBES_CPU, **if_survived}
    return (
        Job("probe", "calls", Stage.PROBE, {"coverage": True, **given}),
        Job("probe again", "calls", Stage.PROBE, given),
        Job("survivor", "calls", Stage.SURVIVORS, {"like": "probe", "each_survivor": True, **if_survived}),
    )


def survivor_of(name: str) -> str:
    """Return the id of the calls made of a changed tool that passed the tests."""
    return f"survivor {name}"


def _arguments(tool: ToolSpec) -> dict[str, Any]:
    given: dict[str, Any] = {"arguments": [example.arguments for example in tool.examples], "named": named_in(tool)}
    if not tool.worlds:
        return given
    given["timeless"] = not tool.effects.clock
    left = {str(index): example.leaves for index, example in enumerate(tool.examples) if example.leaves}
    leaves = {index: each.model_dump(mode="json") for index, each in left.items()}
    return {**given, "worlds": [example.world for example in tool.examples], "leaves": leaves}


def worlds_of(tool: ToolSpec) -> list[tuple[dict[str, Any], str]]:
    """Return the arguments of each example with the name of its world."""
    return [(example.arguments, example.world) for example in tool.examples]


def named_in(tool: ToolSpec) -> str:
    """Return the words of a specification: a path that they name may be used."""
    return json.dumps([tool.description, tool.purpose, tool.parameters, tool.returns], ensure_ascii=False)
