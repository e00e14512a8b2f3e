"""Computes the keys of cached results in the store, `<kind>/<sha256>`, from what a result depends on.

A key includes everything that can change the result and nothing else, so that a rebuild of an unchanged request finds
everything cached, and a changed prompt, model or specification finds nothing stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python

from agenthands._version import __version__
from agenthands.environments.nat_registry import NatRegistry
from agenthands.gate.gate import GATE_VERSION
from agenthands.llm.prompts import prompt_hashes
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.planning.objections import CaseFeedback, Objection, ServerFeedback, Wish, wish_of
from agenthands.schemas import BuildOptions, McpServer, Plan, ToolSpec
from agenthands.schemas.data_profile import UserData

_PACKAGE = Path(__file__).parents[1]
_ACCEPTANCE = (
    "evaluation/acceptance", "evaluation/agent_script", "evaluation/case_checks", "evaluation/case_verdict",
    "evaluation/llm_judge", "evaluation/nat_steps", "evaluation/transcript", "packaging/bundle",
    "evaluation/prepared_script",
    "evaluation/agent_world", "evaluation/worlds_script", "world/inside/agenthands_world", "world/matching",
    "world/server", "world/staging", "outside/gateway", "outside/rights",
)  # fmt: skip
_PLANNING = (
    "planning/planner", "planning/wishes", "planning/validation", "planning/team_validation",
    "planning/case_validation", "planning/server_validation", "planning/effects_validation", "planning/plan_schema",
    "planning/user_data", "planning/probes", "world/faults", "packaging/load_check", "packaging/load_check_script",
    "mcp/offer", "mcp/ranking", "mcp/topics.toml", "evaluation/prepared_script",
)  # fmt: skip
_COMPILING = (
    "openapi/catalogue", "openapi/compiling", "openapi/document", "openapi/names", "openapi/offer", "openapi/pages",
    "openapi/paging", "openapi/requests", "openapi/samples", "openapi/security", "openapi/shapes",
    "openapi/specification", "planning/api_planning",
)  # fmt: skip
_WRITING = ("openapi/models", "openapi/source", "openapi/templates/tool.py.j2", "openapi/templates/tests.py.j2")
_ANSWERS = {
    "model", "api_base", "temperature", "max_output_tokens", "reasoning_effort", "thinking_tokens", "context_tokens",
    "safety_settings",
}  # fmt: skip


class Given(NamedTuple):
    """What the user gives and allows: packages as dependencies, all if empty, data, hosts that may be asked, models."""

    packages: Sequence[str] = ()
    data: UserData | None = None
    hosts: Sequence[str] = ()
    models: Mapping[str, str] = MappingProxyType({})
    """What the planner is told of models, by role."""

    def parts(self) -> list[Any]:
        """Return what of it belongs to a key."""
        packages = [sorted(self.packages)] if self.packages else []
        data = [self.data.facts] if self.data else []
        hosts = [{"hosts": sorted(self.hosts)}] if self.hosts else []
        return [*packages, *data, *hosts, *([dict(self.models)] if self.models else [])]


def plan_key(
    request: str,
    model: ModelSettings,
    registry: NatRegistry,
    catalogue: Mapping[str, CatalogueServer],
    objection: Objection | None,
    given: Given | None = None,
) -> str:
    """Return the key of a plan; what the user gives and allows is a part of it."""
    against: list[Any] = []
    if isinstance(objection, ServerFeedback):
        against = [objection.planned.plan, dict(objection.servers)]
    elif isinstance(objection, CaseFeedback):
        against = [objection.planned.plan, dict(objection.stories)]
    if wish := wish_of(objection):
        against.append(_wished(wish))
    against += given.parts() if given else []
    return _key("plans", request, _answers(model), registry, catalogue, against, _prompts("plan"), _sources(*_PLANNING))


def described_key(plan: str, apis: Sequence[str]) -> str:
    """Return the key of the plan under the key `plan` whose planner also read descriptions of APIs, by their hashes."""
    return _key("plans", plan, "apis", *apis, _prompts("plan"), _sources(*_COMPILING)) if apis else plan


def _wished(wish: Wish) -> list[Any]:
    """Return what of a wish the planner reads; what is not decided yet may change, and the wish is the same."""
    examples = [vars(each) for each in wish.examples]
    return [wish.planned.plan, wish.change, dict(wish.stories), list(wish.cases), examples, wish.keeps]


def repaired_key(plan: str) -> str:
    """Return the key of the plan that took the place of the one under the key `plan`, because its agent passed."""
    return _key("plans", plan, "repaired")


def lock_key(base: str, dependencies: Sequence[str], trusted: Sequence[str] = (), allowed: Sequence[str] = ()) -> str:
    """Return the key of a lock that adds `dependencies` to the lock `base`.

    `trusted` packages may be recent releases; only `allowed` packages may be added, or all if that is empty.
    """
    only = [sorted(allowed)] if allowed else []
    return _key("locks", base, sorted(dependencies), sorted(trusted), *only)


def server_key(entry: CatalogueServer, wanted: McpServer, trusted: Sequence[str] = ()) -> str:
    """Return the key of the finding on an MCP server; its `trusted` packages may be recent releases."""
    looked_at = [] if entry.shipped else ["vetted", *sorted(trusted)]
    sources = _sources("mcp/probe", "mcp/probe_script", "mcp/nat_view", "mcp/nat_view_script", "mcp/tool_poisoning")
    return _key("servers", entry, sorted(wanted.tools), looked_at, sources)


def tool_key(tool: ToolSpec, coder: ModelSettings, planner: ModelSettings, system_prompt: str, lock_sha256: str) -> str:
    """Return the key of an accepted tool, from its specification, prompts, models, environment, and the gate.

    The planner is included, because it rules on examples that contradict the tool. On a compiled tool no model has an
    influence.
    """
    if tool.operation:
        return _key("tools", tool, "compiled", _sources(*_WRITING), lock_sha256, GATE_VERSION)
    prompts = [system_prompt, *(_prompts(step) for step in ("generate", "repair", "arbitrate"))]
    return _key("tools", tool, prompts, _answers(coder), _answers(planner), lock_sha256, GATE_VERSION)


def acceptance_key(bundle: bytes, plan: Plan, agent: ModelSettings, judge: ModelSettings, egress: Sequence[str]) -> str:
    """Return the key of an agent's acceptance; the bundle contains its tools, its servers and all locks."""
    return _key(
        "acceptances", hashlib.sha256(bundle).hexdigest(), plan.test_cases, _answers(agent), _answers(judge),
        sorted(egress), _prompts("judge"), _sources(*_ACCEPTANCE),
    )  # fmt: skip


