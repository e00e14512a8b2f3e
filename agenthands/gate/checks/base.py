"""What a check of the gate is: its words, what it needs, and how it judges a tool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from agenthands.gate.harness_jobs import Job
from agenthands.schemas import Check, ToolSpec

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged


@dataclass(frozen=True)
class Finding:
    """What a check found. `detail` is written for the coding agent that must repair the tool.

    `more` are further fields of this check in the gate report, `report` are fields of the gate report itself.
    """

    passed: bool
    detail: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)


class GateCheck(ABC):
    """One thing that the gate checks. A module in this folder that defines one adds it to the gate.

    A check that is not `required` is a warning: every report shows it, and no tool is rejected for it.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    """Its place in a report; checks run in this order."""
    headline: ClassVar[bool] = False
    """Whether README's table shows it, too; that of docs/gate.md shows all."""
    summary: ClassVar[str]
    """What holds for a tool that passes, as a sentence without its first capital and its full stop."""
    fix: ClassVar[str]
    """What someone who wrote a tool does when it fails."""
    remedy: ClassVar[str]
    """What someone whose build was rejected does when it fails."""
    change: ClassVar[str] = ""
    """What to change in the request or the options, as part of a sentence; empty where that depends on the tool."""
    required: ClassVar[bool] = True
    version: ClassVar[int] = 3
    """One more than the gate's, where tools that were accepted before may now be rejected: they are judged anew."""
    after: ClassVar[Sequence[str]] = ("files",)
    """Names of the checks that must have passed; otherwise this one is left out."""
    needs: ClassVar[Sequence[str]] = ()
    """Ids of the jobs that the harness must have done; otherwise this check is left out."""

    def applies(self, tool: ToolSpec) -> bool:  # noqa: ARG002
        """Return whether there is anything to check in this tool."""
        return True

    def jobs(self, judged: Judged) -> Sequence[Job]:  # noqa: ARG002
        """Return the jobs by whose answers this check judges; one that several checks ask for is done once."""
        return ()

    @abstractmethod
    def run(self, evidence: Evidence) -> Finding:
        """Judge the tool. Raises SandboxLost."""

    def advice(self, found: Check, planned: ToolSpec | None) -> str:  # noqa: ARG002
        """Return what to change in the request or the options: `change`, or what fits what was found.

        `found` is this check in the report of a rejected tool, `planned` its specification. Empty where `found` does
        not say enough.
        """
        return self.change

    @property
    def sentence(self) -> str:
        """The summary as a sentence of its own."""
        return f"{self.summary[0].upper()}{self.summary[1:]}."


MORE_ATTEMPTS = (
    "The coder did not repair it in time: give more attempts (--max-attempts) or a stronger model (--coder)."
)
"""The remedy of checks that a better coder passes."""
UNCLEAR_SPECIFICATION = (
    "The tool and its specification disagree. Say in the request, with numbers, what such a call must give; "
    "where the tool is right, the planner misunderstood it."
)
"""The remedy of checks that compare the tool with what was specified."""
STRONGER_CODER = "choose a stronger model for writing tools with `--coder`"
"""The part of an advice that nearly always helps."""


def weak_tests(name: str) -> str:
    """Return the advice of a check that judges the coder's own tests."""
    return (
        f"its own tests are not good enough ({name}), so {STRONGER_CODER}, or give more attempts with `--max-attempts`"
    )
