"""The Store port over fsspec: a local folder, S3 through s3fs, or memory for tests.

Only whole objects are ever visible. A local object is written beside its place and renamed, because fsspec's
own local files grow in place; an object store replaces an object in one request.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from agenthands.adapters.store_errors import ContentDiffers, signs, translation
from agenthands.errors import AgentHandsError, StoreNotUsable

PATIENCE_SECONDS = 60.0
_LONGEST_PAUSE = 8.0
_BLOCK = 1024**2
_TAKEN = {"FileExistsError", "PreconditionFailed", "ConditionalRequestConflict", "412"}
_TEMPORARY = re.compile(r"\.agenthands-[0-9a-f]{32}\.tmp")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_USER_PART = re.compile(r"//[^/@]*@")

_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        # Other processes write to the same bucket, so a remembered listing is a wrong one.
        "use_listings_cache": False,
        "skip_instance_cache": True,
        # Concurrent ranges of one object may come from two versions of it.
        "max_concurrency": 1,
        "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}},
    },
}


class FsspecStore:
    """Keeps objects below one URL."""

    def __init__(self, url: str, patience: float = PATIENCE_SECONDS) -> None:
        """Take a folder or a URL of fsspec; opened when used. Raises StoreNotUsable for an unknown kind.

        What fails is tried again for `patience` seconds, if that may help.
        """
        self._patience = patience
        protocol, mark, rest = url.partition("://")
        local = not mark or protocol in ("file", "local")
        if not url.strip():
            raise StoreNotUsable("The store has an empty address.", "Give --store a folder or an s3:// URL.")
        self._place: _Place
        if local:
            self.url = self._shown = str(Path(rest if mark else url).expanduser().absolute())
            self._place = _Folder(Path(self.url))
        else:
            self.url = f"{protocol}://{rest.rstrip('/')}"
            self._shown = _USER_PART.sub("//", self.url)
            self._place = _Objects(self.url, _known(protocol, self._shown))

    def check(self) -> None:
        """Write, read and delete a probe. Raises StoreNotUsable or StoreUnavailable."""
        probe, content = _temporary_name(), uuid.uuid4().bytes
        with self._translated():
            try:
                self._place.write(probe, content, _sha256_of(content))
            except BaseException:
                with suppress(Exception):
                    self._place.remove(probe)
                raise
            self._place.remove(probe)

    def put(self, key: str, content: bytes | Path) -> str:
        """Write one object whole, read it back, and give its SHA-256.

        Raises StoreNotUsable, StoreUnavailable, ValueError (bad key), or OSError (`content` cannot be read).
        """
        _check_key(key)
        digest = _sha256_of(content)
        self._whatever_happens(lambda: self._place.write(key, content, digest))
        return digest

    def create(self, key: str, content: bytes) -> bool:
        """Write one object where there is none; False where there is one. Raises as `put` does.

        Where an answer was lost on the way, what is there is compared: the same content counts as ours.
        """
        _check_key(key)
        attempts = self._patiently()
        for attempt in attempts:
            with attempt, self._translated():
                try:
                    self._place.create(key, content)
                except FileExistsError:
                    return attempt.retry_state.attempt_number > 1 and self.get(key) == content
        return True

    def get(self, key: str) -> bytes:
        """Read one object. Raises KeyError where there is none, and as `put` does."""
        _check_key(key)
        return self._whatever_happens(lambda: self._place.read(key), missing=key)

    def keys(self, prefix: str = "") -> list[str]:
        """List the keys below the folder `prefix`, sorted; empty means all. Raises as `put` does."""
        folder = prefix.rstrip("/")
        if prefix:
            _check_key(folder)
        names = self._whatever_happens(lambda: self._place.names(folder))
        below = f"{folder}/" if folder else ""
        # Some tools leave empty objects named like folders in a bucket.
        found = (key for key in names if key.startswith(below) and not key.endswith("/"))
        return sorted(key for key in found if not _temporary(key))

    def _whatever_happens[T](self, use: Callable[[], T], missing: str | None = None) -> T:
        for attempt in self._patiently():
            with attempt, self._translated(missing):
                return use()
        raise AssertionError("tenacity raises the last error")

    def _patiently(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, AgentHandsError) and error.retryable),
            wait=wait_exponential(multiplier=0.5, max=_LONGEST_PAUSE),
            stop=stop_after_delay(self._patience),
            reraise=True,
        )

    @contextmanager
    def _translated(self, missing: str | None = None) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            absent = isinstance(error, FileNotFoundError) and "NoSuchBucket" not in signs(error)
            if missing is not None and absent:
                raise KeyError(missing) from error
            told = translation(error, self._shown)
            if told is None:
                raise
            raise told from error


class _Place(Protocol):
    """Where objects lie; errors come as the vendor raises them."""

    def write(self, key: str, content: bytes | Path, digest: str) -> None:
        """Write whole and read back. Raises ContentDiffers where that has another SHA-256 than `digest`."""

    def create(self, key: str, content: bytes) -> None:
        """Write whole where there is no object. Raises FileExistsError."""

    def read(self, key: str) -> bytes:
        """Read whole. Raises FileNotFoundError."""

    def names(self, folder: str) -> list[str]:
        """List keys at and below `folder`."""

    def remove(self, key: str) -> None:
        """Delete one object."""


class _Folder:
    """Objects as files below a root."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, key: str, content: bytes | Path, digest: str) -> None:
        with self._whole(key, content, digest) as (temporary, target):
            temporary.replace(target)

    def create(self, key: str, content: bytes) -> None:
        with self._whole(key, content, _sha256_of(content)) as (temporary, target):
            target.hardlink_to(temporary)

    @contextmanager
    def _whole(self, key: str, content: bytes | Path, digest: str) -> Iterator[tuple[Path, Path]]:
        """Write beside the place of an object, and give both; the caller moves it there."""
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / _temporary_name()
        try:
            with temporary.open("xb") as file:
                _copy(content, file)
                file.flush()
                os.fsync(file.fileno())
            if _sha256_of(temporary) != digest:
                raise ContentDiffers(key)
            yield temporary, target
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)

    def read(self, key: str) -> bytes:
        self._exists()
        try:
            return (self._root / key).read_bytes()
        except (NotADirectoryError, IsADirectoryError) as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key) from error

    def names(self, folder: str) -> list[str]:
        if not self._exists():
            return []
        walk = os.walk(self._root / folder, onerror=_raise_unless_gone)
        paths = (Path(base, name) for base, _, names in walk for name in names)
        return [path.relative_to(self._root).as_posix() for path in paths]

    def remove(self, key: str) -> None:
        (self._root / key).unlink()

    def _exists(self) -> bool:
        try:
            mode = self._root.stat().st_mode
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self._root))
        return True


