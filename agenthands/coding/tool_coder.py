"""Takes one tool through coder and gate: its workspace, the messages to the coder, and the outcome."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateError

from agenthands._util.formatting import count
from agenthands.coding.arbitration import Arbitration, Example, contradicted
from agenthands.coding.base import Coder, CodingTask
from agenthands.environments.base import Environment
from agenthands.errors import SettingsInvalid
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.gate.checks.test_suite import MIN_TESTS
from agenthands.gate.harness import preparation_source
from agenthands.llm.budget import BudgetScope
from agenthands.llm.prompts import render, render_text
from agenthands.reasons import REASONS, as_part
from agenthands.sandbox.base import Command, Limits, Preparation, Sandbox
from agenthands.sandbox.preload.agenthands_lazy_imports import ONLY_NAMED
from agenthands.sandbox.preload.agenthands_pytest import STARTED_WITH
from agenthands.schemas import CodingResult, GateReport, Tokens, ToolOutcome, add_costs
from agenthands.store.workdirs import ToolWorkspace
from agenthands.world.staging import staged

_PYTHONPATH = Path(__file__).parents[1] / "sandbox" / "preload"
_TWICE = {status: status for status in ("stuck", "refused", "out_of_steps", "out_of_time")} | {"error": "turn_failed"}
BUDGET = "tool_budget_reached"
_OF_A_TURN = {"content_filtered", "context_exceeded"}


@dataclass(frozen=True)
class CodingLimits:
    """Limits of one turn of a coding agent, and the number of attempts."""

    seconds: float
    steps: int
    attempts: int
    scope: BudgetScope
    system_prompt: str
    """The template of the system prompt."""


@dataclass(frozen=True)
class Feedback:
    """Why the previous attempt was not accepted."""

    coding: CodingResult
    report: GateReport


def system_prompt(template: str, steps: int) -> str:
    """Return the coder's system prompt. Raises SettingsInvalid if the template cannot be rendered."""
    try:
        return render_text(template, max_steps=steps, min_tests=MIN_TESTS)
    except TemplateError as error:
        raise SettingsInvalid(
            f"[agent] system_prompt_filename: the template cannot be filled in: {error}.",
            "It may use max_steps and min_tests; prompts/generate/system.md.j2 is the one that ships.",
        ) from None


def generate_tool(
    work: ToolWorkspace, attempt: int, rejection: Feedback | None, coder: Coder, sandbox: Sandbox, limits: CodingLimits
) -> CodingResult:
    """Let `coder` write or repair one tool in its workspace, with a shell in `sandbox`.

    Shell and tests are in the recorded worlds of the examples that the coder sees. The first message contains the
    specification without its hidden examples, a later one the gate's report.
    """
    workspace, tool = work.workspace, work.tool
    if rejection is None:
        spec = write_specification(work)
        message = render("generate/task.md.j2", tool=tool, workspace=str(workspace), spec=spec)
    else:
        message = render(
            "repair/feedback.md.j2",
            tool=tool.name,
            report=rejection.report,
            **_what_the_coder_may_know(rejection.report),
            coding=rejection.coding,
            attempt=attempt - 1,
            max_attempts=limits.attempts,
        )
    command = shell_command(workspace, work.environment, tool.dependencies)
    with (
        tempfile.TemporaryDirectory(prefix="agenthands-world-") as scratch,
        staged(tool.visible(), Path(scratch) / "world") as stage,
    ):
        return coder.work(
            CodingTask(
                build_id=work.build.build_id,
                tool=tool.name,
                attempt=attempt,
                system_prompt=system_prompt(limits.system_prompt, limits.steps),
                message=message,
                workspace=workspace,
                conversation=work.conversation,
                shell=sandbox.shell(stage.around_shell(command) if stage else command, work.shell),
                seconds=limits.seconds,
                steps=limits.steps,
                scope=limits.scope,
                stand_in=work.stand_in,
            )
        )


def write_specification(work: ToolWorkspace, corrections: Mapping[int, Example] | None = None) -> str:
    """Write spec.json without the hidden examples and with `corrections` of the others, and return its text."""
    workspace = work.workspace
    spec = json.dumps(work.tool.visible(corrections).model_dump(mode="json"), indent=2, ensure_ascii=False)
    for name in ("nat_tools", "tests"):
        (workspace / name).mkdir(parents=True, exist_ok=True)
    file = workspace / "spec.json"
    # The coder may have put anything there, and we must not write through a pipe or a link: "x" creates a new file.
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)
    with file.open("x", encoding="utf-8") as new:
        new.write(spec + "\n")
    return spec


