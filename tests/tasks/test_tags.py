"""The steps that call models carry the tag on which Prefect's limit counts, also where their results are kept."""

import pytest

from tasks import accept, arbitrate, generate, plan
from tasks.caching import kept_here
from tasks.retrying import CALLS_MODELS


@pytest.mark.parametrize("task", [
    plan.ask_planner, generate.let_coder_work, arbitrate.let_planner_rule, accept.ask_agent,
], ids=lambda task: task.name)  # fmt: skip
def test_a_step_that_calls_models_is_tagged(task, tmp_path):
    assert task.tags == set(CALLS_MODELS["tags"])
    assert kept_here(task, "key", tmp_path).tags == task.tags
