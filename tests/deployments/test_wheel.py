"""What somebody gets who installs AgentHands: a wheel, or one made of the sdist, in an environment of their own."""

import email
import re
import subprocess
import sys
import tarfile
import tomllib
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from conftest_paths import ROOT, TEST_HOME
from docs_support import pattern
from packaging.requirements import Requirement
from patience import patient
from served_support import serve, until

from agenthands import __version__
from agenthands.schemas import BuildRecord
from agenthands.store.builds import find_build
from agenthands.store.fsspec_store import FsspecStore

UV = Path(sys.executable).parent / "uv"
INFO = f"agenthands-{__version__}.dist-info"
MODEL = "scripted/financial-research"
FROM_THE_TOP = {
    "prefect.yaml",
    "deployments/docker-job-template.json",
    "deployments/kubernetes-job-template.json",
    "deployments/no-tls.pem",
}


def build(folder, *what, source=ROOT):
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *what]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=patient(100))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The wheel, the sdist, and the wheel that is made of the sdist."""
    folder = build(tmp_path_factory.mktemp("dist"))
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    [again] = build(folder / "again", "--target", "wheel", source=source).glob("*.whl")
    return SimpleNamespace(wheel=wheel, sdist=sdist, wheel_of_sdist=again)


def files_of(wheel):
    """Return the names in a wheel with the hashes of what they hold; each name is there once, and no link."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        assert not any(entry.external_attr >> 16 & 0o170000 == 0o120000 for entry in archive.infolist())
        return {name: sha256(archive.read(name)).hexdigest() for name in names}


def metadata_of(wheel):
    with ZipFile(wheel) as archive:
        return email.message_from_string(archive.read(f"{INFO}/METADATA").decode())


def test_a_wheel_holds_the_package_and_nothing_beside_it(distributions):
    names = files_of(distributions.wheel)
    assert {name.partition("/")[0] for name in names} == {"agenthands", INFO}


def test_a_wheel_holds_every_file_of_the_package(distributions):
    names = {name.partition("/")[2] for name in files_of(distributions.wheel) if not name.startswith(INFO)}
    package = ROOT / "agenthands"
    paths = [path for each in (package, ROOT / "flows", ROOT / "tasks", ROOT / "prompts") for path in each.rglob("*")]
    files = [path for path in paths if path.is_file() and "__pycache__" not in path.parts]
    assert names == {str(path.relative_to(package if path.is_relative_to(package) else ROOT)) for path in files} | (
        FROM_THE_TOP
    )
    assert {"flows/build_agent.py", "tasks/plan.py", "prompts/plan/system.md.j2", "py.typed"} <= names


def test_the_sdist_gives_the_same_wheel(distributions):
    assert files_of(distributions.wheel_of_sdist) == files_of(distributions.wheel)


def test_the_sdist_has_no_links_and_the_texts(distributions):
    with tarfile.open(distributions.sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert [name for name, member in members.items() if not member.isfile()] == []
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "requirements.lock"}
    assert wanted <= members.keys()
    assert {name.partition("/")[0] for name in members}.isdisjoint({"bench", "tests", ".ci", "CLAUDE.md"})


def test_its_metadata_say_what_it_is(distributions):
    said = metadata_of(distributions.wheel)
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("agenthands", __version__, "MIT")
    assert said.get_all("License-File") == ["LICENSE"]
    assert (
        files_of(distributions.wheel)[f"{INFO}/licenses/LICENSE"] == sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    )
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).strip() == (ROOT / "README.md").read_text().strip()


def test_every_dependency_has_a_bound_below_and_above():
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        operators = {each.operator for each in Requirement(text).specifier}
        assert operators in ({">=", "<"}, {"=="}), text


