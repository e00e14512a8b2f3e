"""Patterns of any kind, whatever they ask for, are searched for within a bound, or not at all."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenthands._util import untrusted_json
from agenthands._util.killable import killable
from agenthands._util.untrusted_json import best_misfit, misfits, regex_fault, regex_found

LONG = "a" * 70 + "b"
ATOMS = st.sampled_from(["a", "b", "aa", ".", "(?:a|b)", "[ab]", "(a|aa)", "a?", r"\w", "(?=a)", "(?!b)", "()"])
PATTERN = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.builds(lambda one, much: f"(?:{one}){much}", inner, st.sampled_from(["*", "+", "{1,9}", "{2,}", "?"])),
        st.builds(lambda one, other: f"(?:{one}|{other})", inner, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(autouse=True, scope="module")
def small_bound():
    patch = pytest.MonkeyPatch()
    patch.setattr(untrusted_json, "killable", partial(killable, cpu_seconds=0.1))
    yield
    patch.undo()


@given(PATTERN, st.sampled_from([LONG, "ab" * 40 + "c", "a" * 3000 + "\n", "", "b"]))
def test_any_pattern_is_decided(pattern, text):
    whole = f"^{pattern}$"
    if not regex_fault(whole):
        found, misfit = regex_found(whole, text), best_misfit(text, {"pattern": whole})
        assert found is (misfit is None)
        if misfit is None or "more than" not in misfit:
            extra = misfits({text: 0}, {"patternProperties": {whole: {}}, "additionalProperties": False})
            assert found is not bool(extra)
