"""What can be seen in a tool without running it, and how much of it the tests run."""

import pytest
from tests_support import ROMAN_SPEC, ROMAN_TESTS, ROMAN_TOOL

from agenthands.gate.checks.hygiene import hygiene_finding, static_findings, undeclared_use
from agenthands.schemas import ToolSpec


def findings(site, *, tool="", tests="", **spec):
    texts = {"nat_tools/roman_numeral.py": ROMAN_TOOL + tool, "tests/test_roman_numeral.py": ROMAN_TESTS + tests}
    return static_findings(ToolSpec.model_validate({**ROMAN_SPEC, **spec}), texts, site)


@pytest.fixture
def site(tmp_path):
    """A site-packages folder with one installed distribution whose module has another name."""
    info = tmp_path / "python_dateutil-2.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: python-dateutil\nVersion: 2.9\n")
    (info / "RECORD").write_text("dateutil/__init__.py,,\npython_dateutil-2.9.dist-info/METADATA,,\n")
    (tmp_path / "dateutil").mkdir()
    (tmp_path / "dateutil" / "__init__.py").touch()
    return tmp_path


def test_a_correct_tool_has_none(site):
    assert findings(site) == []


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("\n\ndef f():\n    return undefined\n", "F821 Undefined name `undefined`"),
        ("\n\ndef f(x=[]):\n    x.append(1)\n", "B006"),
        ("\n\ndef f():\n    try:\n        g = 1\n    except:\n        pass\n", "E722"),
        ("\n\nimport pickle\n\n\ndef f(x):\n    return pickle.loads(x)\n", "S301"),
        ("\n\nimport hashlib\n\n\ndef f(x):\n    return hashlib.md5(x)  # noqa: S324\n", "S324"),
        ("\n\nimport time\n\n\nasync def f():\n    time.sleep(1)\n", "ASYNC251"),
        ('\n\nKEY = "AIzaSyD-0123456789abcdefghijklmnopqrstu"\n', "looks like a secret (API key)"),
        ('\n\nKEY = "AKIAIOSFODNN7EXAMPLX"\n', "looks like a secret (AWS Access Key)"),
        ("\n\nimport pandas\n", "pandas is not among the specification's dependencies"),
        ("\n\nimport dateutil\n", "dateutil is not among the specification's dependencies"),
        ("\n\nimport httpx\n", "httpx is for the network"),
        ("\n\nfrom urllib import request\n", "urllib.request is for the network"),
        (
            "\n\nimport asyncio\n\n\nasync def f():\n    await asyncio.open_connection('x', 1)\n",
            "open_connection is for",
        ),
    ],
)
def test_each_finding_is_named_with_its_place(site, tool, said):
    found = findings(site, tool=tool)
    assert any(said in each for each in found), found
    assert all(each.startswith("nat_tools/roman_numeral.py") for each in found)


def test_a_secret_is_not_repeated(site):
    assert not any(
        "0123456789" in each for each in findings(site, tool='\nKEY = "AIzaSyD-0123456789abcdefghijklmnopqrstu"\n')
    )


def test_a_declared_dependency_may_be_imported_under_its_module_name(site):
    assert findings(site, tool="\nimport dateutil.parser\n", dependencies=["python-dateutil>=2"]) == []


def test_network_may_be_used_where_the_specification_asks_for_it(site):
    assert findings(site, tool="\nimport urllib.request\n", network=True) == []


def test_tests_are_looked_at_as_tests(site):
    assert findings(site, tests="\nPASSWORD = 'secret'\nassert PASSWORD\n") == []
    assert any("tests/test_roman_numeral.py" in each for each in findings(site, tests="\nimport pandas\n"))


@pytest.mark.parametrize(("missing", "passed"), [([], True), ([7], True), ([7, 8], False)])
def test_nine_of_ten_lines_must_run(missing, passed):
    check = hygiene_finding([], {"ok": True, "lines": 10, "missing": missing})
    assert check.passed is passed
    assert check.report["coverage"] == 1 - len(missing) / 10
    assert passed or "Missing: 7, 8." in check.detail


def test_a_finding_fails_the_check():
    check = hygiene_finding(["x.py:1: F821"], {"ok": True, "lines": 10, "missing": []})
    assert (check.passed, check.detail) == (False, "x.py:1: F821")


@pytest.mark.parametrize(
    ("line", "code"),
    [("import httpx", "undeclared_network"), ("import pandas", "undeclared_package"), ("import math", "")],
)
def test_what_a_tool_uses_undeclared_has_a_code(site, line, code):
    tool = ToolSpec.model_validate(ROMAN_SPEC)
    texts = {"nat_tools/roman_numeral.py": f"{ROMAN_TOOL}\n\n{line}\n"}
    assert undeclared_use(tool, texts, site) == code
    assert hygiene_finding(["x"], {"ok": True}, code).more == {"reason_code": code}
