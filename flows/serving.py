"""A Prefect server with its UI, the deployment, and this machine as its worker, in one command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import click
import httpx

from agenthands.errors import OutsideError, SettingsInvalid
from flows.stopping import ended_by_interrupt

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
        click.echo(f"UI:    http://127.0.0.1:{port}", err=True)
        click.echo("Build: prefect deployment run build-agent/default --param request='...'", err=True)
        from flows.build_agent import build_agent

        build_agent.serve(name="default", print_starting_message=False)
    return 0


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
