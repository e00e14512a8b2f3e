"""Mutants: which changes are made, where, and that they can be read."""

import ast
import itertools

import pytest
from tests_support import ROMAN_TOOL

from agenthands.gate.mutation.mutants import compiled, mutants


def changed(body, *, head=""):
    """Return the changed lines of all mutants of a function with one-line body parts."""
    source = f"{head}def f(a, b=2, *c):\n    {body}\n"
    return {line[1:].strip() for each in mutants(source, 1000) for line in each.diff.splitlines() if line[:1] == "+"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = a + b", {"x = a - b"}),
        ("x = (a) * (b)", {"x = (a) / (b)"}),
        ("a -= b", {"a += b", "pass"}),
        ("x = a < b", {"x = a <= b", "x = a > b"}),
        ("x = a >= b", {"x = a > b", "x = a < b"}),
        ("x = a in b", {"x = a not in b"}),
        ("x = a is None", {"x = a is not None"}),
        ("x = 0 <= a < 9", {"x = 0 < a < 9", "x = 0 <= a <= 9", "x = 1 <= a < 9", "x = 0 <= a < 10"}),
        ("x = a and b or c", {"x = a or b or c", "x = a and b and c"}),
        ("x = not a", {"x = (a)"}),
        ("x = True", {"x = False"}),
        ("x = 'word'", {"x = 'xword'"}),
        ("x = 1.5", {"x = 2.5"}),
        ("x = g(a, b)", {"x = g(b, a)"}),
        ("x = a.lower()", {"x = a.upper()"}),
        ("x = any(c)", {"x = all(c)"}),
        ("return a", {"return None"}),
        ("raise ValueError('x')", {"pass"}),
        ("print(a)", {"pass"}),
        ("x = a if b else c", {"x = a if not (b) else c"}),
        ("x = [y for y in c if y]", {"x = [y for y in c if (not (y))]"}),
        ("for x in c: break", {"for x in c: continue"}),
        ("x = f'at most {a} words'", {"x = ('x' + f'at most {a} words')"}),
        ("x = a % 1000", {"x = a % 2000", "x = a * 1000"}),
        ("x = 2.5e7 * a", {"x = 50000000.0 * a"}),
        ("assert a < b, 'too large'", {"assert a <= b, 'too large'"}),
    ],
)
def test_each_kind_of_change_is_made(body, expected):
    assert expected <= changed(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("'''A docstring with + and 1.'''", set()),
        ("raise ValueError(f'at most {a + 1}') from None", {"pass"}),
        ("raise ValueError('at most %d' % (a + 1) + '!')", {"pass"}),
        ("x: 'list[1]'", set()),
        ("x = min(a, b)", {"x = max(a, b)"}),
        ("return None", set()),
        ("x = hashlib.md5(a, usedforsecurity=False)", set()),
        ("x = a.encode('utf-8').decode('latin-1')", set()),
        ("x = cast('list[int]', a)", {"x = cast(a, 'list[int]')"}),
        ("x = dict(zip(a, b, strict=True))", set()),
        ("T = TypeVar('T')", set()),
        ("x = open(a, encoding='utf-8')", set()),
    ],
)
def test_wording_types_and_what_changes_nothing_stay(body, expected):
    assert changed(body) == {*expected, "def f(a, b=3, *c):"}


LOG = (
    "import logging, math, warnings\nfrom logging import getLogger\n"
    "log = logging.getLogger('tool')\n_own = getLogger()\n"
)


@pytest.mark.parametrize(
    "body",
    ["log.info('%s', a + 1)", "_own.debug('x')", "logging.warning(f'{a + 1}')", "warnings.warn('old', stacklevel=2)",
     "log.error('no', exc_info=True)"],
)  # fmt: skip
def test_what_is_logged_is_wording(body):
    assert changed(body, head=LOG) == {"def f(a, b=3, *c):"}


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("import math as log\n", "x = log.log(a + 1)", {"x = log.log(a - 1)", "x = log.log(a + 2)"}),
        ("class L:\n    info = set.add\nlogger = L()\n", "logger.info(a, 1)", {"pass", "logger.info(a, 2)"}),
        (LOG + "log = {}.setdefault\n", "log.warn(a, 1)", {"pass", "log.warn(a, 2)"}),
        (LOG, "log.info('%s', (x := a + 1))", {"log.info('%s', (x := a - 1))"}),
        (LOG + "seen = []\n", "log.info('%s', seen.append(a + 1))", {"log.info('%s', seen.append(a - 1))"}),
        (LOG + "def g(x): return x\n", "log.info('%s', g(a + 1))", {"log.info('%s', g(a - 1))"}),
    ],
)
def test_a_name_that_only_looks_like_a_logger_hides_nothing(head, body, expected):
    assert expected <= changed(body, head=head)


