"""The check `files`: what is there, what parses, and what was smuggled in."""

import os
from types import SimpleNamespace

import pytest

from agenthands.gate.checks.files import MAX_FILE_BYTES, Files, check_files


def complaints(workspace):
    return check_files(workspace, "roman_numeral")[1]


def test_a_clean_workspace_passes(roman_workspace):
    (roman_workspace / "nat_tools" / "__pycache__").mkdir()
    (roman_workspace / "nat_tools" / "__pycache__" / "x.pyc").write_bytes(b"\0")
    (roman_workspace / "nat_tools" / "__init__.py").touch()
    texts, found = check_files(roman_workspace, "roman_numeral")
    assert found == []
    assert sorted(texts) == ["nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"]


@pytest.mark.parametrize(
    "name", ["conftest.py", "sitecustomize.py", "tests/conftest.py", "x.pth", "nat_tools/other.py", ".env", "lib.so"]
)
def test_anything_else_is_refused(roman_workspace, name):
    (roman_workspace / name).write_bytes(b"x = 1\n")
    assert any(complaint.startswith(f"{name}: only") for complaint in complaints(roman_workspace))


@pytest.mark.parametrize("name", ["nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"])
def test_a_missing_file_is_named(roman_workspace, name):
    (roman_workspace / name).unlink()
    assert any(name in complaint and "No such file" in complaint for complaint in complaints(roman_workspace))


