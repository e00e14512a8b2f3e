"""A bundle comes out as it went in, and what is no bundle of ours leaves nothing behind."""

import gzip
import io
import tarfile

import pytest

from agenthands.packaging.bundle import pack, unpack

FILES = {"README.md": b"# It\n", "setup_mcp.sh": b"#!/bin/sh\n", "src/a/__init__.py": b"", "raw": bytes(range(256))}


def archive(name, **kind):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as written:
        entry = tarfile.TarInfo(name)
        for key, value in kind.items():
            setattr(entry, key, value)
        written.addfile(entry, io.BytesIO(b"x" * entry.size))
    return gzip.compress(raw.getvalue())


def test_what_was_packed_is_unpacked(tmp_path):
    unpack(pack(FILES, "agent"), tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == FILES
    assert [path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o111] == [
        "setup_mcp.sh"
    ]


def test_a_folder_that_is_in_use_stays_as_it_is(tmp_path):
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "mine").write_text("mine")
    with pytest.raises(OSError, match="not empty"):
        unpack(pack(FILES, "agent"), tmp_path / "agent")
    assert [path.name for path in tmp_path.rglob("*")] == ["agent", "mine"]


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"no gzip",
        pack(FILES, "agent")[:-20],
        gzip.compress(b"no archive" * 100),
        archive("../outside", size=1),
        archive("agent/../../outside", size=1),
        archive("agent/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        archive("agent/null", type=tarfile.CHRTYPE),
    ],
    ids=["empty", "text", "torn", "no archive", "above", "above later", "link", "device"],
)
def test_what_is_no_bundle_is_refused_and_leaves_nothing(bundle, tmp_path):
    with pytest.raises(ValueError, match=r"it is no (gzip file|archive of files)"):
        unpack(bundle, tmp_path / "agent")
    assert list(tmp_path.rglob("*")) == []