def _what_the_coder_may_know(report: GateReport) -> dict[str, list[dict[str, str]]]:
    """Return the rulings on visible examples: the corrected ones, and those that the tool still gets wrong.

    A reason is included only if there was no ruling on a hidden example, because it may reveal that one.
    """
    still = {each.index for each in contradicted(report)}
    told = not any(ruling.held_out for ruling in report.rulings)
    visible = [ruling for ruling in report.rulings if not ruling.held_out]
    return {
        "corrected": [{"arguments": json.dumps(ruling.specified.arguments)} for ruling in visible if ruling.corrected],
        "confirmed": [
            {"arguments": json.dumps(ruling.specified.arguments), "reason": ruling.reason if told else ""}
            for ruling in visible
            if ruling.wrong == "tool" and ruling.example in still
        ],
    }


def no_progress(turns: Sequence[tuple[CodingResult, GateReport]], written: bool) -> str:
    """Return the code of why a further attempt after these cannot be expected to help; empty where it may.

    `written` says whether the tool and its tests are there now.
    """
    if len(turns) < 2:
        return ""
    (before, earlier), (after, later) = turns[-2:]
    if before.status == after.status and (twice := _TWICE.get(after.status)):
        return twice
    if _failure(earlier) == _failure(later):
        return "no_progress" if written else "no_files"
    return ""


def is_written(work: ToolWorkspace) -> bool:
    """Return whether the coder has written both files of the tool, whatever is in them."""
    name = work.tool.name
    return all((work.workspace / relative).is_file() for relative in (tool_path(name), tests_path(name)))


def _failure(report: GateReport) -> list[tuple[str, str]]:
    return [(check.name, check.detail) for check in report.failures()]


def outcome_of(
    work: ToolWorkspace,
    turns: Sequence[tuple[CodingResult, GateReport]],
    arbitration: Arbitration | None = None,
    stopped: str = "",
    budget: str = "",
) -> ToolOutcome:
    """Return the outcome of all attempts at one tool, with the cost of the ruling; the last report decides.

    `stopped` is the code of why there was no further attempt, where it was not for their number; `budget` names the
    budget that was used up, as part of a sentence.
    """
    report = turns[-1][1]
    asked: list[CodingResult | Arbitration] = [coding for coding, _ in turns]
    asked += [arbitration] if arbitration else []
    failed = ", ".join(check.name for check in report.failures())
    last, said = turns[-1][0], budget or (as_part(REASONS[stopped].meaning) if stopped else "")
    tries, why = count(len(turns), "attempt"), f"; {said}" if said else ""
    why += f"; the last turn: {last.reason}" if last.reason and last.reason.casefold() != said.casefold() else ""
    return ToolOutcome(
        name=work.tool.name,
        build_id=work.build.build_id,
        status="accepted" if report.accepted else "rejected",
        attempts=len(turns),
        gate=report,
        reason="" if report.accepted else f"the gate's checks {failed} did not pass in {tries}{why}",
        reason_code="" if report.accepted else _why(last, stopped),
        cost_usd=add_costs(*(each.cost_usd for each in asked)),
        tokens=sum((each.tokens for each in asked), Tokens()),
        seconds=round(sum(coding.seconds + gate.seconds for coding, gate in turns), 3),
    )


def _why(last: CodingResult, stopped: str) -> str:
    """Return the code of why a tool was given up: what a person can change decides, not what came last."""
    if stopped == BUDGET or last.status == "out_of_budget":
        return BUDGET
    return last.reason_code if last.reason_code in _OF_A_TURN else stopped or "attempts_used_up"


def shell_command(workspace: Path, environment: Environment, dependencies: Sequence[str]) -> Command:
    """Return the command of a coder's shell; a tool without own `dependencies` gets the pytest server beside it."""
    # a tool's dependencies may themselves use the packages that the plug-in loads lazily
    ours = [] if dependencies else [_PYTHONPATH]
    server = f"import sys; sys.path.insert(0, {str(_PYTHONPATH)!r}); import agenthands_pytest as p; del sys.path[0]"
    return Command(
        argv=[str(environment.python), "-P", "-c", f"{server}; p.serve()"],
        workspace=workspace,
        read_only=[environment.path, *ours],
        variables={
            "PATH": f"{environment.path}/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join(str(path) for path in (workspace, *ours)),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p no:cacheprovider" + (" -p agenthands_lazy_imports" if ours else ""),
            **STARTED_WITH,
        },
        prepared=Preparation(preparation_source(ONLY_NAMED, []), STARTED_WITH) if ours else None,
        limits=Limits(),
    )
