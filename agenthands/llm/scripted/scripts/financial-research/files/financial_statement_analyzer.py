"""Analyze a company's latest financial statements by a few ratios."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

HIGH_DEBT_PCT = 60.0
LOW_CURRENT_RATIO = 1.0


class StatementsInput(BaseModel):
    revenue: float = Field(description="Revenue of the latest year, above 0")
    previous_revenue: float = Field(description="Revenue of the year before, above 0, in the same currency")
    net_income: float = Field(description="Net income of the latest year; negative for a loss")
    total_assets: float = Field(description="Total assets at the end of the latest year, above 0")
    total_liabilities: float = Field(description="Total liabilities at the end of the latest year, 0 or more")
    current_assets: float = Field(description="Current assets at the end of the latest year, 0 or more")
    current_liabilities: float = Field(description="Current liabilities at the end of the latest year, above 0")


class StatementsConfig(FunctionBaseConfig, name="financial_statement_analyzer"):
    """Configuration of the financial_statement_analyzer tool."""


def analyze(data: StatementsInput) -> dict:
    """Give growth, margin, debt and liquidity with findings; raises ValueError for figures that cannot be."""
    for name in ("revenue", "previous_revenue", "total_assets", "current_liabilities"):
        if getattr(data, name) <= 0:
            raise ValueError(f"{name} must be above 0")
    for name in ("total_liabilities", "current_assets"):
        if getattr(data, name) < 0:
            raise ValueError(f"{name} must not be negative")
    growth = 100 * (data.revenue - data.previous_revenue) / data.revenue
    margin = 100 * data.net_income / data.revenue
    debt = 100 * data.total_liabilities / data.total_assets
    current_ratio = data.current_assets / data.current_liabilities
    findings = []
    if growth < 0:
        findings.append("revenue is shrinking")
    if margin < 0:
        findings.append("the company makes a loss")
    if debt > HIGH_DEBT_PCT:
        findings.append("liabilities are high")
    if current_ratio < LOW_CURRENT_RATIO:
        findings.append("current assets do not cover current liabilities")
    return {
        "revenue_growth_pct": round(growth, 2),
        "net_margin_pct": round(margin, 2),
        "debt_ratio_pct": round(debt, 2),
        "current_ratio": round(current_ratio, 2),
        "findings": findings,
    }


@register_function(config_type=StatementsConfig)
async def financial_statement_analyzer(config: StatementsConfig, builder: Builder):
    async def _run(data: StatementsInput) -> dict:
        return analyze(data)

    yield FunctionInfo.from_fn(
        _run,
        description=(
            "Analyze a company's latest financial statements: revenue growth, net margin and debt ratio in percent, "
            "the current ratio, and findings on what looks weak. All figures in one currency."
        ),
    )
