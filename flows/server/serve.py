"""Runs a Prefect server with its UI, the deployments, and a worker on this machine, in one command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any, NoReturn, TextIO

import click
import httpx

from agenthands.errors import OutsideError, SettingsInvalid
from agenthands.flows.cancellation import DIE_WITH_PARENT, end_everything, ended_by_interrupt
from agenthands.flows.server.deployments import deploy, shipped

_START_SECONDS = 300  # of a server that goes on starting: one that has ended is noticed at once
_LOOK_SECONDS = 1.0


def serve_here(port: int, runs: int) -> NoReturn:
    """Serve on `port` until interrupted, with at most `runs` concurrent runs.

    Raises SettingsInvalid if the port is taken, OutsideError if the server or the worker does not stay up.
    """
    url = f"http://127.0.0.1:{port}/api"
    if _healthy(url):
        raise SettingsInvalid(f"A server already listens on port {port}.", "Choose another: --port N.")
    os.environ.update(
        PREFECT_API_URL=url,
        PREFECT_SERVER_UI_API_URL=url,
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", "2")  # a person waits for the run
    # Otherwise each client loads all certificates, and the worker keeps those of many runs: docs/scale.md.
    os.environ.setdefault("PREFECT_API_SSL_CERT_FILE", str(shipped("deployments/no-tls.pem")))
    with ended_by_interrupt(lambda: None):
        try:
            _serve(url, port, runs)
        finally:
            end_everything()


def _serve(url: str, port: int, runs: int) -> NoReturn:
    click.echo("Starting the Prefect server ...", err=True)
    address = ("--host", "127.0.0.1", "--port", str(port))
    server = _start("agenthands.flows.server.app", "server", "start", *address, output=subprocess.DEVNULL)
    _wait(url, server)
    from agenthands.flows.server.bootstrap import POOL, bootstrap, watch_runs

    bootstrap(POOL)
    watch_runs()
    options = ("--pool", POOL, "--limit", str(runs), "--install-policy", "never")
    worker = _start("prefect", "worker", "start", *options, output=sys.stderr)
    deploy(POOL)
    click.echo(f"UI:    http://127.0.0.1:{port}", err=True)
    click.echo(f"Here:  export PREFECT_API_URL={url}", err=True)
    click.echo("Build: prefect deployment run build-agent/default --param request='...'", err=True)
    _watch({"server": server, "worker": worker})


def _start(module: str, *arguments: str, output: int | TextIO) -> subprocess.Popen[Any]:
    command = [sys.executable, "-P", "-m", module, *arguments]  # -P: a folder `flows` in the current folder is not ours
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=DIE_WITH_PARENT)


def _watch(processes: dict[str, subprocess.Popen[Any]]) -> NoReturn:
    while True:
        for name, process in processes.items():
            _check(name, process)
        time.sleep(_LOOK_SECONDS)


def _check(name: str, process: subprocess.Popen[Any]) -> None:
    if process.poll() is not None:
        raise OutsideError(
            f"The Prefect {name} ended with exit code {process.returncode}.",
            f"Run `prefect {name} start` to see why.",
        )


def _wait(url: str, server: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        _check("server", server)
        if _healthy(url):
            return
        time.sleep(0.5)
    raise OutsideError(
        f"The Prefect server did not answer within {_START_SECONDS} s.",
        "Run `prefect server start` to see why.",
    )


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=10).is_success
    except httpx.HTTPError:
        return False
