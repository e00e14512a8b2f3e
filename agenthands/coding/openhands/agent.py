"""The Coder port on the OpenHands SDK: the agent loop and the key stay in this process, its shell is in a sandbox.

Pitfalls of the SDK that shape this file: one LLM and one Agent object per conversation (sharing mixes metrics and
workspaces); `run()` raises for model errors only, so limits are read from the state; FINISHED proves nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from agenthands._util.atomic_files import write_atomic
from agenthands._util.fast_import import fast_import
from agenthands.coding.base import CodingTask
from agenthands.coding.openhands.stop_reason import OUT_OF_TIME, Ending, Silence, described, ended_by, ending
from agenthands.coding.openhands.usage import Prices, Spent, UsageMeter, spent
from agenthands.errors import AgentHandsError
from agenthands.events import ToolProgress, ToolState, emit
from agenthands.llm.adaptation import refused_options
from agenthands.llm.call_options import (
    Wanted,
    context_window,
    room,
    room_for_thoughts,
    route,
    temperature,
    traits,
)
from agenthands.llm.error_mapping import to_agenthands_error
from agenthands.llm.litellm_setup import ProviderWords, load_litellm, provider_words
from agenthands.llm.prices import known_to_litellm, price_per_token
from agenthands.llm.settings import ModelSettings
from agenthands.schemas import CodingResult, Tokens

_TURN = "turn.json"
_LEAST_WINDOW = 16_384  # the SDK takes no smaller one
_import_lock = threading.Lock()


class OpenHandsCoder:
    """Runs coding agents in threads of this process; each `work` opens and closes its tool's conversation."""

    def __init__(self, settings: ModelSettings, home: Path) -> None:
        """Keep the model's settings; the SDK (7 s) is imported by the first `work`."""
        self._settings = settings
        self._home = home

    def work(self, task: CodingTask) -> CodingResult:
        """Run one turn. Raises the errors of the port."""
        task.scope.require()
        load_openhands(self._home)
        from openhands.sdk.conversation.exceptions import ConversationRunError

        started = time.monotonic()
        with provider_words() as words:
            turn = self._reopened(task, words)
            ended: Ending | None = None
            with turn.open_for(task):
                try:
                    before = _begun(turn, task)
                    with task.scope.tracker.watched(turn.stop_soon):
                        turn.conversation.run()
                except ConversationRunError as error:
                    ended = _ended_by(error, turn, task)
        if ended is None:
            ended = ending(turn.conversation, self._settings.model, turn.silence, task.scope.exhausted())
        parts = spent(turn.conversation).since(before)
        return CodingResult(
            status=ended.status,
            reason=ended.reason,
            reason_code=ended.code,
            cost_usd=turn.prices.total(parts),
            tokens=sum((part.tokens for part in parts.values()), Tokens()),
            seconds=round(time.monotonic() - started, 3),
            steps=sum(part.calls for part in parts.values()),
        )

    def _reopened(self, task: CodingTask, words: ProviderWords) -> _Turn:
        """Open the conversation, or a new one if this version of the SDK cannot read it; the workspace stays."""
        try:
            opened = self._open(task, words)
            list(opened.conversation.state.events)
        except (ValueError, KeyError, OSError):
            shutil.rmtree(task.conversation, ignore_errors=True)
            opened = self._open(task, words)
        return opened

    def _open(self, task: CodingTask, words: ProviderWords) -> _Turn:
        from openhands.sdk import Agent, LLMSummarizingCondenser, LocalConversation, Tool
        from openhands.tools.terminal import TerminalTool

        from agenthands.coding.openhands.file_editor import CONFINED_EDITOR, RedactedFiles

        prices, stopped, silence = Prices(self._settings), threading.Event(), Silence(words)
        payer = UsageMeter(task, prices)
        terminal = {"terminal_type": "subprocess", "shell_path": str(task.shell.path)}
        agent = Agent(
            llm=self._llm(f"coder-{task.tool}", stopped, payer),
            tools=[Tool(name=TerminalTool.name, params=terminal), Tool(name=CONFINED_EDITOR)],
            system_prompt=task.system_prompt,
            condenser=LLMSummarizingCondenser(
                llm=self._llm(f"summary-{task.tool}", stopped, payer), hard_context_reset_max_retries=2
            ),
        )
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"agenthands:{task.tool}")
        conversation = LocalConversation(
            agent=agent,
            workspace=str(task.workspace),
            persistence_dir=str(task.conversation),
            file_store=RedactedFiles(str(task.conversation / identity.hex)),
            conversation_id=identity,
            callbacks=[silence, payer, _Reporter(task)],
            visualizer=None,
            max_iteration_per_run=task.steps,
            stuck_detection=True,
        )
        turn = _Turn(conversation, payer, prices, silence, stopped)
        payer.stop = turn.stop
        return turn

    def _llm(self, usage: str, stopped: threading.Event, payer: UsageMeter) -> Any:
        """Return an LLM of the SDK that retries and falls back like every other model of ours."""
        from agenthands.coding.openhands.retry import RetryStrategy

        fallback = self._settings.fallback
        llm = _plain_llm(usage, self._settings)
        stand_in = _plain_llm(f"{usage}-fallback", fallback) if fallback else None
        RetryStrategy().guard(llm, stand_in, self._settings, stopped, payer)
        return llm


