"""Backends of a store: files below a folder, or objects of another fsspec file system.

Only complete objects are ever visible. A local object is written to a temporary file and renamed, because fsspec
writes local files in place; an object store replaces an object in one request.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from agenthands.store.base import MOST_BYTES
from agenthands.store.error_mapping import ContentDiffers, ObjectTooLarge, signs

_BLOCK = 1024**2
_TAKEN = {"FileExistsError", "PreconditionFailed", "ConditionalRequestConflict", "412"}
_EMPTY = {"InvalidRange", "416"}  # what S3 says of a range of an object that has no byte
_TEMPORARY = re.compile(r"\.agenthands-[0-9a-f]{32}\.tmp")

_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        # Other processes write to the same bucket, so a cached listing may be wrong.
        "use_listings_cache": False,
        "skip_instance_cache": True,
        # Concurrent ranges of one object may come from two versions of it.
        "max_concurrency": 1,
        "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}},
    },
}


class Place(Protocol):
    """Stores objects by key; errors are those of the backend."""

    def write(self, key: str, content: bytes | Path, digest: str) -> None:
        """Write an object atomically and read it back. Raises ContentDiffers if its SHA-256 is not `digest`."""

    def create(self, key: str, content: bytes) -> None:
        """Write an object atomically if there is none. Raises FileExistsError."""

    def read(self, key: str, most: int) -> bytes:
        """Return the content of an object. Raises FileNotFoundError, and ObjectTooLarge for more than `most` bytes."""

    def names(self, folder: str) -> list[str]:
        """Return the keys at and below `folder`."""

    def remove(self, key: str) -> None:
        """Delete one object."""


class FolderPlace:
    """Objects as files below a root."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, key: str, content: bytes | Path, digest: str) -> None:
        """Write an object atomically and read it back. Raises ContentDiffers."""
        with self._whole(key, content, digest) as (temporary, target):
            temporary.replace(target)

    def create(self, key: str, content: bytes) -> None:
        """Write an object atomically if there is none. Raises FileExistsError."""
        with self._whole(key, content, sha256_of(content)) as (temporary, target):
            target.hardlink_to(temporary)

    @contextmanager
    def _whole(self, key: str, content: bytes | Path, digest: str) -> Iterator[tuple[Path, Path]]:
        """Write a temporary file, verify it, and yield it with its target path; the caller moves it there."""
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / temporary_name()
        try:
            with temporary.open("xb") as file:
                _copy(content, file)
                file.flush()
                os.fsync(file.fileno())
            if sha256_of(temporary) != digest:
                raise ContentDiffers(key)
            yield temporary, target
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)

    def read(self, key: str, most: int) -> bytes:
        """Return the content of an object. Raises FileNotFoundError or ObjectTooLarge."""
        self._exists()
        try:
            # Without waiting: somebody may have put a pipe there, whose other end nobody opens.
            with open(self._root / key, "rb", opener=_opened_at_once) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), key)
                return _bounded(key, file.read(most + 1) if found.st_size <= most else None, most)
        except (NotADirectoryError, IsADirectoryError) as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key) from error

    def names(self, folder: str) -> list[str]:
        """Return the keys at and below `folder`."""
        if not self._exists():
            return []
        walk = os.walk(self._root / folder, onerror=_raise_unless_gone)
        paths = (Path(base, name) for base, _, names in walk for name in names)
        return [path.relative_to(self._root).as_posix() for path in paths]

    def remove(self, key: str) -> None:
        """Delete one object, and the folders that hold nothing more. Raises FileNotFoundError."""
        path = self._root / key
        path.unlink()
        for folder in path.parents[: key.count("/")]:
            try:
                folder.rmdir()
            except OSError:  # something else is in it, or somebody puts something there
                return

    def _exists(self) -> bool:
        try:
            mode = self._root.stat().st_mode
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self._root))
        return True


class ObjectPlace:
    """Objects of any other fsspec file system."""

    def __init__(self, url: str, protocol: str) -> None:
        self._url = url
        self._protocol = protocol

    @cached_property
    def _files(self) -> Any:
        kind = fsspec().get_filesystem_class(self._protocol)
        told = kind._get_kwargs_from_urls(self._url)  # ftp:// and others need the host of the URL as an argument
        return fsspec().filesystem(self._protocol, **{**told, **_OPTIONS.get(self._protocol, {})})

    @cached_property
    def _root(self) -> str:
        return str(self._files._strip_protocol(self._url)).rstrip("/")

    def write(self, key: str, content: bytes | Path, digest: str) -> None:
        """Write an object and read it back. Raises ContentDiffers."""
        path = f"{self._root}/{key}"
        if isinstance(content, Path):
            self._files.put_file(str(content), path)
        else:
            self._files.pipe_file(path, content)
        if sha256_of(self.read(key, MOST_BYTES)) != digest:
            raise ContentDiffers(key)

    def create(self, key: str, content: bytes) -> None:
        """Write an object if there is none. Raises FileExistsError."""
        try:
            self._files.pipe_file(f"{self._root}/{key}", content, mode="create")
        except OSError as error:
            if signs(error).isdisjoint(_TAKEN):
                raise
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), key) from error

    def read(self, key: str, most: int) -> bytes:
        """Return the content of an object. Raises FileNotFoundError or ObjectTooLarge."""
        try:
            content = bytes(self._files.cat_file(f"{self._root}/{key}", start=0, end=most + 1))
        except OSError as error:
            if signs(error).isdisjoint(_EMPTY):
                raise
            return b""
        return _bounded(key, content, most)

    def names(self, folder: str) -> list[str]:
        """Return the keys at and below `folder`."""
        self._files.invalidate_cache()
        try:
            found = self._files.find(f"{self._root}/{folder}".rstrip("/"))
        except FileNotFoundError as error:
            if "NoSuchBucket" in signs(error):
                raise
            return []
        return [name.removeprefix(f"{self._root}/") for name in found]

    def remove(self, key: str) -> None:
        """Delete one object."""
        self._files.rm_file(f"{self._root}/{key}")


def fsspec() -> Any:
    """Import fsspec on first use, and return the module."""
    return import_module("fsspec")


def temporary_name() -> str:
    """Return a unique name for an object that is being written."""
    return f".agenthands-{uuid.uuid4().hex}.tmp"


def is_temporary(key: str) -> bool:
    """Return whether a key is one of `temporary_name`."""
    return _TEMPORARY.fullmatch(key.rpartition("/")[2]) is not None


def _bounded(key: str, content: bytes | None, most: int) -> bytes:
    if content is None or len(content) > most:
        raise ObjectTooLarge(f"{key}: more than {most:,} bytes")
    return content


def _copy(content: bytes | Path, target: BinaryIO) -> None:
    if isinstance(content, Path):
        with content.open("rb") as source:
            while block := source.read(_BLOCK):
                target.write(block)
    else:
        target.write(content)


def sha256_of(content: bytes | Path) -> str:
    """Return the SHA-256, in hexadecimal, of bytes or of a file."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut, or a record may outlive the files that it names.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _raise_unless_gone(error: OSError) -> None:
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        raise error
