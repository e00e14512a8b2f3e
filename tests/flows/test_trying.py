"""An agent over a web API is tried on its real host: compared with its recorded world, and written down."""

import json
import os
import subprocess

import pytest
from conftest_paths import TEST_HOME
from real_host import KEY, real_host
from sample_records import record
from scripted_server import serve_model
from served_support import BIN
from world_support import HOST, WEATHER_SPEC, write_weather

from agenthands import api
from agenthands.chat import open_chat
from agenthands.environments.nat_registry import read_registry
from agenthands.llm.settings import ModelSettings
from agenthands.outside.recording import read_recording
from agenthands.packaging.bundle import pack
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import BuildOptions, BuildRequest, Plan
from agenthands.store.builds import BUNDLE, publish_build
from agenthands.store.fsspec_store import FsspecStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

POSTS = {**WEATHER_SPEC["effects"], "http": [{"host": HOST, "methods": ["GET", "POST"]}]}


def case(name, query, **more):
    return {"id": name, "query": query, "world": "usual", "expected_behavior": "Advises.", **more}


PLAN = {
    "name": "what-to-wear",
    "summary": "Says what to wear.",
    "agents": [
        {"name": "adviser", "description": "Says what to wear.", "instructions": "Always ask city_weather.",
         "type": "tool_calling_agent", "tools": ["city_weather"]}
    ],
    "entry": "adviser",
    "custom_tools": [{**WEATHER_SPEC, "effects": POSTS}],
    "test_cases": [
        case("oslo", "What do I wear in Oslo?"),
        case("bonn", "What do I wear in Bonn?", world="busy"),
        case("again", "And in Rome?", history=[{"role": "user", "content": "Hello"},
                                               {"role": "assistant", "content": "Hello!"}]),
        case("none", "Hello, who are you?"),
    ],
    "reasoning": "One tool is enough.",
}  # fmt: skip


def weather(asked):
    """Answer as the real service does, which is not quite as it was imagined; it tells the key that it was given."""
    if asked["headers"].get("x-api-key") != KEY:
        return 401, {}, {"error": "who are you?"}
    if "Rome" in asked["path"]:
        return 200, {}, {"temp": 30, "wind": 2, "by": "jo@weather.org"}
    return 200, {"X-Key": KEY}, {"temperature": 4.5, "wind": 3, "gusts": 9, "asked_with": KEY}


def model(call):
    said = [(each["role"], str(each.get("content"))) for each in call["messages"]]
    question = [text for role, text in said if role == "user"][-1]
    results = [text for role, text in said if role == "tool"]
    city = next((city for city in ("Oslo", "Bonn", "Rome") if city in question), "")
    if city and not results:
        return {"content": "", "tool_calls": [("city_weather", {"city": city})]}
    return {"content": f"I was told: {results[-1] if results else 'nothing'}", "tool_calls": []}


@pytest.fixture(scope="module")
def store(nat_environment, tmp_path_factory):
    """A store with the accepted build of the plan."""
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    folder = tmp_path_factory.mktemp("trying")
    plan = Plan.model_validate(PLAN)
    registry = read_registry(nat_environment, BubblewrapSandbox(), folder)
    tools = {"city_weather": write_weather(folder / "tool")}
    files = assemble_agent(plan, tools, [], registry, nat_environment.lock, ModelSettings(model="openai/double"))
    request = BuildRequest(request="what to wear", planner="openai/double")
    built = record(plan=plan, request=request, tools=[], mcp_servers=[], acceptance=None)
    place = FsspecStore(str(folder / "store"))
    publish_build(built, {BUNDLE: pack(files, plan.name)}, place)
    return place.url


@pytest.fixture
def world(store, tmp_path, monkeypatch):
    """The real host, a model, and the options with which the agent is asked."""
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("WEATHER_API_KEY", KEY)
    with real_host(tmp_path, HOST, answer=weather) as (server, authorities), serve_model(model) as asked:
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        monkeypatch.setenv("AGENTHANDS_EGRESS", server.rule(HOST))
        server.options = {"store": store, "api_base": asked.url}
        server.model = asked
        yield server


def test_it_is_asked_there_and_shown_where_its_world_was_wrong(world, tmp_path):
    heard, reached = [], []
    file = tmp_path / "recorded.json"
    found = api.try_agent("what-to-wear", agreed=reached.append, told=heard.append, file=file, **world.options)
    (right,) = reached[0].rights
    assert right.said == f"{HOST}: GET with WEATHER_API_KEY"
    assert list(right.withheld) == ["POST"]
    assert heard == found.cases
    oslo, bonn, rome, nobody = found.cases
    assert [(each.code, each.place, each.wrong) for each in oslo.requests[0].findings] == [
        ("new_field", "$.gusts", False), ("new_field", "$.asked_with", False),
    ]  # fmt: skip
    assert (oslo.requests[0].outcome, bonn.requests[0].outcome, bonn.requests[0].world) == (
        "as_recorded", "as_recorded", "busy",
    )  # fmt: skip
    assert [(each.code, each.place) for each in rome.requests[0].findings if each.wrong] == [
        ("missing_field", "$.temperature")
    ]
    assert rome.failed_tools == ["city_weather"]
    assert nobody.requests == []
    assert (found.verdict, found.exit_code) == ("differs", 1)
    assert "a coat" in oslo.answer
    kept = read_recording(file)
    assert [each.origin for each in kept.world.http] == ["recorded"] * 3
    assert kept.world.http[2].response.json_body == {"temp": 30, "wind": 2, "by": "person1@example.org"}
    assert {each["headers"]["x-api-key"] for each in world.asked} == {KEY}
    everything = found.model_dump_json() + file.read_text() + json.dumps(world.model)
    assert KEY not in everything
    assert not list((TEST_HOME / "work").glob("try-*"))


def test_a_chat_reaches_the_host_that_is_listed_with_the_key_outside(world):
    options = BuildOptions(**world.options)
    with open_chat("what-to-wear", options) as chat:
        turn = chat.ask("What do I wear in Oslo?")
    assert "a coat" in turn.said.answer
    assert turn.said.calls[0].result
    assert KEY not in turn.said.model_dump_json() + json.dumps(world.model)
    assert world.asked[0]["headers"]["x-api-key"] == KEY


def command(world, *arguments, **variables):
    chosen = ["--store", world.options["store"], "--api-base", world.options["api_base"]]
    return subprocess.run(
        [BIN / "agenthands", "try", "what-to-wear", *arguments, *chosen], env={**os.environ, **variables},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_nothing_is_reached_without_consent(world):
    done = command(world)
    assert done.returncode == 2
    assert f"  {HOST}: GET with WEATHER_API_KEY; not POST (--allow-writes)" in done.stderr
    assert "give --yes" in done.stderr
    assert world.asked == []


def test_the_command_prints_the_cases_and_the_verdict(world, tmp_path):
    done = command(world, "--yes", "--save", str(tmp_path / "r.json"), WEATHER_API_KEY="")
    assert done.returncode == 1, done.stderr
    assert "Not set, or no such path: WEATHER_API_KEY" in done.stderr
    assert "401: differs from what is recorded" in done.stdout
    assert "wrong: the status 200 is recorded; really it is 401" in done.stdout
    assert f"Recorded: {tmp_path / 'r.json'}" in done.stdout
