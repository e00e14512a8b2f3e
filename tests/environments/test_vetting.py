"""Packages that a plan may name: an index on this machine has old, young, empty, unbuilt and silent ones."""

import hashlib
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from python_index import python_index, wheel

from agenthands.environments import uv as uv_environments
from agenthands.environments.uv import UvInstaller
from agenthands.environments.vetting import vet_packages
from agenthands.errors import DependencyRefused, RegistryUnavailable
from agenthands.sandbox.base import CommandResult

CODE = "def answer():\n    return 42\n"
EMPTY = '"""Reserved for later."""\n\n__version__ = "1.0"\n'
PTH = "import pathlib, sys; pathlib.Path(sys.prefix, 'ran').touch()\n"


def days_ago(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400))


def package(name, uploaded, files=None, version="1.0", requires=()):
    content = wheel(name, version, files or {f"{name.replace('-', '_')}.py": CODE}, requires)
    return (f"{name.replace('-', '_')}-{version}-py3-none-any.whl", content, uploaded)


PACKAGES = {
    "ah-old": [package("ah-old", days_ago(300)), package("ah-old", days_ago(1), version="2.0")],
    "ah-young": [package("ah-young", days_ago(3))],
    "ah-silent": [package("ah-silent", None)],
    "ah-empty": [package("ah-empty", days_ago(300), {"ah_empty/__init__.py": EMPTY, "ah_empty/py.typed": ""})],
    "ah-data": [package("ah-data", days_ago(300), {"ah_data/__init__.py": "", "ah_data/table.csv": "a,b\n"})],
    "ah-meta": [package("ah-meta", days_ago(300), {"ah_meta.py": EMPTY}, requires=["ah-old"])],
    "ah-twice": [package("ah-twice", days_ago(300), requires=["ah-old", "ah-meta", "ah-base"])],
    "ah-needs-young": [package("ah-needs-young", days_ago(300), requires=["ah-young"])],
    "ah-unbuilt": [("ah_unbuilt-1.0.tar.gz", b"x", days_ago(300))],
    "ah-path": [
        package("ah-path", days_ago(300), {"ah_path.py": CODE, "ah.pth": PTH, "ah_path_/tests/test_it.py": CODE})
    ],
    "ah-base": [package("ah-base", days_ago(300))],
}


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    """EnvironmentInstaller over a base of one small package instead of NAT, with this index alone."""
    locks = tmp_path_factory.mktemp("locks")
    (locks / "nat.in").write_text("ah-base==1.0\n")
    with python_index(PACKAGES) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", url)
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(uv_environments, "LOCKS", locks)
        digest = hashlib.sha256(PACKAGES["ah-base"][0][1]).hexdigest()
        (locks / "nat.lock").write_text(f"ah-base==1.0 \\\n    --hash=sha256:{digest}\n")
        yield UvInstaller(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("name", ["ah-old", "ah-silent", "ah-data", "ah-meta"])
def test_an_established_package_is_locked_with_hashes(environments, name):
    lock = environments.resolve([name])
    assert f"{name}==" in lock
    assert lock.count("--hash=sha256:") >= 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ah-young", "The package ah-young is younger than 14 days"),
        ("ah-needs-young", "The package ah-young is younger than 14 days"),
        ("ah-empty", "The package ah-empty is a placeholder"),
        ("ah-unbuilt", "no usable wheels"),
        ("ah-old>=3", "only ah-old<=2.0 is available"),
        ("ah-no-such-package", "ah-no-such-package was not found in the package registry"),
        ("ah-no-such-connection", "ah-no-such-connection was not found in the package registry"),
    ],
)
def test_another_is_refused(environments, name, reason):
    with pytest.raises(DependencyRefused, match=reason):
        environments.resolve([name])


def test_a_refused_one_is_refused_again(environments):
    for _ in range(2):
        with pytest.raises(DependencyRefused):
            environments.resolve(["ah-young", "ah-silent"])


def wordless(arguments):
    """Run uv, whose words are others than today's."""
    done = uv_environments._uv(arguments)
    return replace(done, stderr=b"error: quite another sentence") if done.exit_code else done


def test_the_age_does_not_hang_on_the_words_of_uv(environments):
    with pytest.raises(DependencyRefused, match="ah-young is younger than 14 days: its first wheels are of 20"):
        vet_packages("ah-young==1.0\n", "", ["--only-binary", ":all:"], wordless)
    lock = environments.resolve(["ah-silent"])
    vet_packages(lock, "", ["--only-binary", ":all:"], wordless)


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (2, b"error: quite another sentence", "does not say how old ah-old are: .*quite another sentence"),
        (2, b"error: Failed to fetch: `ah-old`", "does not answer: error: Failed to fetch"),
        (None, b"", "did not finish"),
    ],
)
def test_an_answer_about_the_age_that_is_not_understood_is_named(code, said, reason):
    with pytest.raises(RegistryUnavailable, match=reason):
        vet_packages("ah-old==1.0\n", "", [], lambda arguments: CommandResult(code, b"", said, 0.1))


