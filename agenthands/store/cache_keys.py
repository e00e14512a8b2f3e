"""What a result depends on, as the key under which it is kept in the store: `<kind>/<sha256>`.

A key names everything that can change the result and nothing that cannot, so that a rebuild of an unchanged request
finds all it needs, and a changed prompt, model or specification finds nothing that is stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from agenthands._version import __version__
from agenthands.environments.nat_registry import NatRegistry
from agenthands.gate.gate import GATE_VERSION
from agenthands.llm.prompts import prompt_hashes
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import CatalogueServer
from agenthands.planning.planner import ServerFeedback
from agenthands.schemas import BuildOptions, McpServer, Plan, ToolSpec

_PACKAGE = Path(__file__).parents[1]
_ACCEPTANCE = ("evaluation/acceptance", "evaluation/agent_script", "packaging/bundle", "evaluation/llm_judge")
_ANSWERS = {"model", "api_base", "temperature", "max_output_tokens", "safety_settings"}


def plan_key(
    request: str,
    model: ModelSettings,
    registry: NatRegistry,
    catalogue: Mapping[str, CatalogueServer],
    objection: ServerFeedback | None,
    packages: Sequence[str] = (),
) -> str:
    """Return the key of a planner's answer; `packages` are the allowed ones, where not all are."""
    against = [objection.planned.plan, dict(objection.servers)] if objection else []
    against += [sorted(packages)] if packages else []
    return _key(
        "plans", request, _answers(model), registry, catalogue, against, _prompts("plan"), _sources("planning/planner")
    )


def lock_key(base: str, dependencies: Sequence[str], trusted: Sequence[str] = (), allowed: Sequence[str] = ()) -> str:
    """Return the key of a lock that adds `dependencies` to the lock `base`.

    `trusted` packages may be new in it, and only `allowed` ones are added, where not all are.
    """
    only = [sorted(allowed)] if allowed else []
    return _key("locks", base, sorted(dependencies), sorted(trusted), *only)


def server_key(entry: CatalogueServer, wanted: McpServer, trusted: Sequence[str] = ()) -> str:
    """Return the key of a server that was installed and started once, and whose `trusted` packages may be new."""
    looked_at = [] if entry.shipped else ["vetted", *sorted(trusted)]
    sources = _sources("mcp/probe", "mcp/probe_script", "mcp/tool_poisoning")
    return _key("servers", entry, sorted(wanted.tools), looked_at, sources)


def tool_key(tool: ToolSpec, coder: ModelSettings, planner: ModelSettings, system_prompt: str, lock_sha256: str) -> str:
    """Return the key of an accepted tool: its specification, prompts, models, environment, and the gate.

    The planner is one of the models, because it rules on examples that contradict the tool.
    """
    prompts = [system_prompt, *(_prompts(step) for step in ("generate", "repair", "arbitrate"))]
    return _key("tools", tool, prompts, _answers(coder), _answers(planner), lock_sha256, GATE_VERSION)


def acceptance_key(bundle: bytes, plan: Plan, agent: ModelSettings, judge: ModelSettings, egress: Sequence[str]) -> str:
    """Return the key of an agent's acceptance; the bundle holds its tools, its servers and all locks."""
    return _key(
        "acceptances", hashlib.sha256(bundle).hexdigest(), plan.test_cases, _answers(agent), _answers(judge),
        sorted(egress), _prompts("judge"), _sources(*_ACCEPTANCE),
    )  # fmt: skip


def key_with_fallback(key: str, *models: ModelSettings) -> str:
    """Return the key of what was made under `key` where a fallback of these models had a part in it.

    Whoever has other fallbacks, or none, does not find it. Empty where none of the models has one.
    """
    fallbacks = [_answers(model.fallback) if model.fallback else None for model in models]
    return _key(key.partition("/")[0], key, fallbacks) if any(fallbacks) else ""


def build_key(request: str, options: BuildOptions, models: Sequence[ModelSettings], *worker: Any) -> str:
    """Return the key of a whole build, for a batch that is run again; `worker` is what settings add to the options."""
    asked = options.model_dump(exclude={"refresh", "store", "config", "parallel", "fallback"})
    answering = [_answers(each) for model in models for each in (model, model.fallback) if each]
    return _key("builds", request, asked, answering, prompt_hashes(), GATE_VERSION, worker)


def _key(kind: str, *parts: Any) -> str:
    text = json.dumps(to_jsonable_python([__version__, *parts]), sort_keys=True, separators=(",", ":"))
    return f"{kind}/{hashlib.sha256(text.encode()).hexdigest()}"


def _answers(model: ModelSettings) -> dict[str, Any]:
    """Return what changes a model's answers; neither its key nor its price does."""
    return model.model_dump(mode="json", include=_ANSWERS)


def _prompts(step: str) -> dict[str, str]:
    return {name: digest for name, digest in prompt_hashes().items() if name.startswith(f"{step}/")}


@cache
def _sources(*modules: str) -> list[str]:
    """Return the hashes of our own code that decides, where no version number stands for it."""
    return [hashlib.sha256((_PACKAGE / f"{module}.py").read_bytes()).hexdigest() for module in modules]
