"""The agents of a plan as all reports show them: the entry first, each below the one that asks it, with its tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from agenthands.schemas import Plan, PlanAgent
from agenthands.schemas.plan_agent import colleagues


class TeamPart(NamedTuple):
    """Something that an agent uses: its kind (tool, server, builtin or agent), its name, and what it is for."""

    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class Member:
    """An agent: how many others stand above it, the place of the one that it is shown below, and whom it asks.

    An agent that several others ask is shown below the first of them; the others have it as a part of kind `agent`.
    `above` is None for the entry, and for an agent that nobody asks.
    """

    agent: PlanAgent
    level: int
    above: int | None
    asks: Sequence[str]
    parts: Sequence[TeamPart]
    answers: bool = False
    """Whether it is the entry of a team."""

    @property
    def role(self) -> str:
        """Its type in NAT, and whether it answers the user."""
        return f"{self.agent.type}, answers you" if self.answers else self.agent.type

    @property
    def works_with(self) -> str:
        """Whom it asks and what it uses, or that it has nothing of that."""
        own = [part.name for part in self.parts if part.kind != "agent"]
        said = (("asks", self.asks), ("uses", own))
        return "; ".join(f"{verb} {', '.join(names)}" for verb, names in said if names) or "has its model alone"


def team_of(plan: Plan) -> list[Member]:
    """Return the agents of a plan, each once, in the order in which they are shown; a wrong plan's, too.

    What no agent uses is shown with the entry.
    """
    members: list[Member] = []
    seen: set[str] = set()

    def add(agent: PlanAgent, level: int, above: int | None) -> None:
        if agent.name in seen:
            return
        seen.add(agent.name)
        below = colleagues(agent, plan.agents)
        place = len(members)
        elsewhere = [TeamPart("agent", each.name, each.description) for each in below if each.name in seen]
        asks = [each.name for each in below]
        members.append(Member(agent, level, above, asks, [*_used(agent, plan), *elsewhere]))
        for each in below:
            add(each, level + 1, place)

    for agent in (plan.entry_agent, *plan.agents):
        add(agent, 0, None)
    used = {(part.kind, part.name) for member in members for part in member.parts}
    unused = [part for part in _all_parts(plan) if (part.kind, part.name) not in used]
    entry = replace(members[0], parts=[*members[0].parts, *unused], answers=len(members) > 1)
    return [entry, *members[1:]]


def _used(agent: PlanAgent, plan: Plan) -> list[TeamPart]:
    """Return what an agent uses in the plan's order, of a server only the tools that it may call."""
    names = set(agent.tools)
    marked = {server.id: dict(zip(server.tools, server.marked_tools(), strict=True)) for server in plan.mcp_servers}
    parts = []
    for part in _all_parts(plan):
        tools = [name.removeprefix(f"{part.name}__") for name in agent.tools if name.startswith(f"{part.name}__")]
        if part.name in names:
            parts.append(part)
        elif part.kind == "server" and tools:
            parts.append(part._replace(text=", ".join(marked[part.name].get(tool, tool) for tool in tools)))
    return parts


def _all_parts(plan: Plan) -> list[TeamPart]:
    return [
        *(TeamPart("tool", tool.name, plan.about(tool)) for tool in plan.custom_tools),
        *(TeamPart("server", server.id, ", ".join(server.marked_tools())) for server in plan.mcp_servers),
        *(TeamPart("builtin", tool.type, tool.reasoning) for tool in plan.builtin_tools),
    ]