def test_what_is_allowed_is_locked_as_where_all_is(tmp_path, environments):
    allowed = UvInstaller(tmp_path, allowed=["Ah_Old", "ah-twice", "ah-meta"])
    lock = allowed.resolve(["ah-twice"])
    assert lock == environments.resolve(["ah-twice"])
    assert "ah-base==1.0" in lock, "NAT's own need not be named"
    assert "#" not in lock


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        (["ah-twice"], "ah-meta (needed by ah-twice), ah-old (needed by ah-meta, ah-twice)"),
        (["ah-meta", "ah-twice"], "ah-old (needed by ah-meta, ah-twice)"),
        (["ah-old"], "ah-meta (needed by ah-twice), ah-twice"),
    ],
)
def test_what_an_allowed_package_needs_must_be_allowed_too(environments, tmp_path, allowed, refused):
    assert "ah-old==" in UvInstaller(tmp_path).resolve(["ah-twice"]), "what was locked for all is not taken"
    for _ in range(2):
        with pytest.raises(DependencyRefused) as caught:
            UvInstaller(tmp_path, allowed=allowed).resolve(["ah-twice"])
        assert f"would be installed: {refused}; allowed are {', '.join(allowed)}." in caught.value.message
        assert "AGENTHANDS_DEPENDENCIES" in caught.value.hint


def test_modules_are_compiled_and_no_pth_file_is_run(environments):
    path = environments.install(environments.resolve(["ah-path"])).path
    (site,) = path.glob("lib/python3*/site-packages")
    assert (site / "ah.pth").read_text() == PTH
    assert not (path / "ran").exists()
    (compiled,) = (site / "__pycache__").glob("ah_path.*.pyc")
    assert str(site / "ah_path.py").encode() in compiled.read_bytes()
    assert not (site / "ah_path_" / "tests" / "__pycache__").exists()


def test_an_environment_that_was_moved_or_lost_its_python_is_made_again(environments, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    lock = environments.resolve(["ah-old"])
    made = UvInstaller(first).install(lock).path
    (made / "mark").touch()
    (tmp_path / "link").symlink_to(first)
    assert (UvInstaller(tmp_path / "link").install(lock).path / "mark").exists()
    first.rename(second)
    moved = UvInstaller(second).install(lock)
    assert not (moved.path / "mark").exists()
    assert f"home = {Path(sys.executable).resolve().parent}" in (moved.path / "pyvenv.cfg").read_text()
    (moved.path / "bin" / "python").unlink()
    (moved.path / "bin" / "python").symlink_to("/usr/lib/python-that-was-removed")
    assert UvInstaller(second).install(lock).python.exists()


@pytest.mark.parametrize(
    ("name", "trusted", "reason"),
    [
        ("ah-young", "ah_young", "The package ah-young is younger than 14 days: its first wheels are of"),
        ("ah-needs-young", "Ah.Young", "The package ah-young is younger than 14 days"),
        ("ah-empty", "ah-empty", "The package ah-empty is a placeholder"),
    ],
)
def test_a_servers_packages_are_looked_at_unless_somebody_knows_them(environments, name, trusted, reason):
    with pytest.raises(DependencyRefused, match=reason) as refused:
        environments.server("pypi", name, "1.0")
    assert refused.value.hint == "If you know it and want it all the same, name it in AGENTHANDS_TRUSTED_PACKAGES."
    vetted = environments.server("pypi", name, "1.0", vetted=True)
    assert f"{name}==1.0" in vetted.lock, "as those that ship are"
    home = vetted.path.parents[1]
    assert UvInstaller(home, trusted=[trusted]).server("pypi", name, "1.0") == vetted
    assert name in UvInstaller(home, trusted=[trusted]).resolve([name])
    with pytest.raises(DependencyRefused, match=reason):
        environments.server("pypi", name, "1.0")


def test_a_server_of_an_established_package_is_installed_at_a_new_version_too(environments):
    assert environments.server("pypi", "ah-old", "2.0").python.exists()
    with pytest.raises(DependencyRefused, match="no usable wheels"):
        environments.server("pypi", "ah-unbuilt", "1.0")


def test_the_programs_that_install_get_no_keys_but_their_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1")
    monkeypatch.setenv("UV_INDEX_PRIVATE_PASSWORD", "canary-2-password")
    seen = {}
    monkeypatch.setattr(uv_environments, "run_process", lambda argv, **more: seen.update(more["variables"]))
    uv_environments._uv(["--version"])
    assert "OPENAI_API_KEY" not in seen
    assert seen["UV_INDEX_PRIVATE_PASSWORD"] == "canary-2-password"
