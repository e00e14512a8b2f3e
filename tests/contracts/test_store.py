"""The Store port: one contract for every kind of store, then what only some kinds can show."""

import hashlib
import os
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agenthands.errors import StoreNotUsable, StoreUnavailable
from agenthands.store.error_mapping import translation
from agenthands.store.fsspec_store import FsspecStore

BAD_KEYS = [
    "", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "a//b", "a/", "./a", "a/./b", "a\\b", "..\\x",
    "a\nb", "a\0b",
    f"a/.agenthands-{'0' * 32}.tmp",
]  # fmt: skip


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def store(url):
    return FsspecStore(url)


class TestContract:
    def test_an_object_comes_back_as_it_was_written(self, store, url):
        content = bytes(range(256)) * 10
        assert store.put("agents/a/1/build.json", content) == sha256(content)
        assert store.get("agents/a/1/build.json") == content
        assert FsspecStore(url).get("agents/a/1/build.json") == content

    def test_an_empty_object_is_an_object(self, store):
        assert store.put("empty", b"") == sha256(b"")
        assert store.get("empty") == b""
        assert store.keys("") == ["empty"]

    def test_no_more_is_read_than_asked_for(self, store):
        store.put("a", b"12345")
        assert store.get("a", 5) == b"12345"
        with pytest.raises(StoreNotUsable, match="larger object"):
            store.get("a", 4)
        with pytest.raises(KeyError):
            store.get("b", 4)

    def test_a_big_file_is_taken_from_its_path(self, store, tmp_path):
        source = tmp_path / "big.bin"
        source.write_bytes(b"0123456789abcdef" * (3 * 1024**2 // 16) + b"tail")
        assert store.put("agents/a/bundle.tar.gz", source) == sha256(source.read_bytes())
        assert store.get("agents/a/bundle.tar.gz") == source.read_bytes()
        assert source.exists()

    def test_a_source_file_that_is_missing_is_not_the_store_s_fault(self, store, tmp_path):
        with pytest.raises(FileNotFoundError, match="absent"):
            store.put("a", tmp_path / "absent")
        assert store.keys("") == []

    def test_writing_again_replaces(self, store):
        store.put("latest", b"a longer first content")
        store.put("latest", b"second")
        assert store.get("latest") == b"second"
        assert store.keys("") == ["latest"]

    def test_a_reader_never_sees_a_torn_object(self, store):
        versions = [letter * 400_000 for letter in (b"a", b"b", b"c")]
        store.put("torn", versions[0])
        done, seen = threading.Event(), set()

        def read() -> None:
            while not done.is_set():
                seen.add(sha256(store.get("torn")))
                seen.update({"a listing without it"} if store.keys("") != ["torn"] else ())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for turn in range(60):
                store.put("torn", versions[turn % 3])
        finally:
            done.set()
            reader.join()
        assert seen <= {sha256(version) for version in versions}
        assert seen

    def test_keys_are_relative_sorted_and_below_the_prefix(self, store):
        for key in ("b/2", "b/10/x", "a/1", "bb/1", "top"):
            store.put(key, b"x")
        assert store.keys("") == ["a/1", "b/10/x", "b/2", "bb/1", "top"]
        assert store.keys("b") == store.keys("b/") == ["b/10/x", "b/2"]
        assert store.keys("b/10") == ["b/10/x"]
        assert store.keys("nothing/here") == []
        assert store.keys("top") == []

    def test_what_another_writer_adds_is_listed_at_once(self, store, url):
        assert store.keys("agents") == []
        FsspecStore(url).put("agents/x/build.json", b"{}")
        assert store.keys("agents") == ["agents/x/build.json"]

    @pytest.mark.parametrize("key", ["missing", "a", "a/b/c"])
    def test_a_missing_object_is_a_key_error(self, store, key):
        store.put("a/b", b"an object, so that a is a folder and a/b/c has an object above it")
        with pytest.raises(KeyError, match=key):
            store.get(key)

    def test_an_unused_store_is_empty(self, store):
        assert store.keys("") == []
        with pytest.raises(KeyError):
            store.get("anything")

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_no_key_leaves_the_store(self, store, key):
        with pytest.raises(ValueError, match="no key of a store"):
            store.put(key, b"x")
        with pytest.raises(ValueError, match="no key of a store"):
            store.get(key)
        if key:
            with pytest.raises(ValueError, match="no key of a store"):
                store.keys(f"{key}/..")

    @pytest.mark.parametrize("key", ["with space.txt", "*", "a?b", "[x]", "ümläut/漢字", "per%20cent", "..."])
    def test_a_name_is_taken_as_it_is(self, store, key):
        store.put(key, b"x")
        assert store.keys("") == [key]
        assert store.get(key) == b"x"

    def test_check_leaves_nothing(self, store):
        store.put("a", b"x")
        store.check()
        assert store.keys("") == ["a"]

    def test_of_many_who_create_an_object_one_wins(self, url):
        writers = [FsspecStore(url) for _ in range(8)]
        with ThreadPoolExecutor(len(writers)) as threads:
            contents = [str(number).encode() * 10_000 for number in range(len(writers))]
            won = list(threads.map(lambda writer, content: writer.create("agents/x", content), writers, contents))
        assert won.count(True) == 1
        assert writers[0].get("agents/x") == contents[won.index(True)]
        assert writers[0].create("agents/x", contents[won.index(True)]) is False
        assert writers[0].keys() == ["agents/x"]

    def test_many_small_objects_written_at_once_are_all_there(self, store):
        keys = [f"many/{number:03}" for number in range(200)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda key: store.put(key, key.encode()), keys))
        assert store.keys("many") == keys
        assert {store.get(key) for key in keys[::20]} == {key.encode() for key in keys[::20]}

    def test_a_large_object_comes_back(self, store, tmp_path):
        source = tmp_path / "large.bin"
        with source.open("wb") as file:
            for number in range(64):
                file.write(bytes([number]) * 1024**2)
        digest = store.put("large", source)
        content = store.get("large")
        assert (len(content), sha256(content)) == (64 * 1024**2, digest)


class TestFolder:
    def test_home_and_relative_folders_become_absolute(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        assert FsspecStore("~/store").url == f"{tmp_path}/store"
        assert FsspecStore("store").url == f"{tmp_path}/store"
        assert FsspecStore(f"file://{tmp_path}/store").url == f"{tmp_path}/store"

    def test_nothing_is_made_before_it_is_needed(self, tmp_path):
        store = FsspecStore(str(tmp_path / "store"))
        store.keys("")
        assert not (tmp_path / "store").exists()

    def test_check_removes_its_probe(self, tmp_path):
        FsspecStore(str(tmp_path / "store")).check()
        assert list((tmp_path / "store").iterdir()) == []

    def test_a_write_that_breaks_off_leaves_the_old_object_and_no_rest(self, tmp_path, monkeypatch):
        store = FsspecStore(str(tmp_path))
        store.put("a/b", b"old")

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StoreNotUsable, match="no space left"):
            store.put("a/b", b"new")
        assert store.get("a/b") == b"old"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
    def test_a_full_disk_is_named_and_loses_nothing(self, tmp_path):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
        try:
            store = FsspecStore(str(tmp_path))
            store.put("a", b"a" * 600_000)
            with pytest.raises(StoreNotUsable, match="no space left"):
                store.put("a", b"b" * 600_000)
            assert store.get("a") == b"a" * 600_000
            assert store.keys() == ["a"]
        finally:
            subprocess.run(["umount", tmp_path], check=True)

    def test_what_a_killed_writer_left_is_never_listed(self, tmp_path):
        store = FsspecStore(str(tmp_path))
        store.put("a/b", b"x")
        (tmp_path / "a" / f".agenthands-{uuid.uuid4().hex}.tmp").write_bytes(b"half")
        assert store.keys("") == store.keys("a") == ["a/b"]

    def test_a_temporary_file_is_never_listed_while_writing(self, tmp_path):
        store = FsspecStore(str(tmp_path))
        done, seen = threading.Event(), set()

        def watch() -> None:
            while not done.is_set():
                seen.update(store.keys(""))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in range(30):
            store.put("a/b", b"x" * 300_000)
            store.check()
        done.set()
        watcher.join()
        assert seen == {"a/b"}

    @pytest.mark.parametrize("use", ["check", "put", "get", "keys"])
    def test_a_store_below_a_regular_file_is_not_usable(self, tmp_path, use):
        (tmp_path / "file").write_text("not a folder")
        store = FsspecStore(str(tmp_path / "file" / "store"))
        with pytest.raises(StoreNotUsable, match="not a folder") as caught:
            {"check": store.check, "put": lambda: store.put("a", b""), "get": lambda: store.get("a"),
             "keys": lambda: store.keys("")}[use]()  # fmt: skip
        assert str(tmp_path / "file" / "store") in caught.value.message
        assert "--store" in caught.value.hint

    def test_a_regular_file_is_no_store(self, tmp_path):
        (tmp_path / "file").write_text("not a folder")
        for use in (
            FsspecStore(str(tmp_path / "file")).check,
            lambda: FsspecStore(str(tmp_path / "file")).keys(""),
        ):
            with pytest.raises(StoreNotUsable, match="not a folder"):
                use()

    def test_a_store_in_proc_is_not_usable(self):
        with pytest.raises(StoreNotUsable, match="/proc/agenthands") as caught:
            FsspecStore("/proc/agenthands").check()
        assert "--store" in caught.value.hint

    def test_content_that_comes_back_changed_is_not_published(self, tmp_path, monkeypatch):
        store = FsspecStore(str(tmp_path), patience=1)
        monkeypatch.setattr("agenthands.store.backends._copy", lambda content, file: file.write(b"bit rot"))
        with pytest.raises(StoreUnavailable, match="other content"):
            store.put("a", b"content")
        assert store.keys("") == []


class TestErrors:
    def test_an_unknown_kind_of_store_says_which_kinds_there_are(self):
        with pytest.raises(StoreNotUsable, match="gopher://") as caught:
            FsspecStore("gopher://hole/x")
        assert "s3://" in caught.value.hint

    def test_an_empty_address_is_refused(self):
        with pytest.raises(StoreNotUsable, match="empty"):
            FsspecStore(" ")

    def test_a_password_in_the_address_is_not_shown(self):
        with pytest.raises(StoreNotUsable) as caught:
            FsspecStore("gopher://me:secret@hole/x")
        assert "secret" not in caught.value.message

    @pytest.mark.parametrize(
        ("error", "kind", "words"),
        [
            (PermissionError(13, "Permission denied"), StoreNotUsable, "permission is denied"),
            (OSError(30, "Read-only file system"), StoreNotUsable, "read-only"),
            (OSError(122, "Disk quota exceeded"), StoreNotUsable, "no space left"),
            (OSError(5, "Input/output error"), StoreUnavailable, "failed"),
            (TimeoutError("slow"), StoreUnavailable, "does not answer"),
            (ConnectionResetError(104, "reset"), StoreUnavailable, "does not answer"),
            (NotImplementedError(), StoreNotUsable, "cannot be written"),
        ],
    )
    def test_errors_become_something_to_act_on(self, error, kind, words):
        told = translation(error, "s3://bucket/x")
        assert type(told) is kind
        assert words in told.message
        assert "s3://bucket/x" in told.message
        assert told.hint

    def test_a_bug_stays_a_bug(self):
        assert translation(TypeError("no"), "s3://bucket") is None


def test_making_the_store_imports_no_s3_library():
    code = (
        "import sys; from agenthands.store.fsspec_store import FsspecStore; FsspecStore('s3://b/p');"
        "sys.exit(any(name in sys.modules for name in ('s3fs', 'botocore', 'aiobotocore', 'aiohttp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
