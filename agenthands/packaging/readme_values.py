"""What the README of an agent's package says: who asks whom, its secrets and settings, and how it did in acceptance."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from agenthands._util.redaction import without_user
from agenthands.evaluation.installed_agent import model_variable
from agenthands.llm.settings import ModelSettings, key_names
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
    model: ModelSettings,
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
        "secrets": [*_secrets(plan, servers, model), *_of_tools(secret_variables(plan))],
        "settings": [
            *_settings(plan, servers, model),
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
        "scripted": is_scripted(model.model),
    }


class EnvModel(NamedTuple):
    """A model in `.env.example`: its variables, who has it, and where it answered whoever built the agent."""

    variable: str
    model: str
    agents: str
    base_variable: str
    base: str

    @property
    def local(self) -> bool:
        """Whether it answered on the builder's own machine alone."""
        return is_local(self.base)


def env_models(plan: Plan, model: ModelSettings) -> list[EnvModel]:
    """Return the models that `.env.example` names, the usual one first; a base that two share is with the first."""
    told: list[EnvModel] = []
    for role, each in models_used(plan, model).items():
        place = base_variable(model, role)
        base = "" if any(place == before.base_variable for before in told) else without_user(each.api_base or "")
        name = "" if is_scripted(each.model) else each.model
        told.append(EnvModel(model_variable(role), name, _and(agents_with(plan, role)), place, base))
    return told


def is_local(url: str) -> bool:
    """Whether a URL names the machine itself, so that it says nothing to others."""
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return address.is_loopback or address.is_unspecified
    return host == "localhost" or host.endswith(".localhost")


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


def base_variable(model: ModelSettings, role: str) -> str:
    """Return the variable that says where the model of a role answers: the usual one's, where it answers there too."""
    own = model.with_role(role)
    shared = not role or (own.provider, own.api_base) == (model.provider, model.api_base)
    return "AGENT_API_BASE" if shared else f"AGENT_API_BASE_{role.upper()}"


def models_used(plan: Plan, model: ModelSettings) -> dict[str, ModelSettings]:
    """Return the models that the plan's agents have, by role, the usual one first."""
    return {role: model.with_role(role) for role in models_of(plan.agents)}


def _secrets(plan: Plan, servers: Sequence[PlannedServer], model: ModelSettings) -> list[Variable]:
    names: dict[tuple[str, ...], list[str]] = {}
    for each in models_used(plan, model).values():
        if keys := key_names(each.model):
            names.setdefault(keys, []).append(each.model)
    models = [
        Variable(keys[0], f"the model {' and '.join(dict.fromkeys(used))}", f"needed{_or(keys[1:])}")
        for keys, used in names.items()
    ]
    return models + [
        Variable(each.name, f"{server.entry.id}: {each.description}", "needed" if each.required else "optional")
        for server in servers
        for each in server.entry.variables
        if each.secret
    ]


def _of_tools(variables: Mapping[str, str]) -> list[Variable]:
    return [Variable(name, about, "the tool fails") for name, about in variables.items()]


def _or(names: Sequence[str]) -> str:
    return f", or {' or '.join(names)}" if names else ""


def _settings(plan: Plan, servers: Sequence[PlannedServer], model: ModelSettings) -> list[Variable]:
    models = models_used(plan, model)
    usual = {role: "it does not start" if is_scripted(each.model) else each.model for role, each in models.items()}
    places = ["AGENT_API_BASE", *sorted({base_variable(model, role) for role in models} - {"AGENT_API_BASE"})]
    bases = {each.base_variable: _whose(each) for each in env_models(plan, model) if each.base}
    return [
        Variable("AGENT_MODEL", "the model, as litellm names it: <provider>/<model>", usual[""]),
        *(
            Variable(model_variable(role), f"the model of {_and(agents_with(plan, role))}", usual[role])
            for role in models
            if role
        ),
        *(
            Variable(name, f"where the model answers{bases.get(name, '')}", "its provider's own address")
            for name in places
        ),
        *(
            Variable(each.name, f"{server.entry.id}: {each.description}", _without(each, server.settings))
            for server in servers
            for each in server.entry.variables
            if not each.secret
        ),
        *([Variable("AGENT_MCP_HOME", "where the MCP servers are installed", "mcp in AGENT_HOME")] if servers else []),
        Variable("AGENT_HOME", "the agent's folder", "the folder that holds .venv"),
    ]


def agents_with(plan: Plan, role: str) -> list[str]:
    """Return the names of the plan's agents whose model has a role."""
    return [agent.name for agent in plan.agents if agent.model == role]


def _whose(model: EnvModel) -> str:
    """Return what a reader must know of the address in `.env.example`, which is the builder's."""
    if model.local:
        return "; `.env.example` has an address on the machine of whoever built it, which is nobody on yours: change it"
    return "; `.env.example` has that of whoever built it"


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _without(variable: ServerVariable, planned: Mapping[str, str]) -> str:
    if usual := planned.get(variable.name) or variable.default:
        return usual
    return "it does not start" if variable.required else variable.placeholder or "the server's own default"
