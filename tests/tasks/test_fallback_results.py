"""What a fallback had a part in: kept apart from what the model made, and found by builds with the same fallback."""

import dataclasses
from pathlib import Path

import pytest
from arbitration_support import TOOL, Planner, report, ruling
from tests_support import PLAN, ROMAN_SPEC, write_roman

from agenthands.environments.base import Environment
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.planning.objections import PlanResult
from agenthands.schemas import BuildOptions, BuildRequest, Tokens, ToolSpec
from agenthands.store.workdirs import new_build
from agenthands.tasks import dependencies
from agenthands.tasks.code import create_workspace, open_workspace
from agenthands.tasks.dependencies import settings_for, store_for
from agenthands.tasks.gate import arbitrate_task
from agenthands.tasks.result_cache import invalidate, load_fallback_result, store_fallback_result

KEY = "plans/0123"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "sk-nobody-may-see")
    return settings_for(BuildOptions(store=str(tmp_path / "store")))


def planned():
    plan = {**PLAN, "summary": "It knows sk-nobody-may-see."}
    return PlanResult.model_validate(
        {"plan": plan, "answers": 2, "cost_usd": 0.5, "tokens": Tokens(), "by_fallback": True}
    )


def test_it_is_found_under_its_key_without_keys_until_it_is_forgotten(settings):
    assert load_fallback_result(KEY, PlanResult, settings) is None
    made = store_fallback_result(KEY, planned(), settings)
    assert (made.answers, made.cost_usd) == (2, 0.5), "this build has paid for it"
    found = load_fallback_result(KEY, PlanResult, settings)
    assert found.plan.summary == "It knows ***."
    assert found.model_copy(update={"plan": made.plan}) == made
    assert load_fallback_result("", PlanResult, settings) is None
    assert load_fallback_result(KEY, PlanResult, settings.model_copy(update={"refresh": True})) is None
    invalidate(KEY, settings)
    assert load_fallback_result(KEY, PlanResult, settings) is None


def test_a_form_that_is_not_known_any_more_is_nothing(settings):
    store_for(settings).put(f"{KEY}/result.json", b'{"format": "another"}')
    assert load_fallback_result(KEY, PlanResult, settings) is None


def work(tmp_path, with_fallback):
    build = new_build(BuildRequest(request="x"), tmp_path)
    environment = Environment(Path("/none"), "0" * 64)
    return open_workspace(build, ToolSpec.model_validate(ROMAN_SPEC), environment, "tools/a", with_fallback)


@pytest.mark.parametrize(("then", "goes_on"), [("tools/x", True), ("tools/y", False), ("", False)])
def test_what_a_fallback_left_unfinished_is_gone_on_with_by_builds_with_the_same_one(tmp_path, then, goes_on):
    first = work(tmp_path, "tools/x")
    create_workspace(first, refresh=False)
    first.stand_in.touch()
    (first.folder / "half").touch()
    later = work(tmp_path, then)
    create_workspace(later, refresh=False)
    assert later.folder == first.folder
    assert (later.folder / "half").exists() is goes_on
    assert later.stand_in.exists() is goes_on


@pytest.mark.parametrize("then", ["", "tools/x"])
def test_what_the_model_itself_left_unfinished_is_gone_on_with_by_all(tmp_path, then):
    first = work(tmp_path, "tools/z")
    create_workspace(first, refresh=False)
    (first.folder / "half").touch()
    later = work(tmp_path, then)
    create_workspace(later, refresh=False)
    assert (later.folder / "half").exists()
    assert not later.stand_in.exists()


@pytest.mark.parametrize("by_fallback", [True, False])
def test_a_fallback_that_ruled_on_an_example_has_a_part_in_the_tool(tmp_path, monkeypatch, by_fallback):
    made = dataclasses.replace(work(tmp_path, "tools/x"), tool=TOOL)
    write_roman(made.workspace)
    planner = Planner([ruling()])
    planner.by_fallback = by_fallback
    tracker = BudgetTracker(Budget(), None, tmp_path / "spending.jsonl")
    monkeypatch.setattr(dependencies, "budget_for", lambda build: tracker)
    monkeypatch.setattr(dependencies, "planner_for", lambda settings, scope: planner)
    ruled = arbitrate_task.fn(made, report("examples"), 1)
    assert [each.reason for each in ruled.rulings] == ["4 is IV."]
    assert made.stand_in.exists() is by_fallback
