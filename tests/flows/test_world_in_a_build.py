"""A whole build whose tool asks a web API: looked at first, planned, written, judged, packaged and asked in worlds."""

import copy
import json

import pytest
import yaml
from real_host import KEY, real_host
from scripted_server import serve_model
from world_support import HOST, WEATHER_SPEC, WEATHER_TESTS, WEATHER_TOOL

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLAN = {
    "name": "what-to-wear",
    "summary": "Says what to wear.",
    "agents": [
        {
            "name": "adviser",
            "description": "Says what to wear in a city.",
            "instructions": "You say what to wear. Always ask city_weather. Answer in the user's language.",
            "type": "tool_calling_agent",
            "tools": ["city_weather"],
        }
    ],
    "entry": "adviser",
    "custom_tools": [WEATHER_SPEC],
    "test_cases": [
        {
            "id": "oslo",
            "query": "What do I wear in Oslo today?",
            "world": "usual",
            "expected_behavior": "Advises a windproof coat.",
            "checks": [{"kind": "tool_called", "value": "city_weather"}, {"kind": "contains", "value": "windproof"}],
        },
        {
            "id": "busy",
            "query": "What do I wear in Bonn?",
            "world": "busy",
            "expected_behavior": "Advises a jacket.",
            "checks": [{"kind": "contains", "value": "a jacket"}],
        },
    ],
    "reasoning": "One tool is enough.",
}


def answers(call):
    """Play every role: what is asked for shows in the call alone."""
    messages = call["messages"]
    name = ((call.get("response_format") or {}).get("json_schema") or {}).get("name")
    if name == "probes":
        asked = {"url": f"https://{HOST}/v1/now?city=Rome", "headers": {"X-Api-Key": "${WEATHER_API_KEY}"}}
        again = "probe-1" in json.dumps(messages)
        return {"content": json.dumps({"probes": [] if again else [asked]}), "tool_calls": []}
    if name == "plan":
        plan = copy.deepcopy(PLAN)
        plan["custom_tools"][0]["worlds"]["usual"]["http"][3] = {"recorded": "probe-1"}
        return {"content": json.dumps(plan), "tool_calls": []}
    if name == "opinion":
        return {"content": '{"passed": true, "reason": "It does."}', "tool_calls": []}
    said = [json.dumps(each.get("content")) for each in messages if each["role"] == "user"]
    workspace = next((text for text in said if "Workspace: " in text), "")
    if workspace:
        folder = workspace.partition("Workspace: ")[2].partition("\\n")[0].partition('"')[0]
        return coder(folder, sum(each["role"] == "assistant" for each in messages))
    question = next(each["content"] for each in reversed(messages) if each["role"] == "user")
    results = [str(each.get("content")) for each in messages if each["role"] == "tool"]
    if results:
        return {"content": f"The weather service says: {results[-1]}", "tool_calls": []}
    return {"content": "", "tool_calls": [("city_weather", {"city": "Oslo" if "Oslo" in str(question) else "Bonn"})]}


def coder(folder, turn):
    def written(path, text):
        return "file_editor", {"command": "create", "path": f"{folder}/{path}", "file_text": text}

    calls = [
        written("nat_tools/city_weather.py", WEATHER_TOOL),
        written("tests/test_city_weather.py", WEATHER_TESTS),
        ("terminal", {"command": "python -m pytest -q tests"}),
        ("finish", {"message": "Written."}),
    ]
    return {"content": "", "tool_calls": [calls[min(turn, 3)]]}


def weather(asked):
    """Answer as the real service does; it wants a key."""
    known = asked["headers"].get("x-api-key") == KEY
    return (200, {}, {"temperature": 30.0, "wind": 2}) if known else (401, {}, {})


def test_a_weather_agent_is_accepted_in_a_world_that_was_recorded_first(tmp_path, warm):
    with serve_model(answers) as model, real_host(tmp_path, HOST, answer=weather) as (server, authorities):
        chosen = ["--planner", "openai/scripted", "--api-base", model.url]
        chosen += ["--allow-host", f"{server.rule(HOST)}+WEATHER_API_KEY"]
        keys = {"OPENAI_API_KEY": "x", "WEATHER_API_KEY": KEY, "SSL_CERT_FILE": authorities}
        done = warm.run("build", "what to wear", *chosen, AGENTHANDS_STORE=tmp_path / "store", **keys)
        said = json.dumps(model)
        coded = [messages for kind, messages in model if kind == "coder"]
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (tmp_path / "store").glob("agents/what-to-wear/*/build.json")
    record = BuildRecord.model_validate_json(path.read_bytes())
    assert len(server.asked) == 1
    assert KEY not in said + path.read_text()
    quito, rome = record.plan.custom_tools[0].worlds["usual"].http[2:4]
    assert (quito.origin, rome.origin, rome.response.json_body["temperature"]) == ("imagined", "recorded", 30.0)
    assert record.status == "accepted"
    assert [(case.id, case.passed) for case in record.acceptance.cases] == [("oslo", True), ("busy", True)]
    said = record.acceptance.cases[0].answer.removeprefix("The weather service says: ")
    assert json.loads(said)["advice"] == "a coat, windproof", "a pydantic model reaches the agent's model as JSON"
    assert "the answers of api.weather.example were made up" in done.stderr
    assert "19.0" in record.acceptance.cases[1].answer
    assert "13 passed" in json.dumps(coded[-1])
    assert warm.run("fetch", record.build_id, tmp_path / "agent", AGENTHANDS_STORE=tmp_path / "store").returncode == 0
    (config,) = (tmp_path / "agent").glob("src/*/configs/config.yml")
    function = yaml.safe_load(config.read_text().replace("\\$", "$"))["functions"]["city_weather"]
    assert function["weather_api_key"] == "${WEATHER_API_KEY:-}"
    assert "WEATHER_API_KEY=\n" in (tmp_path / "agent" / ".env.example").read_text()
