"""Say what is on in a city."""

from collections.abc import AsyncIterator

import httpx
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, SecretStr

URL = "https://events.example/v3/search"
AT_ONCE = 2


class EventsInput(BaseModel):
    city: str = Field(description="Name of the city", min_length=1)


class NextEventsConfig(FunctionBaseConfig, name="next_events"):
    """Configuration of the next_events tool."""

    events_key: SecretStr = SecretStr("")


async def events(city: str, key: str) -> AsyncIterator[dict]:
    """Yield all events of a city; raises RuntimeError where the service fails."""
    search = {"city": city, "limit": AT_ONCE}
    async with httpx.AsyncClient(headers={"X-Api-Key": key}, timeout=10) as client:
        while True:
            try:
                answer = await client.post(URL, json=search)
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise RuntimeError(f"The events of {city} cannot be fetched: {type(error).__name__}.") from error
            page = answer.json()
            for event in page["events"]:
                yield event
            if page["next"] is None:
                return
            search["cursor"] = page["next"]


@register_function(config_type=NextEventsConfig)
async def next_events(config: NextEventsConfig, builder: Builder):
    async def _run(data: EventsInput) -> list[str]:
        found = [each async for each in events(data.city, config.events_key.get_secret_value())]
        return [each["title"] for each in sorted(found, key=lambda each: each["date"])]

    yield FunctionInfo.from_fn(
        _run, description="Return the titles of all events in a city, in the order of their dates."
    )
