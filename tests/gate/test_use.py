"""What is made of the calls of a tool in use: arguments close to the examples, and the verdicts on what they gave."""

import json

import pytest
from tests_support import ROMAN_SPEC

from agenthands._util.untrusted_json import misfits
from agenthands.gate.checks.effects import effects_finding
from agenthands.gate.checks.properties import properties_finding
from agenthands.gate.checks.repeatable import repeatable_finding
from agenthands.gate.checks.steady import steady_finding, unsteady
from agenthands.gate.harness_client import Answers
from agenthands.gate.mutation.probes import probes
from agenthands.gate.neighbours import literals, neighbours
from agenthands.gate.use_jobs import used_arguments
from agenthands.schemas import ToolSpec, hidden_example_indices

PARAMETERS = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"type": "number"},
        "text": {"type": "string", "minLength": 1},
        "kind": {"enum": ["a", "b", "c"]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
        "exact": {"type": "boolean"},
    },
    "required": ["count", "text"],
}
GIVEN = [
    {"count": 1, "ratio": 0.5, "text": "2024-05-31", "kind": "a", "items": [{"price": 3.5}], "exact": True},
    {"count": 9, "text": "x"},
    {"count": 4, "text": "yes", "kind": "c"},
]  # fmt: skip


def specification(given, parameters=PARAMETERS, **more):
    examples = [{"arguments": arguments, "expected": number} for number, arguments in enumerate(given)]
    changed = {"parameters": parameters, "returns": {"type": "integer"}, "examples": examples}
    return ToolSpec.model_validate({**ROMAN_SPEC, **changed, **more})


def test_neighbours_fit_the_parameters_and_differ_in_one_value():
    tool = specification(GIVEN)
    found = neighbours(tool, [0, 1, 2], 60)
    assert found == neighbours(tool, [0, 1, 2], 60)
    assert len({json.dumps(each, sort_keys=True) for each in [*found, *GIVEN]}) == len(found) + len(GIVEN)
    for each in found:
        assert list(misfits(each, PARAMETERS)) == []
        differing = [{name for name in each.keys() | one.keys() if each.get(name) != one.get(name)} for one in GIVEN]
        assert min(map(len, differing)) == 1
    changed = [each for each in found if each.get("kind") == "a" or "ratio" in each]
    for name in ("count", "ratio", "text", "items", "exact"):
        assert any(each.get(name) != GIVEN[0][name] for each in changed), name
    assert len(neighbours(tool, [0, 1, 2], 7)) == 7


def test_close_numbers_would_share_a_rounded_key():
    tool = specification([{"ratio": 32.0, "count": 2, "text": "x"}])
    ratios = [each["ratio"] for each in neighbours(tool, [0], 60) if each.get("ratio", 32) != 32]
    assert 32.0 in {round(ratio, 1) for ratio in ratios}


def test_what_is_close_to_an_integer_beyond_all_floats_is_found():
    huge = 10**400
    parameters = {"type": "object", "properties": {"number": {"type": "number"}}, "required": ["number"]}
    tool = ToolSpec.model_validate(
        {**ROMAN_SPEC, "parameters": parameters, "examples": [{"arguments": {"number": huge}, "expected": "x"}]}
    )
    assert {"number": huge + 1} in neighbours(tool, [0], 9)
    assert {"number": -huge} in probes(tool, "", 30)


def test_constants_of_the_code_take_the_place_of_those_that_it_shares_with_an_example():
    source = "RATES = {'x': 1.5, 'EUR': 2, 'USD': 3}\n"
    found = literals(specification(GIVEN), [0, 1, 2], source, 12)
    assert [(each["count"], each["text"]) for each in found] == [(9, "EUR"), (9, "USD")]


def gave(*outcomes, changed=()):
    return {"ok": True, "found": [list(each) for each in outcomes], "changed": list(changed)}


ONE, TWO = {"result": 1}, {"result": 2}
LOW, HIGH = (
    {"raises": ["ValueError", "Exception"], "message": "1"},
    {"raises": ["KeyError", "Exception"], "message": "1"},
)


@pytest.mark.parametrize(
    ("first", "answer", "said"),
    [
        ([ONE, ONE], gave([ONE], [ONE], [TWO]), []),
        ([ONE, LOW], gave([ONE], [{**LOW, "message": "2"}], []), []),
        ([ONE, ONE], gave([TWO], [ONE], []), ['For {"number": 1} it gives 1, and then gives 2.']),
        ([ONE, ONE], gave([], [ONE], [ONE, TWO]), ['For {"number": 3} it gives 1, and then gives 2.']),
        ([ONE, LOW], gave([ONE], [HIGH], []), ['it raises "ValueError", and then raises "KeyError".']),
        ([ONE, ONE], gave([{"result": 1.0}], [ONE], [], changed=["_CALLS"]), ["_CALLS: this changes with every call"]),
        ([ONE, ONE], {"ok": False, "error": "boom"}, ["the tool fails: boom"]),
    ],
)  # fmt: skip
def test_what_does_not_stay_the_same_is_named(first, answer, said):
    found = unsteady([{"number": 1}, {"number": 2}, {"number": 3}], first, answer)
    assert len(found) == len(said)
    assert all(part in each for part, each in zip(said, found, strict=True))


