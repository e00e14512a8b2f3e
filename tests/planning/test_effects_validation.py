"""Complaints about effects and worlds name the place and say what to do."""

import copy

import pytest
from tests_support import PLAN
from world_support import HOST, WEATHER_SPEC, WORLDS, weather

from agenthands.planning.effects_validation import effect_complaints, origin_complaints
from agenthands.schemas import Plan, ToolSpec
from agenthands.world.faults import world_faults

FILES = {
    "effects": {
        "files": [{"name": "exports", "access": "read"}, {"name": "report", "access": "write"}],
        "databases": [{"name": "sales"}, {"name": "lake", "kind": "duckdb"}],
    },
}


def tool(recorded, effects=None, **example):
    call = {"arguments": {"city": "Bonn"}, "world": "w", "expected": {}, **example}
    return weather(effects=effects or FILES["effects"], worlds={"w": recorded}, examples=[call])


def faults(spec):
    return " | ".join(world_faults(spec))


def test_a_tool_that_is_sound_has_no_faults():
    assert faults(weather()) == ""


def test_tools_without_effects_are_written_as_before():
    spec = {key: value for key, value in WEATHER_SPEC.items() if key not in ("effects", "worlds")}
    plain = ToolSpec.model_validate({**spec, "examples": [{"arguments": {"city": "Bonn"}, "raises": "ValueError"}]})
    assert set(plain.model_dump(mode="json")) == {*spec, "network"}
    assert plain.model_dump(mode="json")["examples"] == [{"arguments": {"city": "Bonn"}, "raises": "ValueError"}]
    assert faults(plain) == ""


def test_a_specification_with_worlds_is_read_as_it_was_written():
    assert ToolSpec.model_validate_json(weather().model_dump_json()) == weather()


def test_a_world_of_hidden_examples_alone_is_not_shown_to_the_coder():
    shown = weather().visible()
    assert set(shown.worlds) == {example.world for example in shown.examples}
    assert len(weather().worlds) >= len(shown.worlds)


ENDLESS = "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a) SELECT max(n) FROM a"
HTTP = {"http": [{"host": HOST}]}
GET = {"url": f"https://{HOST}/x"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (tool({}, world="no"), "examples.1: there is no world 'no'; there are w."),
        (tool({}, world=""), "examples.1: name its world; there are w."),
        (weather(worlds={}, examples=[{"arguments": {"city": "B"}, "expected": {}}]), "record at least one"),
        (tool({"http": [{"request": {"url": "https://other.example/"}, "response": {}}]}, HTTP),
         f"worlds.w.http.1: the host 'other.example' is not declared in effects.http; there are {HOST}."),
        (tool({"http": [{"request": {**GET, "method": "POST"}, "response": {}}]}, HTTP), "declares GET for"),
        (tool({"http": [{"request": GET, "response": {}}, {"request": GET, "response": {"status": 500}}]}, HTTP),
         f"worlds.w.http: GET https://{HOST}/x has several answers; give each its turn"),
        (tool({"http": [{"request": GET, "response": {"body": "x" * 20_000_000}}]}, HTTP), "20,000,000 characters"),
        (tool({"http": [{"request": {**GET, "url": f"https://{HOST}/?k=sesame"}, "response": {}}],
               "secrets": {"WEATHER_API_KEY": "sesame"}}, {**HTTP, "secrets": ["WEATHER_API_KEY"]}),
         "a secret stands in the URL"),
        (tool({"secrets": {"OTHER": "x"}}), "OTHER is not among effects.secrets"),
        (tool({"files": {"../up": ""}}), "must be a relative path"),
        (tool({"files": {"/etc/x": ""}}), "must be a relative path"),
        (tool({"files": {"exports/../../x": ""}}), "must be a relative path"),
        (tool({"files": {"other/x": ""}}), "effects.files has exports, report."),
        (tool({"files": {"exports/x": "", "exports.csv": ""}}), "is either one file, or a folder of several"),
        (tool({"tables": {"sales": "CREATE TABL x"}}), "worlds.w.tables.sales: SQLite says: near"),
        (tool({"tables": {"sales": "ATTACH '/tmp/x' AS y"}}), "not authorized"),
        (tool({"tables": {"sales": ENDLESS}}),
         "worlds.w.tables.sales: SQLite says: it takes more than"),
        (tool({"tables": {"lake": "CREATE TABL x"}}), "worlds.w.tables.lake: DuckDB says: Parser Error"),
        (tool({"tables": {"lake": "COPY (SELECT 1) TO '/tmp/x'"}}), "disabled by configuration"),
        (tool({"binary": {"exports/a": "no base64"}}), "'exports/a' is no base64"),
        (tool({"binary": {"other/a": ""}}), "must begin with the name of a declared file"),
        (tool({"tables": {"none": "SELECT 1"}}), "is no database of the effects"),
        (tool({"now": "yesterday"}), "is no time in ISO 8601"),
        (tool({"settings": {"unit": "C"}}), "'unit' is not among effects.settings"),
        (tool({}, leaves={"files": {"exports/x": "a"}}),
         "is in no file or folder that effects.files lets the tool write"),
        (tool({}, leaves={"tables": {"sales": {}}}), "is no database that effects.databases lets the tool write"),
        (tool({}, requests=[{"url": "https://other.example/"}]), "examples.1.requests: the host"),
        (tool({}, {"settings": [{"name": "unit", "schema": {"type": "string"}, "default": 1}]}),
         "effects.settings.unit.default"),
        (tool({}, {"settings": [{"name": "api_key", "schema": {}, "default": ""}], "secrets": ["API_KEY"]}),
         "two of its settings would be named 'api_key'"),
        (weather(worlds={**WORLDS, "more": {}}), "no example happens in more"),
        (tool({"http": [{"request": {**GET, "query": {"k": "ses ame"}}, "response": {}}],
               "secrets": {"WEATHER_API_KEY": "ses ame"}}, {**HTTP, "secrets": ["WEATHER_API_KEY"]}),
         "a secret stands in the URL"),
        (tool({}, {"clock": True}), "worlds.w.now: the tool may ask what time it is, so say what time it is there"),
        (tool({"http": [{"request": GET, "response": {"fault": "no_answer"}}]}, HTTP),
         "worlds.w.http: an answer never comes, and a tool that waits for it takes longer than it may: give it a"),
    ],
)  # fmt: skip
def test_what_cannot_be_proven_is_named(monkeypatch, spec, said):
    monkeypatch.setattr("agenthands.world.faults._SQL_SECONDS", 1.0)
    assert said in faults(spec)


