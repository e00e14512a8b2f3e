"""The gate with real parts: NAT, pytest and the sandbox."""

import json

import pytest
from canaries import ENVIRONMENT, LITERAL
from patience import patient
from tests_support import ROMAN_SPEC, ROMAN_TESTS, ROMAN_TOOL, write_roman

from agenthands.gate import harness_client
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import Evidence
from agenthands.gate.gate import judge, run_checks
from agenthands.schemas import ToolSpec, hidden_example_indices

pytestmark = pytest.mark.slow
SPEC = ToolSpec.model_validate(ROMAN_SPEC)


@pytest.fixture
def whole_verdict(tmp_path, nat_environment, bubblewrap):
    def verdict(seconds=300, spec=SPEC, corrections=None, **files):
        folder = write_roman(tmp_path / f"w{len(list(tmp_path.iterdir()))}", **files)
        return judge(spec, folder, nat_environment, bubblewrap, patient(seconds), corrections)

    return verdict


@pytest.fixture
def verdict(whole_verdict, few_mutants):
    return whole_verdict


def failed(report):
    return {check.name: check.detail for check in report.failures()}


def test_a_correct_tool_is_accepted(whole_verdict):
    report = whole_verdict()
    assert report.accepted, failed(report)
    tool = ToolSpec.model_validate(ROMAN_SPEC)
    assert [check.name for check in report.checks] == [check.name for check in CHECKS if check.applies(tool)]
    assert report.coverage == 1.0


CONFIGURED = """

def test_a_configuration_may_name_the_tool():
    from nat.data_models.config import Config

    config = Config.model_validate({"functions": {"one": {"_type": "roman_numeral"}},
                                    "workflow": {"_type": "roman_numeral"}})
    assert isinstance(config.functions["one"], RomanConfig)
    assert isinstance(config.workflow, RomanConfig)
    assert config.model_dump(by_alias=True)["functions"]["one"]["_type"] == "roman_numeral"
    assert "roman_numeral" in str(Config.model_json_schema())
    with pytest.raises(ValueError):
        Config.model_validate({"functions": {"one": {"_type": "roman_numerals"}}})
"""


def test_tests_may_load_a_configuration_that_names_the_tool(verdict):
    """NAT builds its Config anew with each registration; in the gate that is put off until Config is used."""
    report = verdict(tests=ROMAN_TESTS + CONFIGURED)
    assert report.accepted, failed(report)


def test_failing_tests_come_back_with_their_output(verdict):
    report = verdict(tests=ROMAN_TESTS.replace('(1994, "MCMXCIV")', '(1994, "MDCCCCLXXXXIV")'))
    assert not report.accepted
    assert "MDCCCCLXXXXIV" in failed(report)["tests"]
    assert "9 of 10 tests passed" in failed(report)["tests"]


def test_tests_that_assert_little_are_rejected_with_what_they_miss(verdict):
    weak = """
from nat_tools.roman_numeral import to_roman

def test_type():
    assert isinstance(to_roman(3), str)

def test_runs():
    to_roman(4)

def test_three():
    assert to_roman(3) == "III"

def test_nothing():
    assert 1 + 1 == 2
"""
    report = verdict(tests=weak)
    said = failed(report)
    assert said.keys() == {"tests", "stub", "mutation", "hygiene"}
    assert "2 of 4 tests assert what the tool's functions give; 3 must." in said["tests"]
    assert "test_runs, test_nothing" in said["tests"]
    assert "returns None or echoes its arguments or echoes its first argument or raises" in said["stub"]
    assert "+    if (1 <= number <= 3999):" in said["mutation"] or "SIGNS" in said["mutation"]
    assert all(survivor["diff"] in said["mutation"] for survivor in report.survivors)
    assert "of the tool's lines" in said["hygiene"]
    assert report.coverage < 0.9


def test_tests_that_need_each_other_are_rejected(verdict):
    state = "\nseen = []\n\ndef test_first():\n    seen.append(1)\n\ndef test_second():\n    assert seen\n"
    report = verdict(tests=ROMAN_TESTS + state)
    assert failed(report).keys() == {"isolation"}
    assert "test_second" in failed(report)["isolation"]


@pytest.fixture
def isolation(tmp_path, nat_environment, bubblewrap):
    """Judge tests alone by the checks that run them as they are."""
    checks = [check for check in CHECKS if check.name in ("files", "conformance", "tests", "isolation")]

    def isolation(tests):
        folder = write_roman(tmp_path / "w", tests=tests)
        report = run_checks(Evidence(SPEC, folder, nat_environment, bubblewrap, patient(300), {}, checks))
        return next(check for check in report.checks if check.name == "isolation")

    return isolation


def test_a_time_out_is_called_one_and_not_taken_for_tests_that_need_each_other(isolation):
    waits = "\nseen = []\n\ndef test_first():\n    seen.append(1)\n\ndef test_second():\n    while not seen: pass\n"
    found = isolation(ROMAN_TESTS + waits)
    assert not found.passed
    assert found.reason_code == "time_out"
    assert found.detail.startswith("Run alone, the tests take too long.")
    assert "test_second: time-out: still running after" in found.detail
    assert "test_first" not in found.detail


def test_many_tests_may_take_longer_than_few(isolation):
    many = "\n@pytest.mark.parametrize('number', range(1, 101))\ndef test_many(number):\n    assert to_roman(number)\n"
    found = isolation(ROMAN_TESTS + many)
    assert found.passed, found.detail


