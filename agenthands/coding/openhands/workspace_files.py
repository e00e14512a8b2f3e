"""Files of a workspace, read and written from outside while code of a model may change everything in it.

A path is taken apart here, and each folder is opened from the one above it, without following a link, so that nothing
that is swapped meanwhile leads out: what openat2 does with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, on kernels and in
containers that do not have it, too. Only regular files are opened, and no open waits, as one of a FIFO would.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Unreachable(Exception):
    """Something in the workspace that is not opened; the text says why."""


class WorkspaceFiles:
    """The files below one folder, by their paths relative to it. Links are refused, wherever they lead.

    All methods raise Unreachable for what is a link, lies below one, or is neither a regular file nor a folder, and
    where the file system refuses.
    """

    def __init__(self, root: Path) -> None:
        """Keep the folder, which is the worker's: that it may itself be reached through links is its own matter."""
        self._root = root

    def kind(self, path: Path) -> str:
        """Return "file", "folder", or "" if there is nothing."""
        with _refusals(path):
            try:
                with self._parent(path) as folder:
                    found = os.stat(path.name or ".", dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return ""
            return _kind(found, path)

    def read(self, path: Path, most: int) -> tuple[bytes, int]:
        """Return the content of a file, and its permissions; raises Unreachable also for more than `most` bytes."""
        with _refusals(path), self._parent(path) as folder:
            descriptor = os.open(path.name, _FILE, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if _kind(found, path) == "folder":
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                content = file.read(most + 1)
        if len(content) > most:
            raise Unreachable(f"{path} is too large: at most {most // 1024**2} MB can be viewed and edited.")
        return content, stat.S_IMODE(found.st_mode)

    def entries(self, path: Path, most: int) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of all else in a folder, sorted, `most` of both."""
        with _refusals(path), self._folder(path) as folder, os.scandir(folder) as scan:
            found = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in scan)[:most]
        return [name for name, is_dir in found if is_dir], [name for name, is_dir in found if not is_dir]

    def create(self, path: Path, content: bytes) -> None:
        """Write a new file, with the folders above it; raises Unreachable also if there is something by then."""
        with _refusals(path):
            self._make_folders(path.parent)
            with self._parent(path) as folder, _written(folder, content, None) as name:
                os.link(name, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
                os.unlink(name, dir_fd=folder)

    def replace(self, path: Path, content: bytes, mode: int) -> None:
        """Put a file with these permissions in the place of what is there, which is never written into."""
        with _refusals(path), self._parent(path) as folder, _written(folder, content, mode) as name:
            os.rename(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)

    def _make_folders(self, path: Path) -> None:
        for each in [*reversed(path.parents), path]:
            if each.name:
                with self._parent(each) as folder, contextlib.suppress(FileExistsError):
                    os.mkdir(each.name, dir_fd=folder)

    def _parent(self, path: Path) -> contextlib.AbstractContextManager[int]:
        return self._folder(path.parent)

    @contextlib.contextmanager
    def _folder(self, path: Path) -> Iterator[int]:
        """Yield the descriptor of a folder."""
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in path.parts:
                below = os.open(_single(name), _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)


@contextlib.contextmanager
def _written(folder: int, content: bytes, mode: int | None) -> Iterator[str]:
    """Yield the name of a new file with this content; it is deleted after an exception."""
    name = f".{secrets.token_hex(8)}.tmp"
    descriptor = os.open(
        name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if mode is not None:
                os.fchmod(descriptor, mode)
        yield name
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into Unreachable."""
    try:
        yield
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        if number in (errno.ELOOP, errno.ENOTDIR):
            reason = "leads through a link or through something that is no folder; the editor follows no links"
        elif number == errno.ENXIO:
            reason = "is no regular file"
        else:
            reason = f"cannot be opened: {getattr(error, 'strerror', None) or error}"
        raise Unreachable(f"{path} {reason}.") from None


def _kind(found: os.stat_result, path: Path) -> str:
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if stat.S_ISDIR(found.st_mode):
        return "folder"
    if not stat.S_ISREG(found.st_mode):
        raise Unreachable(f"{path} is no regular file.")
    return "file"


def _single(name: str) -> str:
    """Return a part of a path; raises ValueError for one that leads up."""
    if name in ("..", "/") or "/" in name:
        raise ValueError("it leads out of the workspace")
    return name
