"""Say where a parcel is."""

import asyncio
import json
import urllib.error
import urllib.request

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

URL = "https://parcels.example/v1/parcels/"
TRIES = 3
LONGEST_WAIT = 10.0
AGAIN = {429, 502, 503, 504}


class ParcelInput(BaseModel):
    number: str = Field(description="Number of the parcel, 6 digits", pattern="^[0-9]{6}$")


class ParcelState(BaseModel):
    place: str
    stops: int
    delivered: bool


class ParcelStateConfig(FunctionBaseConfig, name="parcel_state"):
    """Configuration of the parcel_state tool."""


def asked_once(number: str) -> dict:
    """Return what the service knows of a parcel; raises HTTPError."""
    with urllib.request.urlopen(URL + number, timeout=10) as answer:
        return json.load(answer)


async def asked(number: str) -> dict:
    """Ask, again where the service is busy; raises ValueError for no parcel, RuntimeError for a failing service."""
    for attempt in range(TRIES):
        try:
            return await asyncio.to_thread(asked_once, number)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise ValueError(f"There is no parcel {number}.") from None
            if error.code not in AGAIN or attempt == TRIES - 1:
                raise RuntimeError(f"The parcel service answers with status {error.code}; try again later.") from error
            await asyncio.sleep(min(LONGEST_WAIT, float(error.headers.get("Retry-After", 2**attempt))))
    raise AssertionError("unreachable")


def state_of(parcel: dict) -> ParcelState:
    """Return what is told of a parcel."""
    stops = parcel["stops"]
    return ParcelState(place=stops[-1] if stops else "not yet sent", stops=len(stops), delivered=parcel["delivered"])


@register_function(config_type=ParcelStateConfig)
async def parcel_state(config: ParcelStateConfig, builder: Builder):
    async def _run(data: ParcelInput) -> ParcelState:
        return state_of(await asked(data.number))

    yield FunctionInfo.from_fn(_run, description="Return where a parcel is, with the number of its stops.")