def test_what_hidden_calls_gave_is_for_a_person():
    assert steady_finding([], []).passed
    found = steady_finding(["For 1."], ["For SECRET.", "For SECRET too."])
    assert "SECRET" in found.detail
    assert "SECRET" not in found.more["for_coder"]
    assert "For 1." in found.more["for_coder"] and "2 findings" in found.more["for_coder"]  # noqa: PT018
    assert not steady_finding(["For 1."], []).more


def test_a_hidden_call_that_is_not_repeatable_is_named_to_a_person_alone():
    tool = ToolSpec.model_validate(ROMAN_SPEC)
    (hidden,) = hidden_example_indices(tool)
    calls = [{"result": number} for number in range(4)]
    tests = {"outcomes": {"test_one": "passed"}}

    def judged(*wrong):
        other = [{"result": "SECRET"} if index in wrong else call for index, call in enumerate(calls)]
        first = {"tests": tests, "again": tests, "calls": {"ok": True, "calls": calls}}
        return repeatable_finding(Answers(first, {"tests": tests, "calls": {"ok": True, "calls": other}}), tool)

    assert judged().passed
    assert '"SECRET"' in judged(0).detail and not judged(0).more  # noqa: PT018
    both = judged(0, hidden)
    arguments = json.dumps(tool.examples[hidden].arguments)
    assert arguments in both.detail
    assert arguments not in both.more["for_coder"]
    assert "1 hidden examples" in both.more["for_coder"]


NUMBER = {"type": "object", "properties": {"number": {"type": "number"}}, "required": ["number"]}
BY_RULE = "def double(number): return 2 * number"


def properties(answer_of, given=(1, 20, 300, 4), source=BY_RULE, parameters=NUMBER, **more):
    """Judge a tool that gives what `answer_of` says."""
    tool = specification([{"number": each} for each in given], parameters, **more)
    arguments = used_arguments(tool, source, hidden=False)
    return properties_finding(tool, source, gave(*([answer_of(each["number"])] for each in arguments)))


def result(value):
    return {"result": value}


def test_results_between_the_examples_must_fit_and_those_beyond_are_remarks():
    assert properties(lambda number: result(round(2 * number))).passed
    between = properties(lambda number: result(None if 19 < number < 21 else round(2 * number)))
    assert not between.passed
    assert "does not fit `returns`" in between.detail
    beyond = properties(lambda number: result(None if number < 0 else round(2 * number)))
    assert beyond.passed
    assert "beyond the examples" in beyond.detail
    no_json = {"raises": ["NotJson"], "message": "nan is no JSON"}
    assert not properties(lambda number: no_json if 19 < number < 21 else result(round(2 * number))).passed


def test_errors_are_no_fault_as_long_as_there_are_results():
    known = {1: 2, 20: 40, 300: 600, 4: 8}
    assert properties(lambda number: LOW if number < 0 else HIGH if number % 1 else result(round(2 * number))).passed
    for otherwise in (LOW, result(7)):
        found = properties(lambda number, otherwise=otherwise: result(known[number]) if number in known else otherwise)
        assert not found.passed
        assert "seems to know the examples" in found.detail
    yes = {"returns": {"type": "boolean"}}
    assert properties(lambda number: result(number in known), **yes).passed  # few values: neighbours may all have one


TEXT = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
CODES = {"EUR": 2, "USD": 2, "CHF": 2, "ISK": 0}


def test_a_table_of_texts_needs_more_entries_than_the_examples():
    def looked_up(code):
        return result(CODES[code]) if code in CODES else LOW

    def judged(source):
        return properties(looked_up, ("EUR", "ISK", "CHF"), source, TEXT)

    assert judged("TABLE = {'EUR': 2, 'USD': 2, 'CHF': 2, 'ISK': 0}").passed
    assert not judged("TABLE = {'EUR': 2, 'CHF': 2, 'ISK': 0}").passed
    assert judged("def parse(text): return read(checksum(text))").passed  # a strict rule refuses every neighbour


def did(what, line=7, path="", during=0):
    return {"what": what, "line": line, "path": path, "during": during}


def test_effects_are_named_with_line_and_path_but_not_of_hidden_calls():
    tool, network = ToolSpec.model_validate(ROMAN_SPEC), ToolSpec.model_validate({**ROMAN_SPEC, "network": True})
    assert effects_finding(tool, [], []).passed
    found = effects_finding(tool, [did("read", path="/a"), did("write", 9, "/b", -1)], [did("list", 11, "/SECRET")])
    assert found.detail.splitlines() == [
        "Line 7 reads a file when it is called: '/a'.",
        "Line 9 writes, or changes files when it is imported: '/b'.",
        "Line 11 looks through a folder when it is called: '/SECRET'.",
    ]
    assert found.more["for_coder"] == found.detail.replace(": '/SECRET'", "")
    assert found.more["reason_code"] == ""
    assert effects_finding(tool, [did("network")], []).more["reason_code"] == "undeclared_network"
    assert effects_finding(network, [did("network")], [did("network", 0)]).passed
