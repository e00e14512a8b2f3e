"""Complaints about a plan's agents: what they are, what they may use, who may ask whom."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence

from agenthands.environments.nat_registry import AgentTypeSchema, NatRegistry
from agenthands.schemas import Plan, PlanAgent
from agenthands.schemas.plan_agent import DEEPEST_TEAM, paths_from

_FEWEST_BRANCHES = 2


def team_complaints(plan: Plan, registry: NatRegistry, models: Sequence[str] = ()) -> Iterator[str]:
    """Yield an exact complaint about everything in the plan's agents that cannot be built.

    `models` are the roles of models that an agent may have besides the usual one.
    """
    types, parts = registry.plannable_agent_types(), _parts(plan)
    agents = {agent.name: agent for agent in plan.agents}
    for agent in plan.agents:
        where = f"agents.{agent.name}"
        if agent.type not in types:
            reason = registry.why_not(agent.type)
            yield f"{where}: the type {agent.type!r} cannot be used, {reason}; there are {', '.join(types)}."
            continue
        yield from _name_complaints(agent, where, plan, registry)
        yield from _tool_complaints(agent, where, parts, agents)
        yield from _job_complaints(agent, where, registry.scaffolds[agent.type], agents)
        if agent.model and agent.model not in models:
            known = (
                f"there are {', '.join(models)}" if models else "there is the usual one alone, which is the empty name"
            )
            yield f"{where}: there is no model {agent.model!r}; {known}."
    yield from _shape_complaints(plan)
    used = {name for agent in plan.agents for name in agent.tools}
    for name, whole in parts.items():
        if name == whole and not used & {part for part, of in parts.items() if of == whole}:
            yield f"{name!r} is planned, but no agent has it among its tools."


def _parts(plan: Plan) -> dict[str, str]:
    """Return what an agent may have as a tool, and to which part of the plan it belongs."""
    parts = {tool.type: tool.type for tool in plan.builtin_tools} | {tool.name: tool.name for tool in plan.custom_tools}
    for server in plan.mcp_servers:
        parts |= {server.id: server.id, **{f"{server.id}__{tool}": server.id for tool in server.tools}}
    return parts


def _name_complaints(agent: PlanAgent, where: str, plan: Plan, registry: NatRegistry) -> Iterator[str]:
    if keyword.iskeyword(agent.name) or agent.name in {*registry.builtins, *registry.scaffolds}:
        yield f"{where}: the name belongs to Python or to a component of NAT; choose another."
    if agent.name in _parts(plan):
        yield f"{where}: a tool or server has the same name; choose another."
    if agent.name.endswith("_inner"):
        yield f"{where}: names that end with _inner are taken; choose another."


def _tool_complaints(
    agent: PlanAgent, where: str, parts: Mapping[str, str], agents: Mapping[str, PlanAgent]
) -> Iterator[str]:
    for name in dict.fromkeys(agent.tools):
        if name not in parts and name not in agents:
            known = [*parts, *(other for other in agents if other != agent.name)]
            yield f"{where}.tools: there is no {name!r}; there are {', '.join(known) or 'none'}."
        if agent.tools.count(name) > 1:
            yield f"{where}.tools: {name!r} appears more than once."


def _job_complaints(
    agent: PlanAgent, where: str, kind: AgentTypeSchema, agents: Mapping[str, PlanAgent]
) -> Iterator[str]:
    asked = [name for name in agent.tools if name in agents]
    if kind.takes == "nothing" and agent.tools:
        yield f"{where}: a {agent.type} answers by its model alone and can use no tools; tool_calling_agent can."
    if kind.takes != "nothing" and not agent.tools:
        yield f"{where}: it has no tools; an agent that needs none is of the type chat_completion."
    if kind.takes == "agents" and len(asked) < len(agent.tools):
        others = ", ".join(name for name in agent.tools if name not in asked)
        yield f"{where}: a {agent.type} takes agents alone; give {others} to an agent of its own."
    if kind.has_model and not agent.instructions.strip():
        yield (
            f"{where}: it has no instructions: say its role, when to use which tool, what to assume, what to ask back, "
            f"how to answer, what never to do."
        )
    if not kind.has_model and agent.instructions:
        yield f"{where}: a {agent.type} asks no model, so nobody reads its instructions; give them to its agents."
    if kind.takes == "agents" and kind.has_model:
        yield from _branch_complaints(agent, where, asked)


def _branch_complaints(agent: PlanAgent, where: str, branches: Sequence[str]) -> Iterator[str]:
    if len(branches) < _FEWEST_BRANCHES:
        yield f"{where}: a {agent.type} chooses between agents; it has {len(branches)}."
    for name in branches:
        # NAT takes the first branch whose name is anywhere in the model's answer.
        if inside := [other for other in branches if other != name and name in other]:
            yield f"{where}: {name!r} is a part of {inside[0]!r}, which the router cannot tell apart; rename one."


def _shape_complaints(plan: Plan) -> Iterator[str]:
    """Yield what is wrong with who asks whom: circles, too many levels, agents that nobody asks."""
    reached, circles, deep = {plan.entry}, set(), False
    for path in paths_from(plan.entry, plan.agents):
        reached |= set(path)
        if path[-1] in path[:-1]:
            circle = path[path.index(path[-1]) :]
            if frozenset(circle) not in circles:
                circles.add(frozenset(circle))
                yield f"agents: {' asks '.join(circle)}, a circle; an agent must not ask one that asks it."
        elif len(path) > DEEPEST_TEAM and not deep:
            deep = True
            yield f"agents: {' asks '.join(path)}; at most {DEEPEST_TEAM} levels are built, the entry included."
    for agent in plan.agents:
        if agent.name not in reached:
            yield f"agents.{agent.name}: nobody asks it; put it among the tools of another agent, or leave it out."
