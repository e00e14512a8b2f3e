"""compose.yaml gives its workers what docs promise: every setting and key, of the shell and of deployments/.env."""

import json
import os
import shutil
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from conftest_paths import ROOT
from patience import patient

from agenthands.llm.settings import KEYS
from agenthands.settings import Settings

FILE = ROOT / "deployments" / "compose.yaml"
SETTINGS = {f"AGENTHANDS_{name.upper()}" for name in Settings.model_fields} - {"AGENTHANDS_HOME"}  # the image's
OF_A_STORE = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION",
}  # fmt: skip
WANTED = SETTINGS | OF_A_STORE | {name for names in KEYS.values() for name in names}


@pytest.fixture(scope="session")
def compose():
    """The command that is compose here."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    return pytest.skip("no docker compose")


@pytest.fixture
def environments(compose):
    """Return the variables of each service as compose resolves them in another folder than the file's."""

    def environments(file, shell):
        command = [*compose, "--file", str(file), "config"]
        done = subprocess.run(command, env=shell, cwd="/", capture_output=True, text=True, timeout=patient(60))
        assert done.returncode == 0, done.stderr
        return {name: each.get("environment", {}) for name, each in yaml.safe_load(done.stdout)["services"].items()}

    return environments


def test_workers_take_every_setting_and_every_key_from_outside():
    given = yaml.safe_load(FILE.read_text())["services"]["worker"]["environment"]
    passed = {name for name, value in given.items() if value is None or str(value).startswith(f"${{{name}:-")}
    assert passed == WANTED


def test_no_other_service_gets_a_key():
    services = yaml.safe_load(FILE.read_text())["services"]
    for name in services.keys() - {"worker"}:
        assert not set(services[name].get("environment", {})) & WANTED, name
        assert "env_file" not in services[name], name


@pytest.mark.parametrize("of_the_shell", [True, False])
def test_compose_itself_hands_them_on(tmp_path, environments, of_the_shell):
    shutil.copy(FILE, tmp_path)
    values = {name: f"value-of-{name}" for name in WANTED}
    if not of_the_shell:
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    shell = {name: value for name, value in os.environ.items() if name not in WANTED}
    seen = environments(tmp_path / FILE.name, {**shell, **values} if of_the_shell else shell)
    assert {name: seen["worker"].get(name) for name in WANTED} == values
    for name in seen.keys() - {"worker"}:
        assert "value-of" not in json.dumps(seen[name]), name


def test_what_is_not_set_is_not_handed_on_and_has_its_default(tmp_path, environments):
    shutil.copy(FILE, tmp_path)
    seen = environments(tmp_path / FILE.name, {n: value for n, value in os.environ.items() if n not in WANTED})
    set_anyhow = {name for name in WANTED if seen["worker"].get(name) is not None}
    assert set_anyhow == {"AGENTHANDS_STORE", "AGENTHANDS_LOCKS"}


def test_the_server_takes_whatever_password_the_database_has(environments):
    password = "p@ss/w:rd#1%2?&"
    seen = environments(FILE, {**os.environ, "POSTGRES_PASSWORD": password})
    assert seen["postgres"]["POSTGRES_PASSWORD"] == password
    code = (
        "from prefect.server.database.dependencies import provide_database_interface as database\n"
        "from sqlalchemy import make_url\n"
        "print(make_url(database().database_config.connection_url).render_as_string(False))"
    )
    variables = {**os.environ, **{name: str(value) for name, value in seen["server"].items()}}
    said = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=patient(100)
    )
    url = urlsplit(said.stdout.strip())
    assert (url.scheme, url.hostname, url.path) == ("postgresql+asyncpg", "postgres", "/prefect")
    assert (url.username, unquote(url.password)) == ("prefect", password)
