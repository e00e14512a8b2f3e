"""The coding agent at work with every provider: ten steps, and a repair in the same conversation."""

import pytest
from coder_support import Turns
from providers.roster import ROSTER
from providers.shared import Wish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
TOOL, TESTS = "nat_tools/column_summary.py", "tests/test_column_summary.py"


def steps(workspace):
    """Return what the agent does: ten steps of the first turn, and four of the repair."""

    def edit(command, path, **more):
        return "file_editor", {"command": command, "path": f"{workspace}/{path}", **more}

    return [
        ("terminal", {"command": "ls"}),
        edit("view", "spec.json"),
        edit("create", TOOL, file_text="def summary(values):\n    return len(values)\n"),
        edit("create", TESTS, file_text="def test_nothing():\n    pass\n"),
        ("terminal", {"command": "wc -l nat_tools/*.py"}),
        edit("view", TOOL),
        edit("str_replace", TOOL, old_str="len(values)", new_str="sum(values)"),
        ("think", {"thought": "It adds now."}),
        ("terminal", {"command": "grep -c sum nat_tools/column_summary.py"}),
        ("finish", {"message": "Done."}),
        edit("view", TOOL),
        edit("str_replace", TOOL, old_str="sum(values)", new_str="sum(values) / len(values)"),
        ("terminal", {"command": "cat nat_tools/column_summary.py"}),
        ("finish", {"message": "Repaired."}),
    ]


def saved(turns):
    """Return what the cache saved, after a look whether it is what litellm's prices say."""
    spent = turns.tracker.spending
    full = sum(each.tokens.prompt * 3e-6 + each.tokens.completion * 15e-6 for each in spent)
    if spent[0].model == "anthropic/claude-sonnet-4-5":
        assert sum(each.cost_usd + each.saved_usd for each in spent) == pytest.approx(full)
    return sum(each.saved_usd for each in spent)


_OFTEN = {"gemini-3", "claude-4.5", "o3"}  # signatures, thinking blocks, Responses


def members():
    return [pytest.param(each, id=each.id, marks=[] if each.id in _OFTEN else [pytest.mark.long]) for each in ROSTER]


@pytest.mark.parametrize("member", members())
def test_ten_steps_and_a_repair(member, tmp_path, bubblewrap):
    turns = Turns(tmp_path, bubblewrap)
    script = steps(turns.workspace)

    def model(asked):
        done = len(asked.results)
        return Wish(calls=[script[min(done, len(script) - 1)]], thoughts=2000)

    with member.opened(model) as provider:
        settings = member.settings(provider).model_dump(exclude_unset=True, exclude={"model", "api_base", "timeout"})
        first = turns.work(provider.url + member.below, model=member.model, **settings)
        second = turns.work(provider.url + member.below, model=member.model, **settings)
    assert (first.status, first.steps, second.status, second.steps) == ("finished", 10, "finished", 4), first.reason
    assert (turns.workspace / TOOL).read_text() == "def summary(values):\n    return sum(values) / len(values)\n"
    assert provider.refusals == []
    if member.id == "gemini-3":
        assert provider.lost == 0, "every signature came back"
    if member.id in ("gpt-5.1", "o3"):
        assert provider.thoughts_back > 10, "so did the thoughts of Responses"
    if member.id.startswith("claude"):
        assert (provider.written[0] > 1024, provider.read[-1] > provider.read[1] > 1024) == (True, True)
        assert saved(turns) > sum(each.cost_usd for each in turns.tracker.spending) / 4
    if member.id == "ollama":
        assert {body["options"]["num_ctx"] for body in provider.bodies if "options" in body} == {32_768}
