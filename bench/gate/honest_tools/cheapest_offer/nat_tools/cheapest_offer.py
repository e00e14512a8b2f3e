"""Find the cheapest offer of two shops."""

import asyncio

import aiohttp
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

SHOPS = ("north", "south")


class ItemInput(BaseModel):
    item: str = Field(description="Name of the item", min_length=1)


class Offer(BaseModel):
    shop: str
    price: float


class CheapestOfferConfig(FunctionBaseConfig, name="cheapest_offer"):
    """Configuration of the cheapest_offer tool."""


async def asked(session: aiohttp.ClientSession, shop: str, item: str) -> Offer | None:
    """Return a shop's offer, None where it does not sell this; raises RuntimeError for a shop that fails."""
    async with session.get(f"https://{shop}.shops.example/price", params={"item": item}) as answer:
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise RuntimeError(f"The shop {shop} answers with status {answer.status}, so the offers are not complete.")
        return Offer(shop=shop, price=(await answer.json())["price"])


async def offers(item: str) -> list[Offer]:
    """Return all offers."""
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        found = await asyncio.gather(*(asked(session, shop, item) for shop in SHOPS))
    return [each for each in found if each is not None]


@register_function(config_type=CheapestOfferConfig)
async def cheapest_offer(config: CheapestOfferConfig, builder: Builder):
    async def _run(data: ItemInput) -> Offer:
        found = await offers(data.item)
        if not found:
            raise ValueError(f"No shop sells {data.item!r}.")
        return min(found, key=lambda each: (each.price, each.shop))

    yield FunctionInfo.from_fn(
        _run,
        description="Return the shop with the lowest price of an item, and that price; "
        "the first in the alphabet of several.",
    )
