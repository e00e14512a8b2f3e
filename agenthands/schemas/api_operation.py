"""An operation of a described API: what the planner chooses, and how the compiled tool makes its request."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from agenthands.schemas.effects import EnvName, Method
from agenthands.schemas.part import TOOL_NAME, Part, refuse_longer
from agenthands.schemas.world import WorldName

MOST_CALLS = 20
Place = Literal["path", "query", "header", "cookie", "body"]
Writing = Literal["plain", "repeated", "joined", "deep", "pairs", "json"]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]


def _is_empty(value: Any) -> bool:
    return not value


class ApiCall(Part):
    """A call of a compiled tool and what the API answers there: its world, and so the agent's in a test case."""

    world: WorldName = Field("usual", description="Name of the world; test cases name theirs")
    arguments: dict[str, Any] = Field(description="Arguments of the tool, exactly as the agent will give them")
    status: int = Field(200, ge=200, le=599)
    answer: Any = Field(None, description="What the API answers, as JSON")


class ApiOperation(Part):
    """An operation of the described APIs that the agent calls as a tool; nobody has to write the tool."""

    name: str = Field(pattern=TOOL_NAME, description="Name of the tool, one of the operations listed")
    reasoning: str = Field(description="Why the agent needs it")
    asked_for: str = Field(
        "",
        description="Only for an operation that is marked: the words of the request that ask for what it does, exactly "
        "as they stand there",
    )
    calls: list[ApiCall] = Field(
        default_factory=list,
        description="The calls that your test cases lead to, with answers that fit together and differ from each other",
    )

    @property
    def granted(self) -> str:
        """What the plan lets it do, and the words that ask for it where that is more than reading."""
        return f"changes something, because the request says “{self.asked_for}”" if self.asked_for else "reads"

    @model_validator(mode="after")
    def _is_bounded(self) -> ApiOperation:
        refuse_longer(f"operations.{self.name}.calls", self.calls, MOST_CALLS)
        return self


class Carried(Part):
    """An argument, and where a request carries it: under which name, and how a list or an object is written there."""

    argument: Identifier
    name: str
    place: Place
    writing: Writing = "plain"
    separator: str = Field(",", description="Between the members of what is joined")


class Credential(Part):
    """A header with a key; `name` is that of the header or the cookie."""

    kind: Literal["bearer", "basic", "header", "cookie"]
    name: str = "Authorization"
    secrets: list[EnvName] = Field(min_length=1, max_length=2)


class Paging(Part):
    """Where the next page is: a link in the headers, a URL or a cursor in the answer, or a number that is counted."""

    kind: Literal["link", "url", "cursor", "page", "offset"]
    items: str = Field("", description="The member of an answer that lists what was found; empty: the answer itself")
    source: list[str] = Field(default_factory=list, description="Where in an answer the URL or the cursor stands")
    parameter: str = Field("", description="The parameter of the query that is changed for the next page")


class HttpOperation(Part):
    """How a compiled tool makes its request, and how it reads the answer."""

    api: str = Field(description="What the API is called")
    method: Method
    server: str = Field(description="URL that all paths begin with")
    path: str = Field(description="Path with the names of its parameters in braces")
    inputs: list[Carried] = Field(default_factory=list, exclude_if=_is_empty)
    body: Literal["none", "fields", "whole", "form", "multipart"] = Field("none", exclude_if=lambda it: it == "none")
    credentials: list[Credential] = Field(default_factory=list, exclude_if=_is_empty)
    paging: Paging | None = Field(None, exclude_if=_is_empty)

    @property
    def does(self) -> Literal["reads", "writes", "deletes"]:
        """What it does to the world, as far as its method tells."""
        if self.method in ("GET", "HEAD"):
            return "reads"
        return "deletes" if self.method == "DELETE" else "writes"
