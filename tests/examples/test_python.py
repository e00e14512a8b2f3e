"""The Python examples of docs/ and of the public interface run as they stand there, with the scripted model."""

import subprocess
import sys

import pytest
from conftest_paths import ROOT, TEST_HOME
from docs_support import DOCS
from patience import patient


def run_doctests(page, module, folder):
    """Run examples of Python in an empty HOME, with the scripted model and without a server of Prefect's."""
    script = ROOT / "tests" / "support" / "run_doctests.py"
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "AGENTHANDS_HOME": str(TEST_HOME),
        "AGENTHANDS_STORE": str(folder / "store"),
        "AGENTHANDS_PLANNER": "scripted/data-report",
    }
    asked = [sys.executable, "-P", script, page, module]
    return subprocess.run(asked, cwd=folder, env=variables, capture_output=True, text=True, timeout=patient(600))


def test_an_example_of_python_that_says_otherwise_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> number = 3\n```\n\n```pycon\n>>> number + 1\n5\n```\n")
    done = run_doctests(page, "agenthands.errors", tmp_path)
    assert done.returncode == 1
    assert "- 5" in done.stdout
    page.write_text(page.read_text().replace("5", "4"))
    assert run_doctests(page, "agenthands.errors", tmp_path).returncode == 0


def test_only_one_page_has_examples_of_python():
    assert [path.name for path in DOCS.glob("*.md") if ">>> " in path.read_text()] == ["python.md"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_examples_of_python_run(tmp_path, nat_environment):
    done = run_doctests(DOCS / "python.md", "agenthands.api", tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
