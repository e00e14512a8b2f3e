import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.color_convert import ColorConvertConfig, Color, describe


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", ColorConvertConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#1E90FF", (30, 144, 255)),
        (" #abc ", (170, 187, 204)),
        ("rgb(1,2,3)", (1, 2, 3)),
        ("RGB( 255 , 0 , 7 )", (255, 0, 7)),
    ],
)
def test_parse(text, rgb):
    assert Color.parse(text) == rgb


@pytest.mark.parametrize("text", ["", "red", "#12", "#12345g", "#1234", "rgb(1,2)", "rgb(256,0,0)", "rgb(1,2,3"])
def test_no_colours(text):
    with pytest.raises(ValueError, match="is no colour"):
        Color.parse(text)


@pytest.mark.parametrize(
    ("text", "hsl", "contrast"),
    [
        ("#ffffff", [0, 0, 100], 1),
        ("#000000", [0, 0, 0], 21),
        ("#ff0000", [0, 100, 50], 4.0),
        ("#1e90ff", [210, 100, 56], 3.24),
        ("#0a0b0c", [210, 9, 4], 19.7),
        ("#00ff00", [120, 100, 50], 1.37),
        ("#0000ff", [240, 100, 50], 8.59),
    ],
)
def test_forms(text, hsl, contrast):
    found = describe(text)
    assert found["hsl"] == hsl
    assert found["contrast_to_white"] == contrast
    assert found["hex"] == text


def test_through_nat():
    assert call(color="#abc") == {
        "hex": "#aabbcc",
        "rgb": [170, 187, 204],
        "hsl": [210, 25, 73],
        "contrast_to_white": 1.96,
    }
