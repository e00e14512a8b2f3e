"""Removing builds, and what nothing refers to: what is wanted stays, and an interruption leaves no half build."""

import os
import time

import pytest
import sample_records as samples

from agenthands.api import Store
from agenthands.errors import RequestInvalid, StoreNotUsable, StoreUnavailable
from agenthands.schemas.feedback import Feedback
from agenthands.store.builds import all_records, build_prefix, find_build, publish_build
from agenthands.store.feedback import add_feedback, feedback_of
from agenthands.store.fsspec_store import FsspecStore
from agenthands.store.removal import half_builds, old_builds, remove_build

FILES = {name: text.encode() for name, text in samples.files().items()}
OLD, NEWER, NEWEST = "20260101-101500-aaaaaa", "20260201-101500-bbbbbb", "20260301-101500-cccccc"


def published(store, build_id, **changes):
    moment = f"{build_id[:4]}-{build_id[4:6]}-{build_id[6:8]}T10:15:00Z"
    return publish_build(samples.whole(build_id=build_id, started_at=moment, **changes), FILES, store)


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return FsspecStore(str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}")


def test_the_newest_of_the_others_takes_the_place_of_a_build_that_is_removed(store):
    first, second = published(store, OLD), published(store, NEWER)
    name = first.plan.name
    add_feedback(store, Feedback(
        id="20260301-101500-abcdef", at="2026-03-01T10:15:00Z", agent=name, build_id=NEWER, verdict="right",
        question="a", answer="b",
    ))  # fmt: skip
    assert find_build(store, name) == second
    remove_build(store, second)
    assert find_build(store, name) == first
    assert not store.keys(f"{build_prefix(second)}/")
    remove_build(store, first)
    with pytest.raises(StoreNotUsable):
        find_build(store, name)
    assert [each.id for each in feedback_of(store, name)] == ["20260301-101500-abcdef"]


def test_an_interrupted_removal_leaves_no_build_and_is_finished_later(store, monkeypatch):
    record = published(store, OLD)
    removed = []
    remove = store.remove

    def dies(key):
        if len(removed) == 2:
            raise StoreUnavailable("away")
        removed.append(key)
        remove(key)

    monkeypatch.setattr(store, "remove", dies)
    with pytest.raises(StoreUnavailable):
        remove_build(store, record)
    monkeypatch.setattr(store, "remove", remove)
    assert list(all_records(store)) == []
    (rest,) = half_builds(store)
    rest.remove()
    assert not store.keys(f"{build_prefix(record)}/")
    assert list(half_builds(store)) == []


def test_the_newest_accepted_build_stays_with_its_line(store):
    published(store, OLD)
    published(store, NEWER, status="rejected", reason="a test case failed")
    published(store, NEWEST, parent=OLD, revision=2)
    assert [each.name for each in old_builds(store, days=1)] == [NEWER]
    assert list(old_builds(store, days=100_000)) == []


def test_prune_lists_and_removes_only_with_yes(agenthands, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTHANDS_HOME", str(tmp_path / "home"))
    unused = tmp_path / "home" / "environments" / "0123456789abcdef0123-3.12"
    young = unused.with_name("1123456789abcdef0123-3.12")
    for folder in (unused, young):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    os.utime(unused, (time.time() - 30 * 24 * 3600,) * 2)
    store = FsspecStore(str(tmp_path / "store"))
    published(store, OLD, status="rejected", reason="a test case failed")
    store.put("plans/abc/result.json", b"a plan")
    code, out, err = agenthands("prune", "--store", store.url)
    assert (code, OLD in out, unused.name in out, young.name in out) == (0, True, True, False)
    assert "add --yes" in err
    assert unused.exists()
    code, *_ = agenthands("prune", "--store", store.url, "--results", "--yes")
    assert code == 0
    assert (store.keys(), unused.exists(), young.exists()) == ([], False, True)
    assert "nothing to remove" in agenthands("prune", "--store", store.url)[2]


def test_rm_wants_an_id_and_somebody_who_agrees(agenthands, tmp_path):
    store = FsspecStore(str(tmp_path / "store"))
    record = published(store, OLD)
    code, _, err = agenthands("rm", OLD, "--store", store.url)
    assert (code, "--yes" in err) == (2, True)
    with pytest.raises(RequestInvalid, match="an agent's name"):
        Store(store.url).remove(record.plan.name)
    assert agenthands("rm", OLD[:12], "--yes", "--store", store.url)[0] == 0
    assert agenthands("list", "--store", store.url)[1] == ""


def test_builds_are_listed_by_status_and_agent_and_number(agenthands, tmp_path):
    store = FsspecStore(str(tmp_path / "store"))
    published(store, OLD)
    published(store, NEWER, status="rejected", reason="a test case failed")
    listed = agenthands("list", "--status", "accepted", "--store", store.url)[1]
    assert (OLD in listed, NEWER in listed) == (True, False)
    listed = agenthands("list", "--limit", "1", "--store", store.url)[1]
    assert (OLD in listed, NEWER in listed) == (False, True)
    assert "no such builds" in agenthands("list", "--agent", "nobody", "--store", store.url)[2]
