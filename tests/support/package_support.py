"""A package as `agenthands fetch` leaves it, from a build with the scripted model."""

import socket

from filelock import FileLock


def built_package(shared, folder, warm):
    """Return the folder of the package of data-report, fetched into `folder`; the build in `shared` is made once."""

    def agenthands(*arguments):
        warm.run(*arguments, AGENTHANDS_STORE=shared / "package-store").check_returncode()

    with FileLock(shared / "package.lock"):
        if not (shared / "package-store" / "agents").exists():
            agenthands("build", "a report", "--planner", "scripted/data-report")
    agenthands("fetch", "data-report", str(folder / "agent"))
    return folder / "agent"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
