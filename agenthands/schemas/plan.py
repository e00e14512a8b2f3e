"""The plan that the planner model returns. Its JSON schema is part of the planner's prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agenthands.schemas.bounds import MOST_CASES, MOST_EXAMPLES, MOST_NAMES, MOST_TOOLS
from agenthands.schemas.hold_out import hidden_example_indices

SLUG = r"^[a-z][a-z0-9-]{1,48}$"
TOOL_NAME = r"^[a-z][a-z0-9_]{1,48}$"


def _refuse_longer(what: str, entries: Sequence[object], most: int) -> None:
    if len(entries) > most:
        raise ValueError(f"{what} has {len(entries):,} entries; at most {most:,} are read")


class Part(BaseModel):
    """Base of all plan parts: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentType(Part):
    """The kind of NAT agent that drives the tools."""

    type: str = Field(description="A NAT agent _type, one of the scaffolds listed")
    reasoning: str = Field(description="Why this scaffold fits")
    order: list[str] = Field(
        default_factory=list,
        description="For a sequential executor: types of builtin tools, names of custom tools and ids of servers, in "
        "the order in which they run; each gets what the one before it answered",
    )


class BuiltinTool(Part):
    """A function that NAT already has."""

    type: str = Field(description="A NAT function _type, one of the builtin tools listed")
    reasoning: str = Field(description="Why the agent needs it")


class McpServer(Part):
    """A server of the catalogue, and which of its tools the agent uses."""

    id: str = Field(description="Short id of the server in the catalogue listed")
    tools: list[str] = Field(min_length=1, description="Names of the tools that the agent uses")
    reasoning: str = Field(description="Why the agent needs it")


class ResultExample(Part):
    """A call and what it must return."""

    arguments: dict[str, Any]
    expected: Any


class ErrorExample(Part):
    """A call and the exception that it must raise."""

    arguments: dict[str, Any]
    raises: str = Field(description="Class name of the exception, for example ValueError")


Example = ResultExample | ErrorExample


class ToolSpec(Part):
    """The specification of a tool that a coding agent writes (`spec.json` in its workspace)."""

    name: str = Field(pattern=TOOL_NAME)
    description: str = Field(min_length=10, description="What the agent's model reads about the tool")
    purpose: str = Field(description="What the tool is for in this agent")
    parameters: dict[str, Any] = Field(description="JSON Schema of the arguments, an object with properties")
    returns: dict[str, Any] = Field(description="JSON Schema of the result")
    dependencies: list[str] = Field(default_factory=list, description="PEP 508 requirements beyond NAT")
    network: bool = Field(False, description="Whether the tool itself must reach the network; most do not")
    examples: list[Example] = Field(min_length=1, description="Calls with their exact results or errors")

    @model_validator(mode="after")
    def _lists_are_bounded(self) -> ToolSpec:
        _refuse_longer("examples", self.examples, MOST_EXAMPLES)
        _refuse_longer("dependencies", self.dependencies, MOST_NAMES)
        return self

    @property
    def argument_names(self) -> list[str]:
        """The names of the arguments; empty if the plan was not validated and its schema is malformed."""
        properties = self.parameters.get("properties")
        return list(properties) if isinstance(properties, dict) else []

    def visible(self, corrections: Mapping[int, Example] | None = None) -> ToolSpec:
        """Return the specification as the coder may see it: without the hidden examples.

        `corrections` replace the examples at their indices; they do not change which examples are hidden.
        """
        hidden, right = set(hidden_example_indices(self)), corrections or {}
        shown = [right.get(index, example) for index, example in enumerate(self.examples) if index not in hidden]
        return self.model_copy(update={"examples": shown})


class CaseCheck(Part):
    """Something that can be decided about an answer without a model."""

    kind: Literal["tool_called", "contains", "regex", "json_equal"]
    value: Any


class TestCase(Part):
    """A question that the finished agent must handle."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,48}$")
    query: str = Field(min_length=1)
    expected_behavior: str
    checks: list[CaseCheck] = Field(default_factory=list)


class Plan(Part):
    """Everything that is decided before anything is built."""

    name: str = Field(pattern=SLUG, description="Slug of the agent")
    summary: str = Field(min_length=1, description="One sentence about the agent")
    scaffold: AgentType
    builtin_tools: list[BuiltinTool] = Field(default_factory=list)
    mcp_servers: list[McpServer] = Field(default_factory=list)
    custom_tools: list[ToolSpec] = Field(default_factory=list)
    test_cases: list[TestCase] = Field(min_length=1)
    reasoning: str = Field(description="Why these tools, servers and scaffold")

    @model_validator(mode="after")
    def _lists_are_bounded(self) -> Plan:
        """Refuse what nobody plans. These bounds are not in the schema, which is part of the planner's prompt."""
        _refuse_longer("custom_tools", self.custom_tools, MOST_TOOLS)
        _refuse_longer("mcp_servers", self.mcp_servers, MOST_TOOLS)
        _refuse_longer("builtin_tools", self.builtin_tools, MOST_TOOLS)
        _refuse_longer("scaffold.order", self.scaffold.order, MOST_NAMES)
        _refuse_longer("test_cases", self.test_cases, MOST_CASES)
        for server in self.mcp_servers:
            _refuse_longer(f"mcp_servers.{server.id}.tools", server.tools, MOST_NAMES)
        for case in self.test_cases:
            _refuse_longer(f"test_cases.{case.id}.checks", case.checks, MOST_NAMES)
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Plan:
        for what, names in (
            ("custom_tools", [tool.name for tool in self.custom_tools]),
            ("mcp_servers", [server.id for server in self.mcp_servers]),
            ("builtin_tools", [tool.type for tool in self.builtin_tools]),
            ("test_cases", [case.id for case in self.test_cases]),
        ):
            twice = sorted(name for name, number in Counter(names).items() if number > 1)
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} appears more than once")
        return self

    def dependencies(self) -> list[str]:
        """Return the requirements of all custom tools, sorted, each once."""
        return sorted({requirement for tool in self.custom_tools for requirement in tool.dependencies})
