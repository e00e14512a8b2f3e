"""Packages that a plan names, in a build: what may not be installed goes back to the planner, with the reason.

The index is on this machine alone: NAT's packages in name, and some that the plan adds.
"""

import json
import re

import pytest
from python_index import python_index, wheel
from scripted_server import serve_model

from agenthands.environments.uv import LOCKS
from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PLAN = json.loads((SCRIPTS / "data-report" / "plan.json").read_text())


def package(name, version="1.0", requires=()):
    module = name.replace("-", "_")
    content = wheel(name, version, {f"{module}.py": "answer = 42\n"}, requires)
    return {name: [(f"{module}-{version}-py3-none-any.whl", content, "2026-01-01T00:00:00Z")]}


def base():
    """Return what NAT's environment asks for, at the locked versions, with nothing in it."""
    wanted = re.findall(r"^([a-z][a-z-]*)", (LOCKS / "nat.in").read_text(), re.MULTILINE)
    lock = (LOCKS / "nat.lock").read_text()
    versions = {name: re.search(rf"^{name}==(\S+)", lock, re.MULTILINE)[1] for name in wanted}
    return {key: files for name, version in versions.items() for key, files in package(name, version).items()}


def test_the_planner_is_told_why_a_package_cannot_be_used(tmp_path, warm):
    wanted = ["ah-no-such-package", "ah-listed", "ah-no-such-package"]

    def planner(_):
        tool = {**PLAN["custom_tools"][0], "dependencies": [wanted.pop(0)]}
        return {"content": json.dumps({**PLAN, "custom_tools": [tool]}), "tool_calls": []}

    packages = {**base(), **package("ah-listed", requires=["ah-unlisted"]), **package("ah-unlisted")}
    with serve_model(planner) as model, python_index(packages) as index:
        variables = {
            "AGENTHANDS_STORE": tmp_path / "store",
            "AGENTHANDS_DEPENDENCIES": "ah-listed, ah-no-such-package",
            "OPENAI_API_KEY": "x",
            "UV_DEFAULT_INDEX": index,
            "UV_CACHE_DIR": tmp_path / "cache",
        }
        done = warm.run("build", "a report", "--planner", "openai/planner", "--api-base", model.url, **variables)
    assert done.returncode == 3, done.stderr
    second, third = (model[number][1][-1]["content"] for number in (1, 2))
    assert "the dependencies ah-no-such-package cannot be used" in second
    assert "ah-no-such-package was not found in the package registry" in second
    assert "not allowed here would be installed: ah-unlisted (needed by ah-listed)" in third
    (record,) = (tmp_path / "store").glob("agents/*/*/build.json")
    assert "ah-no-such-package was not found" in BuildRecord.model_validate_json(record.read_bytes()).reason
