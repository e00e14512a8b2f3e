"""A file is there whole or not at all, however many write it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from agenthands._util.atomic_files import write_atomic


def test_a_reader_never_sees_a_part(tmp_path):
    path, texts = tmp_path / "lock", [letter * 200_000 for letter in "abcd"]
    write_atomic(path, texts[0])
    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write_atomic, path, text) for text in texts * 10]
        while not all(each.done() for each in writing):
            assert path.read_text() in texts
    assert [each.result() for each in writing] == [None] * 40
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken" / "more").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_atomic(tmp_path / "taken", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
