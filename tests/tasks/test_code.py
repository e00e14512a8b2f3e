"""A tool's work folder: whose it is, and when it goes."""

import shutil

import pytest

from agenthands.schemas import BuildOptions, BuildRequest
from agenthands.settings import load_settings
from agenthands.store.workdirs import BuildContext, ToolWorkspace, tool_folder
from agenthands.tasks import dependencies
from agenthands.tasks.code import create_workspace, remove_if_cached, remove_workspace, suspend
from agenthands.tasks.locks import locks_for

KEY = "tools/0123456789abcdef"
APART = "tools/fedcba9876543210"


class Cut(BaseException):
    """The process was killed."""


@pytest.fixture
def work_of(tmp_path, monkeypatch):
    """Return the work on the same tool of any build, all with one store and one home."""
    monkeypatch.setenv("AGENTHANDS_HOME", str(tmp_path / "home"))

    def work(build_id, apart=""):
        folder = tmp_path / "home" / "work" / build_id
        folder.mkdir(parents=True, exist_ok=True)
        request = BuildRequest(request="a report", store=str(tmp_path / "store"))
        build = BuildContext(build_id=build_id, request=request, folder=folder)
        return ToolWorkspace(build, None, None, tool_folder(build, KEY), apart)

    return work


@pytest.fixture
def store(tmp_path):
    return dependencies.store_for(load_settings(BuildOptions(store=str(tmp_path / "store"))))


def test_what_another_builds_fallback_did_goes_whole_even_where_the_removal_is_cut_short(work_of, monkeypatch):
    with_fallback, without = work_of("a", APART), work_of("b")
    create_workspace(with_fallback, refresh=False)
    with_fallback.stand_in.touch()
    with_fallback.steps.mkdir()
    (with_fallback.steps / "generate-1.json").touch()

    def cut(path, ignore_errors=False):
        next(iter(sorted(path.glob("fallback-*")))).unlink()
        raise Cut

    remove = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", cut)
    with pytest.raises(Cut):
        create_workspace(without, refresh=False)
    monkeypatch.setattr(shutil, "rmtree", remove)
    after = work_of("c")
    create_workspace(after, refresh=False)
    assert sorted(each.name for each in after.folder.iterdir()) == ["owner"]


def test_a_folder_in_which_somebody_else_began_stays(work_of):
    first, second = work_of("a"), work_of("b")
    create_workspace(first, refresh=False)
    create_workspace(second, refresh=False)
    remove_workspace(first)
    assert second.folder.is_dir()
    remove_workspace(second)
    assert not second.folder.exists()


@pytest.mark.parametrize("kept_under", [KEY, APART])
def test_the_folder_of_an_accepted_tool_goes_once_the_store_has_the_tool(work_of, store, kept_under):
    work = work_of("a", APART)
    create_workspace(work, refresh=False)
    remove_if_cached(work, KEY)
    assert work.folder.is_dir(), "the store was away when the tool was to be kept"
    store.put(f"{kept_under}/result.json", b"{}")
    locks = locks_for(dependencies.settings_for(work.build.request.options()))
    assert locks.acquire_lock(f"{KEY}/result.json", "another build", 0)
    remove_if_cached(work, KEY)
    assert work.folder.is_dir(), "another build works there"
    locks.release_lock(f"{KEY}/result.json", "another build")
    remove_if_cached(work, KEY)
    assert not work.folder.exists()


@pytest.mark.parametrize(
    ("finished", "left"),
    [
        (True, ["generate-1.json", "generate-2.json", "validate-1-0.json", "validate-2-0.json"]),
        (False, ["generate-1.json", "validate-1-0.json"]),
    ],
)
def test_a_paused_tool_stays_until_it_is_begun_again_and_an_attempt_that_was_cut_short_is_forgotten(
    work_of, finished, left
):
    work = work_of("a")
    create_workspace(work, refresh=False)
    work.steps.mkdir()
    for step in ("generate-1", "validate-1-0", "generate-2", "validate-2-0"):
        (work.steps / f"{step}.json").touch()
    suspend(work, 2, finished)
    remove_workspace(work)
    assert sorted(each.name for each in work.steps.iterdir()) == left
    again = work_of("b")
    create_workspace(again, refresh=False)
    remove_workspace(again)
    assert not work.folder.exists()
