"""What the README of an agent's package says: who asks whom, its secrets and settings, and how it did in acceptance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agenthands.llm.settings import key_names
from agenthands.mcp.catalogue_server import ServerVariable
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.agent_config import models_of
from agenthands.packaging.rights import imagined_sentence, rights_of
from agenthands.packaging.tool_variables import place_variables, secret_variables
from agenthands.schemas import Acceptance, CaseResult, Plan
from agenthands.schemas.plan_agent import colleagues

_LONGEST_QUESTION, _LONGEST_ANSWER = 200, 2_000


class Variable(NamedTuple):
    """A variable of `.env`, what it is for, and what holds without it."""

    name: str
    use: str
    without: str


_MEMORY = [
    Variable("AGENT_MEMORY", "the file of what it remembers", "memory.sqlite in a hidden folder of your home"),
    Variable("AGENT_USER", "for whom it remembers", "user"),
]


def readme_values(
    plan: Plan,
    servers: Sequence[PlannedServer],
    agent_model: str,
    remembers: bool,
    tried: Acceptance | None = None,
) -> dict[str, object]:
    """Return what the template of the README needs; `remembers` says that there is a memory.

    `tried` is None before acceptance.

    The question is one that the agent answered well in acceptance, with its answer; else one of its test cases.
    """
    good = _shown_case(plan, tried)
    queries = {case.id: case.query for case in plan.test_cases}
    query = queries[good.id] if good else min(queries.values(), key=len)
    return {
        "asks": [
            (agent.name, [each.name for each in asked])
            for agent in plan.agents
            if (asked := colleagues(agent, plan.agents))
        ],
        "networked": [tool.name for tool in plan.custom_tools if tool.reaches_network],
        "secrets": [*_secrets(servers, agent_model), *_of_tools(secret_variables(plan))],
        "settings": [
            *_settings(plan, servers, agent_model),
            *_of_tools(place_variables(plan)),
            *(_MEMORY if remembers else []),
        ],
        "remembers": remembers,
        "question": " ".join(query.split()),
        "answer": _indented(good.answer) if good else "",
        "chat": json.dumps({"messages": [{"role": "user", "content": query}]}),
        "rights": rights_of(plan),
        "imagined": imagined_sentence(plan),
        "tried": tried,
        "refused": tried.reason.rstrip(".") or "a test case failed" if tried and not tried.passed else "",
        "runs": tried is None or tried.passed or bool(tried.cases),  # none is asked of an agent that NAT does not load
        "scripted": is_scripted(agent_model),
    }


def is_scripted(model: str) -> bool:
    """Whether a model is one that replays answers, which only AgentHands has."""
    return model.startswith("scripted/")


def _shown_case(plan: Plan, tried: Acceptance | None) -> CaseResult | None:
    """Return the passed case that shows most, with a short question if there is one; None if none was accepted."""
    lengths: Mapping[str, int] = {case.id: len(case.query) for case in plan.test_cases if not case.history}
    passed = [case for case in tried.ended("passed") if case.id in lengths] if tried and tried.passed else []
    short = [case for case in passed if lengths[case.id] <= _LONGEST_QUESTION] or passed
    return max(short, key=lambda case: len(set(case.tools_called)), default=None)


def _indented(answer: str) -> str:
    """Return an answer as a block of code by its indentation, which nothing in it can end."""
    text = answer.strip()
    short = text if len(text) <= _LONGEST_ANSWER else f"{text[:_LONGEST_ANSWER]} ..."
    return "\n".join(f"    {line}".rstrip() for line in short.splitlines())


def _secrets(servers: Sequence[PlannedServer], agent_model: str) -> list[Variable]:
    keys = key_names(agent_model)
    model = [Variable(keys[0], f"the model {agent_model}", f"needed{_or(keys[1:])}")] if keys else []
    return model + [
        Variable(each.name, f"{server.entry.id}: {each.description}", "needed" if each.required else "optional")
        for server in servers
        for each in server.entry.variables
        if each.secret
    ]


def _of_tools(variables: Mapping[str, str]) -> list[Variable]:
    return [Variable(name, about, "the tool fails") for name, about in variables.items()]


def _or(names: Sequence[str]) -> str:
    return f", or {' or '.join(names)}" if names else ""


def _settings(plan: Plan, servers: Sequence[PlannedServer], agent_model: str) -> list[Variable]:
    usual = "it does not start" if is_scripted(agent_model) else agent_model
    roles = [role for role in models_of(plan.agents) if role]
    return [
        Variable("AGENT_MODEL", "the model, as litellm names it: <provider>/<model>", usual),
        *(Variable(f"AGENT_MODEL_{role.upper()}", f"the model with the role {role}", usual) for role in roles),
        Variable("AGENT_API_BASE", "where the model answers", "its provider's own address"),
        *(
            Variable(each.name, f"{server.entry.id}: {each.description}", _without(each, server.settings))
            for server in servers
            for each in server.entry.variables
            if not each.secret
        ),
        *([Variable("AGENT_MCP_HOME", "where the MCP servers are installed", "mcp in AGENT_HOME")] if servers else []),
        Variable("AGENT_HOME", "the agent's folder", "the folder that holds .venv"),
    ]


def _without(variable: ServerVariable, planned: Mapping[str, str]) -> str:
    if usual := planned.get(variable.name) or variable.default:
        return usual
    return "it does not start" if variable.required else variable.placeholder or "the server's own default"
