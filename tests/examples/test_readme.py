"""README, docs/ and folders' READMEs name what exists: commands, options, targets, settings, files, dependencies."""

import re
import subprocess
import sys
import tomllib

import pytest
from conftest_paths import ROOT
from packaging.requirements import Requirement
from patience import patient

from agenthands.cli.main import cli
from agenthands.flows.server import bootstrap as bootstrapping
from agenthands.llm.settings import KEYS, ModelSettings
from agenthands.settings import Settings

sys.path.insert(0, str(ROOT / "docs"))
import folders

README = (ROOT / "README.md").read_text()
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
PAGES["README.md"] = README
ALL = "\n".join(PAGES.values()).replace("\\\n", "")
SETTINGS = PAGES["docs/settings.md"]
_LINKS = [(page, link) for page, text in PAGES.items() for link in re.findall(r"\]\(([^)\s]+)\)", text)]
_OURS_OUTSIDE_SETTINGS = {"IMAGE", "CHECKOUT", "POOL"}  # of deployments/
_OF_THE_SYSTEM = {"PATH", "TMPDIR", "VERSION_CODENAME"}
_MADE_BY_A_USER = {"deployments/.env"}
HELP = """
import contextlib, sys
from prefect.cli import app
for words in sys.argv[1:]:
    print(end="\\f", flush=True)
    sys.argv = ["prefect", *words.split(), "--help"]
    with contextlib.suppress(SystemExit):
        app()
"""


def options_of(command):
    inner = getattr(command, "commands", {}).values()
    own = {option for parameter in command.params for option in parameter.opts}
    return own.union(*map(options_of, inner))


def test_readme_shows_every_command_and_every_shown_one_exists():
    pattern = r"(?:^|`|\$ |/)agenthands ([a-z]+)"
    assert set(cli.commands) <= set(re.findall(pattern, README, re.MULTILINE))
    assert set(re.findall(pattern, ALL, re.MULTILINE)) <= set(cli.commands)


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_shown_alone_exists(page):
    ours = set.union(*map(options_of, [*cli.commands.values(), bootstrapping.main]))
    probe = re.findall(r'"(--[a-z]+)"', (ROOT / "agenthands" / "mcp" / "probe_catalogue.py").read_text())
    assert set(re.findall(r"`(--[a-z][a-z-]+)", PAGES[page])) <= {*ours, *probe}


def test_every_option_that_is_shown_with_a_command_belongs_to_it():
    for name, rest in re.findall(r"(?:^|`|\$ |/)agenthands ([a-z]+)([^\n`#]*)", ALL, re.MULTILINE):
        assert set(re.findall(r"--[a-z][a-z-]+", rest)) <= options_of(cli.commands[name]), name
    for rest in re.findall(r"deployments/bootstrap\b([^\n`#]*)", ALL):
        assert set(re.findall(r"--[a-z][a-z-]+", rest)) <= options_of(bootstrapping.main), rest


def test_every_option_of_prefect_that_is_shown_exists():
    shown = {
        (words, option)
        for words, rest in re.findall(r"^(?:\.venv/bin/)?prefect ([a-z-]+(?: [a-z]+)+)([^\n]*)$", ALL, re.MULTILINE)
        for option in re.findall(r"--[a-z][a-z-]+", rest)
    }
    assert len(shown) > 3
    asked = sorted({words for words, _ in shown})
    answered = subprocess.run(
        [sys.executable, "-c", HELP, *asked], capture_output=True, text=True, timeout=patient(100)
    )
    said = dict(zip(asked, answered.stdout.split("\f")[1:], strict=True))
    for words, option in shown:
        assert option in said[words], (words, option)


