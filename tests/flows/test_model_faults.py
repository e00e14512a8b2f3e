"""Models that go wrong in whole builds: what the user reads, what is kept, and how often a model is called."""

import json

import httpx
import pytest
from faulty_server import FILTERED, OVERLOADED, QUOTA, hang
from patience import patient
from scripted_server import serve_model, serve_script

from agenthands.llm.scripted.provider import answer
from agenthands.reports.terminal.build import show_text
from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def build(tmp_path, warm):
    """Build; returns the exit code, what was said, and the newest record in the store."""

    def build(url, *options, fallback=None, **variables):
        config = '[llm]\nmodel = "openai/scripted"\napi_key = "x"\nnum_retries = 1\nretry_seconds = 0\n'
        if fallback:
            config += "[llm.fallback]\n" + "".join(f'{key} = "{value}"\n' for key, value in fallback.items())
        (tmp_path / "models.toml").write_text(config)
        command = ["build", "a report", "--api-base", url, "--config", tmp_path / "models.toml", *options]
        done = warm.run(*command, AGENTHANDS_STORE=tmp_path / "store", **variables)
        assert "Traceback" not in done.stderr, done.stderr
        paths = sorted((tmp_path / "store").glob("agents/*/*/build.json"), key=lambda path: path.parent.name)
        return done.returncode, done.stderr, BuildRecord.model_validate_json(paths[-1].read_bytes())

    return build


def test_a_fault_of_each_model_is_told_and_what_was_done_is_kept(build):
    with serve_script("data-report") as model:
        model.fault = lambda kind, number: FILTERED if kind == "plan" else None
        code, said, record = build(model.url)
        assert (code, len(model)) == (2, 1)
        assert "The content filter of openai/scripted refuses this (content_policy_violation)." in said
        assert "Hint: Say the request in other words" in said
        assert (record.status, record.plan) == ("failed", None)

        model.fault = lambda kind, number: QUOTA if kind == "coder" and number > 2 else None
        code, said, record = build(model.url)
        assert code == 2
        assert "The account at the provider of openai/scripted has nothing left." in said
        assert "Hint: Raise its limit or top it up with the provider, or name a model that steps in: --fallback" in said
        assert model.count("coder") == 2 + 1
        assert [(each.stage, each.calls) for each in record.spending] == [("plan", 1), ("tools", 2)]

        model.fault = lambda kind, number: OVERLOADED if kind == "agent" else None
        code, said, record = build(model.url)
        assert code == 3
        assert "openai/scripted does not answer. ServiceUnavailableError" in said
        assert model.count("plan") == 2, "the plan was kept"
        assert model.count("coder") == 2 + 1 + 2, "the coder went on where it was"
        assert model.count("agent") <= 4
        assert (record.status, record.acceptance) == ("failed", None)


@pytest.mark.long
def test_a_lasting_outage_is_tried_again_as_often_as_the_settings_say_and_no_more(build):
    with serve_script("data-report") as model:
        for role in ("plan", "coder"):
            model.fault = lambda kind, number, role=role: OVERLOADED if kind == role else None
            code, said, record = build(model.url)
            assert code == 3
            assert "openai/scripted does not answer. ServiceUnavailableError" in said
            assert record.status == "failed"
            assert model.count(role) == 1 + 1, "num_retries is 1"


@pytest.mark.long  # for the agent's whole time limit
@pytest.mark.parametrize("budget", [(), ("--budget", "40", "--price", "10000,10000")], ids=["no budget", "budget"])
def test_a_model_of_the_agent_that_hangs_is_at_fault_and_not_the_agent(build, budget):
    with serve_script("data-report") as model:
        model.fault = lambda kind, number: hang if kind == "agent" else None
        code, said, record = build(model.url, *budget, AGENTHANDS_CASE_SECONDS=patient(20))
        assert code == 3, said
        assert "openai/scripted does not answer: a call was cut off after" in said, said
        assert "AGENTHANDS_CASE_SECONDS" in said
        assert model.count("agent") == 1, "the other test cases do not wait for it again"
    assert (record.status, record.acceptance) == ("failed", None)
    (asked,) = (each for each in record.spending if each.stage == "accept")
    assert (asked.calls, asked.cut_off) == (0, 1)
    assert record.cost_usd == (pytest.approx(0.15 * sum(each.calls for each in record.spending)) if budget else None)


