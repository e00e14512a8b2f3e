import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.template_fill import TemplateFillConfig, fill


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TemplateFillConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{x}}", " Ab c"),
        ("{{ x|upper }}!", " AB C!"),
        ("{{x | lower}}", " ab c"),
        ("{{x|strip}}", "Ab c"),
        ("{{x|title}}", " Ab C"),
        ("{{n}}{{n}}", "77"),
        ("{x}", "{x}"),
        ("", ""),
    ],
)
def test_fill(template, expected):
    assert fill(template, {"x": " Ab c", "n": 7}) == expected


def test_values_are_not_filled_again():
    assert fill("{{a}}", {"a": "{{b}}", "b": "x"}) == "{{b}}"


def test_missing():
    assert fill("{{ y }} {{x}}", {"x": 1}, strict=False) == "{{ y }} 1"
    with pytest.raises(ValueError, match="no value for 'y'"):
        fill("{{y}}", {"x": 1})


def test_unknown_filter():
    with pytest.raises(ValueError, match="no filter 'rot13'"):
        fill("{{x|rot13}}", {"x": 1})


def test_through_nat():
    assert call(template="{{x}}", vars={"x": 0.5}) == "0.5"
    assert call(template="{{x}}", strict=False) == "{{x}}"
    with pytest.raises(ValueError, match="no value"):
        call(template="{{x}}")
