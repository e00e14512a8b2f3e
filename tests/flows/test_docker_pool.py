"""A docker work pool: its image is made from deployments/Dockerfile, and a run of the deployment is a container."""

from pathlib import Path

import pytest
from image_support import build_image, sh
from many_machines import running
from scripted_server import serve_script
from served_support import BIN, bootstrap, until

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.images, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
IMAGE, POOL = "agenthands-test", "in-docker"


@pytest.fixture(scope="module")
def image(docker):
    build_image(IMAGE, ROOT, "--file", str(ROOT / "deployments" / "Dockerfile"))
    return IMAGE


@pytest.fixture
def docker_pool(image, served):
    """Deploy to a docker pool that has a worker; afterwards the deployments are where they were."""
    bootstrap(served, "--pool", POOL, "--type", "docker", "--image", image)
    worker = [BIN / "prefect", "worker", "start", "--pool", POOL, "--install-policy", "never"]
    try:
        with running(*worker, seconds=5, env=served.variables):  # it ends slowly, Prefect waits
            yield served
    finally:
        bootstrap(served)


def test_a_run_is_a_container(docker_pool, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o777)  # the image's user is not this one
    job = {
        "volumes": [f"{store}:/store"],
        "env": {"AGENTHANDS_STORE": "/store", "OPENAI_API_KEY": "x"},
        "network_mode": "host",  # where the model and the server listen
    }
    with serve_script("data-report") as model:
        run = docker_pool.ask("a report", model, job_variables=job)
        state = until(lambda: docker_pool.ended(run), 500)
    file = next(store.glob("agents/data-report/*/build.json"), None)
    assert file, state["message"]
    record = BuildRecord.model_validate_json(file.read_bytes())
    assert record.status == "accepted", [record.reason, *(tool.reason for tool in record.tools)]
    assert state["name"] == "Accepted"
    assert state["message"].startswith(file.parent.name)
    assert until(lambda: not sh("docker", "ps", "--all", "--quiet", "--filter", f"label=io.prefect.flow-run-id={run}"))