@dataclass(frozen=True)
class _Turn:
    """An open conversation, and the objects that watch it."""

    conversation: Any
    payer: UsageMeter
    prices: Prices
    silence: Silence
    stopped: threading.Event

    @contextlib.contextmanager
    def open_for(self, task: CodingTask) -> Iterator[None]:
        """End the turn at its time limit; on exit, charge its cost and close everything, even after an exception."""
        timer = threading.Timer(task.seconds, self.stop)
        timer.daemon = True
        with contextlib.ExitStack() as end:
            end.callback(self.conversation.close)
            end.callback(task.shell.close)  # first: the SDK waits 2 s for a shell that restarts after `exit`
            end.callback(self.payer.charge)
            end.callback(timer.cancel)
            timer.start()
            yield

    def stop(self) -> None:
        """End the turn after its current step, without retries of failed calls."""
        self.stopped.set()
        self.conversation.pause()

    def stop_soon(self) -> None:
        """Do the same without waiting for the step, which holds the conversation's lock.

        The turn that uses up the budget calls this while it holds its own lock: two such turns would deadlock.
        """
        threading.Thread(target=self.stop, name="budget-reached", daemon=True).start()


def coder_wanted(settings: ModelSettings) -> Wanted:
    """Return what the settings want of a coder's calls: a model that can think thinks hard, unless they say otherwise.

    Writing tools decides whether a build succeeds, and costs less than a further attempt.
    """
    wanted = settings.wanted
    if wanted.reasoning_effort is None and traits(wanted.model).thinks:
        return replace(wanted, reasoning_effort="high")
    return wanted


def _plain_llm(usage: str, settings: ModelSettings) -> Any:
    from openhands.sdk import LLM

    wanted = coder_wanted(settings)
    options: dict[str, Any] = {
        "api_key": SecretStr(settings.api_key.get_secret_value()) if settings.api_key else None,
        "base_url": settings.api_base,
        "temperature": temperature(wanted),
        "max_output_tokens": room(wanted),
    }
    if not known_to_litellm(settings) and (price := price_per_token(settings)):
        options |= {"input_cost_per_token": price[0], "output_cost_per_token": price[1]}
    if settings.provider in ("gemini", "vertex_ai") and settings.safety_settings:
        options["litellm_extra_body"] = {"safetySettings": [dict(each) for each in settings.safety_settings]}
    refused = refused_options(settings)  # by the planner's calls, if both have the same model
    if "max_tokens" in refused:
        del options["max_output_tokens"]
    if window := context_window(wanted):
        # It summarizes a conversation before that gets longer; Ollama would forget the beginning, and say nothing.
        options["max_input_tokens"] = max(window - room(wanted), _LEAST_WINDOW)
        # The SDK has no field for it, and its body replaces litellm's options.
        ollama = {"num_ctx": window, "num_predict": room(wanted), "temperature": temperature(wanted)}
        options["litellm_extra_body"] = {"options": {key: each for key, each in ollama.items() if each is not None}}
    return LLM(
        usage_id=usage,
        model=route(settings.model),
        # The SDK's own default is "high", for models that do not think, too.
        reasoning_effort=None if "reasoning_effort" in refused else wanted.reasoning_effort,
        extended_thinking_budget=room_for_thoughts(wanted) or None,
        num_retries=1,  # the number of tries: `retry` decides on more
        timeout=int(settings.timeout),
        **{key: value for key, value in options.items() if value is not None},
    )


