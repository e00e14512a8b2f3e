"""Publishing a build: what readers of the store can see of it, and when."""

import hashlib

import pytest
from sample_records import record

from agenthands.errors import StoreUnavailable
from agenthands.store import builds as publishing
from agenthands.store.builds import all_records, build_prefix, publish_build, report_of
from agenthands.store.fsspec_store import FsspecStore


@pytest.fixture
def store(tmp_path):
    return FsspecStore(str(tmp_path))


def contents(store):
    keys = store.keys()
    return {key: store.get(key) for key in keys}


def test_every_file_is_there_with_the_hash_that_the_record_says(store):
    published = publish_build(record(), {"tools/a.py": b"a = 1\n", "bundle.tar.gz": b"bundle"}, store)
    assert set(published.files) == {"tools/a.py", "bundle.tar.gz", "report.html"}
    for name, sha256 in published.files.items():
        assert hashlib.sha256(store.get(f"{build_prefix(published)}/{name}")).hexdigest() == sha256
    assert list(all_records(store)) == [published]


def test_a_build_that_was_not_wholly_written_is_not_seen(store, monkeypatch):
    put = store.put

    def fail(key, content):
        if key.endswith("report.html"):
            raise StoreUnavailable("gone")
        return put(key, content)

    monkeypatch.setattr(store, "put", fail)
    with pytest.raises(StoreUnavailable):
        publish_build(record(), {"bundle.tar.gz": b"bundle"}, store)
    assert store.keys()
    assert list(all_records(store)) == []


def test_a_bug_in_the_report_costs_the_page_and_not_the_agent(store, monkeypatch):
    key = "canary-" + "4711-key"
    monkeypatch.setenv("GEMINI_API_KEY", key)

    def fail(*_):
        raise KeyError(f"<b>{key}</b>")

    monkeypatch.setattr(publishing, "render_report", fail)
    published = publish_build(record(), {"bundle.tar.gz": b"bundle"}, store)
    assert published.status == "accepted"
    assert list(all_records(store)) == [published]
    page = report_of(store, published).decode()
    assert "That is a bug in AgentHands" in page
    assert "KeyError: &#39;&lt;b&gt;***&lt;/b&gt;&#39;" in page
    assert key not in page


def test_an_accepted_build_stays_as_it_is(store):
    accepted = publish_build(record(), {"bundle.tar.gz": b"bundle"}, store)
    before = contents(store)
    late = record(status="failed", reason="thought dead, and came back")
    assert publish_build(late, {"bundle.tar.gz": b"another"}, store) == accepted
    assert contents(store) == before


def test_a_failed_build_is_replaced_by_the_one_that_goes_on(store):
    publish_build(record(status="cancelled", reason="by a user"), {}, store)
    publish_build(record(), {"bundle.tar.gz": b"bundle"}, store)
    assert [each.status for each in all_records(store)] == ["accepted"]
