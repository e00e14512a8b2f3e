"""A plan as plain text for a terminal: who the agents are, what is built for them, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands._util.formatting import money, one_line
from agenthands.packaging.rights import Right, rights_of
from agenthands.planning.cost_estimate import Estimate
from agenthands.reports.team import team_of
from agenthands.reports.terminal.layout import Row, fact, prose, section, table, wrapped
from agenthands.schemas import Plan

_BEGINNING, _MOST_TOLD = 160, 5000  # characters of an agent's instructions


def plan_text(plan: Plan) -> str:
    """Return what a plan will build."""
    builtin = [(tool.type, one_line(tool.reasoning)) for tool in plan.builtin_tools]
    servers = [(server.id, ", ".join(server.marked_tools()), one_line(server.reasoning)) for server in plan.mcp_servers]
    tools = [
        (tool.name, ", ".join(tool.argument_names) or "no arguments", one_line(tool.description))
        for tool in plan.tools_to_write()
    ]
    operations = [(each.name, each.granted, one_line(each.reasoning)) for each in plan.operations]
    cases = [(case.id, one_line(case.query)) for case in plan.test_cases]
    parts = [
        [plan.name, *wrapped(plan.summary)],
        fact("why", plan.reasoning),
        section("Decided for you", bullets(plan.assumptions)),
        section("Agents", agent_lines(plan, whole=True)),
        section("Tools to write", table(tools)),
        section("API operations, compiled", table(operations)),
        section("Tools of NAT", table(builtin)),
        section("MCP servers", table(servers)),
        section("What this agent may do", rights_lines(rights_of(plan))),
        section("Test cases", table(cases)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def estimate_text(spent: float | None, estimate: Estimate) -> str:
    """Return what making a plan has cost, and what building it will cost and why one thinks so; US dollars."""
    rows: list[Row] = [
        ("this plan", "unknown" if spent is None else money(spent), "paid"),
        *((what, _about(usd), basis) for what, usd, basis in estimate.parts),
        ("building it", _about(estimate.usd), "all of that"),
    ]
    return "\n".join(section("Cost", table(rows)))


def _about(usd: float | None) -> str:
    return "unknown" if usd is None else f"about {money(usd)}"


def agent_lines(plan: Plan, *, whole: bool) -> list[str]:
    """Return who the agents are, each below the one that asks it, and what each is told, from the beginning or all."""
    lines = []
    for member in team_of(plan):
        agent, start = member.agent, "  " * member.level
        inner = f"{start}    "
        lines += wrapped(f"{agent.name}: {member.role}; {member.works_with}", start)
        lines += wrapped(agent.description, inner) if len(plan.agents) > 1 else []  # alone: the summary says it
        told = agent.instructions
        lines += prose(told, inner, _MOST_TOLD) if whole else wrapped(one_line(told, _BEGINNING), inner)
    return lines


def rights_lines(rights: Sequence[Right]) -> list[str]:
    """Return what an agent may do, one thing after another."""
    said = [
        f"{each.kind} {each.name}: {'; '.join(filter(None, (each.does, each.tried)))}, by {each.by}" for each in rights
    ]
    return [line for each in said for line in wrapped(each, "- ")]


def bullets(texts: Sequence[str]) -> list[str]:
    """Return foreign texts as a list."""
    return [line for text in texts for line in wrapped(text, "- ")]
