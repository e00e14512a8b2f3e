"""An environment takes over what an installed one has of its lock; the index here lies on this machine."""

import base64
import errno
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from python_index import python_index, wheel

from agenthands.environments import uv as uv_environments
from agenthands.environments.layers import Layer
from agenthands.environments.uv import UvInstaller
from agenthands.errors import OutsideError

pytestmark = pytest.mark.slow
PTH = "import pathlib, sys; pathlib.Path(sys.prefix, 'ran').touch()\n"
SCRIPT = "[console_scripts]\nah-base = ah_base:main\n"
CODE = "import sys\n\n\ndef main():\n    print(sys.prefix)\n"
BASE = {"ah_base.py": CODE, "ah_base_/tests/__init__.py": "", "ah.pth": PTH}


def package(name, files=None, version="1.0"):
    module = name.replace("-", "_")
    content = wheel(name, version, files or {f"{module}.py": f"of = str({name + version!r})\n"})
    return (f"{module}-{version}-py3-none-any.whl", content, "2026-01-01T00:00:00Z")


PACKAGES = {
    "ah-base": [package("ah-base", {**BASE, "ah_base-1.0.dist-info/entry_points.txt": SCRIPT})],
    "ah-other": [package("ah-other"), package("ah-other", version="2.0")],
    "ah-one": [package("ah-one", {"ah_one.py": "of = str('one')\n", "ah_shared/__init__.py": "of = str('one')\n"})],
    "ah-two": [
        package(
            "ah-two",
            {"ah_two.py": "of = str('two')\n", "ah_shared/__init__.py": f"of = str('two {version}')\n"},
            version,
        )
        for version in ("1.0", "2.0")
    ],
    "ah-more": [
        package("ah-more", {"ah_more/__init__.py": "of = str('more')\n", "ah_other.py": "of = str('ah-more')\n"})
    ],
    "ah-new": [package("ah-new", {"ah_new.py": "of = str('new')\n", "ah_new-1.0.dist-info/entry_points.txt": ""})],
    "ah-top": [package("ah-top", {"ah_top.py": "of = str('top')\n", "ah_top-1.0.data/data/top.txt": "at the top\n"})],
}


def lock(*names):
    """Return a lock of packages, `name` or `name==version`, with their hashes."""
    entries = []
    for name, _, version in (each.partition("==") for each in sorted(names)):
        (content,) = (each[1] for each in PACKAGES[name] if f"-{version or '1.0'}-" in each[0])
        digest = hashlib.sha256(content).hexdigest()
        entries.append(f"{name}=={version or '1.0'} \\\n    --hash=sha256:{digest}\n")
    return "".join(entries)


BASE_LOCK = lock("ah-base", "ah-other", "ah-one", "ah-two", "ah-top")
HERE_ENTRIES = ["ah-base", "ah-other", "ah-one", "ah-two", "ah-top"]


@pytest.fixture(scope="module", autouse=True)
def _index(tmp_path_factory):
    locks = tmp_path_factory.mktemp("locks")
    (locks / "nat.in").write_text("ah-base==1.0\n")
    (locks / "nat.lock").write_text(BASE_LOCK)
    with python_index(PACKAGES) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", url)
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("UV_LINK_MODE", "copy")  # else all environments share files by uv's cache
        patch.setattr(uv_environments, "LOCKS", locks)
        yield


@pytest.fixture
def installer(tmp_path):
    return UvInstaller(tmp_path / "home")


def files(environment):
    """Return what every file of an environment is: its mode, time and content, or where it leads."""
    found = {}
    for path in environment.path.rglob("*"):
        if path.is_symlink():
            found[path.relative_to(environment.path)] = path.readlink()
        elif path.is_file():
            status = path.stat()
            found[path.relative_to(environment.path)] = (status.st_mode, status.st_mtime_ns, path.read_bytes())
    return found


def shared(base, layer):
    """Return the files of the packages that two environments have as one, from site-packages."""
    return {
        str(path.relative_to(base.site))
        for path in base.site.rglob("*")
        if path.is_file() and (other := layer.site / path.relative_to(base.site)).exists() and path.samefile(other)
    }


