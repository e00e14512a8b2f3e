"""The static half of `conformance`: a message for each common mistake."""

import pytest
from tests_support import ROMAN_TOOL

from agenthands.gate.checks.conformance import static_complaints


def test_a_correct_tool_has_no_complaints():
    assert static_complaints(ROMAN_TOOL, "roman_numeral") == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name="roman_numeral"', 'name="roman"', "is 'roman' and must be 'roman_numeral'"),
        (', name="roman_numeral"', "", "lacks its name"),
        ("(FunctionBaseConfig, ", "(BaseModel, ", "No configuration class"),
        ("@register_function(config_type=RomanConfig)\n", "", "No function is decorated"),
        ("async def roman_numeral", "def roman_numeral", "must be `async def`"),
        ("(config: RomanConfig, builder: Builder)", "(config: RomanConfig)", "must take exactly (config, builder)"),
        ("    yield FunctionInfo", "    return FunctionInfo", "must `yield` a FunctionInfo"),
        ("yield FunctionInfo.from_fn(_run, description=", "yield dict(run=_run, description=", "FunctionInfo.from_fn"),
        ("@register_function(", "@register_llm_provider(", "@register_llm_provider: a tool registers one function"),
        ("async def _run", "def _run", "_run must be `async def`"),
        ("_run(data: RomanInput)", "_run(data)", "annotate data of _run"),
        ("-> str:\n        return to_roman", ":\n        return to_roman", "annotate what _run returns"),
        (', description="Write a number from 1 to 3999 as a Roman numeral."', "", "give from_fn a description"),
        (
            "        return to_roman(data",
            "        import time\n        time.sleep(1)\n        return to_roman(data",
            "time.sleep() blocks",
        ),
    ],
)
def test_each_mistake_gets_its_message(old, new, complaint):
    assert old in ROMAN_TOOL
    found = static_complaints(ROMAN_TOOL.replace(old, new), "roman_numeral")
    assert any(complaint in each for each in found), found


def test_two_registered_functions_are_one_too_many():
    second = ROMAN_TOOL[ROMAN_TOOL.index("@register_function") :].replace("def roman_numeral", "def other")
    assert any("Exactly one" in each for each in static_complaints(ROMAN_TOOL + second, "roman_numeral"))