def test_every_target_that_is_shown_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`|\$ )make ([a-z-]+)", ALL, re.MULTILINE)) <= targets
    assert {"install", "check", "test", "demo", "serve", "bench"} <= targets


def test_every_setting_is_explained_and_every_shown_one_exists():
    fields = {name.upper() for name in Settings.model_fields}
    table = SETTINGS[: SETTINGS.index("## The file")]
    assert set(re.findall(r"^\| `AGENTHANDS_([A-Z_]+)` \|", table, re.MULTILINE)) == fields
    assert set(re.findall(r"\bAGENTHANDS_([A-Z_]+)", ALL)) - _OURS_OUTSIDE_SETTINGS == fields


def test_the_defaults_that_are_shown_are_the_defaults():
    shown = dict(re.findall(r"^\| `AGENTHANDS_([A-Z_]+)` \|.*\| `?([^|`]+)`? \|$", SETTINGS, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, str | int | float):
            assert shown[name.upper()] == str(field.default).lower(), name


def test_every_variable_that_deployments_read_is_explained_with_its_default():
    files = [ROOT / "prefect.yaml", *(path for path in (ROOT / "deployments").iterdir() if path.suffix != ".json")]
    text = "\n".join(path.read_text() for path in files)
    settings = {f"AGENTHANDS_{name.upper()}" for name in Settings.model_fields}
    read = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", text)) - _OF_THE_SYSTEM - settings
    table = SETTINGS[SETTINGS.index("## Variables of deployments") :]
    shown = dict(re.findall(r"^\| `([A-Z_]+)` \|.*\| `?([^|`]+)`? \|$", table, re.MULTILINE))
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == read
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^}]+)\}", text)) | dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.M))
    assert {name: shown.get(name) for name in defaults.keys() & read} == {
        n: defaults[n] for n in defaults.keys() & read
    }
    for provider in KEYS:
        assert re.search(rf"\b{provider}\b", table), provider


def test_every_key_of_the_file_of_the_models_is_explained():
    table = SETTINGS[SETTINGS.index("## The file") : SETTINGS.index("## Variables of others")]
    keys = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    assert keys == set(ModelSettings.model_fields) - {"assumed_price"}  # an option, not a key


@pytest.mark.parametrize(("page", "link"), _LINKS)
def test_every_link_leads_somewhere(page, link):
    file, _, place = link.partition("#")
    target = (ROOT / page).parent / file if file else ROOT / page
    assert target.exists()
    if place:
        titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        assert place in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_file_that_is_named_exists():
    named = set(re.findall(r"`((?:agenthands|deployments|flows|tasks|tests|bench|prompts)/[\w./-]+)`", ALL))
    assert len(named) > 10
    assert [name for name in sorted(named - _MADE_BY_A_USER) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("folder", ["agenthands", "flows", "tasks"])
def test_a_folder_lists_its_files_as_their_docstrings_describe_them(folder):
    file = ROOT / folder / "README.md"
    assert file.read_text() == folders.pages()[file], "run `python docs/folders.py`"


def test_the_list_of_the_package_names_every_package_and_file():
    text = (ROOT / "agenthands" / "README.md").read_text()
    listed = {name for name in re.findall(r"^    (\S+) ", text, re.MULTILINE)}
    packages = {file.parent for file in (ROOT / "agenthands").glob("*/__init__.py")}
    modules = {file.name for file in (ROOT / "agenthands").glob("*.py")} - {"__init__.py", "_version.py"}
    assert {f"{package.name}/" for package in packages} | modules <= listed
    apart = [ROOT / "agenthands" / name for name in ("flows", "tasks", "gate")]
    files = {
        str(file.relative_to(package))
        for package in packages - set(apart)
        for file in package.rglob("*.py")
        if file.name != "__init__.py" and "scripts" not in file.parts
    }
    assert listed - {f"{package.name}/" for package in packages} - (modules - files) == files


def test_every_page_is_in_the_index():
    index = PAGES["docs/README.md"]
    for page in PAGES:
        assert page in ("README.md", "docs/README.md") or f"]({page.removeprefix('docs/')})" in index, page


def test_every_check_of_the_gate_is_explained_twice():
    from agenthands.gate.checks.registry import CHECKS

    explained = [re.findall(r"^\| `([a-z_]+)`.* \|", text, re.MULTILINE) for text in (README, PAGES["docs/gate.md"])]
    assert set(explained[0]) >= {check.name for check in CHECKS if check.headline}
    assert set(explained[1]) >= {check.name for check in CHECKS}


def test_every_dependency_is_explained():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    table = README[README.index("## Dependencies") :]
    assert {Requirement(each).name for each in wanted} == set(re.findall(r"`([a-z0-9-]+)`", table)) - {"bwrap"}
