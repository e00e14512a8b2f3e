"""One bare Prefect server for all processes of a test run: the first that needs it starts it, it ends with the last.

Each process holds a shared lock as long as it uses the server. Beside the server waits its keeper, until it alone
holds that lock: so nothing is left where processes of the tests are killed.
"""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from agenthands.flows.server.empty_database import prepare_database

_SERVER = [sys.executable, "-m", "uvicorn", "--factory", "agenthands.flows.server.app:create_app"]


@contextmanager
def shared_server(folder):
    """Use the server whose files lie in `folder`; gives the URL of its API, which need not answer yet."""
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("w") as users:
        with FileLock(folder / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            port = folder / "port"
            if not port.exists():
                from package_support import free_port

                port.write_text(str(free_port()))
                quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                subprocess.Popen([sys.executable, __file__, folder, port.read_text()], start_new_session=True, **quiet)
        yield f"http://127.0.0.1:{port.read_text()}/api"


def _keep(folder, port):
    """Run the server as long as somebody uses it. Its writers to SQLite wait for each other, as those of a build do."""
    home = folder / "home"
    home.mkdir()
    prepare_database(home / "prefect.db")
    variables = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_UI_ENABLED": "0",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
    }
    address = ["--host", "127.0.0.1", "--port", port, "--log-level", "error"]
    with (folder / "users").open("w") as users, subprocess.Popen([*_SERVER, *address], env=variables) as server:
        fcntl.flock(users, fcntl.LOCK_EX)
        server.terminate()


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), sys.argv[2])
