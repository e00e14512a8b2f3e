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
