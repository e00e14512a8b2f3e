import asyncio

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
