"""The plan that the planner model returns. Its JSON schema is part of the planner's prompt."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import Field, computed_field, model_validator

from agenthands.schemas.api_operation import ApiOperation
from agenthands.schemas.bounds import MOST_CASES, MOST_NAMES, MOST_TOOLS
from agenthands.schemas.first_edition import upgraded
from agenthands.schemas.grant import Grant
from agenthands.schemas.part import SLUG, TOOL_NAME, Part, refuse_longer
from agenthands.schemas.plan_agent import PlanAgent
from agenthands.schemas.test_case import CASE_ID, TestCase
from agenthands.schemas.tool_spec import ToolSpec


class BuiltinTool(Part):
    """A function that NAT already has."""

    type: str = Field(description="A NAT function _type, one of the builtin tools listed")
    config: dict[str, Any] = Field(default_factory=dict, description="Its configuration: the fields listed with it")
    reasoning: str = Field(description="Why the agent needs it")


class McpServer(Part):
    """A server of the catalogue, and which of its tools the agent uses."""

    id: str = Field(description="Short id of the server in the catalogue listed")
    tools: list[str] = Field(min_length=1, description="Names of the tools that the agent uses")
    settings: dict[str, str] = Field(
        default_factory=dict, description="Values of the server's settings by name, as far as the request says them"
    )
    grants: list[Grant] = Field(
        default_factory=list, description="One for each of `tools` that is marked in the list of servers"
    )
    reasoning: str = Field(description="Why the agent needs it")

    def granted(self, tool: str) -> str:
        """Return what a tool does beyond reading, and the words that ask for it; empty for one that only reads."""
        found = next((grant for grant in self.grants if grant.tool == tool), None)
        return f"{found.does}, because the request says “{found.asked_for}”" if found else ""

    def marked_tools(self) -> list[str]:
        """Return the tools, those that do more than read with what they do."""
        does = {grant.tool: f" ({grant.does})" for grant in self.grants}
        return [tool + does.get(tool, "") for tool in self.tools]


class RetiredCase(Part):
    """An earlier test case that a wished change makes wrong."""

    id: str = Field(pattern=CASE_ID, description="Id of the earlier case")
    why: str = Field(min_length=1, description="Why it no longer holds, in a sentence that the user reads")


class Plan(Part):
    """Everything that is decided before anything is built. A plan of the first edition is read as well."""

    name: str = Field(pattern=SLUG, description="Slug of the agent")
    summary: str = Field(min_length=1, description="One sentence about the agent")
    assumptions: list[str] = Field(
        default_factory=list, description="What you decided for the user, one sentence each; the user reads them"
    )
    builtin_tools: list[BuiltinTool] = Field(default_factory=list)
    mcp_servers: list[McpServer] = Field(default_factory=list)
    operations: list[ApiOperation] = Field(
        default_factory=list,
        description="Operations of the described APIs that become tools",
        exclude_if=lambda each: not each,
    )
    custom_tools: list[ToolSpec] = Field(default_factory=list)
    agents: list[PlanAgent] = Field(min_length=1, description="One is usual; more only if the request needs a team")
    entry: str = Field(pattern=TOOL_NAME, description="Name of the agent that answers the user")
    test_cases: list[TestCase] = Field(min_length=1)
    reasoning: str = Field(description="Why these agents, tools and servers")
    changes: str = Field("", description="Only in answer to failed test cases or a wish: what you changed and why")
    retired: list[RetiredCase] = Field(
        default_factory=list,
        description="Only in answer to a wish: earlier test cases that it makes wrong",
        exclude_if=lambda each: not each,
    )

    @model_validator(mode="before")
    @classmethod
    def _of_any_edition(cls, values: Any) -> Any:
        return upgraded(values)

    @model_validator(mode="after")
    def _lists_are_bounded(self) -> Plan:
        """Refuse what nobody plans. These bounds are not in the schema, which is part of the planner's prompt."""
        refuse_longer("agents", self.agents, MOST_TOOLS)
        refuse_longer("assumptions", self.assumptions, MOST_NAMES)
        refuse_longer("custom_tools", self.custom_tools, MOST_TOOLS)
        refuse_longer("operations", self.operations, MOST_TOOLS)
        refuse_longer("mcp_servers", self.mcp_servers, MOST_TOOLS)
        refuse_longer("builtin_tools", self.builtin_tools, MOST_TOOLS)
        refuse_longer("test_cases", self.test_cases, MOST_CASES)
        refuse_longer("retired", self.retired, MOST_CASES)
        for server in self.mcp_servers:
            refuse_longer(f"mcp_servers.{server.id}.tools", server.tools, MOST_NAMES)
            refuse_longer(f"mcp_servers.{server.id}.grants", server.grants, MOST_NAMES)
            refuse_longer(f"mcp_servers.{server.id}.settings", list(server.settings), MOST_NAMES)
        for case in self.test_cases:
            refuse_longer(f"test_cases.{case.id}.checks", case.checks, MOST_NAMES)
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Plan:
        for what, names in (
            ("agents", [agent.name for agent in self.agents]),
            ("operations", [operation.name for operation in self.operations]),
            ("custom_tools", [tool.name for tool in self.custom_tools]),
            ("mcp_servers", [server.id for server in self.mcp_servers]),
            ("builtin_tools", [tool.type for tool in self.builtin_tools]),
            ("test_cases", [case.id for case in self.test_cases]),
            ("retired", [case.id for case in self.retired]),
        ):
            twice = sorted(name for name, number in Counter(names).items() if number > 1)
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} appears more than once")
        if self.entry not in {agent.name for agent in self.agents}:
            raise ValueError(f"entry: there is no agent {self.entry!r}")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def scaffold(self) -> dict[str, Any]:
        """What programs that know plans of the first edition read: the NAT type that answers the user."""
        return {"type": self.entry_agent.type, "reasoning": self.reasoning, "order": []}

    @property
    def entry_agent(self) -> PlanAgent:
        """The agent that answers the user."""
        return next(agent for agent in self.agents if agent.name == self.entry)

    def about(self, tool: ToolSpec) -> str:
        """Return what a tool does, and of an operation that does more than read, which words ask for it."""
        asked = next((each.asked_for for each in self.operations if each.name == tool.name and tool.operation), "")
        does = f" ({tool.operation.does}, because the request says “{asked}”)" if asked and tool.operation else ""
        return f"{tool.description}{does}"

    def tools_to_write(self) -> list[ToolSpec]:
        """Return the custom tools that a coding agent writes: all but those that are compiled."""
        return [tool for tool in self.custom_tools if tool.operation is None]

    def dependencies(self) -> list[str]:
        """Return the requirements of all custom tools, sorted, each once."""
        return sorted({requirement for tool in self.custom_tools for requirement in tool.dependencies})
