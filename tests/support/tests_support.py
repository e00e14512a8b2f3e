"""Material that several tests use: a small correct tool, and a plan."""

import json

ROMAN_SPEC = {
    "name": "roman_numeral",
    "description": "Write a number from 1 to 3999 as a Roman numeral.",
    "purpose": "Show the gate a correct tool.",
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "integer", "description": "Number from 1 to 3999"}},
        "required": ["number"],
    },
    "returns": {"type": "string"},
    "dependencies": [],
    "examples": [
        {"arguments": {"number": 1994}, "expected": "MCMXCIV"},
        {"arguments": {"number": 4}, "expected": "IV"},
        {"arguments": {"number": 3999}, "expected": "MMMCMXCIX"},
        {"arguments": {"number": 0}, "raises": "ValueError"},
    ],
}

ROMAN_TOOL = '''"""Write numbers as Roman numerals."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

SIGNS = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
         (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]


class RomanInput(BaseModel):
    number: int = Field(description="Number from 1 to 3999")


class RomanConfig(FunctionBaseConfig, name="roman_numeral"):
    """Configuration of the roman_numeral tool."""


def to_roman(number: int) -> str:
    """Write a number as a Roman numeral; raises ValueError outside 1 to 3999."""
    if not 1 <= number <= 3999:
        raise ValueError("number must be from 1 to 3999")
    numeral = ""
    for value, sign in SIGNS:
        count, number = divmod(number, value)
        numeral += sign * count
    return numeral


@register_function(config_type=RomanConfig)
async def roman_numeral(config: RomanConfig, builder: Builder):
    async def _run(data: RomanInput) -> str:
        return to_roman(data.number)

    yield FunctionInfo.from_fn(_run, description="Write a number from 1 to 3999 as a Roman numeral.")
'''

ROMAN_TESTS = """import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.roman_numeral import RomanConfig, to_roman


@pytest.mark.parametrize(
    ("number", "numeral"),
    [(1, "I"), (3999, "MMMCMXCIX"), (1994, "MCMXCIV"), (444, "CDXLIV"), (566, "DLXVI"), (10, "X"), (100, "C")],
)
def test_values(number, numeral):
    assert to_roman(number) == numeral


@pytest.mark.parametrize("number", [0, 4000])
def test_bounds(number):
    with pytest.raises(ValueError, match="from 1 to 3999"):
        to_roman(number)


def test_through_nat():
    async def call():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", RomanConfig())
            return await function.ainvoke({"number": 1994})

    assert asyncio.run(call()) == "MCMXCIV"
"""

PLAN = {
    "name": "roman-helper",
    "summary": "Writes Roman numerals.",
    "agents": [
        {
            "name": "roman",
            "description": "Writes Roman numerals and tells the time.",
            "instructions": "You write Roman numerals. Always use roman_numeral; answer in the user's language.",
            "type": "tool_calling_agent",
            "tools": ["current_datetime", "time", "roman_numeral"],
        }
    ],
    "entry": "roman",
    "builtin_tools": [{"type": "current_datetime", "reasoning": "Dates."}],
    "mcp_servers": [{"id": "time", "tools": ["get_current_time"], "reasoning": "Time zones."}],
    "custom_tools": [ROMAN_SPEC],
    "test_cases": [
        {
            "id": "year",
            "query": "What is 1994 in Roman numerals?",
            "expected_behavior": "Calls the tool.",
            "checks": [{"kind": "tool_called", "value": "roman_numeral"}, {"kind": "contains", "value": "MCMXCIV"}],
        }
    ],
    "reasoning": "Small.",
}


def write_roman(folder, *, tool=ROMAN_TOOL, tests=ROMAN_TESTS, spec=None):
    """Write a workspace and return its folder."""
    (folder / "nat_tools").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "spec.json").write_text(json.dumps(spec or ROMAN_SPEC))
    (folder / "nat_tools" / "roman_numeral.py").write_text(tool)
    (folder / "tests" / "test_roman_numeral.py").write_text(tests)
    return folder


def registry(scaffolds, functions, **more):
    """Return what NAT would tell of itself: by scaffold and field, the kind and whether it is required."""
    from agenthands.environments.nat_registry import NatRegistry

    described = {
        name: {"fields": {field: {"kind": kind, "required": required} for field, (kind, required) in fields.items()}}
        for name, fields in scaffolds.items()
    }
    return NatRegistry(version="1.9.0", scaffolds=described, builtins={name: {} for name in functions}, **more)