def test_links_are_refused(roman_workspace, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("x = 1\n")
    tool = roman_workspace / "nat_tools" / "roman_numeral.py"
    tool.unlink()
    tool.symlink_to(secret)
    (roman_workspace / "more").symlink_to(tmp_path)
    found = complaints(roman_workspace)
    assert any("roman_numeral.py: links are not allowed" in complaint for complaint in found)
    assert any("more: links are not allowed" in complaint for complaint in found)
    assert any("not a regular file" in complaint for complaint in found)


def test_a_fifo_does_not_hang_the_gate(roman_workspace):
    tool = roman_workspace / "nat_tools" / "roman_numeral.py"
    tool.unlink()
    os.mkfifo(tool)
    assert any("not a regular file" in complaint for complaint in complaints(roman_workspace))


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_specification_that_is_no_file_is_refused(roman_workspace, make):
    (roman_workspace / "spec.json").unlink()
    make(roman_workspace / "spec.json")
    assert "spec.json: not a regular file; delete it." in complaints(roman_workspace)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"def x(:\n", "invalid syntax"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"x = '\0'\n", "null bytes"),
        (b"#" * (MAX_FILE_BYTES + 1), "larger than"),
        (b"import pytest\n", "must work without pytest"),
        (b"from unittest import mock\n", "without unittest"),
        (b"import ctypes.util\n", "ctypes"),
        (b"from aiq.builder import builder\n", "use nat.*"),
        (b"(" * 5000 + b")" * 5000, "roman_numeral.py"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(roman_workspace, content, complaint):
    (roman_workspace / "nat_tools" / "roman_numeral.py").write_bytes(content)
    assert any(complaint in each for each in complaints(roman_workspace)), complaints(roman_workspace)


def test_a_huge_workspace_is_not_read_to_the_end(roman_workspace):
    for number in range(700):
        (roman_workspace / f"{number}.txt").touch()
    assert "The workspace holds too many files." in complaints(roman_workspace)


@pytest.mark.parametrize(
    "line",
    [
        "import gc",
        "import inspect",
        "import subprocess",
        "from os import _exit",
        "from os import *",
        "import os; os._exit(0)",
        "import os; os.fork()",
        "import os; os.fdopen(5)",
        "import os; getattr(os, '_ex' + 'it')(0)",
        "import sys; sys.modules['__main__']",
        "import sys; sys._getframe()",
        "().__class__.__base__.__subclasses__()",
        "__import__('gc')",
        "open('/proc/self/mem')",
        "import json; json.dumps = None",
        "import json; setattr(json, 'dumps', None)",
        "def f(): f.__globals__",
        "import os as o; o.kill(1, 9)",
        "from os import kill as stop",
        "import posix; posix.fork()",
        "import os; leave = os._exit; leave(0)",
        "import os; [os][0]._exit(0)",
        "import os; (lambda module: module._exit)(os)(0)",
        "import os; os.__dict__['fork']()",
        "import random; random._os._exit(0)",
        "import random; getattr(random, '_o' + 's')._exit(0)",
        "import random; getattr(getattr(random, '_o' + 's'), '_ex' + 'it')(0)",
        "from pathlib import os as o; o.fork()",
        "import signal; signal.alarm(1)",
        "import inspect; inspect.currentframe()",
        "from inspect import getsource",
        "import ctypes; ctypes.c_int32.from_address(1)",
        "import asyncio; asyncio.create_subprocess_exec('ls')",
        "import operator; operator.attrgetter('__code__')",
        "SELF = '/proc/self/mem'; open(SELF)",
        "from pathlib import Path; Path('/dev/shm').iterdir()",
        "for note in ('note', '/dev/shm/note'): open(note)",
        "def f(module): return module.__spec__.loader",
    ],
)
@pytest.mark.parametrize("name", ["nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"])
def test_what_reaches_around_the_gate_is_refused(roman_workspace, name, line):
    path = roman_workspace / name
    path.write_text(f"{path.read_text()}\n{line}\n")
    number = path.read_text().count("\n")
    assert any(each.startswith(f"{name}:{number}: ") for each in complaints(roman_workspace))


@pytest.mark.parametrize("line", ["pytest_plugins = ['x']", "def test_x(pytestconfig): pass", "import _pytest.runner",
                                  "def test_x(request): request.config.pluginmanager"])  # fmt: skip
def test_tests_may_not_reach_into_pytest(roman_workspace, line):
    path = roman_workspace / "tests" / "test_roman_numeral.py"
    path.write_text(f"{path.read_text()}\n{line}\n")
    assert complaints(roman_workspace)


def test_what_is_usual_is_not_refused(roman_workspace):
    usual = """
import json, os, sys
from dataclasses import dataclass
from datetime import datetime

@dataclass
class Row:
    name: str
    values: list

    def total(self):
        self.sum = sum(self.values)
        return getattr(self, "sum") + getattr(self, self.name, 0)

def environment():
    return os.environ.get("X"), sys.maxsize, json.dumps([]), datetime.now().isoformat(), os.path.join("a", "b")
"""
    for name in ("nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"):
        path = roman_workspace / name
        path.write_text(path.read_text() + usual)
    assert complaints(roman_workspace) == []


@pytest.mark.parametrize(
    "lines",
    [
        "import math\ndef f(name): return getattr(math, name)(2)",
        "import hashlib\ndef f(name): return getattr(hashlib, name)(b'').hexdigest()",
        "from http import HTTPStatus\ndef f(name): return getattr(HTTPStatus, name).phrase",
        "import decimal\ndecimal.getcontext().prec = 50",
        "import decimal\nwith decimal.localcontext() as context:\n    context.prec = 50",
        "def f(vars, locals, compile): return vars['x'], locals, compile",
        "def f(name): return '{name}'.format(**locals())",
        "def eval(node): return node\neval(1)",
        "from re import compile\nP = compile('a')",
        "import re\ncompile = re.compile\nP = compile('a')",
        "def f(match): return match.fork, match.kill, match.monitoring, match.dup, match.open",
        "class Machine:\n    def _exit(self): return self.fork()\n    def fork(self): self.kill = 1",
        "def f(os, sys): return os.kill, sys.modules",
        "import signal\nN = signal.SIGTERM.value, signal.Signals(9).name",
        "from signal import SIGINT, Signals",
        "import inspect\nassert inspect.iscoroutinefunction(len) is False",
        "import ctypes\ndef f(x): return ctypes.c_int32(x).value",
        "from importlib.metadata import version",
        "from typing import *\nfrom math import *",
        "DEVICES = ['/dev/null', '/dev/sda1', '/sys/health', '/proc/cpuinfo']\nNAMES = [d.split('/') for d in DEVICES]",
        "import os\nNAME = os.path.join('/dev', 'sda')",
        "class Shape: ...\nKINDS = {each.__name__: each for each in Shape.__subclasses__()}",
    ],
)
@pytest.mark.parametrize("name", ["nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"])
def test_what_a_name_refers_to_counts_and_not_its_spelling(roman_workspace, name, lines):
    path = roman_workspace / name
    path.write_text(f"{path.read_text()}\n{lines}\n")
    assert complaints(roman_workspace) == []


def test_what_was_never_written_has_a_code(roman_workspace):
    def code():
        evidence = SimpleNamespace(workspace=roman_workspace, tool=SimpleNamespace(name="roman_numeral"), texts={})
        return Files().run(evidence).more.get("reason_code")

    assert code() is None
    (roman_workspace / "nat_tools" / "roman_numeral.py").write_text("def f(:\n")
    assert code() == ""
    (roman_workspace / "nat_tools" / "roman_numeral.py").unlink()
    assert code() == "not_written"
