"""What uv and npm print where they fail, recorded by `record_installer_outputs.py`: which of our errors is it?"""

import json
import re
from pathlib import Path

import pytest

from agenthands.environments import npm
from agenthands.environments.error_mapping import uv_fault
from agenthands.environments.vetting import _PUBLISHED
from agenthands.errors import DependencyRefused, RegistryUnavailable
from agenthands.sandbox.base import CommandResult

FIXTURES = Path(__file__).parent / "fixtures"
UV = json.loads((FIXTURES / "uv.json").read_text())
NPM = json.loads((FIXTURES / "npm.json").read_text())
AWAY = {"index-away", "index-unknown"}


def result(said):
    return CommandResult(said["exit_code"], said["stdout"].encode(), said["stderr"].encode(), 1.0)


@pytest.mark.parametrize("name", UV)
def test_a_failure_of_uv_is_of_the_index_or_of_the_packages(name):
    fault = uv_fault("good\n", result(UV[name]))
    assert isinstance(fault, RegistryUnavailable if name in AWAY else DependencyRefused)
    assert UV[name]["stderr"].splitlines()[-1].split(":")[-1].strip() in fault.message


@pytest.mark.parametrize("name", NPM)
def test_a_failure_of_npm_is_of_the_index_or_of_the_package(name):
    fault = npm._refused("good 1.0.0", result(NPM[name]))
    assert isinstance(fault, RegistryUnavailable if name in AWAY else DependencyRefused)
    assert json.loads(NPM[name]["stdout"])["error"]["code"] in fault.message or name in AWAY
    assert "complete log" not in fault.message


@pytest.mark.parametrize("code", ["ECONNRESET", "EAI_AGAIN", "E503", "E429", "ERR_SOCKET_TIMEOUT", "CERT_HAS_EXPIRED"])
def test_npm_tells_by_a_code_that_the_index_is_away(code):
    said = {"exit_code": 1, "stdout": json.dumps({"error": {"code": code}}), "stderr": "words that may change"}
    assert isinstance(npm._refused("good 1.0.0", result(said)), RegistryUnavailable)


@pytest.mark.parametrize("said", ["", "[]", '{"error": 5}', "[" * 100_000, "\ud800".encode(errors="replace").decode()])
def test_npm_that_says_nothing_is_a_package_that_cannot_be_had(said):
    words = {"exit_code": 1, "stdout": said, "stderr": "network ENOTFOUND"}
    assert isinstance(npm._refused("good 1.0.0", result(words)), DependencyRefused)


def test_uv_says_since_when_a_young_package_is_there():
    assert _PUBLISHED.search(UV["young"]["stderr"])[1] == "2035-01-01"


def test_the_recordings_name_nothing_of_the_machine_that_made_them():
    for text in (json.dumps(UV), json.dumps(NPM)):
        assert not re.search(r"127\.0\.0\.1|[ (\"](/[\w.-]+){3}", text)