def test_a_plan_is_told_where_and_test_cases_name_worlds_that_exist():
    plan = copy.deepcopy(PLAN)
    plan["custom_tools"] = [{**WEATHER_SPEC, "examples": [{"arguments": {"city": "B"}, "world": "no", "expected": {}}]}]
    plan["test_cases"][0]["world"] = "elsewhere"
    complaints = list(effect_complaints(Plan.model_validate(plan)))
    assert any(each.startswith("custom_tools.city_weather.examples.1: there is no world") for each in complaints)
    assert any(each.startswith("test_cases.year: no custom tool has a world 'elsewhere'") for each in complaints)


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ("usual", ""),
        ("", "name its world, in which its tools are tried; there are busy, dry, usual"),
        (
            "dry",
            "it calls city_weather, which has no world 'dry', only usual, busy: choose one that all",
        ),
        ("elsewhere", "no custom tool has a world 'elsewhere'; there are busy, dry, usual"),
    ],
)
def test_a_test_case_names_a_world_of_all_that_it_calls(world, said):
    plan = copy.deepcopy(PLAN)
    worlds = {name: WORLDS[name] for name in ("usual", "busy")}
    examples = [each for each in WEATHER_SPEC["examples"] if each["world"] in worlds]
    other = {**WEATHER_SPEC, "name": "city_rain", "worlds": {**worlds, "dry": {}}}
    other["examples"] = [*examples, {"arguments": {"city": "Bonn"}, "world": "dry", "raises": "RuntimeError"}]
    plan["custom_tools"] = [{**WEATHER_SPEC, "worlds": worlds, "examples": examples}, other]
    plan["test_cases"] = [
        {"id": "bonn", "query": "Bonn?", "world": world, "expected_behavior": "Says it.",
         "checks": [{"kind": "tool_called", "value": {"tool": "city_weather"}}]}
    ]  # fmt: skip
    complaints = " | ".join(effect_complaints(Plan.model_validate(plan)))
    assert complaints.startswith(f"test_cases.bonn: {said}" if said else ""), complaints
    assert bool(complaints) is bool(said)


def test_a_planner_cannot_say_that_it_recorded_something():
    plan = copy.deepcopy(PLAN)
    worlds = copy.deepcopy(WORLDS)
    worlds["usual"]["http"][1] |= {"origin": "recorded", "at": "2027-01-01T00:00:00"}
    plan["custom_tools"] = [{**WEATHER_SPEC, "worlds": worlds}]
    made = Plan.model_validate(plan)
    (complaint,) = origin_complaints(made, None)
    assert complaint.startswith("custom_tools.city_weather.worlds.usual.http.2: nobody recorded this exchange")
    assert list(origin_complaints(made, made)) == [], "what was recorded before stays so"
    probed = made.custom_tools[0].worlds["usual"].http[1].model_copy(update={"turn": 7})
    assert list(origin_complaints(made, None, [probed])) == [], "and so does what a probe found, in any turn"
