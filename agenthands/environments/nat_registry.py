"""What the installed NAT offers: read from its registry inside a sandbox, and kept beside the environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from agenthands._util.atomic_files import write_atomic
from agenthands.environments.base import Environment
from agenthands.errors import SandboxLost
from agenthands.sandbox.base import Command, Limits, Sandbox

_KEPT = "nat_registry-3.json"  # the number is that of its format
_FILLED = {"llm", "function", "functions", "functions_and_groups"}
_OUT_OF_REACH = {
    "code_execution": "it needs a Piston server that runs beside the agent",
    "current_request_attributes": "it shows what a request to `nat serve` carries, for developers",
    "langgraph_wrapper": "it loads a graph from a file of its user's",
    "per_user_react_agent": "each session of it needs a user's identity, which requests to `nat serve` lack",
    "responses_api_agent": "it speaks OpenAI's Responses API, which the model gateway does not offer",
    "tavily_internet_search": "NAT ships it as a notice of its removal alone",
}
NETWORK_BUILTINS = frozenset(
    {
        "exa_internet_search", "github_files_tool", "milvus_document_search", "nat_retriever", "nvidia_rag",
        "tavily_internet_search", "wiki_search",
    }
)  # fmt: skip
"""Functions of NAT that ask a service somewhere else."""
_OF_THE_USER = {"user_id", "user_id_resolver"}
_SCRIPT = Path(__file__).parent / "nat_registry_script.py"


class AgentTypeField(BaseModel):
    """A field of an agent type's configuration: what it refers to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["function", "functions", "functions_and_groups", "group", "llm", "memory", "text", "secret", "other"]
    required: bool = False


class AgentTypeSchema(BaseModel):
    """A NAT agent that can drive a plan's tools, as its configuration class describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: dict[str, AgentTypeField]
    about: str = ""

    def field_of(self, kind: str, required: bool = False) -> str | None:
        """Return the first field of a kind, only a required one where that is asked."""
        found = (name for name, field in self.fields.items() if field.kind == kind and field.required >= required)
        return next(found, None)

    @property
    def takes(self) -> Literal["tools", "agents", "nothing"]:
        """What the agent may be given: tools and agents, agents alone, or nothing (its model answers by itself)."""
        if self.field_of("function", required=True) or self.field_of("functions_and_groups"):
            return "tools"
        return "agents" if self.field_of("functions") else "nothing"

    @property
    def has_model(self) -> bool:
        """Whether a model reads what the agent is told."""
        return self.field_of("llm") is not None


class BuiltinField(AgentTypeField):
    """A field of a builtin tool's configuration; `accepts` is its JSON Schema, None for what JSON cannot hold."""

    accepts: dict[str, Any] | None = None
    about: str = ""


class BuiltinSchema(BaseModel):
    """A function that NAT already has, as its configuration class describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: dict[str, BuiltinField] = {}
    about: str = ""

    def settable(self) -> dict[str, BuiltinField]:
        """Return the fields that a plan may set: what JSON can hold, no secret, and not whose memory it is."""
        return {
            name: field
            for name, field in self.fields.items()
            if field.kind in ("text", "other") and field.accepts and name not in _OF_THE_USER
        }

    def references(self, kind: str) -> list[str]:
        """Return the fields that name another component, such as the model."""
        return [name for name, field in self.fields.items() if field.kind == kind]


class NatRegistry(BaseModel):
    """The component types that the installed NAT knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    scaffolds: dict[str, AgentTypeSchema]
    """Agent types by _type."""
    builtins: dict[str, BuiltinSchema]
    """Every other function by _type."""
    memories: list[str] = []
    """Every memory provider's _type."""

    def plannable_agent_types(self) -> dict[str, str]:
        """Return what NAT says about each agent type that `nat_config` can fill for a plan."""
        return {name: kind.about for name, kind in sorted(self.scaffolds.items()) if not self.why_not(name)}

    def plannable_builtins(self) -> dict[str, BuiltinSchema]:
        """Return the builtin tools that a plan can configure, by _type."""
        return {name: tool for name, tool in sorted(self.builtins.items()) if not self.why_not_builtin(name)}

    def why_not(self, scaffold: str) -> str:
        """Return why an agent type cannot be planned; empty where it can."""
        kind = self.scaffolds.get(scaffold)
        if kind is None:
            return "NAT has no such agent"
        if scaffold in _OUT_OF_REACH:
            return _OUT_OF_REACH[scaffold]
        required = {name: field for name, field in kind.fields.items() if field.required}
        if any(field.kind == "memory" for field in required.values()):
            return "it needs a memory provider" + ("" if self.memories else ", and none is installed")
        unknown = [
            name
            for name, field in required.items()
            if field.kind not in _FILLED and not (name == "description" and field.kind == "text")
        ]
        return f"it needs {', '.join(unknown)}" if unknown else ""

    def why_not_builtin(self, name: str) -> str:
        """Return why a builtin tool cannot be planned; empty where it can."""
        tool = self.builtins.get(name)
        if tool is None:
            return "NAT has no such function"
        if name in _OUT_OF_REACH:
            return _OUT_OF_REACH[name]
        filled = (*tool.settable(), *tool.references("llm"), *tool.references("memory"))
        unknown = [each for each, field in tool.fields.items() if field.required and each not in filled]
        return f"it needs {', '.join(unknown)}, which no plan can set" if unknown else ""


def read_registry(environment: Environment, sandbox: Sandbox, scratch: Path) -> NatRegistry:
    """Ask NAT for its components (6 s the first time for an environment). Raises SandboxLost."""
    kept = environment.path / _KEPT
    if kept.is_file():
        return NatRegistry.model_validate_json(kept.read_text(encoding="utf-8"))
    result = sandbox.run(
        Command(
            argv=[str(environment.python), "-P", str(_SCRIPT)],
            workspace=scratch,
            read_only=[environment.path, _SCRIPT],
            variables={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            limits=Limits(seconds=180),
        )
    )
    if result.exit_code != 0:
        raise SandboxLost(f"NAT does not start in its environment: {result.stderr.decode(errors='replace')[-800:]}")
    registry = NatRegistry(**json.loads(result.stdout.splitlines()[-1]))
    write_atomic(kept, registry.model_dump_json())
    return registry
