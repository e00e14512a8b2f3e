"""Honest tools as a strong engineer writes them are accepted at the first attempt.

`bench/gate/honest_tools` holds 77, 17 of them for recorded worlds; all are read here, and some of each idiom are judged
in full.
"""

import ast
import json

import pytest
from conftest_paths import ROOT

from agenthands.gate.checks.declared import network_use
from agenthands.gate.checks.files import check_files
from agenthands.gate.gate import judge
from agenthands.schemas import ToolSpec
from agenthands.world.faults import world_faults

TOOLS = sorted(path.parent for path in (ROOT / "bench" / "gate" / "honest_tools").glob("*/spec.json"))
# A discriminated union, and constants of signal; bench/gate/accuracy.py judges all.
JUDGED = ["shape_area", "signal_name"]
# A recursive model, decimal contexts, a function by its name, `vars` and `from re import compile`, constants of socket,
# SQL in a string. In worlds: retries, a client that is kept open, pages by cursor, a report, failures that are results.
MORE = ["tree_total", "pi_digits", "math_table", "template_fill", "address_family", "sql_count"]
MORE += ["parcel_state", "create_ticket", "next_events", "weekly_report", "site_state"]


def specification(folder):
    return ToolSpec.model_validate(json.loads((folder / "spec.json").read_text()))


def test_there_are_many_with_examples_of_both_kinds():
    assert len(TOOLS) == 77
    assert sum(bool(specification(folder).worlds) for folder in TOOLS) == 17
    for folder in TOOLS:
        examples = specification(folder).examples
        assert len(examples) >= 5, folder.name
        assert {hasattr(example, "raises") for example in examples} == {True, False} or folder.name in NO_ERRORS


# These take whatever their types let through.
NO_ERRORS = {"html_links", "log_summary", "password_rules", "site_state"}


@pytest.mark.parametrize("folder", TOOLS, ids=lambda folder: folder.name)
def test_nothing_is_refused_unrun(folder):
    tool = specification(folder)
    texts, complaints = check_files(folder, tool.name)
    assert complaints == []
    assert list(world_faults(tool)) == []
    if not tool.effects.http:
        assert network_use(ast.parse(texts[f"nat_tools/{tool.name}.py"])) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [*JUDGED, *(pytest.param(name, marks=pytest.mark.long) for name in MORE)])
def test_it_is_accepted(name, nat_environment, bubblewrap):
    folder = ROOT / "bench" / "gate" / "honest_tools" / name
    report = judge(specification(folder), folder, nat_environment, bubblewrap, 600)
    assert report.accepted, {check.name: check.detail for check in report.failures()}
