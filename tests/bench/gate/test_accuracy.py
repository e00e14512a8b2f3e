"""What the bench of the gate makes of its data sets and folders, what it keeps, and what it says."""

import ast
import gzip
import json
from dataclasses import replace

import pytest

from agenthands.environments.uv import UvInstaller
from agenthands.errors import OutsideError, UserError
from bench.gate import accuracy, accuracy_pages, mbpp_data
from bench.gate.accuracy_figures import claims, figures, markdown, remarks, rows, sentence
from bench.gate.adversary import Variant, arranged, showing, table_of_visible
from bench.gate.exploring import explored
from bench.gate.folder_tools import WRONG, FolderTool, cheats, folder_tools
from bench.gate.json_types import few_values, fits, python_type, schema_of, schema_of_annotation
from bench.gate.judged_problems import JudgedProblem
from bench.gate.kept import Kept
from bench.gate.load import under_load
from bench.gate.problem_tools import Problem, pinning_tests, specification, tool_text
from bench.gate.verdicts import Judging
from bench.measuring import RESULTS, ROOT

MODULE = '''def clip(numbers, dict):
    """Cut each number at a limit that `dict` names."""
    return [min(number, dict) for number in numbers]
'''
CALLS = [
    {"arguments": {"numbers": [number, 99], "dict": 50}, "derived": False, "result": [number, 50]}
    for number in range(8)
]
PROBLEM = Problem("HumanEval", "HumanEval/7", "clip", MODULE, "", calls=CALLS)
ENTRY = {
    "task_id": "Mbpp/9",
    "prompt": '"""\nWrite a function to find what two lists share.\nassert set(shared([1], [1])) == set([1])\n"""\n',
    "entry_point": "shared",
    "canonical_solution": "\ndef shared(one, other):\n    return sorted(set(one) & set(other))\n",
    "base_input": [[[1, 2], [2, 3]], [[4], []], [[5, 6, 7], [7, 6]]],
    "plus_input": [[[1, 1], [1]], [1, [2]]],
    "atol": 0,
    "assertion": "\nassert shared([1, 2], [2, 3]) == [2]\n",
}


def test_types_are_inferred_from_values_and_annotations():
    mixed = schema_of([[1, 2.5], []])
    assert mixed == {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "number"}]}}
    assert python_type(mixed) == "list[int | float]"
    assert python_type(schema_of([[[]], None])) == "list[list[Any]] | None"
    assert schema_of([True, {"a": 1}])["anyOf"][0] == {"type": "boolean"}
    stated = schema_of_annotation("List[float]")
    assert fits(stated, [1.0])
    assert not fits(stated, [1])
    assert not fits({"type": "integer"}, True)
    assert schema_of_annotation("Dict") is None
    assert few_values(["YES", "NO", "YES", "NO"]) == {"enum": ["NO", "YES"]}
    assert python_type(few_values([1, 0, 1, 0])) == "Literal[0, 1]"
    assert few_values([1, 0, 2]) is few_values([True, False] * 4) is few_values([1, None] * 4) is None


def test_a_problem_becomes_a_tool_and_tests():
    spec = specification(PROBLEM, CALLS)
    assert spec.name == "clip_7"
    assert list(spec.parameters["properties"]) == ["numbers", "dict_value"]  # a field cannot be called `dict`
    tool = ast.parse(tool_text(PROBLEM, MODULE))
    assert "clip(data.numbers, data.dict_value)" in ast.unparse(tool)
    tests = [node.name for node in ast.parse(pinning_tests(PROBLEM, CALLS)).body if isinstance(node, ast.FunctionDef)]
    assert len([name for name in tests if name.startswith("test_")]) == 9
    assert "test_through_nat" in tests
    named = replace(PROBLEM, entry="test_clip")
    assert "import Config, test_clip as the_test_clip\n" in pinning_tests(named, CALLS)
    assert "plain(the_test_clip(" in pinning_tests(named, CALLS)


def test_a_wrong_answer_is_held_out_and_no_visible_example_shows_it():
    found = 0
    for wrong in CALLS:
        variant = Variant("", 1, "constant", CALLS, [wrong], [call for call in CALLS if call is not wrong])
        spec = arranged(PROBLEM, variant)
        if spec:
            found += 1
            expected = [example.expected for example in spec.visible().examples]
            assert wrong["result"] not in expected
            assert wrong["result"] in [example.expected for example in spec.examples]
    assert found >= 4
    wrong_alone = Variant("", 1, "constant", CALLS, CALLS, [])
    assert arranged(PROBLEM, wrong_alone) is None
    assert [example.expected for example in showing(PROBLEM, wrong_alone).examples] == [
        each["result"] for each in CALLS
    ]


