"""The package's scripts take the Python that was meant, whatever lies on the PATH and wherever they are called."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import patient
from tests_support import PLAN, registry, write_roman

from agenthands.llm.settings import ModelSettings
from agenthands.mcp.catalogue import load_catalogue
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.bundle import pack, unpack
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import Plan

pytestmark = pytest.mark.slow
REAL = Path(sys.executable).resolve()
OLD = "#!/bin/sh\n# A Python that is too old: it runs nothing that asks for its version with success.\nexit 1\n"
SHIM = f'#!/bin/sh\nexec {REAL} "$@"\n'
TOOLS = ("dirname", "env", "cmp", "cp", "rm", "cat", "uname", "ldd")  # what the scripts and uv call


@pytest.fixture
def package(tmp_path):
    """The package of an agent with one server, whose lock is empty, in a folder with a space in its name."""
    plan = Plan.model_validate(PLAN)
    kinds = registry({"tool_calling_agent": {"tool_names": ("functions_and_groups", False)}}, ["current_datetime"])
    server = PlannedServer(load_catalogue()["time"], ["get_current_time"], "Time zones.", "")
    tools = {"roman_numeral": write_roman(tmp_path / "tool")}
    files = assemble_agent(plan, tools, [server], kinds, "", ModelSettings(model="openai/double"))
    folder = tmp_path / "an agent"
    unpack(pack({**files, "installer.lock": b""}, plan.name), folder)
    return folder


@pytest.fixture
def run(package, tmp_path):
    """Run a script of the package from another folder, with these programs on the PATH beside the usual tools."""

    def run(script, programs, first="", **variables):
        folder = tmp_path / "path"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in TOOLS:
            if found := shutil.which(name):
                (folder / name).symlink_to(found)
        for name, what in programs.items():
            if isinstance(what, Path):
                (folder / name).symlink_to(what)
            else:
                (folder / name).write_text(what)
                (folder / name).chmod(0o755)
        environment = {"PATH": f"{first}:{folder}".strip(":"), "HOME": str(tmp_path), "UV_OFFLINE": "1", **variables}
        return subprocess.run(
            ["/bin/sh", package / script], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=patient(120),
        )  # fmt: skip

    return run


def venv(folder, *arguments):
    """Make an environment of the real Python in a moment, without pip; return its interpreter."""
    subprocess.run([REAL, "-m", "venv", "--without-pip", *arguments, folder], check=True)
    return folder / "bin" / "python3"


def made_with(environment):
    """Return the version and the home of the Python of which an environment was made."""
    text = (environment / "pyvenv.cfg").read_text()
    return re.search(r"^version(?:_info)? = (\d+\.\d+)", text, re.MULTILINE)[1], Path(
        re.search(r"^home = (.*)", text, re.MULTILINE)[1]
    ).resolve()


UV = Path(shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "/no/uv")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize("case", ["own", "older on the path", "in a venv", "named", "uv's own"])
def test_servers_get_the_python_that_was_meant(case, package, run, tmp_path):
    variables, programs = {}, {"uv": UV, "python3": SHIM}
    if case in ("own", "older on the path"):
        venv(package / ".venv")
    if case == "older on the path":
        programs["python3"] = OLD
    if case == "in a venv":
        variables["first"] = venv(tmp_path / "another").parent
        variables["VIRTUAL_ENV"] = str(tmp_path / "another")
    if case == "named":
        programs["python3"] = OLD
        variables["PYTHON"] = str(venv(tmp_path / "named"))
    if case == "uv's own":
        del programs["python3"]
        subprocess.run([UV, "venv", "--quiet", "--python", REAL, package / ".venv"], check=True)
    done = run("setup_mcp.sh", programs, **variables)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert made_with(package / "mcp" / "time") == (HERE, REAL.parent)
    assert "already installed" in run("setup_mcp.sh", programs, **variables).stdout


@pytest.mark.parametrize("script", ["setup_mcp.sh", "install.sh"])
def test_without_a_python_that_fits_it_says_how_to_name_one(script, run, package):
    done = run(script, {"python3": OLD, "python3.12": OLD})
    assert done.returncode == 2
    assert f"PYTHON=/path/to/python {package / script}" in done.stderr
    assert not (package / ".venv").exists()


@pytest.mark.long
def test_the_agent_is_installed_with_the_first_python_that_fits(run, package):
    pythons = {"python3": OLD, "python3.12": SHIM}
    done = run("install.sh", pythons)
    assert f"Making .venv with {REAL}" in done.stdout, done
    assert made_with(package / ".venv")[1] == REAL.parent
    assert "Making .venv" not in run("install.sh", pythons).stdout, "an environment that fits stays"
