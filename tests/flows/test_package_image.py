"""The package as a container: its Dockerfile builds, the agent in it answers, and compose serves it."""

import os
import shutil

import httpx
import pytest
from image_support import build_image, sh
from package_support import free_port
from patience import patient
from scripted_server import serve_script
from served_support import HTTP, until

pytestmark = [pytest.mark.slow, pytest.mark.images, pytest.mark.timeout(900)]
IMAGE, IN_COMPOSE = "agenthands-test-package", "data-report"


@pytest.fixture(scope="module")
def image(docker, tmp_path_factory, fetched_package):
    """The package's image, built from its own Dockerfile; a key in .env beside it must stay out."""
    agent = fetched_package(tmp_path_factory.mktemp("image"))
    (agent / ".env").write_text("OPENAI_API_KEY=canary-key\nAGENT_MODEL=openai/gpt-4o\n")
    build_image(IMAGE, agent)
    sh("docker", "tag", IMAGE, IN_COMPOSE)
    yield agent
    sh("docker", "image", "rm", IN_COMPOSE)


def test_the_agent_in_the_container_answers(image):
    question = "Summarise the column 4, 1, 7."
    with serve_script("data-report") as model:
        variables = {"AGENT_MODEL": "openai/scripted", "OPENAI_API_BASE": model.url, "OPENAI_API_KEY": "x"}
        given = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        ask = ["run", "--config_file", "src/data_report_agent/configs/config.yml", "--input", question]
        said = sh("docker", "run", "--rm", "--network", "host", *given, IMAGE, *ask)
    assert "The 3 numbers have the mean 4.0" in said


def test_no_key_and_no_root_in_the_container(image):
    def inside(text):
        return sh("docker", "run", "--rm", "--network", "none", "--entrypoint", "bash", IMAGE, "-c", text)

    assert inside("id -un").strip() == "agent"
    assert "canary" not in inside("ls -a; env; cat .env 2>/dev/null; true")
    assert ".env.example" in inside("ls -a")


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose")
def test_compose_serves_the_agent(image):
    port = free_port()
    variables = {**os.environ, "PORT": str(port), "COMPOSE_PROJECT_NAME": f"agenthands-test-{port}"}
    sh("docker-compose", "up", "--detach", "--no-build", cwd=image, env=variables)
    try:
        assert until(lambda: healthy(port), 120)
    finally:
        sh("docker-compose", "down", cwd=image, env=variables)


def healthy(port):
    try:
        return HTTP.get(f"http://127.0.0.1:{port}/health", timeout=patient(2)).is_success
    except httpx.HTTPError:
        return False
