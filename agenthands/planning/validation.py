"""Checks a plan against NAT's components, the catalogue, and its own schemas."""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from agenthands._util.untrusted_json import misfits, schema_fault
from agenthands.environments.nat_registry import BuiltinSchema, NatRegistry
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.planning.case_validation import case_complaints
from agenthands.planning.effects_validation import effect_complaints
from agenthands.planning.probes import Recordings
from agenthands.planning.server_validation import server_complaints
from agenthands.planning.team_validation import team_complaints
from agenthands.planning.user_data import data_complaints
from agenthands.schemas import BuiltinTool, Plan, ResultExample, ToolSpec, hold_out_fault
from agenthands.schemas.data_profile import UserData


@dataclass(frozen=True)
class PlanningContext:
    """What a plan may use; `unusable` holds the reasons against servers of the catalogue, by id.

    `packages` are those that the user allows as dependencies; empty allows all. `models` says of each model that an
    agent may have what it is, by its role, which is empty for the usual one; there is that alone if it is empty.
    `request` is what the user asked for, where that is known, `data` what data they gave, `apis` are those that they
    gave descriptions of, and `recorded` is what hosts really answered.
    """

    registry: NatRegistry
    catalogue: Mapping[str, CatalogueServer]
    unusable: Mapping[str, Sequence[str]] = field(default_factory=dict)
    packages: Sequence[str] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    request: str = ""
    data: UserData | None = None
    apis: ApiCatalogue = field(default_factory=ApiCatalogue)
    recorded: Recordings = field(default_factory=Recordings)


def validate_plan(plan: Plan, reality: PlanningContext) -> list[str]:
    """Return an exact complaint about everything in the plan that cannot be built; empty if all of it can."""
    return [
        *_component_complaints(plan, reality.registry),
        *team_complaints(plan, reality.registry, [role for role in reality.models if role]),
        *server_complaints(plan, reality.catalogue, reality.unusable, reality.request),
        *(complaint for tool in plan.custom_tools for complaint in _tool_complaints(tool, reality)),
        *case_complaints(plan),
        *effect_complaints(plan),
        *data_complaints(plan, reality.data),
    ]


def _component_complaints(plan: Plan, registry: NatRegistry) -> Iterator[str]:
    offered = registry.plannable_builtins()
    for tool in plan.builtin_tools:
        where = f"builtin_tools.{tool.type}"
        if tool.type not in offered:
            reason = registry.why_not_builtin(tool.type)
            yield f"{where}: it cannot be used, {reason}; there are {', '.join(offered)}."
        else:
            yield from _config_complaints(tool, where, offered[tool.type])
    taken = {*registry.builtins, *registry.scaffolds}
    for custom in plan.custom_tools:
        if custom.name in taken:
            yield f"custom_tools: the name {custom.name!r} belongs to a component of NAT; choose another."
        if keyword.iskeyword(custom.name):
            yield f"custom_tools: the name {custom.name!r} is a word of Python's own; choose another."


def _config_complaints(tool: BuiltinTool, where: str, known: BuiltinSchema) -> Iterator[str]:
    settable = known.settable()
    for name, value in tool.config.items():
        if name not in settable:
            yield f"{where}.config: {name!r} cannot be set; these can: {', '.join(settable) or 'none'}."
        else:
            yield from (f"{where}.config.{name}{each}" for each in misfits(value, settable[name].accepts or {}))
    for name, known_field in settable.items():
        if known_field.required and name not in tool.config:
            yield f"{where}.config: {name!r} is required: {known_field.about or known_field.accepts}"


def _tool_complaints(tool: ToolSpec, reality: PlanningContext) -> Iterator[str]:
    where = f"custom_tools.{tool.name}"
    for requirement in tool.dependencies:
        if complaint := _dependency_complaint(requirement, reality.packages):
            yield f"{where}: {complaint}"
    broken = False
    for name, schema in (("parameters", tool.parameters), ("returns", tool.returns)):
        if fault := schema_fault(schema):
            broken = True
            yield f"{where}.{name}: no JSON Schema: {fault}."
    if tool.parameters.get("type") != "object" or not isinstance(tool.parameters.get("properties"), dict):
        yield f"{where}.parameters: must be of type object with properties."
    elif not broken:
        yield from _example_complaints(tool, where)


def _dependency_complaint(requirement: str, allowed: Sequence[str]) -> str:
    """Return why a requirement is refused; empty if it may become a line of the installer's input."""
    try:
        parsed = Requirement(requirement)
    except (InvalidRequirement, RecursionError):
        return f"{requirement!r} is no PEP 508 requirement."
    if not requirement.isprintable():
        return f"{requirement!r} is not one line of plain text."  # a marker may quote a line break
    if parsed.url:
        return f"{requirement!r} names a URL; only packages of the index are allowed."
    if allowed and canonicalize_name(parsed.name) not in map(canonicalize_name, allowed):
        return f"the package {parsed.name!r} is not allowed here; allowed are {', '.join(allowed)}."
    return ""


def _example_complaints(tool: ToolSpec, where: str) -> Iterator[str]:
    known = tool.parameters["properties"].keys()
    for number, example in enumerate(tool.examples, start=1):
        place = f"{where}.examples.{number}"
        if extra := sorted(example.arguments.keys() - known):
            yield f"{place}: {', '.join(extra)} are no parameters."
        if isinstance(example, ResultExample):
            yield from (f"{place}: arguments{each}" for each in misfits(example.arguments, tool.parameters))
            yield from (f"{place}: expected{each}" for each in misfits(example.expected, tool.returns))
    if not any(isinstance(example, ResultExample) for example in tool.examples):
        yield f"{where}.examples: at least one must show a result."
    calls = {json.dumps([example.arguments, example.world], sort_keys=True) for example in tool.examples}
    if len(calls) < len(tool.examples):
        yield f"{where}.examples: two have the same arguments."
    elif fault := hold_out_fault(tool):
        yield f"{where}.examples: {fault}."
