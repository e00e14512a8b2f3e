"""A forked process that does one job, and whose answer can be trusted."""

import contextlib
import ctypes
import json
import math
import os
import resource
import secrets
import select
import shutil
import signal
import tempfile
import time
import traceback

MAX_ANSWER = 4 * 1024 * 1024
PR_SET_CHILD_SUBREAPER = 36
encode = json.encoder.c_make_encoder(
    None, str, json.encoder.encode_basestring_ascii, None, ": ", ", ", False, False, True
)


class Child:
    """A forked process with a job: what it was told, what it has said so far."""

    def __init__(self, job, function, lane=0, inherit=False):
        """Fork; `function` gives the answer in the child, which keeps open files where `inherit` says so.

        `cpu_seconds` of the job bound its CPU time. `seconds`, by the clock, are only for what sleeps or waits.
        """
        self.job = job
        self.word = secrets.token_bytes(24)
        self.started = time.monotonic()
        self.deadline = self.started + job["seconds"]
        self.data = b""
        self.reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            os.set_blocking(self.reading, False)
            self.ended = os.pidfd_open(self.pid)
            return
        os.setsid()
        os.close(self.reading)
        if not inherit:
            keep_only(writing)
        self.answer_and_end(function, writing, lane)

    def answer_and_end(self, function, writing, lane):
        """Do the job in the child and write the answer, with the word in front."""
        word, pack, write, end = self.word, encode, os.write, os._exit  # whatever the tool puts in their places
        del self.word
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        own = tempfile.mkdtemp(prefix=f"job{lane}-")
        os.environ["TMPDIR"] = tempfile.tempdir = own
        limit_cpu(self.job["cpu_seconds"], self.job.get("cpu_most", self.job["cpu_seconds"]))
        try:
            answer = function(self.job)
        except BaseException as error:  # the tool may raise anything, SystemExit included
            answer = {"ok": False, "error": describe(error)}
        left = children_of(os.getpid())
        if left:
            answer = {"ok": False, "error": f"the code leaves {len(left)} processes running behind it"}
        data = word + "".join(pack(answer, 0)).encode()[:MAX_ANSWER]
        while data:
            data = data[write(writing, data) :]
        end(0)

    def finished(self, ready):
        """Take what the child has written; say whether that was all. What it left running may hold its pipe open."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.reading, 65536):
                self.data += chunk
                if len(self.data) > MAX_ANSWER + 100:
                    return True
            return True
        return self.ended in ready

    def end(self, late):
        """Kill the child and its process group; give the answer."""
        os.close(self.reading)
        os.close(self.ended)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.pid, 0)
        took = {"seconds": round(time.monotonic() - self.started, 4), "cpu": round(used.ru_utime + used.ru_stime, 4)}
        return {**self.answer(late, os.waitstatus_to_exitcode(status), took["cpu"]), **took}

    def answer(self, late, code, used):
        """Judge what the child has written; `used` is its CPU time."""
        if late:
            return timed_out(f"{self.job['seconds']:.0f} s, in which it mostly waited or slept")
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and used > 0.9 * self.job["cpu_seconds"]):
            return timed_out(f"{used:.0f} s of CPU time")
        if not self.data:
            return {"ok": False, "error": f"the process ended without an answer (exit code {code})"}
        if not self.data.startswith(self.word):
            return {"ok": False, "error": "the code wrote into the gate's report"}
        try:
            return json.loads(self.data[len(self.word) :])
        except ValueError:
            return {"ok": False, "error": "the answer is too long or broken"}


def limit_cpu(seconds, most=None):
    """Let this process end once it has used so much CPU: time that others take from it does not count.

    `most` is up to where it may raise this; without it the bound that stands is raised.
    """
    most = resource.getrlimit(resource.RLIMIT_CPU)[1] if most is None else math.ceil(most)
    limit = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def timed_out(after):
    """Return the answer of a run that was ended because it took too long."""
    return {"ok": False, "error": f"time-out: still running after {after}", "timeout": True}


def wait_for(children):
    """Wait until something happens; give those that have ended, and those whose time is over with True."""
    left = min(child.deadline for child in children) - time.monotonic()
    handles = [handle for child in children for handle in (child.reading, child.ended)]
    ready = select.select(handles, [], [], max(0, left))[0]
    now = time.monotonic()
    done = [(child, False) for child in children if child.finished(ready)]
    return done or [(child, True) for child in children if now > child.deadline]


def remove(entry):
    """Delete a file or a folder; what cannot be deleted is nobody's secret."""
    with contextlib.suppress(OSError):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


def children_of(pid):
    """Return the process ids of the children of a process."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
            found += [int(each) for each in file.read().split()]
    return found


def keep_only(descriptor):
    """Close every inherited descriptor but the standard ones and the child's own pipe."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, 4096)


def describe(error):
    """Return class, message and the last lines of the traceback."""
    return "".join(traceback.format_exception(error))[-3000:]
