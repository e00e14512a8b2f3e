"""What the checks judge by: a tool's files, and what the harness says when it runs them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from agenthands.environments.base import Environment
from agenthands.gate.checks.base import GateCheck
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.gate.harness_client import Answer, Answers, run_harness
from agenthands.gate.harness_jobs import Job
from agenthands.gate.mutation.mutants import Mutant, mutants
from agenthands.gate.mutation.placebos import placebos
from agenthands.gate.mutation.probes import probes
from agenthands.gate.mutation.stubs import hollow, stubs
from agenthands.sandbox.base import Sandbox
from agenthands.schemas import ErrorExample, ResultExample, ToolSpec

MAX_MUTANTS = 40
MAX_PROBES = 150
Example = ResultExample | ErrorExample


@dataclass(frozen=True)
class Judged:
    """A tool's files, with the changed versions of its module by name, each made when it is first asked for."""

    tool: ToolSpec
    texts: Mapping[str, str]

    @property
    def source(self) -> str:
        """The text of the tool's module."""
        return self.texts[tool_path(self.tool.name)]

    @cached_property
    def stubs(self) -> Mapping[str, str]:
        """The module with stubs in the place of the function that NAT calls."""
        return stubs(self.source)

    @cached_property
    def placebos(self) -> Mapping[str, str]:
        """The module written differently, which changes nothing."""
        return placebos(self.source)

    @cached_property
    def hollow(self) -> str:
        """The module with functions that return None."""
        return hollow(self.source)

    @cached_property
    def mutants(self) -> Sequence[Mutant]:
        """The module with a small change each."""
        return mutants(self.source, MAX_MUTANTS, outside=bool(self.tool.worlds))

    @cached_property
    def probes(self) -> Sequence[Mapping[str, Any]]:
        """Arguments that may tell a mutant from the tool."""
        return probes(self.tool, self.source, MAX_PROBES)


@dataclass
class Evidence:
    """What is known of one tool. `texts`, its files by relative path, are there once the check `files` has read them.

    `corrections` are examples that count in the place of the specification's with the same index. `checks` say what
    the harness is to do, which it does when its answers are first asked for; `waited` is how long that took.
    """

    tool: ToolSpec
    workspace: Path
    environment: Environment
    sandbox: Sandbox
    seconds: float
    corrections: Mapping[int, Example]
    checks: Sequence[GateCheck]
    texts: Mapping[str, str] = field(default_factory=dict)
    waited: float = 0.0

    @property
    def source(self) -> str:
        """The text of the tool's module."""
        return self.texts[tool_path(self.tool.name)]

    @property
    def tests(self) -> str:
        """The text of its tests."""
        return self.texts[tests_path(self.tool.name)]

    @cached_property
    def judged(self) -> Judged:
        """The files with what is made from them."""
        return Judged(self.tool, self.texts)

    @cached_property
    def answers(self) -> Answers:
        """What the harness said; it runs now if it has not yet. Raises SandboxLost."""
        started = time.monotonic()
        jobs = [job for check in self.checks for job in check.jobs(self.judged)]
        answers = run_harness(self.tool, self.texts, jobs, self.environment, self.sandbox, self.seconds)
        self.waited += time.monotonic() - started
        return answers

    @property
    def answered(self) -> Mapping[str, Answer]:
        """What the first interpreter has said by now, by job; nothing where the harness has not run."""
        return self.answers.first if self._has_run else {}

    def seconds_of(self, check: GateCheck) -> float:
        """Return how long the jobs of a check took, those included that it shares with others."""
        return sum(self._took(job) for job in check.jobs(self.judged)) if self._has_run else 0.0

    @property
    def _has_run(self) -> bool:
        return "answers" in self.__dict__

    def _took(self, job: Job) -> float:
        answers = self.answers.repeated if job.repeated else self.answers.first
        answer: Mapping[str, Any] = answers.get(job.id, {})
        return float(answer.get("seconds", 0.0))
