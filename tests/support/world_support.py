"""A small tool that asks a weather service over HTTP, with the worlds in which it is tried."""

from agenthands.schemas import ToolSpec

HOST = "api.weather.example"


def exchange(city, **response):
    request = {"url": f"https://{HOST}/v1/now", "query": {"city": city}, "headers": {"X-Api-Key": "dummy-key"}}
    return {"request": request, "response": response}


def answered(city, degrees, wind):
    return exchange(city, json={"temperature": degrees, "wind": wind})


WORLDS = {
    "usual": {
        "http": [
            answered("Bonn", 21.5, 3), answered("Oslo", -4.0, 11), answered("Quito", 14.25, 0),
            answered("Rome", 30.0, 2),
            exchange("Atlantis", status=404, json={"error": "no such city"}),
        ],
        "secrets": {"WEATHER_API_KEY": "dummy-key"},
    },
    "busy": {
        "http": [
            {**exchange("Bonn", status=429, json={}, headers={"Retry-After": "0"}), "turn": 1},
            {**answered("Bonn", 19.0, 7), "turn": 2},
        ],
        "secrets": {"WEATHER_API_KEY": "dummy-key"},
    },
    "broken": {
        "http": [exchange("Bonn", status=500, body="<html>oops</html>"), exchange("Oslo", body="no JSON")],
        "secrets": {"WEATHER_API_KEY": "dummy-key"},
    },
}  # fmt: skip


def result(city, degrees, wind, advice):
    return {"city": city, "temperature_c": degrees, "wind_ms": wind, "advice": advice}


WEATHER_SPEC = {
    "name": "city_weather",
    "description": "Return the weather of a city now, with advice on what to wear.",
    "purpose": "Says what to wear.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city", "minLength": 1}},
        "required": ["city"],
    },
    "returns": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "temperature_c": {"type": "number"},
            "wind_ms": {"type": "number"},
            "advice": {"type": "string"},
        },
        "required": ["city", "temperature_c", "wind_ms", "advice"],
    },
    "dependencies": [],
    "effects": {"http": [{"host": HOST}], "secrets": ["WEATHER_API_KEY"]},
    "worlds": WORLDS,
    "examples": [
        {"arguments": {"city": "Bonn"}, "world": "usual", "expected": result("Bonn", 21.5, 3, "a shirt"),
         "requests": [{"url": f"https://{HOST}/v1/now?city=Bonn"}]},
        {"arguments": {"city": "Oslo"}, "world": "usual", "expected": result("Oslo", -4.0, 11, "a coat, windproof")},
        {"arguments": {"city": "Quito"}, "world": "usual", "expected": result("Quito", 14.25, 0, "a jacket")},
        {"arguments": {"city": "Rome"}, "world": "usual", "expected": result("Rome", 30.0, 2, "a shirt")},
        {"arguments": {"city": "Bonn"}, "world": "busy", "expected": result("Bonn", 19.0, 7, "a jacket")},
        {"arguments": {"city": "Atlantis"}, "world": "usual", "raises": "ValueError"},
        {"arguments": {"city": "Bonn"}, "world": "broken", "raises": "RuntimeError"},
        {"arguments": {"city": "Oslo"}, "world": "broken", "raises": "RuntimeError"},
    ],
}  # fmt: skip


def weather(**changes):
    return ToolSpec.model_validate({**WEATHER_SPEC, **changes})


WEATHER_TOOL = '''"""Tells the weather of a city, and what to wear."""

import asyncio

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
'''

WEATHER_TESTS = """import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.city_weather import WeatherConfig, advice, fetch


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", WeatherConfig(**config))
            return (await function.ainvoke(arguments)).model_dump()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("temperature", "wind", "said"),
    [
        (9.9, 0, "a coat"), (10, 0, "a jacket"), (19.9, 10, "a jacket"), (20, 0, "a shirt"),
        (20, 10.1, "a shirt, windproof"), (-5, 11, "a coat, windproof"),
    ],
)
def test_advice(temperature, wind, said):
    assert advice(temperature, wind) == said


def test_through_nat(world):
    assert call(world("usual"), city="Bonn") == {
        "city": "Bonn", "temperature_c": 21.5, "wind_ms": 3, "advice": "a shirt",
    }


def test_wind(world):
    assert call(world("usual"), city="Oslo")["advice"] == "a coat, windproof"


def test_asked_again_where_it_is_busy(world):
    config = world("busy")
    assert call(config, city="Bonn")["temperature_c"] == 19.0
    assert len(world.requests()) == 2


def test_unknown_city(world):
    with pytest.raises(ValueError, match="knows no city 'Atlantis'"):
        call(world("usual"), city="Atlantis")


def test_an_error_of_the_service(world):
    with pytest.raises(RuntimeError, match="status 500"):
        call(world("broken"), city="Bonn")


def test_no_json(world):
    with pytest.raises(RuntimeError, match="no JSON"):
        call(world("broken"), city="Oslo")


def test_the_wrong_key(world):
    world("usual")
    with pytest.raises(RuntimeError, match="status 599"):
        asyncio.run(fetch("Bonn", "wrong"))
"""


def write_weather(folder, tool=WEATHER_TOOL, tests=WEATHER_TESTS):
    """Write the workspace of the tool, as a coder leaves it."""
    (folder / "nat_tools").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "nat_tools" / "city_weather.py").write_text(tool)
    (folder / "tests" / "test_city_weather.py").write_text(tests)
    return folder
