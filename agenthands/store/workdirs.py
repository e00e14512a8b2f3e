"""Work folders: one for each build, one for each unfinished tool, which outlives a killed worker, and scratch."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field

from agenthands.environments.base import Environment
from agenthands.schemas import BuildRequest, ToolSpec

SPENDING_LOG, PLAN, DATA = "spending.jsonl", "plan.json", "data.json"  # in a build's folder


class BuildContext(BaseModel):
    """A build in progress: its id, its request, and its work folder."""

    model_config = ConfigDict(frozen=True)

    build_id: str
    request: BuildRequest
    folder: Path
    began: float = Field(default_factory=time.time, description="Seconds since the epoch")

    def tool_dir(self, tool: str) -> Path:
        """Return the folder of a finished tool, whose files are packed and published."""
        return self.folder / "tools" / tool


@dataclass(frozen=True)
class ToolWorkspace:
    """One tool that is being made for a build, with the environment in which it must work.

    The folder belongs to the tool's cache key, not to the build: the next build that makes the same tool resumes there.
    """

    build: BuildContext
    tool: ToolSpec
    environment: Environment
    folder: Path
    key_with_fallback: str = ""
    """The tool's cache key if a fallback has a part in it; empty if there is no fallback."""

    @property
    def stand_in(self) -> Path:
        """The file that exists if this build's fallback has a part in the content of the folder."""
        return self.folder / f"fallback-{self.key_with_fallback.rpartition('/')[2][:24]}"

    @property
    def workspace(self) -> Path:
        """The folder in which the coder works, the only one that the sandbox sees; its path is the same inside."""
        return self.folder / "workspace"

    @property
    def conversation(self) -> Path:
        """The folder of the coder's persisted events."""
        return self.folder / "conversation"

    @property
    def shell(self) -> Path:
        """The folder of the control files of the coder's shell."""
        return self.folder / "shell"

    @property
    def steps(self) -> Path:
        """The folder in which Prefect keeps the results of finished attempts."""
        return self.folder / "steps"

    def report(self, attempt: int) -> Path:
        """Return the file of the gate's report on an attempt."""
        return self.folder / f"gate-{attempt}.json"


_began: ContextVar[float] = ContextVar("began")


@contextlib.contextmanager
def counted_from(at: float) -> Iterator[None]:
    """Let builds of this context have begun at a time, in seconds since the epoch: when their command did."""
    token = _began.set(at)
    try:
        yield
    finally:
        _began.reset(token)


def build_began() -> float:
    """Return when a build began that begins now."""
    return _began.get(0.0) or time.time()


def new_build(request: BuildRequest, home: Path, began: float | None = None) -> BuildContext:
    """Make the folder of a new build that `began` then, or now. Its id sorts by time: 20261123-134501-1f2e3d."""
    build_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    folder = home / "work" / build_id
    folder.mkdir(parents=True)
    claim(folder)
    return BuildContext(build_id=build_id, request=request, folder=folder, began=began or time.time())


def tool_folder(build: BuildContext, key: str) -> Path:
    """Return the work folder of the tool with this key. Its path is short, because it contains sockets."""
    return build.folder.parent / "tools" / key.rpartition("/")[2][:24]


_ALIVE, _UNTOLD = ".alive", ".untold"
_CLAIMING_SECONDS = 10.0
_KEPT_SECONDS = 7 * 24 * 3600.0
_SCRATCH = "agenthands-scratch-"
_held: list[FileLock] = []
_system_temporary = Path(tempfile.gettempdir())
_OF_PREFECT = ("prefect-workspace-attempt-*", "tmp????????prefect")  # of a worker, one for each run
_PREFECTS_SECONDS = 24 * 3600.0  # we cannot tell which of their processes still run
_choosing = threading.Lock()
_own_scratch: tuple[int, Path] | None = None  # the process that created it, and its path
_log = logging.getLogger(__name__)


def claim(folder: Path) -> None:
    """Lock a build's folder for this process, until it ends or calls `release`."""
    lock = FileLock(folder / _ALIVE, thread_local=False)
    lock.acquire()
    _held.append(lock)  # an unreferenced lock is released