FOUND = "class Found(Exception):\n    pass\n"
CAUGHT = "def g(a):\n    try:\n        f(a)\n    except {0} as error:\n        {1}\n"


@pytest.mark.parametrize(
    ("head", "raised", "expected"),
    [
        (FOUND, "raise Found(a if a < b else -1.0)", {"raise Found(a if a <= b else -1.0)"}),
        (FOUND, "raise Found(a if a < b else -1.0)", {"raise Found(a if a < b else -2.0)"}),
        (FOUND, "raise [Found, KeyError][a > b]('x')", {"raise [Found, KeyError][a >= b]('x')"}),
        (FOUND + CAUGHT.format("Found", "return error.args[0]"), "raise Found('IV')", {"raise Found('xIV')"}),
        (CAUGHT.format("Exception", "return str(error)"), "raise KeyError(f'{a + 1}')", {"raise KeyError(f'{a - 1}')"}),
        (CAUGHT.format("LookupError", "return {'no': str(error)}"), "raise KeyError('a')", {"raise KeyError('xa')"}),
        (FOUND + CAUGHT.format("KeyError", "raise Found(error.args[0])") + CAUGHT.format("Found", "return error.args"),
         "raise KeyError('IV')", {"raise KeyError('xIV')"}),
        ("class C:\n    def __exit__(self, kind, error, trace):\n        self.got = error\n        return True\n",
         "raise KeyError('IV')", {"raise KeyError('xIV')"}),
        (CAUGHT.format("ValidationError", "return error.args"), "raise ValueError('a')", {"raise ValueError('xa')"}),
    ],
)  # fmt: skip
def test_what_an_error_carries_is_a_value_where_the_tool_reads_it(head, raised, expected):
    assert expected <= changed(raised, head=head)


@pytest.mark.parametrize(
    "head",
    [
        "",
        FOUND,
        CAUGHT.format("ValueError", "raise KeyError(f'no number: {error}') from error"),
        LOG + CAUGHT.format("ValueError", "log.info('%s', error)"),
        CAUGHT.format("KeyError", "return str(error)"),
    ],
)
def test_what_an_error_says_is_wording_where_the_tool_only_passes_it_on(head):
    assert "raise ValueError('xno number')" not in changed("raise ValueError('no number')", head=head)


def lines_of(source):
    """Return the changed lines of all mutants of a module."""
    return {line[1:].strip() for each in mutants(source, 1000) for line in each.diff.splitlines() if line[:1] == "+"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class R:\n    rule = staticmethod(lambda f: f < 300)\n", "rule = staticmethod(lambda f: f <= 300)"),
        ("class R:\n    table = {}\n    for n in range(9):\n        table[n] = n * 2\n", "table[n] = n / 2"),
        ("import sys\nif sys.maxsize > 5:\n    RATE = 0.19\n", "RATE = 1.19"),
        ("T = {}\nfor n in range(3, 9):\n    T[n] = n - 1\n", "T[n] = n + 1"),
        ("import io\nwith io.StringIO('a') as f:\n    X = f.read() + 'b'\n", "X = f.read() + 'xb'"),
        ("try:\n    X = 1\nexcept ValueError:\n    X = 7\n", "X = 8"),
        ("X = []\nX.append(4)\n", "pass"),
        ("X = 1\nX += 4\n", "X -= 4"),
        ("def f(a, *, b=len('abc') + 1): return a\n", "def f(a, *, b=len('abc') - 1): return a"),
        ("def scaled(by): return lambda f: f\n@scaled(3)\ndef f(a): return a\n", "@scaled(4)"),
        ("import functools\n@functools.wraps(lambda a: a + 1)\ndef f(a): return a\n",
         "@functools.wraps(lambda a: a - 1)"),
        ("from typing import Annotated\nX = Annotated[int, lambda v: v + 1]\n", "X = Annotated[int, lambda v: v - 1]"),
        ("from typing import Literal, get_args\nX = Literal['a']\nY = get_args(X)\n", "X = Literal['xa']"),
        ("def f(a):\n    match a:\n        case 4 if a > 3: return 1\n", "case 4 if not (a > 3): return 1"),
        ("def f(a):\n    match a:\n        case 4: return 1\n", "case 5: return 1"),
        ("from enum import Enum\nclass Rate(Enum):\n    LOW = 0.07\n", "LOW = 1.07"),
        ("from pydantic import BaseModel\nclass Out(BaseModel):\n    rate: float = 0.5\n", "rate: float = 1.5"),
        ("from nat.x import FunctionBaseConfig\nclass C(FunctionBaseConfig, name='c'):\n    digits: int = 2\n",
         "digits: int = 3"),
    ],
)  # fmt: skip
def test_all_code_that_runs_is_changed(source, expected):
    assert expected in lines_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "from typing import Literal\nX = Literal['a', 'b']\n",
        "type X = list[str] | None\n",
        "from typing import TypeVar, NewType\nT = TypeVar('T', bound='int')\nU = NewType('U', int)\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    X = 1 + 2\n",
        "if __name__ == '__main__':\n    print(1 + 2)\n",
        "__all__ = ['f']\n__version__ = '1.0'\n",
        "from nat.x import FunctionBaseConfig\nclass C(FunctionBaseConfig, name='c'):\n    'Text.'\n",
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass C:\n    x: int\n",
        "from functools import lru_cache\n@lru_cache(maxsize=99)\ndef f(a): pass\n",
    ],
)
def test_what_does_nothing_at_run_time_is_not_changed(source):
    assert lines_of(source) == set()


