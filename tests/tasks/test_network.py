"""What the network of an agent is, from the settings, the tools of its plan, and this process' variables."""

from gateway_support import short_folder
from world_support import HOST, WEATHER_SPEC

from agenthands.schemas import ToolSpec
from agenthands.settings import Settings
from agenthands.tasks.dependencies import network_for

OTHER = "other.example.org"


def tool(name, hosts, secrets):
    effects = {"http": [{"host": host, "methods": methods} for host, methods in hosts.items()], "secrets": secrets}
    return ToolSpec.model_validate({**WEATHER_SPEC, "name": name, "effects": effects, "worlds": {}})


def opened(*tools, egress=(HOST, OTHER)):
    with short_folder() as folder, network_for(Settings(egress=egress), tools, folder) as network:
        assert network.egress.exists()
        return network


def test_a_key_is_for_the_hosts_of_the_tools_that_declare_it(monkeypatch):
    monkeypatch.setenv("WEATHER_API_KEY", "weather-key-1\n")
    first = tool("city_weather", {HOST: ["GET"]}, ["WEATHER_API_KEY", "UNSET_API_KEY"])
    second = tool("alerts", {HOST: ["POST"], OTHER: ["GET"]}, [])
    outside = opened(first, second).outside
    rights = outside.gateway.rights
    assert {host: (right.methods, [key.value for key in right.keys]) for host, right in rights.items()} == {
        HOST: (["GET", "POST"], ["weather-key-1"]), OTHER: (["GET"], []),
    }  # fmt: skip
    assert outside.variables["WEATHER_API_KEY"].startswith("placeholder-weather-api-key-")
    assert "UNSET_API_KEY" not in outside.variables


def test_what_is_not_listed_is_no_right_and_without_any_there_is_no_gateway():
    weather = tool("city_weather", {HOST: ["GET"]}, [])
    assert list(opened(weather, egress=("*.weather.example",)).outside.gateway.rights) == [HOST]
    assert opened(weather, egress=(OTHER,)).outside is None


def test_keys_of_models_the_store_and_prefect_are_for_no_tool(monkeypatch):
    names = ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "PREFECT_API_KEY"]
    for name in names:
        monkeypatch.setenv(name, "very-secret-key-1")
    (right,) = opened(tool("city_weather", {HOST: ["GET"]}, names)).outside.gateway.rights.values()
    assert right.keys == []