@pytest.fixture(scope="module")
def installed(distributions, tmp_path_factory, nat_environment):
    """The wheel in a new environment with its own dependencies; and a folder to work in, where others' code lies.

    Its HOME is empty: of what earlier tests made, it finds the environments alone.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv = folder / "venv"
    quiet = {"check": True, "timeout": patient(600), "cwd": folder}
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, venv], **quiet)
    locked = ["--quiet", "--python", venv, "--constraint", ROOT / "requirements.lock"]
    subprocess.run([UV, "pip", "install", *locked, distributions.wheel], **quiet)
    work = folder / "work"
    for name in ("agenthands", "flows", "tasks", "prompts", "prefect", "packaging"):
        (work / name).mkdir(parents=True)
        (work / name / "__init__.py").write_text("raise RuntimeError('somebody else wrote this')\n")
    (work / "prefect.yaml").write_text("deployments: somebody else wrote this\n")
    (folder / "home").mkdir()
    variables = {
        "PATH": f"{venv}/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "AGENTHANDS_HOME": str(TEST_HOME),
        "AGENTHANDS_STORE": str(folder / "store"),
    }
    return SimpleNamespace(folder=folder, venv=venv, work=work, variables=variables)


def run(installed, *command):
    begun = {"cwd": installed.work, "env": installed.variables, "capture_output": True, "text": True}
    return subprocess.run(command, timeout=patient(800), check=False, **begun)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
class TestInstalled:
    """One after the other: the later tests look at what the demo has left."""

    def test_it_leaves_only_its_package_and_its_metadata(self, installed):
        [site] = installed.venv.glob("lib/python3*/site-packages")
        record = (site / INFO / "RECORD").read_text().splitlines()
        assert {line.split("/")[0] for line in record} == {"agenthands", INFO, ".."}
        assert [line.split(",")[0] for line in record if line.startswith("..")] == ["../../../bin/agenthands"]
        assert {path.name for path in site.iterdir()}.isdisjoint({"flows", "tasks", "prompts", "deployments"})

    def test_what_it_asks_for_is_all_it_needs(self, installed):
        done = run(installed, UV, "pip", "check", "--python", installed.venv)
        assert done.returncode == 0, done.stderr
        loads = "import agenthands; agenthands.build, agenthands.Store; print(agenthands.__version__)"
        said = run(installed, installed.venv / "bin" / "python", "-P", "-c", loads)
        assert said.stdout.strip() == __version__, said.stderr

    def test_the_demo_is_accepted(self, installed):
        done = run(installed, "agenthands", "demo", "--json")
        assert done.returncode == 0, done.stderr
        record = BuildRecord.model_validate_json(done.stdout)
        assert record.status == "accepted"
        assert find_build(FsspecStore(installed.variables["AGENTHANDS_STORE"]), record.build_id) == record

    def test_readme_shows_what_the_demo_leaves(self, installed):
        """The rejected attempt, the change that no test noticed, and the agent's answer; figures may differ."""
        shown = run(installed, "agenthands", "show", "financial-research", "--full").stdout
        readme = (ROOT / "README.md").read_text()
        blocks = re.findall(
            r"^```(?:console|diff)\n((?:Attempts at|Test case| +returns =).*?)^```$", readme, re.M | re.S
        )
        assert len(blocks) == 3
        missing = [line for block in blocks for line in block.splitlines() if not re.search(pattern(line), shown)]
        assert missing == []

    def test_doctor_finds_all_but_a_model(self, installed):
        done = run(installed, "agenthands", "doctor")
        missing = re.findall(r"^ +missing +(\w+)", done.stdout, re.MULTILINE)
        assert (missing, done.stderr) == (["model"], "")

    def test_serve_deploys_flows_that_its_worker_can_run(self, installed):
        folder = installed.folder / "served"
        folder.mkdir()
        own = {**installed.variables, "AGENTHANDS_PLANNER": MODEL, "PREFECT_HOME": str(folder)}
        command = installed.venv / "bin" / "agenthands"
        with serve(folder, command=command, cwd=installed.work, **own) as served:
            [step] = served.get("deployments/name/build-agent/default")["pull_steps"]
            run_id = served.run("build-agent/default", {"request": "I want an agent that reads company statements"})
            state = until(lambda: served.ended(run_id), 600)
        assert state["type"] == "COMPLETED", (folder / "serve.log").read_text()[-5000:]
        assert served.exit_code == 130
        [site] = installed.venv.glob("lib/python3*/site-packages")  # in the package, mcp and packaging would shadow
        assert step["prefect.deployments.steps.set_working_directory"]["directory"] == str(site)
