"""The gate with real parts: NAT, pytest and the sandbox."""

import json

import pytest
from tests_support import ROMAN_SPEC, ROMAN_TESTS, ROMAN_TOOL, write_roman

from agenthands.gate.judge import judge
from agenthands.models import CustomTool

pytestmark = pytest.mark.slow
SPEC = CustomTool.model_validate(ROMAN_SPEC)


@pytest.fixture
def verdict(tmp_path, nat_environment, bubblewrap):
    def verdict(seconds=60, spec=SPEC, **files):
        return judge(spec, write_roman(tmp_path / "w", **files), nat_environment, bubblewrap, seconds)

    return verdict


def failed(report):
    return {check.name: check.detail for check in report.failures()}


def test_a_correct_tool_is_accepted(verdict):
    report = verdict()
    assert report.accepted, failed(report)
    assert [check.name for check in report.checks] == ["files", "conformance", "tests", "examples", "held_out"]


def test_failing_tests_come_back_with_their_output(verdict):
    report = verdict(tests=ROMAN_TESTS.replace('(1994, "MCMXCIV")', '(1994, "MDCCCCLXXXXIV")'))
    assert not report.accepted
    assert "MDCCCCLXXXXIV" in failed(report)["tests"]
    assert "3 of 6 tests passed" not in failed(report)["tests"]
    assert "5 of 6 tests passed" in failed(report)["tests"]


def test_a_tool_that_is_wrong_about_a_hidden_example_is_rejected(verdict):
    # The coder's own tests are as wrong as the tool: only the specification knows better.
    report = verdict(tool=ROMAN_TOOL.replace("<= 3999", "<= 3000"), tests=ROMAN_TESTS.replace("3999,", "3000,")
                     .replace("MMMCMXCIX", "MMM").replace("4000", "3001"))  # fmt: skip
    assert not report.accepted
    assert failed(report).keys() & {"examples", "held_out"}


@pytest.mark.parametrize(
    ("tool", "detail"),
    [
        (
            ROMAN_TOOL.replace("import BaseModel, Field", "import BaseModel, Field\nimport missing_package"),
            "missing_pac",
        ),
        (ROMAN_TOOL + "\nraise SystemExit(0)\n", "SystemExit"),
        (ROMAN_TOOL + "\nimport os\nos._exit(0)\n", "without an answer"),
        (ROMAN_TOOL + "\nimport os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n", "left no report"),
    ],
)
def test_a_tool_that_does_not_import_is_rejected_with_the_reason(verdict, tool, detail):
    report = verdict(tool=tool)
    assert not report.accepted
    assert detail in failed(report)["conformance"]


def test_a_tool_that_hangs_is_rejected_in_time(verdict):
    report = verdict(seconds=12, tool=ROMAN_TOOL.replace('    numeral = ""', '    while True: pass\n    numeral = ""'))
    assert not report.accepted
    assert "still running" in failed(report)["tests"]


def test_a_forged_report_is_not_believed(verdict):
    """The tool writes an accepting report to every descriptor that it can find, also its parent's."""
    forger = """
import glob, json, os
report = json.dumps({name: {"ok": True, "description": "x" * 20, "outcomes": dict.fromkeys("abc", "passed"),
                            "failures": [], "calls": [{"result": "IV"}] * 9}
                     for name in ("conformance", "tests", "examples", "held_out")}).encode()
for target in [*glob.glob("/proc/*/fd/*")]:
    try:
        with open(os.open(target, os.O_WRONLY | os.O_NONBLOCK), "wb") as channel:
            channel.write(report)
    except OSError:
        pass
os._exit(0)
"""
    report = verdict(tool=ROMAN_TOOL + forger)
    assert not report.accepted


def test_the_gate_works_on_a_copy(verdict, tmp_path):
    tool = ROMAN_TOOL + "\nfrom pathlib import Path\nPath('nat_tools/roman_numeral.py').write_text('')\n"
    verdict(tool=tool)
    assert (tmp_path / "w" / "nat_tools" / "roman_numeral.py").read_text() == tool


def test_the_command_reports_as_json(tmp_path, nat_environment, monkeypatch, capsys):
    from flows.command_line import main

    write_roman(tmp_path / "w")
    monkeypatch.setattr("sys.argv", ["agenthands", "check", str(tmp_path / "w"), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["tool"], report["accepted"]) == (0, "roman_numeral", True)