def test_what_a_model_is_shown_as_parameters_is_left_to_schema_and_code_in_it_is_not():
    tool = ROMAN_TOOL.replace(
        'Field(description="Number from 1 to 3999")',
        'Field(4, ge=1, description="Number", default_factory=lambda: 2 + 3)\n    kind: Kind = Kind.A',
    ).replace("class RomanInput", "class Kind(StrEnum):\n    A = 'a'\n\n\nclass RomanInput")
    found = "\n".join(each.diff for each in mutants(tool, 1000))
    assert "lambda: 2 - 3" in found
    assert "ge=2" not in found
    assert "'xa'" not in found


def test_of_a_long_table_a_few_values_are_changed_and_code_in_it_counts_for_itself():
    table = "T = {" + ", ".join(f"'unit{number}': {number}.5" for number in range(50)) + "}\n"
    assert len(mutants(table, 1000)) == 6
    rules = "T = {" + ", ".join(f"'unit{number}': lambda x: x * {number}" for number in range(9)) + "}\n"
    assert len(mutants(rules, 1000)) >= 27


def test_a_change_without_another_bytecode_is_none():
    assert lines_of("def f(a):\n    if a:\n        return None\n") == {"if not (a):"}
    assert compiled("x = 1 + 2") == compiled("x = (1 +\n\n   2)  # three")
    assert compiled("def f(): return 1") != compiled("def f(): return 2")
    assert compiled("x = (") is None


def test_multibyte_text_and_line_breaks_are_kept():
    source = 'NAME = "äöü"\n\n\ndef f(a):\n    x = "ß" + (a\n           * 2)  # é\n    return x\n'
    found = mutants(source, 100)
    for each in found:
        ast.parse(each.source)
        assert each.source != source
        assert "# é" in each.source
    assert any("           / 2)" in each.source for each in found)


def test_classes_and_the_registration_are_left_to_other_checks():
    lines = ROMAN_TOOL.splitlines()
    for each in mutants(ROMAN_TOOL, 1000):
        text = lines[each.line - 1]
        assert "Field(" not in text
        assert "FunctionInfo" not in text
        assert "BaseConfig" not in text


def test_the_same_source_gives_the_same_ones_spread_over_its_lines():
    found = mutants(ROMAN_TOOL, 10)
    assert found == mutants(ROMAN_TOOL, 10)
    everything = mutants(ROMAN_TOOL, 1000)
    places = {9 if each.line == 10 else each.line for each in everything}  # the table of signs has two lines
    assert {9 if each.line == 10 else each.line for each in found} == places
    assert {each.source for each in found} <= {each.source for each in everything}


def test_no_two_mutants_are_the_same():
    found = mutants(ROMAN_TOOL, 60)
    for left, right in itertools.combinations(found, 2):
        assert ast.dump(ast.parse(left.source)) != ast.dump(ast.parse(right.source))
    assert all(ast.dump(ast.parse(each.source)) != ast.dump(ast.parse(ROMAN_TOOL)) for each in found)


def test_a_long_module_is_no_burden():
    source = "\n".join(f"def f{number}(a):\n    return a + {number} * 2 if a else -a" for number in range(200))
    assert len(mutants(source, 40)) == 40
