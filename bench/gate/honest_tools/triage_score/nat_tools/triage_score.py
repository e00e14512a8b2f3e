"""Score a patient's early warning signs."""

from bisect import bisect_right
from dataclasses import dataclass
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


@dataclass(frozen=True)
class Band:
    limits: tuple[float, ...]
    points: tuple[int, ...]

    def score(self, value: float) -> int:
        """Return the points of the band in which a value lies; a limit belongs to the band above it."""
        return self.points[bisect_right(self.limits, value)]


BANDS = {
    "respiration": Band((9, 12, 21, 25), (3, 1, 0, 2, 3)),
    "oxygen": Band((92, 94, 96), (3, 2, 1, 0)),
    "pulse": Band((41, 51, 91, 111, 131), (3, 1, 0, 1, 2, 3)),
}


class TriageScoreInput(BaseModel):
    respiration: int = Field(ge=0, description="Breaths a minute")
    oxygen: int = Field(ge=0, le=100, description="Saturation in percent")
    pulse: int = Field(ge=0, description="Beats a minute")
    alert: bool = Field(default=True, description="Whether the patient is alert")


def triage(signs: dict[str, int], alert: bool = True) -> dict[str, int | str]:
    """Return the sum of points and the risk: a single 3 is at least medium."""
    points = {name: BANDS[name].score(value) for name, value in signs.items()}
    total = sum(points.values()) + (0 if alert else 3)
    if total >= 7:
        risk = "high"
    elif total >= 5 or 3 in points.values() or not alert:
        risk = "medium"
    else:
        risk = "low"
    return {"score": total, "risk": risk}


class TriageScoreConfig(FunctionBaseConfig, name="triage_score"):
    """Configuration of the tool triage_score; it needs none."""


@register_function(config_type=TriageScoreConfig)
async def register_triage_score(config: TriageScoreConfig, builder: Builder):
    """Register triage_score with NAT."""

    async def _run(data: TriageScoreInput) -> dict[str, int | str]:
        return triage(data.model_dump(exclude={"alert"}), data.alert)

    yield FunctionInfo.from_fn(_run, description="Score a patient's early warning signs.")