def release(folder: Path) -> None:
    """Release this process's lock on a build's folder."""
    for lock in [each for each in _held if Path(each.lock_file).parent == folder]:
        lock.release()
        _held.remove(lock)


def use_scratch() -> None:
    """Put all temporary files of this process into its own scratch folder, and remove those of dead processes.

    This includes files that libraries and installers leave behind, and folders that Prefect workers left a day ago. A
    child process uses its parent's folder.
    """
    with _choosing:
        if not Path(tempfile.gettempdir()).name.startswith(_SCRATCH):
            _use_scratch()


def _use_scratch() -> None:
    global _own_scratch
    kinds = [(f"{_SCRATCH}*", _dead), *((pattern, _left_by_prefect) for pattern in _OF_PREFECT)]
    for folder, is_left in [(each, is_left) for pattern, is_left in kinds for each in _system_temporary.glob(pattern)]:
        with contextlib.suppress(FileNotFoundError):  # another process has just removed it
            if folder.stat().st_uid == os.getuid() and is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)
    own = tempfile.mkdtemp(prefix=_SCRATCH, dir=_system_temporary)
    claim(Path(own))
    _own_scratch = os.getpid(), Path(own)
    tempfile.tempdir = os.environ["TMPDIR"] = own
    atexit.register(leave_scratch)


def leave_scratch() -> None:
    """Remove the folder that `use_scratch` created for this process, when it ends."""
    global _own_scratch
    if _own_scratch is None or _own_scratch[0] != os.getpid():
        return
    (_, own), _own_scratch = _own_scratch, None
    shutil.rmtree(own, ignore_errors=True)  # before the release: what a thread creates meanwhile counts as stale
    tempfile.tempdir = os.environ["TMPDIR"] = str(_system_temporary)
    release(own)


def sweep(work: Path, tell: Callable[[Path], None] = lambda _: None) -> list[str]:
    """Remove the folders of dead builds below `work`, and return their ids; unfinished tools stay for a week.

    First, `tell` is called with each folder, while it is locked so that no other process does the same. If that
    raises, the folder stays for the next sweep, for at most a week.
    """
    removed = []
    for folder in sorted(work.glob("*-*-*")):
        with contextlib.suppress(OSError), _taken(folder) as dead:  # just removed by another process, or not ours
            if dead and _told(folder, tell):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
    for tool in (work / "tools").glob("*"):
        with contextlib.suppress(OSError):  # likewise, or its tool is finished
            owner = tool / "owner"
            begun = owner if owner.exists() else tool  # it is just being created, or removed
            if time.time() - begun.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(tool, ignore_errors=True)
    return removed


def _left_by_prefect(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > _PREFECTS_SECONDS


def _told(folder: Path, tell: Callable[[Path], None]) -> bool:
    """Return whether `tell` succeeded for a dead build, or has failed for a week."""
    try:
        tell(folder)
    except Exception as error:  # of any kind: the build that sweeps must go on with its own work
        _log.warning("What the dead build %s had spent is not in its store yet: %s", folder.name, error)
        untold = folder / _UNTOLD
        if not untold.exists():
            untold.touch()
        return time.time() - untold.stat().st_mtime > _KEPT_SECONDS
    return True


def _dead(folder: Path) -> bool:
    with _taken(folder) as dead:
        return dead


@contextlib.contextmanager
def _taken(folder: Path) -> Iterator[bool]:
    """Yield whether no process works in a folder any more; a lock that was free is held while the context is open."""
    alive = folder / _ALIVE
    if not alive.is_file():  # just being created, or created by an older version
        yield time.time() - folder.stat().st_mtime > _KEPT_SECONDS
        return
    lock = FileLock(alive, thread_local=False)
    just_made = time.time() - alive.stat().st_mtime < _CLAIMING_SECONDS  # and perhaps not locked yet
    try:
        if not just_made:
            lock.acquire(timeout=0)
    except Timeout:
        pass
    try:
        yield lock.is_locked
    finally:
        lock.release()
