"""A Prefect server on PostgreSQL with Redis, or on SQLite, and several workers, as processes of this machine."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from canaries import ENVIRONMENT
from package_support import free_port
from patience import patient
from served_support import BIN, Served, until

ROOT = Path(__file__).parents[2]
POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
MISSING = [
    package
    for package, there in {"postgresql": POSTGRES, "redis-server": shutil.which("redis-server")}.items()
    if not there
]


DATABASE = ENVIRONMENT["PREFECT_SERVER_DATABASE_PASSWORD"]


def dumped(served):
    """Return all that the PostgreSQL of a server holds, as SQL."""
    url = served.variables["PREFECT_SERVER_DATABASE_CONNECTION_URL"].replace("+asyncpg", "")
    return subprocess.run([POSTGRES / "pg_dump", url], check=True, capture_output=True).stdout


@contextmanager
def running(*command, seconds=60, **options):
    """Run a process, and end it: politely first."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    with subprocess.Popen([str(part) for part in command], **{**quiet, **options}) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(patient(seconds))
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def postgres():
    """Run PostgreSQL in a folder that is gone afterwards; gives Prefect's URL of the database, with a password."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        # It refuses to run as root.
        other = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        if other:
            shutil.chown(folder, "nobody", "nogroup")
        data = Path(folder, "data")
        initialise = [POSTGRES / "initdb", "--auth=trust", "--username=prefect", "--encoding=UTF8", "-D", data]
        subprocess.run(initialise, check=True, capture_output=True, cwd=folder, **other)
        options = ["-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        with running(POSTGRES / "postgres", *options, cwd=folder, **other):
            ready = [POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            until(lambda: subprocess.run(ready).returncode == 0)
            yield f"postgresql+asyncpg://prefect:{DATABASE}@127.0.0.1:{port}/postgres"


@contextmanager
def redis():
    """Run Redis; returns its URL."""
    port = free_port()
    with running("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""):
        ready = ["redis-cli", "-p", str(port), "ping"]
        until(lambda: subprocess.run(ready, capture_output=True).stdout == b"PONG\n")
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def machines(folder, workers, on_postgres=True, runs=2, prepare=()):
    """Run a Prefect server and `workers` workers of `runs` runs each; returns a Served.

    `prepare` are options of deployments/bootstrap.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    variables = {
        **os.environ,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_API_SSL_CERT_FILE": str(ROOT / "deployments" / "no-tls.pem"),
        "AGENTHANDS_STORE": str(folder / "store"),
        "OPENAI_API_KEY": ENVIRONMENT["OPENAI_API_KEY"],
    }
    with ExitStack() as stack:
        if on_postgres:
            at = stack.enter_context(redis())
            variables |= _shared(stack.enter_context(postgres()), at)
        server = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
        process = stack.enter_context(running(*server, env=variables))
        served = Served(folder, process.pid, url, variables)
        until(lambda: served.answers(), 200)
        bootstrap = [sys.executable, "-m", "agenthands.flows.server.bootstrap", *prepare]
        subprocess.run(bootstrap, env=variables, cwd=ROOT, check=True, capture_output=True, timeout=patient(300))
        for _ in range(workers):
            start = ["worker", "start", "--pool", "agenthands", "--limit", runs, "--install-policy", "never"]
            stack.enter_context(running(BIN / "prefect", *start, env=variables))
        yield served


def _shared(database, at):
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_SERVER_DOCKET_URL": f"{at}/0",
        "PREFECT_REDIS_MESSAGING_URL": f"{at}/0",
        "AGENTHANDS_LOCKS": f"{at}/1",
    }
