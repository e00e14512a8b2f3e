"""Notes what a tool does to files, the network and other processes, as Python's audit hooks see it (PEP 578)."""

import _collections_abc
import collections.abc
import concurrent.futures.thread
import importlib._bootstrap
import importlib._bootstrap_external
import linecache
import mimetypes
import os
import pathlib
import sys
import tempfile
import threading

_IMPORTING = (vars(importlib._bootstrap), vars(importlib._bootstrap_external))
_SHOWING_CODE = vars(linecache)
_OF_VARIABLES = (vars(os), vars(collections.abc), vars(_collections_abc))
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EVENTS = {
    "socket.connect": "network", "socket.bind": "network", "socket.sendto": "network", "socket.sendmsg": "network",
    "socket.getaddrinfo": "network", "socket.gethostbyname": "network", "socket.gethostbyaddr": "network",
    "subprocess.Popen": "process", "os.system": "process", "os.exec": "process", "os.posix_spawn": "process",
    "os.spawn": "process", "os.fork": "process", "os.forkpty": "process", "pty.spawn": "process", "os.kill": "process",
    "os.killpg": "process", "signal.pthread_kill": "process",
    "open": "read", "os.listdir": "list", "os.scandir": "list", "sqlite3.connect": "write", "os.mkdir": "write",
    "os.rename": "write", "os.remove": "write", "os.rmdir": "write", "os.link": "write", "os.symlink": "write",
    "os.truncate": "write", "os.chmod": "write", "os.chown": "write", "os.utime": "write", "os.setxattr": "write",
    "os.removexattr": "write", "os.chdir": "folder", "gc.get_objects": "objects", "gc.get_referrers": "objects",
    "sys._current_frames": "objects", "sys.addaudithook": "hooks", "sys.settrace": "hooks", "sys.setprofile": "hooks",
}  # fmt: skip
_PATHS = (pathlib.PosixPath, pathlib.PurePosixPath)
_LOOK_UPS = {"socket.getaddrinfo", "socket.gethostbyname"}
_MOST = 30


