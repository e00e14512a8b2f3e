"""Revising a built agent: only what a wish concerns is made anew, and what was agreed before goes on to hold."""

import json
import os
import shutil
import signal
import subprocess
import threading

import psutil
import pytest
from conftest_paths import shared_folder
from package_support import built_store
from patience import patient
from scripted_server import serve_script
from served_support import BIN, until

from agenthands.schemas import BuildRecord
from agenthands.schemas.feedback import Correction, Feedback
from agenthands.store.builds import all_records, find_build, texts_of
from agenthands.store.feedback import accept_feedback, add_feedback, entries_of, find_feedback
from agenthands.store.fsspec_store import FsspecStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TOLD = "Always state the mean first."
ID = "20261130-101500-abcdef"


@pytest.fixture(scope="module")
def first_store(tmp_path_factory, warm):
    return built_store(shared_folder(tmp_path_factory), warm)


@pytest.fixture
def revise(first_store, tmp_path, warm):
    """Revise the agent of a copy of the store by a model that changes its plan so; returns model, store and command."""
    store = FsspecStore(str(shutil.copytree(first_store, tmp_path / "store")))

    def changed(change):
        def answer(kind, messages, message):
            if kind != "plan":
                return message
            plan = json.loads(next(each["content"] for each in messages if each["role"] == "assistant"))
            plan.pop("scaffold", None)
            change(plan)
            return message | {"content": json.dumps(plan | {"changes": "As wished."})}

        return answer

    with serve_script("data-report") as model:

        def run(*arguments, change=lambda plan: None, **variables):
            model.change = changed(change)
            chosen = ["--planner", "openai/scripted", "--coder", "openai/scripted", "--agent-model", "openai/scripted"]
            return warm.run(
                "revise", "data-report", *arguments, *chosen, "--api-base", model.url,
                AGENTHANDS_STORE=store.url, OPENAI_API_KEY="x", **variables,
            )  # fmt: skip

        yield model, store, run


def told(plan):
    plan["agents"][0]["instructions"] += f" {TOLD}"


def test_a_change_of_instructions_asks_no_coder_and_the_record_knows_its_parent(revise):
    model, store, run = revise
    parent = find_build(store, "data-report")
    done = run("Say the mean first.", "--json", change=told)
    assert done.returncode == 0, done.stderr
    record = BuildRecord.model_validate_json(done.stdout)
    assert (record.parent, record.revision, record.change) == (parent.build_id, 2, "Say the mean first.")
    assert record.request.request == parent.request.request
    assert model.count("coder") == 0
    assert [(tool.name, tool.cached, tool.cost_usd) for tool in record.tools] == [("column_summary", True, 0.0)]
    sources = [texts_of(store, each)["tools/column_summary/nat_tools/column_summary.py"] for each in (parent, record)]
    assert sources[0] == sources[1]
    assert TOLD in record.plan.entry_agent.instructions
    assert [case.outcome for case in record.acceptance.cases] == ["passed", "passed"]
    assert find_build(store, "data-report") == record
    asked = next(messages for kind, messages in model if kind == "plan")
    assert asked[-2]["role"] == "assistant"
    assert json.loads(asked[-2]["content"])["name"] == "data-report"
    assert "Say the mean first." in asked[-1]["content"]


def test_an_earlier_case_is_given_up_only_where_somebody_agrees(revise):
    model, store, run = revise

    def drop(plan):
        gone = plan["test_cases"].pop()
        plan["retired"] = [{"id": gone["id"], "why": "Nobody asks for that any more."}]

    done = run("Leave out the second question.", change=drop)
    assert done.returncode == 2
    assert "Nobody asks for that any more" in " ".join(done.stderr.split())
    assert "--yes" in done.stderr
    failed = next(iter(all_records(store)))
    assert (failed.status, failed.reason_code) == ("failed", "confirmation_needed")
    asked = model.count("plan")
    done = run("Leave out the second question.", "--yes", "--json", change=drop)
    assert done.returncode == 0, done.stderr
    assert model.count("plan") == asked, "the plan is kept"
    assert [each.why for each in BuildRecord.model_validate_json(done.stdout).plan.retired] == [
        "Nobody asks for that any more."
    ]


def test_a_plan_that_drops_a_case_without_a_word_is_sent_back(revise):
    model, _, run = revise
    tries = []

    def drop(plan):
        tries.append(1)
        plan["test_cases"] = plan["test_cases"][:1] if len(tries) == 1 else plan["test_cases"]
        told(plan)

    assert run("Say the mean first.", change=drop).returncode == 0
    sent_back = [messages[-1]["content"] for kind, messages in model if kind == "plan"][1]
    assert "must stay exactly as they were" in sent_back


def test_accepted_feedback_becomes_a_case_and_is_fixed_by_the_revision(revise):
    model, store, run = revise
    parent = find_build(store, "data-report")
    add_feedback(store, Feedback(
        id=ID, at="2026-11-30T10:15:00Z", agent="data-report", build_id=parent.build_id, verdict="wrong",
        note="the mean comes first", question="Summarise 4, 1 and 7.", answer="From 1 to 7, mean 4.",
    ))  # fmt: skip
    assert run("--feedback").returncode == 2, "nothing is accepted yet"
    accept_feedback(store, find_feedback(store, ID), Correction(answer="The mean is 4, from 1 to 7."))

    def case(plan):
        told(plan)
        plan["test_cases"].append({
            "id": f"feedback-{ID}", "query": "Summarise 4, 1 and 7.", "expected_behavior": "States the mean, 4, first.",
            "checks": [{"kind": "contains", "value": "4"}],
        })  # fmt: skip

    done = run("--feedback", "--json", change=case)
    assert done.returncode == 0, done.stderr
    record = BuildRecord.model_validate_json(done.stdout)
    assert record.feedback == [ID]
    assert f"feedback-{ID}" in {each.id for each in record.acceptance.cases}
    (entry,) = entries_of(store, "data-report")
    assert (entry.state, entry.fix.build_id, entry.fix.revision) == ("fixed", record.build_id, 2)
    asked = next(messages for kind, messages in model if kind == "plan")
    assert "its user's words: the mean comes first" in asked[-1]["content"]
    assert "right is: The mean is 4, from 1 to 7." in asked[-1]["content"]


def test_nothing_to_change_and_no_terminal_are_said_before_anything_starts(revise):
    _, _, run = revise
    done = run()
    assert (done.returncode, "Nothing is to be changed" in done.stderr) == (2, True)
    done = run("Anything.", "--review")
    assert (done.returncode, "in a terminal only" in done.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)])
def test_a_revision_that_is_ended_changes_nothing(first_store, tmp_path, prefect_api, number):
    store = FsspecStore(str(shutil.copytree(first_store, tmp_path / "store")))
    before = find_build(store, "data-report")
    goes_on = threading.Event()
    with serve_script("data-report") as model:
        model.change = lambda _, __, message: (goes_on.wait(patient(300)), message)[1]
        command = [
            BIN / "agenthands", "revise", "data-report", "Say the mean first.", "--planner", "openai/scripted",
            "--api-base", model.url,
        ]  # fmt: skip
        variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": store.url, "OPENAI_API_KEY": "x"}
        process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: model.count("plan"), 200)
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            assert process.wait(patient(60)) == (130 if number == signal.SIGINT else -signal.SIGKILL)
            _, alive = psutil.wait_procs(family, timeout=patient(30))
            assert not alive
        finally:
            goes_on.set()
            process.kill()
            process.wait()
            process.stderr.close()
    assert list(all_records(store)) == [before]
    assert find_build(store, "data-report") == before
