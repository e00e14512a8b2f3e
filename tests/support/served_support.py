"""`agenthands serve` for tests: on a free port, with a Prefect home and a store of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Served:
    """Where it is: its process, its API, and the variables of a client."""

    pid: int
    url: str
    variables: dict

    def deployment(self, name):
        try:
            answer = httpx.get(f"{self.url}/deployments/name/{name}", timeout=5)
        except httpx.HTTPError:
            return None
        return answer.json()["id"] if answer.is_success else None


def until(done, seconds=120):
    """Wait until `done` gives something, and give it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := done():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


@contextmanager
def serve(folder, **more):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    variables = {
        **os.environ,
        "PREFECT_HOME": str(folder / "prefect"),
        "AGENTHANDS_STORE": str(folder / "store"),
        "OPENAI_API_KEY": "x",
        **more,
    }
    command = [BIN / "agenthands", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:
        served = Served(process.pid, url, {**variables, "PREFECT_API_URL": url})
        until(lambda: served.deployment("build-agent/default"), 300)
        yield served
        process.send_signal(signal.SIGINT)
        process.wait(60)
