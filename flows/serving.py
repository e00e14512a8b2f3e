"""A Prefect server with its UI, the deployments, and this machine as their worker, in one command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import click
import httpx

from agenthands.errors import OutsideError, SettingsInvalid
from flows.bootstrapping import HEARTBEAT_SECONDS
from flows.stopping import end_everything, ended_by_interrupt

_START_SECONDS = 120


def serve_here(port: int) -> int:
    """Serve until interrupted. Raises SettingsInvalid where the port is taken, OutsideError where no server starts."""
    url = f"http://127.0.0.1:{port}/api"
    if _healthy(url):
        raise SettingsInvalid(f"A server already listens on port {port}.", "Choose another: --port N.")
    variables = {
        **os.environ,
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "DO_NOT_TRACK": "1",
    }
    with ended_by_interrupt(lambda: None):
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        click.echo("Starting the Prefect server ...", err=True)
        _wait(url, server)
        os.environ.update(variables)
        _work(server, port)
    return 0


def _work(server: subprocess.Popen[Any], port: int) -> None:
    """Prepare the server and work for both deployments, for as long as the server lives."""
    from prefect import serve

    from flows.bootstrapping import bootstrap
    from flows.build_agent import build_agent
    from flows.build_batch import build_batch

    for line in bootstrap():
        click.echo(line, err=True)
    deployments: list[Any] = [
        build_agent.to_deployment("default", description="One agent from one sentence."),
        build_batch.to_deployment("default", description="Every agent of a list: a file, or a key of the store."),
    ]
    threading.Thread(target=_leave_with, args=(server,), daemon=True).start()
    click.echo(f"UI:    http://127.0.0.1:{port}", err=True)
    click.echo("Build: prefect deployment run build-agent/default --param request='...'", err=True)
    click.echo("Batch: prefect deployment run build-batch/default --param source=FILE", err=True)
    serve(*deployments, print_starting_message=False)


def _leave_with(server: subprocess.Popen[Any]) -> None:
    code = server.wait()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # the user ends all of it just now
        return
    click.echo(f"The Prefect server ended with exit code {code}; so nothing can go on here.", err=True)
    end_everything()
    os._exit(OutsideError.exit_code)


def _wait(url: str, server: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise OutsideError(
                f"The Prefect server ended with exit code {server.returncode}.",
                "Run `prefect server start` to see why.",
            )
        if _healthy(url):
            return
        time.sleep(0.5)
    raise OutsideError(
        f"The Prefect server did not answer within {_START_SECONDS} s.",
        "Run `prefect server start` to see why.",
    )


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False
