"""What a user said about an answer of an agent: right, wrong and what it should have been, or a case to keep."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agenthands.schemas.bounds import BuildId, Moment
from agenthands.schemas.build_record import FrozenModel
from agenthands.schemas.test_case import Turn

MOST_CALLS = 200
FEEDBACK_ID = r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"


class Feedback(FrozenModel):
    """One answer and what its user said of it. `calls` are the agent's, with `name`, `arguments`, `result`, `error`."""

    format: str = "agenthands-feedback-1"
    id: str = Field(pattern=FEEDBACK_ID)
    at: Moment
    agent: str
    build_id: BuildId
    verdict: Literal["right", "wrong", "case"]
    note: str = Field("", max_length=20_000, description="What the user said, such as what is right instead")
    history: list[Turn] = Field(default_factory=list, max_length=1000)
    question: str
    answer: str
    calls: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_CALLS)