def test_a_table_knows_what_is_shown_and_no_more():
    module, shown = table_of_visible(PROBLEM, CALLS)
    space = {}
    exec(module, space)  # noqa: S102
    assert 4 <= len(shown) < len(CALLS)
    right = [call for call in CALLS if space["clip"](**call["arguments"]) == call["result"]]
    assert right == shown
    alike = [{**call, "result": 1} for call in CALLS]
    assert table_of_visible(replace(PROBLEM, calls=alike), alike) is None


def loaded(problem):
    space = {}
    exec(problem.check, space)  # noqa: S102
    return space["check"]


def test_an_mbpp_problem_has_its_own_words_and_a_check_that_tells_wrong_functions():
    problem = mbpp_data._problem(ENTRY)
    assert problem.said == "Write a function to find what two lists share."
    check = loaded(problem)
    check(lambda one, other: [each for each in reversed(sorted(set(one) & set(other)))])  # compared as sets
    with pytest.raises(AssertionError):
        check(lambda one, other: sorted(set(one) | set(other)))
    with pytest.raises(AssertionError):  # the reference raises TypeError where `one` is a number
        check(lambda one, other: sorted(set(one) & set(other)) if isinstance(one, list) else [])


@pytest.mark.parametrize(("tolerance", "wrong"), [(0, 1e-3), (0.01, 0.1)])
def test_floats_are_compared_nearly(tolerance, wrong):
    half = {
        "entry_point": "half",
        "canonical_solution": "def half(number):\n    return [number / 2]\n",
        "prompt": '"""."""',
    }
    check = loaded(mbpp_data._problem({**ENTRY, **half, "atol": tolerance, "base_input": [[1], [3]], "plus_input": []}))
    check(lambda number: (number / 2 + wrong / 2000,))
    with pytest.raises(AssertionError):
        check(lambda number: [number / 2 + wrong])


def test_the_data_set_is_downloaded_once_and_nothing_else_passes_for_it(tmp_path, monkeypatch):
    release = tmp_path / "release.gz"
    release.write_bytes(gzip.compress(json.dumps(ENTRY).encode()))
    monkeypatch.setattr(mbpp_data, "FILE", tmp_path / "cache" / "MbppPlus.jsonl.gz")
    monkeypatch.setattr(mbpp_data, "RELEASE", release.as_uri())
    with pytest.raises(UserError, match="not MBPP"):
        mbpp_data.problems()
    monkeypatch.setattr(mbpp_data, "SHA256", mbpp_data.hashlib.sha256(release.read_bytes()).hexdigest())
    release.unlink()
    assert [problem.entry for problem in mbpp_data.problems()] == ["shared"]
    mbpp_data.FILE.unlink()
    with pytest.raises(OutsideError, match="cannot be downloaded") as caught:
        mbpp_data.problems()
    assert "--sets HumanEval" in caught.value.hint


class Subject:
    """Stands for what is judged; counts how often it was."""

    def __init__(self, name, fails=False):
        self.name, self.fails, self.times = name, fails, 0

    def measure(self, judging, kept):
        if self.name not in kept:
            self.times += 1
            if self.fails:
                raise RuntimeError("interrupted")
            kept.add(self.name, {"kind": "honest"})

    def results(self, kept):
        return [kept[self.name]] if self.name in kept else None


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    some = [Subject("a"), Subject("b"), Subject("c", fails=True), Subject("d")]
    with pytest.raises(RuntimeError):
        accuracy.measure(some, Judging(None, None), Kept(tmp_path, "one"), workers=1)
    with (tmp_path / "one.jsonl").open("a") as file:
        file.write('{"key": "d", "ki')  # as a kill leaves it
    some[2].fails = False
    again = Kept(tmp_path, "one")
    assert some[2].name not in again
    accuracy.measure(some, Judging(None, None), again, workers=1)
    assert [subject.times for subject in some] == [1, 1, 2, 1]
    assert accuracy.results(some, Kept(tmp_path, "two"))[1] == 0


