"""The operations that a plan chooses: complaints about them, and the tools that they become."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from agenthands._util.untrusted_json import misfits
from agenthands.mcp.ranking import fold
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.openapi.compiling import Compiled
from agenthands.openapi.document import CannotCompile
from agenthands.openapi.shapes import or_null
from agenthands.openapi.specification import tool_specification
from agenthands.schemas import Plan, ToolSpec
from agenthands.schemas.api_operation import ApiCall, ApiOperation

_NEAR = 5


def as_answered(plan: Plan) -> Plan:
    """Return a plan as the planner answers it: without the tools that its operations become."""
    return plan.model_copy(update={"custom_tools": [tool for tool in plan.custom_tools if tool.operation is None]})


def with_operations(plan: Plan, apis: ApiCatalogue, request: str) -> tuple[Plan, list[str]]:
    """Return a plan with the compiled tools of its operations, and an exact complaint about each that cannot be one.

    Tools that say themselves what they are compiled from are left out: only a description says that. An operation
    that does more than read must quote the `request`, if that is known.
    """
    complaints: list[str] = []
    written = as_answered(plan).custom_tools
    tools: list[ToolSpec] = []
    for chosen in plan.operations:
        where = f"operations.{chosen.name}"
        found = list(_unusable(chosen, apis, request))
        if chosen.name in {tool.name for tool in written}:
            found.append("it is an operation already; leave it out of custom_tools.")
        if not found:
            compiled = apis.compiled(chosen.name)
            found += _call_complaints(chosen.calls, compiled)
            if not found:
                document = apis.operations[chosen.name].document
                tools.append(tool_specification(document, compiled, chosen.reasoning, chosen.calls))
        complaints += [f"{where}: {each}" for each in found]
    return plan.model_copy(update={"custom_tools": [*written, *tools]}), complaints


def _unusable(chosen: ApiOperation, apis: ApiCatalogue, request: str) -> Iterator[str]:
    if chosen.name not in apis.operations:
        near = difflib.get_close_matches(chosen.name, apis.operations, _NEAR, 0.4) or list(apis.operations)[:_NEAR]
        yield f"there is no such operation; the nearest are {', '.join(near) or 'none'}."
        return
    try:
        does = apis.compiled(chosen.name).operation.does
    except CannotCompile as error:
        yield f"it cannot become a tool: {error}."
        return
    if does == "reads":
        return
    if not chosen.asked_for.strip():
        yield (
            f"it is marked [{does}]. Leave it out, unless the request asks for what it does; then quote in asked_for "
            f"the words which ask for it."
        )
    elif request and fold(chosen.asked_for) not in fold(request):
        yield (
            f"{chosen.asked_for!r} is not in the request. Quote its own words, exactly as they stand there, or leave "
            f"the operation out."
        )


def _call_complaints(calls: Sequence[ApiCall], compiled: Compiled) -> Iterator[str]:
    for number, call in enumerate(calls, 1):
        place = f"calls.{number}"
        yield from (f"{place}.arguments{each}" for each in misfits(call.arguments, compiled.parameters))
        known = compiled.parameters["properties"]
        if unknown := sorted(call.arguments.keys() - known.keys()):
            yield f"{place}.arguments: there is no {', '.join(unknown)}; there are {', '.join(known) or 'none'}."
        if any(value is None for value in call.arguments.values()) or "max_pages" in call.arguments:
            yield f"{place}.arguments: leave out what is null, and max_pages."
        if call.status < 300 and compiled.answer_schema is not None:
            yield from (f"{place}.answer{each}" for each in misfits(call.answer, or_null(compiled.answer)))
