"""Tries a built agent in the real world: its test cases with real hosts and files, compared with its worlds."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from agenthands._util.formatting import count
from agenthands.chat import installed
from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.evaluation.agent_world import place_variable
from agenthands.evaluation.case_checks import failed_tools
from agenthands.evaluation.conversation import Conversation, conversation
from agenthands.evaluation.installed_agent import InstalledAgent, Reach
from agenthands.llm.budget import Budget, BudgetScope, BudgetTracker
from agenthands.outside.comparison import Finding, RealRequest, compare
from agenthands.outside.keys import Key, keys_of
from agenthands.outside.network import Network, network
from agenthands.outside.personal_data import PersonalData
from agenthands.outside.places import compare_place
from agenthands.outside.recorder import Recorder
from agenthands.outside.recording import Recording, exchanges_of, write_recording
from agenthands.outside.rights import HostRight, rights_of
from agenthands.sandbox.egress_rules import EgressRule
from agenthands.schemas import BuildOptions, BuildRecord, TestCase, World
from agenthands.schemas.part import Part
from agenthands.schemas.request import options_as_built
from agenthands.schemas.world import MOST_EXCHANGES
from agenthands.settings import Settings, load_settings
from agenthands.store.builds import agent_name, find_build
from agenthands.store.data_paths import data_paths
from agenthands.tasks import dependencies

_MOST_COPIED = 256 * 1024**2
RealityVerdict = Literal["as_recorded", "differs", "not_reached", "not_comparable", "nothing_asked"]


class TriedCase(Part):
    """A test case that was asked in the real world; `failed_tools` are those whose last call failed."""

    id: str
    query: str
    answer: str
    error: str
    failed_tools: list[str] = Field(default_factory=list)
    requests: list[RealRequest] = Field(default_factory=list)
    seconds: float


class RealPlace(Part):
    """A file, folder or database of the user, and in what it differs from what worlds record."""

    variable: str
    findings: list[Finding] = Field(default_factory=list)


class Reality(Part):
    """What came of trying an agent. `recording` is the file with the exchanges, empty where there were none."""

    agent: str
    build_id: str
    at: str
    verdict: RealityVerdict
    said: str = Field(description="The verdict in a sentence")
    cases: list[TriedCase]
    places: list[RealPlace] = Field(default_factory=list)
    recording: str = ""
    cost_usd: float | None = None

    @property
    def exit_code(self) -> int:
        """0 where nothing was wrong, 3 where no host was reached, else 1."""
        if self.verdict == "not_reached":
            return 3
        answered = all(not case.error for case in self.cases)
        return 0 if answered and self.verdict in ("as_recorded", "nothing_asked") else 1


@dataclass(frozen=True)
class Place:
    """A file, folder or database of the user; `path` is None where its variable is not set or leads nowhere."""

    variable: str
    path: Path | None
    changes: bool


@dataclass(frozen=True)
class Reaching:
    """What a try reaches, for the user to agree to: hosts with methods and keys, files, and what is not set."""

    agent: str
    cases: int
    rights: Sequence[HostRight]
    places: Sequence[Place]
    unset: Sequence[str]
    further_hosts: Sequence[str] = ()


@dataclass(frozen=True)
class Trying:
    """How to try: whether what changes something may be asked, the file for the exchanges, and who hears of cases."""

    allow_writes: bool = False
    file: Path | None = None
    told: Callable[[TriedCase], object] = field(default=lambda _: None)


def try_agent(build: str, given: BuildOptions, how: Trying, agreed: Callable[[Reaching], object]) -> Reality:
    """Ask an agent its test cases in the real world, and compare what hosts answer with what its worlds record.

    `agreed` hears of all that will be reached, before anything is, and raises what ends it. Keys and paths come from
    the environment of this process; keys stay outside of the sandbox, files are read only, or copied where a tool
    changes them. Raises StoreNotUsable, RequestInvalid, and what a chat may raise.
    """
    place = dependencies.store_for(load_settings(given))
    record = find_build(place, build)
    settings = load_settings(options_as_built(record.request, given))
    if record.plan is None:
        raise StoreNotUsable(f"The build {record.build_id} has no agent.", "Choose a build that `list` calls accepted.")
    tools = record.plan.custom_tools
    names = list(dict.fromkeys(name for tool in tools for name in tool.effects.secrets))
    keys: Sequence[Key] = keys_of(names, os.environ)
    rights = rights_of(tools, keys, lambda _: True, how.allow_writes)
    places = _places(record)
    there = {key.name for key in keys} | {each.variable for each in places if each.path}
    unset = [name for name in [*names, *(each.variable for each in places)] if name not in there]
    declared = {right.host for right in rights}
    further = [rule for rule in settings.egress if EgressRule.parse(rule).name not in declared]
    agreed(Reaching(agent_name(record), len(record.plan.test_cases), rights, places, unset, further))
    scope = BudgetTracker(Budget(settings.budget, None, settings.budget_tokens)).scope("chat")
    home = settings.home / "work"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="try-", dir=home) as scratch:
        agent = _with_copies(installed(record, place, settings, Path(scratch)), places)
        with network(settings.egress, rights, Path(scratch)) as opened:
            cases, recorder = _asked(agent, record, settings, opened, scope, how)
    return _reality(record, cases, recorder, settings, how, scope)


def _places(record: BuildRecord) -> list[Place]:
    """Return the files, folders and databases: what is read as a chat finds it, what is changed from the variables."""
    assert record.plan
    read = data_paths(record, os.environ, required=False)
    found = []
    for tool in record.plan.custom_tools:
        for name, effect in tool.effects.places():
            variable = place_variable(tool.name, name)
            given = os.environ.get(variable, "") if effect.access == "write" else read.get(variable, "")
            path = Path(given).expanduser().absolute() if given else None
            found.append(Place(variable, path if path and path.exists() else None, effect.access == "write"))
    return found


def _with_copies(agent: InstalledAgent, places: Sequence[Place]) -> InstalledAgent:
    """Return the agent with copies of what its tools change. Raises RequestInvalid for one that is too large."""
    variables = {}
    for place in places:
        if place.path and place.changes:
            path = place.path.resolve()
            copy = agent.workspace / "files" / place.variable.lower() / path.name
            _copied(path, copy)
            variables[place.variable] = str(copy)
    return replace(agent, variables={**agent.variables, **variables})


def _copied(path: Path, copy: Path) -> None:
    size = (
        sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) if path.is_dir() else path.stat().st_size
    )
    if size > _MOST_COPIED:
        raise RequestInvalid(
            f"{path} has {size:,} bytes, and its tool changes it: at most {_MOST_COPIED:,} are copied.",
            "Name a smaller one.",
        )
    copy.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, copy, symlinks=True)
    else:
        shutil.copyfile(path, copy)


def _asked(
    agent: InstalledAgent, record: BuildRecord, settings: Settings, opened: Network, scope: BudgetScope, how: Trying
) -> tuple[list[TriedCase], Recorder]:
    """Ask every test case, one after the other, so that each request belongs to one of them."""
    assert record.plan
    recorder = opened.outside.gateway.recorder if opened.outside else Recorder()
    people, cases = PersonalData(), []
    with (
        dependencies.gateway_for(settings).open(agent.workspace / "model.sock", scope) as gateway,
        conversation(agent, dependencies.sandbox_for(settings), Reach.through(gateway, opened)) as talk,
    ):
        for case in record.plan.test_cases:
            scope.require()
            before = recorder.count
            tried = _tried(case, talk, settings.case_seconds)
            requests = [compare(met, record.plan.custom_tools, case.world, people) for met in recorder.since(before)]
            cases.append(tried.model_copy(update={"requests": requests}))
            how.told(cases[-1])
    return cases, recorder


def _tried(case: TestCase, talk: Conversation, seconds: float) -> TriedCase:
    talk.messages = case.messages()[:-1]
    said = talk.ask(case.query, seconds)
    calls = [{"refused": False, "exception": "", **call.model_dump(mode="json")} for call in said.calls]
    return TriedCase(
        id=case.id, query=case.query, answer=said.answer, error=said.error, failed_tools=failed_tools(calls),
        seconds=said.seconds,
    )  # fmt: skip


def _reality(
    record: BuildRecord, cases: list[TriedCase], recorder: Recorder, settings: Settings, how: Trying, scope: BudgetScope
) -> Reality:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    exchanges, left_out = exchanges_of(recorder.since(0), PersonalData())
    if recorder.left_out:
        left_out.append(f"{recorder.left_out} further requests")
    written = ""
    if exchanges or how.file:
        file = how.file or settings.home / "recordings" / f"{agent_name(record)}-{now.replace(':', '')}.json"
        world = World(http=exchanges[:MOST_EXCHANGES])
        kept = Recording(
            agent=agent_name(record), build_id=record.build_id, at=now, left_out=left_out[:200], world=world
        )
        write_recording(kept, file.absolute())
        written = str(file.absolute())
    compared = _compared(record)
    verdict, said = verdict_of([each for case in cases for each in case.requests], compared)
    cost, _ = scope.paid
    return Reality(
        agent=agent_name(record), build_id=record.build_id, at=now, verdict=verdict, said=said, cases=cases,
        places=compared, recording=written, cost_usd=cost,
    )  # fmt: skip


def _compared(record: BuildRecord) -> list[RealPlace]:
    assert record.plan
    named = [(tool, name) for tool in record.plan.custom_tools for name, _ in tool.effects.places()]
    there = {each.variable: each.path for each in _places(record)}
    variables = [(tool, name, place_variable(tool.name, name)) for tool, name in named]
    return [
        RealPlace(variable=variable, findings=compare_place(tool, name, path))
        for tool, name, variable in variables
        if (path := there.get(variable))
    ]


def verdict_of(requests: Sequence[RealRequest], places: Sequence[RealPlace] = ()) -> tuple[RealityVerdict, str]:
    """Return what all requests and files together say of the worlds, as a code and as a sentence."""
    if odd := sum(finding.wrong for place in places for finding in place.findings):
        return "differs", f"The recorded files were wrong in {count(odd, 'place')}." + _of_requests(requests)
    if places and not requests:
        return "as_recorded", "Files and databases have the columns and tables that were recorded."
    return _verdict_of(requests)


def _of_requests(requests: Sequence[RealRequest]) -> str:
    return f" {_verdict_of(requests)[1]}" if requests else ""


def _verdict_of(requests: Sequence[RealRequest]) -> tuple[RealityVerdict, str]:
    if not requests:
        return "nothing_asked", "No declared host was asked, so nothing is said of recorded answers."
    wrong = [each for each in requests if any(finding.wrong for finding in each.findings)]
    fitting = [each for each in requests if each.outcome == "as_recorded"]
    compared = len({(each.method, each.url) for each in [*wrong, *fitting]})
    unknown = len({(each.method, each.url) for each in requests if each.outcome == "not_recorded"})
    beside = f" {count(unknown, 'request')} no world records." if unknown else ""
    if wrong:
        places = {
            (each.method, each.url.partition("?")[0], f.code, f.place)
            for each in wrong
            for f in each.findings
            if f.wrong
        }
        of = count(compared, "answer")
        return "differs", f"Recorded worlds were wrong in {count(len(places), 'place')} of {of}.{beside}"
    if fitting:
        new = any(each.findings for each in fitting)
        more = " Hosts also answer fields that are not recorded." if new else ""
        return "as_recorded", f"{count(compared, 'answer')} of real hosts: as recorded.{more}{beside}"
    if all(each.status == 0 for each in requests):
        return "not_reached", "No request was answered by a real host, so nothing is said of recorded answers."
    return "not_comparable", "Hosts answered, and no answer could be compared with a recorded one."


__all__ = ["Place", "Reaching", "RealPlace", "Reality", "TriedCase", "Trying", "try_agent", "verdict_of"]
