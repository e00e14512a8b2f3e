"""Draw a bar chart with characters."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class AsciiChartInput(BaseModel):
    values: dict[str, float] = Field(min_length=1, description="Bars by their labels")
    width: int | None = Field(default=None, ge=1, le=200, description="Length of the longest bar; 40 if left out")


BLOCKS = " ▏▎▍▌▋▊▉"


def bar(share: float, width: int) -> str:
    """Return a bar in eighths of a character."""
    full, eighths = divmod(round(share * width * 8), 8)
    return ("█" * full + BLOCKS[eighths]).rstrip()


def chart(values: dict[str, float], width: int | None = None) -> list[str]:
    """Return one line a bar, the longest first; raises ValueError for negative values."""
    if min(values.values()) < 0:
        raise ValueError("bars cannot be negative")
    largest = max(values.values()) or 1
    label = max(map(len, values))
    ordered = sorted(values.items(), key=lambda pair: -pair[1])
    return [f"{name:>{label}} {bar(value / largest, width or 40)} {value:g}" for name, value in ordered]


class AsciiChartConfig(FunctionBaseConfig, name="ascii_chart"):
    """Configuration of the tool ascii_chart; it needs none."""


@register_function(config_type=AsciiChartConfig)
async def register_ascii_chart(config: AsciiChartConfig, builder: Builder):
    """Register ascii_chart with NAT."""

    async def _run(data: AsciiChartInput) -> list[str]:
        return chart(data.values, data.width)

    yield FunctionInfo.from_fn(_run, description="Draw a bar chart with characters.")
