"""The Store port over fsspec: a local folder, S3 through s3fs, or memory for tests.

Only whole objects are ever visible. A local object is written beside its place and renamed, because fsspec's own
local files grow in place; an object store replaces an object in one request.
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
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from agenthands.errors import AgentHandsError, StoreNotUsable, StoreUnavailable

_BLOCK = 1024**2
_TEMPORARY = re.compile(r"\.agenthands-[0-9a-f]{32}\.tmp")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
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

_CHOOSE = "Choose a folder that this user may write with --store or AGENTHANDS_STORE."
_ENDPOINT = "Check the URL and AWS_ENDPOINT_URL, and that the server runs; nothing that was built is lost."
_KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) for this bucket."

# Error numbers, S3 error codes and class names -> what it means. The first row that knows any of an error's signs wins.
_TROUBLES: tuple[tuple[str, type[AgentHandsError], str, str], ...] = (
    ("NoCredentialsError PartialCredentialsError ProfileNotFound TokenRetrievalError SSOError",
     StoreNotUsable, "no credentials were found", _KEYS),
    ("InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired "
     "AuthorizationHeaderMalformed InvalidSecurity UnauthorizedSSOTokenError 401",
     StoreNotUsable, "the credentials are refused", _KEYS),
    ("NoSuchBucket", StoreNotUsable, "the bucket does not exist",
     "Create the bucket, or name another one with --store or AGENTHANDS_STORE."),
    ("InvalidBucketName ParamValidationError PermanentRedirect 301 IllegalLocationConstraintException ValueError",
     StoreNotUsable, "the address is not usable", "Check the URL, AWS_ENDPOINT_URL and AWS_REGION."),
    ("QuotaExceeded XMinioStorageFull InsufficientStorage ENOSPC EDQUOT EFBIG",
     StoreNotUsable, "there is no space left", "Free some space, or choose another place with --store."),
    ("EROFS", StoreNotUsable, "the file system is read-only", _CHOOSE),
    ("ENOTDIR EEXIST", StoreNotUsable, "a part of the path is a file, not a folder", _CHOOSE),
    ("EISDIR", StoreNotUsable, "a folder stands where an object must be", _CHOOSE),
    ("ENAMETOOLONG EINVAL ELOOP", StoreNotUsable, "the path cannot be used", _CHOOSE),
    ("AccessDenied AllAccessDisabled AccountProblem 403",
     StoreNotUsable, "access is denied", f"Grant read, write, list and delete on it. {_KEYS}"),
    ("EACCES EPERM PermissionError", StoreNotUsable, "permission is denied", _CHOOSE),
    ("NotImplementedError", StoreNotUsable, "this kind of store cannot be written",
     "Use a folder or an s3:// URL."),
    ("EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError HTTPClientError "
     "FSTimeoutError TimeoutError ConnectionError ETIMEDOUT ECONNREFUSED",
     StoreUnavailable, "it does not answer", _ENDPOINT),
    ("SlowDown ServiceUnavailable InternalError RequestTimeout RequestTimeTooSkewed 500 502 503 504",
     StoreUnavailable, "it fails at the moment", _ENDPOINT),
    ("ENOENT FileNotFoundError", StoreNotUsable, "the folder cannot be made", _CHOOSE),
    ("OSError BotoCoreError ClientError", StoreUnavailable, "it failed", _ENDPOINT),
)  # fmt: skip


class FsspecStore:
    """Keeps objects below one URL."""

    def __init__(self, url: str) -> None:
        """Take a folder or a URL of fsspec; nothing is opened yet. Raises StoreNotUsable for an unknown kind."""
        protocol, mark, rest = url.partition("://")
        local = not mark or protocol in ("file", "local")
        self.url = str(Path(rest if mark else url).expanduser().absolute()) if local else url.rstrip("/")
        self._shown = _USER_PART.sub("//", self.url)
        if not url.strip():
            raise StoreNotUsable("The store has an empty address.", _CHOOSE)
        self._place: _Place = _Folder(Path(self.url)) if local else _Objects(self.url, _known(protocol, self._shown))

    def check(self) -> None:
        """Write, read and delete a probe. Raises StoreNotUsable or StoreUnavailable."""
        probe, content = _temporary_name(), uuid.uuid4().bytes
        with self._translated():
            self._confirm(self._place.write(probe, content), hashlib.sha256(content).hexdigest(), probe)
            self._place.remove(probe)

    def put(self, key: str, content: bytes | Path) -> str:
        """Write one object whole, read it back, and give its SHA-256.

        Raises StoreNotUsable, StoreUnavailable, ValueError for a bad key, OSError where the file cannot be read.
        """
        _check_key(key)
        expected = _sha256_of(content)
        with self._translated():
            self._confirm(self._place.write(key, content), expected, key)
        return expected

    def get(self, key: str) -> bytes:
        """Read one object. Raises KeyError where there is none, ValueError for a bad key, or a store error."""
        _check_key(key)
        with self._translated(missing=key):
            return self._place.read(key)

    def keys(self, prefix: str = "") -> list[str]:
        """List the keys below the folder `prefix`, sorted; empty means all. Errors as `get`, but never KeyError."""
        folder = prefix.rstrip("/")
        if prefix:
            _check_key(folder)
        with self._translated():
            names = self._place.names(folder)
        below = f"{folder}/" if folder else ""
        return sorted(key for key in names if key.startswith(below) and not key.endswith("/") and not _temporary(key))

    def _confirm(self, found: str, expected: str, key: str) -> None:
        if found != expected:
            raise StoreUnavailable(
                f"The store {self._shown} gave {key} back with other content than was written.",
                "Another build may be writing the same object, or the store is damaged; try again.",
            )

    @contextmanager
    def _translated(self, missing: str | None = None) -> Iterator[None]:
        try:
            yield
        except AgentHandsError:
            raise
        except Exception as error:
            signs = _signs(error)
            if missing is not None and isinstance(error, FileNotFoundError) and "NoSuchBucket" not in signs:
                raise KeyError(missing) from error
            for known, kind, what, hint in _TROUBLES:
                if not signs.isdisjoint(known.split()):
                    raise kind(f"The store {self._shown} cannot be used: {what} ({_told(error)}).", hint) from error
            raise


class _Place(Protocol):
    """Where objects lie; errors come as the vendor raises them."""

    def write(self, key: str, content: bytes | Path) -> str:
        """Write whole, read back, and give the SHA-256 of what was read."""

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

    def write(self, key: str, content: bytes | Path) -> str:
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / _temporary_name()
        try:
            with temporary.open("xb") as file:
                _copy(content, file)
                file.flush()
                os.fsync(file.fileno())
            found = _sha256_of(temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
        return found

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
        return [(Path(base) / name).relative_to(self._root).as_posix() for base, _, names in walk for name in names]

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
        import fsspec

        return fsspec.filesystem(self._protocol, **_OPTIONS.get(self._protocol, {}))

    @cached_property
    def _root(self) -> str:
        return str(self._files._strip_protocol(self._url)).rstrip("/")

    def write(self, key: str, content: bytes | Path) -> str:
        path = f"{self._root}/{key}"
        if isinstance(content, Path):
            self._files.put_file(str(content), path)
        else:
            self._files.pipe_file(path, content)
        return hashlib.sha256(self.read(key)).hexdigest()

    def read(self, key: str) -> bytes:
        return bytes(self._files.cat_file(f"{self._root}/{key}"))

    def names(self, folder: str) -> list[str]:
        self._files.invalidate_cache()
        try:
            found = self._files.find(f"{self._root}/{folder}".rstrip("/"))
        except FileNotFoundError as error:
            if "NoSuchBucket" in _signs(error):
                raise
            return []
        return [name.removeprefix(f"{self._root}/") for name in found]

    def remove(self, key: str) -> None:
        self._files.rm_file(f"{self._root}/{key}")


def _known(protocol: str, shown: str) -> str:
    """Give the one name of a protocol without importing its library. Raises StoreNotUsable."""
    from fsspec import available_protocols

    if protocol not in available_protocols():
        raise StoreNotUsable(
            f"The store {shown} cannot be used: {protocol}:// is no kind of store that fsspec knows.",
            "Use a folder or an s3://BUCKET/PREFIX URL.",
        )
    return "s3" if protocol == "s3a" else protocol


def _check_key(key: str) -> None:
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in key or _UNPRINTABLE.search(key) or _temporary(key):
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


def _signs(error: BaseException) -> set[str]:
    """Give everything that tells what went wrong: class names, error numbers, S3 codes, along the chain of causes."""
    signs: set[str] = set()
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        signs.update(kind.__name__ for kind in type(link).__mro__)
        signs.add(errno.errorcode.get(getattr(link, "errno", None) or 0, ""))
        response = getattr(link, "response", None)
        if isinstance(response, dict):
            signs.add(str(response.get("Error", {}).get("Code", "")))
            signs.add(str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")))
        link = link.__cause__ or link.__context__
    return signs - {""}


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__
