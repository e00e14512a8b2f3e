"""The jobs that use a tool as an agent does: the calls of its examples, again and again, among others like them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from agenthands.gate.harness_jobs import Job, named_in
from agenthands.gate.neighbours import literals, neighbours
from agenthands.schemas import ToolSpec, hidden_example_indices

_HOUR, _DAY = 3600, 86400
# seconds from now at which a tool in use is called: every hour, weekday and month, years around this one, one far off
_INSTANTS = (0, *(round_ * 5 * _HOUR + (round_ * 37 - 900) * _DAY for round_ in range(48)), 20000 * _DAY)
_CALLS, _CALLS_HIDDEN = 700, 500
_NEIGHBOURS, _LITERALS = 60, 12
_USE, _USE_IN_A_WORLD = 1.0, 0.4  # CPU seconds of calls, where one takes long, as each request does


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
        "named": named_in(tool),
        "instants": _INSTANTS,
        "calls": _CALLS_HIDDEN if hidden else _CALLS,
        "budget": _USE,
        "seed": 1,
    }
    if tool.worlds:
        options["budget"] = _USE_IN_A_WORLD
        options["worlds"] = [tool.examples[index].world for index in indices]
    return Job("used_hidden" if hidden else "used", "used", options=options, repeated=True)
