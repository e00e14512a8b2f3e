"""The steps that call models carry the tag on which Prefect's limit counts, also where their results are kept."""

import pytest

from agenthands.tasks import code as generate
from agenthands.tasks import evaluate as accept
from agenthands.tasks import gate as arbitrate
from agenthands.tasks import plan
from agenthands.tasks.result_cache import kept_here
from agenthands.tasks.retries import CALLS_MODELS


@pytest.mark.parametrize("task", [
    plan.ask_planner, generate.let_coder_work, arbitrate.let_planner_rule, accept.ask_agent,
], ids=lambda task: task.name)  # fmt: skip
def test_a_step_that_calls_models_is_tagged(task, tmp_path):
    assert task.tags == set(CALLS_MODELS["tags"])
    assert kept_here(task, "key", tmp_path).tags == task.tags
