"""A package as `agenthands fetch` leaves it, from a build with the scripted model."""

import socket

from filelock import FileLock


def built_store(shared, warm):
    """Return the store of a build of data-report in `shared`, which is made once."""
    store = shared / "package-store"
    with FileLock(shared / "package.lock"):
        if not (store / "agents").exists():
            done = warm.run("build", "a report", "--planner", "scripted/data-report", AGENTHANDS_STORE=store)
            done.check_returncode()
    return store


def built_package(shared, folder, warm):
    """Return the folder of the package of data-report, fetched into `folder`; the build in `shared` is made once."""
    store = built_store(shared, warm)
    warm.run("fetch", "data-report", str(folder / "agent"), AGENTHANDS_STORE=store).check_returncode()
    return folder / "agent"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
