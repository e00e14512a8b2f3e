"""Each error has its reason in the table, and docs/reasons.md says what the table says."""

from conftest_paths import ROOT

from agenthands.errors import AgentHandsError, BuildCancelled, OutsideError, OwnFault, UserError, error_with
from agenthands.reasons import EXIT_CODES, REASONS, with_title
from agenthands.reports.reasons_page import with_tables


def kinds(base=AgentHandsError):
    return [base, *(each for kind in base.__subclasses__() for each in kinds(kind))]


def test_the_page_is_made_from_the_table():
    page = (ROOT / "docs" / "reasons.md").read_text()
    assert "| `budget_reached` |" in page
    assert with_tables(page) == page, "run: python -m agenthands.reports.reasons_page docs/reasons.md"


def test_every_error_has_a_reason_with_the_exit_code_of_its_branch():
    codes = {UserError: 2, OutsideError: 3, BuildCancelled: 130, OwnFault: 70}
    for base, code in codes.items():
        assert {kind("x").exit_code for kind in kinds(base)} == {code}


def test_an_error_is_found_again_by_its_code():
    for kind in kinds():
        assert type(error_with(kind.code, "x")).code == kind.code
    assert error_with("tools_rejected", "x").code == "run_failed"


def test_codes_are_whole_sentences_with_known_exit_codes_and_names_of_states_of_their_own():
    for code, reason in REASONS.items():
        assert reason.code == code
        assert reason.exit_code in EXIT_CODES
        assert reason.meaning.endswith(".")
        assert reason.advice.endswith(".")
        assert with_title(reason.title) is reason
    taken = {"Completed", "Failed", "Crashed", "Cancelling", "Late", "Pending", "Running", "Cached", "Accepted"}
    assert not taken & {reason.title for reason in REASONS.values()}
