"""Everything that names sandboxes takes their names from one place."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from agenthands.cli.main import cli
from agenthands.sandbox.base import Sandbox
from agenthands.sandbox.registry import DEFAULT_SANDBOX, SANDBOXES
from agenthands.schemas import BuildOptions
from agenthands.settings import Settings


def test_every_sandbox_can_be_chosen_everywhere():
    for name in SANDBOXES:
        assert BuildOptions(sandbox=name).sandbox == Settings(sandbox=name).sandbox == name
    for command in ("build", "check"):
        option = next(each for each in cli.commands[command].params if each.name == "sandbox")
        assert list(option.type.choices) == list(SANDBOXES)
    form = BuildOptions.model_json_schema()["properties"]["sandbox"]["anyOf"]
    assert form == [{"enum": list(SANDBOXES), "type": "string"}, {"type": "null"}]
    assert Settings().sandbox == DEFAULT_SANDBOX == "bubblewrap"


@pytest.mark.parametrize("model", [BuildOptions, Settings])
def test_another_name_is_refused_with_those_that_there_are(model):
    with pytest.raises(ValidationError, match=r"should be 'bubblewrap'.* or '"):
        model(sandbox="vm")


def test_a_sandbox_has_the_name_under_which_it_is_opened(bubblewrap):
    opened: Sandbox = SANDBOXES["bubblewrap"].open(Settings())
    assert type(opened) is type(bubblewrap)
    assert opened.name == "bubblewrap"


def test_the_doctor_says_of_every_other_sandbox_whether_it_can_be_used(agenthands, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    out = agenthands("doctor")[1]
    assert all(f"--sandbox {name} can" in out for name in SANDBOXES if name != DEFAULT_SANDBOX)
    assert f"--sandbox {DEFAULT_SANDBOX} can" not in out


def test_naming_the_sandboxes_imports_none_of_them():
    code = (
        "import sys, agenthands.sandbox.registry;"
        "assert not {'docker', 'agenthands.sandbox.bubblewrap.sandbox', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
