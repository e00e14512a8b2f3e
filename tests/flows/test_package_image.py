"""The package as a container: its Dockerfile builds, the agent in it answers, and compose serves it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from package_support import built_package, free_port
from scripted_server import serve_script
from served_support import until

from agenthands.adapters.docker_container import IMAGE as SANDBOX_IMAGE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BASE, IMAGE = "agenthands-test-python", "data-report"
# What a public base image has and ours needs: Python, and how this machine reaches its package index.
BASE_DOCKERFILE = f"""FROM {SANDBOX_IMAGE}
COPY python /usr/local
RUN ldconfig
COPY certificates.pem pip.conf /etc/
ENV SSL_CERT_FILE=/etc/certificates.pem PIP_CERT=/etc/certificates.pem PIP_CONFIG_FILE=/etc/pip.conf
"""


def sh(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, **options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def base(docker, tmp_path_factory):
    """An image with this machine's Python, made from the sandbox's: none can be pulled everywhere."""
    if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True).returncode == 0:
        return BASE
    folder = tmp_path_factory.mktemp("base")
    prefix = Path(sys.base_prefix)
    ignored = shutil.ignore_patterns("test", "tests", "__pycache__", "site-packages")
    shutil.copytree(prefix, folder / "python", symlinks=True, ignore=ignored)
    site = next((prefix / "lib").glob("python3*/site-packages"))
    for name in ("pip", *(path.name for path in site.glob("pip-*"))):
        shutil.copytree(site / name, folder / "python" / site.relative_to(prefix) / name)
    certificates = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    shutil.copy(certificates, folder / "certificates.pem")
    settings = sh(sys.executable, "-m", "pip", "config", "list")
    index = re.findall(r"^global\.(index-url|extra-index-url)='(https?://.*)'$", settings, re.MULTILINE)
    (folder / "pip.conf").write_text("[global]\n" + "".join(f"{name} = {url}\n" for name, url in index))
    (folder / "Dockerfile").write_text(BASE_DOCKERFILE)
    sh("docker", "build", "--quiet", "--tag", BASE, str(folder))
    return BASE


@pytest.fixture(scope="module")
def image(base, tmp_path_factory):
    """The package's image, built from its own Dockerfile; a key in .env beside it must stay out."""
    agent = built_package(tmp_path_factory.mktemp("image"))
    (agent / ".env").write_text("OPENAI_API_KEY=canary-key\n")
    build = ["docker", "build", "--quiet", "--network", "host", "--build-arg", f"BASE_IMAGE={base}"]
    sh(*build, "--tag", IMAGE, str(agent))
    yield agent
    sh("docker", "image", "rm", "--force", IMAGE)


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
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False
