"""Plans, specifications and rulings are a model's words: whatever they are, an answer comes out, never a fault."""

import json

from fuzzing import JSON, ODD, PLAN, SCHEMA, TEXT, TOOL, changed
from hypothesis import given
from hypothesis import strategies as st
from tests_support import PLAN as GOOD
from tests_support import ROMAN_SPEC, registry

from agenthands._util.untrusted_json import misfits, schema_fault
from agenthands.coding.arbitration import contradicted
from agenthands.errors import AgentHandsError, RequestInvalid
from agenthands.gate.checks.schema import parameter_differences, result_complaint
from agenthands.gate.checks.schema_search import tell_apart
from agenthands.gate.checks.schema_spelling import canonical
from agenthands.gate.gate import check_workspace
from agenthands.llm.base import ChatAnswer
from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue
from agenthands.packaging.package import package_name
from agenthands.planning.planner import plan_agent, read_plan
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.reports.markdown import plan_markdown
from agenthands.reports.plan_diagram import plan_svg
from agenthands.reports.terminal.plan import plan_text
from agenthands.schemas import GateReport, Tokens, hidden_example_indices
from agenthands.store.cache_keys import tool_key

REGISTRY = registry({"tool_calling_agent": {"llm_name": ("llm", True)}}, ["current_datetime"])
REALITY = PlanningContext(REGISTRY, load_catalogue())


class Model:
    name = "fuzz/model"

    def __init__(self, answers):
        self.answers = list(answers)

    def ask(self, *_):
        return ChatAnswer(self.answers.pop(0), 0.0, Tokens())


@given(
    st.one_of(TEXT, JSON.map(json.dumps), changed(GOOD).map(json.dumps), st.binary().map(lambda b: b.decode("latin1")))
)
def test_any_answer_is_a_plan_or_complaints(text):
    plan, complaints = read_plan(text)
    assert (plan is None) == bool(complaints)
    assert plan is None or validate_plan(plan, REALITY) is not None


def test_deep_answers_are_complaints():
    for text in (
        "[" * 100_000,
        '{"a":' * 100_000,
        json.dumps(GOOD).replace('"type": "object"', '"not": ' + "[" * 5000),
    ):
        assert read_plan(text)[1]


@given(PLAN)
def test_a_plan_is_judged_and_shown_whatever_it_says(document):
    plan, complaints = read_plan(json.dumps(document))
    if plan is None:
        assert complaints
        return
    for complaint in validate_plan(plan, REALITY):
        assert isinstance(complaint, str)
        assert complaint
    assert plan_markdown(plan)
    assert plan_text(plan)
    assert plan_svg(plan).startswith("<svg")
    assert package_name(plan).isidentifier()
    for tool in plan.custom_tools:
        assert len(hidden_example_indices(tool)) <= len(tool.examples)
        assert tool_key(tool, *[ModelSettings(model="x/y")] * 2, "", "0" * 64).startswith("tools/")


@given(st.lists(st.one_of(TEXT, PLAN.map(json.dumps), changed(GOOD).map(json.dumps)), min_size=3, max_size=3))
def test_a_planner_that_says_anything_gives_a_plan_or_an_error_of_ours(answers):
    try:
        planned = plan_agent("a {{ request }}", Model(answers), REALITY)
    except AgentHandsError:
        return
    assert validate_plan(planned.plan, REALITY) == []


@given(ODD, JSON)
def test_a_schema_is_one_or_has_a_fault_and_values_fit_or_do_not(schema, value):
    if isinstance(schema, dict) and not schema_fault(schema):
        assert all(isinstance(each, str) for each in misfits(value, schema))
        found = result_complaint(value, schema)
        assert found is None or found


def by_edges(pairs):
    return [found for pair in pairs if (found := tell_apart(pair, random=0)) is not None]


@given(SCHEMA, ODD)
def test_schemas_of_any_kind_are_compared(shown, specified):
    if isinstance(shown, dict) and isinstance(specified, dict) and not (schema_fault(shown) or schema_fault(specified)):
        assert parameter_differences(shown, shown, search=by_edges) == []
        assert canonical(canonical(shown)) == canonical(shown)
        assert all(isinstance(each, str) for each in parameter_differences(shown, specified, search=by_edges))


@given(st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode()),
                 TOOL.map(lambda value: json.dumps(value).encode()),
                 changed(ROMAN_SPEC).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_spec_file_is_judged_or_refused(tmp_path, content):
    class Reached(Exception):
        pass

    class EnvironmentInstaller:
        def nat(self, dependencies):
            raise Reached

    (tmp_path / "spec.json").write_bytes(content)
    try:
        check_workspace(tmp_path, EnvironmentInstaller(), None, 1)
    except (RequestInvalid, Reached):
        return
    raise AssertionError("judged without an environment")


@given(
    changed(
        {
            "tool": "t",
            "accepted": False,
            "seconds": 1.0,
            "checks": [
                {
                    "name": "examples",
                    "passed": False,
                    "detail": "x",
                    "cases": [{"index": 0, "arguments": {}, "message": "m"}],
                }
            ],
        }
    )
)
def test_any_gate_report_is_read_for_contradictions_or_is_none(document):
    try:
        report = GateReport.model_validate(document)
    except ValueError:
        return
    assert all(each.index >= 0 for each in contradicted(report))
