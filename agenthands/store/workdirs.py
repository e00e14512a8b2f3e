"""Where a build works: its own folder, and a folder for each tool that outlives a worker that was killed."""

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

SPENDING_LOG, PLAN = "spending.jsonl", "plan.json"  # in a build's folder


class BuildContext(BaseModel):
    """A build under way: its id, what was asked, and where it works."""

    model_config = ConfigDict(frozen=True)

    build_id: str
    request: BuildRequest
    folder: Path
    began: float = Field(default_factory=time.time, description="Seconds since the epoch")

    def tool_dir(self, tool: str) -> Path:
        """Where a finished tool lies: what is packed and published."""
        return self.folder / "tools" / tool


@dataclass(frozen=True)
class ToolWorkspace:
    """One tool that is being made for a build, in the environment in which it must work.

    The folder belongs to what the tool is made from, not to the build: who makes the same tool next goes on there.
    """

    build: BuildContext
    tool: ToolSpec
    environment: Environment
    folder: Path
    key_with_fallback: str = ""
    """Where the tool is kept if a fallback has a part in it; empty where there is none."""

    @property
    def stand_in(self) -> Path:
        """The file whose presence says that this build's fallback has a part in what lies in the folder."""
        return self.folder / f"fallback-{self.key_with_fallback.rpartition('/')[2][:24]}"

    @property
    def workspace(self) -> Path:
        """Where the coder works, all that the sandbox sees; the same path inside and outside."""
        return self.folder / "workspace"

    @property
    def conversation(self) -> Path:
        """Where the coder's events are persisted."""
        return self.folder / "conversation"

    @property
    def shell(self) -> Path:
        """Where the coder's shell has its control files."""
        return self.folder / "shell"

    @property
    def steps(self) -> Path:
        """Where Prefect keeps the results of finished attempts."""
        return self.folder / "steps"

    def report(self, attempt: int) -> Path:
        """Where the gate's report of an attempt is kept."""
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
    """Return the work folder of the tool with this key. The path is short: sockets lie below it."""
    return build.folder.parent / "tools" / key.rpartition("/")[2][:24]


_ALIVE, _UNTOLD = ".alive", ".untold"
_CLAIMING_SECONDS = 10.0
_KEPT_SECONDS = 7 * 24 * 3600.0
_SCRATCH = "agenthands-scratch-"
_held: list[FileLock] = []
_system_temporary = Path(tempfile.gettempdir())
_OF_PREFECT = ("prefect-workspace-attempt-*", "tmp????????prefect")  # a worker's, one for each run
_PREFECTS_SECONDS = 24 * 3600.0  # which of them lives cannot be told
_choosing = threading.Lock()
_own_scratch: tuple[int, Path] | None = None  # the process that made it, and where
_log = logging.getLogger(__name__)


def claim(folder: Path) -> None:
    """Say that this process works in a build's folder, until it ends."""
    lock = FileLock(folder / _ALIVE, thread_local=False)
    lock.acquire()
    _held.append(lock)  # a lock that nobody refers to is freed


def release(folder: Path) -> None:
    """Say that this process is done with a build's folder."""
    for lock in [each for each in _held if Path(each.lock_file).parent == folder]:
        lock.release()
        _held.remove(lock)


def use_scratch() -> None:
    """Let all temporary files of this process lie in one folder of its own, and remove what dead processes left so.

    What libraries and installers forget there is covered too, and so is what killed Prefect workers left a day ago. A
    child of such a process uses its parent's folder.
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
    """Remove the folder that `use_scratch` made for this very process; for its end."""
    global _own_scratch
    if _own_scratch is None or _own_scratch[0] != os.getpid():
        return
    (_, own), _own_scratch = _own_scratch, None
    shutil.rmtree(own, ignore_errors=True)  # before others are told: what a thread makes meanwhile is found as left
    tempfile.tempdir = os.environ["TMPDIR"] = str(_system_temporary)
    release(own)


def sweep(work: Path, tell: Callable[[Path], None] = lambda _: None) -> list[str]:
    """Remove what dead builds left below `work` and give their ids; what fits a tool that may be gone on with stays.

    Before, `tell` is called with the folder of each, of which nobody else can do so meanwhile. Where it raises, the
    folder stays for the next who sweeps, for a week. The folder of an unfinished tool is removed after a week.
    """
    removed = []
    for folder in sorted(work.glob("*-*-*")):
        with contextlib.suppress(OSError), _taken(folder) as dead:  # just removed by another, or somebody else's
            if dead and _told(folder, tell):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
    for tool in (work / "tools").glob("*"):
        with contextlib.suppress(OSError):  # so with this one, or its tool is ready
            owner = tool / "owner"
            begun = owner if owner.exists() else tool  # it was just being made, or removed
            if time.time() - begun.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(tool, ignore_errors=True)
    return removed


def _left_by_prefect(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > _PREFECTS_SECONDS


def _told(folder: Path, tell: Callable[[Path], None]) -> bool:
    """Return whether a dead build was told of, or could not be for a week."""
    try:
        tell(folder)
    except Exception as error:  # whatever it is: the build that sweeps has its own work to do
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
    """Return whether nobody works in a folder any more; then nobody else is told so while the context is open."""
    alive = folder / _ALIVE
    if not alive.is_file():  # just being made, or made by an older version
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
