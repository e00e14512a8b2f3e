"""The gate judges tools that were compiled from an API's description as any other, and accepts them."""

from pathlib import Path

import pytest

from agenthands.gate.checks import files
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import Evidence
from agenthands.gate.gate import judge, run_checks
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.openapi.reading import Source
from agenthands.openapi.source import tool_source, tool_tests
from agenthands.openapi.specification import tool_specification

pytestmark = pytest.mark.slow
FORGE = Path(__file__).parents[1] / "openapi" / "descriptions" / "forge.yaml"
BEHAVIOUR = ("files", "conformance", "schema", "tests", "examples", "held_out", "world", "hygiene")
ODD = FORGE.with_name("odd.yaml")


@pytest.fixture
def compiled(tmp_path):
    def write(source, name):
        apis = ApiCatalogue([source])
        tool = tool_specification(apis.operations[name].document, apis.compiled(name))
        for path, text in ((files.tool_path(name), tool_source(tool)), (files.tests_path(name), tool_tests(tool))):
            (tmp_path / path).parent.mkdir()
            (tmp_path / path).write_text(text)
        return tool

    return write


def test_a_list_with_pages_and_a_key_is_accepted(compiled, tmp_path, nat_environment, bubblewrap):
    tool = compiled(Source("forge.yaml", FORGE.read_text()), "issues_list_for_repo")
    report = judge(tool, tmp_path, nat_environment, bubblewrap, 300)
    assert report.accepted, [(check.name, check.detail) for check in report.failures()]
    assert report.coverage == 1


@pytest.mark.parametrize("name", ["order", "words", "add_words"])
def test_what_is_odd_does_what_it_should(name, compiled, tmp_path, nat_environment, bubblewrap):
    tool = compiled(Source("odd.yaml", ODD.read_text()), name)
    checks = [check for check in CHECKS if check.name in BEHAVIOUR]
    report = run_checks(Evidence(tool, tmp_path, nat_environment, bubblewrap, 300, {}, checks))
    assert report.accepted, [(check.name, check.detail) for check in report.failures()]
    assert len(report.checks) == len(BEHAVIOUR)
