"""What can be seen in a tool without running it, and how much of it the tests run."""

import pytest
from tests_support import ROMAN_SPEC, ROMAN_TESTS, ROMAN_TOOL

from agenthands.gate.checks.hygiene import hygiene_finding, remarks, static_findings, undeclared_use
from agenthands.gate.checks.remarks import remarks_finding
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
        ("\n\nimport pickle\n\n\ndef f(x):\n    return pickle.loads(x)\n", "S301"),
        ("\n\nimport pickle\n\n\ndef f(x):\n    return pickle.loads(x)  # noqa: S301\n", "# noqa: S301 - "),
        ("\n\nimport ssl\n\n\nCONTEXT = ssl._create_unverified_context()\n", "S323"),
        ('\n\nURL = "https://admin:Tr0ub4dor3@db.corp.com/x"\n', "# pragma: allowlist secret - "),
        ('\n\nKEY = """-----BEGIN PRIVATE KEY-----\n' + "MIIEvQIBADANBgkqhkiG" * 3 + '"""\n', "(Private Key)"),
        ("\n\nimport time\n\n\nasync def f():\n    time.sleep(1)\n", "ASYNC251"),
        ('\n\nKEY = "AIzaSyD-0123456789abcdefghijklmnopqrstu"\n', "looks like a secret (API key)"),
        ('\n\nKEY = "AKIAIOSFODNN7EXAMPLX"\n', "looks like a secret (AWS Access Key)"),
        ("\n\nimport pandas\n", "pandas is not among the specification's dependencies"),
        ("\n\nimport dateutil\n", "dateutil is not among the specification's dependencies"),
        ("\n\nimport httpx\n", "httpx is for the network"),
        ("\n\nfrom urllib import request\n", "urllib.request is for the network"),
        ("\n\nimport socket\n\n\ndef f():\n    return socket.gethostname()\n", "socket is for the network"),
        ("\n\nfrom socket import AF_INET, create_connection\n", "socket.create_connection is for the network"),
        ("\n\nimport socket\n\n\ndef f(g):\n    return g(socket), socket.AF_INET\n", "socket is for the network"),
        ("\n\nfrom urllib.robotparser import RobotFileParser\n", "urllib.robotparser.RobotFileParser is for the"),
        ("\n\nfrom asyncio import open_connection as o\n\n\nasync def f():\n    await o('x', 1)\n", "o is for the"),
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


NO_REASONS = [
    "def f(x=[]):\n    return x",
    "def f():\n    try:\n        return 1\n    except:\n        return 2",
    "ANY = '0.0.0.0'",
    "TOKEN = 'number'\nPASSWORD = 'too short'",
    "def f(table):\n    return f'SELECT * FROM {table} WHERE x = ?'",
    "import xml.etree.ElementTree as ET\n\n\ndef f(x):\n    return ET.fromstring(x)",
    "import hashlib\n\n\ndef f(x):\n    return hashlib.md5(x).hexdigest()",
    "import pickle\n\n\ndef f(x):\n    return pickle.loads(x)  # noqa: S301 - only bytes that the tool made",
    "import pickle\n\n\ndef f(x):\n    # made by the tool itself\n    return pickle.loads(x)  # noqa: S301",
    "import pickle\n\n\ndef f(x):\n    return pickle.loads(x)  # nosec B301 - only bytes that the tool made",
    "# ruff: noqa: S301 - only bytes that the tool made\nimport pickle\n\n\ndef f(x):\n    return pickle.loads(x)",
    'URL = "https://admin:Tr0ub4dor3@db.corp.com/x"  # pragma: allowlist secret - an address that is parsed',
]
NOTHING = [
    "import socket\nV4 = socket.AF_INET\n\n\ndef f(a):\n    return socket.inet_pton(V4, a)",
    "from socket import AF_INET6, inet_pton",
    "import ssl\n\n\ndef f(p):\n    return ssl.PEM_cert_to_DER_cert(p)",
    "from http.client import responses",
    "import http.client\nPHRASES = http.client.responses",
    "import xmlrpc.client\n\n\ndef f(x):\n    return xmlrpc.client.dumps((x,))",
    "from urllib.request import parse_http_list, url2pathname",
    "from urllib.parse import urlsplit",
    "from pydantic_core import PydanticCustomError",
    "HEADER = '-----BEGIN PRIVATE KEY-----'",
    "KEY = 'AKIAIOSFODNN7EXAMPLE'",
    "URL = 'https://user:pass@example.org/x'",
    "TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'",
]


@pytest.mark.parametrize("lines", NO_REASONS)
def test_style_and_what_has_a_reason_is_shown_and_rejects_nothing(site, lines):
    texts = {"nat_tools/roman_numeral.py": f"{ROMAN_TOOL}\n\n{lines}\n", "tests/test_roman_numeral.py": ROMAN_TESTS}
    tool = ToolSpec.model_validate(ROMAN_SPEC)
    assert static_findings(tool, texts, site) == []
    shown = remarks_finding([each for each in remarks(tool, texts) if not each.required])
    assert not shown.passed
    assert shown.detail.startswith("nat_tools/roman_numeral.py:")
    assert ("The code says: " in shown.detail) is any(mark in lines for mark in ("noqa", "nosec", "pragma"))


@pytest.mark.parametrize("lines", NOTHING)
def test_constants_and_examples_are_no_network_and_no_secret(site, lines):
    assert findings(site, tool=f"\n\n{lines}\n") == []


def test_a_token_in_a_test_is_shown(site):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmE"
    texts = {"nat_tools/roman_numeral.py": ROMAN_TOOL, "tests/test_roman_numeral.py": f"T = '{token}'\n{ROMAN_TESTS}"}
    shown = remarks_finding(remarks(ToolSpec.model_validate(ROMAN_SPEC), texts))
    assert "(JSON Web Token)" in shown.detail
    assert findings(site, tests=f"\nT = '{token}'\n") == []
    assert len(findings(site, tool=f"\nT = '{token}'\n")) == 1


def test_without_remarks_there_is_nothing_to_read():
    assert remarks_finding([]).passed


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