def test_the_parts_are_the_whole(tmp_path):
    some = [Subject(str(number)) for number in range(11)]
    for number in range(1, 5):
        kept = Kept(tmp_path, f"part-{number}")
        accuracy.measure(accuracy.part(some, (number, 4)), Judging(None, None), kept)
        assert accuracy.results(some, kept)[1] == (8, 5, 2, 0)[number - 1]
    assert [subject.times for subject in some] == [1] * 11
    assert accuracy.options_of(["--part", "4/4"]).part == (4, 4)
    problems = [JudgedProblem(number, 1) for number in range(6)]
    assert accuracy.so_far([*some[:3], *problems], (1, 3)) == [*some[:3], problems[0], problems[3]]
    assert accuracy.so_far([*some[:3], *problems], (3, 3)) == [*some[:3], *problems]
    for text in ("0/4", "5/4", "1", "a/b"):
        with pytest.raises(SystemExit):
            accuracy.options_of(["--part", text])


def entry(kind, accepted, *failed, **more):
    return {
        "kind": kind,
        "name": more.pop("name", kind),
        "accepted": accepted,
        "failed": dict.fromkeys(failed, "why"),
        "behaves": not {"tests", "examples"} & set(failed),
        "seconds": 1.0,
        **more,
    }


def measured(honest=200, rejected=0, misbehaving=0, fooled=0, differ=0):
    tools = [[entry("honest", True)] for _ in range(honest - rejected)]
    tools += [[entry("honest", False, "examples" if each < misbehaving else "hygiene")] for each in range(rejected)]
    problem = {"kind": "problem", "name": "Mbpp/9", "usable": True, "mutants": 9, "wrong": 8, "seen": 7}
    tools.append([problem, entry("reference", True, set="MBPP+"), entry("variant", False, "held_out", hidden=True)])
    tools.append([{"kind": "problem", "name": "Mbpp/8", "usable": False, "left_out": {"no JSON: set": 3}}])
    tools += [[entry("wrong", each < fooled, name=f"cheat {each}")] for each in range(5)]
    load = {"processes": 16, "judged": 4, "differ": {f"tool {each}": [1, 2] for each in range(differ)}}
    return tools, figures(tools, 0, load), load


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        ({}, set()),
        ({"rejected": 9}, set()),
        ({"rejected": 11}, {"accepted at the first"}),
        ({"rejected": 2, "misbehaving": 2}, set()),
        ({"rejected": 4, "misbehaving": 4}, {"checks on behaviour"}),
        ({"fooled": 1}, {"no wrong tool"}),
        ({"differ": 1}, {"under load"}),
    ],
)
def test_each_claim_can_fail(what, broken):
    _, found, _ = measured(**what)
    made = claims(found)
    assert len(made) == 4
    wrong = [claim for claim, holds in made.items() if not holds]
    assert len(wrong) == len(broken)
    assert all(any(words in claim for claim in wrong) for words in broken)


def test_the_figures_name_what_was_judged_otherwise_and_say_all_on_a_page():
    tools, found, load = measured(rejected=1, fooled=2, differ=1)
    said = "\n".join(remarks(tools, load))
    for part in ("not accepted: honest: hygiene: why", "ACCEPTED although wrong: cheat 1", "Mbpp/8: no JSON: set (3)"):
        assert part in said
    assert "cheat 2" not in said
    assert ["honest tools together", "201", "99.5 % (200)", "100 % (201)"] in rows(found)
    line = {
        **found,
        "gate": "7",
        "variants_of_each": "all",
        "problems_of": [2, 2],
        "hours": 2.0,
        "machine": {"cores": 2, "at": "2026-11-29 15:00"},
    }
    page = markdown(line)
    assert "| wrong tools together | 6 | 2 |  |" in page
    assert "1 verdict differs" in page
    assert "2026-11-29 15:00 UTC" in page
    assert "of 6 wrong ones it accepts 2" in sentence(line)
    for said in (markdown, sentence):
        assert "Tried were" not in said(line)
        assert "Tried were 2 of the data sets' 5 problems" in said({**line, "problems_of": [2, 5]})
    json.dumps(line)


def test_wrong_tools_lie_in_folders_and_cheats_are_those_of_the_gates_tests():
    tools = {tool.name: tool for tool in folder_tools("wrong", WRONG)}
    assert len(tools) >= 35
    for tool in tools.values():
        name = tool.spec.name
        assert set(tool.texts) == {"spec.json", f"nat_tools/{name}.py", f"tests/test_{name}.py"}
        assert (name != "parking_fee") == tool.name.startswith("world_") == bool(tool.spec.worlds)
    one = tools["logic_below_raise"]
    changed = FolderTool(one.kind, one.name, {**one.texts, "spec.json": one.texts["spec.json"] + " "})
    assert changed.key != one.key
    assert "patches pytest" in {tool.name for tool in cheats()}


