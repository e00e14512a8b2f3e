"""What a soak looks for at its end: builds without a reason, bugs of ours, what is damaged, and what is left."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import redis

from agenthands.mcp.setup import ServerFinding
from agenthands.planning.objections import PlanResult
from agenthands.reasons import with_title
from agenthands.schemas import Acceptance, BuildRecord, ToolArtifact
from agenthands.store.backends import is_temporary
from agenthands.store.recovery import REASON

_LABEL = "agenthands.owner"  # of every container of the docker sandbox
_PREFECTS = "runner_storage"  # one for all times
_A_WEEK_AND_MORE = 8 * 24 * 3600  # what fits a tool that may be gone on with is kept for a week
_KEPT = {
    "plans": PlanResult, "locks": str, "servers": ServerFinding, "tools": ToolArtifact, "acceptances": Acceptance,
}  # fmt: skip


_BUG = "a bug in AgentHands"  # the words of records, messages and pages


def explained(name, message):
    """Whether the state of a run that was not accepted gives a reason; a bug of ours or an interrupt is none."""
    reason = with_title(name)
    explains = name == "Rejected" or (reason is not None and reason.exit_code in (2, 3))
    return explains and bool(message.strip()) and _BUG not in message


def bugs(store):
    """Return files of a store's builds in which a bug of ours is told: records, and pages that stand for reports."""
    files = [*_records(store), *store.glob("agents/*/*/report.html")]
    return sorted(str(each.relative_to(store)) for each in files if _BUG in each.read_text(errors="replace"))


def damaged(store):
    """Return the objects of a store that are not whole: files of finished builds, what is kept for others, pointers."""
    wrong = []
    for record in _records(store):
        try:
            files = BuildRecord.model_validate_json(record.read_bytes()).files
        except ValueError:
            wrong.append(record)
            continue
        wrong += [record.parent / name for name, wanted in files.items() if _sha256(record.parent / name) != wanted]
    wrong += [
        each for each in store.glob("agents/*/latest") if not (each.parent / each.read_text() / "build.json").is_file()
    ]
    for kind in _KEPT:
        wrong += [
            each for each in store.glob(f"{kind}/*/*") if not is_temporary(each.name) and not _is_whole(each, kind)
        ]
    return sorted(str(each.relative_to(store)) for each in wrong)


def killed(store):
    """Count the records of builds whose process was killed: what they had spent, told by builds after them."""
    return sum(REASON in each.read_text(errors="replace") for each in _records(store))


def unfinished(store):
    """Count what writers that were killed have left in a store. It stays: no reader sees it."""
    builds = {each.parent for each in store.glob("agents/*/*/*") if each.is_file()}
    return {
        "builds without a record": sum(not (each / "build.json").exists() for each in builds),
        "temporary files": sum(is_temporary(each.name) for each in store.rglob(".*")),
    }


def _records(store):
    return store.glob("agents/*/*/build.json")


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _is_whole(path, kind):
    """Return whether a result can be read as a build reads it; a plan that was forgotten is an empty object."""
    from agenthands.tasks.result_format import RedactedJson  # it imports Prefect

    content = path.read_bytes()
    if not content and kind == "plans":
        return True
    try:
        kept = json.loads(content)
        if "metadata" not in kept:  # what a fallback had a part in
            return bool(_KEPT[kind].model_validate_json(content))
        return isinstance(RedactedJson().loads(kept["result"].encode()), _KEPT[kind])
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


class Traces:
    """The folder in which all of a soak lies, and what of it is on this machine; the folder's name marks all of it."""

    def __init__(self, folder):
        """Begin before anything is started."""
        self.folder, self.mark = folder, folder.name
        self._mounts_before = _mounts()

    @property
    def home(self):
        """AGENTHANDS_HOME of its builds."""
        return self.folder / "home"

    @property
    def temporary(self):
        """TMPDIR of all that it starts."""
        return self.folder / "tmp"

    def variables(self):
        """Return the variables with which all is started, so that it can be found."""
        return {"TMPDIR": str(self.temporary), "AGENTHANDS_HOME": str(self.home)}

    def processes(self):
        """Return the processes of the soak.

        A sandbox has no variable of it, and a prepared interpreter none either. But what is in a sandbox has mounts of
        the folder, and all others work in it or name it.
        """
        found = []
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if each.pid != os.getpid() and each.status() != psutil.STATUS_ZOMBIE and self._is_ours(each):
                    found.append(each)
        return found

    def _is_ours(self, process):
        for text in (process.cmdline, process.cwd, process.environ, lambda: _own_mounts(process)):
            with suppress(psutil.Error, OSError):  # not each of them can be read
                if self.mark in str(text()):
                    return True
        return False

    def age(self):
        """Make all that lies about more than a week older: what is kept for a while has had its time then."""
        then = time.time() - _A_WEEK_AND_MORE
        work = self.home / "work"
        for each in (*self.temporary.glob("*"), *work.glob("*"), *work.glob("tools/*"), *work.glob("tools/*/owner")):
            with suppress(FileNotFoundError):  # a run whose worker was killed may be ending still
                os.utime(each, (then, then))

    def left(self, locks):
        """Return what is left, by kind; `locks` are those that were held when nothing ran any more."""
        work = self.home / "work"
        folders = [*work.glob("*"), *work.glob("tools/*")]
        return {
            "processes": [" ".join(each.cmdline())[:200] for each in self.processes()],
            "containers": sorted(_containers(self.mark)),
            "mounts": sorted(_mounts() - self._mounts_before),
            "temporary": sorted(each.name for each in self.temporary.glob("*") if each.name != _PREFECTS),
            "work folders": sorted(str(each.relative_to(work)) for each in folders if each != work / "tools"),
            "locks": sorted(locks),
        }


def _own_mounts(process):
    """Return the mounts of a process that has others than this one."""
    entry = Path(f"/proc/{process.pid}")
    if (entry / "ns" / "mnt").readlink() == Path("/proc/self/ns/mnt").readlink():
        return ""
    return (entry / "mountinfo").read_text()


def held_locks(url):
    """Return the names of the locks that are held in Redis."""
    with redis.Redis.from_url(url) as client:
        return [key.decode() for key in client.keys("*lock*")]


def _containers(mark):
    """Return the containers of docker sandboxes that name `mark`, the ended ones too; none where there is no daemon."""
    if not shutil.which("docker"):
        return []
    listing = ["docker", "ps", "--all", "--no-trunc", "--filter", f"label={_LABEL}", "--format", "{{.ID}} {{.Mounts}}"]
    found = subprocess.run(listing, capture_output=True, text=True).stdout.splitlines()
    return [each for each in found if mark in each]


def _mounts():
    """Return the mounts of this machine but docker's: containers are looked for by themselves."""
    return {line for line in Path("/proc/mounts").read_text().splitlines() if "/docker/" not in line}
