"""A store written by the commit before the packages were renamed: its builds are shown, its results are used again."""

import json
import tarfile
from pathlib import Path

import pytest

from agenthands.mcp.setup import ServerFinding
from agenthands.planning.objections import PlanResult
from agenthands.schemas import Acceptance, ToolArtifact
from agenthands.tasks.result_format import RedactedJson

KINDS = {"plans": PlanResult, "servers": ServerFinding, "tools": ToolArtifact, "acceptances": Acceptance}


@pytest.fixture(scope="module")
def older_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with tarfile.open(Path(__file__).parent / "fixtures" / "store-before-the-rooms.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_its_builds_are_listed_shown_and_fetched(older_store, agenthands, tmp_path):
    code, out, _ = agenthands("list", "--store", str(older_store), "--json")
    (record,) = json.loads(out)
    assert (code, record["status"]) == (0, "accepted")
    code, out, _ = agenthands("show", record["build_id"], "--store", str(older_store), "--full")
    assert code == 0
    assert "financial_statement_analyzer" in out
    code, _, _ = agenthands("fetch", "financial-research", str(tmp_path / "agent"), "--store", str(older_store))
    assert code == 0
    assert (tmp_path / "agent" / "README.md").is_file()


def test_its_kept_results_are_read_as_what_they_are(older_store):
    seen = set()
    for path in older_store.glob("*/*/result.json"):
        kind = path.relative_to(older_store).parts[0]
        result = RedactedJson().loads(json.loads(path.read_text())["result"].encode())
        assert isinstance(result, KINDS[kind]), path
        assert RedactedJson().loads(RedactedJson().dumps(result)) == result
        seen.add(kind)
    assert seen == set(KINDS)


def test_a_result_of_an_unknown_type_cannot_be_read():
    with pytest.raises(ValueError, match=r"agenthands\.models\.build\.Nobody"):
        RedactedJson().loads(b'{"__class__": "agenthands.models.build.Nobody", "data": {}}')
    with pytest.raises(TypeError, match="no name in the results"):
        RedactedJson().dumps(object())
