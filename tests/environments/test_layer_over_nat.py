"""NAT's environment with one small wheel more, from the package index: a layer, in which tools are judged."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from conftest_paths import TEST_HOME

from agenthands.environments.uv import UvInstaller
from agenthands.gate.gate import check_workspace
from agenthands.sandbox.base import Command, Preparation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WHEEL = "python-stdnum==2.1"

SPEC = {
    "name": "iban_country",
    "description": "Return the country code of an IBAN whose check digits are right.",
    "purpose": "Show the gate a tool that needs a package.",
    "parameters": {
        "type": "object",
        "properties": {"iban": {"type": "string", "description": "IBAN, with or without spaces"}},
        "required": ["iban"],
    },
    "returns": {"type": "string"},
    "dependencies": [WHEEL],
    "examples": [
        {"arguments": {"iban": "GB82 WEST 1234 5698 7654 32"}, "expected": "GB"},
        {"arguments": {"iban": "DE89370400440532013000"}, "expected": "DE"},
        {"arguments": {"iban": "DE89370400440532013001"}, "raises": "ValueError"},
    ],
}
TOOL = '''"""Look at IBANs."""

from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field
from stdnum import iban


class IbanInput(BaseModel):
    iban: str = Field(description="IBAN, with or without spaces")


class IbanConfig(FunctionBaseConfig, name="iban_country"):
    """Configuration of the iban_country tool."""


def country(number: str) -> str:
    """Return the country code of an IBAN; raises ValueError where its check digits are wrong."""
    if not iban.is_valid(number):
        raise ValueError("this is no IBAN")
    return iban.compact(number)[:2]


@register_function(config_type=IbanConfig)
async def iban_country(config: IbanConfig, builder: Builder):
    async def _run(data: IbanInput) -> str:
        return country(data.iban)

    yield FunctionInfo.from_fn(
        _run, description="Return the country code of an IBAN whose check digits are right.", input_schema=IbanInput
    )
'''
TESTS = """import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.iban_country import IbanConfig, country


@pytest.mark.parametrize(
    ("number", "code"), [("GB82 WEST 1234 5698 7654 32", "GB"), ("de89370400440532013000", "DE")]
)
def test_countries(number, code):
    assert country(number) == code


@pytest.mark.parametrize("number", ["DE89370400440532013001", "", "no IBAN"])
def test_what_is_none(number):
    with pytest.raises(ValueError, match="this is no IBAN"):
        country(number)


def test_through_nat():
    async def call():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", IbanConfig())
            return await function.ainvoke({"iban": "DE89370400440532013000"})

    assert asyncio.run(call()) == "DE"
"""


def state(environment):
    """Return what every file of an environment is, and the content of those that an installer writes anew.

    They are 50,000: names are plain text.
    """
    found, top = {}, str(environment.path)
    for folder, _, names in os.walk(top):
        for name in names:
            if folder == top and name.endswith((".json", ".tmp")):
                continue  # what was found out about NAT is kept there, by whoever asks first
            path = f"{folder}/{name}"
            status = os.lstat(path)
            written = folder.endswith("/bin") or name in ("RECORD", "pyvenv.cfg", ".complete")
            content = Path(path).read_bytes() if written and not stat.S_ISLNK(status.st_mode) else b""
            facts = (status.st_ino, status.st_mode, status.st_mtime_ns, status.st_size, content)
            found[path.removeprefix(f"{top}/")] = facts
    return found


@pytest.fixture(scope="module")
def made(nat_environment):
    """NAT's environment as it was before, and the layer over it; this one is removed in the end."""
    before = state(nat_environment)
    layer = UvInstaller(TEST_HOME).nat([WHEEL])
    yield before, layer
    shutil.rmtree(layer.path)
    layer.path.with_suffix(".lock").unlink()


def test_a_layer_over_nat_has_its_files_and_leaves_them_as_they_are(made, nat_environment):
    before, layer = made
    above = state(layer)
    assert state(nat_environment) == before
    assert before.keys() <= above.keys()
    assert all("stdnum" in path for path in above.keys() - before.keys())
    assert len([path for path in before if path.endswith(".pyc")]) > 10_000
    own = {path for path in before if before[path][0] != above[path][0] and path.startswith("lib/")}
    assert all(path.endswith("/RECORD") for path in own), "those that name scripts"


@pytest.mark.parametrize("prepared", [True, False])
def test_nat_and_the_wheel_are_imported_in_a_sandbox_that_has_the_layer_alone(made, bubblewrap, tmp_path, prepared):
    imports = "import nat.builder.builder, stdnum.iban; n, s = nat.builder.builder.__file__, stdnum.iban.__file__"
    code = f"import sys; print('n' in globals()); {imports}; print(n, s, sys.prefix, sep='\\n')"
    layer = made[1]
    result = bubblewrap.run(
        Command(
            [str(layer.python), "-P", "-c", code],
            tmp_path,
            read_only=[layer.path],
            prepared=Preparation(imports, {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}) if prepared else None,
        )
    )
    assert result.exit_code == 0, result.stderr.decode()
    found, *places, prefix = result.stdout.decode().splitlines()
    assert found == str(prepared)
    assert places == [str(layer.site / "nat/builder/builder.py"), str(layer.site / "stdnum/iban.py")]
    assert prefix == str(layer.path)


def test_a_tool_that_needs_the_wheel_is_judged_in_the_layer(made, bubblewrap, tmp_path):
    for path, text in (
        ("spec.json", json.dumps(SPEC)),
        ("nat_tools/iban_country.py", TOOL),
        ("tests/test_iban_country.py", TESTS),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    report = check_workspace(tmp_path, UvInstaller(TEST_HOME), bubblewrap, 120)
    assert report.accepted, [check for check in report.checks if not check.passed]
