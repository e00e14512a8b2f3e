"""What is accepted is the bundle: unpacked, installed from its own locks, and nothing of an earlier try."""

import subprocess

import pytest
from conftest_paths import TEST_HOME
from tests_support import PLAN, registry, write_roman

from agenthands.environments.uv import UvInstaller
from agenthands.llm.settings import ModelSettings
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.schemas import Plan

pytestmark = pytest.mark.slow
NASTY = "x\"; import os\n\n[tool.evil]\x7f\x00 ''' \\ {{ 7 * 7 }} ' | --"


def test_a_bundle_is_installed_from_its_own_bytes_and_lock(nat_environment, tmp_path):
    plan = Plan.model_validate({**PLAN, "mcp_servers": [], "summary": NASTY})
    kinds = registry({"tool_calling_agent": {"tool_names": ("functions_and_groups", False)}}, ["current_datetime"])
    tools = {"roman_numeral": write_roman(tmp_path / "tool")}
    files = assemble_agent(plan, tools, [], kinds, nat_environment.lock, ModelSettings(model="openai/double"))
    for stale in ("package/src/roman_helper_agent/stale.py", "site/roman_helper_agent/stale.py"):
        (tmp_path / stale).parent.mkdir(parents=True)
        (tmp_path / stale).write_text("")
    agent = install_bundle(pack(files, plan.name), plan, [], UvInstaller(TEST_HOME), tmp_path)
    assert agent.environment == nat_environment
    assert agent.config.read_bytes() == files["src/roman_helper_agent/configs/config.yml"]
    assert {path: (tmp_path / "package" / path).read_bytes() for path in files} == files
    assert not list(tmp_path.rglob("stale.py"))
    imported = [nat_environment.python, "-c", "import roman_helper_agent.register as r; print(r.__file__)"]
    environment = {"PYTHONPATH": str(agent.site), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    said = subprocess.run(imported, capture_output=True, text=True, env=environment)
    assert said.stdout.strip() == str(agent.site / "roman_helper_agent" / "register.py"), said.stderr
