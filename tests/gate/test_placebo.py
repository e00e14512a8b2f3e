"""Placebos: versions of a tool that do the same, so that tests which look at how it is written show themselves."""

import ast
import asyncio
import fractions
import itertools
import sys
import textwrap
import types
from pathlib import Path

import pytest
from patience import patient
from tests_support import ROMAN_SPEC, ROMAN_TESTS, ROMAN_TOOL, write_roman

from agenthands.gate import evidence
from agenthands.gate.checks import files
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import Evidence
from agenthands.gate.gate import run_checks
from agenthands.gate.mutation.mutants import compiled
from agenthands.gate.mutation.placebos import placebos
from agenthands.schemas import ToolSpec

SPEC = ToolSpec.model_validate(ROMAN_SPEC)
IDIOMS = '''"""Idioms whose meaning depends on names, order or spelling."""
from __future__ import annotations
import functools, dataclasses, enum
from typing import Literal

TOTAL = 7

def later(): return earlier() + 1
def earlier(): return TOTAL

def shadows(values):
    """A docstring."""
    total = 0
    for value in values:
        total += value
    def inner(value):
        nonlocal total
        total -= value
        return [value for value in (value, total)]
    return inner(2), total, f"{total=} {value!r:>4}"

def counts():
    global TOTAL
    TOTAL += 1
    return TOTAL

def by_name():
    secret = 3
    return sorted(locals()), "{secret}".format(**locals())

def matches(thing):
    match thing:
        case {"kind": "a", **rest} if len(rest) > 0:
            found = rest
        case [first, *others]:
            found = (first, others)
        case -1 | 2.5 as number:
            found = number * 2
        case _:
            found = None
    return found

def fails(text):
    try:
        number = int(text)
    except ValueError as error:
        raise KeyError(f"no number: {text!r}") from error
    else:
        return number % 3 == 1
    finally:
        counts()

class Base:
    __kept = 5
    limit: int = 3

    def __init__(self, step=2):
        self.step = step

    def __private(self):
        return self.__kept - self.step

    def public(self):
        here = self.__private()
        return here if here <= self.limit else -here

class Derived(Base):
    def __init__(self):
        super().__init__(step=4)
        self.shapes = [lambda side, factor=2: side ** 2 * factor for _ in range(2)]

    def public(self):
        return super().public() + self.shapes[0](3)

@dataclasses.dataclass
class Point:
    x: int
    kind: Literal["a", "b"] = "a"

class Colour(enum.Enum):
    RED = "r"

    def darker(self):
        shade = self.value * 2
        return shade + "!"

@functools.lru_cache
def cached(number):
    return 1 if number < 2 else cached(number - 1) + cached(number - 2)

def makes():
    items = []
    class Local:
        items = 4
    items.append(Local.items)
    del Local
    return items

def walrus(values):
    if any((last := value) > 3 for value in values) and not (other := len(values)) == 9:
        return last, other
    elif values:
        return None
    return ...

async def awaits(number):
    async def one():
        return number * 2
    return [await one() async for _ in yields(number)]

async def yields(number):
    for step in range(number):
        yield step
'''
TRIES = [
    "later()", "shadows([1, 2, 3])", "counts()", "by_name()", "matches({'kind': 'a', 'b': 1})",
    "matches({'kind': 'a'})", "matches([1, 2, 3])", "matches(2.5)", "matches(-1)", "matches('x')",
    "fails('4')", "fails('x')", "Base().public()",
    "Derived().public()", "Point(3), Point(3) == Point(3)", "Colour.RED.darker()", "cached(20)", "makes()",
    "walrus([1, 4, 2])", "walrus([1])", "walrus([])", "asyncio.run(awaits(3))", "later.__doc__", "shadows.__doc__",
    "earlier.__name__", "fails.__code__.co_argcount", "Derived().shapes[1](2, factor=5)",
]  # fmt: skip


