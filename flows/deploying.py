"""Deploys what prefect.yaml says, from a checkout or from where AgentHands is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from agenthands.errors import OutsideError

_HERE = Path(__file__).resolve().parent
_SECONDS = 180
_DEPLOYED = re.compile(r"Deployment '([^']+)' successfully")


def deploy(pool: str, variables: Mapping[str, str] = os.environ) -> list[str]:
    """Deploy to the server at PREFECT_API_URL, on the work pool; gives what is deployed, a line each.

    A worker looks for the code in AGENTHANDS_CHECKOUT; it is where it is here, unless the variable is given.
    Raises OutsideError with what Prefect said.
    """
    root = _HERE.parent
    file = root / "prefect.yaml"
    if not file.is_file():
        file = _HERE / "_prefect.yaml"  # a wheel has it here
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file],
        env={"AGENTHANDS_CHECKOUT": str(root), **variables, "AGENTHANDS_POOL": pool},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise OutsideError(f"Prefect deploys nothing: {done.stdout}{done.stderr}")
    return [f"deployed: {name}" for name in _DEPLOYED.findall(done.stdout)]