@pytest.mark.slow
def test_a_problem_is_explored_and_its_wrong_variants_are_told_apart(nat_environment, bubblewrap):
    problem = mbpp_data._problem(ENTRY)
    union, same = problem.module.replace("&", "|"), problem.module.replace("set(other)", "set(list(other))")
    found, left_out, verdicts = explored(problem, [union, same], nat_environment, bubblewrap)
    assert not left_out
    own = [call for call in found.calls if not call["derived"]]
    assert own[0] == {"arguments": {"one": [1, 2], "other": [2, 3]}, "derived": False, "result": [2]}
    assert len(own) == 4  # no call that raises
    assert [verdict["passes"] for verdict in verdicts] == [False, True]
    unordered = Problem(
        "MBPP+", "Mbpp/1", "f", "def f(x):\n    return list(set(x))\n", "def check(f): f(list('abcdefgh'))"
    )
    found, left_out, _ = explored(unordered, [], nat_environment, bubblewrap)
    assert not found.calls
    assert left_out == {"the reference answers otherwise with another hash seed": 1}
    of_memory = "import sys\ndef f(x):\n    return sys.getsizeof(x)\n"
    by_size = Problem("MBPP+", "Mbpp/1", "f", of_memory, "def check(f): f(list(range(5))), f(3)")
    found, left_out, _ = explored(by_size, [], nat_environment, bubblewrap)
    assert not found.calls
    assert left_out == {"answers otherwise to an equal list": 1}


@pytest.mark.slow
def test_a_call_is_derived_for_a_variant_that_the_own_calls_do_not_show(nat_environment, bubblewrap):
    module = "def clamp(number):\n    return 7 if number == 12 else number\n"
    problem = Problem("MBPP+", "Mbpp/1", "clamp", module, "def check(f): f(6), f(30)")
    variant = module.replace("12", "1_2_0")
    found, _, verdicts = explored(problem, [variant], nat_environment, bubblewrap)
    first = next(call for call in found.calls if call["derived"])
    assert first == {"arguments": {"number": 12}, "derived": True, "result": 7}
    assert verdicts[0]["passes"]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_sample_is_judged_as_it_should_be_and_the_same_under_load(nat_environment, bubblewrap, tmp_path):
    from conftest_paths import TEST_HOME

    judging = Judging(UvInstaller(TEST_HOME), bubblewrap)
    chosen = [JudgedProblem(problem, 1) for problem in accuracy.spread(accuracy.SETS["HumanEval"](), 3)]
    kept = Kept(tmp_path, "one")
    accuracy.measure(chosen, judging, kept)
    tools, missing = accuracy.results(chosen, kept)
    found = figures(tools, missing)
    assert not missing
    assert found["honest_all"]["judged"] == 3
    assert found["honest_all"]["behave"] == 3
    assert found["wrong"]["stub"]["judged"] == 9
    assert found["wrong"]["variant"]["judged"] == 3
    assert found["wrong_all"]["accepted"] == 0
    load = under_load(judging, {chosen[0].name: chosen[0].reference(judging)}, 4)
    assert load["judged"] == 1
    assert not load["differ"]


def test_only_a_run_of_everything_here_counts_for_the_pages():
    assert accuracy.is_whole(accuracy.options_of(["--all-variants", "--load", "16", "--part", "2/4"]))
    for others in (["--problems", "9"], ["--only", "wrong"], ["--sets", "HumanEval"], ["--honest", "elsewhere"]):
        assert not accuracy.is_whole(accuracy.options_of(others))


@pytest.mark.parametrize("page", accuracy_pages.PAGES)
def test_the_pages_have_the_figures_of_the_results(page):
    text, found = (ROOT / page).read_text(), json.loads(RESULTS.read_text()).get("accuracy")
    assert accuracy_pages.written(text, accuracy_pages.PAGES[page], found) == text
    _, other, _ = measured()
    line = {
        **other,
        "gate": "7",
        "variants_of_each": "all",
        "problems_of": [2, 2],
        "hours": 2.0,
        "machine": {"cores": 2, "at": "2026-11-29 15:00"},
    }
    changed = accuracy_pages.written(text, accuracy_pages.PAGES[page], line)
    assert "2026-11-29" in changed
    assert accuracy_pages.written(changed, accuracy_pages.PAGES[page], found) == text


def test_nothing_more_is_judged_when_a_run_is_interrupted(tmp_path):
    judging, kept = Judging(None, None), Kept(tmp_path, "one")
    with pytest.raises(RuntimeError):
        accuracy.measure([Subject("a", fails=True)], judging, kept)
    with pytest.raises(InterruptedError):
        folder_tools("wrong", WRONG)[0].measure(judging, kept)
