"""What a tool does, as the audit hook of the gate sees it, where Python has compiled nothing yet."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from patience import patient

from agenthands.gate.harness import audit

# The folder of the module is one of Python's own, as those of the standard library are.
PROGRAM = """
import importlib.util, json, sys
place, tool, code = sys.argv[1:]
sys.path[1:1] = [place]
spec = importlib.util.spec_from_file_location("audit", {audit!r})
audit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)
watch = audit.Watch({{}})
watch.module, watch.during = tool, 0
exec(compile(code, tool, "exec"), {{}})
watch.during = None
print(json.dumps([[each["what"], each["line"]] for each in watch.events]))
"""
BY_HAND = "import importlib._bootstrap_external as own\nown._write_atomic({!r}, b'kept')"


@pytest.mark.parametrize(("code", "seen"), [
    ("import uncompiled", []),
    ("import uncompiled\nopen({!r}, 'w')", [["write", 2]]),
    ("import os, uncompiled\nos.makedirs({!r})", [["write", 2]]),
    (BY_HAND, [["write", 2]]),
])  # fmt: skip
def test_what_an_import_compiles_is_no_deed_of_the_tool(tmp_path, code, seen):
    place, tool = tmp_path / "lib", tmp_path / "tool" / "tool.py"
    own = tmp_path / "own"  # a tool may write where temporary files belong
    for folder in (place, own):
        folder.mkdir()
    (place / "uncompiled.py").write_text("answer = 42\n")
    program = PROGRAM.format(audit=audit.__file__)
    code = code.format(str(place / "kept"))
    command = [sys.executable, "-c", program, str(place), str(tool), code]
    done = subprocess.run(command, capture_output=True, text=True, env={"TMPDIR": str(own)}, timeout=patient(60))
    assert json.loads(done.stdout or "null") == seen, done.stderr
    assert list(Path(place, "__pycache__").glob("*.pyc")) or code.startswith("import importlib")


HIDING = """
import sys, threading
reached, ended = threading.Event(), threading.Event()
class Path(str):
    def __str__(self):
        reached.set()
        ended.wait(20)
        return "/dev/null"
    __fspath__ = __repr__ = __bool__ = __len__ = __str__
other = threading.Thread(target=sys.audit, args=("open", {path}, None, 0))
other.start()
reached.wait(1)
open({!r}, "w")
ended.set()
other.join()
"""


@pytest.mark.parametrize("path", ["Path('x')", "type('P', (), {'__fspath__': Path('x').__str__})()"])
def test_nothing_hides_behind_an_event_that_another_thread_looks_at(tmp_path, path):
    """That of one thread is under way, or the tool's own class keeps it so."""
    kept, tool = str(tmp_path / "kept"), str(tmp_path / "tool.py")
    code = HIDING.replace("{path}", path).replace("{!r}", repr(kept))
    command = [sys.executable, "-c", PROGRAM.format(audit=audit.__file__), str(tmp_path / "lib"), tool, code]
    done = subprocess.run(command, capture_output=True, text=True, env={"TMPDIR": "/dev"}, timeout=patient(60))
    line = next(number for number, text in enumerate(code.splitlines(), 1) if text.startswith("open("))
    assert ["write", line] in json.loads(done.stdout or "null"), done.stderr


INSIDE = """
import subprocess, sys
class Path(str):
    def __str__(self):
        open({!r}, "w")
        return "x"
    __fspath__ = __repr__ = __str__
for event in ("open", "os.exec", "socket.connect", "os.listdir"):
    sys.audit(event, Path("x"), (Path("x"),), 0)
"""


def test_the_hook_calls_nothing_of_the_tool(tmp_path):
    """What it calls would not be seen."""
    code = INSIDE.replace("{!r}", repr(str(tmp_path / "kept")))
    command = [sys.executable, "-c", PROGRAM.format(audit=audit.__file__), str(tmp_path / "lib"), "tool.py", code]
    subprocess.run(command, capture_output=True, check=True, env={"TMPDIR": "/dev"}, timeout=patient(60))
    assert not (tmp_path / "kept").exists()
