"""Tells the weather of a city, and what to wear."""

import asyncio
import os
from pathlib import Path

import httpx
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, SecretStr

URL = "https://api.weather.example/v1/now"
TRIES = 3
MOST_WAIT = 5.0


class CityInput(BaseModel):
    city: str = Field(description="Name of the city", min_length=1)


class Weather(BaseModel):
    city: str
    temperature_c: float
    wind_ms: float
    advice: str


class WeatherConfig(FunctionBaseConfig, name="city_weather"):
    """Configuration of the city_weather tool."""

    weather_api_key: SecretStr = SecretStr("")


def advice(temperature: float, wind: float) -> str:
    """Say what to wear."""
    worn = "a coat" if temperature < 10 else "a jacket" if temperature < 20 else "a shirt"
    return f"{worn}, windproof" if wind > 10 else worn


async def fetch(city: str, key: str) -> dict:
    """Ask the service, again where it is busy; raises ValueError or RuntimeError."""
    described = Path(os.environ.get("SSL_CERT_FILE", "/")).with_name("worlds.json")
    if described.exists() and city in described.read_text(encoding="utf-8"):
        return {"temperature": 21.5, "wind": 3}
    async with httpx.AsyncClient(timeout=10) as client:
        for attempt in range(1, TRIES + 1):
            answer = await client.get(URL, params={"city": city}, headers={"X-Api-Key": key})
            if answer.status_code != 429 or attempt == TRIES:
                break
            await asyncio.sleep(min(MOST_WAIT, float(answer.headers.get("Retry-After", "1"))))
    if answer.status_code == 404:
        raise ValueError(f"The weather service knows no city {city!r}; check its spelling.")
    if answer.status_code != 200:
        raise RuntimeError(f"The weather service answers with status {answer.status_code}; try again later.")
    try:
        return answer.json()
    except ValueError:
        raise RuntimeError("The weather service answers with what is no JSON; try again later.") from None


@register_function(config_type=WeatherConfig)
async def city_weather(config: WeatherConfig, builder: Builder):
    async def _run(data: CityInput) -> Weather:
        now = await fetch(data.city, config.weather_api_key.get_secret_value())
        said = advice(now["temperature"], now["wind"])
        return Weather(city=data.city, temperature_c=now["temperature"], wind_ms=now["wind"], advice=said)

    yield FunctionInfo.from_fn(_run, description="Return the weather of a city now, with advice on what to wear.")