def said(environment, code):
    done = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_layer_shares_modules_and_compiled_modules_and_changes_nothing_of_its_base(installer):
    base = installer.nat()
    before = files(base)
    layer = installer.nat(["ah-new"])
    assert files(base) == before
    assert layer.path != base.path
    compiled = f"__pycache__/ah_base.{sys.implementation.cache_tag}.pyc"
    assert {"ah_base.py", compiled, "ah.pth", "ah_base_/tests/__init__.py"} <= shared(base, layer)
    assert not any("ah_new" in each for each in shared(base, layer))
    assert (layer.site / compiled.replace("base", "new")).exists()
    assert said(layer, "import ah_new, ah_other; print(ah_new.of, ah_other.of)") == "new ah-other1.0"
    assert layer.lock == BASE_LOCK.replace(lock("ah-one"), lock("ah-new", "ah-one")), "the whole lock, not its part"


def test_a_layer_has_what_an_environment_of_its_own_has(installer, tmp_path):
    installer.nat()
    layer, alone = (each.install(lock(*HERE_ENTRIES, "ah-new")) for each in (installer, UvInstaller(tmp_path / "2")))
    assert files(layer).keys() == files(alone).keys()


def test_a_layer_works_without_its_base(installer):
    base, layer = installer.nat(), installer.nat(["ah-new"])
    shutil.rmtree(base.path)
    done = subprocess.run([layer.path / "bin" / "ah-base"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(layer.path)
    assert said(layer, "import ah_base; print(ah_base.__file__)") == str(layer.site / "ah_base.py")


def test_record_tells_the_truth_of_scripts_that_name_their_environment(installer):
    installer.nat()
    layer = installer.nat(["ah-new"])
    script = (layer.path / "bin" / "ah-base").read_bytes()
    assert str(layer.path).encode() in script
    record = (layer.site / "ah_base-1.0.dist-info" / "RECORD").read_text()
    (row,) = re.findall(r"^.*bin/ah-base,sha256=(\S+),(\d+)$", record, re.MULTILINE)
    digest = base64.urlsafe_b64encode(hashlib.sha256(script).digest()).rstrip(b"=").decode()
    assert row == (digest, str(len(script)))


def test_no_pth_file_of_the_base_is_run_where_a_layer_is_installed(installer):
    base, layer = installer.nat(), installer.nat(["ah-new"])
    assert not (base.path / "ran").exists()
    assert not (layer.path / "ran").exists()
    said(layer, "")
    assert (layer.path / "ran").exists(), "the file would have shown it"


def test_only_what_differs_is_installed_anew(installer):
    base = installer.nat()
    before = files(base)
    layer = installer.install(lock("ah-base", "ah-other==2.0", "ah-one", "ah-two", "ah-new"))
    assert "ah_base.py" in shared(base, layer)
    assert not any("ah_other" in each for each in shared(base, layer))
    assert said(layer, "import ah_other; print(ah_other.of)") == "ah-other2.0"
    assert [each.name for each in layer.site.glob("ah_other*.dist-info")] == ["ah_other-2.0.dist-info"]
    assert not (layer.site / "ah_top.py").exists(), "the base has more"
    assert files(base) == before


def test_a_package_is_not_shared_where_one_of_its_files_may_be_anothers(installer):
    base = installer.nat()
    layer = installer.install(lock("ah-base", "ah-one", "ah-two==2.0"))
    assert "ah_base.py" in shared(base, layer)
    assert not any("ah_one" in each or "ah_shared" in each for each in shared(base, layer))
    assert said(layer, "import ah_one, ah_two; print(ah_one.of, ah_two.of)") == "one two"


def test_a_package_with_files_beside_the_folders_of_an_environment_is_not_shared(installer):
    base = installer.nat()
    layer = installer.nat(["ah-new"])
    assert "ah_top.py" not in shared(base, layer)
    assert (layer.path / "top.txt").read_text() == "at the top\n"
    assert not (base.path / "top.txt").samefile(layer.path / "top.txt")


def test_a_new_package_with_a_file_of_the_base_changes_nothing_there(installer):
    base = installer.nat()
    before = files(base)
    layer = installer.nat(["ah-more"])
    assert files(base) == before
    assert said(layer, "import ah_more, ah_other; print(ah_more.of, ah_other.of)") == "more ah-more"
    assert said(base, "import ah_other; print(ah_other.of)") == "ah-other1.0"


def test_the_environment_with_the_most_in_common_is_the_base(installer):
    for name in ("ah-more", "ah-new", "ah-other"):
        installer.install(lock(name))
    base = installer.nat()
    first = installer.nat(["ah-new"])
    assert "ah_base.py" in shared(base, first)
    second = installer.nat(["ah-more", "ah-new"])
    assert {"ah_base.py", "ah_new.py"} <= shared(first, second)


def test_an_environment_without_anything_in_common_is_installed_by_itself(installer):
    base = installer.nat()
    alone = installer.install(lock("ah-new"))
    assert not shared(base, alone)
    assert said(alone, "import ah_new; print(ah_new.of)") == "new"


@pytest.mark.parametrize("lost", ["ah_other.py", "ah_base-1.0.dist-info/RECORD", "ah_other-1.0.dist-info"])
def test_a_base_that_somebody_removes_is_not_relied_on(installer, lost):
    base = installer.nat()
    path = base.site / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    layer = installer.install(lock(*HERE_ENTRIES, "ah-new"))
    assert said(layer, "import ah_new, ah_other, ah_base; print(ah_other.of)") == "ah-other1.0"
    assert {each.name for each in layer.site.glob("*.dist-info")} == {
        f"{name.replace('-', '_')}-1.0.dist-info" for name in [*HERE_ENTRIES, "ah-new"]
    }


def test_nobody_installs_the_base_anew_while_a_layer_is_made_of_it(installer, monkeypatch):
    base = installer.nat()
    link_into = Layer.link_into
    asked = []

    def looked_at(layer, environment):
        with base.path.with_suffix(".lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        asked.append(environment)
        link_into(layer, environment)

    monkeypatch.setattr(Layer, "link_into", looked_at)
    assert asked == [installer.nat(["ah-new"])]


def test_where_no_links_are_possible_files_are_copied_and_stay_compiled(installer, monkeypatch):
    def link(*_, **__):
        raise OSError(errno.EXDEV, "other device")

    base = installer.nat()
    monkeypatch.setattr(os, "link", link)
    layer = installer.nat(["ah-new"])
    assert not shared(base, layer)
    module = "ah_base.py", f"__pycache__/ah_base.{sys.implementation.cache_tag}.pyc"
    for name in module:
        assert (base.site / name).read_bytes() == (layer.site / name).read_bytes()
        assert (base.site / name).stat().st_mtime_ns == (layer.site / name).stat().st_mtime_ns


def test_an_environment_whose_compiling_was_cut_short_is_not_used(installer, monkeypatch):
    with monkeypatch.context() as cut_short:
        cut_short.setattr(uv_environments, "_COMPILE", "import os; os.kill(os.getpid(), 9)")
        with pytest.raises(OutsideError, match="could not be compiled"):
            installer.nat()
    assert list(installer.nat().site.rglob("ah_other.*.pyc"))


def test_modules_are_compiled_where_the_temporary_folder_has_a_long_name(installer, monkeypatch, tmp_path):
    long = tmp_path / ("a" * 120)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    assert list(installer.nat().site.rglob("ah_other.*.pyc"))


KILLED = """
import os, signal, sys
from pathlib import Path
from agenthands.environments import uv as uv_environments
from agenthands.environments.uv import UvInstaller
uv_environments.LOCKS = Path(sys.argv[2])
link, left = os.link, [3]
def slow(*some, **more):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    link(*some, **more)
os.link = slow
UvInstaller(Path(sys.argv[1])).nat(["ah-new"])
"""


def test_a_process_that_is_killed_while_it_links_leaves_nothing_that_counts(installer, tmp_path):
    installer.nat()
    argv = [sys.executable, "-c", KILLED, tmp_path / "home", uv_environments.LOCKS]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    made = {each for each in (tmp_path / "home" / "environments").iterdir() if each.is_dir()}
    (left,) = (each for each in made if not (each / ".complete").exists())
    (left / "lib" / "left-over").touch()
    layer = installer.nat(["ah-new"])
    assert layer.path == left
    assert not (left / "lib" / "left-over").exists()
    assert said(layer, "import ah_new, ah_other, ah_base; print(ah_other.of)") == "ah-other1.0"
