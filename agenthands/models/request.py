"""What a user asks for."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_REQUEST_CHARACTERS = 20_000
PRICE = r"^\d+(\.\d+)?,\d+(\.\d+)?$"


class BuildOptions(BaseModel):
    """How to build; what is None comes from the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: str | None = Field(None, title="Planner model", description="Model that plans, as litellm names it")
    coder: str | None = Field(
        None, title="Coder model", description="Model that writes the tools; the planner's if empty"
    )
    agent_model: str | None = Field(
        None, title="Agent's model", description="Model of the finished agent; the planner's if empty"
    )
    fallback: str | None = Field(
        None, title="Fallback model", description="Model that answers where one of these is limited or not reached"
    )
    api_base: str | None = Field(
        None, title="Model endpoint", description="URL of an OpenAI-compatible or other self-hosted endpoint"
    )
    config: str | None = Field(None, title="Settings file", description="TOML file with the model settings")
    store: str | None = Field(None, title="Store", description="Where builds are kept: a folder or any fsspec URL")
    sandbox: Literal["bubblewrap", "docker"] | None = Field(
        None, title="Sandbox", description="What isolates generated code"
    )
    budget: float | None = Field(
        None, title="Budget in US dollars", gt=0, description="US dollars that all models of the build may cost"
    )
    tool_budget: float | None = Field(
        None, title="Budget of each tool", gt=0, description="US dollars that writing one tool may cost"
    )
    budget_tokens: int | None = Field(
        None, title="Budget in tokens", gt=0, description="Tokens, in and out, that all models of the build may use"
    )
    price: str | None = Field(
        None, title="Price a million tokens", pattern=PRICE,
        description="IN,OUT: US dollars for a million tokens of models whose price is not known",
    )  # fmt: skip
    max_attempts: int | None = Field(
        None, title="Tries per tool", ge=1, le=10, description="Tries of each tool at the gate"
    )
    parallel: int | None = Field(None, title="Tools at once", ge=1, le=64, description="Tools that are written at once")
    refresh: bool = Field(False, title="Build anew", description="Ignore everything cached")


class BuildRequest(BuildOptions):
    """One agent to build: the sentence, and how to build it. The form of a request file."""

    request: str = Field(description="What the agent should be able to do, in one sentence")

    def options(self) -> BuildOptions:
        """Give the options alone."""
        return BuildOptions(**self.model_dump(exclude={"request"}))
