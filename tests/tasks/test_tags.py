"""The steps that call models carry the tag on which Prefect's limit counts, also where their results are kept."""

import pytest

from agenthands.tasks import code as generate
from agenthands.tasks import evaluate as accept
from agenthands.tasks import gate as arbitrate
from agenthands.tasks import plan
from agenthands.tasks.result_cache import cached_in_folder
from agenthands.tasks.retries import CALLS_MODELS


@pytest.mark.parametrize("task", [
    plan.plan_task, generate.code_tool_task, arbitrate.arbitrate_task, accept.evaluate_task,
], ids=lambda task: task.name)  # fmt: skip
def test_a_step_that_calls_models_is_tagged(task, tmp_path):
    assert task.tags == set(CALLS_MODELS["tags"])
    assert cached_in_folder(task, "key", tmp_path).tags == task.tags
