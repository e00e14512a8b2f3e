import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.knapsack import KnapsackConfig, Choice, choose


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", KnapsackConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def items(*texts):
    return [{"name": name, "weight": int(weight), "value": int(value)} for name, weight, value in map(str.split, texts)]


BAG = items("a 1 1", "b 3 4", "c 4 5", "d 5 7")


@pytest.mark.parametrize(
    ("capacity", "value", "names"),
    [
        (0, 0, ()),
        (1, 1, ("a",)),
        (3, 4, ("b",)),
        (4, 5, ("a", "b")),
        (7, 9, ("b", "c")),
        (9, 12, ("a", "b", "d")),
        (13, 17, ("a", "b", "c", "d")),
        (99, 17, ("a", "b", "c", "d")),
    ],
)
def test_choices(capacity, value, names):
    assert choose(BAG, capacity) == Choice(value, names)


def test_each_item_is_there_once():
    assert choose(items("a 1 5"), 3) == Choice(5, ("a",))


def test_the_first_of_equals_is_taken():
    assert choose(items("x 2 3", "y 2 3"), 3).items == ("x",)


def test_what_is_worth_nothing_stays():
    assert choose(items("x 1 0"), 3) == Choice(0, ())


@pytest.mark.parametrize("weight", [0, -1])
def test_weights(weight):
    with pytest.raises(ValueError, match="x must weigh something"):
        choose(items(f"x {weight} 1"), 3)


def test_through_nat():
    assert call(items=BAG, capacity=4) == {"value": 5, "items": ("a", "b")}
    assert call(items=[], capacity=10_000) == {"value": 0, "items": ()}
    assert call(items=[], capacity=0)["value"] == 0
    for capacity in (-1, 10_001):
        with pytest.raises(ValueError):
            call(items=[], capacity=capacity)
