"""The gate's report on a tool."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agenthands.schemas.bounds import MOST_EXAMPLES, MOST_NAMES, Seconds
from agenthands.schemas.tool_spec import ErrorExample, ResultExample


class Check(BaseModel):
    """One thing that was checked. `detail` is written for the coding agent that must repair it, unless `for_coder` is.

    The names are those of the classes in `gate/checks/`; a report of an older or a newer gate may have others.
    `seconds` is what its own work took and the runs that it judged by, some of which serve several checks.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,48}$")
    passed: bool
    required: bool = True
    detail: str = ""
    for_coder: str = Field("", description="What the coding agent reads where `detail` tells what stays hidden from it")
    reason_code: str = Field("", description="What kind of failure it was, where the check tells several apart")
    seconds: Seconds = 0.0


class Ruling(BaseModel):
    """The planner's decision about an example that contradicts the tool; `found` is what the tool did."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    example: int = Field(ge=0, le=MOST_EXAMPLES, description="Index among the specification's examples")
    held_out: bool
    specified: ResultExample | ErrorExample
    found: dict[str, Any]
    wrong: Literal["example", "tool"]
    corrected: ResultExample | ErrorExample | None = Field(
        None, description="What counts from now on, if the example is wrong"
    )
    reason: str
    planner: str = Field(description="The model that was asked")
    attempt: int = Field(ge=1, le=1000, description="The coder's attempt after which it was asked")


class GateReport(BaseModel):
    """The gate's verdict on one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tool: str
    accepted: bool
    seconds: Seconds
    checks: list[Check] = Field(max_length=MOST_NAMES)
    survivors: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_EXAMPLES)
    coverage: float | None = Field(None, ge=0, le=1)
    rulings: list[Ruling] = Field(default_factory=list, max_length=MOST_EXAMPLES)

    def failures(self) -> list[Check]:
        """Return the required checks that did not pass, in the order in which they ran."""
        return [check for check in self.checks if check.required and not check.passed]
