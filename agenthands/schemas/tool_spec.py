"""The specification of a tool, and the examples that decide whether it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from agenthands.schemas.api_operation import HttpOperation
from agenthands.schemas.bounds import MOST_EXAMPLES, MOST_NAMES
from agenthands.schemas.effects import Effects
from agenthands.schemas.hold_out import hidden_example_indices
from agenthands.schemas.part import TOOL_NAME, Part, refuse_longer
from agenthands.schemas.world import MOST_WORLDS, Leaves, Request, World, WorldName

MOST_TOLERANCE = 0.01
"""A tool that is further off is wrong, whoever worked the example out."""


class _Call(Part):
    """A call, the world in which it is made, the requests that it must make there, and what it must leave behind."""

    arguments: dict[str, Any]
    world: str = Field("", description="Name of a world, if the tool has some", exclude_if=lambda name: not name)
    requests: list[Request] = Field(default_factory=list, exclude_if=lambda each: not each)
    leaves: Leaves | None = Field(None, exclude_if=lambda each: each is None)


class ResultExample(_Call):
    """A call and what it must return."""

    expected: Any
    tolerance: float | None = Field(
        None,
        gt=0,
        le=MOST_TOLERANCE,
        description="Relative tolerance of its figures that are no integers, where they cannot be worked out by hand",
        exclude_if=lambda each: each is None,
    )


class ErrorExample(_Call):
    """A call and the exception that it must raise."""

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
    effects: Effects = Field(
        default_factory=Effects,
        description="What it touches beside its arguments; nothing, usually",
        exclude_if=lambda each: not each,
    )
    worlds: dict[WorldName, World] = Field(
        default_factory=dict, description="Where its examples happen, by name", exclude_if=lambda each: not each
    )
    examples: list[Example] = Field(min_length=1, description="Calls with their exact results or errors")
    operation: HttpOperation | None = Field(
        None,
        description="The operation that it is compiled from; none writes it then",
        exclude_if=lambda it: it is None,
    )

    @model_validator(mode="after")
    def _lists_are_bounded(self) -> ToolSpec:
        refuse_longer("examples", self.examples, MOST_EXAMPLES)
        refuse_longer("dependencies", self.dependencies, MOST_NAMES)
        refuse_longer("worlds", list(self.worlds), MOST_WORLDS)
        return self

    @property
    def argument_names(self) -> list[str]:
        """The names of the arguments; empty if the plan was not validated and its schema is malformed."""
        properties = self.parameters.get("properties")
        return list(properties) if isinstance(properties, dict) else []

    @property
    def reaches_network(self) -> bool:
        """Whether the tool may make a connection at all."""
        return self.network or bool(self.effects.http)

    def visible(self, corrections: Mapping[int, Example] | None = None) -> ToolSpec:
        """Return the specification as the coder may see it: without the hidden examples, and the worlds of these alone.

        `corrections` replace the examples at their indices; they do not change which examples are hidden.
        """
        hidden, right = set(hidden_example_indices(self)), corrections or {}
        shown = [right.get(index, example) for index, example in enumerate(self.examples) if index not in hidden]
        hides = {self.examples[index].world for index in hidden} - {example.world for example in shown}
        worlds = {name: world for name, world in self.worlds.items() if name not in hides}
        return self.model_copy(update={"examples": shown, "worlds": worlds})
