"""Deploys the flows in prefect.yaml, from a checkout or from an installed package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agenthands import _version
from agenthands.errors import OutsideError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.responses import DeploymentResponse

HEARTBEAT_SECONDS = 30  # the minimum that Prefect allows; the same as in prefect.yaml
IMAGE_FOLDER = "/opt/agenthands"  # where deployments/Dockerfile puts the code
_PACKAGE = Path(_version.__file__).resolve().parent
# The entrypoints of prefect.yaml begin here. It is not the package itself: Prefect puts the folder at the head of
# sys.path, and agenthands/packaging and agenthands/mcp would then be found in place of the packages of those names.
_ROOT = _PACKAGE.parent
_SECONDS = 600
_DEPLOYED = re.compile(r"Deployment '([^']+)' successfully")


def shipped(name: str) -> Path:
    """Return the path of a file that a checkout has at its top, and a wheel in the package."""
    in_package = _PACKAGE / name
    return in_package if in_package.is_file() else _ROOT / name


def deploy(pool: str, kind: str = "process", variables: Mapping[str, str] = os.environ) -> list[str]:
    """Deploy to the work pool on the server at PREFECT_API_URL, and return a line on each deployment.

    An existing deployment keeps its schedules and parameters, because a person may have set them in the UI. A run
    looks for the code in AGENTHANDS_CHECKOUT; by default that is the path here for a pool of processes, and the path in
    the image for other pools. Raises OutsideError with Prefect's output.
    """
    before = _deployments()
    code = str(_ROOT) if kind == "process" else IMAGE_FOLDER
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", shipped("prefect.yaml")],
        env={"AGENTHANDS_CHECKOUT": code, **variables, "AGENTHANDS_POOL": pool},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise OutsideError(f"Prefect deploys nothing: {done.stdout}{done.stderr}")
    _keep_settings(before)
    return [f"deployed: {name}" for name in _DEPLOYED.findall(done.stdout)]


def _deployments() -> dict[UUID, DeploymentResponse]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return {each.id: each for each in client.read_deployments()}


def _keep_settings(before: Mapping[UUID, DeploymentResponse]) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentScheduleUpdate, DeploymentUpdate

    now = _deployments()
    with get_client(sync_client=True) as client:
        for deployment_id, was in before.items():
            if deployment_id not in now:
                continue
            known = (now[deployment_id].parameter_openapi_schema or {}).get("properties", {})
            given = {name: value for name, value in was.parameters.items() if name in known}
            fields = set(DeploymentScheduleUpdate.model_fields) - {"replaces"}
            schedules = [DeploymentScheduleUpdate(**each.model_dump(include=fields)) for each in was.schedules]
            update = DeploymentUpdate(parameters={**now[deployment_id].parameters, **given}, schedules=schedules)
            client.update_deployment(deployment_id, update)
