import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.cheapest_offer import CheapestOfferConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", CheapestOfferConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("item", "shop", "price"), [("tea", "south", 2.99), ("milk", "north", 1.09), ("salt", "south", 0.79)]
)
def test_lowest_price(world, item, shop, price):
    config = world("usual")
    assert call(config, item=item).model_dump() == {"shop": shop, "price": price}
    assert len(world.requests()) == 2


def test_the_same_price(world):
    assert call(world("usual"), item="ham").shop == "north"


def test_nobody_sells_it(world):
    with pytest.raises(ValueError, match="No shop sells 'gold'"):
        call(world("usual"), item="gold")


def test_a_shop_that_fails_is_not_passed_over(world):
    with pytest.raises(RuntimeError, match="north answers with status 500"):
        call(world("half"), item="tea")
