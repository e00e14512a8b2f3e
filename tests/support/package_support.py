"""A package as `agenthands fetch` leaves it, from a build with the scripted model."""

import os
import socket
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "agenthands")


def built_package(folder):
    """Build the agent of the script data-report and give the folder of its package."""
    variables = {**os.environ, "AGENTHANDS_STORE": str(folder / "store")}
    build = [COMMAND, "build", "a report", "--planner", "scripted/data-report"]
    for command in (build, [COMMAND, "fetch", "data-report", str(folder / "agent")]):
        subprocess.run(command, env=variables, check=True, capture_output=True, timeout=400)
    return folder / "agent"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
