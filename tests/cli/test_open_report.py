"""`agenthands show --open`: which file the browser is given."""

import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import sample_records as samples

from agenthands.api import Store
from agenthands.cli.commands import open_report
from agenthands.errors import StoreNotUsable
from agenthands.store.builds import build_prefix, publish_build
from agenthands.store.fsspec_store import FsspecStore

FILES = {name: text.encode() for name, text in samples.files().items()}


@pytest.fixture
def opened(monkeypatch):
    """The files that the browser was given."""
    given = []
    monkeypatch.setattr(webbrowser, "open", lambda url: given.append(Path(unquote(urlsplit(url).path))) or True)
    return given


def test_the_report_is_opened_where_it_lies(tmp_path, opened):
    store = FsspecStore(str(tmp_path / "my store"))
    record = publish_build(samples.whole(), FILES, store)
    assert open_report(Store(store.url), record) == (opened[0], True)
    assert opened == [tmp_path / "my store" / build_prefix(record) / "report.html"]
    assert b"The agent works" in opened[0].read_bytes()


def test_a_copy_is_opened_where_the_store_is_elsewhere(tmp_path, opened, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    store = FsspecStore("memory://reports")
    record = publish_build(samples.whole(), FILES, store)
    file, there = open_report(Store(store.url), record)
    assert there
    assert opened == [file]
    assert file.is_relative_to(tmp_path)
    assert file.read_bytes() == store.get(f"{build_prefix(record)}/report.html")


def test_a_report_that_somebody_changed_is_not_opened(tmp_path, opened):
    store = FsspecStore(str(tmp_path))
    record = publish_build(samples.whole(), FILES, store)
    store.put(f"{build_prefix(record)}/report.html", b"<script>")
    with pytest.raises(StoreNotUsable, match="damaged"):
        open_report(Store(store.url), record)
    assert opened == []


def test_the_texts_of_a_build_are_those_of_its_report(tmp_path):
    store = FsspecStore(str(tmp_path))
    record = publish_build(samples.whole(), {**FILES, "bundle.tar.gz": b"no archive"}, store)
    texts = Store(store.url).texts(record)
    assert texts.pop("README.md") == ""
    assert texts == {
        name: text for name, text in samples.files().items() if name not in ("README.md", "register.py")
    } | {"register.py": "never shown"}
