"""A package as `agenthands fetch` leaves it, from a build with the scripted model."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

COMMAND = str(Path(sys.executable).parent / "agenthands")


def built_package(shared, folder, api):
    """Return the folder of the package of data-report, fetched into `folder`; the build in `shared` is made once."""
    variables = {**os.environ, **api, "AGENTHANDS_STORE": str(shared / "package-store")}

    def agenthands(*arguments):
        subprocess.run([COMMAND, *arguments], env=variables, check=True, capture_output=True, timeout=400)

    with FileLock(shared / "package.lock"):
        if not (shared / "package-store" / "agents").exists():
            agenthands("build", "a report", "--planner", "scripted/data-report")
    agenthands("fetch", "data-report", str(folder / "agent"))
    return folder / "agent"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
