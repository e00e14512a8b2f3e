"""The surroundings of a tool that is used and not judged: nothing a test would leave, and another program around it."""

import importlib.machinery
import importlib.util
import os
import socket
import sys
import time
import types

from agenthands.gate.harness.conditions import tool_file

_ELSEWHERE = "/srv/agent/lib/python3.12/site-packages/nat_tools"
_VARIABLES = {
    "PATH": "/srv/agent/bin:/usr/bin:/bin", "HOME": "/home/agent", "USER": "agent", "LOGNAME": "agent",
    "LANG": "de_DE.UTF-8", "TZ": "Asia/Kathmandu", "HOSTNAME": "agent-7f9c", "AGENT_MODEL": "some/model",
    "PORT": "8000", "DEBUG": "", "ENV": "production",
}  # fmt: skip
_OF_TESTS = ("pytest", "_pytest", "coverage", "time_machine", "_time_machine", "pluggy", "iniconfig")


class Moved(importlib.machinery.SourceFileLoader):
    """Loads the tool's module from a text, as if it lay elsewhere."""

    text = ""

    def get_code(self, fullname):
        """Compile the text."""
        return compile(self.text, self.path, "exec", dont_inherit=True)


class MovedFinder:
    """Finds the tool's module alone."""

    def __init__(self, request):
        """Read the tool's file, which is not looked at any more."""
        self.name = f"nat_tools.{request['tool']}"
        self.path = f"{_ELSEWHERE}/{request['tool']}.py"
        self.loader = Moved(self.name, self.path)
        with open(tool_file(request), encoding="utf-8") as file:
            self.loader.text = file.read()

    def find_spec(self, fullname, path=None, target=None):
        """Answer for one name."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self.loader)


def move(request):
    """Give this process the surroundings of a running agent, for good; return the tool's path in them."""
    finder = MovedFinder(request)
    sys.meta_path.insert(0, finder)
    own = os.environ["TMPDIR"]
    os.environ.clear()
    os.environ.update(_VARIABLES, TMPDIR=own)
    time.tzset()
    os.chdir("/")
    sys.argv[:] = ["/srv/agent/bin/nat", "serve", "--config_file", "config.yml"]
    sys.orig_argv[:] = ["/srv/agent/bin/python", *sys.argv]
    program = types.ModuleType("__main__")
    program.__file__ = sys.argv[0]
    move.before = sys.modules["__main__"]  # its functions go on working
    sys.modules["__main__"] = program
    for name in [name for name in sys.modules if name.partition(".")[0] in _OF_TESTS]:
        del sys.modules[name]
    move.getpid = os.getpid
    os.getpid, os.getppid, os.cpu_count = (lambda: 48211), (lambda: 1), (lambda: 64)
    socket.gethostname = lambda: "agent-7f9c"
    return finder.path


def move_back():
    """Let this process be found under its own number again."""
    os.getpid = move.getpid