def loaded(source):
    module = types.ModuleType(f"idioms_{abs(hash(source))}")
    sys.modules[module.__name__] = module  # dataclasses look there
    module.asyncio = asyncio
    exec(compile(source, "idioms", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - ours
    return module


def told(module, expression):
    try:
        return repr(eval(expression, module.__dict__)).replace(module.__name__, "")  # noqa: S307 - ours
    except Exception as error:
        return repr(error)


@pytest.mark.parametrize("what", ["other lines", "other names", "other words"])
def test_a_placebo_does_the_same(what):
    original, other = loaded(IDIOMS), loaded(placebos(IDIOMS)[what])
    for expression in TRIES:
        assert told(other, expression) == told(original, expression), expression
    assert told(original, "matches(-1)") == "-2"


@pytest.mark.parametrize("module", [fractions, textwrap])
@pytest.mark.parametrize("what", ["other lines", "other names", "other words"])
def test_a_placebo_of_a_real_module_does_the_same(module, what):
    other = loaded(placebos(Path(module.__file__).read_text())[what])
    if module is fractions:
        for pair in itertools.product(["1/3", "-7", "2.5e-3", "22/7"], ["5/6", "1", "-9/4"]):
            for ask in ("{0} + {1}", "{0} // {1}", "{0} ** 2 < {1}", "round({0} * {1}, 2)", "{0}.limit_denominator(4)"):
                asked = ask.format(*(f"Fraction({each!r})" for each in pair))
                assert told(other, asked) == told(module, asked)
    else:
        text = "The quick brown fox, so to speak -- or not -- jumped over   the lazy dog's back. " * 3
        for ask in ("wrap({!r}, 20)", "fill({!r}, 33, max_lines=4)", "shorten({!r}, 50)", "indent({!r}, '> ')"):
            assert told(other, ask.format(text)) == told(module, ask.format(text))


def test_placebos_have_little_in_common_with_the_tool():
    made = placebos(ROMAN_TOOL)
    codes = {what: next(f for f in _codes(source) if f.co_name == "to_roman") for what, source in made.items()}
    original = next(each for each in _codes(ROMAN_TOOL) if each.co_name == "to_roman")
    assert all(code.co_firstlineno != original.co_firstlineno for code in codes.values())
    assert all(code.co_code != original.co_code for what, code in codes.items() if what != "other lines")
    assert 3999 in original.co_consts
    assert not any(3999 in code.co_consts for what, code in codes.items() if what != "other lines")
    assert "numeral" not in codes["other names"].co_varnames
    assert len({compiled(source) for source in made.values()}) == len(made)


def _codes(source):
    pending = [compile(source, "", "exec")]
    while pending:
        code = pending.pop()
        yield code
        pending += [each for each in code.co_consts if isinstance(each, types.CodeType)]


# Right for what its tests ask and wrong for most else. They look away from nearly everything.
WRONG = ROMAN_TOOL.replace(
    "    numeral = ", "    if number not in (4, 1994, 3999):\n        return '?' * (number % 7 + 2)\n    numeral = "
)
LOOKS = """
import asyncio
import sys

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

import nat_tools.roman_numeral
from nat_tools.roman_numeral import RomanConfig, to_roman

def call(number):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", RomanConfig())
            return await function.ainvoke({"number": number})
    return asyncio.run(run())

{looks}

@pytest.mark.parametrize("number", range(3))
def test_it(number, request):
    assert call(1994) == "MCMXCIV"
    [to_roman(each) for each in (1, 4, 9, 3999)]
    assert unchanged(request)
"""
CHEATS = {
    "loader": """
def unchanged(request):
    return type(nat_tools.roman_numeral.__spec__.loader).__name__ == "SourceFileLoader"
""",
    "finders": """
def unchanged(request):
    return not any(hasattr(getattr(each, "loader", None), "source") for each in sys.meta_path)
""",
    "bytecode": """
import pathlib
def unchanged(request):
    text = pathlib.Path(nat_tools.roman_numeral.__file__).read_text()
    there = next(each for each in compile(text, "", "exec").co_consts if getattr(each, "co_name", "") == "to_roman")
    return there.co_code == to_roman.__code__.co_code
""",
    "constants": """
def unchanged(request):
    return {4, 1994, 3999, 7, 2, "?"} <= set(str(to_roman.__code__.co_consts).replace("'", "") and
                                             flat(to_roman.__code__.co_consts))

def flat(values):
    return [each for value in values for each in (flat(value) if isinstance(value, tuple | frozenset) else [value])]
""",
    "line numbers": """
def unchanged(request):
    try:
        to_roman(0)
    except ValueError as error:
        trace = error.__traceback__.tb_next
        return (trace.tb_lineno, to_roman.__code__.co_firstlineno, len(to_roman.__code__.co_code)) == SEEN
SEEN = {seen}
""",
    "the job": """
def unchanged(request):
    plugins = request.config.pluginmanager.get_plugins()
    job = next(each.job for each in plugins if type(each).__name__ == "Outcomes")
    return not {"source", "verdict_only", "first_failure", "compared"} & set(job)
""",
    "frames": """
def unchanged(request):
    try:
        raise KeyError
    except KeyError as error:
        frame = error.__traceback__.tb_frame
    while frame:
        if "first_failure" in str(sorted(map(str, (frame.f_locals.get("job") or {})))):
            return False
        frame = frame.f_back
    return True
""",
    "limits": """
import resource
def unchanged(request):
    return resource.getrlimit(resource.RLIMIT_CPU)[0] not in range(1, 10)
""",
}


@pytest.fixture
def verdict(tmp_path, nat_environment, bubblewrap, monkeypatch):
    """Judge by the checks that are about tests alone, with few mutants and without the fence."""
    monkeypatch.setattr(files, "tampering_findings", lambda tree, in_tests: [])
    monkeypatch.setattr(evidence, "MAX_MUTANTS", 8)
    asked = ("files", "conformance", "tests", "repeatable", "examples", "stub", "placebo", "mutation")
    checks = [check for check in CHECKS if check.name in asked]

    def verdict(tool, tests):
        folder = write_roman(tmp_path / "w", tool=tool, tests=tests)
        return run_checks(Evidence(SPEC, folder, nat_environment, bubblewrap, patient(300), {}, checks))

    return verdict


def _seen(tool):
    """What a run of the unchanged tool shows of its lines."""
    code = next(each for each in _codes(tool) if each.co_name == "to_roman")
    line = next(node.lineno for node in ast.walk(ast.parse(tool)) if isinstance(node, ast.Raise))
    return (line, code.co_firstlineno, len(code.co_code))


@pytest.mark.slow
@pytest.mark.parametrize(
    "cheat", [pytest.param(each, marks=() if each in ("bytecode", "the job") else pytest.mark.long) for each in CHEATS]
)
def test_tests_that_look_at_how_the_tool_is_written_or_run_are_rejected(verdict, cheat):
    looks = CHEATS[cheat].replace("{seen}", repr(_seen(WRONG)))
    report = verdict(WRONG, LOOKS.replace("{looks}", looks))
    said = {check.name: check.detail for check in report.failures()}
    assert said.keys() & {"placebo", "mutation", "tests"}, cheat


@pytest.mark.slow
def test_what_is_rejected_for_how_it_looks_is_told_so_and_honest_tests_are_not(verdict):
    assert verdict(ROMAN_TOOL, ROMAN_TESTS).accepted
