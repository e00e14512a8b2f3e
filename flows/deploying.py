"""Deploys what prefect.yaml says, from a checkout or from where AgentHands is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from agenthands.errors import OutsideError

IMAGE_FOLDER = "/opt/agenthands"  # where deployments/Dockerfile puts the code
_HERE = Path(__file__).resolve().parent
_SECONDS = 180
_DEPLOYED = re.compile(r"Deployment '([^']+)' successfully")


def shipped(name: str) -> Path:
    """Find a file of a checkout; an installed wheel has it beside this module."""
    here = _HERE.parent / name
    return here if here.is_file() else _HERE / f"_{Path(name).name}"


def deploy(pool: str, kind: str = "process", variables: Mapping[str, str] = os.environ) -> list[str]:
    """Deploy to the server at PREFECT_API_URL, on the work pool; gives what is deployed, a line each.

    A run looks for the code in AGENTHANDS_CHECKOUT: unless the variable is given, where it is here for a pool of
    processes, and where it is in the image for others. Raises OutsideError with what Prefect said.
    """
    root = _HERE.parent
    code = str(root) if kind == "process" else IMAGE_FOLDER
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", shipped("prefect.yaml")],
        env={"AGENTHANDS_CHECKOUT": code, **variables, "AGENTHANDS_POOL": pool},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise OutsideError(f"Prefect deploys nothing: {done.stdout}{done.stderr}")
    return [f"deployed: {name}" for name in _DEPLOYED.findall(done.stdout)]