@pytest.mark.long
def test_the_last_words_of_a_build_that_fails_reach_the_users_server(start_build, model, prefect_api, monkeypatch):
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "INFO")
    model.fault = lambda kind, number: FILTERED
    with start_build() as process:
        assert process.communicate(timeout=patient(400))[0] == ""
    assert process.returncode == 2
    logs = httpx.post(f"{prefect_api['PREFECT_API_URL']}/logs/filter", json={"sort": "TIMESTAMP_DESC", "limit": 9})
    last = [log["message"] for log in logs.json()]
    assert any(said.startswith("Finished in state Content filtered(") for said in last), last


def test_a_fallback_does_the_whole_build_and_it_is_kept_for_builds_with_the_same_fallback(build):
    with serve_script("data-report") as model, serve_script("data-report") as other:
        fallback = {"model": "openai/other", "api_base": other.url, "api_key": "y"}
        model.fault = lambda kind, number: OVERLOADED
        code, said, record = build(model.url, fallback=fallback)
        assert code == 0, said
        assert record.models == dict.fromkeys(("planner", "coder", "agent"), "openai/scripted") | {
            "fallback": "openai/other"
        }
        assert {each.model for each in record.spending} == {"openai/other"}
        assert sum(each.calls for each in record.spending) == len(other)
        assert {kind for kind, _ in other} == {"plan", "coder", "agent", "opinion"}
        assert len(model) <= len(other) + 2

        asked = len(other)
        code, said, record = build(model.url, fallback=fallback)
        assert (code, len(other), record.spending) == (0, asked, []), "plan, tool and acceptance are found"
        assert [tool.cached for tool in record.tools] == [record.acceptance.cached] == [True]
        assert record.files.keys() >= {"tools/column_summary/nat_tools/column_summary.py", "bundle.tar.gz"}

        asked = len(model)
        model.fault = lambda kind, number: QUOTA if kind == "coder" else None
        code, said, record = build(model.url)
        assert (code, [kind for kind, _ in model[asked:]]) == (2, ["plan", "coder"]), "they are not the model's own"


def test_a_hopeless_tool_beside_another_is_given_up_early_and_explained(build, tmp_path):
    def two_tools(call):
        messages = call["messages"]
        if "Tool: moon_phase" in json.dumps(messages):
            return {"content": "The tool and its tests are written.", "tool_calls": []}
        message = answer("scripted/data-report", messages, call)
        if (call.get("response_format") or {}).get("json_schema", {}).get("name") == "plan":
            planned = json.loads(message["content"])
            planned["custom_tools"].append({**planned["custom_tools"][0], "name": "moon_phase"})
            planned["agents"][0]["tools"].append("moon_phase")
            message["content"] = json.dumps(planned)
        return message

    with serve_model(two_tools) as model:
        code, said, record = build(model.url)
    assert code == 1, said
    outcomes = {tool.name: (tool.status, tool.attempts) for tool in record.tools}
    assert outcomes == {"column_summary": ("accepted", 1), "moon_phase": ("rejected", 2)}
    moon = next(tool for tool in record.tools if tool.name == "moon_phase")
    assert moon.reason == (
        "the gate's checks files did not pass in 2 attempts; the model was twice ready without having written the "
        'files; the last turn: the model answered with text and called no tool: "The tool and its tests are written."'
    )
    assert sum(each.calls for each in record.spending if each.tool == "moon_phase") == 2
    told = " ".join(show_text(record).split())
    assert "Look at what the gate says about moon_phase (tools/moon_phase/gate-2.json, what its agent did is in" in told
    assert "leaves no files, so choose a stronger model" in told
    assert {"tools/moon_phase/gate-2.json", "trajectories/moon_phase.jsonl"} <= record.files.keys()
    assert len(list((tmp_path / "store" / "tools").iterdir())) == 1, "what was accepted is kept for the next build"
