"""What differs between two builds, in a terminal and as a page."""

import sample_records as samples

from agenthands.reports.comparison import compared
from agenthands.reports.html import render_comparison
from agenthands.reports.terminal.comparison import comparison_text, history_text

CODE = "tools/due_date/nat_tools/due_date.py"


def revised():
    before = samples.whole(build_id="20260101-101500-aaaaaa")
    agent = before.plan.agents[0]
    told = agent.model_copy(update={"instructions": f"{agent.instructions}\nSay <b>please</b>."})
    plan = before.plan.model_copy(
        update={"agents": [told, *before.plan.agents[1:]], "test_cases": before.plan.test_cases[1:]}
    )
    after = samples.whole(
        build_id="20260201-101500-bbbbbb", plan=plan, parent=before.build_id, revision=2, change="Be <i>kind</i>."
    )
    return compared(before, after, {CODE: "a = 1\n"}, {CODE: "a = 2\n", "tools/new/nat_tools/new.py": "b = 1\n"})


def test_a_terminal_shows_plan_code_cases_and_cost():
    text = comparison_text(revised())
    gone = revised().before.plan.test_cases[0].id
    for said in (
        "+Say <b>please</b>.",
        "-a = 1",
        "+a = 2",
        "+ new/nat_tools/new.py",
        f"- {gone}",
        "revision 2",
        "cost",
    ):
        assert said in text
    assert "Be <i>kind</i>." in text


def test_a_page_escapes_what_others_wrote():
    page = render_comparison(revised())
    assert "<b>please" not in page
    assert "<i>kind" not in page
    assert "&lt;b&gt;please" in page


def test_the_same_build_is_the_same():
    record = samples.whole()
    found = compared(record, record, {CODE: "a"}, {CODE: "a"})
    assert found.same
    assert "Plan and code are the same." in comparison_text(found)


def test_a_history_says_what_each_build_revises():
    found = revised()
    text = history_text([found.after, found.before])
    assert f"2  {found.before.build_id}" in text
    assert "Be <i>kind</i>." in text
