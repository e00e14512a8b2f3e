"""An agent of a plan: its job, its tools and the agents that it may ask; and the tree that the agents make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field, model_validator

from agenthands.schemas.bounds import MOST_NAMES
from agenthands.schemas.part import TOOL_NAME, Part, refuse_longer

MOST_INSTRUCTIONS = 20_000
"""Characters of an agent's instructions: they are sent to the model with each of its calls."""
DEEPEST_TEAM = 3


class PlanAgent(Part):
    """An agent of the plan. An agent without tools answers by its model alone."""

    name: str = Field(pattern=TOOL_NAME, description="Name by which other agents call it")
    description: str = Field(min_length=1, description="What its caller reads: what to ask it, what it answers")
    instructions: str = Field("", description="Its system prompt")
    type: str = Field(description="A NAT agent _type, one of the agent types listed")
    tools: list[str] = Field(
        default_factory=list,
        description="Types of builtin tools, names of custom tools, ids of servers (all planned tools of it) or "
        "<server id>__<tool>, names of other agents; an executor runs them in this order",
    )
    model: str = Field("", description="Role of its model, one of those listed; empty for the usual one")

    @model_validator(mode="after")
    def _is_bounded(self) -> PlanAgent:
        refuse_longer("tools", self.tools, MOST_NAMES)
        if len(self.instructions) > MOST_INSTRUCTIONS:
            raise ValueError(
                f"instructions has {len(self.instructions):,} characters; at most {MOST_INSTRUCTIONS:,} are read"
            )
        return self


def colleagues(agent: PlanAgent, agents: Sequence[PlanAgent]) -> list[PlanAgent]:
    """Return the other agents that an agent may ask, in the order of its tools."""
    by_name = {each.name: each for each in agents}
    return [by_name[name] for name in agent.tools if name in by_name]


def paths_from(entry: str, agents: Sequence[PlanAgent]) -> Iterator[tuple[str, ...]]:
    """Yield the chains of names that lead from the entry downwards.

    A chain ends at an agent that asks nobody, where a name comes again, or one name after the deepest allowed.
    """
    by_name = {each.name: each for each in agents}
    if entry not in by_name:
        return
    stack: list[tuple[str, ...]] = [(entry,)]
    while stack:
        path = stack.pop()
        below = [each.name for each in colleagues(by_name[path[-1]], agents)]
        if path[-1] in path[:-1] or not below or len(path) > DEEPEST_TEAM:
            yield path
            continue
        stack.extend((*path, name) for name in reversed(below))


def edges(agents: Sequence[PlanAgent]) -> list[tuple[str, str]]:
    """Return the pairs of an agent and another that it may ask."""
    return [(agent.name, other.name) for agent in agents for other in colleagues(agent, agents)]
