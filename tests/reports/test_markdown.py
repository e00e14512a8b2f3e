"""The pages in Prefect's UI: everything that is known, and nothing of what a model wrote acts as markup."""

import xml.etree.ElementTree as ElementTree

import pytest
from markdown_it import MarkdownIt
from sample_records import gate, plan, record, rejected_by_gate, spent

from agenthands.reports.markdown import code_block, cost_rows, escaped, gate_markdown, plan_markdown, result_markdown
from agenthands.reports.plan_diagram import plan_svg
from agenthands.reports.terminal.plan import plan_text
from agenthands.reports.view_model import servers_of
from agenthands.schemas import Grant

HOSTILE = [
    "<script>alert(1)</script>",
    "![x](https://example.org/x.png)",
    "[click](javascript:alert(1))",
    "**bold** `code` # heading",
    "a | b | c",
    "| --- |",
    "~~~\n```\n<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp;",
    "https://example.org <https://example.org>",
]


def rendered(text):
    return MarkdownIt("commonmark").enable("table").render(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_text(text):
    tree = ElementTree.fromstring(rendered(f"before {escaped(text)} after"))
    assert (tree.tag, list(tree)) == ("p", [])
    assert tree.text == f"before {' '.join(text.split())} after"


@pytest.mark.parametrize("text", [*HOSTILE, "`````\n# out of it"])
def test_a_block_of_code_cannot_be_closed_by_what_is_in_it(text):
    tree = ElementTree.fromstring(rendered(code_block(text)))
    assert (tree.tag, tree[0].tag, list(tree[0])) == ("pre", "code", [])
    assert tree[0].text.rstrip("\n") == text


def test_what_does_more_than_read_is_marked_and_says_why():
    """In the plan, on the terminal, in the drawing and in the report."""
    grant = Grant(tool="convert_time", does="writes", asked_for="set <the> clock")
    servers = [plan().mcp_servers[0].model_copy(update={"grants": [grant]})]
    marked = plan().model_copy(update={"mcp_servers": servers})
    for shown in (rendered(plan_markdown(marked)), plan_text(marked), plan_svg(marked)):
        assert "convert_time (writes)" in shown
    (server,) = servers_of(record().model_copy(update={"plan": marked}))
    assert server.used[0][1].endswith("It writes, because the request says “set <the> clock”.")
    assert "writes" not in rendered(plan_markdown(plan()))


def hostile_plan():
    return plan().model_copy(update={"summary": HOSTILE[0], "reasoning": HOSTILE[1]})


def test_the_plan_names_every_part():
    page = rendered(plan_markdown(plan()))
    for part in (*plan().custom_tools, *plan().builtin_tools, *plan().mcp_servers, *plan().test_cases):
        assert f"<strong>{getattr(part, 'name', None) or getattr(part, 'id', None) or part.type}</strong>" in page
    page = rendered(plan_markdown(hostile_plan()))
    assert "<script" not in page
    assert "<img" not in page


def test_the_graph_is_well_formed_whatever_the_plan_says():
    hostile = plan().model_copy(
        update={"mcp_servers": [plan().mcp_servers[0].model_copy(update={"tools": ['<a b="'], "reasoning": "]]>"})]}
    )
    tree = ElementTree.fromstring(plan_svg(hostile).strip())
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert plan().name in texts
    assert 'MCP server: <a b="' in texts


def test_a_gate_report_has_the_whole_detail_of_what_failed():
    long = "4 of 9 tests failed.\n" + "a line of a traceback\n" * 30
    report = gate("roman", wrong=("tests",))
    checks = [check.model_copy(update={"detail": long}) if check.name == "tests" else check for check in report.checks]
    page = rendered(gate_markdown(report.model_copy(update={"checks": checks}), 2))
    assert "attempt 2: rejected" in page
    assert page.count("a line of a traceback") >= 30
    assert all(f"<td>{check.name}</td>" in page for check in report.checks)


def test_the_result_links_to_what_was_stored():
    done = record(files={"report.html": "0", "tools/roman/spec.json": "0", "a)b (c).txt": "0"})
    page = rendered(result_markdown(done, "https://s3.example.org/bucket/agents/x/1"))
    assert '<a href="https://s3.example.org/bucket/agents/x/1/report.html">report.html</a>' in page
    assert '/a%29b%20%28c%29.txt">' in page
    assert f"<code>agenthands fetch {done.build_id} DIR</code>" in page
    assert "report.html" not in rendered(result_markdown(rejected_by_gate().model_copy(update={"files": {}}), "x"))


def test_costs_add_up_and_an_unknown_price_is_no_zero():
    *rows, whole = cost_rows(record())
    assert {"planning", "tool convert_currency, attempt 2", "test cases"} <= {row["part"] for row in rows}
    assert whole["part"] == "all"
    for column in ("calls", "tokens in", "cached", "tokens out"):
        assert sum(row[column] for row in rows) == whole[column]
    unknown = record(cost_usd=None, spending=[spent("plan", 1, None)])
    assert [row["cost"] for row in cost_rows(unknown)] == ["cost unknown"] * 2