class Watch:
    """What a tool did while it was imported and called. `during` is -1 for the import, then the number of the call."""

    def __init__(self, job):
        """Watch from now on; a hook cannot be taken away."""
        own = [tempfile.gettempdir(), "/dev/null", "/dev/urandom"]
        self.written = tuple(os.path.realpath(path) for path in own)
        shared = [
            "/usr/share",
            "/usr/lib",
            "/lib",
            "/etc/localtime",
            "/etc/timezone",
            "/etc/os-release",
            "/etc/zoneinfo",
        ]
        shared += [*mimetypes.knownfiles, sys.prefix, sys.base_prefix, *sys.path[1:]]  # the first is the tool's folder
        self.read = (*self.written, *(os.path.realpath(path) for path in shared if path))
        self.listed = {os.path.realpath(path) for path in sys.path}  # who looks for packages lists them all
        self.named = job.get("named", "")
        self.texts = ()
        self.module = ""
        self.during = None
        self.events = []
        self.threads = set(threading.enumerate())
        self.busy = set()  # threads that look at an event now; the events of all others count
        self.worlds = None
        self.frame, self.thread = sys._getframe, threading.get_ident
        sys.addaudithook(self.hook)

    def shows(self, worlds):
        """Let the tool do what these recorded worlds are there for."""
        self.worlds = worlds
        self.read += (*worlds.paths(write=False), *worlds.variables.values())
        self.written += worlds.paths(write=True)

    def call(self, number, arguments):
        """Note what happens from now on as the call with this number."""
        self.texts = tuple(_texts(arguments))
        self.during = number

    def hook(self, event, details):
        """Note an event that no import and nothing of the specification explains."""
        what = _EVENTS.get(event)
        thread = self.thread()
        if what is None or self.during is None or thread in self.busy or len(self.events) >= _MOST:
            return
        self.busy.add(thread)  # looking at the stack is such an event
        try:
            if self.worlds and self.worlds.explains(event, details):
                if event in _LOOK_UPS and self.is_called_by_tool():
                    self.add("address", _shown(details[0])[:200])
                return
            self.note(what, details)
        finally:
            self.busy.discard(thread)

    def note(self, what, details):
        """Note an event with what it is about."""
        path = ""
        if what in ("read", "list", "write"):
            path = _path(details[0] if details else "")
            if what == "read" and (details[2] or 0) & _CHANGES:
                what = "write"
            if path is None or self.explained(what, path) or (what == "write" and self.compiled(path)):
                return
        elif what == "network":
            host = isinstance(details[0], str | bytes)
            path = _shown(details[0] if host or len(details) == 1 else details[1])[:200]
        elif what == "process":
            path = _shown(details[0] if details else "")[:200]
        self.add(what, path)

    def add(self, what, path):
        """Note something, once for each line of the tool."""
        line = self.line()
        if line is None:
            return
        seen = {"what": what, "line": line, "path": path[:300], "during": self.during}
        if not any(each["what"] == what and each["line"] == line for each in self.events):
            self.events.append(seen)

    def looked(self, path):
        """Note that the code looked whether a path is there, which no audit event says."""
        thread = self.thread()
        if self.during is None or thread in self.busy:
            return
        self.busy.add(thread)
        try:
            shown = _path(path)
            if shown is not None and not self.explained("look", shown) and not self.by_package():
                self.add("look", shown)
        finally:
            self.busy.discard(thread)

    def asked(self, name):
        """Note that the tool itself read an environment variable."""
        if self.during is None or self.thread() in self.busy:
            return
        frame = self.frame(2)
        while frame and any(frame.f_globals is each for each in _OF_VARIABLES):
            frame = frame.f_back
        if frame and frame.f_code.co_filename == self.module:
            self.add("variable", name)

    def is_called_by_tool(self):
        """Return whether the tool itself calls what this is about, and no client does so for it."""
        frame = self.frame(1)
        while frame and frame.f_globals is globals():
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename == self.module

    def asked_time(self, line):
        """Note that the tool itself asked what time it is."""
        if self.during is not None and len(self.events) < _MOST:
            self.events.append({"what": "clock", "line": line, "path": "", "during": self.during})

    def left_behind(self, folder, tasks):
        """Note what a tool leaves for later: tasks and timers of the event loop, threads, temporary files."""
        self.during, seen = None, []
        if tasks:
            seen.append(("later", ""))
        for thread in threading.enumerate():
            idle = getattr(thread, "_target", None) is concurrent.futures.thread._worker
            if thread not in self.threads and thread is not threading.current_thread() and not idle:
                thread.join(0.5)
                seen += [("later", "")] if thread.is_alive() else []
        seen += [("kept", name) for name in os.listdir(folder)[:1]]
        self.events += [{"what": what, "line": 0, "path": path, "during": 0} for what, path in seen]

    def by_package(self):
        """Return whether the code of a package, and not the tool, does this."""
        frame = self.frame(2)
        while frame and frame.f_code.co_filename != self.module:
            if "site-packages" in frame.f_code.co_filename:
                return True
            frame = frame.f_back
        return False

    def explained(self, what, path):
        """Return whether a path is what every program uses, or is named by the call or the specification."""
        if path.startswith(":memory:"):
            return True
        if any(text and (path == text or path.startswith(text.rstrip("/") + "/")) for text in self.texts):
            return True
        if len(path) > 3 and path in self.named:
            return True
        real = os.path.realpath(path)
        if what == "list" and real in self.listed:
            return True
        allowed = self.written if what == "write" else self.read
        return any(real == each or real.startswith(each + os.sep) for each in allowed)

    def compiled(self, path):
        """Return whether Python keeps there what it has compiled of a module that is imported."""
        frame = self.frame(1)
        while frame.f_globals is globals():
            frame = frame.f_back
        places = os.path.basename(path), os.path.basename(os.path.dirname(path))
        return "__pycache__" in places and frame.f_globals is _IMPORTING[1] and self.explained("read", path)

    def line(self):
        """Return the line of the tool from which this comes; None for what an import does, or NAT or the harness."""
        frame, other, importing = self.frame(2), False, False
        while frame:
            space = frame.f_globals
            if frame.f_code.co_filename == self.module:
                return None if importing else frame.f_lineno
            if space is _SHOWING_CODE:
                return None
            if any(space is each for each in _IMPORTING):
                importing = importing or other
            elif space is not globals():
                other = True
            frame = frame.f_back
        return None if self.during == -1 else 0


def _path(given):
    """Return the path that an event is about, and None for a descriptor. No class of the tool's has a say in it."""
    kind = type(given)
    if kind is int:
        return None
    if isinstance(given, str):
        return str.__str__(given) or "."
    if isinstance(given, bytes):
        return bytes.decode(given, "utf-8", "surrogateescape") or "."
    return "." if given is None else _shown(given)


def _shown(value):
    """Return a value as text. What is called here is not seen by the hook, so it may be nothing of the tool's."""
    kind = type(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes.decode(value, "utf-8", "replace")
    if kind in (int, float, bool, type(None), *_PATHS):
        return str(value)
    if isinstance(value, tuple):
        return f"({', '.join(_shown(each) for each in tuple.__iter__(value))})"
    return f"<{type.__getattribute__(kind, '__name__')}>"


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
