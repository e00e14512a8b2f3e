"""What the gate says of one tool."""

import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from agenthands.environments.base import EnvironmentInstaller
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import Evidence
from agenthands.gate.gate import judge, run_checks
from agenthands.sandbox.base import Sandbox
from agenthands.settings import Settings

JUDGE_SECONDS = Settings.model_fields["gate_seconds"].default
# They ask how a tool is written and how well it is tested. All others ask what it does.
NOT_ABOUT_BEHAVIOUR = {"files", "stub", "placebo", "mutation", "hygiene"}
# They take less than all others, and what one of them rejects is rejected whatever the others say.
QUICK = {"files", "conformance", "schema", "tests", "examples", "held_out"}


@dataclass(frozen=True)
class Judging:
    """What a tool is judged with; nothing more is judged once `stopping` is set."""

    installer: EnvironmentInstaller
    sandbox: Sandbox
    stopping: threading.Event = field(default_factory=threading.Event)

    def environment(self, dependencies=()):
        """Return NAT's environment, with what a tool depends on."""
        return self.installer.nat(list(dependencies))


def verdict(judging, spec, folder, wrong=False):
    """Return the gate's verdict on the tool in `folder`. Raises SandboxLost, and InterruptedError when stopping.

    A tool that is known to be `wrong` is judged by the quick checks first, and by all where these accept it: what some
    required checks reject, all of them reject.
    """
    if judging.stopping.is_set():
        raise InterruptedError
    environment = judging.environment(spec.dependencies)
    if wrong:
        quick = [check for check in CHECKS if check.name in QUICK]
        report = run_checks(Evidence(spec, folder, environment, judging.sandbox, JUDGE_SECONDS, {}, quick))
        if not report.accepted:
            return said(report)
    return said(judge(spec, folder, environment, judging.sandbox, JUDGE_SECONDS))


def verdict_on_texts(judging, spec, texts, wrong=False):
    """Return the gate's verdict on a tool whose files are given as texts by their paths. Raises SandboxLost."""
    with tempfile.TemporaryDirectory(prefix="agenthands-bench-") as folder:
        for relative, text in texts.items():
            path = Path(folder) / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return verdict(judging, spec, Path(folder), wrong)


def said(report):
    """Return what a report says, in short: `failed` has the first line of each required check that failed."""
    failed = {check.name: (check.detail.splitlines() or [""])[0][:300] for check in report.failures()}
    passed = [check.name for check in report.checks if check.passed]
    return {
        "accepted": report.accepted,
        "passed": passed,
        "failed": failed,
        "behaves": "examples" in passed and not set(failed) - NOT_ABOUT_BEHAVIOUR,
        "seconds": round(report.seconds, 2),
    }
