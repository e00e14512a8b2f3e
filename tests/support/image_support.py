"""An image with this machine's Python for tests that build images: none can be pulled everywhere."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock
from patience import patient

from agenthands.sandbox.docker.container import IMAGE as SANDBOX_IMAGE

BASE = f"agenthands-test-python:{SANDBOX_IMAGE.rpartition(':')[2]}"
# What a public base image has and ours needs: Python, and how this machine reaches its package index.
_DOCKERFILE = f"""FROM {SANDBOX_IMAGE}
COPY python /usr/local
RUN ldconfig
COPY certificates.pem pip.conf /etc/
ENV SSL_CERT_FILE=/etc/certificates.pem PIP_CERT=/etc/certificates.pem PIP_CONFIG_FILE=/etc/pip.conf
"""


def sh(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=patient(800), **options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr


def build_image(tag, folder, *options):
    """Build an image from `folder`; its layers stay for the next time, the image that had this tag before does not."""
    _make_base()
    listing = ["docker", "image", "ls", "--quiet", "--no-trunc", tag]
    had = sh(*listing).strip()
    build = ["docker", "build", "--quiet", "--network", "host", "--build-arg", f"BASE_IMAGE={BASE}", "--tag", tag]
    sh(*build, *options, str(folder))
    if had and had != sh(*listing).strip():
        sh("docker", "image", "rm", "--force", had)


def _make_base():
    """Make the base from the sandbox's image, if it is not there."""
    with FileLock("/tmp/agenthands-test-python.lock"):
        if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True).returncode:
            with tempfile.TemporaryDirectory() as folder:
                _make(Path(folder))


def _make(folder):
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
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    sh("docker", "build", "--quiet", "--tag", BASE, str(folder))