def key_with_fallback(key: str, *models: ModelSettings) -> str:
    """Return the key for the result of `key` if a fallback of these models had a part in it.

    Builds with other fallbacks, or none, do not find it. The key is empty if none of the models has a fallback.
    """
    every = [each for model in models for each in (model, *model.roles.values())]
    fallbacks = [_answers(model.fallback) if model.fallback else None for model in every]
    return _key(key.partition("/")[0], key, fallbacks) if any(fallbacks) else ""


def build_key(request: str, options: BuildOptions, models: Sequence[ModelSettings], *worker: Any) -> str:
    """Return the key of a whole build, for a batch that is run again; `worker` holds what the settings add."""
    asked = options.model_dump(exclude={"refresh", "store", "config", "parallel", "fallback"})
    answering = [_answers(each) for model in models for each in (model, model.fallback) if each]
    return _key("builds", request, asked, answering, prompt_hashes(), GATE_VERSION, worker)


def _key(kind: str, *parts: Any) -> str:
    text = json.dumps(to_jsonable_python([__version__, *parts]), sort_keys=True, separators=(",", ":"))
    return f"{kind}/{hashlib.sha256(text.encode()).hexdigest()}"


def _answers(model: ModelSettings) -> dict[str, Any]:
    """Return the settings that change a model's answers: not its key, not its price."""
    roles = {role: _answers(each) for role, each in model.roles.items()}
    return model.model_dump(mode="json", include=_ANSWERS) | ({"roles": roles} if roles else {})


def _prompts(step: str) -> dict[str, str]:
    return {name: digest for name, digest in prompt_hashes().items() if name.startswith(f"{step}/")}


@cache
def _sources(*modules: str) -> list[str]:
    """Return the hashes of our own modules, or files, on which a result depends and which no version number covers."""
    paths = [_PACKAGE / (module if "." in module else f"{module}.py") for module in modules]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
