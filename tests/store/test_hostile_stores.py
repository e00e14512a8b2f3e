"""Somebody who can write to the store puts anything there: every command says what is wrong, in bounds and plainly."""

import json
import re
import resource
import shutil

import pytest
from hostile_stores import AGENT, BUILD, BUNDLES, REFUSED, SHOWN, bundle, content, packed, without
from sample_records import BUILD_ID, record

from agenthands.packaging.bundle import pack
from agenthands.store.builds import publish_build
from agenthands.store.fsspec_store import FsspecStore

FILES = {"README.md": b"# It\n", "setup_mcp.sh": b"#!/bin/sh\n"}
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e]")
OTHER_ID = "20260411-080000-aaaaaa"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """The folder of a store with two builds; what is done to the newer one does not concern the older."""
    folder = tmp_path_factory.mktemp("untouched") / "store"
    place = FsspecStore(str(folder))
    files = {"bundle.tar.gz": pack(FILES, AGENT), "tools/convert_currency/nat_tools/convert_currency.py": b"x = 1\n"}
    other = record(build_id=OTHER_ID)
    publish_build(other.model_copy(update={"plan": other.plan.model_copy(update={"name": "other"})}), files, place)
    publish_build(record(), files, place)
    return folder


@pytest.fixture
def store(untouched, tmp_path):
    """A copy of it."""
    return shutil.copytree(untouched, tmp_path / "store")


def run(agenthands, store, *arguments):
    """Run a command on a store; what it prints is harmless, and an error has a hint."""
    code, out, err = agenthands(*arguments, "--store", str(store))
    assert not CONTROLS.search(out + err)
    assert code in (0, 2), err
    assert ("Hint:" in err) is (code == 2)
    return code, out, err


@pytest.mark.parametrize("name", SHOWN)
def test_what_does_not_matter_leaves_the_build_as_it_is(agenthands, store, tmp_path, name):
    SHOWN[name](store)
    _, out, _ = run(agenthands, store, "list")
    assert BUILD_ID in out
    assert OTHER_ID in out
    assert run(agenthands, store, "show", BUILD_ID)[0] == 0
    assert run(agenthands, store, "show", AGENT, "--full")[0] == 0
    assert json.loads(run(agenthands, store, "show", AGENT, "--json")[1])["build_id"] == BUILD_ID
    assert run(agenthands, store, "fetch", AGENT, str(tmp_path / "agent"))[0] == 0
    assert (tmp_path / "agent" / "README.md").read_bytes() == FILES["README.md"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_build_that_cannot_be_read_is_named_and_the_others_are_listed(agenthands, store, tmp_path, name):
    REFUSED[name](store)
    code, out, err = run(agenthands, store, "list")
    assert (code, OTHER_ID in out, BUILD_ID in out) == (0, True, False)
    gone = name in ("build_removed", "record_folder")
    assert (BUILD in err) is not gone
    assert [each["build_id"] for each in json.loads(run(agenthands, store, "list", "--json")[1])] == [OTHER_ID]
    for command in (["show", BUILD_ID], ["show", AGENT, "--full"], ["fetch", AGENT, str(tmp_path / "agent")]):
        assert run(agenthands, store, *command)[0] == 2
    assert not (tmp_path / "agent").exists()
    assert run(agenthands, store, "show", OTHER_ID)[0] == 0


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_is_none_of_ours_is_refused_and_leaves_nothing(agenthands, store, tmp_path, name):
    bundle(BUNDLES[name]())(store)
    before = {path for path in tmp_path.rglob("*") if store not in path.parents}
    code, _, err = run(agenthands, store, "fetch", AGENT, str(tmp_path / "agent"))
    assert code == 2
    assert "cannot be unpacked" in err
    assert {path for path in tmp_path.rglob("*") if store not in path.parents} == before
    assert run(agenthands, store, "show", AGENT, "--full")[0] == 0


def test_a_bundle_with_a_strange_readme_is_a_bundle(agenthands, store, tmp_path):
    bundle(packed(("top/README.md", b"# \x1b[31m<script>\x00"), ("top/run", b"x")))(store)
    assert run(agenthands, store, "show", AGENT, "--full")[0] == 0
    assert run(agenthands, store, "fetch", AGENT, str(tmp_path / "agent"))[0] == 0
    assert not (tmp_path / "agent" / "run").stat().st_mode & 0o6000


def test_a_bomb_takes_little_memory(agenthands, store, tmp_path):
    bundle(BUNDLES["bomb"]())(store)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(agenthands, store, "fetch", AGENT, str(tmp_path / "agent"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_the_newest_accepted_build_stands_for_an_agent_whose_latest_is_gone(agenthands, store):
    publish_build(record(build_id="20260413-000000-bbbbbb", status="rejected"), {}, FsspecStore(str(store)))
    publish_build(record(build_id="20260410-000000-cccccc"), {}, FsspecStore(str(store)))
    (store / "agents" / AGENT / "latest").write_text("20990101-000000-000000")
    assert json.loads(run(agenthands, store, "show", AGENT, "--json")[1])["build_id"] == BUILD_ID
    without(BUILD)(store)
    assert json.loads(run(agenthands, store, "show", AGENT, "--json")[1])["build_id"] == "20260410-000000-cccccc"


def test_a_text_that_is_not_what_was_published_is_not_shown(agenthands, store):
    content(f"{BUILD}/tools/convert_currency/nat_tools/convert_currency.py", b"forged = 1\n")(store)
    assert "forged" not in run(agenthands, store, "show", AGENT, "--full")[1]


def test_a_store_of_nothing_but_broken_builds_is_not_called_empty(agenthands, store):
    for path in store.rglob("build.json"):
        path.write_bytes(b"{")
    code, out, err = run(agenthands, store, "list")
    assert (code, out) == (0, "")
    assert err.count("Left out") == 2
    assert "No builds yet" not in err
