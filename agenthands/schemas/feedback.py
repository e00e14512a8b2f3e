"""What a user said about an answer of an agent, and what became of it: accepted, and fixed in a revision."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agenthands.schemas.bounds import BuildId, Moment, Number
from agenthands.schemas.frozen import FrozenModel
from agenthands.schemas.test_case import Turn

MOST_CALLS = 200
FEEDBACK_ID = r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"
FeedbackState = Literal["open", "accepted", "fixed"]


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


class Correction(FrozenModel):
    """What is right instead: the answer, or what a tool must return for some arguments. All may be empty."""

    answer: str = Field("", max_length=20_000)
    tool: str = Field("", max_length=200)
    arguments: dict[str, Any] = Field(default_factory=dict)
    result: Any = None


class FeedbackAccepted(FrozenModel):
    """Somebody decided that the next revision must answer a feedback."""

    at: Moment
    correction: Correction = Correction()


class FeedbackFixed(FrozenModel):
    """The revision that answered a feedback and was accepted."""

    at: Moment
    build_id: BuildId
    revision: Number


class FeedbackEntry(FrozenModel):
    """A feedback with what became of it."""

    feedback: Feedback
    acceptance: FeedbackAccepted | None = None
    fix: FeedbackFixed | None = None

    @property
    def state(self) -> FeedbackState:
        """Whether it is open, accepted, or fixed in a revision."""
        return "fixed" if self.fix else "accepted" if self.acceptance else "open"

    @property
    def correction(self) -> Correction:
        """What is right instead; empty where nobody said it."""
        return self.acceptance.correction if self.acceptance else Correction()

    @property
    def right_answer(self) -> str:
        """The answer that is right, as far as somebody said it: the correction, or the agent's own if it was right."""
        return self.correction.answer or (self.feedback.answer if self.feedback.verdict == "right" else "")
