"""`agenthands check` on folders that are empty, huge, or full of nonsense: a report or a message, no traceback."""

import json
import os

import pytest
from tests_support import ROMAN_SPEC, write_roman

from agenthands.environments.base import Environment
from agenthands.errors import RequestInvalid
from agenthands.gate.gate import check_workspace


class NothingRuns:
    """EnvironmentInstaller and a sandbox for folders that are refused before anything runs."""

    name = "none"

    def nat(self, dependencies):
        raise AssertionError("no environment is needed")

    def run(self, command):
        raise AssertionError("nothing may run")


class NothingInstalled(NothingRuns):
    """EnvironmentInstaller with nothing in them."""

    def __init__(self, path):
        self.environment = Environment(path, "")
        self.environment.path.joinpath("lib/python3.12/site-packages").mkdir(parents=True)

    def nat(self, dependencies):
        return self.environment


def check(folder):
    return check_workspace(folder, NothingRuns(), NothingRuns(), 10)


def spec(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "spec.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no specification"),
        (b"\xff\xfe", "is no specification"),
        (b"[" * 100_000, "is no specification"),
        (b"null", "is no specification"),
        (b"{}", "name: Field required"),
        (b" " * 2_000_000, "larger than"),
        ({**ROMAN_SPEC, "name": "../../etc"}, "name: String should match pattern"),
        ({**ROMAN_SPEC, "more": 1}, "more: Extra inputs"),
        ({**ROMAN_SPEC, "returns": {"type": "nonsense"}}, "must be JSON Schemas"),
        ({**ROMAN_SPEC, "parameters": {"properties": 5}}, "must be JSON Schemas"),
    ],
)
def test_a_specification_that_is_none_is_the_users_to_mend(tmp_path, content, said):
    spec(tmp_path, content)
    with pytest.raises(RequestInvalid) as error:
        check(tmp_path)
    assert said in error.value.message
    assert error.value.hint


def test_places_that_hold_no_specification(tmp_path):
    (tmp_path / "folder" / "spec.json").mkdir(parents=True)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "spec.json").symlink_to("spec.json")
    (tmp_path / "endless").mkdir()
    (tmp_path / "endless" / "spec.json").symlink_to("/dev/zero")
    (tmp_path / "file").touch()
    for name in ("folder", "loop", "endless", "file", "missing"):
        with pytest.raises(RequestInvalid):
            check(tmp_path / name)


def test_a_fifo_as_specification_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "spec.json")
    with pytest.raises(RequestInvalid):
        check(tmp_path)


def test_a_folder_with_a_specification_alone_is_rejected(tmp_path):
    spec(tmp_path, ROMAN_SPEC)
    report = check_workspace(tmp_path, NothingInstalled(tmp_path / "env"), NothingRuns(), 10)
    assert not report.accepted
    assert [item.name for item in report.failures()] == ["files"]


@pytest.mark.parametrize("kind", ["many", "deep", "names", "devices", "unreadable"])
def test_a_folder_full_of_nonsense_is_rejected_with_a_report(tmp_path, kind):
    folder = write_roman(tmp_path / "w")
    if kind == "many":
        for number in range(3000):
            (folder / f"{number}.bin").write_bytes(b"\0" * 100)
    elif kind == "deep":
        (folder / "/".join(["d"] * 600)).mkdir(parents=True)
    elif kind == "names":
        for name in (b"\xff\xfe", b"new\nline", b"\x1b[31m", "ü" * 100):
            (folder / os.fsdecode(name)).touch()
    elif kind == "devices":
        os.mkfifo(folder / "nat_tools" / "pipe.py")
    else:
        (folder / "nat_tools").rename(folder / "gone")
        (folder / "nat_tools").write_text("a file, not a folder")
    report = check_workspace(folder, NothingInstalled(tmp_path / "env"), NothingRuns(), 10)
    assert not report.accepted
    assert json.loads(report.model_dump_json())["accepted"] is False
    assert len(report.model_dump_json()) < 100_000


@pytest.mark.parametrize(
    "content",
    [
        "x = " + "(" * 5000,
        "x = " + "-" * 100_000 + "1",
        "x = " + "-" * 900 + "1",
        "x = " + "[" * 150 + "]" * 150,
        "x = " + "1 + " * 5000 + "1",
        "x = a" + ".b" * 5000,
        "\\" * 1000,
        "if 1:\n" * 200,
        "x = 1" + "0" * 10_000,
    ],
)
def test_code_that_breaks_parsers_is_rejected_with_a_report(tmp_path, content):
    environments = NothingInstalled(tmp_path / "env")
    for name in ("nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"):
        folder = write_roman(tmp_path / name.replace("/", "-"))
        (folder / name).write_text(content)
        if name.startswith("tests"):  # the tool may be there, so that it is the tests that must be refused
            (folder / "nat_tools/roman_numeral.py").write_text("x = 1")
        assert not check_workspace(folder, environments, NothingRuns(), 10).accepted
