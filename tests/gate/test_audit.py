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
