"""The commands of docs/ run as they stand there, in a fresh checkout and HOME, with a scripted model."""

import os
import re
import shutil
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from conftest_paths import ROOT
from docs_support import DOCS, blocks, follow
from patience import patient
from s3_support import make_bucket, moto
from scripted_server import serve_script
from served_support import serve

# Two readers at once, each in this order. A budget of the day (prefect.md) holds for models-and-money.md too.
READERS = (
    (
        "README.md",
        "install.md",
        "first-agent.md",
        "requests.md",
        "living-with-an-agent.md",
        "data.md",
        "openapi.md",
        "store.md",
        "settings.md",
    ),
    ("gate.md", "batches.md", "prefect.md", "models-and-money.md", "security.md", "extend.md"),
)
PAGES = [page for pages in READERS for page in pages]
INSTALL = ("README.md", "install.md")
OTHERS = {
    "scale.md",
    "performance.md",
    "trials.md",
    "python.md",
    "reasons.md",
    "worlds.md",
    "agents.md",
}  # what was measured, and how; and what has no commands
NOT_RUN = {
    "needs docker": 3,
    "needs a cluster": 1,
    "needs a key": 4,
    "needs a model that plans over an API": 1,
    "needs Ollama": 1,
    "needs the address of the repository": 2,
    "needs the id of a run under way": 1,
    "it stays in the foreground": 1,
    "the tests start it for all pages": 2,
    "takes minutes; `make test` runs it": 1,
}
_IGNORED = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "results", ".*_cache")


def test_every_page_is_followed():
    assert {path.name for path in DOCS.glob("*.md")} - OTHERS == set(PAGES)


def test_what_is_not_run_is_known_and_little():
    reasons = Counter(block.note for page in PAGES for block in blocks(page) if block.kind == "not run")
    assert reasons == NOT_RUN
    run = sum(block.is_run for page in PAGES for block in blocks(page))
    assert run > 3 * reasons.total()


@pytest.mark.parametrize("page", PAGES)
def test_no_command_may_fail_unseen(page):
    for block in blocks(page):
        assert not block.is_run or "|| true" not in block.text
        for _, _, lines in block.commands() if block.is_run else ():
            for line in lines:
                assert not line.startswith("Error:") or len(re.findall(r"[a-z]{2,}", line.removeprefix("Error:"))) > 2


@pytest.mark.parametrize(("language", "text", "wrong"), [
    ("sh", "export A=1\ncd /\n```\n\n```sh\n[ $A$PWD = 1/ ]", ""),
    ("sh", "unset HOME\n```\n\n```sh\n[ -z \"$HOME\" ]", ""),
    ("sh", "false\ntrue", "ends with 1, not 0"),
    ("console", "$ sh -c 'exit 3'\n$ echo $?\n3", ""),
    ("console", "$ true\n$ echo $?\n3", "ends with 0, not 3"),
    ("console", "$ echo It took 12.5 s, and more\nIt took 7 s, ...", ""),
    ("console", "$ echo It took 12.5 s\nIt takes 7 s", "does not say 'It takes 7 s'"),
])  # fmt: skip
def test_a_command_that_ends_otherwise_than_shown_is_noticed(tmp_path, language, text, wrong):
    (tmp_path / "folder").mkdir()
    page = tmp_path / "page.md"
    page.write_text(f"```{language}\n{text}\n```\n")
    said = follow(page, tmp_path / "folder", dict(os.environ), {})
    assert (wrong in said) if wrong else said == ""


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
    for name in ("requirements.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))  # older than the environment, which `make install` must not make anew
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


@pytest.fixture(scope="module")
def followed(request, checkout, servers):
    """All pages that are tested now, each as what comes of it."""
    variables, addresses = servers
    path = {**variables, "PATH": f"{checkout}/.venv/bin:{os.environ['PATH']}"}
    tested = {item.callspec.params.get("page") for item in request.session.items if hasattr(item, "callspec")}
    results = {page: Future() for page in PAGES}

    def read(pages):
        for page in pages:
            if page in tested:  # what the pages about installing set is taken for granted by the others
                own = variables if page in INSTALL else path
                try:
                    results[page].set_result(follow(page, checkout, own, addresses))
                except Exception as error:
                    results[page].set_exception(error)

    with ThreadPoolExecutor(len(READERS)) as readers:
        readers.map(read, READERS)
        yield results


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page, followed):
    assert followed[page].result(timeout=patient(800)) == ""
