"""The commands of docs/ run as they stand there, in a fresh checkout and HOME, with a scripted model."""

import os
import shutil
from collections import Counter

import pytest
from conftest_paths import ROOT
from docs_support import DOCS, blocks, follow
from s3_support import make_bucket, moto
from scripted_server import serve_script
from served_support import serve

PAGES = [
    "README.md", "install.md", "first-agent.md", "requests.md", "batches.md", "store.md", "prefect.md",
    "models-and-money.md", "gate.md", "security.md", "extend.md", "settings.md",
]  # fmt: skip
INSTALL = ("README.md", "install.md")
OTHERS = {"scale.md", "performance.md"}  # what was measured, and how
NOT_RUN = {
    "needs a key": 0,
}
_IGNORED = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "results", ".*_cache")


def test_every_page_is_followed():
    assert {path.name for path in DOCS.glob("*.md")} - OTHERS == set(PAGES)


def test_what_is_not_run_is_known_and_little():
    reasons = Counter(block.note for page in PAGES for block in blocks(page) if block.kind == "not run")
    assert reasons == NOT_RUN
    run = sum(block.is_run for page in PAGES for block in blocks(page))
    assert run > 3 * reasons.total()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A new user's HOME, in which only what installs slowly is there already: the environments of the tests."""
    return tmp_path_factory.mktemp("docs")


@pytest.fixture(scope="module")
def checkout(home, nat_environment):
    """A copy of the code with the virtual environment of this one."""
    folder = home / "agenthands"
    shutil.copytree(ROOT, folder, ignore=_IGNORED)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture(scope="module")
def servers(home):
    """What a reader would have: the variables of a terminal, and where the servers that pages name are."""
    own = {
        "HOME": str(home),
        "AGENTHANDS_STORE": str(home / ".agenthands" / "store"),
        "AGENTHANDS_PLANNER": "scripted/data-report",
    }
    with serve(home, **own) as served, moto() as s3, serve_script("data-report") as model:
        make_bucket(s3, "agenthands")
        addresses = {
            "http://127.0.0.1:4200/api": served.url,
            "http://localhost:9000": s3,
            "http://localhost:8000/v1": model.url,
        }
        own["PREFECT_API_URL"] = served.url
        yield {**os.environ, **own}, addresses


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page, checkout, servers):
    variables, addresses = servers
    if page not in INSTALL:  # what those two pages set is taken for granted by the others
        variables = {**variables, "PATH": f"{checkout}/.venv/bin:{os.environ['PATH']}"}
    follow(page, checkout, variables, addresses)