class _Objects:
    """Objects of any other fsspec file system."""

    def __init__(self, url: str, protocol: str) -> None:
        self._url = url
        self._protocol = protocol

    @cached_property
    def _files(self) -> Any:
        return _fsspec().filesystem(self._protocol, **_OPTIONS.get(self._protocol, {}))

    @cached_property
    def _root(self) -> str:
        return str(self._files._strip_protocol(self._url)).rstrip("/")

    def write(self, key: str, content: bytes | Path, digest: str) -> None:
        path = f"{self._root}/{key}"
        if isinstance(content, Path):
            self._files.put_file(str(content), path)
        else:
            self._files.pipe_file(path, content)
        if _sha256_of(self.read(key)) != digest:
            raise ContentDiffers(key)

    def create(self, key: str, content: bytes) -> None:
        try:
            self._files.pipe_file(f"{self._root}/{key}", content, mode="create")
        except OSError as error:
            if signs(error).isdisjoint(_TAKEN):
                raise
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), key) from error

    def read(self, key: str) -> bytes:
        return bytes(self._files.cat_file(f"{self._root}/{key}"))

    def names(self, folder: str) -> list[str]:
        self._files.invalidate_cache()
        try:
            found = self._files.find(f"{self._root}/{folder}".rstrip("/"))
        except FileNotFoundError as error:
            if "NoSuchBucket" in signs(error):
                raise
            return []
        return [name.removeprefix(f"{self._root}/") for name in found]

    def remove(self, key: str) -> None:
        self._files.rm_file(f"{self._root}/{key}")


def _fsspec() -> Any:
    return import_module("fsspec")


def _known(protocol: str, shown: str) -> str:
    """Give the one name of a protocol without importing its library. Raises StoreNotUsable."""
    if protocol not in _fsspec().available_protocols():
        raise StoreNotUsable(
            f"The store {shown} cannot be used: {protocol}:// is no kind of store that fsspec knows.",
            "Use a folder or an s3://BUCKET/PREFIX URL.",
        )
    return "s3" if protocol == "s3a" else protocol


def _check_key(key: str) -> None:
    escapes = any(part in ("", ".", "..") for part in key.split("/"))
    if escapes or _FORBIDDEN.search(key) or _temporary(key):
        raise ValueError(f"{key!r} is no key of a store: relative, parts joined by /, without .., . or \\.")


def _temporary_name() -> str:
    return f".agenthands-{uuid.uuid4().hex}.tmp"


def _temporary(key: str) -> bool:
    return _TEMPORARY.fullmatch(key.rpartition("/")[2]) is not None


def _copy(content: bytes | Path, target: BinaryIO) -> None:
    if isinstance(content, Path):
        with content.open("rb") as source:
            while block := source.read(_BLOCK):
                target.write(block)
    else:
        target.write(content)


def _sha256_of(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut, or a manifest may outlive what it names.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _raise_unless_gone(error: OSError) -> None:
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        raise error
