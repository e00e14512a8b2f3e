"""Stores and bundles that somebody has tampered with in ways that nobody thought of: an answer or an error of ours."""

import gzip
import json
import re
import shutil

import pytest
from fuzzing import JSON, TEXT
from hostile_stores import AGENT, BUILD, BUNDLES, HARD, LINK, packed
from hypothesis import given
from hypothesis import strategies as st
from sample_records import BUILD_ID, record

from agenthands.errors import AgentHandsError
from agenthands.packaging.archive import MOST_BYTES, files_of
from agenthands.packaging.bundle import pack, unpack
from agenthands.reports.html import render_report
from agenthands.reports.terminal.build import list_text, show_text
from agenthands.reports.terminal.layout import fitted
from agenthands.store.builds import all_records, fetch_bundle, find_build, publish_build, texts_of
from agenthands.store.fsspec_store import FsspecStore

ODD = st.sampled_from([
    1e308, -1e308, -1e18, 1e9, -1, 10**15, 10**18, 10**400, "9" * 5000, "\x1b[2J", "../../x", "\ud800", "\x9b31m", None,
    [], {}, True, "20990101-000000-000000", "9999-12-31T00:00:00Z", "x" * 100_000,
])  # fmt: skip
PART = st.sampled_from(["top", "a", "b", "..", ".", "", "\x1b[m", "n" * 300, "README.md", "x\\y", "é", "\udcff"])
NAME = st.lists(PART, min_size=1, max_size=4).map("/".join)
ENTRY = st.tuples(
    NAME,
    st.one_of(
        st.binary(max_size=20), st.none(), st.tuples(st.sampled_from([LINK, HARD, b"3", b"6", b"S", b"7"]), NAME)
    ),
)
ARCHIVE = st.one_of(
    st.lists(ENTRY, max_size=4).map(lambda entries: packed(*entries)),
    st.builds(lambda raw, at, byte: raw[:at] + bytes([byte]) + raw[at + 1 :],
              st.lists(ENTRY, min_size=1, max_size=3).map(lambda entries: packed(*entries, zipped=False)),
              st.integers(0, 1023), st.integers(0, 255)).map(gzip.compress),
    st.sampled_from(sorted(BUNDLES)).map(lambda name: BUNDLES[name]()),
    st.binary(max_size=50),
)  # fmt: skip
KEY = st.sampled_from([
    "agents/build.json", f"agents/{AGENT}/latest", f"agents/{AGENT}/build.json", f"{BUILD}/build.json",
    f"agents/{AGENT}/20990101-000000-000000/build.json", f"agents/\x1b[2J/{BUILD_ID}/build.json",
    f"agents/other/{BUILD_ID}/build.json", f"{BUILD}/bundle.tar.gz", f"{BUILD}/report.html", "agents", "x/build.json",
])  # fmt: skip


@st.composite
def tampered(draw):
    """Return the record of a build in which some values are odd ones."""
    document = record().model_dump(mode="json")
    for _ in range(draw(st.integers(1, 3))):
        node = document
        while isinstance(node, dict | list) and node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if not isinstance(node[key], dict | list) or not node[key] or draw(st.integers(0, 4)) == 0:
                node[key] = draw(st.one_of(ODD, JSON))
                break
            node = node[key]
    return document


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "store"
    publish_build(record(), {"bundle.tar.gz": pack({"README.md": b"x"}, "agent")}, FsspecStore(str(folder)))
    return folder


CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


def harmless(text):
    assert not CONTROLS.search(text)


def looked_at(folder):
    """Do with a store what the commands do; an error of ours has a hint, and is an answer too."""
    store, broken = FsspecStore(str(folder)), []
    told(lambda: harmless(list_text(list(all_records(store, broken.append)))))
    for error in broken:
        assert BUILD_ID in error.message or "2099" in error.message
        harmless(fitted(error.message))
    for name in (BUILD_ID, AGENT, "2099", "other"):
        shutil.rmtree(folder.parent / "agent", ignore_errors=True)
        told(lambda name=name: shown(store, find_build(store, name)))
        told(lambda name=name: fetch_bundle(store, name, folder.parent / "agent"))


def shown(store, record):
    harmless(show_text(record))
    harmless(show_text(record, texts_of(store, record)))
    assert render_report(record, texts_of(store, record))


def told(use):
    try:
        use()
    except AgentHandsError as error:
        harmless(fitted(error.message))
        return error.hint or pytest.fail(f"no hint: {error.message}")


@given(tampered())
def test_any_record_is_shown_or_named(untouched, tmp_path, document):
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
    shutil.copytree(untouched, tmp_path / "store")
    (tmp_path / "store" / BUILD / "build.json").write_text(json.dumps(document) if _fits(document) else "9" * 5000)
    looked_at(tmp_path / "store")


def _fits(document):
    try:
        json.dumps(document).encode()
    except ValueError:
        return False
    return True


@given(st.lists(st.tuples(KEY, st.one_of(st.binary(max_size=30), JSON.map(lambda value: json.dumps(value).encode()),
                                         TEXT.map(lambda text: text.encode(errors="replace")), st.none())),
                min_size=1, max_size=3))  # fmt: skip
def test_anything_may_lie_anywhere(untouched, tmp_path, files):
    folder = tmp_path / "store"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(untouched, folder)
    for key, content in files:
        path = folder / key
        if not any(parent.is_symlink() or parent.is_file() for parent in path.parents if folder in parent.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            if content is None:
                path.symlink_to(path.name)
            else:
                path.write_bytes(content)
    looked_at(folder)


@given(ARCHIVE)
def test_any_archive_is_unpacked_below_its_folder_or_refused(tmp_path_factory, raw):
    folder = tmp_path_factory.mktemp("bundle")
    try:
        files = files_of(raw)
        assert sum(len(file.content) for file in files.values()) <= MOST_BYTES
        unpack(raw, folder / "agent")
    except ValueError:
        assert not list(folder.iterdir())
        return
    found = {path.relative_to(folder / "agent").as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        name: file.content for name, file in files.items()
    }
    assert not any(path.is_symlink() or path.stat().st_mode & 0o6000 for path in found.values())