@pytest.mark.parametrize(
    "body",
    ['return str({"a", "b", "c", "d", "e"}) and max({"a": 1, "b": 1, "c": 1, "d": 1}.keys(), key=hash)',
     'return f"{datetime.date.today().year}"'],
    ids=["hash seed", "date"],
)  # fmt: skip
def test_a_tool_that_depends_on_more_than_its_arguments_is_rejected(verdict, body):
    tool = ROMAN_TOOL.replace('    numeral = ""\n', f'    if number == 4:\n        {body}\n    numeral = ""\n')
    report = verdict(tool=f"import datetime\n{tool}")
    assert '{"number": 4}' in failed(report)["repeatable"]


def test_parameters_and_results_must_be_as_specified(verdict):
    spec = ToolSpec.model_validate(
        {
            **ROMAN_SPEC,
            "parameters": {
                "type": "object",
                "properties": {"number": {"type": "integer", "minimum": 1, "description": "Number from 1 to 3999"}},
                "required": ["number"],
            },
            "returns": {"type": "string", "maxLength": 3},
        }
    )
    report = verdict(spec=spec)
    said = failed(report)["schema"]
    assert "parameters.number: the tool accepts 0, the specification refuses it." in said
    assert "does not fit `returns`: $: 'MCMXCIV' is too long" in said


def test_a_tool_that_is_wrong_about_a_hidden_example_is_rejected(verdict):
    # The coder's own tests are as wrong as the tool: only the specification knows better.
    report = verdict(tool=ROMAN_TOOL.replace("<= 3999", "<= 3000"), tests=ROMAN_TESTS.replace("3999,", "3000,")
                     .replace("MMMCMXCIX", "MMM").replace("4000", "3001"))  # fmt: skip
    assert not report.accepted
    assert failed(report).keys() & {"examples", "held_out"}


def test_a_corrected_example_counts_and_hides_the_same_ones(verdict):
    spec = ROMAN_SPEC["examples"]
    wrong = [{**each, "expected": "VI"} if each["arguments"] == {"number": 4} else each for each in spec]
    tool = ToolSpec.model_validate({**ROMAN_SPEC, "examples": wrong})
    corrected = SPEC.examples[1]
    before, after = verdict(spec=tool), verdict(spec=tool, corrections={1: corrected})
    name = "held_out" if 1 in hidden_example_indices(tool) else "examples"
    assert failed(before).keys() == {name}
    assert next(check for check in before.checks if check.name == name).model_extra["contradicted"] == [
        {"example": 1, "call": {"result": "IV"}}
    ]
    assert after.accepted, failed(after)


@pytest.mark.parametrize(
    ("tool", "detail"),
    [
        (ROMAN_TOOL + "\nimport missing_package\n", "missing_package"),
        (ROMAN_TOOL + "\nraise SystemExit(0)\n", "SystemExit"),
        (ROMAN_TOOL.replace('"""Configuration of the roman_numeral tool."""', "unit: str"), "give ['unit'] a default"),
    ],
)
def test_a_tool_that_nat_cannot_use_is_rejected_with_the_reason(verdict, tool, detail):
    assert detail in failed(verdict(tool=tool))["conformance"]


def test_a_tool_that_hangs_is_rejected_in_time(verdict, monkeypatch):
    monkeypatch.setattr(harness_client, "_ONE_RUN", 1 / 10_000)  # a second
    report = verdict(seconds=60, tool=ROMAN_TOOL.replace('    numeral = ""', '    while True: pass\n    numeral = ""'))
    assert not report.accepted
    assert "still running" in failed(report)["tests"]


def test_the_command_reports_as_json(tmp_path, nat_environment, monkeypatch, capsys):
    from agenthands.cli.main import main

    write_roman(tmp_path / "w")
    monkeypatch.setattr("sys.argv", ["agenthands", "check", str(tmp_path / "w"), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["tool"], report["accepted"]) == (0, "roman_numeral", True)


def test_a_package_that_nat_brings_is_there_for_who_asks_late(verdict):
    asks = """

def test_table():
    import importlib

    table = importlib.import_module("pandas").DataFrame
    assert table is importlib.import_module("pandas.core.frame").DataFrame
    assert table({"value": [1, 2]})["value"].sum() == 3
"""
    assert verdict(tests=ROMAN_TESTS + asks).accepted


SEARCHING = """
import re
from pathlib import Path

def test_search():
    import os
    laid = Path("laid")
    laid.write_text("c" + "anary-Laid-0099")
    found, looked = [], [bytes(os.environb.get(name, b"")) for name in os.environb]
    for folder, names, files in os.walk("/"):
        names[:] = [name for name in names if name not in ("proc", "sys", "dev", "usr", "lib")]
        looked += [path for path in (Path(folder, file) for file in files) if path.is_file()]
    looked += Path("/", "proc").glob("[0-9]*/environ")
    for each in looked:
        try:
            text = each if isinstance(each, bytes) else each.read_bytes()
        except OSError:
            continue
        if re.search(rb"can[a]ry.{0,12}00[0-9][0-9]", text, re.IGNORECASE):
            found.append(getattr(each, "name", "a variable"))
    laid.unlink()
    assert not found, "FOUND" + repr(found)
"""


def test_a_tool_that_searches_all_that_it_can_see_finds_no_key_of_its_worker(verdict, monkeypatch, tmp_path):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "models.toml").write_text(f"api_key = '{LITERAL}'")
    assert "FOUND['laid']" in failed(verdict(1800, tests=ROMAN_TESTS + SEARCHING))["tests"]
