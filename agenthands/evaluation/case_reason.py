"""Why a test case failed, by what is known of it: for acceptance, and for records that say no reason."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands.evaluation.case_checks import code_of
from agenthands.reasons import REASONS
from agenthands.schemas import CaseResult, CheckResult


def why_failed(error: str, answer: str, checks: Sequence[CheckResult]) -> str:
    """Return the code of why a case failed that had this error, gave this answer, or did not pass these checks."""
    missed = [check.model_dump() for check in checks if not check.passed]
    if error:
        return "agent_failed"
    if not answer.strip():
        return "no_answer"
    return code_of(missed) if missed else "judged_wrong"


def reason_of(case: CaseResult) -> str:
    """Return the code of why a case failed; that of an older or newer version's record is worked out."""
    known = case.reason_code in REASONS
    return case.reason_code if known else why_failed(case.error, case.answer, case.checks)
