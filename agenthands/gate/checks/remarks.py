"""The check `remarks`: what a reader may want to look at. It rejects no tool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.checks.hygiene import remarks
from agenthands.gate.checks.lint import Remark

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence

_MOST = 20


class Remarks(GateCheck):
    """Style, guesses of bandit's rules, and findings that the code itself explains away."""

    name = "remarks"
    order = 115
    required = False
    summary = "ruff, with bandit's rules, has nothing to remark about style, and no finding was explained away"
    fix = "Nothing has to change. Read them once: guesses from texts and names are often wrong, and sometimes right."
    remedy = "This rejects no tool."

    def run(self, evidence: Evidence) -> Finding:
        """Show what is no reason to reject the tool."""
        return remarks_finding([each for each in remarks(evidence.tool, evidence.texts) if not each.required])


def remarks_finding(found: Sequence[Remark]) -> Finding:
    """Return the remarks as a finding: passed where there are none."""
    if not found:
        return Finding(True, "No remarks.")
    said = [f"{each.text} (The code says: {each.reason})" if each.reason else each.text for each in found]
    more = [f"And {len(said) - _MOST} more."] if len(said) > _MOST else []
    return Finding(False, "\n".join([*said[:_MOST], *more]))
