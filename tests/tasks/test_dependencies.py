"""Adapters get what the settings say, and pay from the right scope."""

import pytest
from faulty_server import hang
from scripted_server import serve_script

from agenthands.errors import StoreNotUsable
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.schemas import BuildOptions
from agenthands.settings import load_settings
from agenthands.tasks import dependencies

MODELS = """
[llm]
model = "openai/scripted"
api_key = "k"
timeout = 1
"""


def test_the_planners_calls_are_paid_and_those_that_were_not_answered_in_time_are_told(tmp_path):
    (tmp_path / "models.toml").write_text(MODELS)
    tracker = BudgetTracker(Budget())
    with serve_script("data-report") as model:
        model.fault = lambda kind, number: hang if number == 1 else None
        settings = load_settings(BuildOptions(config=str(tmp_path / "models.toml"), api_base=model.url))
        planner = dependencies.planner_for(settings, tracker.scope("plan"))
        planner.ask([{"role": "user", "content": "Summarize columns."}], "plan", {"type": "object"})
    (spent,) = tracker.spending
    assert (spent.stage, spent.model, spent.calls, spent.cut_off) == ("plan", "openai/scripted", 1, 1)


def test_the_store_of_another_build_is_opened_with_ones_own_password_and_no_folder_is_made_anew(tmp_path):
    own = load_settings(BuildOptions()).model_copy(update={"store": "s3://user:a-password@builds/x"})
    assert dependencies.store_of_another("s3://builds/x", own).url == own.store
    assert dependencies.store_of_another("s3://others/x", own).url == "s3://others/x"
    assert dependencies.store_of_another(str(tmp_path), own).url == str(tmp_path)
    with pytest.raises(StoreNotUsable, match="is away"):
        dependencies.store_of_another(str(tmp_path / "gone"), own)
    assert list(tmp_path.iterdir()) == []