def read_trajectory(conversation: Path) -> bytes:
    """Return the persisted events of a conversation, oldest first, one JSON object a line; empty if there are none.

    An event that a killed worker left half-written is skipped.
    """
    lines = []
    for file in sorted(conversation.glob("*/events/event-*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            lines.append(json.dumps(json.loads(file.read_bytes())).encode() + b"\n")
    return b"".join(lines)


def load_openhands(home: Path) -> None:
    """Import the SDK once, quietly, and apart from the folder of the user's own OpenHands."""
    with _import_lock:
        os.environ.setdefault("OPENHANDS_SUPPRESS_BANNER", "1")
        os.environ.setdefault("LOG_AUTO_CONFIG", "false")
        os.environ["OH_PERSISTENCE_DIR"] = str(home / "openhands")
        load_litellm()
        import logging

        with fast_import("openhands.sdk"):
            import openhands.sdk

            import agenthands.coding.openhands.file_editor  # noqa: F401 - registers the confined editor
            from agenthands.coding.openhands.terminal import use_own_prompts

        use_own_prompts()
        logging.getLogger("openhands").setLevel(logging.ERROR)
        del openhands


class _Reporter:
    """Emits the agent's actions as progress events."""

    def __init__(self, task: CodingTask) -> None:
        self._task = task

    def __call__(self, event: Any) -> None:
        if type(event).__name__ != "ActionEvent":
            return
        state: ToolState = "coding" if self._task.attempt == 1 else "repairing"
        cost = self._task.scope.tracker.cost_of(self._task.tool)  # the payer has heard of the event before
        emit(ToolProgress(self._task.build_id, self._task.tool, state, described(event), self._task.attempt, cost))


def _begun(turn: _Turn, task: CodingTask) -> Spent:
    """Send the message, unless a worker that died had already begun the turn, and return the earlier spending."""
    conversation = turn.conversation
    before = _said_before(conversation, task)
    if before is None:
        conversation.send_message(task.message)
        before = spent(conversation)  # only now has the SDK restored the spending of earlier turns
        write_atomic(task.conversation / _TURN, before.model_dump_json())
    turn.payer.begin(conversation, spent(conversation))  # the worker that began the turn has charged for it
    return before


def _said_before(conversation: Any, task: CodingTask) -> Spent | None:
    """Return the spending before this turn if a worker that died had begun it; None if the turn begins now."""
    said = (e for e in reversed(conversation.state.events) if type(e).__name__ == "MessageEvent" and e.source == "user")
    last = next(said, None)
    if last is None or "".join(part.text for part in last.llm_message.content) != task.message:
        return None
    try:
        return Spent.model_validate_json((task.conversation / _TURN).read_bytes())
    except (OSError, ValueError):
        return Spent()


def _ended_by(error: Any, turn: _Turn, task: CodingTask) -> Ending:
    """Return how a turn ended that an error ended, where that is a result; raises what is none."""
    if turn.stopped.is_set():
        budget = task.scope.exhausted()
        return Ending("out_of_budget", budget) if budget else Ending("out_of_time", OUT_OF_TIME)
    if found := ended_by(error):
        return found
    origin = error.original_exception
    model = turn.conversation.agent.llm.model
    raise to_agenthands_error(
        origin if isinstance(origin, AgentHandsError) else origin.__cause__ or origin, model
    ) from error
