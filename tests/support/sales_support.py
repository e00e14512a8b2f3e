"""A small tool that reads the user's own CSV file; its examples are tried in the sample of it."""

import csv

SAMPLE = [("2027-02-01", "Bonn", 3), ("2027-02-02", "Trier", 5), ("2027-02-03", "Bonn", 2), ("2027-02-04", "Ulm", 7),
          ("2027-02-05", "Trier", 1)]  # fmt: skip


def write_sales(path, more=200):
    """Write the sample, and then rows that nobody but the agent's user sees; return the units of Bonn in all."""
    rows = [*SAMPLE, *(("2027-03-01", "Bonn", 10) for _ in range(more))]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("day", "branch", "units"), *rows])
    return sum(units for _, branch, units in rows if branch == "Bonn")


def result(branch, units, rows):
    return {"branch": branch, "units": units, "rows": rows}


SALES_SPEC = {
    "name": "branch_sales",
    "description": "Return how many units a branch sold, and in how many rows of the sales file.",
    "purpose": "Sums the sales.",
    "parameters": {
        "type": "object",
        "properties": {"branch": {"type": "string", "description": "Name of the branch", "minLength": 1}},
        "required": ["branch"],
    },
    "returns": {
        "type": "object",
        "properties": {"branch": {"type": "string"}, "units": {"type": "integer"}, "rows": {"type": "integer"}},
        "required": ["branch", "units", "rows"],
    },
    "dependencies": [],
    "effects": {"files": [{"name": "sales", "access": "read", "description": "CSV with day, branch, units"}]},
    "worlds": {
        "none": {"files": {"sales.csv": "day,branch,units\n"}},
        "broken": {"files": {"sales.csv": "day,branch\n2027-02-01,Bonn\n"}},
    },
    "examples": [
        {"arguments": {"branch": "Bonn"}, "world": "data_sample", "expected": result("Bonn", 5, 2)},
        {"arguments": {"branch": "Trier"}, "world": "data_sample", "expected": result("Trier", 6, 2)},
        {"arguments": {"branch": "Ulm"}, "world": "data_sample", "expected": result("Ulm", 7, 1)},
        {"arguments": {"branch": "Kiel"}, "world": "data_sample", "raises": "ValueError"},
        {"arguments": {"branch": "Bonn"}, "world": "none", "raises": "ValueError"},
        {"arguments": {"branch": "Bonn"}, "world": "broken", "raises": "RuntimeError"},
    ],
}

SALES_PLAN = {
    "name": "sales-desk",
    "summary": "Answers questions about sales.",
    "agents": [
        {
            "name": "desk",
            "description": "Answers questions about sales.",
            "instructions": "You answer questions about sales. Always ask branch_sales.",
            "type": "tool_calling_agent",
            "tools": ["branch_sales"],
        }
    ],
    "entry": "desk",
    "custom_tools": [SALES_SPEC],
    "test_cases": [
        {
            "id": "bonn",
            "query": "How many units did Bonn sell?",
            "world": "data_sample",
            "expected_behavior": "Says 5.",
            "checks": [{"kind": "tool_called", "value": "branch_sales"}, {"kind": "contains", "value": "5"}],
        },
        {
            "id": "trier",
            "query": "And Trier, how many units?",
            "world": "data_sample",
            "expected_behavior": "Says 6.",
            "checks": [{"kind": "contains", "value": "6"}],
        },
    ],
    "reasoning": "One tool is enough.",
}

SALES_TOOL = '''"""Sums the sales of a branch from a CSV file."""

import csv

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class BranchInput(BaseModel):
    branch: str = Field(description="Name of the branch", min_length=1)


class Sales(BaseModel):
    branch: str
    units: int
    rows: int


class SalesConfig(FunctionBaseConfig, name="branch_sales"):
    """Configuration of the branch_sales tool."""

    sales: str = ""


def summed(path: str, branch: str) -> Sales:
    """Sum the units of a branch; raises ValueError for an unknown branch, RuntimeError for a file without columns."""
    units = rows = 0
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"branch", "units"} - set(reader.fieldnames or ())
        if missing:
            raise RuntimeError(f"The sales file lacks the columns {', '.join(sorted(missing))}; give another.")
        for row in reader:
            if row["branch"] == branch:
                units += int(row["units"])
                rows += 1
    if not rows:
        raise ValueError(f"The sales file knows no branch {branch!r}; check its spelling.")
    return Sales(branch=branch, units=units, rows=rows)


@register_function(config_type=SalesConfig)
async def branch_sales(config: SalesConfig, builder: Builder):
    async def _run(data: BranchInput) -> Sales:
        return summed(config.sales, data.branch)

    yield FunctionInfo.from_fn(
        _run, description="Return how many units a branch sold, and in how many rows of the sales file."
    )
'''

SALES_TESTS = """import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.branch_sales import SalesConfig, summed


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", SalesConfig(**config))
            return (await function.ainvoke(arguments)).model_dump()

    return asyncio.run(run())


@pytest.mark.parametrize(("branch", "units", "rows"), [("Bonn", 5, 2), ("Trier", 6, 2), ("Ulm", 7, 1)])
def test_sums(world, branch, units, rows):
    assert call(world("data_sample"), branch=branch) == {"branch": branch, "units": units, "rows": rows}


def test_unknown_branch(world):
    with pytest.raises(ValueError, match="knows no branch 'Kiel'; check its spelling"):
        call(world("data_sample"), branch="Kiel")


def test_no_rows(world):
    with pytest.raises(ValueError, match="knows no branch 'Bonn'"):
        call(world("none"), branch="Bonn")


def test_a_missing_column(world):
    with pytest.raises(RuntimeError, match="The sales file lacks the columns units; give another."):
        call(world("broken"), branch="Bonn")


def test_no_columns(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(RuntimeError, match="lacks the columns branch, units;"):
        summed(str(tmp_path / "empty.csv"), "Bonn")


def test_other_letters(tmp_path):
    (tmp_path / "sales.csv").write_text("branch,units\\nK\\u00f6ln,4\\n", encoding="utf-8")
    assert summed(str(tmp_path / "sales.csv"), "K\\u00f6ln").units == 4
"""
