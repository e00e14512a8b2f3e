"""Why a test case failed, by what is known of it: for acceptance, and for records that say no reason."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands.schemas import CaseResult, CheckResult


def why_failed(error: str, answer: str, checks: Sequence[CheckResult]) -> str:
    """Return the code of why a case failed that had this error, gave this answer, or did not pass these checks."""
    kinds = {check.kind for check in checks if not check.passed}
    if error:
        return "agent_failed"
    if not answer.strip():
        return "no_answer"
    if "tool_called" in kinds:
        return "tool_not_called"
    return "check_failed" if kinds else "judged_wrong"


def reason_of(case: CaseResult) -> str:
    """Return the code of why a case failed; one of an old build is worked out."""
    return case.reason_code or why_failed(case.error, case.answer, case.checks)
