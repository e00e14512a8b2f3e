import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.topological_layers import TopologicalLayersConfig, layers


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TopologicalLayersConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({}, []),
        ({"a": []}, [["a"]]),
        ({"b": ["a"]}, [["a"], ["b"]]),
        ({"c": ["b", "a"]}, [["a", "b"], ["c"]]),
        ({"d": ["b", "c"], "b": ["a"], "c": ["a"]}, [["a"], ["b", "c"], ["d"]]),
        ({"c": ["a"], "b": []}, [["a", "b"], ["c"]]),
    ],
)
def test_layers(needs, expected):
    assert layers(needs) == expected


@pytest.mark.parametrize(
    ("needs", "names"),
    [({"a": ["b"], "b": ["a"]}, "a, b$"), ({"x": ["x"]}, "x$"), ({"c": ["b"], "b": ["a"], "a": ["c"]}, "a, b, c$")],
)
def test_cycles(needs, names):
    with pytest.raises(ValueError, match=f"^these wait for each other: {names}"):
        layers(needs)


def test_through_nat():
    assert call(needs={"b": ["a"]}) == [["a"], ["b"]]
