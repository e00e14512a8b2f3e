"""The report of a batch of builds (`batch.json`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agenthands.schemas.bounds import BuildId, Moment, Seconds, Usd
from agenthands.schemas.build_record import Status, Tokens, add_costs
from agenthands.schemas.frozen import FrozenModel
from agenthands.schemas.request import BuildRequest

BATCH_FORMAT = "agenthands-batch-1"


class BatchItem(FrozenModel):
    """One request of a batch and its result. A build that did not begin has no `build_id`."""

    request: BuildRequest
    status: Status
    reason: str = ""
    reason_code: str = Field(
        "", description="The reason in the table of docs/reasons.md; empty in records of old builds"
    )
    agent: str = Field("", description="Name of the agent, where there was a plan")
    build_id: BuildId | Literal[""] = ""
    cached: bool = Field(False, description="Built and accepted by an earlier run of a batch, at no cost to this one")
    exit_code: int = Field(ge=0, le=255, description="What `agenthands build` of this request alone ends with")
    cost_usd: Usd | None = None
    tokens: Tokens = Tokens()
    seconds: Seconds = 0.0

    def from_before(self) -> BatchItem:
        """Return the item as a batch counts it that found it built before: cached, at no cost."""
        return self.model_copy(update={"cached": True, "cost_usd": 0.0, "tokens": Tokens(), "seconds": 0.0})


class BatchReport(FrozenModel):
    """The results of all requests of a batch, in their order."""

    format: str = BATCH_FORMAT
    batch_id: BuildId
    source: str
    started_at: Moment
    seconds: Seconds
    builds: list[BatchItem]

    @property
    def cost_usd(self) -> float | None:
        """US dollars of all builds together; None if any cost is unknown."""
        return add_costs(*(item.cost_usd for item in self.builds))

    @property
    def exit_code(self) -> int:
        """0 if all builds were accepted, else the worst: our bug, outside fault, user's mistake, rejection, Ctrl-C."""
        codes = {item.exit_code for item in self.builds}
        return next((code for code in (70, 3, 2, 1, 130) if code in codes), 0)

    def count(self, status: Status) -> int:
        """Return how many builds ended with `status`."""
        return sum(item.status == status for item in self.builds)
