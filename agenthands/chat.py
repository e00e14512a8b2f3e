"""A chat with a built agent: installed from the store, loaded in a sandbox, asked by its user, its answers judged."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.evaluation.conversation import AgentAnswer, AgentCall, Conversation, Told, conversation, nobody
from agenthands.evaluation.installed_agent import InstalledAgent, Reach
from agenthands.llm.budget import Budget, BudgetScope, BudgetTracker
from agenthands.packaging.bundle import install_bundle
from agenthands.schemas import BuildOptions, BuildRecord, Tokens
from agenthands.schemas.feedback import Feedback
from agenthands.schemas.request import options_as_built
from agenthands.schemas.test_case import Turn
from agenthands.settings import Settings, load_settings
from agenthands.store.base import Store
from agenthands.store.builds import agent_name, bundle_of, find_build
from agenthands.store.data_paths import data_paths, with_journals
from agenthands.store.feedback import add_feedback, feedback_id
from agenthands.tasks import dependencies

_KNOWS_CALLS = {"tool_calling_agent"}  # the types of agents that NAT gives earlier calls to; others read texts alone
Verdict = Literal["right", "wrong", "case"]


@dataclass(frozen=True)
class ChatTurn:
    """One answer, and what it cost: US dollars, None where a price is unknown, and tokens."""

    question: str
    said: AgentAnswer
    cost_usd: float | None
    tokens: Tokens


class Chat:
    """A chat with one agent; it remembers what was said."""

    def __init__(
        self, record: BuildRecord, talk: Conversation, store: Store, scope: BudgetScope, seconds: float
    ) -> None:
        """Keep what `open_chat` has opened."""
        self.record, self.turns = record, list[ChatTurn]()
        self._talk, self._store, self._scope, self._seconds = talk, store, scope, seconds

    def ask(self, question: str, told: Told = nobody) -> ChatTurn:
        """Return the answer to a question; `told` hears of each call when it begins and when it ends.

        Raises RequestInvalid for an empty question, BudgetReached, SandboxLost.
        """
        if not question.strip():
            raise RequestInvalid("The question is empty.", "Ask something.")
        self._scope.require()
        cost, tokens = self._scope.paid
        said = self._talk.ask(question, self._seconds, told)
        paid, used = self._scope.paid
        turn = ChatTurn(question, said, None if paid is None or cost is None else round(paid - cost, 8), used - tokens)
        self.turns.append(turn)
        return turn

    def judge(self, verdict: Verdict, note: str = "") -> Feedback:
        """Keep what the user says of the last answer, in the store. Raises RequestInvalid if there is none yet."""
        if not self.turns:
            raise RequestInvalid("There is no answer yet.", "Ask first.")
        turn, now = self.turns[-1], time.time()
        before = self._talk.messages if turn.said.error else self._talk.messages[:-2]
        return add_feedback(
            self._store,
            Feedback(
                id=feedback_id(now),
                at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
                agent=agent_name(self.record),
                build_id=self.record.build_id,
                verdict=verdict,
                note=note,
                history=[Turn.model_validate(message) for message in before],
                question=turn.question,
                answer=turn.said.answer,
                calls=[call.model_dump(mode="json") for call in turn.said.calls],
            ),
        )


@contextmanager
def open_chat(
    build: str,
    given: BuildOptions,
    found: Callable[[BuildRecord], object] = lambda _: None,
    hosts: Sequence[str] = (),
) -> Iterator[Chat]:
    """Install the agent of a build, load it, and yield a chat; `found` hears of the build first.

    `build` is an id or an agent's name. What `given` leaves out is as the build was asked for, then as the settings
    say; its tools reach `hosts` beside those of the settings. Variables of MCP servers, and paths of what its tools
    read, come from the environment of this process; other paths are those of the data for which it was built, and are
    seen read-only. Raises StoreNotUsable where there is no such build or it has no agent, RequestInvalid where the data
    that it reads have gone, AgentNotLoaded, ModelNotUsable, and what installing may raise.
    """
    place = dependencies.store_for(load_settings(given))
    record = find_build(place, build)
    found(record)
    settings = load_settings(options_as_built(record.request, given))
    settings = settings.model_copy(update={"egress": (*settings.egress, *hosts)})
    if record.plan is None:
        raise StoreNotUsable(f"The build {record.build_id} has no agent.", "Choose a build that `list` calls accepted.")
    tells_calls = record.plan.entry_agent.type in _KNOWS_CALLS
    scope = BudgetTracker(Budget(settings.budget, None, settings.budget_tokens)).scope("chat")
    home = settings.home / "work"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chat-", dir=home) as scratch:
        folder = Path(scratch)
        agent = installed(record, place, settings, folder)
        opened = dependencies.network_for(settings, agent.tools, folder) if settings.egress else nullcontext()
        with (
            dependencies.gateway_for(settings).open(folder / "model.sock", scope) as gateway,
            opened as network,
            conversation(
                agent, dependencies.sandbox_for(settings), Reach.through(gateway, network), tells_calls
            ) as talk,
        ):
            yield Chat(record, talk, place, scope, settings.case_seconds)


def installed(record: BuildRecord, store: Store, settings: Settings, folder: Path) -> InstalledAgent:
    assert record.plan
    known = dependencies.catalogue_for(settings)
    wanted = [server.id for server in record.plan.mcp_servers]
    if missing := [name for name in wanted if name not in known]:
        raise StoreNotUsable(
            f"The catalogue has no server {', '.join(missing)}, which the agent uses.",
            "Name the catalogue with which it was built: AGENTHANDS_CATALOGUE.",
        )
    entries = [known[name] for name in wanted]
    bundle = bundle_of(store, record)
    agent = install_bundle(bundle, record.plan, entries, dependencies.installer_for(settings), folder)
    own = {each.name for entry in entries for each in entry.variables}
    given = {name: os.environ[name] for name in own if os.environ.get(name)}
    paths = data_paths(record, os.environ, required=True)
    seen = [file for path in paths.values() for file in with_journals(Path(path))]
    return replace(agent, variables={**agent.variables, **given, **paths}, read_only=seen)


__all__ = ["AgentAnswer", "AgentCall", "Chat", "ChatTurn", "open_chat"]
