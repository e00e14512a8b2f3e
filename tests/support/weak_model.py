"""A real weak model: SmolLM2 with 135 million parameters, which lies in a wheel, served by llama.cpp on loopback."""

import subprocess
import sys
import tomllib
from contextlib import contextmanager

from conftest_paths import ROOT
from filelock import FileLock

_SCRIPT = ROOT / "tests" / "support" / "weak_model_server.py"
_ENVIRONMENT = ROOT / ".cache" / "weak-model"


def python_of_weak_model():
    """Return the interpreter of an environment with model and llama.cpp, which is made once: 127 MB of two wheels."""
    python = _ENVIRONMENT / "bin" / "python"
    _ENVIRONMENT.parent.mkdir(exist_ok=True)
    with FileLock(f"{_ENVIRONMENT}.lock"):
        if not (_ENVIRONMENT / "complete").exists():
            wheels = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["weak-model"]
            subprocess.run([sys.executable, "-m", "venv", "--clear", _ENVIRONMENT], check=True)
            install = [python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-deps", *wheels]
            subprocess.run(install, check=True)
            (_ENVIRONMENT / "complete").touch()
    return python


@contextmanager
def weak_model(window=16_384):
    """Serve it with a context window of so many tokens; yields the address of its OpenAI API."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([python_of_weak_model(), "-P", _SCRIPT, str(window)], **pipes) as process:
        try:
            yield f"{process.stdout.readline().strip()}/v1"
        finally:
            process.stdin.close()
