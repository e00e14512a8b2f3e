"""Mutants: which changes are made, where, and that they can be read."""

import ast
import itertools

import pytest
from tests_support import ROMAN_TOOL

from agenthands.gate.mutation.mutants import mutants


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
    ],
)
def test_each_kind_of_change_is_made(body, expected):
    assert expected <= changed(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("'''A docstring with + and 1.'''", set()),
        ("raise ValueError(f'at most {a + 1}') from None", {"pass"}),
        ("logger.info('%s', a + 1)", set()),
        ("x: 'list[1]'", set()),
        ("x = min(a, b)", {"x = max(a, b)"}),
        ("x = f'at most {a} words'", set()),
        ("return None", set()),
    ],
)
def test_wording_annotations_and_what_changes_nothing_stay(body, expected):
    assert changed(body) == {*expected, "def f(a, b=3, *c):"}


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
    assert len({each.line for each in found}) == min(10, len({each.line for each in everything}))
    assert {each.source for each in found} <= {each.source for each in everything}


def test_no_two_mutants_are_the_same():
    found = mutants(ROMAN_TOOL, 60)
    for left, right in itertools.combinations(found, 2):
        assert ast.dump(ast.parse(left.source)) != ast.dump(ast.parse(right.source))
    assert all(ast.dump(ast.parse(each.source)) != ast.dump(ast.parse(ROMAN_TOOL)) for each in found)


def test_a_long_module_is_no_burden():
    source = "\n".join(f"def f{number}(a):\n    return a + {number} * 2 if a else -a" for number in range(1000))
    assert len(mutants(source, 40)) == 40
