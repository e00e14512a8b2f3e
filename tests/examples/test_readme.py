"""The README names what exists: commands, options, targets, settings, files, dependencies."""

import re
import subprocess
import sys
import tomllib

import pytest
from conftest_paths import ROOT
from packaging.requirements import Requirement

from agenthands.settings import Settings
from flows import bootstrapping
from flows.command_line import cli

README = (ROOT / "README.md").read_text()


def test_every_command_is_shown_and_every_shown_one_exists():
    shown = set(re.findall(r"\bagenthands ([a-z]+)", README))
    assert shown - {"build"} <= set(cli.commands)
    assert set(cli.commands) <= shown


def test_every_option_that_is_shown_exists():
    commands = [*cli.commands.values(), bootstrapping.main]
    options = {name for command in commands for parameter in command.params for name in parameter.opts}
    ours = re.sub(r"^.*/prefect .*$|`docker [^`]*`", "", README, flags=re.MULTILINE)
    assert set(re.findall(r"--[a-z][a-z-]+", ours)) <= options


def test_every_option_of_prefect_that_is_shown_exists():
    shown = re.findall(r"^\.venv/bin/prefect ([a-z]+) ([a-z]+) (.*)$", README, re.MULTILINE)
    assert len(shown) == 2
    for group, command, rest in shown:
        asked = [sys.executable, "-m", "prefect", group, command, "--help"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=100).stdout
        for option in re.findall(r"--[a-z][a-z-]+", rest):
            assert option in said, (group, command, option)


def test_every_target_that_is_shown_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
    assert {"install", "check", "test", "demo", "serve", "bench"} <= targets


def test_every_setting_is_explained():
    assert set(re.findall(r"AGENTHANDS_([A-Z_]+)", README)) == {name.upper() for name in Settings.model_fields}


def test_every_option_that_is_shown_with_a_command_belongs_to_it():
    for name, rest in re.findall(r"\bagenthands ([a-z]+)([^\n`#]*)", README):
        own = {option for parameter in cli.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z][a-z-]+", rest)) <= own, name


def test_the_defaults_that_are_shown_are_the_defaults():
    shown = dict(re.findall(r"^\| `AGENTHANDS_([A-Z_]+)` \|.*\| `?([^|`]+)`? \|$", README, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, str | int | float):
            assert shown[name.upper()] == str(field.default).lower(), name


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_every_link_leads_somewhere(link):
    assert (ROOT / link).exists()


def test_every_dependency_is_explained():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    table = README[README.index("## Dependencies") :]
    assert {Requirement(each).name for each in wanted} == set(re.findall(r"`([a-z0-9-]+)`", table)) - {"bwrap"}
